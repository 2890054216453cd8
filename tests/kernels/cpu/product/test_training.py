"""A backward pass through whole networks: every gradient is the canonical sum, bit for bit."""

import numpy as np
import pytest
from support import canonical
from support.networks import all_work_is_shared, instruction_set
from support.panels import same_bits
from support.product_kernels import normal
from support.written_kernels import each_target

import mlpcore
from mlpcore import MLP


def backward(sizes, x, dz, parameters):
    """Return the gradients of a ReLU network by the canonical sums."""
    a, kept = x, []
    for index in range(len(sizes) - 1):
        z = canonical.affine(
            a, parameters[f"layers.{index}.weight"], parameters[f"layers.{index}.bias"]
        )
        kept.append((a, z))
        a = np.where(z > 0, z, 0).astype(z.dtype)
    found = {}
    for index in reversed(range(len(sizes) - 1)):
        before, _ = kept[index]
        W = parameters[f"layers.{index}.weight"]
        found[f"layers.{index}.weight"] = canonical.product(dz, before, canonical.ROW_BLOCK)
        found[f"layers.{index}.bias"] = canonical.column_sums(dz)
        da = canonical.product(dz.T, W, canonical.BLOCK)
        dz = np.where(before > 0, da, 0).astype(dz.dtype) if index else da
    return found, dz


@each_target
@pytest.mark.parametrize("threads", [1, 3])
def test_gradients_are_the_canonical_sums(isa, dtype, threads):
    single = dtype is np.float32
    sizes, rows = ([20, 31, 18], 150) if single else ([3, 5, 2], 70)
    model = MLP(sizes, dtype=np.dtype(dtype).name, seed=0)
    values = {
        name: normal(view.shape, dtype, seed)
        for seed, (name, view) in enumerate(model.parameters().items())
    }
    model.set_parameters(values)
    x, dz = normal((rows, sizes[0]), dtype, 7), normal((rows, sizes[-1]), dtype, 8)
    expected, dx = backward(sizes, x, dz, values)
    with instruction_set(isa.name), all_work_is_shared(), mlpcore.threads(threads):
        gradients = model.backward(model.forward(x)[1], dz)
    for name, value in expected.items():
        assert same_bits(gradients[name], value), name
    assert same_bits(gradients.input, dx)


@each_target
def test_the_error_of_a_weights_gradient_is_at_most_twice_that_of_numpy(isa, dtype):
    exact = np.float64 if dtype is np.float32 else np.longdouble
    if np.finfo(exact).eps >= np.finfo(dtype).eps:
        pytest.skip("nothing here is more exact than float64")
    model = MLP([40, 30], dtype=np.dtype(dtype).name, seed=0)
    for rows in (1, 10, 64, 300, 1000, 5000):
        x, dz = normal((rows, 40), dtype, 1), normal((rows, 30), dtype, 2)
        with instruction_set(isa.name):
            ours = model.backward(model.forward(x)[1], dz).layers[0].weight
        truth = dz.T.astype(exact) @ x.astype(exact)
        assert np.abs(ours - truth).max() <= 2 * np.abs(dz.T @ x - truth).max(), rows
