r"""The gradient of several batches as if they were one.

Batch i has the gradient :math:`g_i` of its mean loss, whose denominator is :math:`D_i`: the number
of rows, or the sum of their weights.  That of all rows together is

.. math:: \bar g = \frac{\sum_i D_i g_i}{\sum_i D_i}, \qquad
    \bar g \leftarrow \bar g + \frac{D_n}{D_1 + \dots + D_n} (g_n - \bar g)

of which the second form neither overflows nor needs to know how many batches there will be.
"""

from typing import Any

import numpy as np

from mlpcore.backends.bound import BoundProgram
from mlpcore.cached import cached_property
from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.kernels.reference.losses.labels import located
from mlpcore.nn import _loss_settings, _targets
from mlpcore.nn.losses import Loss


class Accumulation:
    """The mean gradient of the batches since the last update.

    Parameters
    ----------
    bound : BoundProgram
        Whose gradient it is.

    Attributes
    ----------
    mean : array
        The flat mean gradient; meaningless where there are no batches.
    batches, rows : int
        How many batches it is made of, and how many rows they have together.
    weight : float or array of shape ()
        The sum of their denominators; an array on the device where it is not known on the host.
    """

    def __init__(self, bound: BoundProgram) -> None:
        self.xp = bound.backend.xp
        self.mean = bound.gradient()
        self.clear()

    def clear(self) -> None:
        """Forget the batches."""
        self.batches, self.rows = 0, 0
        self.weight: Any = 0.0

    def add(self, g: Any, rows: int, weight: Any) -> None:
        """Take in a batch; `g` is used up.

        Parameters
        ----------
        g : array
            Its flat gradient.
        rows : int
            How many rows it has.
        weight : float or array of shape ()
            The denominator of its mean.
        """
        total = self.weight + weight
        if self.batches:
            g -= self.mean
            g *= self._share(weight, total, g.dtype)
            self.mean += g
        else:
            self.mean[...] = g
        self.batches, self.rows, self.weight = self.batches + 1, self.rows + rows, total

    def _share(self, weight: Any, total: Any, dtype: Any) -> Any:
        if isinstance(total, float | int):
            return weight / total if total else 0.0
        xp = self.xp
        return xp.where(total > 0, weight / xp.where(total > 0, total, 1.0), 0.0).astype(dtype)


class Denominator:
    """What a mean loss divides by, counted in rows.

    Parameters
    ----------
    bound : BoundProgram
        The network that computes the logits.
    loss : Loss
        The loss of them; one of a user's own is taken for a mean over rows.
    """

    def __init__(self, bound: BoundProgram, loss: Loss) -> None:
        self._xp = bound.backend.xp
        self._loss = loss
        self._settings = dict(loss.settings)
        self._outputs, self._dtype = bound.program.out_features, bound.dtype

    def __call__(self, t: Any, sample_weight: Any) -> Any:
        """Return the number of rows, or the sum of their weights, for which nobody waits.

        With class weights it is the sum of those of the labels, as the mean is taken.

        Parameters
        ----------
        t : array, shape (rows,) or (rows, out)
            The targets.
        sample_weight : array, shape (rows,) or (rows, out), or None
            The weights.

        Returns
        -------
        float or array of shape ()
            An array on a GPU.
        """
        xp, rows = self._xp, len(t)
        ignored = by_class = None
        if self._takes_labels(t):
            ignored, by_class = self._settings.get("ignore_index"), self._class_weight
        if sample_weight is None and ignored is None and by_class is None:
            return float(rows)
        weight = xp.ones(rows) if sample_weight is None else sample_weight.astype(xp.float64)
        weight = weight.reshape(rows, -1).mean(axis=1)
        if ignored is not None:
            weight = xp.where(t.astype(xp.int64) == ignored, 0.0, weight)
        if by_class is not None:
            weight = weight * by_class[located(xp, t, self._outputs).index][:, 0]
        total = xp.sum(weight)
        return float(total) if xp is np else total

    def _takes_labels(self, t: Any) -> bool:
        if self._loss.custom is not None:
            return False
        shape = len(t), self._outputs
        return _targets.takes_labels(LOSSES[self._loss.name], shape, t.shape)

    @cached_property
    def _class_weight(self) -> Any:
        """The weight of each class in float64, or None."""
        like = self._xp.empty((0, self._outputs), dtype=self._dtype)
        return _loss_settings.as_arrays(self._xp, self._settings, like).get("class_weight")
