"""A stage whose product, bias and activation are one launch."""

from collections.abc import Sequence
from typing import Any

from mlpcore.backends.base import Mode, Run, Segment
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic
from mlpcore.backends.cuda.choices import Choice
from mlpcore.backends.cuda.fused_segment import FusedSegment, chosen_stages, formula_of
from mlpcore.backends.fused_stages import FusedStage
from mlpcore.kernels.cuda import tiled
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
        stages = chosen_stages(self._arithmetic, program, start, dtype, Choice.TILED)
        if not stages:
            return None
        return TiledSegment(self._arithmetic, start, stages[0], kept=start in program.kept)


class TiledSegment(FusedSegment):
    """One stage that goes forward in one launch.

    Parameters
    ----------
    arithmetic : CUDAArithmetic
        What computes the way back.
    start : int
        The number of the stage.
    stage : FusedStage
        What is computed.
    kept : bool
        Whether a later operation reads the result again.
    """

    def __init__(
        self, arithmetic: CUDAArithmetic, start: int, stage: FusedStage, *, kept: bool
    ) -> None:
        super().__init__(arithmetic, start, (stage,), kept=kept)
        self._stage = stage
        self._activation, self._setting = formula_of(stage)

    def _result(self, run: Run, x: Any) -> Any:
        return self._launch(run, x)

    def _passed(self, run: Run, x: Any) -> tuple[Sequence[Any], Sequence[Any]]:
        if self._activation == "identity":
            a = z = self._launch(run, x)
        else:
            z = self._arithmetic.xp.empty((len(x), self._stage.out_features), x.dtype)
            a = self._launch(run, x, keep=z)
        return (z,), (a,)

    def _launch(self, run: Run, x: Any, keep: Any = None) -> Any:
        stage, views = self._stage, run.parameters.views
        return tiled.affine(
            x,
            views[stage.weight],
            None if stage.bias is None else views[stage.bias],
            self._activation,
            setting=self._setting,
            keep=keep,
        )
