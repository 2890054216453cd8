"""Standardisation of the input with statistics that training does not change."""

from dataclasses import dataclass
from typing import ClassVar

from ..operation import Call, Operation, ParameterShape, Scope
from ..typing import Array


@dataclass(frozen=True)
class Standardize(Operation):
    """y = (x - mean) * scale, with one mean and one scale (1 / standard deviation) for each column.

    Both start as the identity, 0 and 1, and are set from data once, before training.
    """

    kind: ClassVar[str] = "standardize"

    def scope(self, training: bool) -> Scope:  # noqa: ARG002
        """Tile: each element has its own mean and scale."""
        return Scope.TILE

    def state(self, in_features: int) -> tuple[ParameterShape, ...]:
        """Return mean and scale."""
        return (
            ParameterShape("mean", (in_features,)),
            ParameterShape("scale", (in_features,), fill=1.0),
        )

    def forward(self, call: Call, x: Array) -> Array:
        """Return (x - mean) * scale."""
        return (x - call.state["mean"]) * call.state["scale"]

    def backward(self, call: Call, dy: Array) -> Array:
        """Return dx = dy * scale."""
        return dy * call.state["scale"]
