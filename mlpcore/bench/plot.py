"""Samples a second against batch size, as a picture."""

import io
from pathlib import PurePath
from typing import Any

from mlpcore.bench.report import Report

FORMATS = ("png", "svg", "pdf")


def require_matplotlib() -> None:
    """Raise ImportError with the remedy if matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError("a plot needs matplotlib: pip install 'mlpcore[bench]'") from error


def format_of(path: str) -> str:
    """Return the picture format that the ending of `path` names.

    Raises
    ------
    ValueError
        If it is none of `FORMATS`.
    """
    ending = PurePath(path).suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        raise ValueError(f"a plot's name ends in .{', .'.join(FORMATS)}, got {path!r}")
    return ending


def draw(report: Report, picture_format: str = "png") -> bytes:
    """Return a picture with a line for each contender, both axes logarithmic.

    The dashed line is the bound: what no implementation can exceed on this machine.

    Raises
    ------
    ImportError
        If matplotlib is missing; the message says how to install it.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes: Any = figure.add_subplot()
    for name in dict.fromkeys(row.contender for row in report.rows):
        rows = sorted((r for r in report.rows if r.contender == name), key=lambda r: r.batch_size)
        axes.loglog(
            [r.batch_size for r in rows], [r.samples_per_s for r in rows], marker="o", label=name
        )
    bounds = {r.batch_size: r.bound_s for r in report.rows if r.bound_s is not None}
    if bounds:
        sizes = sorted(bounds)
        axes.loglog(sizes, [b / bounds[b] for b in sizes], "k--", linewidth=1, label="bound")
    header = report.header
    axes.set_xlabel("batch size")
    axes.set_ylabel("samples per second")
    axes.set_title(
        f"{header['mode']}, {'-'.join(map(str, header['layers']))}, {header['activation']}, "
        f"{header['dtype']}, {header['threads']} thread(s)\n{header['processor']}",
        fontsize="medium",
    )
    if report.rows:
        axes.legend()
    axes.grid(which="both", alpha=0.25)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=picture_format)
    return buffer.getvalue()
