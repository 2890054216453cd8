"""A whole network on one chunk of a batch, the outputs of each layer shared out.

For batches of too few panels to give every thread its own: all threads work on the same rows, each
on some outputs of a layer, and wait for one another before the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..board import Board
from .chunks import apply_output, panel_width
from .parts import TASKS_EACH
from .words import JobWords, LayerWords, NetworkWords

if TYPE_CHECKING:
    from ..codegen.function import Module


def write_spread_job(module: Module) -> None:
    """Write `spread_job(job, participant)`, which has a phase for each layer and two more.

    The scratch is one for all participants and holds the batch twice, as panels.  No layer may have
    an activation of whole rows.
    """
    with module.function("spread_job", "address", "int") as (f, job, participant):
        wide = f.isa.tile_vectors * f.lanes
        network, scratch = job.address(JobWords.NETWORK), job.address(JobWords.SCRATCH)
        x, ldx = job.address(JobWords.X), job.int(JobWords.LDX)
        y, ldy = job.address(JobWords.Y), job.int(JobWords.LDY)
        rows, participants = job.int(JobWords.ROWS), job.int(JobWords.PARTICIPANTS)
        features, outputs = network.int(NetworkWords.FEATURES), network.int(NetworkWords.OUTPUTS)
        mean, scale = network.address(NetworkWords.MEAN), network.address(NetworkWords.SCALE)
        layers, panels = network.int(NetworkWords.LAYERS), rows.ceil_div(wide)
        board = Board(job.address(JobWords.BOARD), participants)
        with board.phase(0, panels, participant) as task:
            start = task * wide
            there = (rows - start).min(wide)
            f.call(
                "into_panel",
                *(x.reals(start * ldx), ldx, there, features, scratch.reals(start * features)),
                *(panel_width(f, there), mean, scale),
            )
        source = f.variable(scratch)
        target = f.variable(scratch.reals(network.int(NetworkWords.WIDEST) * (panels * wide)))
        layer = f.variable(network.ints(NetworkWords.COUNT))
        with f.loop(0, layers) as index:
            to, heights = target.value, layer.value.int(LayerWords.PANELS)
            count = (participants * TASKS_EACH).min(heights)
            with board.phase(index + 1, count, participant) as task:
                f.call("layer_part", layer.value, source.value, to, to, rows, task, count)
            target.value = source.value
            source.value = to
            layer.value = layer.value.ints(LayerWords.COUNT)
        with board.tasks(layers + 1, panels, participant) as task:
            start = task * wide
            there = (rows - start).min(wide)
            width, panel = panel_width(f, there), source.value.reals(start * outputs)
            with f.when(job.int(JobWords.ACTIVATE) > 0):
                apply_output(f, network, panel, outputs, width)
            f.call("from_panel", panel, width, there, outputs, y.reals(start * ldy), ldy)
