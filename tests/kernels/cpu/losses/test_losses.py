"""Every kernel computes its loss as the reference does, whatever lane a row is in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.differences import central_differences
from support.loss_kernels import run_loss
from support.panels import same_bits
from support.written_kernels import DTYPES, ISAS

from mlpcore.backends.cpu.fused_loss import LossInputs, fused_loss
from mlpcore.kernels.cpu.losses import LOSSES
from mlpcore.nn.losses import loss

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

CLASSES = 5
WEIGHTS = (0.5, 2.0, 0.0, 1.0, 3.0)
CASES = {
    "cross_entropy": loss("cross_entropy"),
    "cross_entropy weighted": loss("cross_entropy", class_weight=WEIGHTS),
    "cross_entropy_smooth": loss("cross_entropy", label_smoothing=0.1),
    "cross_entropy_smooth weighted": loss(
        "cross_entropy", label_smoothing=0.1, class_weight=WEIGHTS
    ),
    "cross_entropy_distributions": loss("cross_entropy"),
    "cross_entropy_distributions weighted": loss(
        "cross_entropy", label_smoothing=0.1, class_weight=WEIGHTS
    ),
    "nll": loss("nll"),
    "nll weighted": loss("nll", class_weight=WEIGHTS),
    "binary_cross_entropy": loss("binary_cross_entropy"),
    "binary_cross_entropy weighted": loss("binary_cross_entropy", pos_weight=WEIGHTS),
    "mse": loss("mse"),
    "mae": loss("mae"),
    "huber": loss("huber", delta=0.7),
    "poisson": loss("poisson"),
}
OF_LABELS = [n for n in CASES if n.split()[0] in ("cross_entropy", "cross_entropy_smooth", "nll")]
every_case = pytest.mark.parametrize("case", CASES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def test_every_kernel_has_a_case():
    assert {case.split()[0] for case in CASES} == set(LOSSES)


def targets(case, n, seed, dtype, features=CLASSES):
    random = np.random.default_rng(seed)
    if case in OF_LABELS:
        return random.integers(0, features, n)
    t = random.random((n, features))
    if "distributions" in case:
        t /= t.sum(axis=-1, keepdims=True)
    return t.astype(dtype)


def logits(n, seed, dtype, scale=3.0, features=CLASSES):
    return (scale * np.random.default_rng(seed).normal(size=(n, features))).astype(dtype)


def fused(case, dtype):
    made = fused_loss(CASES[case], CLASSES, dtype, labels=case in OF_LABELS)
    assert made.kernel == case.split()[0]
    return made


def run(case, z, t, sample_weight=None, **how):
    """Return the losses of the rows and dz of their sum."""
    inputs = fused(case, z.dtype).inputs(t, sample_weight, "sum")
    return run_loss(case.split()[0], z, inputs, **how)


def reference(case, z, t, dtype=np.longdouble):
    """Return the same by the reference in a wider dtype."""
    with np.errstate(all="ignore"):
        losses, _ = CASES[case](np, z.astype(dtype), t, reduction="none")
        _, dz = CASES[case](np, z.astype(dtype), t, reduction="sum")
        return (losses.sum(axis=-1) if losses.ndim == 2 else losses), dz


def assert_close(found, expected, ulps):
    """Equal, or off by a few ulp of the largest number, as sums and differences make it."""
    losses, dz = found
    bound = ulps * np.finfo(dz.dtype).eps
    np.testing.assert_allclose(losses, expected[0], rtol=bound, atol=bound)
    np.testing.assert_allclose(dz, expected[1], rtol=bound, atol=bound * np.abs(expected[1]).max())


@every_case
@every_dtype
@pytest.mark.parametrize("n", [1, 8, 45])
def test_losses_and_gradients_are_those_of_the_reference(case, dtype, n):
    z, t = logits(n, 1, dtype), targets(case, n, 2, dtype)
    assert_close(run(case, z, t), reference(case, z, t), ulps=4 * CLASSES)


@every_case
def test_dz_is_the_derivative_of_the_loss(case):
    z, t = logits(6, 3, "float64", 1.0), targets(case, 6, 4, "float64")
    _, dz = run(case, z, t)
    slope = central_differences(lambda: run(case, z, t)[0].sum(), z)
    np.testing.assert_allclose(dz, slope, rtol=1e-6, atol=1e-8)


@every_case
@every_dtype
def test_every_instruction_set_computes_the_same_bits(case, dtype):
    z, t = logits(45, 5, dtype), targets(case, 45, 6, dtype)
    z[3, 1], z[7, 2], z[9, 0] = np.nan, np.inf, -np.inf
    first, *others = [run(case, z, t, isa=isa) for isa in ISAS]
    for other in others:
        assert all(map(same_bits, first, other))


@every_case
@given(
    st.integers(1, 40), st.integers(1, 2), st.booleans(), st.sampled_from(DTYPES), st.integers(0, 9)
)
def test_a_row_depends_on_nothing_beside_it(case, n, vectors, in_place, dtype, seed):
    """Neither its lane, nor its neighbours, the width of the panel or what its lane held before."""
    z, t = logits(n, seed, dtype), targets(case, n, seed + 100, dtype)
    row = seed % n
    alone = run(case, z[row : row + 1], t[row : row + 1])
    z[:row] = np.nan
    losses, dz = run(case, z, t, vectors=vectors, in_place=in_place, beyond=np.inf)
    assert same_bits(alone[0], losses[row : row + 1])
    assert same_bits(alone[1], dz[row : row + 1])


@every_case
@every_dtype
def test_a_row_of_weight_0_takes_no_part_whatever_it_holds(case, dtype):
    z, t = logits(9, 7, dtype), targets(case, 9, 8, dtype)
    t[4] = -100 if case in OF_LABELS else np.nan
    z[2:4] = np.nan
    weight = np.ones(9)
    weight[2:5] = 0
    losses, dz = run(case, z, t, weight)
    assert (losses[2:5] == 0).all()
    assert (dz[2:5] == 0).all()
    assert np.isfinite(losses).all()
    assert np.isfinite(dz).all()


@pytest.mark.parametrize("case", OF_LABELS)
@every_dtype
@pytest.mark.parametrize("label", [-1, CLASSES, 2**31, 2**32, 2**40 + 1, -(2**32), -(2**63)])
def test_a_label_that_is_no_class_makes_its_row_nan(case, dtype, label):
    z, t = logits(20, 9, dtype), targets(case, 20, 10, dtype)
    t[[3, 19]] = label
    losses, dz = run(case, z, t)
    unknown = np.isin(np.arange(20), [3, 19])
    assert np.isnan(losses[unknown]).all()
    assert np.isnan(dz[unknown]).all()
    assert np.isfinite(losses[~unknown]).all()
    assert np.isfinite(dz[~unknown]).all()


@every_case
@every_dtype
@pytest.mark.parametrize("scale", [1e2, 1e4, 1e30, None])
def test_logits_of_any_size_give_what_they_give_in_the_reference(case, dtype, scale):
    """None stands for half the largest float, both signs of it."""
    big = np.finfo(dtype).max / 2
    z = logits(30, 11, dtype, 1.0)
    z = np.sign(z) * np.asarray(big, dtype) if scale is None else z * np.asarray(scale, dtype)
    t = targets(case, 30, 12, dtype)
    bound = 4 * CLASSES * np.finfo(dtype).eps
    for ours, theirs in zip(run(case, z, t), reference(case, z, t, dtype), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=bound, atol=bound)


@every_case
@every_dtype
def test_infinities_and_nan_come_out_as_in_the_reference(case, dtype):
    special = np.array([0.0, 1.5, np.inf, -np.inf, np.nan], dtype)
    grid = np.meshgrid(special, special, special, [0.5], [-2.0])
    z = np.stack([axis.ravel() for axis in grid], axis=-1).astype(dtype)
    t = targets(case, len(z), 13, dtype)
    if case not in OF_LABELS:
        t[::2] = np.eye(CLASSES)[np.arange(len(t[::2])) % CLASSES]
    weight = np.ones(len(z))
    found, expected = run(case, z, t, weight), reference(case, z, t, dtype)
    # A class of weight 0 takes its rows out, NaN and all, where the reference keeps a NaN in dz.
    counted = np.array(WEIGHTS)[t] > 0 if "weighted" in case and t.ndim == 1 else weight > 0
    if "smooth" in case:
        counted = weight > 0
    bound = 4 * CLASSES * np.finfo(dtype).eps
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours[counted], theirs[counted], rtol=bound, atol=bound)


@pytest.mark.parametrize("features", [1, 2, 16, 17, 33, 300])
@every_dtype
@pytest.mark.parametrize("case", ["cross_entropy", "cross_entropy_distributions", "mse"])
def test_rows_of_any_width(case, dtype, features):
    z = logits(19, 14, dtype, features=features)
    t = targets(case, 19, 15, dtype, features)
    made = fused_loss(CASES[case], features, dtype, labels=case in OF_LABELS)
    found = run_loss(made.kernel, z, made.inputs(t, None, "sum"))
    assert_close(found, reference(case, z, t), ulps=4 * features + 16)


@every_dtype
def test_targets_may_be_rows_of_a_wider_array(dtype):
    z, t = logits(21, 16, dtype), targets("mse", 21, 17, dtype)
    wide = np.full((21, CLASSES + 3), np.nan, dtype)
    wide[:, 2:-1] = t
    inputs = fused("mse", dtype).inputs(wide[:, 2:-1], None, "sum")
    assert inputs.target_stride == CLASSES + 3
    assert all(map(same_bits, run_loss("mse", z, inputs), run("mse", z, t)))


def test_a_mean_stays_finite_where_the_sum_of_its_terms_would_overflow():
    z = np.full((1, CLASSES), 1.5e19, "float32")
    inputs = fused("mse", "float32").inputs(np.zeros_like(z))
    losses, _ = run_loss("mse", z, inputs)
    np.testing.assert_allclose(losses, 2.25e38, rtol=1e-6)


def test_no_rows_at_all():
    z = logits(0, 0, "float32")
    losses, dz = run("cross_entropy", z, targets("cross_entropy", 0, 0, "float32"))
    assert losses.shape == (0,)
    assert dz.shape == (0, CLASSES)


@every_dtype
def test_the_settings_of_a_kernel_may_be_given_by_hand(dtype):
    """Weights 0.25 of two rows, labels 0 and 1, logits 0: l = log 2 and dz = 1/2 - [k = t]."""
    inputs = LossInputs(
        "cross_entropy", np.array([0, 1]), np.full(2, 0.25, dtype), np.zeros(0, dtype)
    )
    losses, dz = run_loss("cross_entropy", np.zeros((2, 2), dtype), inputs)
    np.testing.assert_allclose(losses, 0.25 * np.log(2), rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(dz, [[-0.125, 0.125], [0.125, -0.125]])


@every_dtype
def test_a_distance_may_overflow_where_its_product_with_a_small_probability_does_not(dtype):
    """l = q (m - z) for the class that is far below, 1.8 times the largest float away."""
    z = np.array([[0.9, -0.9]], dtype) * np.finfo(dtype).max
    made = fused_loss(loss("cross_entropy"), 2, dtype, labels=False)
    losses, _ = run_loss(made.kernel, z, made.inputs(np.array([[0.75, 0.25]], dtype)))
    expected = 0.45 * float(np.finfo(dtype).max)
    np.testing.assert_allclose(losses.astype("float64"), [expected], rtol=1e-6)
