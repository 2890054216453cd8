"""The engine of the CPU: runs of stages computed by the compiled kernels."""

from typing import Any

from mlpcore.backends.base import Mode, Segment
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.fused_stages import fused_stages
from mlpcore.backends.lazy_imports import importing
from mlpcore.program import Program


class CompiledEngine:
    """Claims every run of stages that are a product, a bias and an activation of the table."""

    def claim(self, program: Program, start: int, dtype: Any, mode: Mode) -> Segment | None:  # noqa: ARG002
        """Return a segment that begins with stage `start`, or None to leave it to others."""
        fused = fused_stages(program, start)
        if fused is None:
            return None
        if compiled(dtype, "few", "team") is None:
            return None
        # Only now: a program that never computes does not wait for LLVM.
        with importing():
            from mlpcore.backends.cpu.compiled_segment import CompiledSegment

        return CompiledSegment(fused, kept=start + len(fused.stages) - 1 in program.kept)
