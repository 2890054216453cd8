"""What several processes measured, as one report.

A process has its own places in memory and meets its own hour of the machine: its rounds agree with
each other better than with those of the next process.
"""

from itertools import groupby
from statistics import median

from grid_summary import kind_of, network_of


def pooled(reports):
    """Return a report for each kind of work and network, of all processes that measured it."""
    groups = groupby(sorted(reports, key=_work), key=_work)
    return [_pooled(list(group)) for _, group in groups]


def joined(reports):
    """Return one report of several of the same work.

    Of what more than one of them timed it has the median, and for quartiles the least and the
    greatest: a range in which half of the rounds of each lie.
    """
    headers = [report["header"] for report in reports]
    versions = {name: v for header in headers for name, v in header["versions"].items()}
    peak = max(header["peak_gflops"] or 0 for header in headers) or None
    ratios = _by(reports, "ratios", ("batch_size", "contender", "peer"))
    least = {}
    for ratio in ratios:
        least.setdefault((ratio["batch_size"], ratio["contender"]), []).append(ratio["median"])
    for ratio in ratios:
        others = least[ratio["batch_size"], ratio["contender"]]
        ratio["fastest"] = ratio["median"] == min(others)
    omitted = {tuple(one.items()): one for report in reports for one in report["omitted"]}
    return {
        "header": headers[0] | {"versions": versions, "peak_gflops": peak},
        "rows": _by(reports, "rows", ("batch_size", "contender")),
        "ratios": ratios,
        "omitted": list(omitted.values()),
    }


def _work(report):
    return *kind_of(report), network_of(report)


def _pooled(reports):
    if len(reports) == 1:
        return reports[0]
    one = joined(reports)
    return one | {"header": one["header"] | {"processes": len(reports)}}


def _by(reports, part, names):
    """Return the entries of a part of all reports, those pooled that have the same `names`."""
    entries = {}
    for report in reports:
        for entry in report[part]:
            entries.setdefault(tuple(entry[name] for name in names), []).append(entry)
    return [_entry(same) for _, same in sorted(entries.items(), key=lambda item: item[0][0])]


def _entry(same):
    return {name: _value(name, [entry[name] for entry in same]) for name in same[0]}


def _value(name, values):
    if name in ("q1", "q1_s"):
        return min(values)
    if name in ("q3", "q3_s"):
        return max(values)
    if name == "rounds":
        return sum(values)
    # Not what tells the entry from others, nor what no process knows.
    return median(values) if all(isinstance(value, float) for value in values) else values[0]
