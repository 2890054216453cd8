"""Batch normalisation: each feature with mean 0 and variance 1 over the batch."""

from dataclasses import dataclass
from typing import ClassVar

from ..normalization import normalize, normalize_backward
from ..operation import Call, Operation, ParameterShape, Scope
from ..settings import epsilon, share
from ..typing import Array


@dataclass(frozen=True)
class BatchNorm(Operation):
    r"""y = scale · n + shift with n = (x - μ) / √(σ² + ε), for each column.

    In training μ and σ² are mean and (biased) variance of the B rows of the batch,

    .. math::
        dn = dy \cdot scale, \quad
        dx = \frac{dn - \frac1B \sum dn - n \frac1B \sum dn \cdot n}{\sqrt{\sigma^2 + \varepsilon}},
        \quad dscale = \sum dy \cdot n, \quad dshift = \sum dy

    and the running statistics r of the state follow them, the variance with Bessel's factor:

    .. math::
        r_\mu \leftarrow (1 - momentum)\, r_\mu + momentum\, \mu, \quad
        r_{\sigma^2} \leftarrow (1 - momentum)\, r_{\sigma^2} + momentum\, \frac{B}{B - 1} \sigma^2

    In prediction, and where a prediction is differentiated, μ and σ² are the running ones, which
    begin as 0 and 1, and dx = dn / √(σ² + ε).  (S. Ioffe and C. Szegedy, "Batch normalization",
    arXiv:1502.03167, algorithms 1 and 2; momentum weighs the batch, as in PyTorch.)

    Saved by `forward`: ``normal`` (rows, width), n; ``inverse`` (1, width), 1 / √(σ² + ε).

    Parameters
    ----------
    momentum : float
        The weight of the batch in the running statistics, in [0, 1].
    eps : float
        ε, positive and a normal number in float32.

    Raises
    ------
    TypeError
        If one of them is no number.
    ValueError
        If one is out of its range.
    """

    kind: ClassVar[str] = "batch_norm"

    momentum: float = 0.1
    eps: float = 1e-5

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", share(self.momentum, "the momentum of batch norm"))
        object.__setattr__(self, "eps", epsilon(self.eps, "the eps of batch norm"))

    def scope(self, training: bool) -> Scope:
        """Batch in training, tile in prediction, where every column has its numbers already."""
        return Scope.BATCH if training else Scope.TILE

    def least_rows(self, training: bool) -> int:
        """Return 2 in training: the variance of one row is zero, which says nothing."""
        return 2 if training else 0

    def parameters(self, in_features: int) -> tuple[ParameterShape, ...]:
        """Return scale and shift, which are exempt from L2."""
        return (
            ParameterShape("norm_scale", (in_features,), fill=1.0),
            ParameterShape("norm_shift", (in_features,)),
        )

    def state(self, in_features: int) -> tuple[ParameterShape, ...]:
        """Return the running statistics."""
        return (
            ParameterShape("running_mean", (in_features,)),
            ParameterShape("running_variance", (in_features,), fill=1.0),
        )

    def kept(self, rows: int, in_features: int, training: bool) -> int:  # noqa: ARG002
        """Return the numbers of n, and 1 / √(σ² + ε) of each column."""
        return rows * in_features + in_features

    def flops(self, training: bool) -> int:
        """Return 4 in prediction, (x - μ) / σ · scale + shift, and 3 + 4 + 11 in training.

        μ takes a sum, σ² a square and a sum; backward, dscale takes 2, dshift 1, dn 1, the means of
        dn and dn · n take 1 and 2, and dx takes 4.
        """
        return 18 if training else 4

    def forward(self, call: Call, x: Array) -> Array:
        """Return y; in training the running statistics follow the batch.

        Raises
        ------
        ValueError
            If a batch in training has one row.
        """
        if call.training:
            normal, inverse = self._of_batch(call, x)
        else:
            inverse = 1.0 / call.xp.sqrt(call.state["running_variance"][None, :] + self.eps)
            normal = (x - call.state["running_mean"]) * inverse
        call.save(normal=normal, inverse=inverse)
        return call.parameters["norm_scale"] * normal + call.parameters["norm_shift"]

    def _of_batch(self, call: Call, x: Array) -> tuple[Array, Array]:
        rows = x.shape[0]
        if rows < 2:
            raise ValueError(
                "batch normalisation takes the variance of a batch, which needs two rows or more "
                f"in a training step; got {rows}"
            )
        found = normalize(call.xp, x, 0, self.eps)
        unbiased = found.variance[0, :] * (rows / (rows - 1))
        follow = (("running_mean", found.mean[0, :]), ("running_variance", unbiased))
        for name, now in follow:
            call.state[name][...] = (1 - self.momentum) * call.state[name] + self.momentum * now
        return found.normal, found.inverse

    def backward(self, call: Call, dy: Array) -> Array:
        """Write dscale and dshift and return dx."""
        xp, normal, inverse = call.xp, call.recall("normal"), call.recall("inverse")
        call.gradients["norm_scale"][...] = xp.sum(dy * normal, axis=0)
        call.gradients["norm_shift"][...] = xp.sum(dy, axis=0)
        dn = dy * call.parameters["norm_scale"]
        return normalize_backward(xp, normal, inverse, dn, 0) if call.training else dn * inverse
