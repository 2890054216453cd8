"""Everybody gets the same numbers; who is wrong, absent or too slow has no row, and a reason."""

import time

import pytest

from mlpcore.bench import CONTENDERS, Spec, benchmark, find_contenders
from mlpcore.bench.contenders.plain_numpy import NumPy
from mlpcore.bench.spec import MODES

LAYERS = (6, 5, 3)
QUICK = {"seconds": 0.002}


def names(report):
    return [(row.contender, row.batch_size) for row in report.rows]


class Other(NumPy):
    name = "other"


class Forgetful(NumPy):
    """Leaves out the biases in inference, and the update in training."""

    name = "forgetful"

    def prepare(self, spec, parameters):
        return super().prepare(spec, tuple((W, 0 * b) for W, b in parameters))

    def prepare_training(self, spec, parameters):
        idle = Spec(spec.layers, spec.activation, spec.mode, spec.dtype, learning_rate=0.0)
        return super().prepare_training(idle, parameters)


class Absent(NumPy):
    name = "absent"

    def unavailable(self, spec):
        return "not installed: pip install absent"

    def prepare(self, spec, parameters):
        raise AssertionError("an absent contender was asked to work")


class Slow(NumPy):
    name = "slow"
    call_limit_s = 0.05

    def prepare(self, spec, parameters):
        forward = super().prepare(spec, parameters)

        def slow(x):
            assert len(x) <= 2, "a batch that takes too long was run"
            time.sleep(0.01 * len(x))
            return forward(x)

        return slow


@pytest.mark.parametrize("mode", MODES)
def test_there_is_a_row_for_each_batch_size_and_contender(mode):
    report = benchmark(Spec(LAYERS, mode=mode), [1, 4], [NumPy(), Other()], **QUICK)
    assert names(report) == [("numpy", 1), ("other", 1), ("numpy", 4), ("other", 4)]
    assert report.omitted == []


@pytest.mark.parametrize("mode", MODES)
def test_who_computes_something_else_is_refused_and_nobody_else(mode):
    report = benchmark(Spec(LAYERS, mode=mode), [4], [Forgetful(), NumPy()], **QUICK)
    assert names(report) == [("numpy", 4)]
    (omission,) = report.omitted
    assert (omission.contender, omission.batch_size, omission.refused) == ("forgetful", 4, True)
    assert "off by" in omission.reason


def test_who_is_not_installed_is_skipped_once_with_the_reason():
    report = benchmark(Spec(LAYERS), [1, 4], [Absent(), NumPy()], **QUICK)
    assert names(report) == [("numpy", 1), ("numpy", 4)]
    (omission,) = report.omitted
    assert (omission.batch_size, omission.refused) == (None, False)
    assert omission.reason == "not installed: pip install absent"


def test_a_batch_that_takes_too_long_has_no_row():
    report = benchmark(Spec(LAYERS), [2, 100], [Slow(), NumPy()], **QUICK)
    assert names(report) == [("slow", 2), ("numpy", 2), ("numpy", 100)]
    (omission,) = report.omitted
    assert (omission.contender, omission.batch_size, omission.refused) == ("slow", 100, False)
    assert "at most 0.05 s" in omission.reason


@pytest.mark.parametrize("mode", MODES)
def test_a_contender_that_spoils_its_parameters_spoils_nobody_elses(mode):
    class Spoiler(NumPy):
        name = "spoiler"

        def prepare(self, spec, parameters):
            for W, b in parameters:
                W[...], b[...] = 0, 0
            return super().prepare(spec, parameters)

        def prepare_training(self, spec, parameters):
            self.prepare(spec, parameters)
            return super().prepare_training(spec, parameters)

    report = benchmark(Spec(LAYERS, mode=mode), [4], [Spoiler(), NumPy()], **QUICK)
    assert names(report) == [("numpy", 4)]
    assert [omission.contender for omission in report.omitted] == ["spoiler"]


def test_progress_names_each_batch_size():
    lines = []
    benchmark(Spec(LAYERS), [1, 4], [], seconds=0.001, progress=lines.append)
    assert lines == ["batch 1", "batch 4"]


def test_the_header_names_the_work_and_the_machine():
    spec = Spec((784, 512, 256, 10), mode="training", dtype="float64")
    header = benchmark(spec, [], [NumPy()], seconds=0.5, seed=3).header
    assert header["layers"] == [784, 512, 256, 10]
    assert (header["mode"], header["dtype"], header["seconds"], header["seed"]) == (
        "training",
        "float64",
        0.5,
        3,
    )
    assert header["weight_bytes"] == 8 * 535_818
    assert header["flops_per_sample"] == 3 * 1_070_080 - 2 * 784 * 512
    assert header["versions"]["numpy"]


def test_contenders_are_found_by_name_once_each():
    found = find_contenders(["numpy", "python_loop", "numpy"])
    assert [contender.name for contender in found] == ["numpy", "python_loop"]
    assert list(CONTENDERS) == ["mlpcore", "numpy", "python_loop"]


def test_an_unknown_contender_is_told_the_known_ones():
    with pytest.raises(ValueError, match="'torhc'; known are mlpcore, numpy, python_loop"):
        find_contenders(["numpy", "torhc"])


@pytest.mark.parametrize("name", ["numpy", "python_loop"])
def test_an_activation_that_is_not_written_out_is_a_reason(name):
    (contender,) = find_contenders([name])
    assert "not mish" in contender.unavailable(Spec(LAYERS, "mish"))


def test_gelu_in_numpy_needs_scipy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "SciPy is not installed" in (NumPy().unavailable(Spec(LAYERS, "gelu")) or "")
    assert NumPy().unavailable(Spec(LAYERS, "relu")) is None
