"""The losses as functions: value and gradient together, in the kind and dtype of the logits."""

import inspect
import tracemalloc

import numpy as np
import pytest
from support.differences import central_differences, relative_error

from mlpcore import functional as F
from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.nn.losses import loss


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def targets_for(name, rng, shape):
    if LOSSES[name].expects == "classes":
        return rng.integers(0, shape[1], shape[0])
    return rng.uniform(size=shape)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_the_settings_of_the_table(name):
    parameters = inspect.signature(getattr(F, name)).parameters
    assert [*parameters][:4] == ["z", "t", "reduction", "sample_weight"]
    settings = {key: parameters[key].default for key in [*parameters][4:]}
    assert settings == dict(LOSSES[name].settings)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_loss_and_its_gradient_belong_together(name, reduction, weighted, rng):
    z, t = rng.normal(size=(4, 3)), targets_for(name, rng, (4, 3))
    weight = rng.uniform(size=4) if weighted else None

    def value():
        return float(getattr(F, name)(z, t, reduction=reduction, sample_weight=weight)[0].sum())

    _, dz = getattr(F, name)(z, t, reduction=reduction, sample_weight=weight)
    assert relative_error(dz, central_differences(value, z)) < 1e-6


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_has_the_dtype_of_the_logits(name, rng):
    z, t = rng.normal(size=(4, 3)), targets_for(name, rng, (4, 3))
    for dtype, result in (("f4", "f4"), ("f8", "f8"), ("f2", "f4"), ("i8", "f8")):
        value, dz = getattr(F, name)(z.astype(dtype), t)
        assert (value.dtype, dz.dtype, value.shape, dz.shape) == (result, result, (), (4, 3))


def test_settings_reach_the_formula(rng):
    z, t = rng.normal(size=(5, 3)), np.array([0, 1, 2, 1, 9])
    settings = {"class_weight": {0: 2.0}, "label_smoothing": 0.1, "ignore_index": 9}
    value, dz = F.cross_entropy(z, t, **settings)
    expected, dz_expected = loss("cross_entropy", **settings)(np, z, t)
    assert value == expected
    np.testing.assert_array_equal(dz, dz_expected)
    assert F.cross_entropy(z, t, **(settings | {"class_weight": np.array([2.0, 1, 1])}))[0] == value
    assert F.huber([[3.0]], [[0.0]], delta=2.0)[0] == 4
    assert F.binary_cross_entropy([[0.0]], [[1]], pos_weight=3)[0] == pytest.approx(3 * np.log(2))


def test_a_single_sample_is_a_batch_of_one(rng):
    z = rng.normal(size=3)
    value, dz = F.cross_entropy(z, 2)
    assert value == F.cross_entropy(z[None], [2])[0]
    assert dz.shape == (3,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("w", [1e-50, 1e-45, 1e-30, 1e30, 1e38])
def test_equal_weights_of_any_size_leave_a_mean_as_it_is(w, dtype):
    z, dtype_of_w = np.ones((4, 2), dtype), np.float64 if w < 1e-45 else dtype
    value, dz = F.mse(z, np.zeros((4, 2)), sample_weight=np.full(4, w, dtype_of_w))
    assert value == 1
    np.testing.assert_array_equal(dz, np.full((4, 2), 0.25))
    assert dz.dtype == dtype


def test_a_weight_that_overflows_in_the_dtype_of_the_logits_is_refused():
    z = np.ones((4, 2), np.float32)
    with pytest.raises(ValueError, match=r"sample_weight inf in row 0 must .* float32"):
        F.mse(z, np.zeros((4, 2)), sample_weight=np.full(4, 1e39))


@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_among_many_classes_cost_little_more_than_the_gradient(name, weighted):
    z, t = np.zeros((8, 20_000), np.float32), np.arange(8)
    weight = np.ones(20_000) if weighted else None
    tracemalloc.start()
    try:
        getattr(F, name)(z, t, class_weight=weight)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # dz and one array of its size, the hits as bytes, and what grows with the classes alone.
    per_class = 12 * 8
    assert peak < 2.4 * z.nbytes + weighted * per_class * z.shape[1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: F.cross_entropy(np.zeros((2, 3)), [0, 3]),
            ValueError,
            "label 3 in row 1 .* 0 to 2",
        ),
        (lambda: F.cross_entropy(np.zeros((2, 3)), [0.0, 1.0]), TypeError, "integer dtype"),
        (lambda: F.nll(np.zeros((2, 3)), np.zeros((2, 3), int)), ValueError, r"expected \(2,\)"),
        (lambda: F.mse(np.zeros((3, 3)), np.zeros(3)), ValueError, r"expected \(3, 3\) \(values\)"),
        (
            lambda: F.mse(np.zeros(3), np.zeros(3), sample_weight=[-1, 0, 0]),
            ValueError,
            "sample_wei",
        ),
        (lambda: F.mae(np.zeros(3), np.zeros(3), reduction="max"), ValueError, "unknown reduction"),
        (
            lambda: F.huber(np.zeros(3), np.zeros(3), delta=-1),
            ValueError,
            "^delta of loss 'huber' must",
        ),
        (
            lambda: F.nll(np.zeros((1, 2)), [0], class_weight=[1]),
            ValueError,
            "class_weight has shape",
        ),
    ],
)
def test_bad_input_is_refused_before_any_work(call, error, message):
    with pytest.raises(error, match=message):
        call()
