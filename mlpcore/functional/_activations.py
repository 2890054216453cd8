"""The elementwise activations, a = f(x), as functions."""

import inspect
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from mlpcore.functional._arrays import A, enter
from mlpcore.functional._kernels import activate
from mlpcore.nn.activations import activation

F = TypeVar("F", bound=Callable[..., object])


def _documented(source: str = "") -> Callable[[F], F]:
    """Add to a function's formula what is the same for all: shapes, dtypes, errors, the source."""

    def add(function: F) -> F:
        settings = [name for name in inspect.signature(function).parameters if name not in _SHARED]
        own = "".join(f"{name} : float\n    The setting in the formula.\n" for name in settings)
        reference = f"\n\nReferences\n----------\n{source}" if source else ""
        function.__doc__ = f"{inspect.getdoc(function)}\n\n{_SECTIONS.format(own)}{reference}\n"
        return function

    return add


_SHARED = ("x", "out")

_SECTIONS = """Parameters
----------
x : array
    NumPy, CuPy, or anything with DLPack, of any shape.
{}out : array, optional
    Where to write the result: of the kind, shape and dtype of the result.  It may be `x`.

Returns
-------
array
    In the shape and kind of `x`: float64 stays float64, float32 stays float32, float16 becomes
    float32, integers and booleans become float64.

Raises
------
TypeError
    If `x` does not hold real numbers, or `out` is of another kind.
ValueError
    If `out` does not fit or cannot be written."""


@np.errstate(all="ignore")
def _elementwise(name: str, x: A, out: A | None, **settings: float) -> A:
    f = activation(name, **settings)
    frame, (z,) = enter(x=x, out=out)
    target = frame.target(out, z.shape)
    a: A = frame.give(activate(frame.xp, f, z), out, target)
    return a


@_documented()
def identity(x: A, *, out: A | None = None) -> A:
    """Return a copy of x."""
    return _elementwise("identity", x, out)


@_documented("V. Nair and G. E. Hinton, ICML 2010")
def relu(x: A, *, out: A | None = None) -> A:
    """Return max(x, 0)."""
    return _elementwise("relu", x, out)


@_documented("A. L. Maas, A. Y. Hannun and A. Y. Ng, ICML 2013")
def leaky_relu(x: A, slope: float = 0.01, *, out: A | None = None) -> A:
    """Return x where x > 0 and slope · x elsewhere."""
    return _elementwise("leaky_relu", x, out, slope=slope)


@_documented("D.-A. Clevert, T. Unterthiner and S. Hochreiter, arXiv:1511.07289")
def elu(x: A, alpha: float = 1.0, *, out: A | None = None) -> A:
    """Return x where x > 0 and alpha · (exp(x) - 1) elsewhere."""
    return _elementwise("elu", x, out, alpha=alpha)


@_documented("G. Klambauer et al., arXiv:1706.02515")
def selu(x: A, *, out: A | None = None) -> A:
    """Return λ x where x > 0 and λ α (exp(x) - 1) elsewhere, with the self-normalising λ and α."""
    return _elementwise("selu", x, out)


@_documented("J. T. Barron, arXiv:1704.07483")
def celu(x: A, alpha: float = 1.0, *, out: A | None = None) -> A:
    """Return x where x > 0 and alpha · (exp(x / alpha) - 1) elsewhere."""
    return _elementwise("celu", x, out, alpha=alpha)


@_documented("D. Hendrycks and K. Gimpel, arXiv:1606.08415")
def gelu(x: A, *, out: A | None = None) -> A:
    """Return x Φ(x) with the normal distribution function Φ(x) = (1 + erf(x / √2)) / 2."""
    return _elementwise("gelu", x, out)


@_documented("D. Hendrycks and K. Gimpel, arXiv:1606.08415")
def gelu_tanh(x: A, *, out: A | None = None) -> A:
    """Return x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))."""
    return _elementwise("gelu_tanh", x, out)


@_documented("S. Elfwing, E. Uchibe and K. Doya, arXiv:1702.03118")
def silu(x: A, *, out: A | None = None) -> A:
    """Return x σ(x)."""
    return _elementwise("silu", x, out)


@_documented("D. Misra, arXiv:1908.08681")
def mish(x: A, *, out: A | None = None) -> A:
    """Return x tanh(log(1 + exp(x)))."""
    return _elementwise("mish", x, out)


@_documented()
def sigmoid(x: A, *, out: A | None = None) -> A:
    """Return σ(x) = 1 / (1 + exp(-x))."""
    return _elementwise("sigmoid", x, out)


@_documented("A. Howard et al., arXiv:1905.02244, section 5.2")
def hard_sigmoid(x: A, *, out: A | None = None) -> A:
    """Return min(max(x + 3, 0), 6) / 6."""
    return _elementwise("hard_sigmoid", x, out)


@_documented("A. Howard et al., arXiv:1905.02244, section 5.2")
def hard_swish(x: A, *, out: A | None = None) -> A:
    """Return x · min(max(x + 3, 0), 6) / 6."""
    return _elementwise("hard_swish", x, out)


@_documented()
def tanh(x: A, *, out: A | None = None) -> A:
    """Return tanh(x)."""
    return _elementwise("tanh", x, out)


@_documented("C. Dugas et al., NIPS 2000")
def softplus(x: A, *, out: A | None = None) -> A:
    """Return log(1 + exp(x))."""
    return _elementwise("softplus", x, out)


@_documented("J. Bergstra et al. (2009)")
def softsign(x: A, *, out: A | None = None) -> A:
    """Return x / (1 + |x|)."""
    return _elementwise("softsign", x, out)


@_documented("V. Sitzmann et al., arXiv:2006.09661, where ω = 30")
def sin(x: A, omega: float = 1.0, *, out: A | None = None) -> A:
    """Return sin(omega · x)."""
    return _elementwise("sin", x, out, omega=omega)
