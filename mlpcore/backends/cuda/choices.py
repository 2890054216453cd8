"""Which kernel computes a product: the possible answers, and the one where nobody has measured.

Nothing here knows the size of a batch, and nothing is timed while a model runs: the same layer on
the same device is computed by the same kernel in every run.
"""

from dataclasses import dataclass
from enum import StrEnum

from mlpcore.kernels.cuda.narrow import WIDEST

FEW_INPUTS = 128
"""Up to so many inputs a layer is fused into one launch, whatever its outputs."""


class Choice(StrEnum):
    """A way to compute a product.

    ``TILED`` and ``NARROW`` sum as the CPU does, so that a row has the same bits in every batch,
    and the same by both.  ``CUBLASLT`` uses for every batch the algorithm that its heuristic names
    for one of them.  ``CUPY`` is cuBLAS, which chooses anew for every batch: the bits of a row may
    then depend on the batch, so nobody gets it who does not ask for it.
    """

    CUBLASLT = "cublaslt"
    TILED = "tiled"
    NARROW = "narrow"
    CUPY = "cupy"


class Product(StrEnum):
    """A product of a layer: a = f(x Wᵀ + b), dx = dz W or dW = dzᵀ x."""

    FORWARD = "forward"
    INPUT_GRADIENT = "input_gradient"
    WEIGHT_GRADIENT = "weight_gradient"

    @property
    def possible(self) -> tuple[Choice, ...]:
        """What can compute it: the kernel of narrow networks goes forward only."""
        return tuple(c for c in Choice if c is not Choice.NARROW or self is Product.FORWARD)


@dataclass(frozen=True)
class Choices:
    """What computes the products of one layer.

    Attributes
    ----------
    forward : Choice
        What computes a = f(x Wᵀ + b).
    input_gradient, weight_gradient : Choice
        What computes dx = dz W and dW = dzᵀ x; not ``NARROW``.
    """

    forward: Choice
    input_gradient: Choice
    weight_gradient: Choice

    def of(self, product: Product) -> Choice:
        """Return what computes a product."""
        found: Choice = getattr(self, product.value)
        return found


def default_choices(inputs: int, outputs: int) -> Choices:
    r"""Return what computes a layer that no table knows.

    Nobody has measured this rule on a GPU.  It follows from what is fused:

    - Up to 128 features, activations never leave the chip: ``NARROW``.
    - One kernel in place of a product and an activation saves a launch, and it saves writing z and
      reading it again, :math:`2s` bytes for each output of s bytes.  It costs what the kernel is
      slower than cuBLASLt's: with K inputs, at the fraction e of its speed,
      :math:`2K(1/e - 1)` operations' time for each output.  On a device with B operations a byte
      it pays, whatever the batch, for

      .. math:: K < s B / (1/e - 1).

      With e = 0.6, which is a guess, and the 12 and 20 operations a byte that the data sheets of
      the A100 and the H100 give for float32, that is K < 75 and K < 120; float64, with half the
      operations for twice the bytes, gives the same; and small batches, which wait for launches,
      ask for more.  So ``TILED`` up to 128.
    - All else, and the gradients, in which nothing is fused: ``CUBLASLT``.

    Parameters
    ----------
    inputs, outputs : int
        The shape of W is (outputs, inputs).
    """
    if max(inputs, outputs) <= WIDEST:
        forward = Choice.NARROW
    elif inputs <= FEW_INPUTS:
        forward = Choice.TILED
    else:
        forward = Choice.CUBLASLT
    return Choices(forward, Choice.CUBLASLT, Choice.CUBLASLT)
