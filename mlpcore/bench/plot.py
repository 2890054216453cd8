"""Samples a second against batch size, as a picture."""

import io
from pathlib import PurePath
from typing import Any

from mlpcore.bench.contenders import OURS
from mlpcore.bench.report import Report, Row

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

    The legend is in the order of the lines' right ends.  The dashed line is the bound: what no
    implementation can exceed on this machine.

    Raises
    ------
    ImportError
        If matplotlib is missing; the message says how to install it.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes: Any = figure.add_subplot()
    header = report.header
    for place, (name, rows) in enumerate(_fastest_first(report.rows)):
        ours = name in OURS
        axes.loglog(
            [row.batch_size for row in rows],
            [row.samples_per_s for row in rows],
            color="black" if ours else f"C{place % 10}",
            linewidth=2.5 if ours else 1.5,
            linestyle="-" if name != OURS[-1] else "-.",
            marker=_MARKERS[place % len(_MARKERS)],
            label=name,
            zorder=3 if ours else 2,
        )
    bounds = {row.batch_size: row.bound_s for row in report.rows if row.bound_s is not None}
    sizes = sorted(bounds)
    if bounds:
        axes.loglog(
            sizes, [b / bounds[b] for b in sizes], "--", color="grey", label="limit of machine"
        )
    ticks = sorted({row.batch_size for row in report.rows})
    if ticks:
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(lambda value, _place: f"{value:,.0f}")
        axes.legend(
            loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, title="fastest first"
        )
    axes.set_xlabel("rows in a call (batch size)")
    axes.set_ylabel(f"{'rows' if header['mode'] == 'inference' else 'training rows'} per second")
    axes.set_title(_title(header), fontsize="medium")
    axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=picture_format, dpi=150)
    return buffer.getvalue()


_MARKERS = "os^vDP*X<>"


def _fastest_first(rows: list[Row]) -> list[tuple[str, list[Row]]]:
    """Return each contender's rows by batch size, in the order of the lines' right ends."""
    by_name: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.batch_size):
        by_name.setdefault(row.contender, []).append(row)
    return sorted(
        by_name.items(), key=lambda item: (item[1][-1].batch_size, item[1][-1].samples_per_s)
    )[::-1]


def _title(header: dict[str, Any]) -> str:
    work = (
        "Prediction" if header["mode"] == "inference" else f"Training step, {header['optimizer']}"
    )
    threads = "one thread" if header["threads"] == 1 else f"{header['threads']} threads"
    layers = "-".join(map(str, header["layers"]))
    return (
        f"{work}: {layers}, {header['activation']}, {header['dtype']}\n"
        f"{header['processor']}, {threads}"
    )
