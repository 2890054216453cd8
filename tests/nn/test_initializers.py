"""Initial weights against the formulas of the papers they come from.

Bounds on moments are five standard errors of the estimate, which a right formula exceeds once in
1.7 million draws; and the draws are seeded.
"""

import numpy as np
import pytest

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.nn.activations import activation, default_initializer, gain
from mlpcore.nn.initializers import initialize, initialize_bias, names

OUT, IN = 300, 500

# name: the variance for weights between two ReLUs, from fan_in and fan_out
VARIANCES = {
    "he_normal": lambda i, o: 2 / i,
    "he_uniform": lambda i, o: 2 / i,
    "glorot_normal": lambda i, o: 2 / (i + o),
    "glorot_uniform": lambda i, o: 2 / (i + o),
    "lecun_normal": lambda i, o: 1 / i,
    "lecun_uniform": lambda i, o: 1 / i,
    "siren": lambda i, o: 6 / i / 3,
}
UNIFORM = ("he_uniform", "glorot_uniform", "lecun_uniform", "siren")


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_and_variance(name):
    w = initialize(name, rng(), (OUT, IN), activation="relu", preceding="relu")
    variance = VARIANCES[name](IN, OUT)
    n = w.size
    # Var(s²) = (κ - 1) σ⁴ / n, with kurtosis κ of 3 for a normal and 9/5 for a uniform distribution
    kurtosis = 9 / 5 if name in UNIFORM else 3
    assert abs(w.mean()) < 5 * np.sqrt(variance / n)
    assert abs(np.mean(w * w) / variance - 1) < 5 * np.sqrt((kurtosis - 1) / n)


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_weights_fill_their_interval_and_stay_inside(name):
    w = initialize(name, rng(1), (OUT, IN), activation="relu", preceding="relu")
    bound = np.sqrt(3 * VARIANCES[name](IN, OUT))
    assert np.abs(w).max() <= bound
    # The largest of n falls below (1 - ε) of the bound with probability (1 - ε)ⁿ.
    assert np.abs(w).max() > bound * (1 - 20 / w.size)


@pytest.mark.parametrize("name", ["he_normal", "glorot_normal", "lecun_normal"])
def test_normal_weights_are_normal(name):
    """The share beyond two standard deviations, with its binomial standard error."""
    w = initialize(name, rng(2), (OUT, IN), activation="relu", preceding="relu")
    share = np.mean(np.abs(w) > 2 * np.sqrt(VARIANCES[name](IN, OUT)))
    expected = 0.04550026389635842
    assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / w.size)


WITH_GAIN = ("he_normal", "he_uniform", "orthogonal")


@pytest.mark.parametrize("preceding", ["tanh", "relu", "silu", activation("leaky_relu", slope=0.5)])
def test_the_gain_of_what_comes_before_scales_he_and_orthogonal_alone(preceding):
    for name in WITH_GAIN:
        one = initialize(name, rng(), (7, 5), preceding="identity")
        scaled = initialize(name, rng(), (7, 5), preceding=preceding)
        np.testing.assert_allclose(scaled, gain(preceding) * one, rtol=1e-14)
    for name in ("glorot_normal", "glorot_uniform", "lecun_normal", "lecun_uniform"):
        np.testing.assert_array_equal(
            initialize(name, rng(), (7, 5), preceding="identity"),
            initialize(name, rng(), (7, 5), preceding=preceding),
        )


@pytest.mark.parametrize("name", WITH_GAIN)
def test_what_follows_does_not_scale(name):
    """z = f(z') Wᵀ has f before the weight; the one after it makes up for nothing."""
    np.testing.assert_array_equal(
        initialize(name, rng(), (7, 5), activation="silu", preceding="relu"),
        initialize(name, rng(), (7, 5), activation="tanh", preceding="relu"),
    )


@pytest.mark.parametrize("name", WITH_GAIN)
def test_a_raw_input_has_the_gain_of_the_identity(name):
    """He et al., the remark below equation 10: no activation has halved the input."""
    np.testing.assert_array_equal(
        initialize(name, rng(), (7, 5), activation="relu"),
        initialize(name, rng(), (7, 5), activation="relu", preceding="identity"),
    )


@pytest.mark.parametrize("shape", [(40, 40), (20, 50), (50, 20), (1, 9), (9, 1)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape):
    w = initialize("orthogonal", rng(3), shape)
    product = w @ w.T if shape[0] <= shape[1] else w.T @ w
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-14)


def test_orthogonal_is_uniform_over_rotations_and_reflections():
    """Each entry of a random orthogonal matrix has mean 0: no sign is preferred on the diagonal."""
    n, draws = 3, 2000
    generator = rng(4)
    mean = np.mean([initialize("orthogonal", generator, (n, n)) for _ in range(draws)], axis=0)
    assert np.abs(mean).max() < 5 * np.sqrt(1 / n / draws)


def test_zeros():
    np.testing.assert_array_equal(initialize("zeros", rng(), (2, 3)), np.zeros((2, 3)))


@pytest.mark.parametrize("omega", [1.0, 30.0])
def test_siren_is_the_papers_network(omega):
    sine = activation("sin", omega=omega)
    first = initialize("siren", rng(), (OUT, IN), activation=sine)
    other = initialize("siren", rng(), (OUT, IN), activation=sine, preceding=sine)
    for w, bound in ((first, 30 / (IN * omega)), (other, np.sqrt(6 / IN) / omega)):
        assert bound * (1 - 20 / w.size) < np.abs(w).max() <= bound
    if omega == 30:
        assert np.abs(first).max() <= 1 / IN  # as in the paper's section on ω₀ = 30


@pytest.mark.parametrize("preceding", [None, "sin"])
def test_siren_computes_the_same_function_whichever_omega_is_written_out(preceding):
    x = rng(5).normal(size=(4, 3))

    def layer(omega):
        sine = activation("sin", omega=omega)
        w = initialize("siren", rng(6), (8, 3), activation=sine, preceding=preceding)
        b = initialize_bias(rng(7), 3, 8, activation=sine)
        return np.sin(omega * (x @ w.T + b))

    np.testing.assert_allclose(layer(1.0), layer(30.0), rtol=1e-12)


@pytest.mark.parametrize("omega", [1.0, 2.5, 30.0])
def test_the_phases_of_a_siren_are_uniform(omega):
    """ω b from U(±30 / √fan_in): the bias of PyTorch's linear layer under the sine of 30 z."""
    fan_in, size = 16, 100_000
    phases = omega * initialize_bias(rng(), fan_in, size, activation=activation("sin", omega=omega))
    bound = 30 / np.sqrt(fan_in)
    assert phases.shape == (size,)
    assert bound * (1 - 20 / size) < np.abs(phases).max() <= bound
    assert abs(phases.mean()) < 5 * bound / np.sqrt(3 * size)
    assert abs(3 * np.mean(phases**2) / bound**2 - 1) < 5 * np.sqrt((9 / 5 - 1) / size)


def test_only_a_sine_has_biases_other_than_zero():
    for name in set(ACTIVATIONS) - {"sin"}:
        b = initialize_bias(rng(), 3, 5, activation=name)
        assert b.dtype == np.float64
        np.testing.assert_array_equal(b, np.zeros(5))
    own = activation((np.sin, np.cos))
    assert own.name == "sin"  # which is not the table's: its ω is not known
    np.testing.assert_array_equal(initialize_bias(rng(), 3, 5, activation=own), np.zeros(5))
    w = initialize("siren", rng(), (2, 6), activation=own, preceding=own)
    np.testing.assert_array_equal(w, initialize("siren", rng(), (2, 6), preceding="sin"))


@pytest.mark.parametrize("widths", [(0, 3), (3, 0)])
def test_a_bias_needs_widths(widths):
    with pytest.raises(ValueError, match=f"two positive widths, got {widths[0]} and {widths[1]}"):
        initialize_bias(rng(), *widths, activation="sin")


def test_siren_settles_at_its_fixed_point_in_depth():
    """A variance v of z gives E[sin²] = (1 - e⁻²ᵛ) / 2 and weights 2 / n the next v = 1 - e⁻²ᵛ.

    The first layer's wide z give the 1/2 of the arcsine distribution and so v = 1, as in section
    3.2 of the paper; from there v falls to the solution 0.7968 and stays.
    """
    generator, width = rng(7), 1024
    a = generator.uniform(-1, 1, (256, 2))
    expected = np.inf
    preceding = None
    for depth in range(8):
        shape = (width, a.shape[1])
        w = initialize("siren", generator, shape, activation="sin", preceding=preceding)
        preceding = "sin"
        z = a @ w.T
        a = np.sin(z)
        if depth > 0:
            expected = -np.expm1(-2 * expected)
            assert np.var(z) == pytest.approx(expected, rel=0.05)
    assert expected == pytest.approx(0.7968, rel=1e-2)


def moments_in_depth(name, initializer, depth, width=128):
    """E[z²] of each layer, from z ~ N(0, 1) on."""
    generator = rng(8)
    z = generator.normal(size=(64, width))
    moments = []
    for _ in range(depth):
        a = ACTIVATIONS[name].forward(np, z)
        z = a @ initialize(initializer, generator, (width, width), preceding=name).T
        moments.append(np.mean(z * z))
    return np.array(moments)


@pytest.mark.parametrize("name", ["identity", "relu", "leaky_relu"])
@pytest.mark.parametrize("initializer", ["he_normal", "he_uniform", "orthogonal"])
def test_a_deep_homogeneous_net_keeps_its_second_moment(name, initializer):
    """Each layer multiplies it by 1 ± √(5/n): 30 layers of 128 by e^±1.08 in one deviation."""
    assert np.abs(np.log(moments_in_depth(name, initializer, 30))).max() < 3 * 1.08


@pytest.mark.parametrize("name", ["elu", "gelu", "gelu_tanh", "silu", "mish", "hard_swish", "selu"])
def test_the_default_initializer_keeps_the_second_moment_of_a_net_that_starts_at_one(name):
    """Five layers of 512 within e^±0.3, where √2 for each would miss by e^±0.5 or more.

    Deeper, functions that grow faster than linearly repel from the fixed point at 1, and SELU
    attracts.
    """
    moments = moments_in_depth(name, default_initializer(name), 5, 512)
    assert np.abs(np.log(moments)).max() < 0.3


def test_selu_attracts_to_mean_zero_and_variance_one_from_elsewhere():
    for start in (0.8, 1.2):
        generator = rng(11)
        a = start * generator.normal(size=(64, 512))
        for _ in range(15):
            w = initialize("lecun_normal", generator, (512, 512))
            a = ACTIVATIONS["selu"].forward(np, a @ w.T)
        assert np.mean(a) == pytest.approx(0, abs=0.1)
        assert np.var(a) == pytest.approx(1, rel=0.1)


def test_auto_takes_the_initializer_of_the_activation():
    for name in ACTIVATIONS:
        np.testing.assert_array_equal(
            initialize("auto", rng(), (4, 6), activation=name),
            initialize(default_initializer(name), rng(), (4, 6), activation=name),
        )


@pytest.mark.parametrize("name", names())
def test_a_seed_gives_the_same_weights_and_another_seed_others(name):
    first = initialize(name, rng(9), (4, 6))
    assert first.shape == (4, 6)
    assert first.dtype == np.float64
    assert first.flags.c_contiguous
    assert first.flags.writeable
    np.testing.assert_array_equal(first, initialize(name, rng(9), (4, 6)))
    if name != "zeros":
        assert not np.array_equal(first, initialize(name, rng(10), (4, 6)))


def test_an_initializer_of_ones_own():
    w = initialize(lambda generator, shape: generator.normal(size=shape), rng(), (2, 3))
    np.testing.assert_array_equal(w, rng().normal(size=(2, 3)))
    constant = np.ones((2, 3), np.float32)
    w = initialize(lambda generator, shape: constant, rng(), (2, 3))
    assert w.dtype == np.float64
    assert not np.shares_memory(w, constant)


def test_what_an_initializer_of_ones_own_returns_is_checked():
    with pytest.raises(ValueError, match=r"shape \(3, 2\) for a weight of \(2, 3\)"):
        initialize(lambda generator, shape: np.ones(shape[::-1]), rng(), (2, 3))
    with pytest.raises(ValueError, match="not finite"):
        initialize(lambda generator, shape: np.full(shape, np.nan), rng(), (2, 3))


def test_unknown_names_and_bad_shapes_are_refused():
    with pytest.raises(ValueError, match="did you mean 'he_normal'") as caught:
        initialize("he_norml", rng(), (2, 3))
    assert all(name in str(caught.value) for name in names())
    for shape in [(0, 3), (3, 0), (3,), (2, 3, 4)]:
        with pytest.raises(ValueError, match="both positive"):
            initialize("zeros", rng(), shape)
