"""The grid in words: the ratios of all cells, their geometric mean, the worst, and the noise."""

import math
from itertools import groupby
from statistics import median

OURS = "mlpcore"
LEVEL = 0.98
"""A ratio from here up counts as not slower."""


def kind_of(report):
    """Return what a report measured, without network and batch size."""
    header = report["header"]
    work = header["optimizer"] or header["mode"]
    return work, header["activation"], header["dtype"], header["threads"]


def order(report):
    """Return what reports are sorted by: prediction first, SGD, ReLU, one thread."""
    work, activation, *others = kind_of(report)
    return work != "inference", work != "sgd", activation != "relu", activation, *others


def by_kind(reports):
    """Return (kind, reports) of each kind of work, in the order of tables."""
    groups = groupby(sorted(reports, key=order), key=kind_of)
    return [(kind, list(group)) for kind, group in groups]


def ratios_of(report, contender=OURS):
    """Return the ratios of `contender`, by batch size and peer."""
    return {
        (ratio["batch_size"], ratio["peer"]): ratio
        for ratio in report["ratios"]
        if ratio["contender"] == contender
    }


def fastest(report, contender=OURS):
    """Return the ratio to the fastest peer by batch size."""
    ratios = ratios_of(report, contender).values()
    return {ratio["batch_size"]: ratio for ratio in ratios if ratio["fastest"]}


def best_ratios(reports):
    """Return the ratio to the fastest peer by network and batch size."""
    return {(network_of(r), size): ratio for r in reports for size, ratio in fastest(r).items()}


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def network_of(report):
    return "-".join(map(str, report["header"]["layers"]))


def span(ratio):
    return f"{ratio['median']:.2f} ({ratio['q1']:.2f}-{ratio['q3']:.2f})"


def markdown(reports):
    """Return all tables: a section for each kind of work."""
    lines = [*_machine(reports), ""]
    for kind, same in by_kind(reports):
        work, activation, dtype, threads = kind
        step = "Inference" if work == "inference" else f"Training step, {work}"
        lines += [f"## {step}, {activation}, {dtype}, {threads} thread(s)", ""]
        lines += [*_summary(same), "", *_cells(same), "", *_times(same), ""]
    return "\n".join(lines)


def _machine(reports):
    header = reports[0]["header"]
    peak = max((r["header"]["peak_gflops"] or 0) for r in reports)
    found = {name: v for r in reports for name, v in r["header"]["versions"].items() if v}
    versions = ", ".join(f"{name} {version}" for name, version in found.items())
    return [
        f"{header['processor']}, {header['cores']} cores, {header['system']}; {versions}.",
        f"{header['date']}, {header['seconds']:g} s for each contender and cell, "
        f"processes: {header.get('processes', 1)}. "
        f"Largest FMA peak of all processes {peak:.1f} GFLOP/s.",
        "",
        *(f"- {note}" for note in header["notes"]),
    ]


def _summary(reports):
    best = best_ratios(reports)
    if not best:
        return ["No cell has both this library and a peer."]
    medians = {cell: ratio["median"] for cell, ratio in best.items()}
    worst = min(medians, key=medians.__getitem__)
    widths = [(ratio["q3"] - ratio["q1"]) / ratio["median"] for ratio in best.values()]
    behind = sum(value < LEVEL for value in medians.values())
    peers = sorted({peer for report in reports for _, peer in ratios_of(report)})
    means = ", ".join(f"{peer} {_mean_against(reports, peer):.2f}" for peer in peers)
    noise = f"{50 * median(widths):.1f} % of the median ({50 * max(widths):.1f} % in the noisiest)"
    return [
        f"Time of the fastest peer over ours, {len(medians)} cells: "
        f"geometric mean **{geometric_mean(list(medians.values())):.2f}**; "
        f"worst {span(best[worst])}, {worst[0]} at batch {worst[1]}, "
        f"against {best[worst]['peer']}; {behind} below {LEVEL}.",
        f"Half of a cell's rounds lie within {noise}.",
        "",
        f"Geometric means against each: {means}.",
    ]


def _mean_against(reports, peer):
    return geometric_mean(
        [r["median"] for report in reports for (_, p), r in ratios_of(report).items() if p == peer]
    )


def _cells(reports):
    lines = [
        "| network | batch | us | p50 | p99 | bound | GFLOP/s | of largest peak | of peak nearby "
        "| cores | fastest peer | its time over ours |",
        "|---|" + "---:|" * 9 + "---|---:|",
    ]
    for report in reports:
        best = fastest(report)
        for row in report["rows"]:
            if row["contender"] != OURS:
                continue
            ratio = best.get(row["batch_size"])
            peer = ("-", "-") if ratio is None else (ratio["peer"], span(ratio))
            cells = (
                network_of(report), f"{row['batch_size']}",
                *(_us(row[key]) for key in ("median_s", "p50_s", "p99_s", "bound_s")),
                f"{row['gflops']:.1f}", _percent(row["fraction_of_peak"]),
                _percent(row["fraction_of_peak_nearby"]), f"{row['cores']:.2f}", *peer,
            )  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _times(reports):
    """Return the microseconds of everybody."""
    names = list(dict.fromkeys(row["contender"] for r in reports for row in r["rows"]))
    lines = [f"| us | batch | {' | '.join(names)} |", "|---|" + "---:|" * (1 + len(names))]
    for report in reports:
        times = {(row["batch_size"], row["contender"]): row["median_s"] for row in report["rows"]}
        for size in dict.fromkeys(size for size, _ in times):
            cells = (_us(times.get((size, name))) for name in names)
            lines.append(f"| {network_of(report)} | {size} | {' | '.join(cells)} |")
    missing = {(o["contender"], o["reason"]): None for r in reports for o in r["omitted"]}
    return lines + [""] * bool(missing) + [f"- {name}: {reason}" for name, reason in missing]


def _us(seconds):
    return "-" if seconds is None else f"{seconds * 1e6:,.1f}"


def _percent(fraction):
    return "-" if fraction is None else f"{100 * fraction:.1f} %"
