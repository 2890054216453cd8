"""A report as text for a terminal."""

from collections.abc import Sequence
from typing import Any

from mlpcore.bench.ratio import Ratio
from mlpcore.bench.report import Omission, Report, Row
from mlpcore.inspect.table import table as aligned

_RATIO = "peer/ours"
_COLUMNS = (
    "batch",
    "contender",
    "samples/s",
    "us/call",
    "p99 us",
    "GFLOP/s",
    "% of peak",
    "% nearby",
    _RATIO,
    "cores",
    "bound us",
)


def table(report: Report) -> str:
    """Return the machine, a line for each row, and what is missing and why."""
    lines = [*_head(report.header), "", *rows_table(report.rows, report.ratios)]
    if report.omitted:
        lines += ["", *_omissions(report.omitted)]
    return "\n".join(lines)


def rows_table(rows: Sequence[Row], ratios: Sequence[Ratio] = ()) -> list[str]:
    """Return a heading and one line for each of `rows`, with ratios if there are any."""
    first = next((ratio.contender for ratio in ratios), None)
    texts = {(r.peer, r.batch_size): ratio_text(r) for r in ratios if r.contender == first}
    lines = [_cells(row, texts.get((row.contender, row.batch_size), "-")) for row in rows]
    shown = [i for i, name in enumerate(_COLUMNS) if texts or name != _RATIO]
    cut = [tuple(line[i] for i in shown) for line in (_COLUMNS, *lines)]
    return aligned(cut[0], cut[1:], left=(1,)).splitlines()


def ratio_text(ratio: Ratio) -> str:
    """Return the median and the quartiles, such as ``1.31 (1.28-1.35)``."""
    return f"{ratio.median:.2f} ({ratio.q1:.2f}-{ratio.q3:.2f})"


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.1f}"


def _cells(row: Row, ratio: str) -> tuple[str, ...]:
    return (
        str(row.batch_size),
        row.contender,
        f"{row.samples_per_s:,.0f}",
        _microseconds(row.median_s),
        _microseconds(row.p99_s),
        f"{row.gflops:.2f}",
        _percent(row.fraction_of_peak),
        _percent(row.fraction_of_peak_nearby),
        ratio,
        f"{row.cores:.2f}",
        "-" if row.bound_s is None else _microseconds(row.bound_s),
    )


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f}"


def _head(header: dict[str, Any]) -> list[str]:
    layers = "-".join(map(str, header["layers"]))
    quota = "no quota" if header["quota"] is None else f"quota {header['quota']}"
    optimizer = "" if header["optimizer"] is None else f" by {header['optimizer']}"
    pinned = "" if header["cpus"] is None else f" (CPU {', '.join(map(str, header['cpus']))})"
    lines = [
        f"{header['mode']}{optimizer} of {layers}, {header['activation']}, {header['dtype']}, "
        f"{header['threads']} thread(s), {header['device']}",
        f"{header['processor']}, {header['affinity']} of {header['cores']} cores{pinned}, {quota}",
    ]
    if header["peak_gflops"] is None:
        lines.append(f"no measured peak: {header['peak_unavailable']}")
    else:
        peak, median = header["peak_gflops"], header["peak_gflops_median"]
        lines.append(
            f"FMA peak {peak:.1f} GFLOP/s (median of samples {median:.1f}), "
            f"{header['weight_bytes'] / 1e6:.2f} MB of parameters "
            f"read at {header['read_gbytes_per_s']:.1f} GB/s"
        )
    lines += [f"* {note}" for note in header["notes"]]
    return lines


def _omissions(omitted: Sequence[Omission]) -> list[str]:
    """Return a line for each refusal, and one for all that a contender skipped."""
    lines = [_omission([omission]) for omission in omitted if omission.refused]
    for name in dict.fromkeys(omission.contender for omission in omitted):
        skipped = [o for o in omitted if o.contender == name and not o.refused]
        if skipped:
            lines.append(_omission(skipped))
    return lines


def _omission(omitted: Sequence[Omission]) -> str:
    first = omitted[0]
    sizes = ", ".join(str(o.batch_size) for o in omitted if o.batch_size is not None)
    where = f" at batch {sizes}" if sizes else ""
    verb = "refused" if first.refused else "skipped"
    return f"{first.contender}{where} {verb}: {first.reason}"
