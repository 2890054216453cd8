"""Put what the steps of ci/gpu left into one file, and say how they ended.

    python ci/gpu_result.py FOLDER

Reads FOLDER/steps.tsv (name, exit code and seconds of each step), selfcheck.json, table.json,
grid.json and the ends of the logs of steps that failed; writes FOLDER/result.json.  Ends with 1 if
a step failed.
"""

import json
import subprocess
import sys
from pathlib import Path

SCHEMA = "mlpcore.gpu/1"
_TAIL = 4000


def main(arguments):
    """Return the exit code."""
    folder = Path(arguments[0])
    steps = [read(folder, line) for line in (folder / "steps.tsv").read_text("utf-8").splitlines()]
    report = {
        "schema": SCHEMA,
        "commit": commit(),
        "steps": steps,
        "selfcheck": loaded(folder / "selfcheck.json"),
        "table": loaded(folder / "table.json"),
        "grid": loaded(folder / "grid.json"),
    }
    path = folder / "result.json"
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    for step in steps:
        print(f"{step['name']:<16}{'passed' if step['status'] == 0 else 'FAILED':<8}{step['s']} s")
    print(f"written: {path}")
    return 1 if any(step["status"] for step in steps) else 0


def read(folder, line):
    """Return a step, with the end of its log if it failed."""
    name, status, seconds = line.split("\t")
    step = {"name": name, "status": int(status), "s": int(seconds)}
    if step["status"]:
        step["log"] = end_of(folder / f"{name}.log")
    return step


def end_of(path):
    """Return the end of a log, or None where the step ended before anybody wrote one."""
    try:
        return path.read_text("utf-8", "replace")[-_TAIL:]
    except FileNotFoundError:
        return None


def loaded(path):
    """Return the JSON of a file, or None where the step that writes it did not get so far."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):  # not begun, or not ended
        return None


def commit():
    """Return the commit of this checkout, or None outside of one."""
    try:
        asked = ["git", "describe", "--always", "--dirty"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
