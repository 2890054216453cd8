"""A whole network on a few rows: the outputs in the lanes, so that one row fills a vector.

Such a call reads each weight once or twice, and takes as long as that takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..board import Board
from .tile import BLOCK, FAR_BYTES, chains_of_rows, finish
from .words import JobWords, LayerWords, NetworkWords

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Address, Real


def write_few_tiles(module: Module) -> None:
    """Write the tiles `few_R_V(x, ldx, b, ldb, z, ldz, n, first, last, bias, floor, ahead)`.

    As the tiles of whole chunks, but x, b and z lie row after row.  The highest, which go over a
    panel of weights in two halves, exist as `far_R_V` too: these ask for the next block of b while
    they multiply by this one, since a slow cache would idle during the second half.
    """
    isa = module.isa
    for vectors in range(1, isa.few_vectors + 1):
        highest = isa.few_rows if vectors > isa.few_vectors // 2 else isa.most_few_rows
        for rows in range(1, highest + 1):
            _write_tile(module, rows, vectors, far=False)
        for rows in range(isa.few_rows + 1, highest + 1):
            _write_tile(module, rows, vectors, far=True)


def _write_tile(module: Module, rows: int, vectors: int, *, far: bool) -> None:
    with module.function(
        f"{'far' if far else 'few'}_{rows}_{vectors}",
        *("address", "int", "address", "int", "address", "int"),
        *("int", "int", "int", "address", "real", "int"),
        private=True,
    ) as (f, x, ldx, b, ldb, z, ldz, n, first, last, bias, floor, ahead):
        lanes = f.lanes
        sums = chains_of_rows(f, n, x, ldx, b, rows, vectors, ldb=ldb, ahead=ahead if far else None)
        lowest = floor.splat()
        shift = [bias.vector(j * lanes) for j in range(vectors)]
        to_row = [z.reals(ldz * i) for i in range(rows)]

        def complete(total: Real, _i: int, j: int) -> Real:
            whole: Real = (total + shift[j]).above(lowest)
            return whole

        def place(i: int, j: int) -> tuple[Address, Any]:
            return to_row[i].reals(j * lanes), None

        finish(f, sums, first.equals(1), last.equals(1), place, complete)


def write_few_layer(module: Module) -> None:
    """Write `few_layer(description, x, ldx, z, ldz, rows, begin, end)`.

    It computes the outputs in [begin, end), which is a whole panel or several; every row of z has
    room for whole vectors.
    """
    isa = module.isa
    kinds = ("address", "address", "int", "address", "int", "int", "int", "int")
    with module.function("few_layer", *kinds) as (f, layer, x, ldx, z, ldz, rows, begin, end):
        lanes = f.lanes
        width = isa.few_vectors * lanes
        K, N = layer.int(LayerWords.FEATURES), layer.int(LayerWords.OUTPUTS)
        weights, bias = layer.address(LayerWords.FEW_WEIGHTS), layer.address(LayerWords.BIAS)
        floor = layer.ints(LayerWords.FLOOR).real()
        activation = layer.address(LayerWords.ACTIVATION)
        settings = layer.address(LayerWords.SETTINGS)
        half = isa.few_vectors // 2

        def names(high: str) -> list[str]:
            return [
                f"few_{r}_{v}" if r <= isa.few_rows else f"{high}_{r}_{min(v, half)}"
                for r in range(1, isa.most_few_rows + 1)
                for v in range(1, isa.few_vectors + 1)
            ]

        fits = (K * N * f.real_bytes) <= FAR_BYTES
        tiles = fits.select(f.pointers(names("few")), f.pointers(names("far")))
        # A panel that comes from a slow cache is read once: by tiles that are as high as need be.
        groups = rows.ceil_div(isa.most_few_rows)
        least, more = rows // groups, rows % groups
        with f.loop(begin, end.min(N), width) as o:
            vectors = (N - o).ceil_div(lanes).min(isa.few_vectors)
            panel = weights.reals(o * K)
            with f.loop(0, K, BLOCK) as k:
                n, b = (K - k).min(BLOCK), panel.reals(k * vectors * lanes)
                first, last = k.equals(0).as_int(), (k + BLOCK >= K).as_int()
                with f.loop(0, groups) as g:
                    start = g * least + g.min(more)
                    count = least + (g < more).as_int()
                    step = (count > isa.few_rows).select(f.int(half), vectors)
                    with f.loop(0, vectors, step) as v:
                        most = (vectors - v).min(step)
                        tile = tiles.address((count - 1) * isa.few_vectors + most - 1)
                        at = o + v * lanes
                        f.call_at(
                            tile,
                            *(x.reals(start * ldx + k), ldx, b.reals(v * lanes), vectors * lanes),
                            *(z.reals(start * ldz + at), ldz),
                            *(n, first, last, bias.reals(at), floor),
                            n * vectors * lanes * f.real_bytes,
                        )
            with f.when(activation.as_int() > 0), f.loop(0, rows) as i:
                own = z.reals(i * ldz + o)
                f.call_at(activation, own, own, vectors * lanes, settings)


def write_few_job(module: Module) -> None:
    """Write `few_job(job, participant)`: a network on few rows, layer by layer.

    The participants share out the outputs of each layer in panels.  The rows of a layer lie at the
    distance of the widest, in the scratch, of which there is one for all.
    """
    width = module.isa.few_vectors * module.lanes
    with module.function("few_job", "address", "int") as (f, job, participant):
        network, scratch = job.address(JobWords.NETWORK), job.address(JobWords.SCRATCH)
        rows, participants = job.int(JobWords.ROWS), job.int(JobWords.PARTICIPANTS)
        board = Board(job.address(JobWords.BOARD), participants)
        stride = network.int(NetworkWords.WIDEST)
        x, ldx = f.variable(job.address(JobWords.X)), f.variable(job.int(JobWords.LDX))
        z, spare = f.variable(scratch), f.variable(scratch.reals(stride * rows))
        layer = f.variable(network.ints(NetworkWords.COUNT))
        with f.loop(0, network.int(NetworkWords.LAYERS)) as phase:
            here, outputs = layer.value, layer.value.int(LayerWords.OUTPUTS)
            arguments = (here, x.value, ldx.value, z.value, stride, rows)
            with f.either(participants > 1) as (together, alone):
                with together:
                    count = outputs.ceil_div(width)
                    with board.tasks(phase, count, participant) as task:
                        f.call("few_layer", *arguments, task * width, task * width + width)
                    board.wait(phase, count)
                with alone:
                    f.call("few_layer", *arguments, f.int(0), outputs)
            x.value, ldx.value = z.value, stride
            z.value, spare.value = spare.value, x.value
            layer.value = here.ints(LayerWords.COUNT)
        with f.when(participant.equals(0)):
            f.call("few_output", job, x.value)


def write_few_output(module: Module) -> None:
    """Write `few_output(job, logits)`: what prediction makes of the logits, into y."""
    with module.function("few_output", "address", "address", private=True) as (f, job, logits):
        lanes = f.lanes
        network, activate = job.address(JobWords.NETWORK), job.int(JobWords.ACTIVATE) > 0
        rows, y, ldy = job.int(JobWords.ROWS), job.address(JobWords.Y), job.int(JobWords.LDY)
        stride, outputs = network.int(NetworkWords.WIDEST), network.int(NetworkWords.OUTPUTS)
        by_element = network.address(NetworkWords.OUTPUT)
        by_row = network.address(NetworkWords.ROW_OUTPUT)
        settings = network.address(NetworkWords.SETTINGS)
        with f.when(activate & (by_element.as_int() > 0)), f.loop(0, rows) as i:
            row = logits.reals(i * stride)
            f.call_at(by_element, row, row, outputs, settings)
        with f.either(activate & (by_row.as_int() > 0)) as (turned, straight):
            with turned, f.loop(0, rows, lanes) as r:
                panel = job.address(JobWords.SCRATCH).reals(2 * rows * stride)
                there = (rows - r).min(lanes)
                nothing = f.int(0).as_address()
                f.call(
                    "into_panel",
                    *(logits.reals(r * stride), stride, there, outputs, panel, f.int(lanes)),
                    *(nothing, nothing),
                )
                f.call_at(by_row, panel, panel, outputs, f.int(lanes))
                f.call("from_panel", panel, f.int(lanes), there, outputs, y.reals(r * ldy), ldy)
            with straight, f.loop(0, rows) as i, f.loop(0, outputs, lanes) as k:
                mask = f.first_lanes(outputs - k)
                y.store(logits.vector(i * stride + k, mask), i * ldy + k, mask)


def write_standardize_rows(module: Module) -> None:
    """Write `standardize_rows(x, ldx, rows, features, mean, scale, y, ldy)`."""
    kinds = ("address", "int", "int", "int", "address", "address", "address", "int")
    with module.function("standardize_rows", *kinds, private=True) as (f, *arguments):
        x, ldx, rows, features, mean, scale, y, ldy = arguments
        with f.loop(0, rows) as i, f.loop(0, features, f.lanes) as k:
            mask = f.first_lanes(features - k)
            centred = x.vector(i * ldx + k, mask) - mean.vector(k, mask)
            y.store(centred * scale.vector(k, mask), i * ldy + k, mask)
