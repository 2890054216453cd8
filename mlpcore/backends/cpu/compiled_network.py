"""Fused stages with the parameters of one model: prediction and differentiation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.entrance import Entrance
from mlpcore.backends.cpu.network_table import NetworkTable
from mlpcore.backends.cpu.pass_record import PassRecord
from mlpcore.backends.cpu.predictor import Predictor
from mlpcore.backends.cpu.ready import contiguous_rows
from mlpcore.backends.fused_stages import FusedStages
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.kernels.cpu.product.words import BACKWARD, FORWARD
from mlpcore.kernels.reference.operation import Call, RandomKey


class CompiledNetwork:
    """The stages of a program that the kernels run as one network.

    Parameters
    ----------
    fused : FusedStages
        What is computed.
    parameters, state : ParameterBuffer
        With which numbers.

    Attributes
    ----------
    table : NetworkTable
        What the kernels read.
    predictor : Predictor
        What predicts.
    entrance : Entrance
        What is done to a batch first.
    state : ParameterBuffer
        As it was given.
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
        self.state = state
        self.predictor = Predictor(self.table)
        self.entrance = Entrance(fused, state, parameters.flat.dtype)

    def predict(self, x: Any, threads: int) -> Any:
        """Return the result for `x`, shape (rows, in_features)."""
        return self.predictor(contiguous_rows(x), threads, activate=False)

    def forward(
        self,
        x: Any,
        threads: int,
        random: RandomKey | None = None,
        state: Mapping[str, Any] | None = None,
        *,
        recorded: bool = True,
    ) -> tuple[PassRecord, Any]:
        """Return the record of a pass of `x`, at least one row, and its result.

        Where stages train, `random` says what they draw, and `state` has the running statistics
        that follow.  What is not to be `recorded` keeps no more than the kernels need.
        """
        passed = PassRecord(self.table, len(x), keep_z=recorded)
        if self.table.fused.drops:
            at = Call(np, random=random).drawing()
            passed.draw(at["seed"], at["step"], at["first_row"])
        if state is not None:
            passed.follow(state)
        entered, passed.entered = self.entrance.forward(x, random)
        passed.set_input(entered)
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
        passed.apply_to(gradients, keep, "keep")
        passed.run(BACKWARD, threads)
        return dx if dx is None else self.entrance.backward(dx, passed.entered)
