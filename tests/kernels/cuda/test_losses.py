"""Losses and their gradients on the device against the reference in float64."""

import cupy
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlpcore.kernels.cuda.losses import NAMES, loss_and_gradient
from mlpcore.kernels.reference.losses import LOSSES

INF, NAN = np.inf, np.nan
F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
# Rows that are read by a part of a warp, by a whole one, and by a block.
WIDTHS = st.sampled_from([10, 100, 1030])


def compare(name, z, t, dtype, **given):
    """Compare with the reference in float64, which is given the same rounded numbers."""
    z = z.astype(dtype)
    t = t if t.dtype.kind == "i" else t.astype(dtype)
    exact_t = t if t.dtype.kind == "i" else t.astype(np.float64)
    wide = {k: v.astype(np.float64) if hasattr(v, "astype") else v for k, v in given.items()}
    with np.errstate(all="ignore"):
        exact, exact_dz = LOSSES[name](np, z.astype(np.float64), exact_t, **wide)
    on_device = {k: cupy.asarray(v) if hasattr(v, "astype") else v for k, v in given.items()}
    loss, dz = loss_and_gradient(name, cupy.asarray(z), cupy.asarray(t), **on_device)
    assert loss.shape == ()
    assert loss.dtype == dz.dtype == dtype
    loss, dz = float(loss), dz.get()
    np.testing.assert_array_equal(np.isnan(dz), np.isnan(exact_dz))
    assert np.isnan(loss) == np.isnan(exact)
    # A sum of n numbers in pairs and in chains of at most n / 32 is off by as many roundings; every
    # term by a few, and log s by those of s.  All terms are positive but those of nll.
    eps, terms = np.finfo(dtype).eps, z.shape[-1] / 8 + 64
    if not np.isnan(exact):
        size = np.abs(exact) + (np.abs(z).max(initial=0) if name == "nll" else 0)
        assert abs(loss - exact) <= terms * eps * (size + 1e-30)
    there = ~np.isnan(exact_dz)
    scale = np.abs(exact_dz[there]).max(initial=0)
    assert np.abs(dz - exact_dz)[there].max(initial=0) <= terms * eps * scale


@given(
    width=WIDTHS,
    rows=st.integers(0, 9),
    reduction=st.sampled_from(["mean", "sum"]),
    smoothing=st.sampled_from([0.0, 0.0, 0.1, 1.0]),
    weighted=st.sampled_from([None, F32, F64]),
    by_class=st.booleans(),
    ignore=st.sampled_from([None, None, 0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=8)
@example(40, 9, "mean", 0.0, F64, True, 0, 0)
@example(40, 9, "mean", 0.1, F32, True, None, 0)
def test_cross_entropy_of_labels(
    width, rows, reduction, smoothing, weighted, by_class, ignore, seed
):
    rng = np.random.default_rng(seed)
    z, t = rng.normal(0, 5, (rows, width)), rng.integers(0, width, rows)
    options = {"reduction": reduction, "label_smoothing": smoothing, "ignore_index": ignore}
    if weighted is not None:
        options["sample_weight"] = rng.uniform(0, 2, rows).astype(weighted)
    if by_class:
        options["class_weight"] = rng.uniform(0, 3, width)
    compare("cross_entropy", z, t, F32, **options)


@pytest.mark.parametrize(("width", "smoothing"), [(10, 0.2), (1030, 0.0)])
def test_cross_entropy_of_distributions(width, smoothing):
    rng = np.random.default_rng(width)
    z, t = rng.normal(0, 5, (5, width)), rng.dirichlet(np.ones(width), 5)
    compare("cross_entropy", z, t, F32, label_smoothing=smoothing)
    compare(
        "cross_entropy", z, t, F32, label_smoothing=smoothing, class_weight=rng.uniform(0, 3, width)
    )


def test_cross_entropy_in_double_precision():
    rng = np.random.default_rng(0)
    z, t = rng.normal(0, 5, (37, 10)), rng.integers(0, 10, 37)
    compare("cross_entropy", z, t, F64)
    compare("cross_entropy", z, t, F64, class_weight=rng.uniform(0, 3, 10))


@pytest.mark.parametrize("width", [3, 1030])
def test_nll(width):
    rng = np.random.default_rng(width)
    z, t = -rng.exponential(3, (7, width)), rng.integers(0, width, 7)
    compare("nll", z, t, F32)
    t[2] = -1
    weights = rng.uniform(0.5, 3, width)
    compare("nll", z, t, F32, class_weight=weights, reduction="sum")
    compare("nll", z, t, F32, class_weight=weights, ignore_index=-1)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "binary_cross_entropy", "poisson"])
@given(
    width=st.sampled_from([1, 40]),
    rows=st.integers(0, 9),
    reduction=st.sampled_from(["mean", "sum"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=6)
def test_losses_of_elements(name, width, rows, reduction, seed):
    rng = np.random.default_rng(seed)
    z, t = rng.normal(0, 3, (rows, width)), rng.uniform(0, 1, (rows, width))
    options = {"reduction": reduction}
    if name in ("mse", "huber"):
        options["sample_weight"] = rng.uniform(0, 2, rows)
    if name == "huber":
        options["delta"] = 0.75
    if name == "binary_cross_entropy":
        options["pos_weight"] = 2.5
    compare(name, z, t, F32, **options)


def test_a_weight_of_each_feature():
    rng = np.random.default_rng(0)
    z, t = rng.normal(0, 3, (6, 5)), rng.uniform(0, 1, (6, 5))
    compare("binary_cross_entropy", z, t, F32, pos_weight=rng.uniform(0, 3, 5).astype(F32))
    compare("binary_cross_entropy", z, t, F32, pos_weight=np.array(2.5, F32))


def test_a_long_row_of_elements_in_double_precision():
    rng = np.random.default_rng(0)
    compare("mse", rng.normal(size=(3, 1030)), rng.normal(size=(3, 1030)), F64)


SPECIAL = np.array(
    [
        [0, 1e38, -1e38, 3e38],
        [-INF, 2, 1, 0],
        [INF, 2, 1, 0],
        [-INF, -INF, -INF, -INF],
        [NAN, 2, 1, 0],
        [1, 2, 3, 4],
    ]
)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_extreme_logits_and_labels_that_are_no_class(smoothing):
    for row, label in [(0, 3), (0, 0), (1, 1), (1, 0), (2, 1), (3, 1), (4, 1), (5, -1), (5, 4)]:
        z, t = SPECIAL[row : row + 1], np.array([label])
        exact, exact_dz = reference_of("cross_entropy", z, t, label_smoothing=smoothing)
        loss, dz = loss_and_gradient(
            "cross_entropy",
            cupy.asarray(z.astype(F32)),
            cupy.asarray(t),
            label_smoothing=smoothing,
        )
        np.testing.assert_allclose(float(loss), exact.astype(F32), rtol=1e-6)
        np.testing.assert_allclose(dz.get(), exact_dz, rtol=1e-5, atol=1e-7)


def reference_of(name, z, t, **given):
    with np.errstate(all="ignore"):
        return LOSSES[name](np, z.astype(F32).astype(F64), t, **given)


def test_what_has_weight_zero_takes_no_part_whatever_it_holds():
    z = cupy.asarray(SPECIAL.astype(F32))
    t = cupy.asarray([-7, 1, 1, 1, 1, 2])
    weight = cupy.asarray([0.0, 0, 0, 0, 0, 2])
    alone, alone_dz = loss_and_gradient("cross_entropy", z[5:].copy(), t[5:].copy())
    for by_class in (None, cupy.ones(4)):
        loss, dz = loss_and_gradient(
            "cross_entropy", z, t, sample_weight=weight, class_weight=by_class
        )
        assert float(loss) == float(alone)
        np.testing.assert_array_equal(dz.get(), [[0] * 4] * 5 + alone_dz.get().tolist())
    loss, dz = loss_and_gradient("cross_entropy", z, t, sample_weight=0 * weight)
    assert float(loss) == 0
    assert not dz.get().any()


@pytest.mark.parametrize("width", [10, 1030])
@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
def test_the_gradient_may_replace_the_logits(name, width, double):
    rng = np.random.default_rng(0)
    z, t = cupy.asarray(rng.normal(size=(5, width)).astype(F32)), cupy.asarray([4, 0, 1, 9, 5])
    loss, dz = loss_and_gradient(name, z, t)
    for order in ("forward", "reverse", "random"):
        with double.order(order):
            here = z.copy()
            again, result = loss_and_gradient(name, here, t, out=here)
        assert result is here
        assert float(again) == float(loss)
        np.testing.assert_array_equal(here.get(), dz.get())


def test_nobody_waits_and_nothing_is_copied(double):
    z, t = cupy.zeros((300, 10), F32), cupy.zeros(300, np.int64)
    loss_and_gradient("cross_entropy", z, t)
    double.reset_counters()
    loss_and_gradient("cross_entropy", z, t)
    counters = double.counters
    assert dict(counters.launches) == {
        "mlpcore_cross_entropy_float32": 1,
        "mlpcore_chunk_sums_float32": 1,
    }
    assert counters.host_to_device == counters.device_to_host == counters.synchronisations == 0


def test_what_does_not_fit_is_refused():
    z, t = cupy.zeros((3, 4), F32), cupy.zeros(3, np.int64)
    with pytest.raises(ValueError, match="unknown loss 'hinge'; there are cross_entropy, nll"):
        loss_and_gradient("hinge", z, t)
    with pytest.raises(ValueError, match="only by mean or sum"):
        loss_and_gradient("nll", z, t, reduction="none")
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3, 4\), expected \(3,\)"):
        loss_and_gradient("mse", z, z, sample_weight=z)
    with pytest.raises(TypeError, match="t has dtype int64, expected float32"):
        loss_and_gradient("mse", z, t[:, None] + cupy.zeros(4, np.int64))


def test_every_loss_of_the_reference_has_a_kernel():
    assert set(NAMES) == set(LOSSES)
