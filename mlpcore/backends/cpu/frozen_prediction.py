"""Predictions with parameters that never change: the shortest way from input to result."""

from typing import Any

import numpy as np

from mlpcore.backends.base import Settings
from mlpcore.backends.cpu.num_threads import num_threads
from mlpcore.backends.cpu.own_calls import CELL, READABLE, OwnCalls, takes
from mlpcore.backends.cpu.predictor import Predictor
from mlpcore.backends.cpu.ready import contiguous_rows
from mlpcore.lazy_imports import importing


class CompiledFrozenPrediction:
    """Predicts by the kernels for C-contiguous NumPy arrays of the model's dtype.

    Parameters
    ----------
    predictor : Predictor
        What predicts, with parameters that nobody writes any more.
    settings : Settings
        What the model asks for.

    Notes
    -----
    Weights are packed when a thread first needs them in that order, and never again.
    """

    def __init__(self, predictor: Predictor, settings: Settings) -> None:
        self._predictor = predictor
        self._settings = settings
        self._dtype = predictor.table.dtype
        self._own = OwnCalls(predictor, settings, frozen=True)

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
        if out is None:
            out = np.empty(call.shape, dtype)
        elif not takes(out, call, dtype, x, flags):
            return None
        call.kernel(call.address, id(x) + CELL, call.rows, id(out) + CELL)
        return out

    def rows(self, x: Any, out: Any = None) -> Any:
        """Return the prediction for `x`, shape (rows, in_features), of the dtype."""
        threads = num_threads(self._settings.num_threads)
        return self._predictor(contiguous_rows(x), threads, activate=True, out=out)

    def jit_function(self) -> Any:
        """Return ``predict(x, out)`` for functions that Numba compiles, or None if it does not."""
        with importing():
            from mlpcore.backends.cpu.jit_function import jit_function
        return jit_function(self._predictor)
