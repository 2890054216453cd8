"""A whole network on a few rows: the outputs in the lanes, so that one row fills a vector.

Such a call reads each weight once for up to eight rows, and takes as long as that takes.  A core
that reads one stream of memory waits most of the time for what it asked for last: so the weights
are packed one vector wide, and a tile, several vectors wide, reads as many streams at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..board import Board
from .tile import BLOCK, chains, finish
from .words import JobWords, LayerWords, NetworkWords

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.instruction_set import InstructionSet
    from ..codegen.values import Address, Int, Real

AHEAD_BYTES = 512
"""How far ahead a tile asks for each of its streams: past what the processor does by itself at the
beginning of each page."""


def most_vectors(isa: InstructionSet, rows: int) -> int:
    """Return how many vectors wide a tile of `rows` rows may be: as the registers hold its sums."""
    sums = isa.few_rows * isa.few_vectors
    return isa.few_vectors if rows <= isa.few_rows else sums // isa.most_few_rows


def write_few_tiles(module: Module) -> None:
    """Write the tiles `few_R_V(x, ldx, b, gap, z, ldz, n, first, last, bias, floor)`.

    As the tiles of whole chunks, but x and z lie row after row, and the V vectors of a term of b
    `gap` elements apart, each followed by that of the next term.
    """
    for rows in range(1, module.isa.most_few_rows + 1):
        for vectors in range(1, most_vectors(module.isa, rows) + 1):
            _write_tile(module, rows, vectors)


def _write_tile(module: Module, rows: int, vectors: int) -> None:
    with module.function(
        f"few_{rows}_{vectors}",
        *("address", "int", "address", "int", "address", "int"),
        *("int", "int", "int", "address", "real"),
        private=True,
    ) as (f, x, ldx, b, gap, z, ldz, n, first, last, bias, floor):
        lanes = f.lanes
        at_row = [x.reals(ldx * i) for i in range(rows)]
        gaps = [gap * j for j in range(vectors)]

        def advance(at: list[Any], steps: int) -> list[Any]:
            if steps > 1:
                for step in range(steps):
                    for stream in gaps:
                        ahead = at[1].reals(stream).reals(step * lanes).bytes(AHEAD_BYTES)
                        f.prefetch(ahead, cache=1)
            return [at[0] + steps, at[1].reals(lanes * steps)]

        sums = chains(
            f,
            n,
            (f.int(0), b),
            advance=advance,
            element=lambda at, i, s: at_row[i].reals(at[0]).reals(s),
            vector=lambda at, j, s: at[1].reals(gaps[j]).vector(s * lanes),
            rows=rows,
            vectors=vectors,
            share=True,
        )
        lowest = floor.splat()
        shift = [bias.vector(j * lanes) for j in range(vectors)]
        to_row = [z.reals(ldz * i) for i in range(rows)]

        def complete(total: Real, _i: int, j: int) -> Real:
            whole: Real = (total + shift[j]).above(lowest)
            return whole

        def place(i: int, j: int) -> tuple[Address, Any]:
            return to_row[i].reals(j * lanes), None

        finish(f, sums, first.equals(1), last.equals(1), place, complete)


def _groups(f: Function, rows: Int) -> tuple[Int, Int]:
    """Return into how many groups the rows are divided, and how many vectors their tiles have.

    The groups take turns at a block of weights, which comes from a slow cache for the first of them
    only; they are as few as can be, and differ by one row at most.
    """
    isa = f.isa
    groups = rows.ceil_div(isa.most_few_rows)
    high = rows.ceil_div(groups) > isa.few_rows
    vectors: Int = high.select(f.int(most_vectors(isa, isa.most_few_rows)), isa.few_vectors)
    return groups, vectors


def write_few_layer(module: Module) -> None:
    """Write `few_layer(description, x, ldx, z, ldz, rows, begin, end)`.

    It computes the outputs in [begin, end), where both are multiples of the lanes, or `end` is not
    below the number of outputs; every row of z has room for whole vectors.
    """
    isa = module.isa
    kinds = ("address", "address", "int", "address", "int", "int", "int", "int")
    with module.function("few_layer", *kinds) as (f, layer, x, ldx, z, ldz, rows, begin, end):
        lanes = f.lanes
        K, N = layer.int(LayerWords.FEATURES), layer.int(LayerWords.OUTPUTS)
        weights, bias = layer.address(LayerWords.FEW_WEIGHTS), layer.address(LayerWords.BIAS)
        floor = layer.ints(LayerWords.FLOOR).real()
        activation = layer.address(LayerWords.ACTIVATION)
        settings = layer.address(LayerWords.SETTINGS)
        names = [
            f"few_{r}_{min(v, most_vectors(isa, r))}"
            for r in range(1, isa.most_few_rows + 1)
            for v in range(1, isa.few_vectors + 1)
        ]
        tiles = f.pointers(names)
        groups, most = _groups(f, rows)
        least, more = rows // groups, rows % groups
        stop = end.min(N)
        with f.loop(begin, stop, most * lanes) as o:
            vectors = (stop - o).ceil_div(lanes).min(most)
            panel = weights.reals(o * K)
            with f.loop(0, K, BLOCK) as k:
                n, b = (K - k).min(BLOCK), panel.reals(k * lanes)
                first, last = k.equals(0).as_int(), (k + BLOCK >= K).as_int()
                with f.loop(0, groups) as g:
                    start = g * least + g.min(more)
                    count = least + (g < more).as_int()
                    f.call_at(
                        tiles.address((count - 1) * isa.few_vectors + vectors - 1),
                        *(x.reals(start * ldx + k), ldx, b, K * lanes),
                        *(z.reals(start * ldz + o), ldz),
                        *(n, first, last, bias.reals(o), floor),
                    )
            with f.when(activation.as_int() > 0), f.loop(0, rows) as i:
                own = z.reals(i * ldz + o)
                f.call_at(activation, own, own, vectors * lanes, settings)


def write_few_job(module: Module) -> None:
    """Write `few_job(job, participant)`: a network on few rows, layer by layer.

    The participants share out the outputs of each layer as its tiles have them.  The rows of a
    layer lie at the distance of the widest, in the scratch, of which there is one for all.
    """
    with module.function("few_job", "address", "int") as (f, job, participant):
        network, scratch = job.address(JobWords.NETWORK), job.address(JobWords.SCRATCH)
        rows, participants = job.int(JobWords.ROWS), job.int(JobWords.PARTICIPANTS)
        board = Board(job.address(JobWords.BOARD), participants)
        width = _groups(f, rows)[1] * f.lanes
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
                    with board.phase(phase, count, participant) as task:
                        f.call("few_layer", *arguments, task * width, task * width + width)
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
