"""Intermediate activations of a model."""

import operator
from collections.abc import Sequence
from typing import Any

from mlpcore.backends.base import Mode
from mlpcore.backends.bound import BoundProgram
from mlpcore.batch import take


def features(bound: BoundProgram, x: Any, layers: Sequence[int] | None = None) -> dict[int, Any]:
    """Return the activations of `layers` for `x`, under the numbers that were asked for.

    Parameters
    ----------
    bound : BoundProgram
        The program to run.
    x : array, shape (..., features)
        The input.
    layers : sequence of int, optional
        Numbers of layers; negative ones count from the last layer, which is -1.  All by default.

    Returns
    -------
    dict of int to array, shape (..., out)
        The activation a of each layer, before the network's output; z for one without activation.

    Raises
    ------
    IndexError
        If there is no such layer.
    TypeError
        If `layers` is not a sequence of whole numbers, or as for calling the model.
    ValueError
        As for calling the model.
    """
    count = len(bound.program.stages)
    chosen = _numbers(range(count) if layers is None else layers)
    for layer in chosen:
        if not -count <= layer < count:
            raise IndexError(f"there is no layer {layer}: the network has {count}")
    backend = bound.backend
    with backend.active():
        batch = take(backend, x, bound.program.in_features, bound.dtype)
        _, tape = bound.forward(batch.rows, Mode.GRADIENT)
        records = [] if tape is None else tape.records
        return {layer: batch.give(backend, records[layer].a) for layer in chosen}


def _numbers(layers: Any) -> tuple[int, ...]:
    try:
        return tuple(operator.index(layer) for layer in layers)
    except TypeError:
        raise TypeError(f"layers must be whole numbers such as [0, -1], got {layers!r}") from None
