"""Dropout: in training each element is zero with some probability."""

from dataclasses import dataclass
from typing import ClassVar

from ..operation import Call, Operation, Scope
from ..philox import dropout
from ..settings import rate
from ..typing import Array


@dataclass(frozen=True)
class Dropout(Operation):
    r"""y = x · m / (1 - rate) in training and y = x in prediction ("inverted" dropout).

    The mask m is 0 with probability `rate` and else 1, so that E[y] = x and prediction needs no
    factor.  dx = dy · m / (1 - rate).  (N. Srivastava et al., "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 15 (2014), who scale in prediction instead.)

    An element is dropped where its random word is below round(rate · 2³²); the word is that of
    Philox4x32-10 for the counter (seed, step, layer, row, column), see `philox.random_words`.  So
    the mask depends neither on the device nor on threads, nor on which rows are computed together.
    What is dropped is exactly 0, also where x is NaN or infinite.

    Saved by `forward`: nothing; `backward` draws the mask again.

    Parameters
    ----------
    rate : float
        The share that is dropped, in [0, 1).

    Raises
    ------
    TypeError
        If `rate` is no number.
    ValueError
        If it is outside [0, 1).
    """

    kind: ClassVar[str] = "dropout"

    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", rate(self.rate, "the rate of dropout"))

    def scope(self, training: bool) -> Scope:  # noqa: ARG002
        """Tile: each element has its own random word."""
        return Scope.TILE

    @property
    def predicts_identity(self) -> bool:
        """Whether prediction leaves x as it is: always."""
        return True

    def flops(self, training: bool) -> int:
        """Return the products with the mask: one forward and one backward, in training alone."""
        return 2 if training else 0

    def forward(self, call: Call, x: Array) -> Array:
        """Return y."""
        return self._masked(call, x)

    def backward(self, call: Call, dy: Array) -> Array:
        """Return dx."""
        return self._masked(call, dy)

    def _masked(self, call: Call, x: Array) -> Array:
        if not call.training or self.rate == 0:
            return x
        return dropout(call.xp, x, self.rate, **call.drawing())

    def __str__(self) -> str:
        return f"dropout({self.rate:g})"
