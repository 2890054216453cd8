"""Prediction on a GPU, of rows that lie there and of rows that lie on the host."""

from math import prod
from typing import Any

import numpy as np

from mlpcore.backends.base import Backend, Binding, Plan, Run
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic
from mlpcore.backends.cuda.halving import halving
from mlpcore.backends.cuda.staging import Staged, rows_to_stage
from mlpcore.kernels.reference.operation import Call
from mlpcore.kernels.reference.operations import Activation

CHUNK_ROWS = 65536
"""Rows that prediction carries through the network at once: enough to fill a large GPU."""


class CUDAPrediction:
    """Predicts with one model, in parts as large as memory allows.

    Parameters
    ----------
    plan : Plan
        The plan of prediction.
    arithmetic : CUDAArithmetic
        What applies the output.
    backend : Backend
        The GPU.
    binding : Binding
        The model's parameters.
    output : Activation
        What is applied to the logits.
    """

    def __init__(
        self,
        plan: Plan,
        arithmetic: CUDAArithmetic,
        backend: Backend,
        binding: Binding,
        output: Activation,
    ) -> None:
        self._plan = plan
        self._arithmetic = arithmetic
        self._backend = backend
        self._binding = binding
        self._output = output
        self._dtype = binding.parameters.flat.dtype
        self._features = plan.program.in_features
        self._outputs = plan.program.out_features
        self._staged_rows = rows_to_stage(
            self._dtype.itemsize * max(self._features, self._outputs, 1), CHUNK_ROWS
        )

    def __call__(self, x: Any, out: Any = None) -> Any:
        """Return the prediction for more rows in host memory than are sent at once, else None.

        They go to the device and back through pinned memory, a part being copied in and another
        one out while a third is computed.
        """
        if type(x) is not np.ndarray or x.ndim < 2 or x.dtype.kind not in "fiub":
            return None
        rows = prod(x.shape[:-1])
        if x.shape[-1] != self._features or rows <= self._staged_rows:
            return None
        shape = (*x.shape[:-1], self._outputs)
        if out is None:
            y = np.empty(shape, self._dtype)
        elif self._takes(out, shape, x):
            y = out
        else:
            return None
        flat_x, flat_y = x.reshape(rows, self._features), y.reshape(rows, self._outputs)

        def work() -> None:
            staged = Staged(self._backend.xp, self._part, flat_x, flat_y)
            halving(self._backend.xp, staged.run, self._staged_rows, self._backend.device)

        with self._backend.active():
            self._binding.lock.read(work)
        return y

    def rows(self, x: Any, out: Any = None) -> Any:
        """Return the prediction for the CuPy array `x`, shape (rows, in_features).

        It is written to `out` if that is a CuPy array.
        """
        xp, rows = self._backend.xp, len(x)
        place = out if isinstance(out, xp.ndarray) else None

        def work() -> Any:
            y, done = place, 0

            def go_on(most: int) -> None:
                nonlocal y, done
                while done < rows or y is None:
                    part = slice(done, min(done + most, rows))
                    found = self._part(x[part])
                    if y is None and len(found) == rows:
                        y = found
                    else:
                        y = xp.empty((rows, self._outputs), self._dtype) if y is None else y
                        y[part] = found
                    done = part.stop

            halving(xp, go_on, max(1, min(rows, CHUNK_ROWS)), self._backend.device)
            return y

        return self._binding.lock.read(work)

    def jit_function(self) -> Any:
        """Raise, since Numba's functions run on the CPU.

        Raises
        ------
        RuntimeError
            Always.
        """
        raise RuntimeError(
            f"this predictor has no function for Numba: it is on {self._backend.device}; freeze "
            "model.to('cpu')"
        )

    def _part(self, x: Any) -> Any:
        """Return the prediction for rows that are carried through the network at once."""
        binding = self._binding
        binding.parameters.refresh()
        run = Run(binding.parameters, binding.state.views, binding.state, settings=binding.settings)
        z = self._plan.forward(run, x)
        if self._output.custom is None and self._output.name == "identity":
            return z
        return self._arithmetic.apply(self._output, Call(self._backend.xp), z)

    def _takes(self, out: Any, shape: tuple[int, ...], x: Any) -> bool:
        """Return whether results can be written to `out` without another word."""
        return (
            type(out) is np.ndarray
            and out.dtype == self._dtype
            and out.shape == shape
            and out.flags.carray
            and not np.may_share_memory(out, x)
        )
