"""Which data need neither conversion nor a word of complaint, told in a microsecond or two.

`take_data` asks one question after the other, each of which somebody's data have failed.  A loop of
small steps gives it arrays that pass them all, over and over; here they are asked at once.
"""

from typing import Any

import numpy as np

from mlpcore.backends.bound import BoundProgram
from mlpcore.nn.losses import Loss

_UNSIGNED = {
    np.dtype(f"{kind}{size}"): np.dtype(f"u{size}") for kind in "iu" for size in (1, 2, 4, 8)
}
"""The dtypes of labels, and those that make the largest numbers of negative ones."""


class AsTheyAre:
    """Tells whether `take_data` would return an input and its targets just as they came.

    Parameters
    ----------
    bound : BoundProgram
        The program that will run.
    loss : Loss
        The loss that will compare its result with the targets.
    """

    def __init__(self, bound: BoundProgram, loss: Loss) -> None:
        self._dtype = bound.dtype
        self._features, self._outputs = bound.program.in_features, bound.program.out_features
        known = bound.backend.xp is np and self._outputs > 0
        self._expects = loss.expects if known else "anything"
        self._columns: tuple[tuple[int, ...], ...] = ((self._outputs,),)
        if self._expects == "classes":
            self._columns = ((),)
        elif self._outputs == 1:
            self._columns = ((1,), ())
        try:  # what the settings of the loss have to say about its width, once for all
            loss.validate((0, self._outputs), np.zeros((0, *self._columns[0]), np.int64))
        except ValueError:
            self._expects = "anything"

    def __call__(self, x: Any, t: Any) -> bool:
        """Return whether it would, of at least one row; False where that is not certain.

        Parameters
        ----------
        x, t : object
            What a user gave as a batch and its targets.
        """
        dtype = self._dtype
        if type(x) is not np.ndarray or x.dtype is not dtype or type(t) is not np.ndarray:
            return False
        x_shape, t_shape = x.shape, t.shape
        if len(x_shape) != 2 or x_shape[1] != self._features or not x_shape[0]:
            return False
        if t_shape[:1] != x_shape[:1] or t_shape[1:] not in self._columns:
            return False
        x_flags, t_flags = x.flags, t.flags
        if not (x_flags.c_contiguous and t_flags.c_contiguous):
            return False
        if not (x_flags.aligned and t_flags.aligned):
            return False
        expects = self._expects
        if expects == "classes":
            return self._are_labels(t)
        if t.dtype is not dtype:
            return False
        if expects == "counts":
            return _least(t) >= 0
        return expects == "values" or (expects == "probabilities" and _are_probabilities(t))

    def _are_labels(self, t: Any) -> bool:
        unsigned, classes = _UNSIGNED.get(t.dtype), self._outputs
        if unsigned is None or classes > 1 << (8 * t.itemsize - 1):
            return False  # or a negative number might become that of a class
        numbers = t.view(unsigned)
        # The place of the largest is found in a fifth of the time that a reduction takes.
        largest: int = numbers.item(numbers.argmax())
        return largest < classes


def _are_probabilities(t: Any) -> bool:
    largest: float = t.item(t.argmax())
    return _least(t) >= 0 and largest <= 1


def _least(t: Any) -> float:
    """Return the least number, or NaN if there is one."""
    least: float = t.item(t.argmin())
    return least
