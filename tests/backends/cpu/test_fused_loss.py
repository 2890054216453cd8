"""A kernel with its weights and settings computes what `Loss` does on the whole batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.loss_kernels import run_loss, total
from support.written_kernels import ISAS

from mlpcore.backends.cpu.fused_loss import fused_loss
from mlpcore.nn.losses import loss

NAMES = ("cross_entropy", "nll", "binary_cross_entropy", "mse", "mae", "huber", "poisson")
needs_kernels = pytest.mark.skipif(not ISAS, reason="no instruction set of ours")


@st.composite
def problems(draw):
    """A loss with any settings, a batch for it, and how its terms combine."""
    name = draw(st.sampled_from(NAMES))
    rows, features = draw(st.integers(0, 70)), draw(st.integers(1, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    settings = {}
    labels = name in ("cross_entropy", "nll")
    if name == "cross_entropy":
        settings["label_smoothing"] = draw(st.sampled_from([0.0, 0.1, 1.0]))
        labels = draw(st.booleans())
    if name in ("cross_entropy", "nll") and draw(st.booleans()):
        weight = random.choice([0.0, 0.3, 1.0, 5.0, 1e-30], features)
        settings["class_weight"] = draw(st.sampled_from([weight, {0: 2.5}]))
    if labels and draw(st.booleans()):
        settings["ignore_index"] = draw(st.sampled_from([-1, 0]))
    if name == "binary_cross_entropy":
        settings["pos_weight"] = draw(st.sampled_from([1.0, 0.0, 2.0, random.random(features)]))
    if name == "huber":
        settings["delta"] = draw(st.sampled_from([0.3, 2.0]))
    z = 3 * random.normal(size=(rows, features))
    if labels:
        lowest = -1 if "ignore_index" in settings else 0
        t = random.integers(lowest if lowest == settings.get("ignore_index") else 0, features, rows)
        t = t.astype(draw(st.sampled_from([np.int64, np.int32, np.int8])))
    else:
        t = random.random((rows, features))
        if name == "cross_entropy":
            t /= t.sum(axis=-1, keepdims=True)
        if features == 1 and name != "cross_entropy" and draw(st.booleans()):
            t = t[:, 0]
    weight = draw(
        st.sampled_from([None, random.random(rows), random.integers(0, 3, rows), np.zeros(rows)])
    )
    return loss(name, **settings), labels, z, t, weight, draw(st.sampled_from(["mean", "sum"]))


@needs_kernels
@given(problems(), st.sampled_from(["float32", "float64"]))
def test_the_kernel_computes_the_loss_of_the_batch(problem, dtype):
    made, labels, z, t, weight, reduction = problem
    z = z.astype(dtype)
    fused = fused_loss(made, z.shape[1], dtype, labels=labels)
    inputs = fused.inputs(t, weight, reduction)
    losses, dz = run_loss(fused.kernel, z, inputs)
    t = t if labels else t.astype(dtype).astype("float64")
    expected, slope = made(np, z.astype("float64"), t, weight, reduction)
    bound = (80 + z.size) * np.finfo(dtype).eps
    scale = np.abs(losses).sum() + np.finfo(dtype).tiny
    assert abs(total(losses) - expected) <= bound * scale
    assert dz.dtype == dtype
    np.testing.assert_allclose(dz, slope, rtol=0, atol=bound * np.abs(slope).max(initial=0))


def test_a_label_that_is_no_class_makes_the_loss_nan_and_leaves_the_gradients_of_other_rows():
    made = loss("cross_entropy", class_weight=[0.0, 2.0, 1.0])
    z, t = np.random.default_rng(0).normal(size=(4, 3)), np.array([1, 7, 2, 1])
    fused = fused_loss(made, 3, "float64", labels=True)
    losses, dz = run_loss(fused.kernel, z, fused.inputs(t))
    expected, slope = made(np, z, t)
    assert np.isnan(expected)
    assert np.isnan(total(losses))
    np.testing.assert_allclose(dz, slope, rtol=1e-13)


def test_an_ignored_label_that_is_no_class_takes_no_part():
    made = loss("cross_entropy", class_weight=[0.0, 2.0, 1.0], ignore_index=7)
    inputs = fused_loss(made, 3, "float32", labels=True).inputs(np.array([1, 7, 2]))
    np.testing.assert_allclose(inputs.weights, [2 / 3, 0, 1 / 3])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_mean_takes_the_ratios_of_class_weights_that_the_dtype_cannot_hold(smoothing):
    t = np.array([0, 1, 2, 1])
    tiny, plain = (
        fused_loss(
            loss("cross_entropy", class_weight=weight, label_smoothing=smoothing),
            3,
            "float32",
            labels=True,
        ).inputs(t)
        for weight in ([2e-60, 1e-60, 3e-60], [2.0, 1.0, 3.0])
    )
    np.testing.assert_allclose(tiny.weights, plain.weights, rtol=1e-6)
    np.testing.assert_allclose(tiny.settings, plain.settings, rtol=1e-6)


def test_a_uniform_mean_needs_no_weights_of_rows():
    inputs = fused_loss(loss("mse"), 5, "float32", labels=False).inputs(np.zeros((8, 5)))
    np.testing.assert_array_equal(inputs.weights, np.full(8, 1 / 40, "float32"))


def test_targets_are_converted_only_where_they_must():
    fused = fused_loss(loss("mse"), 5, "float32", labels=False)
    wide = np.zeros((8, 7), "float32")
    assert np.shares_memory(fused.inputs(wide[:, 1:6]).targets, wide)
    for t in (wide[:, 5::-1][:, :5], np.zeros((5, 8), "float32").T, wide[:, 1:6].astype(">f4")):
        targets = fused.inputs(t).targets
        assert targets.dtype == np.float32
        assert targets.dtype.isnative
        assert targets.strides[1] == 4
    bytes_ = np.zeros(8 * 5 * 4 + 1, "u1")
    misaligned = np.frombuffer(bytes_, "float32", 40, 1).reshape(8, 5)
    assert fused.inputs(misaligned).targets.flags.aligned
    labels = fused_loss(loss("nll"), 3, "float32", labels=True).inputs(np.array([1, 2], "int8"))
    assert labels.targets.dtype == np.int64


@pytest.mark.parametrize(
    ("spec", "features", "labels"),
    [
        (loss(lambda z, t: (0, z)), 3, False),
        (loss("mse"), 3, True),
        (loss("nll"), 3, False),
        (loss("cross_entropy", class_weight=[1.0, 2.0]), 3, True),
        (loss("binary_cross_entropy", pos_weight=[1.0, 2.0]), 3, False),
    ],
)
def test_what_has_no_kernel_or_does_not_fit_is_left_to_the_loss_itself(spec, features, labels):
    assert fused_loss(spec, features, "float32", labels=labels) is None


def test_losses_of_single_rows_and_weights_of_elements_or_out_of_range_are_left_to_the_loss():
    fused = fused_loss(loss("mse"), 3, "float32", labels=False)
    t = np.zeros((2, 3))
    assert fused.inputs(t, reduction="none") is None
    assert fused.inputs(t, np.ones((2, 3))) is None
    assert fused.inputs(t, np.array([1.0, 1e300]), "sum") is None
    assert fused.inputs(t, np.array([1.0, 1e300])) is not None


def test_a_class_weight_too_large_for_the_dtype_is_refused_as_the_loss_refuses_it():
    with pytest.raises(ValueError, match="not finite in float32"):
        fused_loss(loss("nll", class_weight=[1e300, 1.0]), 2, "float32", labels=True)
