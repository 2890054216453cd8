"""A report as text for a terminal."""

from collections.abc import Sequence
from typing import Any

from mlpcore.bench.report import Omission, Report, Row
from mlpcore.inspect.table import table as aligned

_COLUMNS = (
    "batch",
    "contender",
    "samples/s",
    "us/call",
    "p99 us",
    "GFLOP/s",
    "% of peak",
    "bound us",
)


def table(report: Report) -> str:
    """Return the machine, a line for each row, and what is missing and why."""
    lines = [*_head(report.header), "", *rows_table(report.rows)]
    if report.omitted:
        lines += ["", *_omissions(report.omitted)]
    return "\n".join(lines)


def rows_table(rows: list[Row]) -> list[str]:
    """Return a heading and one line for each of `rows`, in columns."""
    return aligned(_COLUMNS, [_cells(row) for row in rows], left=(1,)).splitlines()


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row.batch_size),
        row.contender,
        f"{row.samples_per_s:,.0f}",
        _microseconds(row.median_s),
        _microseconds(row.p99_s),
        f"{row.gflops:.2f}",
        "-" if row.fraction_of_peak is None else f"{100 * row.fraction_of_peak:.1f}",
        "-" if row.bound_s is None else _microseconds(row.bound_s),
    )


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f}"


def _head(header: dict[str, Any]) -> list[str]:
    layers = "-".join(map(str, header["layers"]))
    quota = "no quota" if header["quota"] is None else f"quota {header['quota']}"
    lines = [
        f"{header['mode']} of {layers}, {header['activation']}, {header['dtype']}, "
        f"{header['threads']} thread(s), {header['device']}",
        f"{header['processor']}, {header['affinity']} of {header['cores']} cores, {quota}",
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
