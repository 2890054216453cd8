"""The array that a forward epilogue leaves for its backward epilogue."""

from __future__ import annotations

from typing import Any

from .epilogue import Epilogue

_MASK_BITS = 128
_INPUT_ELEMENTS = 8


def leading_dimension(epilogue: Epilogue, width: int) -> int:
    """Return the elements from one row of the auxiliary array to the next.

    Parameters
    ----------
    epilogue : Epilogue
        One with an auxiliary array.
    width : int
        The outputs of the layer.

    Returns
    -------
    int
        In bits for ReLU's mask, a multiple of 128; in numbers for GELU's input, a multiple of 8
        (``cublasLt.h``, ``CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD``).
    """
    step = _MASK_BITS if epilogue.has_mask else _INPUT_ELEMENTS
    return -(-width // step) * step


def empty_auxiliary(epilogue: Epilogue, rows: int, width: int, dtype: Any) -> Any:
    """Return a new auxiliary array on the current device, or None where the epilogue has none.

    Parameters
    ----------
    epilogue : Epilogue
        Of the forward or of the backward product: they share the array.
    rows, width : int
        The shape of z.
    dtype : dtype
        Of z.

    Returns
    -------
    cupy.ndarray or None
        For ReLU, shape (rows, bytes) of uint8: bit ``j % 8`` of byte ``j // 8`` of a row tells
        whether z is positive or zero in column j.  For GELU, shape (rows, columns) of `dtype`,
        whose first `width` columns are z.  Columns beyond hold nothing.
    """
    import cupy

    if epilogue.has_mask:
        return cupy.empty((rows, leading_dimension(epilogue, width) // 8), cupy.uint8)
    if epilogue.has_input:
        return cupy.empty((rows, leading_dimension(epilogue, width)), dtype)
    return None


def check_auxiliary(epilogue: Epilogue, aux: Any, rows: int, width: int, dtype: Any) -> None:
    """Raise `ValueError` unless `aux` is what `empty_auxiliary` returns."""
    if not (epilogue.has_mask or epilogue.has_input):
        if aux is not None:
            raise ValueError(f"{epilogue.name} has no auxiliary array")
        return
    leading = leading_dimension(epilogue, width)
    shape = (rows, leading // 8) if epilogue.has_mask else (rows, leading)
    expected = "uint8" if epilogue.has_mask else dtype
    if aux is None or aux.shape != shape or aux.dtype != expected or not aux.flags.c_contiguous:
        got = None if aux is None else f"{aux.shape} of {aux.dtype}"
        raise ValueError(
            f"the auxiliary array of {epilogue.name} must have shape {shape} of {expected} and "
            f"contiguous rows, as empty_auxiliary makes it; got {got}"
        )
