"""Targets of a regression on a scale that is easy to learn, and back.

The network learns (t - μ) / σ.  Afterwards its last layer takes over the way back,

    t ≈ σ (W a + b) + μ = (σ W) a + (σ b + μ),

so that the model predicts in the units of the data and needs nothing beside it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mlpcore.model import MLP


@dataclass(frozen=True)
class Scaling:
    """The mean μ and the standard deviation σ of each output.

    Attributes
    ----------
    mean, deviation : ndarray of float64, shape (outputs,)
        μ, and σ, which is 1 for a constant.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, t: NDArray[Any]) -> "Scaling":
        """Return the scaling of targets t, shape (rows, outputs)."""
        deviation = t.std(axis=0)
        # A constant's computed deviation may be a rounding error of its mean, not zero.
        constant = (t == t[0]).all(axis=0)
        return cls(t.mean(axis=0), np.where(constant, 1.0, deviation))

    def apply(self, t: NDArray[Any]) -> NDArray[np.float64]:
        """Return (t - μ) / σ."""
        return np.asarray((t - self.mean) / self.deviation, dtype=np.float64)


def fold(model: "MLP", scaling: Scaling) -> None:
    """Let the last layer of `model`, which has a bias and no activation, undo `scaling`."""
    parameters = model.parameters()
    last = len(model.network.dense) - 1
    W, b = parameters[f"layers.{last}.weight"], parameters[f"layers.{last}.bias"]
    for i, (mean, deviation) in enumerate(zip(scaling.mean, scaling.deviation, strict=True)):
        # Python numbers go with the arrays of any device.
        W[i] *= float(deviation)
        b[i : i + 1] *= float(deviation)
        b[i : i + 1] += float(mean)
