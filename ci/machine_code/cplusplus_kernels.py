"""The kernels that are written in CUDA C++, with what each is held to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np

from mlpcore.kernels.cuda.cplusplus.module import OPTIONS
from mlpcore.kernels.cuda.narrow import NarrowLayer
from mlpcore.kernels.cuda.narrow import source as narrow
from mlpcore.kernels.cuda.narrow.tiles import THREADS as NARROW_THREADS
from mlpcore.kernels.cuda.narrow.tiles import BlockLayout, block_layout, rows_of_tile
from mlpcore.kernels.cuda.tiled import source as tiled

from .architectures import ARCHITECTURES, Capability
from .nvrtc import ptx_of_source
from .program import Ceilings, Program

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
_TILE = "the sums of a thread's tile stay in registers, and so do the operands of the next terms"
_NARROW = _TILE + "; the weights of the whole network lie in shared memory"
_MOST_SHARED = max(limits.shared_of_block for limits in ARCHITECTURES.values())

TILED_CEILINGS = Ceilings((224, 255), 24 * 1024, _TILE)
NARROW_CEILINGS = Ceilings((255, 255), _MOST_SHARED, _NARROW)

NETWORKS = {"64-128-128-10": (64, 128, 128, 10), "32-32-32-4": (32, 32, 32, 4)}
"""The widths of the networks that narrow kernels are compiled for here."""


def cplusplus_programs(everything: bool) -> Iterator[Program]:
    """Give the kernels, in the variants that every change is checked with or in all of them."""
    for dtype in _DTYPES:
        yield from _tiled(dtype, everything)
        yield from _narrow(dtype, everything)


def _tiled(dtype: np.dtype, everything: bool) -> Iterator[Program]:
    for product in tiled.Product:
        for large in (True, False) if everything else (True,):
            for aligned in (True, False) if everything else (True,):
                variant = tiled.Variant(
                    product, dtype, "gelu" if product is tiled.Product.AFFINE else "identity",
                    large, True, (aligned, aligned),
                )  # fmt: skip
                text = tiled.tiled_source(variant)
                words = ["tiled", product.name.lower().replace("_", " ")]
                words += [] if large else ["small"]
                words += [] if aligned else ["unaligned"]
                yield Program(
                    " ".join(words),
                    dtype,
                    tiled.THREADS,
                    partial(ptx_of_source, text, OPTIONS),
                    TILED_CEILINGS,
                    is_product=True,
                    source=text,
                )


def _layers(widths: tuple[int, ...]) -> tuple[NarrowLayer, ...]:
    layers, end = [], 0
    for inputs, outputs in pairwise(widths):
        weight, bias = end, end + inputs * outputs
        layers.append(NarrowLayer(inputs, outputs, "tanh", weight, bias))
        end = bias + -(-outputs // 16) * 16
    return tuple(layers)


def _narrow(dtype: np.dtype, everything: bool) -> Iterator[Program]:
    for name, widths in list(NETWORKS.items())[: None if everything else 1]:
        for keep in (False, True) if everything else (False,):
            for many in (True, False) if everything else (True,):
                layers = _layers(widths)
                rows = rows_of_tile(dtype.itemsize, many)
                variant = narrow.Variant(rows, keep, True, True)

                def layout(
                    capability: Capability, layers: tuple[NarrowLayer, ...], rows: int
                ) -> BlockLayout:
                    limit = ARCHITECTURES[capability].shared_of_block
                    return block_layout(layers, rows, dtype.itemsize, limit)

                def ptx(
                    capability: Capability,
                    layers: tuple[NarrowLayer, ...],
                    variant: narrow.Variant,
                ) -> str:
                    here = layout(capability, layers, variant.tile_rows)
                    text = narrow.narrow_source(layers, dtype, variant, here)
                    return ptx_of_source(text, OPTIONS, capability)

                def shared(
                    capability: Capability, layers: tuple[NarrowLayer, ...], rows: int
                ) -> int:
                    return layout(capability, layers, rows).bytes

                words = ["narrow", name]
                words += ["keeping"] if keep else []
                words += [] if many else ["small"]
                yield Program(
                    " ".join(words),
                    dtype,
                    NARROW_THREADS,
                    partial(ptx, layers=layers, variant=variant),
                    NARROW_CEILINGS,
                    is_product=True,
                    dynamic_shared=partial(shared, layers=layers, rows=rows),
                    source=narrow.narrow_source(
                        layers, dtype, variant, layout((9, 0), layers, rows)
                    ),
                )
