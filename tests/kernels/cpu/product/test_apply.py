"""What is done with a gradient, tile by tile or as it is summed, is what a flat vector gets."""

import numpy as np
import pytest
from support import canonical
from support.edges import CAN_PROTECT, at_the_edge
from support.panels import same_bits
from support.product_kernels import call, normal, unit
from support.written_kernels import each_target, lanes_of

from mlpcore.kernels.cpu.optimizers import RULES

pytestmark = pytest.mark.skipif(not CAN_PROTECT, reason="there is no mprotect")

each_kind = pytest.mark.parametrize("name", [*RULES, "keep"])


def check(kernels, name, kernel, gradient, arguments):
    """Compare what `kernel` makes of p and its states with what the sweep `name` makes of them.

    `arguments` are those of `kernel` that follow the matrices, but for the distance of their rows
    and the settings.
    """
    rows, columns = gradient.shape
    dtype, settings = gradient.dtype, np.full(16, 0.1, gradient.dtype)
    matrix = [np.abs(normal((rows, columns + 3), dtype, seed)) for seed in range(3)]
    # The last row is the last of the matrix, and ends where it does.
    placed = [at_the_edge(m.ravel()[3:]) for m in matrix]
    states = 2 if name == "keep" else len(RULES[name].states)
    unused = [0] * (2 - states)
    given = [*placed[: 1 + states], *unused]
    call(kernels, kernel, *given, *arguments, columns + 3, settings)
    flat = [np.ascontiguousarray(m[:, 3:]).ravel() for m in matrix]
    own = np.ascontiguousarray(gradient).ravel()
    call(kernels, name, flat[0], own, *flat[1 : 1 + states], *unused, own.size, settings)
    for number in range(1 + states):
        found = matrix[number].copy()
        found.ravel()[3:] = placed[number]
        assert same_bits(found[:, 3:], flat[number].reshape(rows, columns))
        assert same_bits(found[:, :3], matrix[number][:, :3])


def kernels_of(name, isa, dtype):
    return unit("keep" if name == "keep" else f"update.{name}", isa, dtype)


@each_target
@each_kind
def test_a_tile_is_applied_as_a_vector_is(name, isa, dtype):
    lanes = lanes_of(isa, dtype)
    width = isa.tile_vectors * lanes
    for rows, columns in ((1, 1), (isa.tile_rows, width), (2, lanes + 1), (3, width - 1)):
        g = normal((rows, width), dtype, 5)
        arguments = at_the_edge(g), rows, columns
        check(kernels_of(name, isa, dtype), name, "apply", g[:, :columns], arguments)


@each_target
@each_kind
def test_the_gradient_on_few_rows_is_summed_and_applied_as_a_vector_is(name, isa, dtype):
    lanes = lanes_of(isa, dtype)
    width = isa.tile_vectors * lanes
    shapes = (1, 1, 1), (1, isa.tile_rows, 2 * width), (2, 3, width + lanes + 1)
    for rows, outputs, columns in (*shapes, (3, 4, lanes), (width, isa.tile_rows, 3 * width - 1)):
        dz, x = normal((rows, outputs), dtype, 6), normal((rows, columns), dtype, 7)
        panels = -(-columns // width)
        wide = np.full((rows, panels * width), np.nan, dtype)  # which no sum may bring along
        wide[:, :columns] = x
        copied = wide.reshape(rows, panels, width).transpose(1, 0, 2)
        gradient = canonical.product(dz, x, canonical.ROW_BLOCK)
        arguments = at_the_edge(dz), at_the_edge(copied), rows, outputs, columns
        check(kernels_of(name, isa, dtype), name, "apply_few", gradient, arguments)
