"""Normal numbers are those of the reference, but for the last digits of logarithm and sine."""

import numpy as np
import pytest
from support.panels import same_bits
from support.written_kernels import ISAS, kernels

from mlpcore.kernels.cpu.layers.normal_numbers import write_normal_numbers
from mlpcore.kernels.reference.normal_numbers import normal_numbers

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

each_isa = pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)
PLACE = {"first_row": 1000, "seed": 2**64 - 5, "step": 2**32 - 1, "layer": 7}


def draw(isa, shape, std=1.0, *, first_row=0, seed=3, step=4, layer=5):
    memory = np.full((shape[0] + 2, shape[1]), 77.0)
    compiled = kernels(write_normal_numbers, isa, np.float64)
    at = (first_row, seed, step, layer)
    compiled.function("normal_numbers")(memory[1:].ctypes.data, *shape, *at, std)
    assert (memory[[0, -1]] == 77).all()
    return memory[1:-1]


@each_isa
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4), (3, 10), (2, 31), (5, 64)], ids=str)
def test_they_are_those_of_the_reference(isa, shape):
    """The logarithm is 1 ulp off and its root half of that, sine and cosine 1.6, twice over."""
    found, expected = draw(isa, shape, **PLACE), normal_numbers(np, *shape, **PLACE)
    np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(np.float64).eps)


@each_isa
def test_rounded_to_float32_they_hardly_ever_differ(isa):
    """A number would have to lie within 8 ulp of float64 of the middle between two of float32."""
    found, expected = (
        draw(isa, (200, 100), 0.3),
        0.3 * normal_numbers(np, 200, 100, first_row=0, seed=3, step=4, layer=5),
    )
    assert np.count_nonzero(found.astype("f4") != expected.astype("f4")) == 0


@each_isa
def test_every_instruction_set_draws_the_same_bits(isa):
    assert same_bits(draw(isa, (7, 45), **PLACE), draw(ISAS[0], (7, 45), **PLACE))


@each_isa
def test_a_row_depends_on_its_number_alone(isa):
    together = draw(isa, (5, 9), first_row=11)
    parts = [draw(isa, (1, 9), first_row=11 + r) for r in range(5)]
    assert same_bits(together, np.concatenate(parts))


def test_mean_and_variance_are_those_of_the_normal_distribution():
    """Of a million numbers the mean is within 5/1000 of 0, and the variance within 7/1000 of 1."""
    numbers = draw(ISAS[0], (1000, 1000))
    assert abs(numbers.mean()) < 5e-3
    assert abs(numbers.var() - 1) < 7e-3
