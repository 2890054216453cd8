"""The whole grid in one command: every network, batch size and kind of work, beside every peer.

    python benchmarks/grid.py run results            # hours; goes on where it was interrupted
    python benchmarks/grid.py run results --networks 1,5 --batch-sizes 1,32 --work inference
    python benchmarks/grid.py compare results/grid.json again/grid.json
    python benchmarks/grid.py table results/grid.json again/grid.json

A network with its batch sizes is measured in a process of its own, so that no library meets what
another network left behind; with ``--processes 4`` in four, one after the whole grid, since they
differ by more than the rounds of one.  Batch sizes that a folder lacks are added to those it has.
``grid.md`` and ``grid.json`` hold all that the folder holds.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from grid_compare import compare
from grid_plan import BATCH_SIZES, NETWORKS, OTHER_ACTIVATIONS, PEERS, THREADS, WORK, jobs
from grid_pool import joined, pooled
from grid_summary import markdown
from grid_table import tables


def main(arguments=None):
    args = _parser().parse_args(arguments)
    return args.command(args)


def run(args):
    """Measure what the folder lacks, then write the table; return 1 if something failed."""
    args.folder.mkdir(parents=True, exist_ok=True)
    part = args.networks, args.batch_sizes, args.threads, args.work, args.activations
    wanted = jobs(*part, args.seconds, args.without, args.processes)
    failed = 0
    for place, job in enumerate(wanted, 1):
        path, new = args.folder / job.file, args.folder / f"part-of-{job.file}"
        found = [json.loads(path.read_text())] if path.exists() else []
        known = [report for report in found if job.is_timed_as(report)]
        left = job.left(known)
        if not left.batch_sizes:
            continue
        start = time.monotonic()
        print(f"{place}/{len(wanted)} {job.file}", end=" ", flush=True)
        new.unlink(missing_ok=True)
        status = subprocess.run(left.command(new), check=False, stdout=subprocess.DEVNULL)
        failed += status.returncode != 0
        if new.exists():
            path.write_text(json.dumps(joined([*known, json.loads(new.read_text())]), indent=1))
            new.unlink()
        print(f"{time.monotonic() - start:.0f} s", flush=True)
    merge(args.folder)
    return 1 if failed else 0


def merge(folder):
    """Write ``grid.json`` and ``grid.md`` from the reports in `folder`."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("network*.json"))]
    if not found:
        raise SystemExit(f"{folder} holds no report")
    reports = pooled(found)
    (folder / "grid.json").write_text(json.dumps(reports, indent=1) + "\n")
    (folder / "grid.md").write_text(markdown(reports) + "\n")


def run_compare(args):
    """Say whether two runs agree; return 1 if they do not."""
    lines, agree = compare(_read(args.first), _read(args.second))
    print("\n".join(lines))
    return 0 if agree else 1


def run_table(args):
    """Write the tables of RESULTS.md to the standard output."""
    paths = [path for path in (args.first, args.second) if path is not None]
    print(tables(*map(_read, paths)))
    return 0


def _read(path):
    """Return the reports of a ``grid.json``."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"cannot read the grid.json of a run: {path}: {error}") from None
    if not isinstance(found, list):
        raise SystemExit(f"{path} is not the grid.json of a run, which holds a list of reports")
    return found


def _chosen(known, convert=str):
    """Return the type of an option that takes some of `known`, separated by commas."""

    def parse(text):
        try:
            values = [convert(entry) for entry in text.split(",")]
        except ValueError:
            values = [None]
        unknown = [value for value in values if value not in known]
        if unknown:
            names = ", ".join(map(str, known))
            raise argparse.ArgumentTypeError(f"takes some of {names}, got {text!r}")
        return values

    return parse


def _parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)

    one = commands.add_parser("run", help="measure, and write grid.md and grid.json")
    one.set_defaults(command=run)
    one.add_argument("folder", type=Path)
    for option, known, convert in (
        ("--networks", list(NETWORKS), str),
        ("--batch-sizes", list(BATCH_SIZES), int),
        ("--threads", list(THREADS), int),
        ("--work", list(WORK), str),
        ("--activations", ["relu", *OTHER_ACTIVATIONS], str),
    ):
        names = ",".join(map(str, known))
        one.add_argument(
            option, type=_chosen(known, convert), default=known, help=f"some of {names} (all)"
        )
    one.add_argument(
        "--seconds", type=float, default=1.0, help="a contender and cell (%(default)s)"
    )
    one.add_argument(
        "--processes", type=int, default=1, help="that measure each network (%(default)s)"
    )

    peers = sorted({peer for listed in PEERS.values() for peer in listed.split(",")})
    one.add_argument(
        "--without",
        type=_chosen(peers),
        default=(),
        help=f"peers to leave out, some of {','.join(peers)}",
    )

    two = commands.add_parser("compare", help="say whether two runs agree")
    two.set_defaults(command=run_compare)
    two.add_argument("first", type=Path)
    two.add_argument("second", type=Path)

    three = commands.add_parser("table", help="write short tables of one run, or of two")
    three.set_defaults(command=run_table)
    three.add_argument("first", type=Path)
    three.add_argument("second", type=Path, nargs="?", help="another run, a column of its ratios")
    return parser


if __name__ == "__main__":
    sys.exit(main())
