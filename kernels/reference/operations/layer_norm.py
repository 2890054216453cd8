"""Layer normalisation: each sample with mean 0 and variance 1 over its features."""

from dataclasses import dataclass
from typing import ClassVar

from ..normalization import normalize, normalize_backward
from ..operation import Call, Operation, ParameterShape, Scope
from ..settings import epsilon
from ..typing import Array


@dataclass(frozen=True)
class LayerNorm(Operation):
    r"""y = scale · n + shift with n = (x - μ) / √(σ² + ε), μ and σ² over each row.

    With m features,

    .. math::
        dn = dy \cdot scale, \quad
        dx = \frac{dn - \frac1m \sum dn - n \frac1m \sum dn \cdot n}{\sqrt{\sigma^2 + \varepsilon}}

    with sums over the features of a row, and over the rows of the batch dscale = Σ dy · n and
    dshift = Σ dy.  It is the same in training and in prediction, and a row does not depend on the
    others.  (J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", arXiv:1607.06450.)

    Saved by `forward`: ``normal`` (rows, width), n; ``inverse`` (rows, 1), 1 / √(σ² + ε).

    Parameters
    ----------
    eps : float
        ε, positive and a normal number in float32.

    Raises
    ------
    TypeError
        If `eps` is no number.
    ValueError
        If it is not positive.
    """

    kind: ClassVar[str] = "layer_norm"

    eps: float = 1e-5

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", epsilon(self.eps, "the eps of layer norm"))

    def scope(self, training: bool) -> Scope:  # noqa: ARG002
        """Row: mean and variance are those of the row."""
        return Scope.ROW

    def parameters(self, in_features: int) -> tuple[ParameterShape, ...]:
        """Return scale and shift, which are exempt from L2."""
        return (
            ParameterShape("norm_scale", (in_features,), fill=1.0),
            ParameterShape("norm_shift", (in_features,)),
        )

    def kept(self, rows: int, in_features: int, training: bool) -> int:  # noqa: ARG002
        """Return the numbers of n, and 1 / √(σ² + ε) of each row."""
        return rows * in_features + rows

    def flops(self, training: bool) -> int:
        """Return 3 for μ and σ², 4 for y, and in training 11 more, as for batch normalisation."""
        return 18 if training else 7

    def forward(self, call: Call, x: Array) -> Array:
        """Return y."""
        found = normalize(call.xp, x, 1, self.eps)
        call.save(normal=found.normal, inverse=found.inverse)
        return call.parameters["norm_scale"] * found.normal + call.parameters["norm_shift"]

    def backward(self, call: Call, dy: Array) -> Array:
        """Write dscale and dshift and return dx."""
        xp, normal = call.xp, call.recall("normal")
        call.gradients["norm_scale"][...] = xp.sum(dy * normal, axis=0)
        call.gradients["norm_shift"][...] = xp.sum(dy, axis=0)
        dn = dy * call.parameters["norm_scale"]
        return normalize_backward(xp, normal, call.recall("inverse"), dn, 1)
