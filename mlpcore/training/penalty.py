r"""The penalty s of the objective, and its gradient.

.. math::
    s = \sum_W \left(\frac{\lambda_2}{2} \sum W^2 + \lambda_1 \sum |W|\right), \qquad
    dW \mathrel{+}= \lambda_2 W + \lambda_1 \operatorname{sign}(W)

over all weights; biases and the parameters of normalisations are exempt.  sign(0) is 0, which is
the least of the subgradients of |W| there.  (I. Goodfellow, Y. Bengio and A. Courville, "Deep
Learning" (2016), sections 7.1.1 and 7.1.2.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlpcore.backends.bound import BoundProgram
from mlpcore.program import Program


@dataclass(frozen=True)
class Penalty:
    """What the objective adds to the data loss.

    Attributes
    ----------
    l2 : mapping of str to float
        λ₂ of each weight.
    l1 : float, default 0
        λ₁ of all of them.
    """

    l2: Mapping[str, float]
    l1: float = 0.0

    def add(self, bound: BoundProgram, gradient: Any) -> Any:
        """Return s, shape (), and add its gradient to that of each weight in the flat `gradient`.

        Parameters
        ----------
        bound : BoundProgram
            Whose parameters are penalized.
        gradient : array
            The flat gradient of the data loss, which becomes that of the objective.
        """
        xp, views, slots = bound.backend.xp, bound.parameters.views, bound.parameters.layout.slots
        zero = xp.zeros((), dtype=bound.dtype)
        sums: dict[float, Any] = {}
        for name, factor in self._factors():
            W, dW = views[name], slots[name].view(gradient)
            dW += factor * W
            sums[factor] = sums.get(factor, zero) + bound.backend.sum_of_squares(W)
        s = sum(((0.5 * factor) * total for factor, total in sums.items()), zero)
        if self.l1:
            total = zero
            for name in self.l2:
                W, dW = views[name], slots[name].view(gradient)
                dW += self.l1 * xp.sign(W)
                total = total + xp.sum(xp.abs(W))
            s = s + self.l1 * total
        return s

    def _factors(self) -> list[tuple[str, float]]:
        return [(name, factor) for name, factor in self.l2.items() if factor]


def penalty(program: Program, l2: float = 0.0, l1: float = 0.0) -> Penalty:
    """Return the penalty that is the same for all weights of a program."""
    return Penalty({p.name: l2 for p in program.parameters if p.decays}, l1)
