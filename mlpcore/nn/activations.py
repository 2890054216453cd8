"""Activations as a user names them, with the gain and the initialiser that belong to each."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mlpcore.kernels.reference.activations import ACTIVATIONS, ActivationFunction
from mlpcore.kernels.reference.operation import Scope
from mlpcore.kernels.reference.operations import Activation
from mlpcore.kernels.reference.typing import Array, Namespace
from mlpcore.names import unknown

__all__ = ["ActivationSpec", "activation", "default_initializer", "gain", "names"]

ActivationSpec: TypeAlias = str | Activation | tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""A name, an activation, or a pair (f, df) of a user's own functions."""


def names() -> tuple[str, ...]:
    """Return the names of all activations."""
    return tuple(ACTIVATIONS)


def activation(spec: ActivationSpec, /, **settings: float) -> Activation:
    """Return the activation that `spec` describes.

    Parameters
    ----------
    spec : str, Activation, or pair of callables
        A name from `names`; an activation; or a pair ``(f, df)`` of elementwise functions of your
        own, a = f(z) and f'(z) = df(z).  Both take an array, leave it as it is and return one of
        the same shape, NumPy for NumPy and CuPy for CuPy, as operators and NumPy's functions do.
    **settings : float
        Settings of a named activation, such as ``slope`` of ``"leaky_relu"``.  Those that an
        `Activation` already has are replaced.

    Returns
    -------
    Activation
        Settings at their defaults are left out, so that equal activations compare equal.

    Raises
    ------
    ValueError
        For an unknown name, a setting that is not finite or must be positive, a function that
        changes its input or does not return an array of the same shape.
    TypeError
        For an unknown setting, a setting that is no number, a `spec` of another kind.

    Examples
    --------
    >>> activation("leaky_relu", slope=0.2)
    Activation(name='leaky_relu', settings=(('slope', 0.2),), custom=None)
    """
    if isinstance(spec, Activation):
        if spec.custom is not None:
            _refuse_settings(spec.name, settings)
            return spec
        return _named(spec.name, dict(spec.settings) | settings)
    if isinstance(spec, str):
        return _named(spec, settings)
    if isinstance(spec, tuple) and len(spec) == 2 and callable(spec[0]) and callable(spec[1]):
        f, df = spec
        name = str(getattr(f, "__name__", type(f).__name__))
        _refuse_settings(name, settings)
        forward, derivative = _Own(name, f), _Own(f"the derivative of {name}", df)
        _probe(forward, derivative)
        return Activation(name, custom=ActivationFunction(name, forward, derivative))
    raise TypeError(
        "an activation is a name, an Activation, or a pair (f, df) of functions, "
        f"got {type(spec).__name__}"
    )


def _named(name: str, settings: dict[str, float]) -> Activation:
    if name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    return Activation(name, tuple(settings.items()))


def _refuse_settings(name: str, settings: dict[str, float]) -> None:
    if settings:
        raise TypeError(f"{name} is a function of your own; it takes no {', '.join(settings)}")


@dataclass(frozen=True)
class _Own:
    """A user's elementwise function in the form of the table's, with its result checked."""

    name: str
    function: Callable[[Any], Any]

    def __call__(self, xp: Namespace, z: Array, *_: Array) -> Array:
        result = self.function(z)
        if getattr(result, "shape", None) != z.shape:
            raise ValueError(
                f"{self.name} must return an array of the shape of its input, {z.shape}, got "
                f"{getattr(result, 'shape', type(result).__name__)}"
            )
        return xp.asarray(result, dtype=z.dtype)  # a constant of the user's may have widened it


def _probe(*functions: _Own) -> None:
    """Call a user's functions once, so that what is wrong with them shows before any work.

    The backward pass reads z again, so a function that works in place would give a wrong gradient
    and no error.
    """
    z = np.array([[-20.0, -2.0, -0.5], [0.5, 2.0, 20.0]])
    before = z.copy()
    for function in functions:
        with np.errstate(all="ignore"):
            function(np, z)
        if not np.array_equal(z, before):
            raise ValueError(
                f"{function.name} must not change its input; return a new array instead"
            )


def _resolved(spec: Activation | str) -> Activation:
    return activation(spec) if isinstance(spec, str) else spec


def gain(activation: Activation | str) -> float:
    r"""Return the factor that weights are scaled by to make up for what an activation takes away.

    With unit-variance z, weights of variance gain² / fan_in make the next layer's z unit-variance
    again if

    .. math::
        \text{gain} = E[f(x)^2]^{-1/2}, \qquad x \sim N(0, 1).

    That gives √2 for ReLU (K. He et al., arXiv:1502.01852), √(2 / (1 + s²)) for leaky ReLU with
    slope s, and 1 for the identity and SELU (G. Klambauer et al., arXiv:1706.02515, whose constants
    solve this very equation).  Two are set by custom instead, as in
    ``torch.nn.init.calculate_gain``: 5/3 for tanh and 1 for sigmoid.  Functions of a whole row have
    gain 1, since they end a network.

    Parameters
    ----------
    activation : Activation or str
        The activation; a user's own function is called with NumPy arrays.

    Returns
    -------
    float
        The gain.

    Raises
    ------
    ValueError
        If E[f(x)²] is zero or not finite, for a user's own function.
    """
    chosen = _resolved(activation)
    settings = dict(chosen.function.defaults) | dict(chosen.settings)
    if chosen.function.scope is not Scope.TILE:
        return 1.0
    if chosen.custom is None:
        known = _GAINS.get(chosen.name)
        if known is not None:
            return known(**settings)
    return _gain_by_quadrature(chosen.function, settings)


_GAINS: dict[str, Callable[..., float]] = {
    "identity": lambda: 1.0,
    "relu": lambda: math.sqrt(2.0),
    "leaky_relu": lambda slope: math.sqrt(2.0 / (1.0 + slope * slope)),
    "selu": lambda: 1.0,
    "tanh": lambda: 5.0 / 3.0,
    "sigmoid": lambda: 1.0,
    # E[sin²(ωx)] = (1 - exp(-2ω²)) / 2, from the characteristic function of N(0, 1)
    "sin": lambda omega: math.sqrt(-2.0 / math.expm1(-2.0 * omega * omega)),
}
"""Gains that are set by custom or known in closed form."""


def _gain_by_quadrature(function: ActivationFunction, settings: dict[str, float]) -> float:
    """Return E[f(x)²]^(-1/2) by Gauss-Legendre quadrature on unit panels from -12 to 12.

    No panel has a kink of the table's functions inside, and the density beyond is below 1e-31.
    """
    nodes, weights = np.polynomial.legendre.leggauss(32)
    x = (np.arange(-12, 12)[:, None] + (nodes + 1.0) / 2.0).ravel()
    density = np.exp(-x * x / 2.0) / math.sqrt(2.0 * math.pi)
    with np.errstate(all="ignore"):
        a = function.forward(np, x, **settings)
        second_moment = float(np.sum(np.tile(weights / 2.0, 24) * density * a * a))
    if not (math.isfinite(second_moment) and second_moment > 0):
        raise ValueError(
            f"{function.name} has no gain: the mean of its square over N(0, 1) is {second_moment}"
        )
    return 1.0 / math.sqrt(second_moment)


_SATURATING = "glorot_uniform"
_RECTIFYING = "he_normal"
_DEFAULT_INITIALIZERS = {
    "identity": _SATURATING,
    "relu": _RECTIFYING,
    "leaky_relu": _RECTIFYING,
    "elu": _RECTIFYING,
    "selu": "lecun_normal",
    "celu": _RECTIFYING,
    "gelu": _RECTIFYING,
    "gelu_tanh": _RECTIFYING,
    "silu": _RECTIFYING,
    "mish": _RECTIFYING,
    "sigmoid": _SATURATING,
    "hard_sigmoid": _SATURATING,
    "hard_swish": _RECTIFYING,
    "tanh": _SATURATING,
    "softplus": _RECTIFYING,
    "softsign": _SATURATING,
    "sin": "siren",
    "softmax": _SATURATING,
    "log_softmax": _SATURATING,
}


def default_initializer(activation: Activation | str) -> str:
    """Return the name of the initialiser that suits the weights before `activation`.

    Rectifiers take He's, which counts only the inputs and uses the gain; functions that are linear
    or saturate take Glorot's, which also keeps the gradients' variance; SELU takes LeCun's, for
    which it was made, and the sine SIREN's.  A user's own function takes He's with its own gain.

    Parameters
    ----------
    activation : Activation or str
        The activation.

    Returns
    -------
    str
        A name that `mlpcore.nn.initializers.initialize` knows.
    """
    chosen = _resolved(activation)
    return _RECTIFYING if chosen.custom is not None else _DEFAULT_INITIALIZERS[chosen.name]
