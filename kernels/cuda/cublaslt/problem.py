"""The three products of a layer, as cuBLASLt sees them.

cuBLASLt stores matrices column after column (row-major results exclude most epilogues), and a
row-major array is its transpose stored so.  So every product is computed transposed, D = op(A)
op(B), without moving anything:

    ===============  ==============  =============  ==============  ===================
    product          D (m, n)        op(A) (m, k)   op(B) (k, n)    summed over k
    ===============  ==============  =============  ==============  ===================
    z = x Wᵀ         zᵀ              W              xᵀ              inputs
    dx = dz W        dxᵀ             Wᵀ             dzᵀ             outputs
    dW = dzᵀ x       dWᵀ             xᵀ             dz              rows of the batch
    ===============  ==============  =============  ==============  ===================

A bias is as long as D has rows, which are the features; ``BGRADB`` sums op(B) over k, which are the
rows of dz, and wants B transposed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .epilogue import Epilogue

_FLOAT32, _FLOAT64 = 0, 1  # cudaDataType_t
_COMPUTE_32F, _COMPUTE_64F, _COMPUTE_TF32 = 68, 70, 77  # cublasComputeType_t


class Product(Enum):
    """Which product; the value tells whether A and B are transposed."""

    AFFINE = (True, False)
    INPUT_GRADIENT = (False, False)
    WEIGHT_GRADIENT = (False, True)


@dataclass(frozen=True)
class Alignments:
    """Of how many bytes the addresses are known to be multiples."""

    a: int
    b: int
    d: int
    bias: int
    aux: int


@dataclass(frozen=True)
class Problem:
    """All that an algorithm is chosen by; the number of rows is not part of it.

    Attributes
    ----------
    product : Product
        Which of the three.
    epilogue : Epilogue
        What happens to the result.
    double : bool
        float64, else float32.
    tf32 : bool
        Whether float32 operands may be rounded to TF32.
    inputs, outputs : int
        The shape of W is (outputs, inputs).
    aux_leading : int
        The leading dimension of the auxiliary array, 0 without one.
    alignments : Alignments
        Of the arrays.
    """

    product: Product
    epilogue: Epilogue
    double: bool
    tf32: bool
    inputs: int
    outputs: int
    aux_leading: int
    alignments: Alignments

    @property
    def data_type(self) -> int:
        """The ``cudaDataType_t`` of every matrix and of the scale."""
        return _FLOAT64 if self.double else _FLOAT32

    @property
    def compute_type(self) -> int:
        """The ``cublasComputeType_t``: full precision unless TF32 was asked for."""
        if self.double:
            return _COMPUTE_64F
        return _COMPUTE_TF32 if self.tf32 else _COMPUTE_32F

    def extents(self, rows: int) -> tuple[int, int, int]:
        """Return m, n and k for a batch of `rows`."""
        if self.product is Product.AFFINE:
            return self.outputs, rows, self.inputs
        if self.product is Product.INPUT_GRADIENT:
            return self.inputs, rows, self.outputs
        return self.inputs, self.outputs, rows

    def shapes(self, rows: int) -> tuple[tuple[int, int], ...]:
        """Return rows and columns of A, B and D as they are stored."""
        m, n, k = self.extents(rows)
        transpose_a, transpose_b = self.product.value
        return (k, m) if transpose_a else (m, k), (n, k) if transpose_b else (k, n), (m, n)

    def obstacle(self, rows: int, version: int) -> str | None:
        """Return why the library is known not to do this, or None.

        These rules are not in its documentation but in NVIDIA's nvmath-python
        (``epilog_protocol.py``), which checks them because not every version reports them.
        """
        m, n, k = self.extents(rows)
        if self.epilogue.differentiates and k == 1:
            return f"{self.epilogue.name} with one output to sum over"
        if self.epilogue is Epilogue.BGRADB and n == 1:
            return f"{self.epilogue.name} with one output"
        if self.epilogue is Epilogue.BGRADB and k == 1 and version < 120304:
            return f"{self.epilogue.name} with one row, before version 12.3.4"
        if max(m, n, k) >= 2**31:
            return "a matrix with 2**31 rows or columns"
        return None
