"""What is summed over the batch for the normalisation of a layer: some features by each task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .recorded_layer import RecordedLayer
from .words import NormWords, PassWords, RecordWords

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int


def write_norm_tasks(module: Module) -> None:
    """Write `statistics_task` and `scale_task`, each ``(job, layer, task)``.

    A task has a vector of the layer's features.  The first takes their statistics, the second the
    gradients of scale and shift, which it applies.
    """
    with module.function("statistics_task", "address", "int", "int") as (f, job, index, task):
        own = _Features(f, job, index, task)
        own.call(NormWords.STATISTICS, RecordWords.Z)
    with module.function("scale_task", "address", "int", "int") as (f, job, index, task):
        own = _Features(f, job, index, task)
        own.call(NormWords.GRADIENTS, RecordWords.Z, RecordWords.DN)
        own.apply(NormWords.DSCALE, NormWords.SCALE_P)
        own.apply(NormWords.DSHIFT, NormWords.SHIFT_P)


class _Features:
    """A vector of a layer's features, or what there is of it at the end.

    Parameters
    ----------
    f : Function
        The kernel.
    job : Address
        The pass.
    index, number : Int
        The numbers of the layer and of the task.
    """

    def __init__(self, f: Function, job: Address, index: Int, number: Int) -> None:
        self._f, self._job, self._layer = f, job, RecordedLayer(job, index)
        self._norm = self._layer.record.address(RecordWords.NORM)
        self._first = number * f.lanes
        self._count = (self._layer.outputs - self._first).min(f.lanes)

    def call(self, kernel: int, *panels: int) -> None:
        """Let a kernel of the normalisation read these panels of the whole batch."""
        width, rows = self._job.int(PassWords.WIDTH), self._job.int(PassWords.ROWS)
        places = (self._layer.record.address(word).reals(self._first * width) for word in panels)
        self._f.call_at(
            self._norm.address(kernel),
            *(self._norm, *places, self._layer.outputs * width, width, rows),
            *(self._first, self._count),
        )

    def apply(self, gradient: int, place: int) -> None:
        """Apply a gradient to the parameter at `place`, with the two states after it."""
        words = (place, gradient, place + 1, place + 2)
        self._f.call_at(
            self._job.address(PassWords.SWEEP),
            *(self._norm.address(word).reals(self._first) for word in words),
            *(self._count, self._job.address(PassWords.BIAS_SETTINGS)),
        )
