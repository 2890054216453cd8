"""A grid in short tables, those of RESULTS.md, beside what a second run says.

The means of every kind of work, then the cells of ReLU.
"""

from grid_summary import (
    LEVEL,
    OURS,
    best_ratios,
    by_kind,
    fastest,
    geometric_mean,
    network_of,
    span,
)

_NAMES = {"inference": "Prediction", "sgd": "Training step, SGD", "adam": "Training step, Adam"}
_COLUMNS = (
    "network", "batch", "mlpcore, us", "GFLOP/s", "of the peak nearby", "bound, us", "fastest peer",
    "its time / ours (quartiles)",
)  # fmt: skip


def tables(reports, again=()):
    """Return the means, and a table for each kind of work; beside them those of a second run."""
    kinds, others = by_kind(reports), {kind: best_ratios(some) for kind, some in by_kind(again)}
    lines = [*_overview(kinds, others), ""]
    for kind, group in kinds:
        if kind[1] == "relu":
            lines += [_heading(kind), "", *_table(group, kind, others), ""]
    return "\n".join(lines)


def _overview(kinds, others):
    """Return a table with a line for each kind of work."""
    lines = [
        "| work | activation | dtype | threads | cells | geometric mean | least "
        f"| below {LEVEL} | cells again | mean again |",
        "|---|---|---|" + "---:|" * 7,
    ]
    for kind, group in kinds:
        first, second = best_ratios(group), others.get(kind, {})
        if not first:
            continue
        medians = [ratio["median"] for ratio in first.values()]
        both = [second[cell]["median"] for cell in first if cell in second]
        work, activation, dtype, threads = kind
        least = min(first.values(), key=lambda ratio: ratio["median"])
        cells = (
            _NAMES[work], activation, dtype, f"{threads}", f"{len(medians)}",
            f"{geometric_mean(medians):.2f}", span(least),
            f"{sum(median < LEVEL for median in medians)}",
            f"{len(both) or '-'}", f"{geometric_mean(both):.2f}" if both else "-",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _heading(kind):
    work, activation, dtype, threads = kind
    number = "1 thread" if threads == 1 else f"{threads} threads"
    return f"### {_NAMES[work]}, {activation}, {dtype}, {number}"


def _table(reports, kind, others):
    found = [
        (report, row, fastest(report)[row["batch_size"]])
        for report in reports
        for row in report["rows"]
        if row["contender"] == OURS and row["batch_size"] in fastest(report)
    ]
    second = [
        others.get(kind, {}).get((network_of(report), row["batch_size"]))
        for report, row, _ in found
    ]
    columns = _COLUMNS + ("again",) * any(second)
    left = ("network", "fastest peer")
    rule = "|".join("---" if name in left else "---:" for name in columns)
    lines = [_summary(found, second), "", f"| {' | '.join(columns)} |", f"|{rule}|"]
    for (report, row, ratio), other in zip(found, second, strict=True):
        share = row["fraction_of_peak_nearby"]
        cells = [
            network_of(report), f"{row['batch_size']}", _us(row["median_s"]),
            f"{row['gflops']:.1f}", "-" if share is None else f"{100 * share:.0f} %",
            _us(row["bound_s"]), ratio["peer"], span(ratio),
        ]  # fmt: skip
        if any(second):
            cells.append("-" if other is None else f"{other['median']:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _summary(found, second):
    runs = [[ratio for _, _, ratio in found], [ratio for ratio in second if ratio]]
    means = [f"{geometric_mean([r['median'] for r in run]):.2f}" for run in runs if run]
    behind = [
        f"{network_of(report)} at {row['batch_size']}: {span(ratio)}, {ratio['peer']}"
        for report, row, ratio in found
        if ratio["median"] < LEVEL
    ]
    return (
        f"{len(found)} cells, geometric mean {' and '.join(means)}; "
        f"behind (below {LEVEL}): {'; '.join(behind) or 'none'}."
    )


def _us(seconds):
    """Return microseconds, to a tenth where there are few."""
    if seconds is None:
        return "-"
    us = seconds * 1e6
    return f"{us:,.0f}" if us >= 100 else f"{us:.1f}"
