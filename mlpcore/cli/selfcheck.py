"""``mlpcore selfcheck``: whether this installation computes what it should on this machine."""

import argparse
import json
from typing import TYPE_CHECKING

from mlpcore.cli.options import add_device, names, require_known, require_output

if TYPE_CHECKING:
    from mlpcore.selfcheck import Outcome, Place

NAME = "selfcheck"
HELP = "check every kernel on this machine's CPU or GPU against float64 NumPy"

_DTYPES = ("float32", "float64")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``selfcheck``."""
    add_device(parser)
    parser.add_argument(
        "--dtype",
        type=names,
        default=list(_DTYPES),
        metavar="NAME,...",
        help="float32, float64 or both (default: both)",
    )
    parser.add_argument("--quick", action="store_true", help="fewer and smaller shapes")
    parser.add_argument(
        "--report", metavar="FILE", help="write versions, device and every row there, as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Print a line for each check; return 1 if one failed, else 0.

    Raises
    ------
    UsageError
        If a dtype is unknown or the file cannot be written; nothing has been checked then.
    DeviceUnavailableError
        If the device cannot be used; the message says why.
    """
    require_known("--dtype", args.dtype, _DTYPES)
    if args.report is not None:
        require_output(args.report, "--report")

    from mlpcore import selfcheck
    from mlpcore.backends.registry import backend
    from mlpcore.device import resolve
    from mlpcore.selfcheck.table import HEADING

    device = resolve(args.device)
    backend(device)  # CUDA starts here, and where it cannot it says why before the first line
    places = [selfcheck.Place(device, dtype, args.quick) for dtype in dict.fromkeys(args.dtype)]
    print(f"mlpcore selfcheck on {device}\n{HEADING}", flush=True)
    outcomes: list[selfcheck.Outcome] = []
    for place in places:
        for outcome in selfcheck.run(place, selfcheck.checks(place)):
            outcomes.append(outcome)
            print(selfcheck.line(outcome), flush=True)
    print(selfcheck.summary(outcomes))
    if args.report is not None:
        _write(args.report, places, outcomes)
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


def _write(path: str, places: "list[Place]", outcomes: "list[Outcome]") -> None:
    from mlpcore.io.atomic import replacing
    from mlpcore.selfcheck import report

    with replacing(path) as file:
        file.write((json.dumps(report(places, outcomes), indent=1) + "\n").encode())
    print(f"written: {path}")
