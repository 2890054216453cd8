"""The kernel that a table names computes, whatever the batch, and a refusal has a way out."""

from collections import Counter
from itertools import pairwise

import cupy
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import canonical

from mlpcore.backends.cuda.backend import CUDABackend
from mlpcore.backends.cuda.choices import Choice, Choices
from mlpcore.backends.cuda.gpu_model import model_of
from mlpcore.backends.cuda.json_field import TableError
from mlpcore.backends.cuda.table import Entry, Table
from mlpcore.backends.cuda.table_file import VARIABLE, row, updated
from mlpcore.backends.registry import backend
from mlpcore.device import Device
from mlpcore.kernels.cuda.cublaslt import Epilogue, forget_plans
from mlpcore.model import MLP

NARROW, TILED, LONG = [5, 8, 3], [5, 136], [136, 140, 3]


def model(sizes=NARROW):
    return MLP(sizes, "relu", device="cuda", seed=0)


def batch(rows, features=NARROW[0]):
    rng = np.random.default_rng(1)
    return cupy.asarray(rng.standard_normal((rows, features), dtype=np.float32))


@pytest.fixture
def table(monkeypatch):
    """Return a function that sets what computes every layer of a few features."""

    def table(*sizes, forward, input_gradient="cublaslt", weight_gradient="cublaslt"):
        chosen = Choices(Choice(forward), Choice(input_gradient), Choice(weight_gradient))
        arithmetic = backend(Device("cuda", 0))._arithmetic
        entries = [Entry("float32", k, n, chosen) for k, n in sizes]
        monkeypatch.setattr(arithmetic, "table", Table(entries))

    return table


def layers(sizes):
    return list(pairwise(sizes))


def expected(model, x):
    """The canonical sums of a network with ReLU."""
    parameters, a = model.parameters(), x.get()
    for i in range(len(parameters) // 2):
        W, b = (parameters[f"layers.{i}.{name}"].get() for name in ("weight", "bias"))
        z = canonical.affine(a, W, b)
        a = np.maximum(z, 0)
    return z


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        (NARROW, {"mlpcore_narrow_float32": 1}),
        (TILED, {"mlpcore_tiled_affine_identity_float32": 1}),
        (
            [5, 136, 3],
            {"mlpcore_tiled_affine_relu_float32": 1, "cublasLtMatmul": 1},
        ),
    ],
)
@given(rows=st.integers(1, 200))
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture
    ],  # its counters are set to zero here
)
def test_what_computes_does_not_depend_on_the_batch(double, sizes, names, rows):
    network, x = model(sizes), batch(rows, sizes[0])
    double.reset_counters()
    network(x)
    found = Counter(double.counters.launches)
    found["cublasLtMatmul"] += double.counters.library_calls["cublasLtMatmul"]
    assert +found == names


@pytest.mark.parametrize("forward", ["narrow", "tiled"])
@pytest.mark.parametrize("recorded", [False, True])
def test_narrow_and_tiled_give_canonical_sums(table, forward, recorded):
    table(*layers(NARROW), forward=forward)
    network, x = model(), batch(9)
    z = network.forward(x)[0] if recorded else network(x)
    np.testing.assert_array_equal(z.get(), expected(network, x))


# As many rows as it takes, on the double, for tiles of both sizes.
@pytest.mark.parametrize(
    ("sizes", "forward", "rows"), [(NARROW, "narrow", 200), (TILED, "tiled", 80)]
)
@given(data=st.data())
@settings(max_examples=6, deadline=None)
def test_a_row_has_the_same_bits_in_every_batch(sizes, forward, rows, data):
    start = data.draw(st.integers(0, rows - 1))
    part = slice(start, data.draw(st.integers(start + 1, rows)))
    network, x = model(sizes), batch(rows, sizes[0])
    known = network._bound.backend._arithmetic.table.choices("float32", *sizes[:2]).forward
    assert known == forward
    whole = network(x).get()[part]
    np.testing.assert_array_equal(network(x[part]).get(), whole)
    np.testing.assert_array_equal(network.forward(x[part])[0].get(), whole)


def test_the_gradient_of_the_input_has_the_same_bits_in_every_batch_where_tiled(table):
    table(*layers(NARROW), forward="tiled", input_gradient="tiled")
    network, x, part = model(), batch(140), slice(60, 131)
    dz = batch(140, NARROW[-1])
    whole = network.backward(network.forward(x)[1], dz).input
    some = network.backward(network.forward(x[part])[1], dz[part]).input
    np.testing.assert_array_equal(some.get(), whole.get()[part])


@pytest.mark.parametrize("choice", ["tiled", "cupy"])
def test_every_choice_gives_the_gradients_of_the_default(table, choice):
    x, dz = batch(9, LONG[0]), batch(9, LONG[-1])

    def gradients():
        network = model(LONG)
        z, cache = network.forward(x)
        grads = network.backward(cache, dz)
        return z.get(), grads.flat.get(), grads.input.get()

    usual = gradients()
    table(*layers(LONG), forward=choice, input_gradient=choice, weight_gradient=choice)
    # Sums of up to 140 terms near 1, and of their results.
    close = {"rtol": 0, "atol": 3e4 * float(np.finfo(np.float32).eps)}
    for found, known in zip(gradients(), usual, strict=True):
        assert np.abs(known).max() > 0.1
        np.testing.assert_allclose(found, known, **close)


def test_what_is_looked_at_is_recorded_by_the_tiled_kernel_too(table):
    table(*layers(NARROW), forward="tiled")
    network, x = model(), batch(9)
    z, cache = network.forward(x)
    first, last = cache.layers
    np.testing.assert_array_equal(first.a.get(), np.maximum(first.z.get(), 0))
    np.testing.assert_array_equal(last.z.get(), z.get())
    assert (first.z.shape, last.z.shape) == ((9, 8), (9, 3))


@pytest.fixture
def refusing(double):
    """Let cuBLASLt refuse every product of the engine."""
    forget_plans()
    with double.cublaslt.refusing(Epilogue.BIAS), double.cublaslt.refusing(Epilogue.NONE):
        yield
    forget_plans()


def test_what_cublaslt_refuses_is_computed_by_the_tiled_kernel(refusing, double):
    network, x = model(LONG), batch(9, LONG[0])
    z, cache = network.forward(x)
    np.testing.assert_array_equal(z.get(), expected(network, x))
    grads = network.backward(cache, z)
    assert "cublasLtMatmul" not in double.counters.library_calls
    dW = canonical.product(z.get(), cache.layers[0].a.get(), canonical.ROW_BLOCK)
    np.testing.assert_array_equal(grads.layers[1].weight.get(), dW)


def test_a_table_of_the_user_is_used_or_refused(tmp_path, monkeypatch):
    here, path = Device("cuda", 0), tmp_path / "table.json"
    entry = Entry("float32", 4, 4, Choices(Choice.TILED, Choice.TILED, Choice.TILED))
    path.write_text(updated(path, model_of(cupy, here), {}, [row(entry)]))
    monkeypatch.setenv(VARIABLE, str(path))
    assert CUDABackend(here)._arithmetic.table.entries == (entry,)
    path.write_text("{")
    with pytest.raises(TableError, match="line 1, column 2: not JSON"):
        CUDABackend(here)
