"""Import, first prediction and memory, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "cold_start.py"


@pytest.mark.skipif(not SCRIPT.is_file(), reason="benchmarks/ is not here")
def test_there_is_a_line_for_each_library_and_a_reason_for_the_others():
    command = [sys.executable, SCRIPT, "--against", "mlpcore,python_loop", "--repeats", "1"]
    root = SCRIPT.parents[1]
    run = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=root, env=_with(root)
    )
    assert "python_loop skipped: not timed" in run.stdout
    (line,) = (line for line in run.stdout.splitlines() if line.startswith("| mlpcore "))
    import_s, first_s, cold_s, peak_mb = map(float, line.strip("| ").split("|")[1:])
    assert 0 < import_s < 60
    assert 0 < first_s < 60
    assert 0 < cold_s < 60
    assert 0 < peak_mb < 10_000


def _with(root):
    import os

    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": path}
