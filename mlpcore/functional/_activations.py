"""The elementwise activations, a = f(x), as functions; their sources stand with the code."""

import numpy as np

from mlpcore.functional._arrays import A, enter
from mlpcore.nn.activations import activation


@np.errstate(all="ignore")
def _elementwise(name: str, x: A, out: A | None, **settings: float) -> A:
    f = activation(name, **settings)
    frame, (z,) = enter(x=x, out=out)
    target = frame.target(out, z.shape)
    a: A = frame.give(f.function.forward(frame.xp, z, **dict(f.settings)), out, target)
    return a


def identity(x: A, *, out: A | None = None) -> A:
    """Return a copy of x."""
    return _elementwise("identity", x, out)


def relu(x: A, *, out: A | None = None) -> A:
    """Return max(x, 0)."""
    return _elementwise("relu", x, out)


def leaky_relu(x: A, slope: float = 0.01, *, out: A | None = None) -> A:
    """Return x where x > 0 and slope · x elsewhere."""
    return _elementwise("leaky_relu", x, out, slope=slope)


def elu(x: A, alpha: float = 1.0, *, out: A | None = None) -> A:
    """Return x where x > 0 and alpha · (exp(x) - 1) elsewhere."""
    return _elementwise("elu", x, out, alpha=alpha)


def selu(x: A, *, out: A | None = None) -> A:
    """Return λ x where x > 0 and λ α (exp(x) - 1) elsewhere, with the self-normalising λ and α."""
    return _elementwise("selu", x, out)


def celu(x: A, alpha: float = 1.0, *, out: A | None = None) -> A:
    """Return x where x > 0 and alpha · (exp(x / alpha) - 1) elsewhere."""
    return _elementwise("celu", x, out, alpha=alpha)


def gelu(x: A, *, out: A | None = None) -> A:
    """Return x Φ(x) with the normal distribution function Φ(x) = (1 + erf(x / √2)) / 2."""
    return _elementwise("gelu", x, out)


def gelu_tanh(x: A, *, out: A | None = None) -> A:
    """Return x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))."""
    return _elementwise("gelu_tanh", x, out)


def silu(x: A, *, out: A | None = None) -> A:
    """Return x σ(x)."""
    return _elementwise("silu", x, out)


def mish(x: A, *, out: A | None = None) -> A:
    """Return x tanh(log(1 + exp(x)))."""
    return _elementwise("mish", x, out)


def sigmoid(x: A, *, out: A | None = None) -> A:
    """Return σ(x) = 1 / (1 + exp(-x))."""
    return _elementwise("sigmoid", x, out)


def hard_sigmoid(x: A, *, out: A | None = None) -> A:
    """Return min(max(x + 3, 0), 6) / 6."""
    return _elementwise("hard_sigmoid", x, out)


def hard_swish(x: A, *, out: A | None = None) -> A:
    """Return x · min(max(x + 3, 0), 6) / 6."""
    return _elementwise("hard_swish", x, out)


def tanh(x: A, *, out: A | None = None) -> A:
    """Return tanh(x)."""
    return _elementwise("tanh", x, out)


def softplus(x: A, *, out: A | None = None) -> A:
    """Return log(1 + exp(x))."""
    return _elementwise("softplus", x, out)


def softsign(x: A, *, out: A | None = None) -> A:
    """Return x / (1 + |x|)."""
    return _elementwise("softsign", x, out)


def sin(x: A, omega: float = 1.0, *, out: A | None = None) -> A:
    """Return sin(omega · x)."""
    return _elementwise("sin", x, out, omega=omega)
