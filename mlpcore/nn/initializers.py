r"""Initial weights by name, with the paper that each formula comes from, and initial biases.

A weight has shape (out, in); its fan_in is ``in`` and its fan_out ``out``.  Everything is drawn on
the host in float64 from a NumPy generator, so that a seed gives the same weights on every device.

A layer computes z = x Wᵀ + b from the result x = f(z') of the layer before, so that weights of
variance g² / fan_in give E[z²] = g² E[f(z')²]: the gain g that keeps E[z²] where it was makes up
for the activation before the weight, not for the one after it.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from mlpcore.kernels.reference.operations import Activation
from mlpcore.names import unknown
from mlpcore.nn import activations

__all__ = ["Initializer", "InitializerSpec", "initialize", "initialize_bias", "names"]

Weight: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Bias: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Shape: TypeAlias = tuple[int, int]

Initializer: TypeAlias = Callable[[np.random.Generator, tuple[int, int]], Any]
"""An initialiser of a user's own: (rng, (out, in)) to an array of that shape."""

InitializerSpec: TypeAlias = str | Initializer
"""A name, or an initialiser of a user's own."""


def _normal(rng: np.random.Generator, shape: Shape, std: float) -> Weight:
    return std * rng.standard_normal(shape)


def _uniform(rng: np.random.Generator, shape: Shape, bound: float) -> Weight:
    return rng.uniform(-bound, bound, shape)


def he_normal(rng: np.random.Generator, shape: Shape, gain: float) -> Weight:
    """Draw from N(0, gain² / fan_in).

    K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", arXiv:1502.01852, section
    2.2.  Equation 7 is Var[z] = fan_in Var[W] E[x²] with x = f(z') from the layer before, equation
    8 puts E[x²] = Var[z'] / 2 for a ReLU there, and equation 10 is fan_in Var[W] / 2 = 1: a
    standard deviation of √(2 / fan_in), the gain √2; equation 15 is the same for a leaky ReLU.  As
    they remark below equation 10, no ReLU comes before the first layer, where fan_in Var[W] = 1 is
    right; they let one factor of two pass for simplicity, but here that layer has gain 1.
    """
    return _normal(rng, shape, gain / math.sqrt(shape[1]))


def he_uniform(rng: np.random.Generator, shape: Shape, gain: float) -> Weight:
    """Draw from U(±gain √(3 / fan_in)), which has the variance of `he_normal`."""
    return _uniform(rng, shape, gain * math.sqrt(3.0 / shape[1]))


def glorot_normal(rng: np.random.Generator, shape: Shape) -> Weight:
    """Draw from N(0, 2 / (fan_in + fan_out)).

    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, equation 12.
    """
    return _normal(rng, shape, math.sqrt(2.0 / (shape[0] + shape[1])))


def glorot_uniform(rng: np.random.Generator, shape: Shape) -> Weight:
    """Draw from U(±√(6 / (fan_in + fan_out))): Glorot and Bengio 2010, equation 16."""
    return _uniform(rng, shape, math.sqrt(6.0 / (shape[0] + shape[1])))


def lecun_normal(rng: np.random.Generator, shape: Shape) -> Weight:
    """Draw from N(0, 1 / fan_in).

    Y. LeCun, L. Bottou, G. B. Orr and K.-R. Müller, "Efficient BackProp" (1998), equation 16; with
    SELU it is what G. Klambauer et al., arXiv:1706.02515, ask for.
    """
    return _normal(rng, shape, 1.0 / math.sqrt(shape[1]))


def lecun_uniform(rng: np.random.Generator, shape: Shape) -> Weight:
    """Draw from U(±√(3 / fan_in)), which has the variance of `lecun_normal`."""
    return _uniform(rng, shape, math.sqrt(3.0 / shape[1]))


def orthogonal(rng: np.random.Generator, shape: Shape, gain: float) -> Weight:
    """Draw gain times a random matrix with orthonormal rows or columns, whichever are fewer.

    A. M. Saxe, J. L. McClelland and S. Ganguli, arXiv:1312.6120.  The QR factorisation of a
    Gaussian matrix is uniform over such matrices only once R's diagonal is made positive (F.
    Mezzadri, arXiv:math-ph/0609050).
    """
    out, fan_in = shape
    q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return gain * (q if out >= fan_in else q.T)


def zeros(rng: np.random.Generator, shape: Shape) -> Weight:  # noqa: ARG001
    """Return zeros: for a last layer that should begin with its bias alone."""
    return np.zeros(shape)


def siren(rng: np.random.Generator, shape: Shape, omega: float, *, first_layer: bool) -> Weight:
    """Draw from U(±30 / (ω fan_in)) for the first layer and U(±√(6 / fan_in) / ω) for the others.

    V. Sitzmann et al., arXiv:2006.09661, section 3.2 and supplement 1.5: weights U(±√(6 / fan_in))
    in front of a sine, and sin(30 x w) with w in U(±1 / fan_in) for the first layer; and, since the
    gradient of a weight grows with ω, sin(ω W x) with W smaller by ω.  So ω = 30 is the paper's
    network and ω = 1 the same function of x with ω multiplied into the weights.

    A last layer without a sine has ω = 1, if it is drawn from here at all: ``"auto"`` goes by the
    activation that follows, and gives a linear last layer Glorot's uniform weights, which for few
    outputs are nearly these, U(±√(6 / (fan_in + fan_out))), and a bias of zero.  The authors' code
    divides the weights of that layer by 30 too.
    """
    bound = 30.0 / shape[1] if first_layer else math.sqrt(6.0 / shape[1])
    return _uniform(rng, shape, bound / omega)


_WITH_GAIN: dict[str, Callable[[np.random.Generator, Shape, float], Weight]] = {
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "orthogonal": orthogonal,
}
_WITHOUT_GAIN: dict[str, Callable[[np.random.Generator, Shape], Weight]] = {
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "zeros": zeros,
}


def names() -> tuple[str, ...]:
    """Return the names of all initialisers, besides ``"auto"``."""
    return (*_WITH_GAIN, *_WITHOUT_GAIN, "siren")


def initialize(
    name: InitializerSpec,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    *,
    activation: Activation | str = "identity",
    preceding: Activation | str | None = None,
) -> Weight:
    """Return initial weights.

    Parameters
    ----------
    name : str or callable
        A name from `names`; ``"auto"`` for the one that suits `activation`; or a function of your
        own, ``(rng, shape) -> array``.
    rng : numpy.random.Generator
        What the numbers are drawn from.
    shape : tuple of int
        (out, in), both positive.
    activation : Activation or str
        What follows the layer: it chooses for ``"auto"``, and a sine's ω scales SIREN's weights.
    preceding : Activation or str, optional
        What comes before the layer: its gain scales He's and the orthogonal initialiser.  None is
        the network's raw input, which has the gain 1, and SIREN's rule for a first layer.  The
        formulas of Glorot and LeCun know no gain.

    Returns
    -------
    ndarray of float64, shape (out, in)
        The weights, in an array of their own.

    Raises
    ------
    ValueError
        For an unknown name, a width that is not positive, or a function of your own that returns
        another shape or numbers that are not finite.
    """
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"a weight has shape (out, in), both positive, got {tuple(shape)}")
    shape = (shape[0], shape[1])
    if callable(name):
        return _checked(name(rng, shape), shape)
    if name == "auto":
        name = activations.default_initializer(activation)
    if name in _WITH_GAIN:
        gain = 1.0 if preceding is None else activations.gain(preceding)
        return np.ascontiguousarray(_WITH_GAIN[name](rng, shape, gain))
    if name in _WITHOUT_GAIN:
        return _WITHOUT_GAIN[name](rng, shape)
    if name == "siren":
        omega = _omega(activation)
        return siren(rng, shape, 1.0 if omega is None else omega, first_layer=preceding is None)
    raise unknown("initializer", name, ("auto", *names()))


def initialize_bias(
    rng: np.random.Generator, fan_in: int, size: int, *, activation: Activation | str
) -> Bias:
    """Return initial biases: zero, but before a sine drawn from U(±30 / (ω √fan_in)).

    With zero biases a SIREN begins as an odd function, which is 0 at 0 and finds even functions
    hard to learn.  Its authors' code (github.com/vsitzmann/siren, modules.py) keeps the biases that
    PyTorch draws for any linear layer, U(±1 / √fan_in), under the sine of 30 z; so phases ω b from
    U(±30 / √fan_in) are theirs for ω = 30, and the same function of x for any other ω.  Where no
    sine follows, as after a SIREN's last layer, they are zero.

    Parameters
    ----------
    rng : numpy.random.Generator
        What the numbers are drawn from.
    fan_in, size : int
        The widths of the layer's input and of its result, both positive.
    activation : Activation or str
        What follows the layer.

    Returns
    -------
    ndarray of float64, shape (size,)
        The biases, in an array of their own.

    Raises
    ------
    ValueError
        If a width is not positive.
    """
    if fan_in < 1 or size < 1:
        raise ValueError(f"a bias joins two positive widths, got {fan_in} and {size}")
    omega = _omega(activation)
    if omega is None:
        return np.zeros(size)
    bound = 30.0 / (omega * math.sqrt(fan_in))
    return rng.uniform(-bound, bound, size)


def _omega(activation: Activation | str) -> float | None:
    """Return the ω of a sine, and None for anything else, such as the identity of a last layer."""
    chosen = activations.activation(activation)
    if chosen.custom is not None or chosen.name != "sin":
        return None
    return float((dict(chosen.function.defaults) | dict(chosen.settings))["omega"])


def _checked(values: Any, shape: Shape) -> Weight:
    weight = np.array(values, dtype=np.float64)  # a copy: a constant array must not be shared
    if weight.shape != shape:
        raise ValueError(f"the initializer returned shape {weight.shape} for a weight of {shape}")
    if not np.isfinite(weight).all():
        raise ValueError("the initializer returned numbers that are not finite")
    return weight
