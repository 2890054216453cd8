"""A residual connection: the result of an earlier layer is added again."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..operation import Call, Operation, Scope
from ..typing import Array


@dataclass(frozen=True)
class Residual(Operation):
    """y = x + a, with a the result of the layer `back` layers before; dx = dy and da = dy.

    (K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition",
    arXiv:1512.03385, equation 1.)  The result of a layer is what its last operation gives.

    Saved by `forward`: nothing.  `backward` adds dy to ``call.source_gradients``.

    Parameters
    ----------
    back : int
        How many layers before the one in which it stands, at least 1.

    Raises
    ------
    TypeError
        If `back` is no whole number.
    ValueError
        If it is below 1.
    """

    kind: ClassVar[str] = "residual"

    back: int = 1

    def __post_init__(self) -> None:
        try:
            back = operator.index(self.back)
        except TypeError:
            raise TypeError(f"back must be a whole number, got {self.back!r}") from None
        if isinstance(self.back, bool):
            raise TypeError(f"back must be a whole number, got {self.back!r}")
        if back < 1:
            raise ValueError(f"back must be at least 1, got {back}")
        object.__setattr__(self, "back", back)

    def scope(self, training: bool) -> Scope:  # noqa: ARG002
        """Tile: each element is added to its own."""
        return Scope.TILE

    def sources(self, stage: int) -> tuple[int, ...]:
        """Return the layer whose result is added."""
        return (stage - self.back,)

    def check_sources(self, in_features: int, widths: Sequence[int]) -> None:
        """Raise ValueError unless the earlier result is as wide as x."""
        if widths[0] != in_features:
            raise ValueError(
                f"a residual connection adds results of equal widths, but joins {widths[0]} "
                f"features to {in_features}"
            )

    def flops(self, training: bool) -> int:
        """Return the sum, and in training that of the gradients where they meet."""
        return 2 if training else 1

    def forward(self, call: Call, x: Array) -> Array:
        """Return y."""
        return x + call.sources[0]

    def backward(self, call: Call, dy: Array) -> Array:
        """Return dx, and leave da."""
        call.source_gradients.append(dy)
        return dy

    def __str__(self) -> str:
        return "residual" if self.back == 1 else f"residual({self.back})"
