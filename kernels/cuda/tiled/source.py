"""The CUDA C++ text of one product, and the shape of its tiles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from ..activations import FORMULAS
from ..cplusplus import text
from ..cplusplus.translation import Subroutines

THREADS = 128
_WARPS_OF_ROWS, _WARPS_OF_COLUMNS = 2, 2
_LANES_OF_ROWS, _LANES_OF_OUTPUTS = 4, 8


class Product(Enum):
    """A product by whether the terms of its two operands lie along rows, and terms of a chain."""

    AFFINE = (True, True, 256)
    INPUT_GRADIENT = (True, False, 256)
    WEIGHT_GRADIENT = (False, False, 64)

    @property
    def block(self) -> int:
        """The terms of a chain of the canonical sum."""
        return self.value[2]


def thread_tile(itemsize: int, large: bool) -> tuple[int, int]:
    """Return rows and columns of the result that a thread computes, in 128 bytes of registers."""
    if itemsize == 4:
        return (8, 4) if large else (4, 2)
    return (4, 4) if large else (2, 2)


def tile(itemsize: int, large: bool) -> tuple[int, int]:
    """Return rows and columns of the result that a block computes."""
    rows, columns = thread_tile(itemsize, large)
    return _WARPS_OF_ROWS * _LANES_OF_ROWS * rows, _WARPS_OF_COLUMNS * _LANES_OF_OUTPUTS * columns


@dataclass(frozen=True)
class Variant:
    """What distinguishes the kernels.

    Attributes
    ----------
    product : Product
        What is multiplied.
    dtype : dtype
        float32 or float64.
    activation : str
        The name of f.
    large : bool
        Whether tiles are those for results with enough of them for the device.
    is_long : bool
        Whether there is more than one chain.
    vectors : tuple of bool
        For each operand, whether its rows begin at multiples of 16 bytes.
    biased, keep : bool
        Whether there is a bias, and whether z is kept.
    deep : bool
        Whether the second axis of a grid is too short for the columns of tiles.
    """

    product: Product
    dtype: np.dtype[Any]
    activation: str
    large: bool
    is_long: bool
    vectors: tuple[bool, bool]
    biased: bool = False
    keep: bool = False
    deep: bool = False

    @property
    def name(self) -> str:
        """The name of the kernel in profilers and in error messages."""
        return f"mlpcore_tiled_{self.product.name.lower()}_{self.activation}_{self.dtype.name}"


def tiled_source(variant: Variant) -> str:
    """Return the text whose entry is ``variant.name``.

    Its parameters are both operands, the bias, out, where z is kept, M, N, K, and
    the setting of the activation.
    """
    a_along, b_along, block = variant.product.value
    rows, columns = thread_tile(variant.dtype.itemsize, variant.large)
    numbers = {"THREADS": THREADS, "ROWS": rows, "COLUMNS": columns, "BLOCK": block}
    flags = {
        "LONG": variant.is_long,
        "DEEP": variant.deep,
        "BIASED": variant.biased,
        "KEEP": variant.keep,
        "A_ALONG": a_along,
        "B_ALONG": b_along,
        "A_VECTORS": variant.vectors[0],
        "B_VECTORS": variant.vectors[1],
    }
    formula = FORMULAS[variant.activation]
    subroutines = Subroutines()
    value = subroutines.name_of(formula.value)
    arguments = "z, setting" if formula.settings else "z"
    parts = [
        f"typedef {'float' if variant.dtype == np.float32 else 'double'} real;\n",
        text.thread_tile(),
        *(f"constexpr int {name} = {number};\n" for name, number in numbers.items()),
        *(f"constexpr bool {name} = {str(flag).lower()};\n" for name, flag in flags.items()),
        subroutines.text,
        "__device__ __forceinline__ real f(real z, real setting) {\n"
        f"    return {value}({arguments});\n}}\n",
        text.text_of(__package__, "tiled.cu"),
        f"""\
extern "C" __global__ void __launch_bounds__(THREADS, 1) {variant.name}(
    const real* __restrict__ A, const real* __restrict__ B, const real* __restrict__ bias,
    real* __restrict__ out, real* __restrict__ keep,
    long long M, long long N, long long K, real setting) {{
    product(A, B, bias, out, keep, M, N, K, setting);
}}
""",
    ]
    return "\n".join(parts)
