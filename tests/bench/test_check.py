"""A contender that is right passes, and one that is wrong in any usual way is found out."""

from dataclasses import replace

import numpy as np
import pytest

from mlpcore.bench.check import InferenceCheck, TrainingCheck, WrongResultError
from mlpcore.bench.contenders import CONTENDERS
from mlpcore.bench.contenders.plain_numpy import NumPy
from mlpcore.bench.spec import (
    DTYPES,
    LEARNING_RATES,
    MODES,
    Spec,
    draw_batch,
    draw_parameters,
)

LAYERS = (20, 16, 12, 5)
ACTIVATIONS = ("identity", "relu", "tanh", "sigmoid", "gelu")
HERE = [name for name in CONTENDERS if name != "torch-compile"]
"""Those that are ready within a test's time; the compiler takes minutes, see test_peers.py."""


def copied(parameters):
    return tuple((W.copy(), b.copy()) for W, b in parameters)


def check_inference(spec, contender, rows=7, seed=0):
    parameters = draw_parameters(spec, seed)
    x, _ = draw_batch(spec, rows, seed + 1)
    InferenceCheck(spec, parameters, x)(contender.prepare(spec, copied(parameters), rows))


def check_training(spec, contender, rows=7, seed=0):
    parameters = draw_parameters(spec, seed)
    x, t = draw_batch(spec, rows, seed + 1)
    step = contender.prepare_training(spec, copied(parameters), rows)
    TrainingCheck(spec, parameters, x, t)(step)


def ready(name, spec):
    """Return the contender, or skip with its reason."""
    contender = CONTENDERS[name]()
    if (reason := contender.unavailable(spec)) is not None:
        pytest.skip(reason)
    return contender


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", HERE)
def test_every_contender_computes_the_network(name, activation, dtype):
    spec = Spec(LAYERS, activation, dtype=dtype)
    check_inference(spec, ready(name, spec))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", LEARNING_RATES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", HERE)
def test_every_contender_trains_the_network(name, activation, optimizer, dtype):
    spec = Spec(LAYERS, activation, "training", dtype=dtype, optimizer=optimizer)
    check_training(spec, ready(name, spec))


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layers", [(3, 2), (1, 1), (1, 4, 1)])
def test_every_contender_takes_the_smallest_networks_and_batches(name, mode, layers):
    spec = Spec(layers, mode=mode)
    check = check_inference if mode == "inference" else check_training
    check(spec, ready(name, spec), rows=1)


def test_the_check_reads_the_first_and_the_last_row_of_a_long_batch():
    """Only some rows of 2000 are compared, but a batch cut off at either end is noticed."""
    spec = Spec((3, 2))
    parameters = draw_parameters(spec)
    x, _ = draw_batch(spec, 2000)
    check = InferenceCheck(spec, parameters, x)
    forward = NumPy().prepare(spec, parameters, 2000)
    for row in (0, -1):

        def spoiled(x, row=row):
            y = forward(x)
            y[row] = 0
            return y

        with pytest.raises(WrongResultError, match="a logit is off"):
            check(spoiled)


def without_bias(parameters):
    return tuple((W, 0 * b) for W, b in parameters)


def in_half_precision(parameters):
    return tuple((W.astype(np.float16).astype(W.dtype), b) for W, b in parameters)


def transposed_last(parameters):
    *others, (W, b) = parameters
    return (*others, (W[::-1], b))


@pytest.mark.parametrize("spoil", [without_bias, in_half_precision, transposed_last])
@pytest.mark.parametrize("seed", range(3))
def test_other_parameters_are_found_out(spoil, seed):
    class Wrong(NumPy):
        def prepare(self, spec, parameters, rows):
            return super().prepare(spec, spoil(parameters), rows)

        def prepare_training(self, spec, parameters, rows):
            return super().prepare_training(spec, spoil(copied(parameters)), rows)

    with pytest.raises(WrongResultError, match="off by"):
        check_inference(Spec(LAYERS), Wrong(), seed=seed)
    if spoil is not in_half_precision:  # which a loss averaged over rows may hide
        with pytest.raises(WrongResultError, match="off by"):
            check_training(Spec(LAYERS, mode="training"), Wrong(), seed=seed)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda y: y[:-1],
        lambda y: y.T,
        lambda y: y * np.nan,
        lambda y: np.exp(y) / np.exp(y).sum(axis=1, keepdims=True),
        lambda y: y[::-1],
    ],
    ids=["a row short", "transposed", "NaN", "probabilities", "rows reversed"],
)
def test_another_output_is_found_out(wrong):
    class Wrong(NumPy):
        def prepare(self, spec, parameters, rows):
            forward = super().prepare(spec, parameters, rows)
            return lambda x: wrong(forward(x))

    with pytest.raises(WrongResultError):
        check_inference(Spec(LAYERS), Wrong())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("rate", [0.0, 0.005, 0.02, -0.01], ids=lambda r: f"lr={r}")
def test_a_step_that_updates_by_something_else_is_found_out(rate, activation):
    """The first loss is right all the same; the second is not."""

    class Wrong(NumPy):
        def prepare_training(self, spec, parameters, rows):
            other = Spec(spec.layers, spec.activation, spec.mode, learning_rate=rate)
            return super().prepare_training(other, parameters, rows)

    with pytest.raises(WrongResultError, match="after 1 steps of sgd"):
        check_training(Spec(LAYERS, activation, "training"), Wrong(), rows=64)


def test_a_step_that_sums_the_loss_is_found_out():
    class Wrong(NumPy):
        def prepare_training(self, spec, parameters, rows):
            step = super().prepare_training(spec, parameters, rows)
            return lambda x, t: len(x) * step(x, t)

    with pytest.raises(WrongResultError, match="the loss is off"):
        check_training(Spec(LAYERS, mode="training"), Wrong())


class UncorrectedAdam(NumPy):
    """Leaves out the correction of the averages, which begin at zero."""

    def prepare_training(self, spec, parameters, rows):
        plain = replace(spec, optimizer="sgd", learning_rate=1.0)
        step = super().prepare_training(plain, parameters, rows)
        flat = [p for layer in parameters for p in layer]
        moments = [(np.zeros_like(p), np.zeros_like(p)) for p in flat]

        def adam(x, t):
            before = [p.copy() for p in flat]
            loss = step(x, t)
            for p, old, (m, v) in zip(flat, before, moments, strict=True):
                g = old - p
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                p[...] = old - spec.learning_rate * m / (np.sqrt(v) + 1e-8)
            return loss

        return adam


def test_an_adam_without_bias_correction_is_found_out():
    spec = Spec(LAYERS, mode="training", optimizer="adam")
    with pytest.raises(WrongResultError, match="after 1 steps of adam"):
        check_training(spec, UncorrectedAdam(), rows=64)
