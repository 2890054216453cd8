"""Bounds on the gradient: each element within a value, all of it within a norm."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.training import batch, classifier, descent, host, same, weights

from mlpcore.training.clipping import clip_norm, clip_values, gradient_norm

X, T = batch()
EPS = np.finfo(float).eps

vectors = st.sampled_from(["float32", "float64"]).flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        st.integers(0, 60),
        elements=st.floats(-(2.0**100), 2.0**100, width=32 if dtype == "float32" else 64),
    )
)


def norm(gradients):
    return math.sqrt(math.fsum(float(g) ** 2 for a in gradients.values() for g in a.ravel()))


@given(g=vectors)
def test_the_norm_is_the_root_of_the_sum_of_squares(g):
    exact = math.hypot(*map(float, g)) if g.size else 0.0
    assert float(gradient_norm(np, g)) == pytest.approx(exact, rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("size", [1, 8191, 8192, 8193, 100_000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_norm_of_long_vectors(size, dtype):
    """Each sum of squares has size / 8192 terms and 13 halvings: (13 + size / 8192) ε at most."""
    g = np.random.default_rng(size).normal(size=size).astype(dtype)
    exact = math.sqrt(math.fsum(float(v) ** 2 for v in g))
    assert float(gradient_norm(np, g)) == pytest.approx(exact, rel=(15 + size / 8192) * EPS)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_the_norm_neither_overflows_nor_vanishes(scale):
    g = np.array([3.0, 4.0]) * scale
    assert float(gradient_norm(np, g)) == pytest.approx(5 * scale, rel=1e-15)


@given(g=vectors, limit=st.floats(1e-3, 1e3))
def test_a_clipped_gradient_keeps_its_direction_and_has_the_norm_at_most(g, limit):
    clipped = g.copy()
    before = float(clip_norm(np, clipped, limit))
    eps = float(np.finfo(g.dtype).eps)
    tiny = float(np.finfo(g.dtype).smallest_subnormal)
    if before <= limit:
        np.testing.assert_array_equal(clipped, g)
    else:
        np.testing.assert_allclose(clipped, g * (limit / before), rtol=2 * eps, atol=tiny)
        assert float(gradient_norm(np, clipped)) <= limit * (1 + 2 * eps)


@given(g=vectors, limit=st.floats(1e-3, 1e3))
def test_clipped_values_are_the_nearest_within_the_bounds(g, limit):
    clipped = g.copy()
    clip_values(np, clipped, limit)
    np.testing.assert_array_equal(clipped, np.minimum(np.maximum(g, -limit), limit).astype(g.dtype))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_not_hidden(bad):
    g = np.array([1.0, bad, 2.0])
    with np.errstate(all="ignore"):
        found = clip_norm(np, g, 1.0)
    assert not np.isfinite(found)
    assert np.isnan(g).any()


@pytest.mark.parametrize("limit", [0.01, 1e6])
def test_a_step_follows_the_clipped_gradient_and_tells_its_norm(device, limit):
    model = classifier(device=device)
    plain = descent(classifier(device=device), X, T, l2=0.1)
    before = weights(model)
    trainer = model.trainer(optimizer="sgd", lr=1.0, l2=0.1, clip_norm=limit)
    assert trainer.gradient_norm is None
    trainer.step(X, T)
    assert float(trainer.gradient_norm) == pytest.approx(norm(plain), rel=1e-12)
    found = {name: before[name] - after for name, after in weights(model).items()}
    factor = min(1.0, limit / norm(plain))
    for name, g in plain.items():
        np.testing.assert_allclose(found[name], factor * g, rtol=1e-9, atol=1e-15)
    assert norm(found) <= limit * (1 + 1e-9)


def test_values_are_clipped_before_the_norm(device):
    plain = descent(classifier(device=device), X, T)
    found = descent(classifier(device=device), X, T, clip_value=0.02, clip_norm=0.05)
    clipped = {name: np.clip(g, -0.02, 0.02) for name, g in plain.items()}
    assert norm(clipped) > 0.05
    for name, g in clipped.items():
        np.testing.assert_allclose(found[name], g * (0.05 / norm(clipped)), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wide_bound_takes_the_steps_of_no_bound_to_rounding(device, dtype):
    """The fused step and the one in parts differ in roundings only."""
    x, t = batch(dtype=dtype)
    model, plain = (classifier(device=device, dtype=dtype) for _ in range(2))
    for net, options in ((model, {"clip_norm": 1e9}), (plain, {})):
        trainer = net.trainer(optimizer="sgd", lr=0.1, **options)
        for _ in range(3):
            trainer.step(x, t)
    for name, W in weights(plain).items():
        np.testing.assert_allclose(
            weights(model)[name], W, rtol=1e-4, atol=100 * np.finfo(dtype).eps
        )


def test_clipped_runs_repeat_their_bits(device):
    def run():
        model = classifier(device=device, dtype="float32")
        trainer = model.trainer(clip_norm=0.1, clip_value=0.05)
        for _ in range(4):
            trainer.step(X, T)
        return weights(model), host(trainer.gradient_norm)

    (first, one), (second, two) = run(), run()
    assert same(first, second)
    assert one == two


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf"), "1"])
def test_a_bound_that_is_none_is_refused(name, limit):
    with pytest.raises((TypeError, ValueError), match=f"{name} must be"):
        classifier().trainer(**{name: limit})
