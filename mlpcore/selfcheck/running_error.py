r"""A forward and a backward pass in float64, and how far a device's pass may be from it.

The errors are carried through the network beside the numbers, which is a running error analysis (N.
Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, section 3.3).  With E for the
bound of what stands behind it, and the γ of `mlpcore.selfcheck.bounds`,

.. math::
    E_z &= E_{a'} |W|^\mathsf{T} + \gamma (|a'| + E_{a'}) |W|^\mathsf{T} + \gamma |b| \\
    E_a &= L E_z + E_f(z), \qquad
    E_{f'} = C E_z + E_{f'}(z) \\
    E_{dz} &= (|f'| + E_{f'}) E_{da} + |da| E_{f'} \\
    E_{dW} &= (|dz| + E_{dz})^\mathsf{T} (|a'| + E_{a'}) (1 + \gamma) - |dz|^\mathsf{T} |a'|,

where a' is what enters the layer, L bounds |f'| and C bounds |f''|, both 2 here: no elementwise
function of the table with its default settings is steeper or bends more, but for the kinks of
ReLU's family, where f' is off by at most 2 where z is as near to zero as its error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.place import wide

_STEEPEST = 2.0
_KINKED = ("relu", "leaky_relu")


@dataclass(frozen=True)
class Approximate:
    """Numbers in float64, and how far those of a device may be from them."""

    exact: Any
    off: Any

    @property
    def size(self) -> Any:
        """The largest magnitude that a device's number may have."""
        return np.abs(self.exact) + self.off


@dataclass(frozen=True)
class Layer:
    """What one layer computed."""

    x: Approximate
    z: Approximate
    slope: Approximate
    W: Any


class Exact:
    """A network in float64 whose passes know their bounds.

    Parameters
    ----------
    parameters : mapping of str to array
        By the library's names, in host memory.
    activation : str
        Of the hidden layers; the last one has none.
    dtype : str
        Of the device's computation.
    """

    def __init__(self, parameters: Mapping[str, Any], activation: str, dtype: str) -> None:
        self._parameters = parameters
        self._function = ACTIVATIONS[activation]
        self._bounds = Bounds(dtype)
        self._count = sum(name.endswith("weight") for name in parameters)
        self.layers: list[Layer] = []

    def forward(self, x: Any) -> Approximate:
        """Return the logits."""
        self.layers = []
        a = Approximate(wide(x), np.zeros(x.shape))
        for i in range(self._count):
            W = wide(self._parameters[f"layers.{i}.weight"])
            bias = self._parameters.get(f"layers.{i}.bias")
            z = self._affine(a, W, bias)
            following, slope = (z, _ones(z)) if i == self._count - 1 else self._activate(z)
            self.layers.append(Layer(a, z, slope, W))
            a = following
        return a

    def backward(self, dz: Approximate) -> tuple[dict[str, Approximate], Approximate]:
        """Return the gradients of the parameters by name, and that of the input."""
        found = {}
        for i in reversed(range(self._count)):
            layer = self.layers[i]
            found[f"layers.{i}.weight"] = self._product(_transposed(dz), layer.x)
            if f"layers.{i}.bias" in self._parameters:
                ones = Approximate(np.ones((1, len(dz.exact))), np.zeros((1, len(dz.exact))))
                total = self._product(ones, dz)
                found[f"layers.{i}.bias"] = Approximate(total.exact[0], total.off[0])
            da = self._product(dz, Approximate(layer.W, np.zeros(layer.W.shape)))
            if i:
                slope = self.layers[i - 1].slope
                off = slope.size * da.off + np.abs(da.exact) * slope.off
                off = off + self._bounds.gamma(2) * da.size * slope.size + self._bounds.tiny
                dz = Approximate(da.exact * slope.exact, off)
        return found, da

    def _affine(self, a: Approximate, W: Any, bias: Any) -> Approximate:
        z = self._product(a, Approximate(W.T, np.zeros(W.T.shape)))
        if bias is None:
            return z
        b = wide(bias)
        off = z.off + self._bounds.gamma(2) * (np.abs(z.exact) + z.off + np.abs(b))
        return Approximate(z.exact + b, off)

    def _activate(self, z: Approximate) -> tuple[Approximate, Approximate]:
        function, bounds = self._function, self._bounds
        settings = dict(function.defaults)
        a = function.forward(np, z.exact, **settings)
        assert function.derivative is not None
        slope = function.derivative(np, z.exact, a, **settings)
        off = _STEEPEST * z.off + bounds.function(a, z.exact, slope)
        if function.name in _KINKED:
            slope_off = np.where(np.abs(z.exact) <= z.off, _STEEPEST, 0.0)
        else:
            slope_off = _STEEPEST * z.off
        slope_off = slope_off + bounds.derivative(np.ones(z.exact.shape))
        return Approximate(a, off), Approximate(slope, slope_off)

    def _product(self, A: Approximate, B: Approximate) -> Approximate:
        """Return A B: the errors of both, and the roundings of the sums."""
        exact = A.exact @ B.exact
        sizes = np.abs(A.exact) @ np.abs(B.exact)
        largest = A.size @ B.size
        terms = A.exact.shape[1] + 1
        off = largest - sizes + self._bounds.gamma(terms) * largest + terms * self._bounds.tiny
        return Approximate(exact, off + np.finfo(np.float64).eps * terms * largest)


def _ones(z: Approximate) -> Approximate:
    return Approximate(np.ones(z.exact.shape), np.zeros(z.exact.shape))


def _transposed(a: Approximate) -> Approximate:
    return Approximate(a.exact.T, a.off.T)
