"""What cuBLASLt says to a product before it computes anything."""

from __future__ import annotations

from ..cupy_double.blas_operands import compute_type, data_type
from . import epilogues
from .descriptors import Layout, Operation

SUCCESS, INVALID_VALUE, NOT_SUPPORTED = 0, 7, 15
"""Of ``cublasStatus_t``."""

_AUX_ALIGNMENT = 16


def status_of(operation: Operation, layouts: tuple[Layout, ...]) -> int:
    """Return the status of a product with matrices A, B, C and D.

    Where the documentation leaves it open, what NVIDIA's nvmath-python knows counts, its tests and
    its ``epilog_protocol.py``; where that is silent too, the stricter answer.

    Raises
    ------
    NotImplementedError
        For what the library may do, but the double does not.
    """
    a, b, c, d = layouts
    _require_types(operation, layouts)
    m, k = a.transposed(operation.transpose_a)
    k_of_b, n = b.transposed(operation.transpose_b)
    shapes_agree = k == k_of_b and (d.rows, d.columns) == (c.rows, c.columns) == (m, n)
    apart = all(layout.leading >= layout.rows for layout in layouts)
    if not shapes_agree or not apart or 0 in (m, n, k):
        return INVALID_VALUE
    epilogue = operation.epilogue
    needs_vector = epilogue & (
        epilogues.BIAS | epilogues.BGRAD | epilogues.BGRADA | epilogues.BGRADB
    )
    if needs_vector and not operation.bias:
        return INVALID_VALUE
    if epilogue & epilogues.AUX:
        if not operation.aux or not _aux_leading_fits(operation, m):
            return INVALID_VALUE
        if operation.aux % _AUX_ALIGNMENT:
            return NOT_SUPPORTED
    if epilogue & (epilogues.DRELU | epilogues.DGELU) and k == 1:
        return NOT_SUPPORTED
    if epilogue == epilogues.BGRADA and operation.transpose_a:
        return NOT_SUPPORTED
    if epilogue == epilogues.BGRADB and (not operation.transpose_b or n == 1):
        return NOT_SUPPORTED
    return SUCCESS


def _require_types(operation: Operation, layouts: tuple[Layout, ...]) -> None:
    """Raise unless types and epilogue are among those that are emulated."""
    kinds = {data_type(layout.data_type) for layout in layouts}
    work = compute_type(operation.compute_type)
    if kinds != {work} or data_type(operation.scale_type) != work:
        raise NotImplementedError("gpu_on_cpu: cuBLASLt with mixed types is not emulated")
    if operation.epilogue not in epilogues.KNOWN:
        raise NotImplementedError(
            f"gpu_on_cpu: epilogue {operation.epilogue} of cuBLASLt is not emulated"
        )


def _aux_leading_fits(operation: Operation, rows: int) -> bool:
    is_mask = operation.epilogue & (epilogues.RELU | epilogues.DRELU)
    step = epilogues.MASK_BITS if is_mask else epilogues.INPUT_ELEMENTS
    return operation.aux_leading >= rows and operation.aux_leading % step == 0
