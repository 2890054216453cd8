"""Stages of up to 128 features, whose forward pass is one launch."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np

from mlpcore.backends.base import Mode, Run, Segment
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic
from mlpcore.backends.cuda.choices import Choice
from mlpcore.backends.cuda.fused_segment import FusedSegment, chosen_stages, formula_of
from mlpcore.backends.fused_stages import FusedStage
from mlpcore.backends.layout import Layout
from mlpcore.kernels.cuda.narrow import NarrowKernels, NarrowLayer
from mlpcore.program import Program


class NarrowEngine:
    """Claims runs of stages for which the table says ``NARROW``, with elementwise activations.

    Parameters
    ----------
    arithmetic : CUDAArithmetic
        Has the table, and computes the way back.
    """

    def __init__(self, arithmetic: CUDAArithmetic) -> None:
        self._arithmetic = arithmetic

    def claim(self, program: Program, start: int, dtype: Any, mode: Mode) -> Segment | None:  # noqa: ARG002
        """Return a segment that begins with stage `start`, or None to leave it to others."""
        chosen = chosen_stages(self._arithmetic, program, start, dtype, Choice.NARROW)
        stages = list(takewhile(_is_there, chosen))
        if not stages:
            return None
        layout = Layout.of(program.parameters, np.dtype(dtype).itemsize)
        kept = start + len(stages) - 1 in program.kept
        return NarrowSegment(self._arithmetic, start, stages, layout, dtype, kept=kept)


class NarrowSegment(FusedSegment):
    """Stages that are computed forward by one kernel.

    Parameters
    ----------
    arithmetic : CUDAArithmetic
        What computes the way back.
    start : int
        The number of the first stage.
    stages : sequence of FusedStage
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
        stages: Sequence[FusedStage],
        layout: Layout,
        dtype: Any,
        *,
        kept: bool,
    ) -> None:
        super().__init__(arithmetic, start, stages, kept=kept)
        self._kernels = NarrowKernels([_layer(stage, layout) for stage in stages], dtype)

    def _result(self, run: Run, x: Any) -> Any:
        return self._kernels.forward(x, run.parameters.flat)

    def _passed(self, run: Run, x: Any) -> tuple[Sequence[Any], Sequence[Any]]:
        passed = self._kernels.forward_keeping(x, run.parameters.flat)
        return passed.z, passed.a


def _is_there(stage: FusedStage) -> bool:
    """Return whether a stage has inputs and outputs, which the kernel wants."""
    return min(stage.in_features, stage.out_features) > 0


def _layer(stage: FusedStage, layout: Layout) -> NarrowLayer:
    name, setting = formula_of(stage)
    return NarrowLayer(
        stage.in_features,
        stage.out_features,
        name,
        layout.slots[stage.weight].start,
        None if stage.bias is None else layout.slots[stage.bias].start,
        setting,
    )
