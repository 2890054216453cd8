"""The CUDA C++ text of the kernel of one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..activations import FORMULAS
from ..cplusplus import text
from ..cplusplus.translation import Subroutines, literal
from .layers import NarrowLayer
from .tiles import THREADS, BlockLayout, rows_of_tile, thread_tile, weight_step


@dataclass(frozen=True)
class Variant:
    """What else distinguishes the kernels of one network.

    Attributes
    ----------
    tile_rows : int
        The rows of a block.
    keep : bool
        Whether each layer's z and a are written out.
    aligned_x, aligned_parameters : bool
        Whether these arrays begin at multiples of 16 bytes.
    """

    tile_rows: int
    keep: bool
    aligned_x: bool
    aligned_parameters: bool


@dataclass(frozen=True)
class KeptPlaces:
    """Where z and a of a layer begin: after so many rows-long columns of what is kept."""

    z: int
    a: int


def kept_places(layers: Sequence[NarrowLayer]) -> tuple[list[KeptPlaces], int]:
    """Return the places for each layer and the width of all together.

    Where a is z, it is kept once.
    """
    places, end = [], 0
    for layer in layers:
        z = end
        a = z if layer.is_linear else z + layer.outputs
        places.append(KeptPlaces(z, a))
        end = a + layer.outputs
    return places, end


def entry_name(dtype: np.dtype[Any], keep: bool) -> str:
    """Return the name of a kernel in profilers and in error messages."""
    return f"mlpcore_narrow{'_keeping' if keep else ''}_{dtype.name}"


def narrow_source(
    layers: Sequence[NarrowLayer],
    dtype: np.dtype[Any],
    variant: Variant,
    layout: BlockLayout,
) -> str:
    """Return the text whose entry is `entry_name`.

    Its parameters are x, the parameters, out, the number of rows, and the rows that are kept for a
    column of what is kept: more than there are, so that every array is aligned.
    """
    subroutines = Subroutines()
    shapes = [_shape(layer, dtype, variant, subroutines) for layer in layers]
    distinct = list(dict.fromkeys(shapes))
    structs = [f"struct Shape{n} {{\n{body}}};\n" for n, body in enumerate(distinct)]
    types = [f"Shape{distinct.index(shape)}" for shape in shapes]
    constants = {
        "int THREADS": THREADS,
        "int TILE_ROWS": variant.tile_rows,
        "bool FEW_ROWS": _cpp(variant.tile_rows == rows_of_tile(dtype.itemsize, many=False)),
        "int A_STEP": layout.a_step,
        "int PANEL": layout.panel,
        "int PANEL_STEP": layout.panel_step,
        "bool RESIDENT": _cpp(bool(layout.places)),
        "bool KEEP": _cpp(variant.keep),
    }
    parts = [
        f"typedef {'float' if dtype == np.float32 else 'double'} real;\n",
        text.thread_tile(),
        *(f"constexpr {name} = {value};\n" for name, value in constants.items()),
        subroutines.text,
        text.text_of(__package__, "narrow.cu"),
        *structs,
        _entry(layers, types, dtype, variant, layout),
    ]
    return "\n".join(parts)


def _cpp(flag: bool) -> str:
    return "true" if flag else "false"


def _shape(
    layer: NarrowLayer,
    dtype: np.dtype[Any],
    variant: Variant,
    subroutines: Subroutines,
) -> str:
    """Return the members of the struct that ``narrow.cu`` calls a shape."""
    tile = thread_tile(layer.outputs, variant.tile_rows, dtype.itemsize)
    per_vector = 16 // dtype.itemsize
    whole = layer.inputs % per_vector == 0 and layer.weight % per_vector == 0
    numbers = {
        "inputs": layer.inputs,
        "outputs": layer.outputs,
        "rows": tile.rows,
        "columns": tile.columns,
        "warps": tile.warps,
        "W_step": weight_step(layer.inputs, dtype.itemsize),
    }
    flags = {"vectors": whole and variant.aligned_parameters, "identity": layer.is_linear}
    formula = FORMULAS[layer.activation]
    setting = f", {literal(dtype.type(layer.setting))}" if formula.settings else ""
    value = f"{subroutines.name_of(formula.value)}(z{setting})"
    return (
        "".join(f"    static constexpr int {name} = {n};\n" for name, n in numbers.items())
        + "".join(f"    static constexpr bool {name} = {_cpp(f)};\n" for name, f in flags.items())
        + f"    static __device__ __forceinline__ real f(real z) {{ return {value}; }}\n"
    )


@dataclass(frozen=True)
class _Places:
    """Where one layer's arrays begin; -1 for a bias that there is not."""

    weight: int
    bias: int
    resident: int
    z: int
    a: int

    def __sub__(self, other: _Places) -> _Places:
        return _Places(*(m - n for m, n in zip(astuple(self), astuple(other), strict=True)))


def _entry(
    layers: Sequence[NarrowLayer],
    types: list[str],
    dtype: np.dtype[Any],
    variant: Variant,
    layout: BlockLayout,
) -> str:
    kept, _ = kept_places(layers)
    resident = layout.places or (0,) * len(layers)
    places = [
        _Places(layer.weight, -1 if layer.bias is None else layer.bias, where, k.z, k.a)
        for layer, where, k in zip(layers, resident, kept, strict=True)
    ]
    fills, calls = [], []
    for start, end in _runs(types, places):
        last = end == len(layers)
        fills.append(_fill(types[start], places[start:end]))
        calls.append(_call(types[start], places[start:end], last, variant.keep, layout))
    x_vectors = variant.aligned_x and layers[0].inputs % (16 // dtype.itemsize) == 0
    width = layers[0].inputs
    return f"""\
extern "C" __global__ void __launch_bounds__(THREADS, 1) {entry_name(dtype, variant.keep)}(
    const real* __restrict__ x, const real* __restrict__ parameters, real* __restrict__ out,
    long long rows, long long kept_rows) {{
    extern __shared__ __align__(16) unsigned char memory[];
    real* a = reinterpret_cast<real*>(memory);
    real* weights = a + {layout.weights};
{"".join(fills) if layout.places else ""}\
    const long long tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (long long t = blockIdx.x; t < tiles; t += gridDim.x) {{
        const long long left = rows - t * TILE_ROWS;
        const Rows tile = {{t * TILE_ROWS, left < TILE_ROWS ? (int)left : TILE_ROWS}};
        fill<{width}, TILE_ROWS, A_STEP, {_cpp(x_vectors)}>(
            a, x + tile.first * {width}, {width}, tile.count);
        __syncthreads();  // a is x
{"".join(calls)}\
    }}
}}
"""


def _runs(types: list[str], places: list[_Places]) -> list[tuple[int, int]]:
    """Return ranges of layers of one type at regular distances, which one loop can run.

    So a deep network of equal layers is no longer text than a shallow one.  The last layer is
    alone, because it writes elsewhere.
    """
    runs, start = [], 0
    last = len(types) - 1
    distances = [after - before for before, after in pairwise(places)]
    for end in range(1, last):
        regular = end - start < 2 or distances[end - 1] == distances[end - 2]
        if types[end] != types[start] or not regular:
            runs.append((start, end))
            start = end
    if last > 0:
        runs.append((start, last))
    return [*runs, (last, last + 1)]


def _loop(run: list[_Places], indent: str) -> str:
    if len(run) == 1:
        return indent
    head = f"for (long long l = 0; l < {len(run)}; ++l)"
    return f"{indent}#pragma unroll 1\n{indent}{head}\n{indent}    "


def _at(run: list[_Places], which: str) -> str:
    """Return the place of layer l of the run as an expression."""
    first = int(getattr(run[0], which))
    if len(run) == 1:
        return str(first)
    return f"({first} + l * {getattr(run[1], which) - first})"


def _fill(shape: str, run: list[_Places]) -> str:
    return (
        f"{_loop(run, '    ')}fill_weights<{shape}, {shape}::inputs, {shape}::W_step>("
        f"weights + {_at(run, 'resident')}, parameters + {_at(run, 'weight')});\n"
    )


def _call(shape: str, run: list[_Places], last: bool, keep: bool, layout: BlockLayout) -> str:
    if layout.places:
        W = f"weights + {_at(run, 'resident')}"
    else:
        W = f"parameters + {_at(run, 'weight')}"
    b = "nullptr" if run[0].bias < 0 else f"parameters + {_at(run, 'bias')}"
    z, a = (f"out + kept_rows * {_at(run, k)}" if keep else "out" for k in ("z", "a"))
    return (
        f"{_loop(run, ' ' * 8)}layer<{shape}, {_cpp(last)}>("
        f"\n            a, {W}, {b}, weights, {z}, {a}, tile);\n"
    )
