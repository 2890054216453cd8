"""Predictions by the compiled kernels."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpcore.backends.cpu.cost_model import Way, choose
from mlpcore.backends.cpu.network_table import NetworkTable, Packing
from mlpcore.backends.cpu.scratch import scratch
from mlpcore.backends.cpu.the_team import team
from mlpcore.kernels.cpu.board_memory import board_bytes

_LINES = 128


@dataclass(frozen=True, eq=False)
class PreparedCall:
    """How calls with one number of rows and threads are computed.

    Attributes
    ----------
    kernel : callable
        What predicts.
    direct : callable
        The same for arrays whose address it finds by itself.
    packing : Packing
        The weights that it reads.
    share, total : int
        Bytes of scratch for each participant, and in all.
    chunk, participants : int
        As `cost_model.Call` has them.
    """

    kernel: Any
    direct: Any
    packing: Packing
    share: int
    total: int
    chunk: int
    participants: int


class Predictor:
    """Predicts with the network of a table.

    Parameters
    ----------
    table : NetworkTable
        The network and its parameters.
    """

    def __init__(self, table: NetworkTable) -> None:
        self.table = table
        self.features = table.fused.stages[0].in_features
        self.outputs = table.fused.stages[-1].out_features
        self._prepared: dict[tuple[int, int], PreparedCall] = {}

    def prepared(self, rows: int, threads: int) -> PreparedCall:
        """Return how to compute `rows` rows on at most `threads` threads."""
        found = self._prepared.get((rows, threads))
        if found is None:
            if len(self._prepared) > 1000:  # batch sizes that never come again
                self._prepared.clear()
            found = self._prepared[rows, threads] = self._prepare(rows, threads)
        if found.participants > 1:
            team().ready_for(found.participants)
        return found

    def _prepare(self, rows: int, threads: int) -> PreparedCall:
        table = self.table
        call = choose(rows, threads, table)
        itemsize = table.dtype.itemsize
        layers = len(table.fused.stages)
        if call.way is Way.FEW:
            share = (2 * rows * table.widest + table.widest * table.lanes) * itemsize
            phases = layers
        else:
            share = 2 * table.widest * call.chunk * itemsize
            phases = 1 if call.way is Way.MANY else layers + 2
        share = -(-share // _LINES) * _LINES
        few = call.way is Way.FEW
        kernels = table.library.kernels("few" if few else "many")
        name = f"predict_{call.way.value}"
        return PreparedCall(
            kernels.function(name, holds_gil=call.short),
            kernels.function(f"{name}_at", holds_gil=call.short),
            table.few if few else table.many,
            share,
            call.participants * share + board_bytes(phases, call.participants),
            call.chunk,
            call.participants,
        )

    def __call__(self, x: Any, threads: int, *, activate: bool, out: Any = None) -> Any:
        """Return the prediction for `x`: with `activate` the output is applied to the logits.

        Parameters
        ----------
        x : ndarray, shape (rows, features)
            Rows of contiguous numbers of the table's dtype.
        threads : int
            How many threads may take part.
        activate : bool
            Whether the output is applied.
        out : ndarray, shape (rows, outputs), optional
            Where the result goes; rows of contiguous numbers, no memory of x.
        """
        rows = x.shape[0]
        y = np.empty((rows, self.outputs), self.table.dtype) if out is None else out
        if rows == 0:
            return y
        call = self.prepared(rows, threads)
        call.packing.refresh()
        address, _kept = scratch(call.total)
        itemsize = x.itemsize
        call.kernel(
            self.table.address,
            x.ctypes.data,
            x.strides[0] // itemsize if rows > 1 else self.features,
            rows,
            y.ctypes.data,
            y.strides[0] // itemsize if rows > 1 else self.outputs,
            address,
            call.share,
            call.chunk,
            call.participants,
            activate,
        )
        return y
