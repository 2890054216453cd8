"""The JSON has exactly these keys and types, and the figures follow from one another."""

import json

import numpy as np
import pytest

from mlpcore.bench import Omission, Report, Spec, benchmark
from mlpcore.bench.contenders.plain_numpy import NumPy
from mlpcore.bench.measure import Timing
from mlpcore.bench.ratio import Ratio
from mlpcore.bench.report import Cell
from mlpcore.bench.table import table

ROW = {
    "schema": int,
    "contender": str,
    "layers": list,
    "activation": str,
    "mode": str,
    "optimizer": (str, type(None)),
    "device": str,
    "batch_size": int,
    "threads": int,
    "dtype": str,
    "transfer_included": bool,
    "median_s": float,
    "q1_s": float,
    "q3_s": float,
    "p50_s": float,
    "p99_s": float,
    "rounds": int,
    "samples_per_s": float,
    "gflops": float,
    "fraction_of_peak": (float, type(None)),
    "fraction_of_peak_nearby": (float, type(None)),
    "cores": float,
    "bound_s": (float, type(None)),
}
HEADER = {
    "schema": int,
    "processor": str,
    "cores": int,
    "affinity": int,
    "quota": (int, type(None)),
    "instruction_sets": list,
    "gpu": (list, type(None)),
    "system": str,
    "versions": dict,
    "blas": dict,
    "date": str,
    "layers": list,
    "activation": str,
    "mode": str,
    "optimizer": (str, type(None)),
    "dtype": str,
    "device": str,
    "threads": int,
    "cpus": (list, type(None)),
    "seconds": float,
    "seed": int,
    "flops_per_sample": int,
    "weight_bytes": int,
    "peak_gflops": (float, type(None)),
    "peak_gflops_median": (float, type(None)),
    "read_gbytes_per_s": (float, type(None)),
    "peak_unavailable": (str, type(None)),
    "notes": list,
}


class Limits:
    """Gauges of a machine with 1000 FLOP/s that reads 8 bytes a second."""

    def __init__(self, peak=1000.0, weights=16):
        self.peak, self.weights = peak, weights

    def bound_s(self, flops):
        return None if self.peak is None else max(flops / self.peak, self.weights / 8)


def cell(device="cpu", batch_size=5):
    """Return 5 rows of a 10-4 network, 400 FLOP, in 2 s a call."""
    timing = Timing(
        (np.array([2_000_000_000]), np.array([1_000_000_000, 3_000_000_000])),
        (500.0, 800.0),
        (1.0, 0.5),
    )
    spec = Spec((10, 4), activation="relu", mode="inference", dtype="float32", threads=1)
    return Cell(spec, "numpy", device, batch_size, True, timing)


@pytest.fixture(scope="module")
def report():
    return benchmark(Spec((6, 5, 3)), [1, 4], [NumPy()], seconds=0.002)


def test_json_has_a_header_and_rows_with_exactly_their_keys(report):
    found = json.loads(report.to_json())
    assert list(found) == ["header", "rows", "ratios", "omitted"]
    assert list(found["header"]) == list(HEADER)
    for key, kind in HEADER.items():
        assert isinstance(found["header"][key], kind), key
    assert len(found["rows"]) == 2
    for row in found["rows"]:
        assert list(row) == list(ROW)
        for key, kind in ROW.items():
            assert isinstance(row[key], kind), key


def test_an_omission_in_json_says_who_where_and_why():
    omission = Omission("numpy", 4, True, "a logit is off")
    found = json.loads(Report({}, [], [], [omission]).to_json())["omitted"]
    assert found == [
        {"contender": "numpy", "batch_size": 4, "refused": True, "reason": "a logit is off"}
    ]


def test_the_figures_of_a_row_follow_from_its_median():
    row = cell().row(Limits())
    assert row.median_s == row.p50_s == pytest.approx(2.0)
    assert row.p99_s == pytest.approx(2.98)
    assert row.rounds == 2
    assert row.samples_per_s == pytest.approx(2.5)
    assert row.gflops == pytest.approx(200e-9)
    assert row.fraction_of_peak == pytest.approx(0.2)
    # 200 FLOP/s in either round, where the peak was 500 and 800
    assert row.fraction_of_peak_nearby == pytest.approx((200 / 500 + 200 / 800) / 2)
    assert row.cores == 0.75
    assert row.q1_s == row.q3_s == row.median_s


@pytest.mark.parametrize(("batch_size", "bound"), [(5, 2.0), (50, 4.0)])
def test_the_bound_is_the_slower_of_arithmetic_and_reading_the_weights(batch_size, bound):
    assert cell(batch_size=batch_size).row(Limits()).bound_s == pytest.approx(bound)


@pytest.mark.parametrize(
    ("device", "limits"), [("cuda:0", Limits()), ("cpu", Limits(peak=None))], ids=["gpu", "no peak"]
)
def test_without_a_peak_there_is_no_fraction_of_it(device, limits):
    row = cell(device).row(limits)
    assert row.fraction_of_peak is None
    assert row.bound_s is None
    assert row.gflops > 0


def test_the_measured_rows_are_consistent(report):
    for row in report.rows:
        assert row.samples_per_s == pytest.approx(row.batch_size / row.median_s)
        assert 0 < row.p50_s <= row.p99_s
        assert row.gflops == pytest.approx(90 * row.samples_per_s * 1e-9)


def test_the_table_has_a_line_for_each_row_and_each_omission(report):
    missing = [
        Omission("a", None, False, "not installed"),
        Omission("c", 32, False, "0.6 s a call"),
        Omission("b", 8, True, "off by 1"),
        Omission("c", 64, False, "1.2 s a call"),
    ]
    text = table(Report(report.header, report.rows, [], missing))
    lines = text.splitlines()
    assert lines[0].startswith("inference of 6-5-3, relu, float32, 1 thread(s), cpu")
    assert sum(" numpy " in line for line in lines) == len(report.rows)
    assert lines[-3:] == [
        "b at batch 8 refused: off by 1",
        "a skipped: not installed",
        "c at batch 32, 64 skipped: 0.6 s a call",
    ]
    (heading,) = (line for line in lines if "samples/s" in line)
    assert all(word in heading for word in ("us/call", "p99 us", "GFLOP/s", "% of peak"))


def test_the_table_says_once_why_there_is_no_peak(report):
    header = report.header | {"peak_gflops": None, "peak_unavailable": "no fused multiply-add"}
    rows = [cell().row(Limits(peak=None))]
    lines = table(Report(header, rows, [], [])).splitlines()
    assert [line for line in lines if "no fused" in line] == [
        "no measured peak: no fused multiply-add"
    ]
    assert lines[-1].split()[-4] == "-", "of the largest peak"
    assert lines[-1].split()[-1] == "-", "the bound"


def test_the_head_of_the_table_names_a_quota(report):
    assert "quota 3" in table(Report(report.header | {"quota": 3}, [], [], []))


def test_the_table_sets_peers_against_us_with_their_spread(report):
    ratio = Ratio("mlpcore", "numpy", 4, 1.314, 1.28, 1.35, 10, True)
    lines = table(Report(report.header, report.rows, [ratio], [])).splitlines()
    (heading,) = (line for line in lines if "samples/s" in line)
    assert "peer/ours" in heading
    assert ["1.31 (1.28-1.35)" in line for line in lines[-2:]] == [False, True]


def test_the_head_of_the_table_names_optimizer_and_cpu(report):
    header = report.header | {"mode": "training", "optimizer": "adam", "cpus": [3]}
    lines = table(Report(header, [], [], [])).splitlines()
    assert lines[0].startswith("training by adam of 6-5-3")
    assert "cores (CPU 3)" in lines[1]
