"""Where in a network the first number is that is none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlpcore.backends.base import Mode, StageRecord
from mlpcore.backends.bound import BoundProgram


@dataclass(frozen=True)
class NonFinite:
    """An array with NaN or infinities.

    Attributes
    ----------
    name : str
        What it is: ``"x"``, a parameter such as ``"layers.1.weight"``, ``"layers.1.z"`` or
        ``"layers.1.a"`` for what a layer computes, ``"new layers.1.running_variance"`` for what a
        step would leave, or ``"gradient of layers.1.weight"``.
    layer : int or None
        The number of the layer that it belongs to; None for the input.
    nan, inf : int
        How many elements are NaN, and how many are infinite.
    size : int
        How many elements there are.
    """

    name: str
    layer: int | None
    nan: int
    inf: int
    size: int

    def __str__(self) -> str:
        found = [
            f"{count} {what}" for count, what in ((self.nan, "NaN"), (self.inf, "inf")) if count
        ]
        return f"{self.name} holds {' and '.join(found)} among {self.size} elements"


def first_nonfinite(bound: BoundProgram, x: Any = None) -> NonFinite | None:
    """Return the first array, from the input on, that holds NaN or an infinity, or None.

    Looks at the parameters and statistics of each layer, and where `x` is given also at what it
    computes, its pre-activation z and its result a, as prediction does.  Waits for a GPU.

    Parameters
    ----------
    bound : BoundProgram
        The network and its parameters.
    x : array, shape (rows, in_features), optional
        An input on the backend's device.
    """
    with bound.backend.active():
        records: Sequence[StageRecord] = ()
        if x is not None:
            _, tape = bound.forward(x, Mode.GRADIENT, watched=False)
            records = () if tape is None else tape.records
        return first_in_pass(bound, x, records)


def first_in_pass(
    bound: BoundProgram,
    x: Any,
    records: Sequence[StageRecord],
    gradient: Any = None,
    state: Mapping[str, Any] | None = None,
) -> NonFinite | None:
    """Return the first such array of a pass that was recorded.

    Parameters
    ----------
    bound : BoundProgram
        The network and its parameters.
    x : array or None
        The input of the pass.
    records : sequence of StageRecord
        What it left, one a stage, or nothing.
    gradient : array or None
        The flat gradient, of which the last layer comes first: the pass back reaches it first.
    state : mapping of str to array, or None
        The statistics that the pass would leave.
    """
    xp = bound.backend.xp
    for name, layer, array in (
        *_forward(bound, x, records, state or {}),
        *(() if gradient is None else _backward(bound, gradient)),
    ):
        nan, inf = xp.isnan(array), xp.isinf(array)
        if bool((nan | inf).any()):
            return NonFinite(name, layer, int(nan.sum()), int(inf.sum()), int(array.size))
    return None


def _forward(
    bound: BoundProgram, x: Any, records: Sequence[StageRecord], state: Mapping[str, Any]
) -> Iterator[tuple[str, int | None, Any]]:
    if x is not None:
        yield "x", None, x
    for stage in bound.program.stages:
        prefix, layer = f"layers.{stage.index}.", stage.index
        for views in (bound.state.views, bound.parameters.views):
            for name, view in _of_layer(views, prefix):
                yield name, layer, view
        for name, view in _of_layer(state, prefix):
            yield f"new {name}", layer, view
        if records:
            yield f"{prefix}z", layer, records[layer].z
            yield f"{prefix}a", layer, records[layer].a


def _backward(bound: BoundProgram, gradient: Any) -> Iterator[tuple[str, int | None, Any]]:
    views = bound.parameters.layout.views(gradient)
    for stage in reversed(bound.program.stages):
        for name, view in _of_layer(views, f"layers.{stage.index}."):
            yield f"gradient of {name}", stage.index, view


def _of_layer(views: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    return [(name, view) for name, view in views.items() if name.startswith(prefix)]
