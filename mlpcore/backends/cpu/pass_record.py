"""A pass that is differentiated by the compiled kernels: what it keeps, and how it is run."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlpcore.backends.base import StageRecord
from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.cpu.cost_model import (
    Columns,
    PassCall,
    applied_at_once,
    choose_columns,
    choose_pass,
)
from mlpcore.backends.cpu.layer_record import LayerRecord
from mlpcore.backends.cpu.network_table import NetworkTable, aligned
from mlpcore.backends.cpu.scratch import scratch
from mlpcore.backends.cpu.the_team import team
from mlpcore.cached import cached_property
from mlpcore.kernels.cpu.board_memory import board_bytes
from mlpcore.kernels.cpu.product.backward import turned_elements, turned_features
from mlpcore.kernels.cpu.product.narrow import narrow_rows, turned_vectors
from mlpcore.kernels.cpu.product.words import (
    BACKWARD,
    FORWARD,
    PassWords,
    RecordWords,
    phases,
)
from mlpcore.kernels.cpu.units import Kernels
from mlpcore.kernels.reference.operation import Call

STEP = FORWARD + BACKWARD
"""What `PassRecord.run` does at once."""


class _Shape(NamedTuple):
    """How a pass is shared out."""

    call: PassCall
    share: int
    board: int
    total: int
    columns: tuple[Columns, ...]


class PassRecord:
    """The panels of a batch on its way through a network and back.

    Parameters
    ----------
    table : NetworkTable
        The network.
    rows : int
        How many rows the batch has, at least one.
    keep_z : bool
        Whether every pre-activation is kept, for those who want to see it.

    Attributes
    ----------
    words : ndarray of int64
        The arguments of the pass, as `PassWords` has them.
    layers : list of LayerRecord
        What it keeps of each layer.
    x, y : ndarray
        What entered the first product, and the result.
    entered : sequence of Call
        What was kept of how it entered.
    lock : RLock
        Held by whoever sets arguments and runs the pass.
    """

    def __init__(self, table: NetworkTable, rows: int, *, keep_z: bool) -> None:
        table.prepare_passes()
        self.table = table
        self.rows = rows
        self.width = table.lanes if rows <= table.lanes else table.wide
        self.x: Any = None
        self.entered: Sequence[Call] = ()
        self.lock = threading.RLock()
        self.y: Any = None
        self._dy: Any = None
        self._dx: Any = None
        self.words = aligned(PassWords.COUNT, np.int64)
        self._address = int(self.words.ctypes.data)
        self._shapes: dict[int, _Shape] = {}
        self._placed: tuple[int, _Shape] | None = None
        stages = table.fused.stages
        count = RecordWords.COUNT
        self.records = aligned(len(stages) * count, np.int64)
        self.layers = [
            LayerRecord(
                table,
                index,
                self.records[index * count : (index + 1) * count],
                rows=rows,
                width=self.width,
                keep_z=keep_z,
            )
            for index in range(len(stages))
        ]
        stops = [index for index, stage in enumerate(stages) if stage.waits]
        self._stops = np.array([-1, *stops, len(stages)], np.int64)
        words = self.words
        words[PassWords.NETWORK] = table.recording if keep_z else table.address
        words[PassWords.RECORDS] = self.records.ctypes.data
        words[PassWords.ROWS] = rows
        words[PassWords.WIDTH] = self.width
        words[PassWords.STOPS] = self._stops.ctypes.data
        words[PassWords.RUNS] = len(stops) + 1
        self._kernel = table.library.kernels("passes").function("run_pass")
        self._narrow: int | None = None
        narrow = next((most for most in narrow_rows(table.lanes) if rows <= most), None)
        if narrow is not None:
            kernels = table.library.kernels("narrow")
            self._narrow = kernels[f"narrow_layer_{narrow}"]
            words[PassWords.GRADIENT] = kernels[f"narrow_gradient_{narrow}"]
            step = unit = turned_vectors(table.isa, narrow) * table.lanes
        else:
            words[PassWords.GRADIENT] = table.library.kernels("gradient")["input_gradient"]
            step, unit = turned_features(table.isa, table.dtype.itemsize), table.isa.tile_rows
            words[PassWords.COPIED] = turned_elements(table.isa, table.dtype.itemsize)
            self._natural = table.library.kernels("natural")["natural_layer"]
        words[PassWords.GRADIENT_STEP], words[PassWords.GRADIENT_UNIT] = step, unit
        self._scratch_row = max(stages[0].in_features, 1) * table.dtype.itemsize

    @property
    def num_bytes(self) -> int:
        """How much memory the panels take."""
        return sum(layer.num_bytes for layer in self.layers)

    def stage_records(self) -> list["PanelRecord"]:
        """Return the record of each stage."""
        found: list[PanelRecord] = []
        for index in range(len(self.table.fused.stages)):
            found.append(PanelRecord(self, index, found[-1] if found else None))
        return found

    def keep_gradients(self) -> None:
        """Keep the gradients of all that a stage is seen to compute from now on."""
        for layer in self.layers:
            layer.keep_gradients()

    def set_input(self, x: Any) -> None:
        """Let `x`, shape (rows, in_features) of contiguous numbers, be the batch."""
        self.x = x
        self.words[PassWords.X] = data_address(x)
        self.words[PassWords.LDX] = _stride(x)

    def set_output(self, y: Any) -> None:
        """Let the result go to `y`, shape (rows, outputs), C-contiguous."""
        self.y = y
        self.words[PassWords.Y] = data_address(y)
        self.words[PassWords.LDY] = y.shape[1]

    def set_result_gradient(self, dy: Any, dx: Any) -> None:
        """Go back from the gradient `dy` of the result, and write that of the input to `dx`."""
        self._dy, self._dx = dy, dx
        words = self.words
        words[PassWords.LOSS] = 0
        words[PassWords.DY] = data_address(dy)
        words[PassWords.LDDY] = _stride(dy)
        words[PassWords.DX] = 0 if dx is None else data_address(dx)
        words[PassWords.LDDX] = 0 if dx is None else dx.shape[1]

    def apply_to(
        self, places: Mapping[str, Any], kernels: Kernels, sweep: str, *states: Mapping[str, Any]
    ) -> None:
        """Say where the gradients of the parameters go, and what is done with them there."""
        first, second = ([*states, places, places])[:2]
        for layer in self.layers:
            layer.apply_to(places, first, second)
        self.words[PassWords.APPLY] = kernels["apply"]
        few = applied_at_once(self.rows, self.table)
        self.words[PassWords.APPLY_FEW] = kernels["apply_few"] if few else 0
        self.words[PassWords.SWEEP] = kernels[sweep]

    def draw(self, seed: int, step: int, first_row: int = 0) -> None:
        """Let dropout draw what it draws in a step, the first row being `first_row` of its batch.

        As for `Call.drawing`, seeds count modulo 2⁶⁴ and steps modulo 2³².
        """
        words = self.words
        words[PassWords.SEED] = (seed + 2**63) % 2**64 - 2**63  # as an integer with a sign
        words[PassWords.STEP] = step % 2**32
        words[PassWords.FIRST_ROW] = first_row

    def follow(self, state: Mapping[str, Any]) -> None:
        """Let these running statistics follow the batch's, each time that it goes forward."""
        for layer in self.layers:
            layer.follow(state)

    def run(self, kind: int, threads: int) -> None:
        """Go forward, backward, or both."""
        words, shape = self.words, self._shapes.get(threads)
        if shape is None:
            shape = self._shapes[threads] = self._shape(threads)
        participants = shape.call.participants
        if participants > 1:
            team().ready_for(participants)
        address, _kept = scratch(shape.total)
        if self._placed != (address, shape):
            self._placed = address, shape
            words[PassWords.CHUNK] = shape.call.chunk
            words[PassWords.SPREAD] = shape.call.spread
            for layer, columns in zip(self.layers, shape.columns, strict=True):
                layer.words[RecordWords.TASKS] = columns.tasks
                layer.words[RecordWords.SPAN] = columns.span
                layer.words[RecordWords.HELD] = columns.held
                layer.words[RecordWords.PARTS] = columns.parts
            words[PassWords.PARTICIPANTS] = participants
            words[PassWords.SCRATCH] = address
            words[PassWords.SHARE] = shape.share
            words[PassWords.BOARD] = address + shape.board
        if kind != BACKWARD:
            words[PassWords.LAYER] = self._layer_kernel()
        self._kernel(self._address, kind)
        self._dy = None

    def _shape(self, threads: int) -> "_Shape":
        call = choose_pass(self.rows, threads, self.table, self.width)
        columns = tuple(
            choose_columns(self.rows, call.participants, s.in_features, s.out_features, self.table)
            for s in self.table.fused.stages
        )
        itemsize = self.table.dtype.itemsize
        copied = int(self.words[PassWords.COPIED]) * itemsize
        columns_bytes = max(c.elements for c in columns) * itemsize
        panels = _lines(self._scratch_row * call.chunk)
        # Where all work on the same rows, these are there once, after the shares.
        own, common = (0, panels) if call.spread else (panels, 0)
        share = _lines(max(copied + own, columns_bytes))
        board = call.participants * share + common
        runs = int(self.words[PassWords.RUNS])
        count = phases(len(self.table.fused.stages), runs, int(call.spread))
        total = board + board_bytes(count, call.participants)
        return _Shape(call, share, board, total, columns)

    def _layer_kernel(self) -> int:
        """Return the kernel that computes a layer, with the weights as it reads them."""
        if self._narrow is not None:
            return self._narrow
        if self.table.many.stale:
            return self._natural
        return self.table.library.kernels("many")["layer_part"]


class PanelRecord(StageRecord):
    """The record of a stage whose values lie in panels; they are copied when somebody asks."""

    def __init__(self, passed: PassRecord, index: int, before: "PanelRecord | None") -> None:
        self.passed = passed
        self.calls = {}
        self._index = index
        self._before = before

    @cached_property
    def x(self) -> Any:
        """The input of the matrix product."""
        return self.passed.x if self._before is None else self._before.a

    @cached_property
    def z(self) -> Any:
        """The pre-activation; without an activation it is the result."""
        layer = self.passed.layers[self._index]
        return self.a if layer.seen("z") is layer.seen("a") else layer.by_rows("z")

    @cached_property
    def a(self) -> Any:
        """The result of the stage."""
        return self.passed.layers[self._index].by_rows("a")


def _lines(num_bytes: int) -> int:
    """Return the bytes of whole pairs of cache lines that hold so many."""
    return -(-num_bytes // 128) * 128


def _stride(rows: Any) -> int:
    """Return the distance of the rows of a matrix, in elements."""
    stride: int = rows.strides[0] // rows.itemsize if rows.shape[0] > 1 else rows.shape[1]
    return stride
