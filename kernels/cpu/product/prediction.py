"""The kernels that predict: what Python calls.

They are compiled with few passes, since a first prediction waits for them, and are as fast.  Steps
on a few rows, which read and write as much as they compute, would lose up to 5 % by it: the kernels
of training have all passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..board import Board
from .chunks import write_chunk, write_chunk_job
from .few_rows import (
    write_few_job,
    write_few_layer,
    write_few_output,
    write_few_tiles,
    write_standardize_rows,
)
from .layer import write_layer, write_tiles
from .packing import write_pack_heights, write_pack_widths
from .panels import write_from_panels, write_into_panels
from .spread import write_spread_job
from .words import CallWords, JobWords, NetworkWords

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..codegen.function import Module
    from ..codegen.values import Address, Int


def write_few(module: Module) -> None:
    """Write `predict_few`, for a few rows, and `pack_widths`, which packs weights for it."""
    module.soon = True
    write_few_tiles(module)
    write_few_layer(module)
    write_into_panels(module)
    write_from_panels(module)
    write_few_output(module)
    write_few_job(module)
    write_standardize_rows(module)
    write_pack_widths(module)

    def standardized(network: Address, x: Address, ldx: Int, rows: Int, scratch: Address) -> None:
        f = network.f
        f.call(
            "standardize_rows",
            *(x, ldx, rows, network.int(NetworkWords.FEATURES)),
            *(network.address(NetworkWords.MEAN), network.address(NetworkWords.SCALE)),
            *(scratch, network.int(NetworkWords.WIDEST)),
        )

    _write_predict(
        module, "predict_few", "few_job", lambda n: n.int(NetworkWords.LAYERS), standardized
    )


def write_many(module: Module) -> None:
    """Write `predict_many` and `predict_spread`, for many rows, and `pack_heights` for both."""
    module.soon = True
    write_tiles(module)
    write_layer(module)
    write_into_panels(module)
    write_from_panels(module)
    write_chunk(module)
    write_chunk_job(module)
    write_spread_job(module)
    write_pack_heights(module)
    _write_predict(module, "predict_many", "chunk_job", lambda n: n.f.int(1), None)
    _write_predict(
        module, "predict_spread", "spread_job", lambda n: n.int(NetworkWords.LAYERS) + 2, None
    )


def _write_predict(
    module: Module,
    name: str,
    job_name: str,
    phases: Callable[[Address], Int],
    standardize: Callable[[Address, Address, Int, Int, Address], None] | None,
) -> None:
    """Write `name(network, x, ldx, rows, y, ldy, scratch, share, chunk, participants, activate)`.

    x and y are rows of contiguous numbers, `ldx` and `ldy` elements apart.  The scratch begins at a
    cache line and holds `share` bytes for each participant and then the board.
    """
    kinds = (
        *("address", "address", "int", "int", "address", "int"),
        *("address", "int", "int", "int", "int"),
    )
    with module.function(name, *kinds) as (f, *arguments):
        network, x, ldx, rows, y, ldy, scratch, share, chunk, participants, activate = arguments
        job = f.buffer(8 * JobWords.COUNT)
        board = scratch.bytes(participants * share)
        for word, value in (
            (JobWords.NETWORK, network),
            (JobWords.X, x),
            (JobWords.LDX, ldx),
            (JobWords.ROWS, rows),
            (JobWords.Y, y),
            (JobWords.LDY, ldy),
            (JobWords.SCRATCH, scratch),
            (JobWords.SHARE, share),
            (JobWords.BOARD, board),
            (JobWords.PARTICIPANTS, participants),
            (JobWords.ACTIVATE, activate),
            (JobWords.CHUNK, chunk),
        ):
            job.store(value, word)
        if standardize is not None:
            with f.when(network.int(NetworkWords.SCALE) > 0):
                spare = scratch.reals(rows * network.int(NetworkWords.WIDEST))
                standardize(network, x, ldx, rows, spare)
                job.store(spare, JobWords.X)
                job.store(network.int(NetworkWords.WIDEST), JobWords.LDX)
        Board(board, participants).clear(phases(network))
        with f.either(participants > 1) as (together, alone):
            with together:
                f.call_at(
                    network.address(NetworkWords.TEAM_RUN),
                    *(network.address(NetworkWords.TEAM), f.address_of(job_name), job),
                    *(participants, f.int(1)),
                )
            with alone:
                f.call(job_name, job, f.int(0))
    _write_direct(module, name)


def _write_direct(module: Module, name: str) -> None:
    """Write `name_at(call, x_at, rows, y_at)`: x and y are what the two words hold.

    It takes little to call: the words are those of the array objects, so that nobody need ask for
    their addresses, and what does not change from call to call is behind `call`.
    """
    with module.function(f"{name}_at", "address", "address", "int", "address") as (
        f,
        call,
        x_at,
        rows,
        y_at,
    ):
        network = call.address(CallWords.NETWORK)
        f.call(
            name,
            *(network, x_at.address(), network.int(NetworkWords.FEATURES), rows),
            *(y_at.address(), network.int(NetworkWords.OUTPUTS)),
            *(call.address(CallWords.SCRATCH), call.int(CallWords.SHARE)),
            *(call.int(CallWords.CHUNK), call.int(CallWords.PARTICIPANTS)),
            call.int(CallWords.ACTIVATE),
        )
