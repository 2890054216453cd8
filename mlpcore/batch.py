"""An input brought as rows to the model's device, and results given back in its form."""

from math import prod
from typing import Any, NamedTuple

from mlpcore.backends.arrays import Kind, kind_of
from mlpcore.backends.base import Backend


class Batch(NamedTuple):
    """An input as the model computes with it, and how to give results the form it came in.

    Attributes
    ----------
    rows : array, shape (rows, features)
        The input on the model's device, in the model's dtype.
    lead : tuple of int
        The shape that came in, without its last axis: () for a single sample.
    kind : Kind
        The kind of array that came in.
    """

    rows: Any
    lead: tuple[int, ...]
    kind: Kind

    def give(self, backend: Backend, array: Any) -> Any:
        """Return `array`, shape (rows, width), in the shape and kind of the input."""
        return backend.deliver(array.reshape(*self.lead, array.shape[-1]), self.kind)


def take(backend: Backend, x: Any, features: int, dtype: Any) -> Batch:
    """Return `x`, shape (..., features), as a batch of rows on the backend's device.

    Raises
    ------
    TypeError
        If `x` is on another device or does not hold real numbers.
    ValueError
        If the last axis of `x` is not `features` long.
    """
    kind = kind_of(x)
    array = backend.receive(x, kind, dtype)
    if array.ndim == 0 or array.shape[-1] != features:
        raise ValueError(
            f"x must have the shape (..., {features}), one column for each input feature; "
            f"got {tuple(array.shape)}"
        )
    lead = tuple(array.shape[:-1])
    return Batch(array.reshape(prod(lead), features), lead, kind)
