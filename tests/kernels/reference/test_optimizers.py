"""One step and many steps of each optimizer against loops over Python floats and closed forms."""

import math

import array_api_strict
import numpy as np
import pytest

from mlpcore.kernels.reference.optimizers import (
    adadelta,
    adagrad,
    adam,
    adamw,
    lion,
    nadam,
    radam,
    rmsprop,
    sgd,
    sgd_momentum,
)
from mlpcore.kernels.reference.optimizers.nadam import momentum, momentum_product
from mlpcore.kernels.reference.optimizers.radam import rectification

ADAM = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def gradients(steps, n, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, n))


def test_sgd_by_hand():
    p = np.array([1.0, 2.0])
    sgd(p, np.array([0.5, -1.0]), lr=0.1)
    np.testing.assert_allclose(p, [0.95, 2.1], rtol=1e-15)


def test_momentum_by_hand():
    p, v = np.array([1.0]), np.array([0.0])
    sgd_momentum(p, np.array([1.0]), v, lr=0.1, momentum=0.5)
    assert v[0] == 1.0  # v = 0.5 · 0 + 1
    assert p[0] == pytest.approx(0.9, rel=1e-15)
    sgd_momentum(p, np.array([2.0]), v, lr=0.1, momentum=0.5)
    assert v[0] == 2.5  # v = 0.5 · 1 + 2
    assert p[0] == pytest.approx(0.65, rel=1e-15)


def test_nesterov_by_hand():
    p, v = np.array([1.0]), np.array([0.0])
    sgd_momentum(p, np.array([1.0]), v, lr=0.1, momentum=0.5, nesterov=True)
    assert p[0] == pytest.approx(1 - 0.1 * (1 + 0.5 * 1), rel=1e-15)
    sgd_momentum(p, np.array([2.0]), v, lr=0.1, momentum=0.5, nesterov=True)
    assert v[0] == 2.5
    assert p[0] == pytest.approx(0.85 - 0.1 * (2 + 0.5 * 2.5), rel=1e-15)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_pytorchs_loop(nesterov):
    """torch.optim.SGD: buf = μ buf + g; step along g + μ buf or buf; p -= lr step."""
    lr, mu, g = 0.05, 0.9, gradients(30, 6)
    p, v = np.linspace(-1, 1, 6), np.zeros(6)
    expected, buffer = p.tolist(), [0.0] * 6
    for t in range(30):
        sgd_momentum(p, g[t], v, lr=lr, momentum=mu, nesterov=nesterov)
        for i in range(6):
            gi = float(g[t, i])
            buffer[i] = gi if t == 0 else mu * buffer[i] + gi
            expected[i] -= lr * (gi + mu * buffer[i] if nesterov else buffer[i])
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(v, buffer, rtol=1e-13)


def test_momentum_under_a_constant_gradient_is_a_geometric_sum():
    """v_t = g (1 - μᵗ) / (1 - μ), so that the step grows towards η g / (1 - μ)."""
    p, v, g = np.zeros(1), np.zeros(1), np.array([2.0])
    position = 0.0
    for t in range(1, 101):
        sgd_momentum(p, g, v, lr=0.1, momentum=0.9)
        position -= 0.1 * 2 * (1 - 0.9**t) / 0.1
        assert v[0] == pytest.approx(2 * (1 - 0.9**t) / 0.1, rel=1e-13)
    assert p[0] == pytest.approx(position, rel=1e-13)


def test_nesterov_is_momentum_seen_from_where_the_gradient_is_taken():
    """Sutskever et al. 2013, equations 3 and 4: u' = μ u - η ∇f(θ + μ u), θ' = θ + u'.

    The parameters p here are θ + μ u, for any f; f(x) = x⁴/4 + x² shows it.
    """

    def slope(x):
        return x**3 + 2 * x

    lr, mu, theta, u = 0.05, 0.8, 1.5, 0.0
    p, v = np.array([1.5]), np.zeros(1)
    for _ in range(40):
        sgd_momentum(p, slope(p), v, lr=lr, momentum=mu, nesterov=True)
        u = mu * u - lr * slope(theta + mu * u)
        theta += u
        assert p[0] == pytest.approx(theta + mu * u, rel=1e-10, abs=1e-12)


def test_adam_is_algorithm_1_of_the_paper():
    lr, b1, b2, eps = ADAM.values()
    g = gradients(50, 5, seed=1) * 10.0 ** np.arange(-4, 1)
    p, m, v = np.linspace(-1, 1, 5), np.zeros(5), np.zeros(5)
    expected, first, second = p.tolist(), [0.0] * 5, [0.0] * 5
    for t in range(1, 51):
        adam(np, p, g[t - 1], m, v, **ADAM, step=t)
        for i in range(5):
            gi = float(g[t - 1, i])
            first[i] = b1 * first[i] + (1 - b1) * gi
            second[i] = b2 * second[i] + (1 - b2) * gi**2
            m_hat = first[i] / (1 - b1**t)
            v_hat = second[i] / (1 - b2**t)
            expected[i] -= lr * m_hat / (math.sqrt(v_hat) + eps)
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(m, first, rtol=1e-12)
    np.testing.assert_allclose(v, second, rtol=1e-12)


def test_adams_first_step_has_the_length_of_the_learning_rate():
    """m̂ = g and v̂ = g², so that the step is η g / (|g| + ε)."""
    g = np.array([1e-6, -1e-3, 1.0, -1e6, 0.0])
    p = np.zeros(5)
    adam(np, p, g, np.zeros(5), np.zeros(5), **ADAM, step=1)
    np.testing.assert_allclose(p, -1e-2 * g / (np.abs(g) + 1e-8), rtol=1e-12)


def test_adam_under_a_constant_gradient_steps_by_the_learning_rate_for_ever():
    """Bias correction makes m̂ = g and v̂ = g² at every step, not only in the limit."""
    p, m, v = np.zeros(2), np.zeros(2), np.zeros(2)
    g = np.array([3.0, -0.01])
    for t in range(1, 201):
        adam(np, p, g, m, v, **ADAM, step=t)
        np.testing.assert_allclose(p, -t * 1e-2 * g / (np.abs(g) + 1e-8), rtol=1e-11)


def test_adam_does_not_see_the_scale_of_the_gradient():
    g = gradients(20, 4, seed=2)
    ends = []
    for scale in (1.0, 2.0**20):
        p, m, v = np.zeros(4), np.zeros(4), np.zeros(4)
        for t in range(20):
            adam(np, p, scale * g[t], m, v, **{**ADAM, "eps": 1e-30}, step=t + 1)
        ends.append(p)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-12)


def test_adamw_is_algorithm_2_of_the_paper():
    lr, b1, b2, eps = ADAM.values()
    g = gradients(50, 3, seed=4)
    p, m, v = np.linspace(-1, 1, 3), np.zeros(3), np.zeros(3)
    expected, first, second = p.tolist(), [0.0] * 3, [0.0] * 3
    for t in range(1, 51):
        adamw(np, p, g[t - 1], m, v, **ADAM, weight_decay=0.3, step=t)
        for i in range(3):
            gi = float(g[t - 1, i])
            first[i] = b1 * first[i] + (1 - b1) * gi
            second[i] = b2 * second[i] + (1 - b2) * gi**2
            step = first[i] / (1 - b1**t) / (math.sqrt(second[i] / (1 - b2**t)) + eps)
            expected[i] -= lr * (step + 0.3 * expected[i])
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-13)


def test_nadam_is_dozats_algorithm():
    """With ĝ = g / (1 - Π μ) and m̄ = (1 - μ_t) ĝ + μ_(t+1) m̂, where m̂ = m / (1 - Π μ to t + 1)."""
    lr, b1, b2, eps = ADAM.values()
    g = gradients(50, 3, seed=5)
    p, m, v = np.linspace(-1, 1, 3), np.zeros(3), np.zeros(3)
    expected, first, second = p.tolist(), [0.0] * 3, [0.0] * 3
    product = 1.0
    for t in range(1, 51):
        nadam(np, p, g[t - 1], m, v, **ADAM, momentum_decay=4e-3, weight_decay=0.3, step=t)
        mu, ahead = (b1 * (1 - 0.5 * 0.96 ** (s / 250)) for s in (t, t + 1))
        product *= mu
        for i in range(3):
            gi = float(g[t - 1, i])
            first[i] = b1 * first[i] + (1 - b1) * gi
            second[i] = b2 * second[i] + (1 - b2) * gi**2
            bar = (1 - mu) * gi / (1 - product) + ahead * first[i] / (1 - product * ahead)
            step = bar / (math.sqrt(second[i] / (1 - b2**t)) + eps)
            expected[i] -= lr * (step + 0.3 * expected[i])
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("beta1", "growth"), [(0.9, 4e-3), (0.0, 4e-3), (0.999999, 1.0), (0.99999, 1e3), (0.9, 0.0)]
)
def test_nadams_product_is_that_of_all_factors_or_too_small_to_matter(beta1, growth):
    settings = {"beta1": beta1, "momentum_decay": growth}
    product = 1.0
    for t in range(1, 100_200):
        product *= momentum(t, **settings)
        if t < 100 or t > 99_990:
            got = momentum_product(t, **settings)
            assert 1.0 - got == pytest.approx(1.0 - product, rel=1e-10)
    assert momentum_product(10**12, **settings) == 0.0


def test_radam_is_algorithm_2_of_the_paper_from_a_length_of_5_on():
    lr, b1, b2, eps = ADAM.values()
    g = gradients(50, 3, seed=6)
    p, m, v = np.linspace(-1, 1, 3), np.zeros(3), np.zeros(3)
    expected, first, second = p.tolist(), [0.0] * 3, [0.0] * 3
    longest = 2 / (1 - b2) - 1
    for t in range(1, 51):
        radam(np, p, g[t - 1], m, v, **ADAM, weight_decay=0.3, step=t)
        length = longest - 2 * t * b2**t / (1 - b2**t)
        assert (length > 5) == (t > 5)
        for i in range(3):
            gi = float(g[t - 1, i])
            first[i] = b1 * first[i] + (1 - b1) * gi
            second[i] = b2 * second[i] + (1 - b2) * gi**2
            step = first[i] / (1 - b1**t)
            if length > 5:
                r = (length - 4) * (length - 2) * longest
                r = math.sqrt(r / ((longest - 4) * (longest - 2) * length))
                step *= r * math.sqrt(1 - b2**t) / (math.sqrt(second[i]) + eps)
            expected[i] -= lr * (step + 0.3 * expected[i])
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-12)


def test_radam_becomes_adam():
    """The rectification tends to 1, and is 0 for ever where ρ∞ is at most 5."""
    assert rectification(10**5, beta2=0.999) == pytest.approx(1, abs=1e-12)
    assert {rectification(t, beta2=0.6) for t in (1, 2, 10, 1000)} == {0.0}
    assert rectification(5, beta2=0.999) == 0 < rectification(6, beta2=0.999) < 0.01


def test_rmsprop_by_hand():
    p, v = np.array([1.0]), np.zeros(1)
    rmsprop(np, p, np.array([2.0]), v, lr=0.1, alpha=0.75, eps=1.0)
    assert v[0] == 1.0  # 0.75 · 0 + 0.25 · 4
    assert p[0] == pytest.approx(0.9, rel=1e-15)  # 1 - 0.1 · 2 / (1 + 1)
    rmsprop(np, p, np.array([-5.0]), v, lr=0.1, alpha=0.75, eps=1.0)
    assert v[0] == 7.0
    assert p[0] == pytest.approx(0.9 + 0.5 / (math.sqrt(7) + 1), rel=1e-15)


def test_rmsprops_momentum_by_hand():
    p, v, b = np.array([1.0]), np.zeros(1), np.zeros(1)
    rmsprop(np, p, np.array([2.0]), v, lr=0.1, alpha=0.75, eps=1.0, b=b, momentum=0.5)
    assert b[0] == 1.0
    rmsprop(np, p, np.array([-5.0]), v, lr=0.1, alpha=0.75, eps=1.0, b=b, momentum=0.5)
    assert b[0] == pytest.approx(0.5 - 5 / (math.sqrt(7) + 1), rel=1e-15)
    assert p[0] == pytest.approx(0.9 - 0.1 * b[0], rel=1e-15)


def test_centered_rmsprop_divides_by_the_deviation():
    p, v, m = np.zeros(1), np.zeros(1), np.zeros(1)
    for g in (3.0, 1.0):
        rmsprop(np, p, np.array([g]), v, lr=0.1, alpha=0.5, eps=1.0, m=m)
    assert (v[0], m[0]) == (2.75, 1.25)  # 0.5 · 4.5 + 0.5 · 1 and 0.5 · 1.5 + 0.5 · 1
    first, second = 3 / (math.sqrt(4.5 - 2.25) + 1), 1 / (math.sqrt(2.75 - 1.5625) + 1)
    assert p[0] == pytest.approx(-0.1 * (first + second), rel=1e-14)


def test_a_variance_that_rounds_below_zero_is_zero():
    """Under a constant gradient v tends to m² from above, as far as roundings let it."""
    p, v, m = np.zeros(4), np.zeros(4), np.zeros(4)
    g = np.array([0.1, 0.3, 1e-3, 7.7])
    for _ in range(3000):
        before = p.copy()
        rmsprop(np, p, g, v, lr=1e-9, alpha=0.9, eps=1e-3, m=m)
        assert (p < before).all()
        assert np.isfinite(p).all()


def test_adagrad_by_hand():
    p, v = np.array([1.0]), np.zeros(1)
    adagrad(np, p, np.array([3.0]), v, lr=0.1, eps=1.0)
    assert p[0] == pytest.approx(1 - 0.1 * 3 / 4, rel=1e-15)
    adagrad(np, p, np.array([-4.0]), v, lr=0.1, eps=1.0)
    assert v[0] == 25.0
    assert p[0] == pytest.approx(0.925 + 0.1 * 4 / 6, rel=1e-15)


def test_adagrad_may_begin_with_more_than_nothing():
    p, v = np.array([1.0]), np.zeros(1)
    adagrad(np, p, np.array([3.0]), v, lr=0.1, eps=1.0, initial=16.0)
    assert p[0] == pytest.approx(1 - 0.1 * 3 / 6, rel=1e-15)


def test_adadelta_by_hand():
    p, v, u = np.array([1.0]), np.zeros(1), np.zeros(1)
    adadelta(np, p, np.array([2.0]), v, u, lr=1.0, rho=0.5, eps=1.0)
    first = 2 / math.sqrt(3)  # √(0 + 1) / √(0.5 · 4 + 1) · 2
    assert p[0] == pytest.approx(1 - first, rel=1e-15)
    assert u[0] == pytest.approx(0.5 * first**2, rel=1e-15)
    adadelta(np, p, np.array([-1.0]), v, u, lr=1.0, rho=0.5, eps=1.0)
    assert v[0] == 1.5
    second = -math.sqrt(2 / 3 + 1) / math.sqrt(2.5)
    assert p[0] == pytest.approx(1 - first - second, rel=1e-14)


def test_lion_by_hand():
    p, m = np.array([1.0, 1.0, 1.0]), np.array([4.0, -1.0, 0.0])
    g = np.array([-2.0, -2.0, 0.0])
    lion(np, p, g, m, lr=0.5, beta1=0.5, beta2=0.75, weight_decay=0.25)
    # The signs of 0.5 m + 0.5 g are +, - and 0.
    np.testing.assert_array_equal(p, 1 - 0.5 * (np.array([1.0, -1.0, 0.0]) + 0.25))
    np.testing.assert_array_equal(m, [2.5, -1.25, 0.0])


def run(name, xp, arrays, step):
    p, g, a, b = arrays
    if name == "sgd":
        sgd(p, g, lr=0.1)
    elif name == "adam":
        adam(xp, p, g, a, b, **ADAM, step=step)
    elif name in ("adamw", "nadam", "radam"):
        function = {"adamw": adamw, "nadam": nadam, "radam": radam}[name]
        more = {"momentum_decay": 4e-3} if name == "nadam" else {}
        function(xp, p, g, a, b, **ADAM, **more, weight_decay=0.1, step=step)
    elif name == "rmsprop":
        rmsprop(xp, p, g, a, lr=1e-3, alpha=0.99, eps=1e-8, b=b, momentum=0.9)
    elif name == "rmsprop_centered":
        rmsprop(xp, p, g, a, lr=1e-3, alpha=0.99, eps=1e-3, m=b)
    elif name == "adagrad":
        adagrad(xp, p, g, a, lr=0.1, eps=1e-10)
    elif name == "adadelta":
        adadelta(xp, p, g, a, b, lr=0.3, rho=0.9, eps=1e-6)
    elif name == "lion":
        lion(xp, p, g, a, lr=5e-4, beta1=0.9, beta2=0.99, weight_decay=0.1)
    else:
        sgd_momentum(p, g, a, lr=0.1, momentum=0.9, nesterov=name == "nesterov")


EVERY = ["sgd", "momentum", "nesterov", "adam", "adamw", "nadam", "radam", "rmsprop"]
EVERY += ["rmsprop_centered", "adagrad", "adadelta", "lion"]


@pytest.mark.parametrize("name", EVERY)
class TestEvery:
    def test_works_in_place_and_leaves_the_gradient_alone(self, name):
        arrays = [np.ones(4), np.full(4, 2.0), np.zeros(4), np.zeros(4)]
        views = [a[:] for a in arrays]
        run(name, np, arrays, 1)
        assert (views[0] != 1).all()
        np.testing.assert_array_equal(arrays[1], 2.0)

    def test_what_has_no_gradient_does_not_move(self, name):
        """The holes between parameters of a flat buffer stay zero."""
        arrays = [np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)]
        for step in range(1, 4):
            run(name, np, arrays, step)
        for a in arrays:
            np.testing.assert_array_equal(a, 0.0)

    def test_float32_stays_float32_on_any_namespace(self, name):
        xp = array_api_strict
        values = gradients(4, 5, seed=3).astype(np.float32)
        values[2:] = 0
        strict = [xp.asarray(v.copy()) for v in values]
        plain = list(values.copy())
        for step in (1, 2):
            run(name, xp, strict, step)
            run(name, np, plain, step)
        for a, b in zip(strict, plain, strict=True):
            assert a.dtype == xp.float32
            np.testing.assert_array_equal(np.from_dlpack(a), b)

    def test_the_minimum_of_a_bowl_is_found(self, name):
        curvature = np.array([1.0, 4.0])
        arrays = [np.array([0.3, -0.2]), np.zeros(2), np.zeros(2), np.zeros(2)]
        for step in range(1, 1001):
            arrays[1] = curvature * arrays[0]
            run(name, np, arrays, step)
        np.testing.assert_allclose(arrays[0], 0.0, atol=1e-3)
