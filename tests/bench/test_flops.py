"""Exact counts: two operations a multiply-add, matrix products only."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.bench.flops import flops_per_sample, weight_bytes

WIDTHS = st.lists(st.integers(1, 4096), min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("layers", "flops"),
    [
        ((784, 256, 10), 406_528),
        ((784, 512, 256, 10), 1_070_080),
        ((3072, 1024, 512, 256, 10), 7_607_296),
        ((768, 3072, 768), 9_437_184),
    ],
)
def test_inference_counts_each_weight_twice(layers, flops):
    assert flops_per_sample(layers) == flops


def test_one_layer_trains_with_two_products():
    """z = x Wᵀ and dW = dzᵀ x; the gradient of the input is nobody's."""
    assert flops_per_sample((784, 10), "training") == 2 * flops_per_sample((784, 10))


@given(WIDTHS)
def test_training_is_three_products_a_layer_and_two_in_the_first(layers):
    products = sum(3 * in_ * out for in_, out in pairwise(layers)) - layers[0] * layers[1]
    assert flops_per_sample(layers, "training") == 2 * products


@pytest.mark.parametrize(("dtype", "itemsize"), [("float32", 4), ("float64", 8)])
def test_weight_bytes_are_those_of_all_parameters(dtype, itemsize):
    assert weight_bytes((784, 512, 256, 10), dtype) == 535_818 * itemsize
