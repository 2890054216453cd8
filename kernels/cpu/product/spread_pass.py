"""A pass that is differentiated, on few panels of rows: all participants go through it together.

They share out the outputs of a layer's product on the way forward, and the features of its gradient
on the way back, and wait for one another after each step.  So a batch of a single panel, too, has
work for all of them; and each reads the same part of a weight in every pass.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..board import Board
from .parts import TASKS_EACH
from .recorded_layer import RecordedLayer
from .words import BACKWARD, FORWARD, LayerWords, NetworkWords, PassWords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Truth


def write_spread_phases(module: Module) -> None:
    """Write `spread_phases(job, participant, phase, begin, end, ways)`, which gives the next phase.

    It takes the whole batch from layer `begin`, whose product is there, or from the input where
    that is -1, to the product of layer `end`, or to the result where that is the number of layers;
    or from `end` back to `begin`; or both.  What follows the shares of the scratch has room for the
    panels of the input, and of its gradient.
    """
    kinds = ("address", *["int"] * 5)
    with module.function("spread_phases", *kinds, result="int", private=True) as kernel:
        f, job, number, phase, begin, end, ways = kernel
        spread = _Spread(f, job, number, phase)
        with f.when((ways & FORWARD) > 0):
            spread.forward(begin, end)
        with f.when((ways & BACKWARD) > 0):
            spread.backward(end, begin)
        f.returns(spread.phase.value)


class _Spread:
    """What one participant does, phase after phase.

    Parameters
    ----------
    f : Function
        The kernel.
    job : Address
        The pass.
    number : Int
        Whose thread this is.
    phase : Int
        The first phase.
    """

    def __init__(self, f: Function, job: Address, number: Int, phase: Int) -> None:
        self._f, self._job, self._number = f, job, number
        self.phase = f.variable(phase)
        self._participants = job.int(PassWords.PARTICIPANTS)
        self._board = Board(job.address(PassWords.BOARD), self._participants)
        self._layers = job.address(PassWords.NETWORK).int(NetworkWords.LAYERS)
        self._rows, self._width = job.int(PassWords.ROWS), job.int(PassWords.WIDTH)
        self._panels = self._rows.ceil_div(self._width)
        scratch, share = job.address(PassWords.SCRATCH), job.int(PassWords.SHARE)
        self._own = scratch.bytes(number * share)
        self._input = scratch.bytes(self._participants * share)
        self._batch = f.int(0), self._rows
        self._each = self._participants * TASKS_EACH

    def forward(self, begin: Int, end: Int) -> None:
        """Go from one stop to a later one."""
        f, job, first = self._f, self._job, begin.max(0)
        with f.when(begin < 0), self._phase(self._each) as part:
            f.call("enter", job, *self._batch, self._input, part, self._each)
        with f.loop(first, end + 1) as index:
            product = ((index > begin) & (index < self._layers)).select(self._parts(index), 0)
            kept = ((index > first) & self._is_kept(index - 1)).select(self._each, 0)
            with (
                f.when(product + kept > 0),
                self._phase(product + kept) as task,
                f.either(task < product) as (computing, keeping),
            ):
                with computing:
                    own = self._input, task, product
                    f.call("forward_product", job, index, *self._batch, *own)
                with keeping:
                    f.call("forward_kept", job, index - 1, *self._batch, task - product, kept)
            between = (index < end) & self._layer(index).has_between()
            with f.when(between), self._phase(self._panels) as task:
                f.call("forward_between", job, index, *self._panel(task))

    def backward(self, begin: Int, end: Int) -> None:
        """Go from one stop back to an earlier one."""
        f, job, top = self._f, self._job, begin.min(self._layers - 1)
        dx = job.address(PassWords.DX).as_int() > 0
        with self._phase(self._panels) as task:
            with f.when(begin >= self._layers):
                f.call("backward_result", job, *self._panel(task))
            with f.when(top > end):
                f.call("backward_norm", job, top, *self._panel(task))
        with f.loop(0, top - end) as back:
            index = top - back
            product = ((index > 0) | dx).select(self._each, 0)
            strips = (back > 0).select(self._parts(index + 1), 0)
            with (
                f.when(product + strips > 0),
                self._phase(product + strips) as task,
                f.either(task < product) as (computing, turning),
            ):
                with computing:
                    own = self._input, self._own, task, product
                    f.call("backward_product", job, index, *self._batch, *own)
                with turning:
                    part = task - product, strips
                    f.call("backward_strips", job, index + 1, *self._batch, *part)
            before = self._layer(index - 1)
            between = before.has_rows_back() | ((index - 1 > end) & before.has_norm())
            with (
                f.when(index.equals(0).select(dx, between)),
                self._phase(self._panels) as task,
            ):
                start, rows = self._panel(task)
                its = self._input.reals(start * self._layer(index).features)
                f.call("backward_rest", job, index, start, rows, its)
                with f.when(index - 1 > end):
                    f.call("backward_norm", job, index - 1, start, rows)
        with f.when(top > end):
            strips = self._parts(end + 1)
            with self._phase(strips) as task:
                f.call("backward_strips", job, end + 1, *self._batch, task, strips)

    def _layer(self, index: Int) -> RecordedLayer:
        """Return a layer, or another where there is none of that number."""
        return RecordedLayer(self._job, index.max(0).min(self._layers - 1))

    def _parts(self, index: Int) -> Int:
        """Return into how many parts the outputs of a layer are divided."""
        parts: Int = self._each.min(self._layer(index).words.int(LayerWords.PANELS))
        return parts

    def _is_kept(self, index: Int) -> Truth:
        """Return whether somebody reads the result of a layer row after row."""
        kept: Truth = (index + 1 < self._layers) | (self._job.address(PassWords.Y).as_int() > 0)
        return kept

    def _panel(self, number: Int) -> tuple[Int, Int]:
        """Return the first row of a panel, and how many it has."""
        start = number * self._width
        return start, (self._rows - start).min(self._width)

    @contextmanager
    def _phase(self, count: Int) -> Iterator[Int]:
        """Run the block for each of `count` tasks that this thread claims; then wait for all."""
        with self._board.phase(self.phase.value, count, self._number) as task:
            yield task
        self.phase.value = self.phase.value + 1
