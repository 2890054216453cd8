"""Options and values that several subcommands share."""

import argparse
import math
from collections.abc import Callable, Collection, Sequence

from mlpcore.cli.errors import UsageError


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="auto, cpu, cuda or cuda:N (default: MLPCORE_DEVICE, else auto)",
    )


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add the data file and the options that say how it is read."""
    add = parser.add_argument
    add("data", metavar="DATA", help="a .csv or .npz file")
    add("--x", default="x", metavar="NAME", help="array of the inputs in an NPZ file (%(default)s)")
    add(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first line of a CSV file names the columns (default: look at it)",
    )


def whole_number(least: int) -> Callable[[str], int]:
    """Return the reader of a whole number from `least` up."""

    def read(text: str) -> int:
        if not (text.strip().isascii() and text.strip().isdigit() and len(text) <= 18):
            raise argparse.ArgumentTypeError(f"takes a whole number from {least} up, got {text!r}")
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return int(text)

    return read


def real_number(
    least: float, *, excluded: bool = False, below: float = math.inf
) -> Callable[[str], float]:
    """Return the reader of a number from `least` up, itself `excluded` or not, `below` another."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (least < value if excluded else least <= value) or not value < below:
            limit = "above" if excluded else "from"
            end = "" if below == math.inf else f" and below {below:g}"
            raise argparse.ArgumentTypeError(f"takes a number {limit} {least:g}{end}, got {text!r}")
        return value

    return read


def widths(text: str) -> list[int]:
    """Return the numbers that `text` lists, none if it is empty."""
    read = whole_number(1)
    try:
        return [read(entry) for entry in text.split(",")] if text.strip() else []
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"takes widths from 1 up such as 64,64, got {text!r}"
        ) from None


def names(text: str) -> list[str]:
    """Return the names that `text` lists."""
    return [name.strip() for name in text.split(",") if name.strip()]


def require_known(option: str, given: Sequence[str], known: Collection[str]) -> None:
    """Raise UsageError unless `given` are names, one or more, of the `known` ones."""
    unknown = ", ".join(repr(name) for name in given if name not in known)
    if unknown or not given:
        raise UsageError(f"{option} takes {', '.join(known)}, got {unknown or 'nothing'}")


def require_output(path: str, option: str = "--output") -> None:
    """Raise UsageError unless the file of an option can be written, before the work for it."""
    from mlpcore.io.atomic import require_writable

    try:
        require_writable(path)
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from error
