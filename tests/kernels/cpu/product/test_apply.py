"""What is done with a tile of a gradient is what is done with a flat vector, and nothing else."""

import numpy as np
import pytest
from support.edges import CAN_PROTECT, at_the_edge
from support.panels import same_bits
from support.product_kernels import call, normal, unit
from support.written_kernels import each_target, lanes_of

from mlpcore.kernels.cpu.optimizers import RULES

pytestmark = pytest.mark.skipif(not CAN_PROTECT, reason="there is no mprotect")


@each_target
@pytest.mark.parametrize("name", [*RULES, "keep"])
def test_a_tile_is_applied_as_a_vector_is(name, isa, dtype):
    kernels = unit("keep" if name == "keep" else f"update.{name}", isa, dtype)
    states = 2 if name == "keep" else len(RULES[name].states)
    lanes = lanes_of(isa, dtype)
    width, settings = isa.tile_vectors * lanes, np.full(16, 0.1, dtype)
    for rows, columns in ((1, 1), (isa.tile_rows, width), (2, lanes + 1), (3, width - 1)):
        g = normal((rows, width), dtype, 5)
        matrix = [np.abs(normal((rows, columns + 3), dtype, seed)) for seed in range(3)]
        # The last row of the tile is the last of the matrix, and ends where it does.
        placed = [at_the_edge(m.ravel()[3:]) for m in matrix]
        given = [*placed[: 1 + states], *([0] * (2 - states))]
        call(kernels, "apply", *given, at_the_edge(g), rows, columns, columns + 3, settings)
        flat = [np.ascontiguousarray(m[:, 3:]).ravel() for m in matrix]
        own = np.ascontiguousarray(g[:, :columns]).ravel()
        others = [*flat[1 : 1 + states], *([0] * (2 - states))]
        call(kernels, name, flat[0], own, *others, own.size, settings)
        for number in range(1 + states):
            found = matrix[number].copy()
            found.ravel()[3:] = placed[number]
            assert same_bits(found[:, 3:], flat[number].reshape(rows, columns))
            assert same_bits(found[:, :3], matrix[number][:, :3])
