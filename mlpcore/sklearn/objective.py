r"""scikit-learn's objective, said in the terms of this library.

scikit-learn minimises, for a batch of rows i with weights :math:`w_i` (1 where none are given),

.. math:: J = \frac{1}{\sum_i w_i} \left(\sum_i w_i \sum_k l_{ik}
    + \frac{\alpha}{2} \sum_W \lVert W \rVert^2\right)

(read from its gradients, `_compute_loss_grad` of version 1.9), with the log loss, or half the
squared error, of output k.  The losses here are means over rows and outputs, and the squared error
has no factor 1/2; so

.. math:: J = c \left(L + \frac{\lambda_2}{2} \sum_W \lVert W \rVert^2\right), \qquad
    \lambda_2 = \frac{\alpha}{c \sum_i w_i}

with a constant c: 1 for the cross-entropy, the number of outputs for several labels and for the
Poisson loss, and half of it for the squared error.  What depends on the size of a gradient takes c
into account.
"""

from dataclasses import dataclass
from typing import Any

from mlpcore.backends.base import StepResult
from mlpcore.nn.losses import Loss
from mlpcore.training import Trainer


@dataclass(frozen=True)
class Objective:
    """What an estimator minimises.

    Attributes
    ----------
    loss : Loss
        The data loss of this library.
    scale : float
        c.
    alpha : float
        The strength of the penalty, α.
    """

    loss: Loss
    scale: float
    alpha: float

    def l2(self, weight: float) -> float:
        """Return λ₂ for rows whose weights add up to `weight`, which is positive."""
        return self.alpha / (self.scale * weight)


class BatchTrainer(Trainer):
    """A trainer whose penalty is divided by the rows of each batch, or by the sum of their weights.

    Attributes
    ----------
    objective : Objective
        What it minimises; set before the first step.
    """

    objective: Objective

    def step_on(self, x: Any, t: Any, sample_weight: Any = None) -> StepResult:
        """Take one step on rows that are already checked and on the model's device."""
        objective = self.objective
        if objective.alpha:
            weight = float(len(x) if sample_weight is None else sample_weight.sum())
            if weight == 0:  # there is no mean, and such a batch teaches nothing
                return self._step_without_penalty(x, t, sample_weight)
            self.l2 = objective.l2(weight)
        return super().step_on(x, t, sample_weight)

    def _step_without_penalty(self, x: Any, t: Any, sample_weight: Any) -> StepResult:
        before, self.l2 = self.l2, 0.0
        try:
            return super().step_on(x, t, sample_weight)
        finally:
            self.l2 = before  # whether it is above 0 says what the history has
