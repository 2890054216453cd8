"""The limits are the best of what was seen, or a reason why nothing was."""

import sys

import pytest

from mlpcore.bench.gauges import Gauges
from mlpcore.bench.spec import Spec
from mlpcore.kernels.cpu import peak

SPEC = Spec((10, 4))


class Readings:
    """A gauge that shows given readings in turn."""

    def __init__(self, *readings):
        self.readings = list(readings)

    def sample(self):
        return self.readings.pop(0)


@pytest.fixture
def gauges(monkeypatch):
    monkeypatch.setattr(peak, "unavailable", lambda: None)
    monkeypatch.setattr(peak, "FmaPeak", lambda *_: Readings(100.0, 300.0, 200.0))
    monkeypatch.setattr(peak, "ReadBandwidth", lambda *_: Readings(8.0, 44.0, 16.0))
    return Gauges(SPEC)


def test_the_best_sample_counts(gauges):
    readings = []
    for _ in range(3):
        readings.append(gauges.sample_peak())
        for turn in gauges.turns().values():
            turn()
    assert readings == [100.0, 300.0, 200.0], "the peak is read beside each turn"
    assert (gauges.peak, gauges.typical_peak, gauges.bandwidth) == (300.0, 200.0, 44.0)
    # 44 parameters of 4 bytes at 44 bytes a second, or FLOPs at 300 a second
    assert gauges.bound_s(300) == 4.0
    assert gauges.bound_s(1500) == 5.0


def test_before_the_first_sample_there_is_no_limit(gauges):
    assert (gauges.peak, gauges.typical_peak, gauges.bandwidth) == (None, None, None)
    assert gauges.bound_s(300) is None


def test_without_fma_there_is_a_reason_and_nothing_to_take_turns(monkeypatch):
    monkeypatch.setattr(peak, "unavailable", lambda: "no fused multiply-add")
    gauges = Gauges(SPEC)
    assert gauges.unavailable == "no fused multiply-add"
    assert gauges.turns() == {}
    assert gauges.sample_peak is None


def test_a_compiler_that_fails_is_a_reason_of_one_line(monkeypatch):
    def fail(*_):
        raise NotImplementedError("no such target\nand a long explanation")

    monkeypatch.setattr(peak, "unavailable", lambda: None)
    monkeypatch.setattr(peak, "FmaPeak", fail)
    gauges = Gauges(SPEC)
    assert gauges.unavailable is not None
    assert gauges.unavailable.endswith("NotImplementedError: no such target")
    assert gauges.turns() == {}
    assert gauges.sample_peak is None


def test_a_missing_numba_is_a_reason(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlpcore.kernels.cpu.peak", None)
    monkeypatch.delattr("mlpcore.kernels.cpu.peak")
    assert "ModuleNotFoundError" in (Gauges(SPEC).unavailable or "")
