"""Stages that the compiled kernels run as one network, as a segment of a plan."""

from typing import Any

import numpy as np

from mlpcore.backends.base import (
    Binding,
    DirectPrediction,
    FrozenPrediction,
    Run,
    Segment,
    Settings,
    StepRule,
)
from mlpcore.backends.cpu.compiled_network import CompiledNetwork
from mlpcore.backends.cpu.direct_prediction import CompiledPrediction
from mlpcore.backends.cpu.frozen_prediction import CompiledFrozenPrediction
from mlpcore.backends.cpu.num_threads import num_threads
from mlpcore.backends.cpu.pass_record import PanelRecord, PassRecord
from mlpcore.backends.fused_stages import FusedStages
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.kernels.reference.operations import Activation
from mlpcore.lazy_imports import importing
from mlpcore.program import Program
from mlpcore.signals import deferred_signals


class CompiledSegment(Segment):
    """Stages that the kernels compute as one.

    Parameters
    ----------
    fused : FusedStages
        What is computed.
    kept : bool
        Whether a later operation reads the result again.
    """

    def __init__(self, fused: FusedStages, *, kept: bool) -> None:
        self.fused = fused
        self.stages = range(fused.start, fused.start + len(fused.stages))
        self._kept, self._trains = kept, fused.trains

    def network(
        self, parameters: ParameterBuffer, state: ParameterBuffer, settings: Settings
    ) -> CompiledNetwork:
        """Return the stages with the parameters of one model; the same for all its plans."""
        key = self.fused, id(parameters)  # prediction may have parameters of its own
        found = settings.copies.get(key)
        if found is None:
            with deferred_signals():  # it imports and compiles
                made = CompiledNetwork(self.fused, parameters, state)
                # Of two threads that come here, both get the one that was first.
                found = settings.copies.setdefault(key, made)
        network: CompiledNetwork = found
        return network

    def forward(self, run: Run, x: Any) -> Any:
        """Return the result for `x`."""
        network = self.network(run.parameters, run.state_buffer, run.settings)
        threads = num_threads(run.settings.num_threads)
        if len(x) == 0 or (run.records is None and not self._trains):
            y = self._predict(run, network, x, threads)
        else:
            state = run.state if self._trains else None
            recorded = run.records is not None
            passed, y = network.forward(x, threads, run.random, state, recorded=recorded)
            if run.records is not None:
                run.records[self.stages.start : self.stages.stop] = passed.stage_records()
        if self._kept:
            run.results[self.stages[-1]] = y
        return y

    def _predict(self, run: Run, network: CompiledNetwork, x: Any, threads: int) -> Any:
        """Return the result without a record, or with one of no rows."""
        y = network.predict(x, threads)
        if run.records is not None:
            for index, stage in zip(self.stages, self.fused.stages, strict=True):
                record = run.records[index]
                record.x = np.empty((0, stage.in_features), y.dtype)
                record.z = record.a = np.empty((0, stage.out_features), y.dtype)
        return y

    def backward(self, run: Run, dy: Any) -> Any:
        """Return the gradient of the segment's input."""
        if run.records is None:
            raise RuntimeError("a forward pass without a record cannot be differentiated")
        last = self.stages[-1]
        if last in run.result_gradients:
            dy = dy + run.result_gradients.pop(last)
        wanted = run.need_dx or self.stages.start > 0
        record = run.records[self.stages.start]
        if not isinstance(record, PanelRecord):  # of no rows
            return self._backward_of_nothing(run, dy, wanted)
        network = self.network(run.parameters, run.state_buffer, run.settings)
        passed: PassRecord = record.passed
        with passed.lock:
            if run.dz is not None or run.da is not None:
                passed.keep_gradients()
            threads = num_threads(run.settings.num_threads)
            dx = network.backward(passed, dy, run.gradients, threads, input_gradient=wanted)
            for index, layer in zip(self.stages, passed.layers, strict=True):
                if run.dz is not None:
                    run.dz[index] = layer.by_rows("dz")
                if run.da is not None:
                    run.da[index] = layer.by_rows("da")
        return dx

    def direct(self, binding: Binding, output: Activation) -> DirectPrediction:
        """Return what predicts with nothing between it and the kernels."""
        network = self._bound_network(binding)
        network.table.set_output(output)
        return CompiledPrediction(network.predictor, binding.settings, binding.lock)

    def frozen(self, binding: Binding, output: Activation) -> FrozenPrediction:
        """Return the same for parameters that nobody writes any more."""
        network = self._bound_network(binding)
        network.table.set_output(output)
        return CompiledFrozenPrediction(network.predictor, binding.settings)

    def step_rule(
        self, binding: Binding, program: Program, loss: Any, optimizer: Any, l2: float
    ) -> StepRule | None:
        """Return how whole training steps are taken at once, or None if that cannot be done."""
        with importing():
            from mlpcore.backends.cpu.fused_step import fused_step
        network = self._bound_network(binding)
        return fused_step(network, program, loss, optimizer, l2, binding.settings)

    def _bound_network(self, binding: Binding) -> CompiledNetwork:
        return self.network(binding.parameters, binding.state, binding.settings)

    def _backward_of_nothing(self, run: Run, dy: Any, wanted: bool) -> Any:
        for index, stage in zip(self.stages, self.fused.stages, strict=True):
            run.gradients[stage.weight][...] = 0
            if stage.bias is not None:
                run.gradients[stage.bias][...] = 0
            if stage.norm is not None:
                for _, name in stage.norm.parameters:
                    run.gradients[name][...] = 0
            for found in (run.dz, run.da):
                if found is not None:
                    found[index] = np.empty((0, stage.out_features), dy.dtype)
        return np.empty((0, self.fused.stages[0].in_features), dy.dtype) if wanted else None
