"""A stage whose product, bias and activation are one launch."""

from collections.abc import Sequence
from typing import Any

from mlpcore.backends.base import Mode, Run, Segment
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic, setting_of
from mlpcore.backends.cuda.choices import Choice
from mlpcore.backends.cuda.fused_segment import FusedSegment
from mlpcore.backends.fused_stages import fused_stages
from mlpcore.kernels.cuda import tiled
from mlpcore.kernels.cuda.activations import FORMULAS
from mlpcore.program import Program


class TiledEngine:
    """Claims, one by one, the stages for which the table says ``TILED``.

    Parameters
    ----------
    arithmetic : CUDAArithmetic
        Has the table, and computes the way back.
    """

    def __init__(self, arithmetic: CUDAArithmetic) -> None:
        self._arithmetic = arithmetic

    def claim(self, program: Program, start: int, dtype: Any, mode: Mode) -> Segment | None:  # noqa: ARG002
        """Return a segment of stage `start`, or None to leave it to others."""
        fused = fused_stages(program, start)
        if fused is None or fused.standardize is not None:
            return None
        stage = fused.stages[0]
        name = "identity" if stage.activation is None else stage.activation.name
        choices = self._arithmetic.table.choices(dtype, stage.in_features, stage.out_features)
        if name not in FORMULAS or choices.forward is not Choice.TILED:
            return None
        return TiledSegment(self._arithmetic, start, (stage,), kept=start in program.kept)


class TiledSegment(FusedSegment):
    """One stage that goes forward in one launch."""

    def _result(self, run: Run, x: Any) -> Any:
        return self._launch(run, x)

    def _passed(self, run: Run, x: Any) -> tuple[Sequence[Any], Sequence[Any]]:
        stage = self._fused[0]
        if stage.activation is None or stage.activation.name == "identity":
            a = z = self._launch(run, x)
        else:
            z = self._arithmetic.xp.empty((len(x), stage.out_features), x.dtype)
            a = self._launch(run, x, keep=z)
        return (z,), (a,)

    def _launch(self, run: Run, x: Any, keep: Any = None) -> Any:
        stage, views = self._fused[0], run.parameters.views
        activation = stage.activation
        return tiled.affine(
            x,
            views[stage.weight],
            None if stage.bias is None else views[stage.bias],
            "identity" if activation is None else activation.name,
            setting=0.0 if activation is None else setting_of(activation),
            keep=keep,
        )
