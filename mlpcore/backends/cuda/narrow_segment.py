"""Stages of up to 128 features, whose forward pass is one launch."""

from typing import Any

import numpy as np

from mlpcore.backends.base import Mode, Run, Segment
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic, setting_of
from mlpcore.backends.fused_stages import FusedStage, fused_stages
from mlpcore.backends.layout import Layout
from mlpcore.kernels.cuda.activations import FORMULAS
from mlpcore.kernels.cuda.narrow import WIDEST, NarrowKernels, NarrowLayer
from mlpcore.kernels.reference.operation import Call
from mlpcore.program import Program


class NarrowEngine:
    """Claims runs of products, biases and elementwise activations on at most `WIDEST` features.

    Parameters
    ----------
    arithmetic : CUDAArithmetic
        What computes the way back.
    """

    def __init__(self, arithmetic: CUDAArithmetic) -> None:
        self._arithmetic = arithmetic

    def claim(self, program: Program, start: int, dtype: Any, mode: Mode) -> Segment | None:  # noqa: ARG002
        """Return a segment that begins with stage `start`, or None to leave it to others."""
        fused = fused_stages(program, start)
        if fused is None or fused.standardize is not None:
            return None
        stages: list[FusedStage] = []
        for stage in fused.stages:
            if not _is_narrow(stage):
                break
            stages.append(stage)
        if not stages:
            return None
        layout = Layout.of(program.parameters, np.dtype(dtype).itemsize)
        kept = start + len(stages) - 1 in program.kept
        return NarrowSegment(self._arithmetic, start, stages, layout, dtype, kept=kept)


def _is_narrow(stage: FusedStage) -> bool:
    known = stage.activation is None or stage.activation.name in FORMULAS
    return known and 0 < stage.in_features <= WIDEST and 0 < stage.out_features <= WIDEST


class NarrowSegment(Segment):
    """Stages that are computed forward by one kernel, and backward layer by layer.

    Parameters
    ----------
    arithmetic : CUDAArithmetic
        What computes the way back.
    start : int
        The number of the first stage.
    stages : list of FusedStage
        What is computed.
    layout : Layout
        Where the parameters lie.
    dtype : dtype
        float32 or float64.
    kept : bool
        Whether a later operation reads the result again.
    """

    def __init__(
        self,
        arithmetic: CUDAArithmetic,
        start: int,
        stages: list[FusedStage],
        layout: Layout,
        dtype: Any,
        *,
        kept: bool,
    ) -> None:
        self.stages = range(start, start + len(stages))
        self._arithmetic = arithmetic
        self._fused = stages
        self._kept = kept
        self._kernels = NarrowKernels([_layer(stage, layout) for stage in stages], dtype)

    def forward(self, run: Run, x: Any) -> Any:
        """Return the result for `x`: one launch, also where it is recorded."""
        x = self._arithmetic.xp.ascontiguousarray(x)
        if run.records is None:
            y = self._kernels.forward(x, run.parameters.flat)
        else:
            passed = self._kernels.forward_keeping(x, run.parameters.flat)
            before = x
            for index, z, a in zip(self.stages, passed.z, passed.a, strict=True):
                record = run.records[index]
                record.x, record.z, record.a = before, z, a
                before = a
            y = before
        if self._kept:
            run.results[self.stages[-1]] = y
        return y

    def backward(self, run: Run, dy: Any) -> Any:
        """Return the gradient of the segment's input."""
        if run.records is None:
            raise RuntimeError("a forward pass without a record cannot be differentiated")
        xp, arithmetic = self._arithmetic.xp, self._arithmetic
        if self.stages[-1] in run.result_gradients:
            dy = dy + run.result_gradients.pop(self.stages[-1])
        for index, stage in zip(reversed(self.stages), reversed(self._fused), strict=True):
            record = run.records[index]
            if run.da is not None:
                run.da[index] = dy
            if stage.activation is not None:
                call = Call(xp, saved={"z": record.z, "a": record.a})
                dy = arithmetic.differentiate(stage.activation, call, dy)
            if run.dz is not None:
                run.dz[index] = dy
            needed = run.need_dx or index > 0
            dy = arithmetic.affine_gradient(
                xp, run, stage.weight, stage.bias, record.x, dy, need_dx=needed
            )
        return dy


def _layer(stage: FusedStage, layout: Layout) -> NarrowLayer:
    return NarrowLayer(
        stage.in_features,
        stage.out_features,
        "identity" if stage.activation is None else stage.activation.name,
        layout.slots[stage.weight].start,
        None if stage.bias is None else layout.slots[stage.bias].start,
        0.0 if stage.activation is None else setting_of(stage.activation),
    )
