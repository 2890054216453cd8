"""Launching the kernels of one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import aligned, checked, same_shape
from ..compiler import multiprocessors
from ..cplusplus.module import blocks_of_multiprocessor, compiled, shared_bytes_of_block
from .layers import NarrowLayer, check_layers
from .source import Variant, entry_name, kept_places, narrow_source
from .tiles import THREADS, block_layout, rows_of_tile

_ROWS_OF_ALIGNMENT = 16
"""What is kept begins at multiples of 16 numbers: 64 bytes or more."""


@dataclass(frozen=True)
class Kept:
    """What the backward pass needs of a forward pass.

    Attributes
    ----------
    z, a : tuple of cupy.ndarray
        Each layer's, shape (rows, outputs).  Where the activation is the identity, a is z.
    """

    z: tuple[Any, ...]
    a: tuple[Any, ...]


@dataclass(frozen=True)
class _Loaded:
    """A kernel on one device."""

    function: Any
    shared_bytes: int
    blocks: int


class NarrowKernels:
    """The forward pass of one network, a launch each; compiled at first use on each device.

    Everything runs on CuPy's current device and stream, and memory comes from its pool.

    Parameters
    ----------
    layers : sequence of NarrowLayer
        The network.
    dtype : dtype
        float32 or float64.

    Raises
    ------
    ValueError
        If a layer has no inputs or outputs or more than 128, or an unknown activation, or does not
        follow the one before.
    TypeError
        For another dtype.

    Examples
    --------
    A network 3-5-2 with its parameters at multiples of 16 numbers::

        layers = (
            NarrowLayer(3, 5, "tanh", weight=0, bias=16),
            NarrowLayer(5, 2, "identity", weight=32, bias=48),
        )
        y = NarrowKernels(layers, np.float32).forward(x, parameters)
    """

    def __init__(self, layers: Sequence[NarrowLayer], dtype: Any) -> None:
        check_layers(layers)
        self.layers = tuple(layers)
        self.dtype = np.dtype(dtype)
        checked(self.dtype)
        self._length = max(layer.end for layer in self.layers)
        self._kept_places, self._kept_width = kept_places(self.layers)
        self._kernels: dict[tuple[int, Variant], _Loaded] = {}

    def forward(self, x: Any, parameters: Any, out: Any = None) -> Any:
        """Return the last layer's a.

        Parameters
        ----------
        x : cupy.ndarray, shape (rows, inputs)
            The batch, C-contiguous.
        parameters : cupy.ndarray, shape (n,)
            All weights and biases.  Where it begins at a multiple of 16 bytes, W of layers that do,
            too, and whose inputs are multiples of 16 bytes is read 16 bytes at a time.
        out : cupy.ndarray, shape (rows, outputs), optional
            Where the result goes; it overlaps neither of the others.

        Returns
        -------
        cupy.ndarray, shape (rows, outputs)
            `out`.

        Raises
        ------
        TypeError, ValueError
            If dtypes or shapes do not fit, or an array is not contiguous.
        """
        import cupy

        rows = self._check(x, parameters)
        shape = (rows, self.layers[-1].outputs)
        out = cupy.empty(shape, self.dtype) if out is None else out
        checked(self.dtype, out=out)
        same_shape(shape, out=out)
        self._launch(x, parameters, out, rows, keep=False)
        return out

    def forward_keeping(self, x: Any, parameters: Any) -> Kept:
        """Return each layer's z and a, parts of one allocation that begin at multiples of 64 bytes.

        Parameters
        ----------
        x, parameters : cupy.ndarray
            As for `forward`, whose result has the same bits as the last a here.

        Raises
        ------
        TypeError, ValueError
            If dtypes or shapes do not fit, or an array is not contiguous.
        """
        import cupy

        rows = self._check(x, parameters)
        kept_rows = -(-rows // _ROWS_OF_ALIGNMENT) * _ROWS_OF_ALIGNMENT
        kept = cupy.empty(kept_rows * self._kept_width, self.dtype)
        self._launch(x, parameters, kept, rows, keep=True, kept_rows=kept_rows)

        def part(place: int, layer: NarrowLayer) -> Any:
            start = place * kept_rows
            return kept[start : start + rows * layer.outputs].reshape(rows, layer.outputs)

        where = list(zip(self._kept_places, self.layers, strict=True))
        z = tuple(part(places.z, layer) for places, layer in where)
        a = tuple(
            same if layer.is_linear else part(places.a, layer)
            for (places, layer), same in zip(where, z, strict=True)
        )
        return Kept(z, a)

    def _check(self, x: Any, parameters: Any) -> int:
        """Return the number of rows."""
        checked(self.dtype, x=x, parameters=parameters)
        if x.ndim != 2 or x.shape[1] != self.layers[0].inputs:
            raise ValueError(f"x has shape {x.shape}, expected (rows, {self.layers[0].inputs})")
        if parameters.ndim != 1 or parameters.size < self._length:
            raise ValueError(
                f"parameters have shape {parameters.shape}, expected one axis of at least "
                f"{self._length}"
            )
        return int(x.shape[0])

    def _launch(
        self, x: Any, parameters: Any, out: Any, rows: int, keep: bool, kept_rows: int = 0
    ) -> None:
        if rows == 0:
            return
        import cupy

        device = cupy.cuda.runtime.getDevice()
        # The shape of a tile changes no bits, so it may follow the batch: smaller ones, where there
        # would not be one for each multiprocessor.
        tile_rows = rows_of_tile(self.dtype.itemsize, many=True)
        if -(-rows // tile_rows) < multiprocessors(device):
            tile_rows = rows_of_tile(self.dtype.itemsize, many=False)
        variant = Variant(tile_rows, keep, aligned(x), aligned(parameters))
        kernel = self._kernels.get((device, variant))
        if kernel is None:
            kernel = self._kernels[device, variant] = self._load(device, variant)
        blocks = min(-(-rows // tile_rows), kernel.blocks)
        arguments = (x, parameters, out, np.int64(rows), np.int64(kept_rows))
        kernel.function((blocks,), (THREADS,), arguments, shared_mem=kernel.shared_bytes)

    def _load(self, device: int, variant: Variant) -> _Loaded:
        limit = shared_bytes_of_block(device)
        layout = block_layout(self.layers, variant.tile_rows, self.dtype.itemsize, limit)
        source = narrow_source(self.layers, self.dtype, variant, layout)
        name = entry_name(self.dtype, variant.keep)
        function = compiled(source, name, layout.bytes)
        # As many as run at once: each reads its weights once and goes through the tiles.
        together = blocks_of_multiprocessor(function, THREADS, layout.bytes)
        return _Loaded(function, layout.bytes, together * multiprocessors(device))
