"""Passes that are differentiated: forward with a record, the loss, and backward, on panels.

A chunk of rows goes forward through all layers, through the loss, and back to the input, while it
is in cache; that needs no other row, unless a layer normalises over the batch: then all wait there
for one another.  When all chunks are done, the gradients of weights and biases are summed over the
whole batch, tile by tile, and each is applied as soon as it is there.  So the participants share
out chunks first and then tiles, and nobody ever adds to what another has summed.  Where there are
too few rows for that, they share out each step instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..board import Board
from .backward import (
    write_bias_gradient,
    write_copy_columns,
    write_strips,
    write_weight_gradient,
)
from .gradients import write_bias_task, write_few_task, write_weight_task
from .norm_tasks import write_norm_tasks
from .recorded_layer import RecordedLayer
from .rows_of_pass import write_backward_rows, write_forward_rows
from .spread_pass import write_spread_phases
from .steps_of_pass import write_backward_steps, write_forward_steps
from .words import (
    BACKWARD,
    FORWARD,
    NetworkWords,
    NormWords,
    PassWords,
    RecordWords,
    phases,
)

if TYPE_CHECKING:
    from ..codegen.function import Function, Module, Variable
    from ..codegen.values import Address, Int


def write_chunk_phases(module: Module) -> None:
    """Write `chunk_phases(job, participant, phase, begin, end, ways)`, which gives the next phase.

    It does what `spread_phases` does, on chunks of rows of its own.
    """
    kinds = ("address", *["int"] * 5)
    with module.function("chunk_phases", *kinds, result="int", private=True) as kernel:
        f, job, participant, phase, below, above, ways = kernel
        rows, chunk = job.int(PassWords.ROWS), job.int(PassWords.CHUNK)
        own = _own_scratch(job, participant)
        with _board(job).phase(phase, rows.ceil_div(chunk), participant) as task:
            start = task * chunk
            there = (rows - start).min(chunk)
            with f.when((ways & FORWARD) > 0):
                f.call("forward_rows", job, start, there, own, below, above)
            with f.when((ways & BACKWARD) > 0):
                f.call("backward_rows", job, start, there, own, above, below)
        f.returns(phase + 1)


def write_batch_phase(module: Module) -> None:
    """Write `batch_phase(job, participant, phase, layer, task)`.

    It lets the kernel `task` sum some features of a layer over the batch.
    """
    kinds = ("address", "int", "int", "int", "address")
    with module.function("batch_phase", *kinds, private=True) as kernel:
        f, job, participant, phase, index, kind = kernel
        with _board(job).phase(phase, _batch_tasks(f, job, index), participant) as task:
            f.call_at(kind, job, index, task)


def write_gradient_phases(module: Module) -> None:
    """Write `gradient_phases(job, participant, phase)`.

    It sums the gradients of all weights and biases, each layer in a phase of its own.
    """
    with module.function("gradient_phases", "address", "int", "int", private=True) as kernel:
        f, job, participant, phase = kernel
        layers = job.address(PassWords.NETWORK).int(NetworkWords.LAYERS)
        x, ldx = f.variable(job.address(PassWords.X)), f.variable(job.int(PassWords.LDX))
        own, few = _own_scratch(job, participant), job.address(PassWords.APPLY_FEW).as_int() > 0
        held = f.variable(f.int(0))
        with f.loop(0, layers) as index:
            layer = RecordedLayer(job, index)
            tasks = layer.record.int(RecordWords.TASKS)
            held.value = f.int(-1)
            with (
                _board(job).tasks(phase + index, tasks + 1, participant) as task,
                f.either(task < tasks) as (weight, others),
            ):
                with weight, f.either(few) as (at_once, by_tiles):
                    with at_once:
                        places = x.value, ldx.value, own
                        held.value = f.call("few_task", job, index, task, *places, held.value)
                    with by_tiles:
                        f.call("weight_task", job, index, task, x.value, ldx.value, own)
                with others:
                    f.call("bias_task", job, index)
                    _scales_of_rows(f, job, layer, index)
            x.value = layer.record.address(RecordWords.ROWS)
            ldx.value = layer.record.int(RecordWords.STRIDE)


def _board(job: Address) -> Board:
    return Board(job.address(PassWords.BOARD), job.int(PassWords.PARTICIPANTS))


def _own_scratch(job: Address, participant: Int) -> Address:
    return job.address(PassWords.SCRATCH).bytes(participant * job.int(PassWords.SHARE))


def _batch_tasks(f: Function, job: Address, index: Int) -> Int:
    return RecordedLayer(job, index).outputs.ceil_div(f.lanes)


def _scales_of_rows(f: Function, job: Address, layer: RecordedLayer, index: Int) -> None:
    """Sum the gradients of a normalisation of rows, for which nobody has waited."""
    norm = layer.record.address(RecordWords.NORM)
    with (
        f.when(norm.as_int() > 0),
        f.when(norm.address(NormWords.STATISTICS).as_int().equals(0)),
        f.loop(0, _batch_tasks(f, job, index)) as task,
    ):
        f.call("scale_task", job, index, task)


def write_pass_job(module: Module) -> None:
    """Write the job `pass_job(job, participant)`, which goes the ways that the job has."""
    with module.function("pass_job", "address", "int") as (f, job, participant):
        part, ways = _Participant(f, job, participant), job.int(PassWords.WAYS)
        last = job.int(PassWords.RUNS) - 1
        with f.when((ways & FORWARD) > 0), f.loop(0, last) as run:
            part.through(run, f.int(FORWARD))
            part.over_batch(run + 1, "statistics_task")
        part.through(last, ways)
        with f.when((ways & BACKWARD) > 0):
            with f.loop(0, last) as back:
                part.over_batch(last - back, "scale_task")
                part.through(last - 1 - back, f.int(BACKWARD))
            f.call("gradient_phases", job, participant, part.phase.value)


class _Participant:
    """What one participant does in a pass, phase after phase.

    Parameters
    ----------
    f : Function
        The kernel.
    job : Address
        The pass.
    number : Int
        Whose thread this is.
    """

    def __init__(self, f: Function, job: Address, number: Int) -> None:
        self._f, self._job, self._number = f, job, number
        self._stops = job.address(PassWords.STOPS)
        self.phase: Variable[Int] = f.variable(f.int(0))

    def through(self, run: Int, ways: Int) -> None:
        """Take the batch through a run of layers, one way or both."""
        f, job = self._f, self._job
        ends = self._stops.int(run), self._stops.int(run + 1)
        arguments = job, self._number, self.phase.value, *ends, ways
        with f.either(job.int(PassWords.SPREAD) > 0) as (together, apart):
            with together:
                self.phase.value = f.call("spread_phases", *arguments)
            with apart:
                self.phase.value = f.call("chunk_phases", *arguments)

    def over_batch(self, stop: Int, kind: str) -> None:
        """Let the layer at a stop be summed over the batch."""
        f, index = self._f, self._stops.int(stop)
        f.call("batch_phase", self._job, self._number, self.phase.value, index, f.address_of(kind))
        self.phase.value = self.phase.value + 1


def write_run_pass(module: Module) -> None:
    """Write `run_pass(job, ways)`, `ways` as in `PassWords`."""
    with module.function("run_pass", "address", "int") as (f, job, ways):
        network, participants = job.address(PassWords.NETWORK), job.int(PassWords.PARTICIPANTS)
        board = Board(job.address(PassWords.BOARD), participants)
        sizes = network.int(NetworkWords.LAYERS), job.int(PassWords.RUNS)
        board.clear(phases(*sizes, job.int(PassWords.SPREAD)))
        job.store(ways, PassWords.WAYS)
        work = f.address_of("pass_job")
        with f.either(participants > 1) as (together, alone):
            with together:
                f.call_at(
                    network.address(NetworkWords.TEAM_RUN),
                    *(network.address(NetworkWords.TEAM), work, job, participants, f.int(1)),
                )
            with alone:
                f.call("pass_job", job, f.int(0))


def write_passes(module: Module) -> None:
    """Write `run_pass` and what it calls, but for the kernels that words give it."""
    for write in (
        *(write_copy_columns, write_strips, write_weight_gradient, write_bias_gradient),
        *(write_forward_steps, write_backward_steps, write_forward_rows, write_backward_rows),
        *(write_weight_task, write_few_task, write_bias_task, write_norm_tasks),
        *(write_chunk_phases, write_spread_phases, write_batch_phase, write_gradient_phases),
        *(write_pass_job, write_run_pass),
    ):
        write(module)
