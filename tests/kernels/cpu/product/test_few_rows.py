"""A layer on few rows is the same whoever computes which outputs, and whatever rows come along."""

import numpy as np
import pytest
from support.panels import same_bits
from support.product_kernels import call, normal, unit
from support.written_kernels import each_target, lanes_of

from mlpcore.kernels.cpu.codegen.instruction_set import INSTRUCTION_SETS
from mlpcore.kernels.cpu.product.few_rows import most_vectors
from mlpcore.kernels.cpu.product.words import LayerWords

FEATURES = 300  # more than a block


class Layer:
    """z = x Wᵀ + b without an activation."""

    def __init__(self, isa, dtype, vectors):
        self.lanes = lanes_of(isa, dtype)
        self.kernels, self.dtype = unit("few", isa, dtype), dtype
        self.padded = vectors * self.lanes
        self.outputs = self.padded - 1
        self.W = normal((self.outputs, FEATURES), dtype)
        self.b = np.zeros(self.padded, dtype)
        self.b[: self.outputs] = normal(self.outputs, dtype, seed=1)
        self.packed = np.empty(self.padded * FEATURES, dtype)
        call(self.kernels, "pack_widths", self.W, self.outputs, FEATURES, self.packed)
        self.words = np.zeros(LayerWords.COUNT, np.int64)
        self.words[LayerWords.FEATURES] = FEATURES
        self.words[LayerWords.OUTPUTS] = self.outputs
        self.words[LayerWords.FEW_WEIGHTS] = self.packed.ctypes.data
        self.words[LayerWords.BIAS] = self.b.ctypes.data
        self.words[LayerWords.FLOOR : LayerWords.FLOOR + 1].view(dtype)[0] = -np.inf

    def __call__(self, x, begin=0, end=None):
        z = np.full((len(x), self.padded), np.nan, self.dtype)
        sizes = (len(x), begin, self.outputs if end is None else end)
        call(self.kernels, "few_layer", self.words, x, FEATURES, z, self.padded, *sizes)
        return z


@pytest.mark.parametrize("isa", INSTRUCTION_SETS.values(), ids=lambda isa: isa.name)
def test_the_sums_of_a_tile_its_weights_and_an_element_fit_into_the_registers(isa):
    registers = 32 if isa.vector_bytes == 64 or isa.machine == "aarch64" else 16
    for rows in range(1, isa.most_few_rows + 1):
        vectors = most_vectors(isa, rows)
        assert 1 <= vectors <= isa.few_vectors
        assert rows * vectors + vectors + 1 <= registers


@each_target
def test_it_is_the_product_with_the_bias(isa, dtype):
    layer, x = Layer(isa, dtype, 5), normal((9, FEATURES), dtype, seed=2)
    z = layer(x)[:, : layer.outputs]
    exact = x.astype(np.longdouble) @ layer.W.T.astype(np.longdouble) + layer.b[: layer.outputs]
    terms = np.abs(x) @ np.abs(layer.W.T) + np.abs(layer.b[: layer.outputs])
    assert np.all(np.abs(z - exact) <= (FEATURES + 2) * np.finfo(dtype).eps * terms)


@each_target
@pytest.mark.parametrize("rows", [1, 4, 6, 7, 8, 9, 13, 17])
def test_rows_do_not_depend_on_those_beside_them(isa, dtype, rows):
    layer, x = Layer(isa, dtype, 7), normal((rows, FEATURES), dtype, seed=3)
    one_by_one = np.concatenate([layer(x[i : i + 1]) for i in range(rows)])
    assert same_bits(layer(x), one_by_one)


@each_target
@pytest.mark.parametrize("rows", [1, 8])
@pytest.mark.parametrize("vectors", [1, 3, 4, 5])
def test_a_part_of_the_outputs_is_what_it_is_in_the_whole_and_nothing_else(
    isa, dtype, rows, vectors
):
    layer, x = Layer(isa, dtype, 7), normal((rows, FEATURES), dtype, seed=4)
    whole, size = layer(x), vectors * layer.lanes
    for begin in range(0, layer.outputs, size):
        part, here = layer(x, begin, begin + size), slice(begin, begin + size)
        assert same_bits(part[:, here], whole[:, here])
        assert np.isnan(part[:, :begin]).all()
        assert np.isnan(part[:, begin + size :]).all()
