"""Normal noise that training adds."""

from dataclasses import dataclass
from typing import ClassVar

from ..normal_numbers import normal_numbers
from ..operation import Call, Operation, Scope
from ..settings import not_negative
from ..typing import Array


@dataclass(frozen=True)
class GaussianNoise(Operation):
    r"""y = x + std · ξ in training, with ξ of N(0, 1), and y = x in prediction; dx = dy.

    Noise at the input acts as a penalty on the gradient of the network (C. M. Bishop, "Training
    with noise is equivalent to Tikhonov regularization", Neural Computation 7 (1995)).

    ξ comes by Box and Muller's transform from the random words of the counter (seed, step, layer,
    row, column), see `normal_numbers`; std · ξ is computed in float64 and rounded to the dtype of x
    before it is added.

    Saved by `forward`: nothing.

    Parameters
    ----------
    std : float
        The standard deviation of the noise, from 0 up.

    Raises
    ------
    TypeError
        If `std` is no number.
    ValueError
        If it is negative or not finite.
    """

    kind: ClassVar[str] = "gaussian_noise"

    std: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", not_negative(self.std, "the std of noise"))

    def scope(self, training: bool) -> Scope:  # noqa: ARG002
        """Tile: each element has its own random words."""
        return Scope.TILE

    @property
    def predicts_identity(self) -> bool:
        """Whether prediction leaves x as it is: always."""
        return True

    def flops(self, training: bool) -> int:
        """Return the scaling and the sum, in training alone; drawing the noise is not counted."""
        return 2 if training else 0

    def forward(self, call: Call, x: Array) -> Array:
        """Return y."""
        if not call.training or self.std == 0:
            return x
        rows, columns = x.shape
        noise = self.std * normal_numbers(call.xp, rows, columns, **call.drawing())
        return x + call.xp.astype(noise, x.dtype)

    def backward(self, call: Call, dy: Array) -> Array:  # noqa: ARG002
        """Return dx = dy."""
        return dy

    def __str__(self) -> str:
        return f"gaussian_noise({self.std:g})"
