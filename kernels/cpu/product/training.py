"""Passes that are differentiated: forward with a record, the loss, and backward, on panels.

A chunk of rows goes forward through all layers, through the loss, and back to the input, while it
is in cache; that needs no other row.  When all chunks are done, the gradients of weights and biases
are summed over the whole batch, tile by tile, and each is applied as soon as it is there.  So the
participants share out chunks first and then tiles, and nobody ever adds to what another has summed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..board import Board
from .backward import write_bias_gradient, write_copy_columns, write_weight_gradient
from .gradients import write_bias_task, write_weight_task
from .recorded_layer import RecordedLayer
from .tile import BLOCK
from .words import NetworkWords, PassWords, RecordWords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int


def write_forward_rows(module: Module) -> None:
    """Write `forward_rows(job, start, rows, scratch)`: the rows of a chunk, with their record."""
    with module.function("forward_rows", "address", "int", "int", "address") as (
        f,
        job,
        start,
        rows,
        scratch,
    ):
        network, width = job.address(PassWords.NETWORK), job.int(PassWords.WIDTH)
        features, layers = network.int(NetworkWords.FEATURES), network.int(NetworkWords.LAYERS)
        x, ldx = job.address(PassWords.X), job.int(PassWords.LDX)
        nothing = f.int(0).as_address()
        with f.loop(0, rows, width) as r:
            f.call_at(
                network.address(NetworkWords.INTO_PANEL),
                *(x.reals((start + r) * ldx), ldx, (rows - r).min(width), features),
                *(scratch.reals(r * features), width, nothing, nothing),
            )
        # Whole panels: what lies in the lanes beyond the batch is never read.
        padded = rows.ceil_div(width) * width
        source = f.variable(scratch)
        with f.loop(0, layers) as index:
            layer = RecordedLayer(job, index)
            z, a = layer.panel(RecordWords.Z, start), layer.panel(RecordWords.A, start)
            f.call_at(job.address(PassWords.LAYER), layer.words, source.value, z, a, padded)
            source.value = a
            to, stride = (
                layer.record.address(RecordWords.ROWS),
                layer.record.int(RecordWords.STRIDE),
            )
            with f.when(to.as_int() > 0):
                _into_rows(f, job, a, layer.outputs, rows, width, to.reals(start * stride), stride)
        y, ldy = job.address(PassWords.Y), job.int(PassWords.LDY)
        with f.when(y.as_int() > 0):
            outputs = network.int(NetworkWords.OUTPUTS)
            _into_rows(f, job, source.value, outputs, rows, width, y.reals(start * ldy), ldy)


def _into_rows(
    f: Function,
    job: Address,
    panels: Address,
    features: Int,
    rows: Int,
    width: Int,
    to: Address,
    stride: Int,
) -> None:
    with f.loop(0, rows, width) as r:
        f.call_at(
            job.address(PassWords.NETWORK).address(NetworkWords.FROM_PANEL),
            *(panels.reals(r * features), width, (rows - r).min(width), features),
            *(to.reals(r * stride), stride),
        )


def write_backward_rows(module: Module) -> None:
    """Write `backward_rows(job, start, rows, scratch)`: from the result of a chunk to its input."""
    with module.function("backward_rows", "address", "int", "int", "address") as (
        f,
        job,
        start,
        rows,
        scratch,
    ):
        network, width = job.address(PassWords.NETWORK), job.int(PassWords.WIDTH)
        layers = network.int(NetworkWords.LAYERS)
        last = RecordedLayer(job, layers - 1)
        with f.either(job.address(PassWords.LOSS).as_int() > 0) as (lost, given):
            with lost, f.loop(0, rows, width) as r:
                _loss(f, job, last, start + r, (rows - r).min(width), width)
            with given, f.loop(0, rows, width) as r:
                dy, lddy = job.address(PassWords.DY), job.int(PassWords.LDDY)
                nothing = f.int(0).as_address()
                f.call_at(
                    network.address(NetworkWords.INTO_PANEL),
                    *(dy.reals((start + r) * lddy), lddy, (rows - r).min(width), last.outputs),
                    *(last.panel(RecordWords.DA, start + r), width, nothing, nothing),
                )
        with f.loop(0, rows, width) as r:
            _through_activation(f, last, start + r, f.int(0), last.outputs, width)
            _through_rows(f, last, start + r, width)
        with f.loop(0, layers - 1) as back:
            layer = RecordedLayer(job, layers - 1 - back)
            before = RecordedLayer(job, layers - 2 - back)
            da = before.panel(RecordWords.DA, start)
            with _through_product(f, job, layer, start, rows, da, scratch) as (r, k, height):
                _through_activation(f, before, start + r, k, height, width)
            with f.loop(0, rows, width) as r:
                _through_rows(f, before, start + r, width)
        dx, lddx = job.address(PassWords.DX), job.int(PassWords.LDDX)
        with f.when(dx.as_int() > 0):
            first = RecordedLayer(job, f.int(0))
            panels = scratch.reals(job.int(PassWords.COPIED))
            with _through_product(f, job, first, start, rows, panels, scratch):
                pass
            with f.loop(0, rows, width) as r:
                f.call_at(
                    network.address(NetworkWords.FROM_PANEL),
                    *(panels.reals(r * first.features), width, (rows - r).min(width)),
                    *(first.features, dx.reals((start + r) * lddx), lddx),
                )


@contextmanager
def _through_product(
    f: Function,
    job: Address,
    layer: RecordedLayer,
    start: Int,
    rows: Int,
    da: Address,
    scratch: Address,
) -> Iterator[tuple[Int, Int, Int]]:
    """Write the gradient of a layer's input to the panels `da`.

    Run the block for each part that is whole, with its first row and feature and the number of its
    features.  All rows use some outputs of the weight before any uses the next: what they read of
    it stays in the second cache, where the rows of a wide weight share few sets.
    """
    width, step = job.int(PassWords.WIDTH), job.int(PassWords.GRADIENT_STEP)
    W, dz = layer.record.address(RecordWords.WEIGHT), layer.panel(RecordWords.DZ, start)
    with f.loop(0, layer.outputs, BLOCK) as o, f.loop(0, layer.features, step) as k:
        height = (layer.features - k).min(step)
        f.call_at(
            job.address(PassWords.GRADIENT),
            *(W.reals(o * layer.features), (layer.outputs - o).min(BLOCK), layer.features),
            *(dz.reals(o * width), layer.outputs * width, da, width, rows.ceil_div(width)),
            *(k, height, o.equals(0).as_int(), scratch),
        )
        with f.when(o + BLOCK >= layer.outputs), f.loop(0, rows, width) as r:
            yield r, k, height


def _loss(f: Function, job: Address, last: RecordedLayer, row: Int, there: Int, width: Int) -> None:
    f.call_at(
        job.address(PassWords.LOSS),
        *(last.panel(RecordWords.A, row), last.panel(RecordWords.DA, row)),
        job.address(PassWords.TARGETS).bytes(row * job.int(PassWords.TARGET_BYTES)),
        job.int(PassWords.TARGET_STRIDE),
        job.address(PassWords.WEIGHTS).reals(row),
        job.address(PassWords.LOSSES).reals(row),
        *(last.outputs, width, there, job.address(PassWords.LOSS_SETTINGS)),
    )


def _through_activation(
    f: Function, layer: RecordedLayer, row: Int, feature: Int, count: Int, width: Int
) -> None:
    """Take `count` features of da back through an activation of elements, if there is one."""
    kernel = layer.record.address(RecordWords.BACKWARD)
    with f.when(kernel.as_int() > 0):
        words = (RecordWords.Z, RecordWords.A, RecordWords.DA, RecordWords.DZ)
        places = [layer.panel(word, row).reals(feature * width) for word in words]
        settings = layer.record.address(RecordWords.SETTINGS)
        f.call_at(kernel, *places, count * width, settings)


def _through_rows(f: Function, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Take a panel of da back through an activation of whole rows, if there is one."""
    kernel = layer.record.address(RecordWords.ROW_BACKWARD)
    with f.when(kernel.as_int() > 0):
        words = (RecordWords.Z, RecordWords.A, RecordWords.DA, RecordWords.DZ)
        f.call_at(kernel, *(layer.panel(word, row) for word in words), layer.outputs, width)


def write_pass_jobs(module: Module) -> None:
    """Write the jobs `forward_pass`, `backward_pass` and `step_pass`, each ``(job, participant)``.

    The second goes back from the loss or a given gradient; the third does all at once.
    """
    for name, parts in (
        ("forward_pass", ("forward_rows",)),
        ("backward_pass", ("backward_rows",)),
        ("step_pass", ("forward_rows", "backward_rows")),
    ):
        with module.function(name, "address", "int") as (f, job, participant):
            board = Board(job.address(PassWords.BOARD), job.int(PassWords.PARTICIPANTS))
            rows, chunk = job.int(PassWords.ROWS), job.int(PassWords.CHUNK)
            own = job.address(PassWords.SCRATCH).bytes(participant * job.int(PassWords.SHARE))
            chunks = rows.ceil_div(chunk)
            with board.tasks(0, chunks, participant) as task:
                start = task * chunk
                for part in parts:
                    f.call(part, job, start, (rows - start).min(chunk), own)
            if "backward_rows" in parts:
                board.wait(0, chunks)
                _weights(f, job, board, participant, own)


def _weights(f: Function, job: Address, board: Board, participant: Int, own: Address) -> None:
    layers = job.address(PassWords.NETWORK).int(NetworkWords.LAYERS)
    x, ldx = f.variable(job.address(PassWords.X)), f.variable(job.int(PassWords.LDX))
    with f.loop(0, layers) as index:
        layer = RecordedLayer(job, index)
        tasks = layer.record.int(RecordWords.TASKS)
        with (
            board.tasks(index + 1, tasks + 1, participant) as task,
            f.either(task < tasks) as (weight, bias),
        ):
            with weight:
                f.call("weight_task", job, index, task, x.value, ldx.value, own)
            with bias:
                f.call("bias_task", job, index)
        x.value = layer.record.address(RecordWords.ROWS)
        ldx.value = layer.record.int(RecordWords.STRIDE)


def write_run_pass(module: Module) -> None:
    """Write `run_pass(job, kind)`: kind 0 goes forward, 1 backward, 2 takes a whole step."""
    with module.function("run_pass", "address", "int") as (f, job, kind):
        network, participants = job.address(PassWords.NETWORK), job.int(PassWords.PARTICIPANTS)
        board = Board(job.address(PassWords.BOARD), participants)
        board.clear(network.int(NetworkWords.LAYERS) + 1)
        chosen = f.pointers(["forward_pass", "backward_pass", "step_pass"]).address(kind)
        with f.either(participants > 1) as (together, alone):
            with together:
                f.call_at(
                    network.address(NetworkWords.TEAM_RUN),
                    *(network.address(NetworkWords.TEAM), chosen, job, participants, f.int(1)),
                )
            with alone:
                f.call_at(chosen, job, f.int(0))


def write_passes(module: Module) -> None:
    """Write `run_pass` and what it calls, but for the kernels that words give it."""
    for write in (
        *(write_copy_columns, write_weight_gradient, write_bias_gradient),
        *(write_forward_rows, write_backward_rows, write_weight_task, write_bias_task),
        *(write_pass_jobs, write_run_pass),
    ):
        write(module)
