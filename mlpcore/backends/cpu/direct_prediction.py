"""Predictions whose input needs no conversion, with as little Python around them as can be."""

from typing import Any

import numpy as np

from mlpcore.backends.base import Settings
from mlpcore.backends.cpu.num_threads import num_threads
from mlpcore.backends.cpu.own_calls import CELL, READABLE, OwnCalls, takes
from mlpcore.backends.cpu.predictor import Predictor
from mlpcore.backends.cpu.ready import contiguous_rows
from mlpcore.backends.seqlock import SequenceLock


class CompiledPrediction:
    """Predicts by the kernels for C-contiguous NumPy arrays of the model's dtype.

    Parameters
    ----------
    predictor : Predictor
        What predicts.
    settings : Settings
        What the model asks for.
    lock : SequenceLock
        Guards the parameters.
    """

    def __init__(self, predictor: Predictor, settings: Settings, lock: SequenceLock) -> None:
        self._predictor = predictor
        self._settings = settings
        self._lock = lock
        self._parameters = predictor.table.parameters
        self._dtype = predictor.table.dtype
        self._own = OwnCalls(predictor, settings, frozen=False)

    def __call__(self, x: Any, out: Any = None) -> Any:
        """Return the prediction for `x`, or None where it needs what is not done here."""
        dtype = self._dtype
        if type(x) is not np.ndarray or x.dtype is not dtype:
            return None
        flags = x.flags.num
        if flags & READABLE != READABLE:
            return None
        own, shape = self._own, x.shape
        call = own.at_once.get(shape) or own.find(shape)
        if call is None:
            return None
        lock, parameters = self._lock, self._parameters
        before = lock.sequence
        if before & 1 or lock.torn:
            return None
        if call.packing.stamp != parameters.version or parameters.stamp is None:
            call.packing.refresh()
        if out is None:
            y = np.empty(call.shape, dtype)
        elif takes(out, call, dtype, x, flags):
            y = out
        else:
            return None
        call.kernel(call.address, id(x) + CELL, call.rows, id(y) + CELL)
        return y if lock.sequence == before else None

    def rows(self, x: Any, out: Any = None) -> Any:
        """Return the prediction for `x`, shape (rows, in_features), of the dtype."""
        x, threads = contiguous_rows(x), num_threads(self._settings.num_threads)
        return self._lock.read(lambda: self._predictor(x, threads, activate=True, out=out))
