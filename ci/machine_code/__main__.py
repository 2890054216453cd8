"""The command: see ``python -m machine_code --help``."""

from __future__ import annotations

import argparse
import os
import sys

from .architectures import ARCHITECTURES, Capability, target
from .gates import objections
from .measure import measure_all
from .report import SHOWN, report


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser("machine_code", description=__doc__)
    parser.add_argument("command", choices=("check", "report"))
    parser.add_argument("--all", action="store_true", help="every variant of every kernel")
    parser.add_argument(
        "--architectures",
        type=_capabilities,
        default=tuple(ARCHITECTURES),
        help="some of those that are known, as in 75,90; all by default",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    given = parser.parse_args()

    shown = given.architectures if given.all else SHOWN
    found = measure_all(given.all, given.architectures, shown, given.jobs)
    wrong = 0
    for measured in found:
        for reason in objections(measured):
            where = f"{measured.name}, {measured.dtype}, {target(measured.capability)}"
            print(f"{where}: {reason}", file=sys.stderr)
            wrong += 1
    if given.command == "report":
        print(report(found), end="")
    else:
        print(f"{len(found)} kernels compiled, {wrong} objections")
    return 1 if wrong else 0


def _capabilities(text: str) -> tuple[Capability, ...]:
    """Return the architectures that an option names."""
    known = {target(capability)[3:]: capability for capability in ARCHITECTURES}
    names = text.split(",")
    if not set(names) <= set(known):
        raise argparse.ArgumentTypeError(f"takes some of {','.join(known)}, got {text!r}")
    return tuple(known[name] for name in names)


if __name__ == "__main__":
    sys.exit(main())
