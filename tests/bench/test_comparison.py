"""Everybody gets the same numbers; who is wrong, absent or too slow has no row, and a reason."""

import time
from itertools import groupby

import pytest

from mlpcore.bench import CONTENDERS, Spec, benchmark, find_contenders
from mlpcore.bench.comparison import VISITS
from mlpcore.bench.contenders.plain_numpy import NumPy
from mlpcore.bench.measure import MIN_ROUNDS
from mlpcore.bench.spec import LEARNING_RATES, MODES, STEADY_RATE

LAYERS = (6, 5, 3)
QUICK = {"seconds": 0.002}


def names(report):
    return [(row.contender, row.batch_size) for row in report.rows]


class Other(NumPy):
    name = "other"


class Forgetful(NumPy):
    """Leaves out the biases in inference, and the update in training."""

    name = "forgetful"

    def prepare(self, spec, parameters, rows):
        return super().prepare(spec, tuple((W, 0 * b) for W, b in parameters), rows)

    def prepare_training(self, spec, parameters, rows):
        idle = Spec(spec.layers, spec.activation, spec.mode, spec.dtype, learning_rate=0.0)
        return super().prepare_training(idle, parameters, rows)


class Absent(NumPy):
    name = "absent"

    def unavailable(self, spec):
        return "not installed: pip install absent"

    def prepare(self, spec, parameters, rows):
        raise AssertionError("an absent contender was asked to work")


class Slow(NumPy):
    name = "slow"
    call_limit_s = 0.05

    def prepare(self, spec, parameters, rows):
        forward = super().prepare(spec, parameters, rows)

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

        def prepare(self, spec, parameters, rows):
            for W, b in parameters:
                W[...], b[...] = 0, 0
            return super().prepare(spec, parameters, rows)

        def prepare_training(self, spec, parameters, rows):
            self.prepare(spec, parameters, rows)
            return super().prepare_training(spec, parameters, rows)

    report = benchmark(Spec(LAYERS, mode=mode), [4], [Spoiler(), NumPy()], **QUICK)
    assert names(report) == [("numpy", 4)]
    assert [omission.contender for omission in report.omitted] == ["spoiler"]


def test_progress_names_each_batch_size():
    lines = []
    benchmark(Spec(LAYERS), [1, 4], [], seconds=0.001, progress=lines.append)
    checking = ["batch 1: checking", "batch 4: checking"]
    assert lines[:2] == checking
    assert lines[2:4] == [f"batch 1: timing, 1 of {VISITS}", f"batch 4: timing, 1 of {VISITS}"]
    assert len(lines) == 2 + 2 * VISITS


def test_the_rounds_of_a_batch_size_are_spread_over_the_run():
    rows = []

    class Watched(NumPy):
        def prepare(self, spec, parameters, batch_size):
            forward = super().prepare(spec, parameters, batch_size)
            return lambda x: (rows.append(len(x)), forward(x))[1]

    report = benchmark(Spec(LAYERS), [1, 4], [Watched()], **QUICK)
    timed = [size for size, _ in groupby(rows)][2:]  # after checking each
    assert timed == [1, 4] * VISITS
    assert [row.rounds for row in report.rows] == [MIN_ROUNDS] * 2


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
    assert list(CONTENDERS) == [
        "mlpcore", "mlpcore-frozen", "numpy", "torch", "torch-compile", "onnxruntime", "openvino",
        "jax", "sklearn", "python_loop",
    ]  # fmt: skip


def test_all_are_all_but_the_loop():
    names = [contender.name for contender in find_contenders(["all"])]
    assert names == [name for name in CONTENDERS if name != "python_loop"]
    assert "python_loop" in [c.name for c in find_contenders(["all", "python_loop"])]


def test_an_unknown_contender_is_told_the_known_ones():
    with pytest.raises(ValueError, match=r"'torhc'; known are mlpcore, .*python_loop, all$"):
        find_contenders(["numpy", "torhc"])


@pytest.mark.parametrize("name", ["numpy", "python_loop"])
def test_an_activation_that_is_not_written_out_is_a_reason(name):
    (contender,) = find_contenders([name])
    assert "not mish" in contender.unavailable(Spec(LAYERS, "mish"))


def test_gelu_in_numpy_needs_scipy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "SciPy is not installed" in (NumPy().unavailable(Spec(LAYERS, "gelu")) or "")
    assert NumPy().unavailable(Spec(LAYERS, "relu")) is None


def test_a_library_that_fails_costs_the_others_nothing():
    class Broken(NumPy):
        name = "broken"

        def prepare(self, spec, parameters, rows):
            raise OSError("no such library\nand a long explanation")

    report = benchmark(Spec(LAYERS), [4], [Broken(), NumPy()], **QUICK)
    assert names(report) == [("numpy", 4)]
    (omission,) = report.omitted
    assert (omission.refused, omission.reason) == (True, "OSError: no such library")


def test_a_failure_of_our_own_is_an_error():
    class Broken(NumPy):
        name = "mlpcore"

        def prepare(self, spec, parameters, rows):
            raise OSError("out of memory")

    with pytest.raises(OSError, match="out of memory"):
        benchmark(Spec(LAYERS), [4], [Broken()], **QUICK)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_timed_steps_leave_the_network_as_it_was(optimizer):
    """The steps that are checked learn; of those that are timed none has that rate."""
    rates = []

    class Watched(NumPy):
        def prepare_training(self, spec, parameters, rows):
            rates.append(spec.learning_rate)
            return super().prepare_training(spec, parameters, rows)

    spec = Spec(LAYERS, mode="training", optimizer=optimizer)
    benchmark(spec, [4], [Watched()], **QUICK)
    assert rates == [LEARNING_RATES[optimizer], STEADY_RATE]


def test_each_peer_is_set_against_us_in_each_cell():
    report = benchmark(Spec(LAYERS), [1, 4], find_contenders(["mlpcore", "numpy"]), **QUICK)
    assert [(r.contender, r.peer, r.batch_size, r.fastest) for r in report.ratios] == [
        ("mlpcore", "numpy", 1, True),
        ("mlpcore", "numpy", 4, True),
    ]
    assert all(0 < r.q1 <= r.median <= r.q3 for r in report.ratios)
