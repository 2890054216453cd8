"""The bias of an affine map as an operation of a stage."""

from dataclasses import dataclass
from typing import ClassVar

from ..operation import Call, Operation, ParameterShape, Scope
from ..typing import Array


@dataclass(frozen=True)
class Bias(Operation):
    """z = x + b, with one b for each column; db = sum of dz over the rows."""

    kind: ClassVar[str] = "bias"

    def scope(self, training: bool) -> Scope:  # noqa: ARG002
        """Tile: each element has its own bias."""
        return Scope.TILE

    def parameters(self, in_features: int) -> tuple[ParameterShape, ...]:
        """Return the vector b, which starts at zero and is exempt from L2."""
        return (ParameterShape("bias", (in_features,)),)

    def forward(self, call: Call, x: Array) -> Array:
        """Return x + b."""
        return x + call.parameters["bias"]

    def backward(self, call: Call, dy: Array) -> Array:
        """Write db and return dx = dz."""
        call.gradients["bias"][...] = call.xp.sum(dy, axis=0)
        return dy
