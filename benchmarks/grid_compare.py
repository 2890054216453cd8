"""Whether two runs of the grid say the same, within the noise that each of them states."""

import math
from statistics import median

from grid_summary import (
    best_ratios,
    by_kind,
    geometric_mean,
    kind_of,
    network_of,
    ratios_of,
    span,
)

ENOUGH = 0.95
"""The share of ratios whose quartile ranges must meet."""


def compare(first, second):
    """Return lines that say how far two lists of reports agree, and whether they do.

    Two medians agree if the ranges between their quartiles meet: half of the rounds of each run
    lie in its range, so ranges apart mean that something besides the noise of a run has changed.
    Of one process a run states the noise within it only; of several, that between them, too.
    """
    one, other = _all_ratios(first), _all_ratios(second)
    common = [cell for cell in one if cell in other]
    if not common:
        return ["The two runs have no cell in common."], False
    apart = [cell for cell in common if not _meet(one[cell], other[cell])]
    changes = [abs(math.log(one[c]["median"] / other[c]["median"])) for c in common]
    share = 1 - len(apart) / len(common)
    agree = share >= ENOUGH
    lines = [
        f"{len(common)} ratios in both runs; the ranges between their quartiles meet in "
        f"{100 * share:.1f} % of them, {100 * ENOUGH:g} % are asked for: "
        f"the runs {'agree' if agree else 'do not agree'}.",
        f"A ratio changed by {100 * math.expm1(median(changes)):.1f} % in the median, "
        f"{100 * math.expm1(max(changes)):.1f} % at most.",
        *_means(first, second),
    ]
    lines += [
        f"apart: {'  '.join(map(str, cell))}: {span(one[cell])}, then {span(other[cell])}"
        for cell in apart
    ]
    return lines, agree


def _meet(one, other):
    return one["q1"] <= other["q3"] and other["q1"] <= one["q3"]


def _all_ratios(reports):
    return {
        (*kind_of(report), network_of(report), *cell): ratio
        for report in reports
        for cell, ratio in ratios_of(report).items()
    }


def _means(first, second):
    """Return a line for each kind of work: the geometric means against the fastest peer."""
    sides = [{kind: best_ratios(some) for kind, some in by_kind(run)} for run in (first, second)]
    for kind in sorted(set(sides[0]) & set(sides[1])):
        cells = set(sides[0][kind]) & set(sides[1][kind])
        if not cells:
            continue
        one, other = (
            geometric_mean([side[kind][cell]["median"] for cell in cells]) for side in sides
        )
        work, activation, dtype, threads = kind
        yield (
            f"{work}, {activation}, {dtype}, {threads} thread(s): geometric mean against the "
            f"fastest peer {one:.3f}, then {other:.3f}"
        )
