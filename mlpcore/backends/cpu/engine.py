"""The engine of the CPU: runs of stages computed by the compiled kernels."""

from typing import Any

from mlpcore.backends.base import Mode, Segment
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.fused_stages import FusedStages, fused_stages
from mlpcore.lazy_imports import importing
from mlpcore.program import Program


def _is_product(fused: FusedStages) -> bool:
    """Return whether it is a single product, with nothing to fuse it with."""
    alone = len(fused.stages) == 1 and fused.standardize is None and not fused.trains
    return alone and fused.stages[0].activation is None


class CompiledEngine:
    """Claims every run of stages that are a product, a bias and an activation of the table.

    In training these may have a normalisation between product and activation, and dropout at the
    end; and noise and dropout may come before all of them.
    """

    def claim(self, program: Program, start: int, dtype: Any, mode: Mode) -> Segment | None:
        """Return a segment that begins with stage `start`, or None to leave it to others."""
        fused = fused_stages(program, start, training=mode is Mode.TRAINING)
        if fused is None:
            return None
        if mode is Mode.TRAINING and _is_product(fused) and len(program.stages) > 1:
            # Interpreted it is one call of the same kernels, and its record is used again.
            return None
        if compiled(dtype, "few", "team") is None:
            return None
        # Only now: a program that never computes does not wait for LLVM.
        with importing():
            from mlpcore.backends.cpu.compiled_segment import CompiledSegment

        return CompiledSegment(fused, kept=start + len(fused.stages) - 1 in program.kept)
