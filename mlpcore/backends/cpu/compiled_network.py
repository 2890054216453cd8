"""Fused stages with the parameters of one model: prediction and differentiation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.network_table import NetworkTable
from mlpcore.backends.cpu.pass_record import BACKWARD, FORWARD, PassRecord
from mlpcore.backends.cpu.predictor import Predictor
from mlpcore.backends.fused_stages import FusedStages
from mlpcore.backends.parameters import ParameterBuffer


class CompiledNetwork:
    """The stages of a program that the kernels run as one network.

    Parameters
    ----------
    fused : FusedStages
        What is computed.
    parameters, state : ParameterBuffer
        With which numbers.
    """

    def __init__(
        self,
        fused: FusedStages,
        parameters: ParameterBuffer,
        state: ParameterBuffer,
    ) -> None:
        library = compiled(parameters.flat.dtype, "few", "team")
        if library is None:  # pragma: no cover - an engine without kernels claims nothing
            raise RuntimeError("there are no compiled kernels")
        self.table = NetworkTable(fused, parameters, state, library)
        self.predictor = Predictor(self.table)
        self._standardize = None
        if fused.standardize is not None:
            mean, scale = fused.standardize
            self._standardize = state.views[mean], state.views[scale]

    def predict(self, x: Any, threads: int) -> Any:
        """Return the result for `x`, shape (rows, in_features)."""
        return self.predictor(contiguous_rows(x), threads, activate=False)

    def standardized(self, x: Any) -> Any:
        """Return what enters the first product, as rows of contiguous numbers."""
        x = contiguous_rows(x)
        if self._standardize is None:
            return x
        mean, scale = self._standardize
        return (x - mean) * scale

    def forward(self, x: Any, threads: int) -> tuple[PassRecord, Any]:
        """Return the record of a pass of `x`, at least one row, and its result."""
        passed = PassRecord(self.table, len(x), keep_z=True)
        passed.set_input(self.standardized(x))
        y = np.empty((len(x), self.predictor.outputs), self.table.dtype)
        passed.set_output(y)
        passed.run(FORWARD, threads)
        return passed, y

    def backward(
        self,
        passed: PassRecord,
        dy: Any,
        gradients: Mapping[str, Any],
        threads: int,
        *,
        input_gradient: bool,
    ) -> Any:
        """Write the gradients for the gradient `dy` of the result; return that of x, if wanted."""
        dx = np.empty_like(passed.x, order="C") if input_gradient else None
        passed.set_result_gradient(contiguous_rows(dy), dx)
        keep = self.table.library.kernels("keep")
        passed.apply_to(gradients, keep["apply"], keep["keep"])
        passed.run(BACKWARD, threads)
        if dx is not None and self._standardize is not None:
            dx *= self._standardize[1]
        return dx


def contiguous_rows(x: Any) -> Any:
    """Return `x`, or a copy of it, with each row contiguous and rows not overlapping."""
    itemsize = x.itemsize
    fits = (
        x.flags.aligned
        and (x.strides[1] == itemsize or x.shape[1] == 1)
        and x.strides[0] >= x.shape[1] * itemsize
        and x.strides[0] % itemsize == 0
    )
    return x if fits or x.flags.c_contiguous else np.ascontiguousarray(x)
