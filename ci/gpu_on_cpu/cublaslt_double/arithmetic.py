"""The product itself, by NumPy, and its epilogue."""

from __future__ import annotations

import numpy as np

from ..cupy_double.blas_operands import Operands, Real, compute_type, data_type
from . import epilogues
from .descriptors import Layout, Operation


@np.errstate(all="ignore")  # a GPU does not warn
def multiply(
    operands: Operands,
    operation: Operation,
    layouts: tuple[Layout, ...],
    alpha: int,
    beta: int,
    addresses: tuple[int, ...],
) -> None:
    """Set D = epilogue(alpha op(A) op(B) + beta C); with beta zero, C is not read.

    `alpha` and `beta` are addresses on the host, `addresses` those of A, B, C and D.
    """
    work = compute_type(operation.compute_type)
    views = [
        (address, (layout.rows, layout.columns), layout.leading, data_type(layout.data_type),
         f"matrix {name} of cublasLtMatmul")
        for name, address, layout in zip("ABCD", addresses, layouts, strict=True)
    ]  # fmt: skip
    A, B, D = (operands.matrix(*views[which]) for which in (0, 1, 3))
    left = (A.T if operation.transpose_a else A).astype(work)
    right = (B.T if operation.transpose_b else B).astype(work)
    z = operands.scalar(alpha, work) * (left @ right)
    scale = operands.scalar(beta, work)
    if scale != 0:
        z = z + scale * operands.matrix(*views[2])
    epilogue = operation.epilogue
    kind = D.dtype.type
    if epilogue & epilogues.BIAS:
        z = z + _vector(operands, operation, D.shape[0], kind)[:, None]
    if epilogue & epilogues.AUX:
        z = _auxiliary(operands, operation, z, kind)
    if epilogue & epilogues.BGRAD:
        _vector(operands, operation, D.shape[0], kind)[...] = z.sum(axis=1)
    if epilogue == epilogues.BGRADA:
        _vector(operands, operation, D.shape[0], kind)[...] = left.sum(axis=1)
    if epilogue == epilogues.BGRADB:
        _vector(operands, operation, D.shape[1], kind)[...] = right.sum(axis=0)
    if epilogue & epilogues.RELU:
        z = epilogues.relu(z)
    if epilogue & epilogues.GELU:
        z = epilogues.gelu(z)
    D[...] = z


def _vector(operands: Operands, operation: Operation, length: int, kind: Real) -> np.ndarray:
    """Return the bias or the bias gradient."""
    return operands.vector(operation.bias, length, 1, kind, "the bias of cublasLtMatmul")


def _auxiliary(operands: Operands, operation: Operation, z: np.ndarray, kind: Real) -> np.ndarray:
    """Write the auxiliary matrix, or return z times the derivative that it tells."""
    epilogue, leading = operation.epilogue, operation.aux_leading
    rows, columns = z.shape
    what = "the auxiliary matrix of cublasLtMatmul"
    if epilogue & (epilogues.RELU | epilogues.DRELU):
        height = leading // 8
        mask = operands.matrix(operation.aux, (height, columns), height, np.uint8, what)
        if epilogue & epilogues.DRELU:
            return np.where(epilogues.read_mask(mask, rows), z, z.dtype.type(0))
        epilogues.write_mask(z, mask)
        return z
    kept = operands.matrix(operation.aux, (rows, columns), leading, kind, what)
    if epilogue & epilogues.DGELU:
        return z * epilogues.gelu_derivative(kept.astype(z.dtype))
    kept[...] = z
    return z
