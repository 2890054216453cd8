"""The kernels of losses run over a batch, panel by panel, with guards around what they write."""

import numpy as np
from support.panels import call, to_panel
from support.written_kernels import ISAS, kernels, lanes_of

from mlpcore.kernels.cpu.losses import LOSSES, write_sum_blocks

GUARD = -77.0


def write(module):
    for write_loss in LOSSES.values():
        write_loss(module)
    write_sum_blocks(module)


def run_loss(name, z, inputs, *, isa=None, vectors=1, in_place=False, beyond=np.nan):
    """Return the losses of the rows of z and dz, as the kernel `name` computes them.

    `beyond` stands in the lanes that have no row.  Weights, targets and losses end with the last
    row, and what lies behind them must stay as it was.
    """
    isa = ISAS[0] if isa is None else isa
    compiled = kernels(write, isa, z.dtype.type)
    n, features = z.shape
    width = vectors * lanes_of(isa, z.dtype)
    losses = np.full(n + width, GUARD, z.dtype)
    dz = np.zeros_like(z)
    for first in range(0, n, width):
        rows = min(width, n - first)
        panel = to_panel(z[first : first + rows], width, beyond)
        memory = np.full((features + 2, width), GUARD, z.dtype)
        result = memory[1:-1]
        if in_place:
            result[:] = panel
            panel = result
        call(
            compiled,
            name,
            panel,
            result,
            inputs.targets[first:],
            inputs.target_stride,
            inputs.weights[first:],
            losses[first:],
            features,
            width,
            rows,
            inputs.settings,
        )
        assert (memory[[0, -1]] == GUARD).all()
        assert (result[:, rows:] == 0).all()
        dz[first : first + rows] = result[:, :rows].T
    assert (losses[n:] == GUARD).all()
    return losses[:n].copy(), dz


def total(losses, isa=None):
    """Return the sum of the losses by the kernel."""
    compiled = kernels(write, ISAS[0] if isa is None else isa, losses.dtype.type)
    return losses.dtype.type(call(compiled, "sum_blocks", losses, len(losses)))
