"""Run a program with the double in place.

python -m gpu_on_cpu [options] SCRIPT [arguments]
python -m gpu_on_cpu [options] -m MODULE [arguments]
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from . import Check, Order, install


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gpu_on_cpu",
        description="Run a program that uses CuPy on a machine without a GPU.",
    )
    parser.add_argument(
        "--check", type=int, default=int(Check.ALL), help="sum of: 1 bounds, 2 races, "
        "4 uninitialised shared memory, 8 synchronisation (default 15)"
    )  # fmt: skip
    parser.add_argument(
        "--order", choices=[o.name.lower() for o in Order], default="forward", help="of threads"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random order")
    parser.add_argument("-m", dest="module", action="store_true", help="run a module")
    parser.add_argument("program", metavar="SCRIPT_OR_MODULE")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def main() -> None:
    """Install the double and run the program as ``__main__``."""
    given = _parser().parse_args()
    install(given.check, given.order, given.seed)
    sys.argv = [given.program, *given.arguments]
    if given.module:
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(given.program, run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(given.program).resolve().parent))
        runpy.run_path(given.program, run_name="__main__")


if __name__ == "__main__":
    main()
