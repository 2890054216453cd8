"""Promise 1 for networks that the engine does not claim: bits depend on the row alone."""

import gc
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlpcore
from mlpcore import MLP
from mlpcore.backends.base import Run
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.products import affine_layer

pytestmark = pytest.mark.skipif(
    compiled("float32", "few", "team") is None, reason="there are no compiled kernels"
)

CUBE = (lambda z: z + z**3 / 8, lambda z: 1 + 3 * z**2 / 8)


def network(widths, dtype="float32", bias=True):
    return MLP(widths, activation=CUBE, bias=bias, dtype=dtype, seed=0, device="cpu")


def gradients(model, x, dz):
    _, cache = model.forward(x)
    return model.backward(cache, dz)


shapes = st.lists(st.integers(1, 90), min_size=2, max_size=4) | st.just([600, 33, 7])


@settings(deadline=None, max_examples=25)
@given(
    widths=shapes,
    rows=st.integers(1, 150),
    dtype=st.sampled_from(["float32", "float64"]),
    bias=st.booleans(),
    data=st.data(),
)
def test_bits_of_a_row_do_not_depend_on_its_batch(widths, rows, dtype, bias, data):
    model = network(widths, dtype, bias)
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, widths[0])).astype(dtype)
    dz = rng.normal(size=(rows, widths[-1])).astype(dtype)
    whole, dx = model(x), gradients(model, x, dz).input
    start = data.draw(st.integers(0, rows - 1))
    part = slice(start, data.draw(st.integers(start + 1, rows)))
    assert np.array_equal(model(x[part]), whole[part])
    assert np.array_equal(model.forward(x[part])[0], whole[part])
    assert np.array_equal(gradients(model, x[part], dz[part]).input, dx[part])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 9, 64, 300])
def test_bits_do_not_depend_on_the_number_of_threads(rows, dtype):
    model = network([600, 400, 90, 10], dtype)
    rng = np.random.default_rng(1)
    x, dz = rng.normal(size=(rows, 600)).astype(dtype), rng.normal(size=(rows, 10)).astype(dtype)
    with mlpcore.threads(1):
        y, alone = model(x), gradients(model, x, dz)
    with mlpcore.threads(3):
        assert np.array_equal(model(x), y)
        together = gradients(model, x, dz)
    assert np.array_equal(together.flat, alone.flat)
    assert np.array_equal(together.input, alone.input)


def test_weight_gradients_sum_blocks_of_64_rows():
    """The gradient of two whole blocks is the sum of those of each."""
    model = network([50, 20, 3], "float32")
    rng = np.random.default_rng(2)
    x, dz = rng.normal(size=(128, 50)).astype("f"), rng.normal(size=(128, 3)).astype("f")
    first, second = (gradients(model, x[part], dz[part]) for part in (slice(64), slice(64, None)))
    assert np.array_equal(gradients(model, x, dz).flat, first.flat + second.flat)


def test_a_product_sums_blocks_of_256_features_and_adds_the_bias_last():
    model = network([300, 4], "float64")
    W, b = (model.parameters()[f"layers.0.{name}"].copy() for name in ("weight", "bias"))
    W[...] = np.random.default_rng(3).normal(size=W.shape)
    b[...] = 0.1
    x = np.random.default_rng(4).normal(size=(5, 300))
    model.parameters()["layers.0.weight"] = W
    model.parameters()["layers.0.bias"] = b

    def alone(part):
        half = MLP([len(W[0][part]), 4], bias=False, dtype="float64", seed=0, device="cpu")
        half.parameters()["layers.0.weight"] = W[:, part]
        return affine(half, np.ascontiguousarray(x[:, part]))

    assert np.array_equal(affine(model, x), (alone(slice(256)) + alone(slice(256, None))) + b)


def run_of(model, records=None, gradient=None):
    bound = model._bound
    flat = bound.gradient() if gradient is None else gradient
    return Run(
        bound.parameters,
        bound.state.views,
        bound.state,
        records=records,
        gradients=bound.parameters.layout.views(flat),
        settings=bound.settings,
    )


def layer_of(run):
    bias = "layers.0.bias" if "layers.0.bias" in run.parameters.views else None
    return affine_layer(run, "layers.0.weight", bias)


def affine(model, x):
    run = run_of(model)
    return layer_of(run).forward(run, x)


@pytest.mark.parametrize("records", [None, []], ids=["prediction", "record"])
@pytest.mark.parametrize("rows", [0, 1, 5, 70])
def test_the_products_are_those_of_the_formulas(rows, records):
    model = network([37, 11], "float64")
    flat = model._bound.gradient()
    flat += np.nan  # all of it is written
    run = run_of(model, records, flat)
    W, b = (run.parameters.views[f"layers.0.{name}"] for name in ("weight", "bias"))
    rng = np.random.default_rng(5)
    x, dz = rng.normal(size=(rows, 37)), rng.normal(size=(rows, 11))
    layer = layer_of(run)
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(layer.forward(run, x), x @ W.T + b, **close)
    np.testing.assert_allclose(layer.backward(run, x, dz, need_dx=True), dz @ W, **close)
    np.testing.assert_allclose(run.gradients["layers.0.weight"], dz.T @ x, **close)
    np.testing.assert_allclose(run.gradients["layers.0.bias"], dz.sum(axis=0), **close)
    assert layer.backward(run, x, dz, need_dx=False) is None


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "every second column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "rows backwards": lambda x: x[::-1].copy()[::-1],
    "read only": lambda x: np.broadcast_to(x, x.shape),
    "another dtype": lambda x: x.astype("float64"),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_arrays_are_read_however_they_lie(layout):
    model = network([37, 11])
    rng = np.random.default_rng(6)
    x, dz = rng.normal(size=(20, 37)).astype("f"), rng.normal(size=(20, 11)).astype("f")
    run = run_of(model, [])
    layer = layer_of(run)
    assert np.array_equal(layer.forward(run, layout(x)), layer.forward(run, x))
    dx = layer.backward(run, x, dz, need_dx=True)
    dW = run.gradients["layers.0.weight"].copy()
    assert np.array_equal(layer.backward(run, layout(x), layout(dz), need_dx=True), dx)
    assert np.array_equal(run.gradients["layers.0.weight"], dW)


def test_what_does_not_fit_is_refused_before_memory_is_read():
    run = run_of(network([37, 11]))
    layer, x, dz = layer_of(run), np.zeros((4, 37), "f"), np.zeros((4, 11), "f")
    with pytest.raises(ValueError, match=r"shape \(4, 36\); expected \(rows, 37\)"):
        layer.forward(run, x[:, 1:])
    with pytest.raises(ValueError, match=r"dz .* shape \(4, 10\); expected \(rows, 11\)"):
        layer.backward(run, x, dz[:, 1:], need_dx=True)
    with pytest.raises(ValueError, match="3 rows for an input of 4"):
        layer.backward(run, x, dz[1:], need_dx=True)
    with pytest.raises(ValueError, match="expected"):
        layer.forward(run, x[0])


def test_a_parameter_that_was_written_is_seen_by_the_next_call():
    model = network([8, 6, 4])
    x = np.random.default_rng(7).normal(size=(3, 8)).astype("f")
    before = model(x), model.forward(x)[0]
    view = model.parameters()["layers.0.weight"]
    view[...] *= 2
    after = model(x)
    assert not np.array_equal(after, before[0])
    assert np.array_equal(after, model.forward(x)[0])
    view[...] *= 0.5
    assert np.array_equal(model(x), before[0])


def test_no_array_of_a_pass_is_kept_after_it():
    model = network([37, 11])
    run = run_of(model, [])
    layer = layer_of(run)
    x, dz = np.ones((20, 37), "f"), np.ones((20, 11), "f")
    arrays = [x, dz, layer.forward(run, x), layer.backward(run, x, dz, need_dx=True)]
    kept = [weakref.ref(array) for array in arrays]
    del x, dz, arrays
    gc.collect()
    assert [reference() for reference in kept] == [None] * 4


def test_threads_of_python_differentiate_one_model_at_once():
    model = network([60, 50, 10])
    rng = np.random.default_rng(8)
    batches = [
        (rng.normal(size=(rows, 60)).astype("f"), rng.normal(size=(rows, 10)).astype("f"))
        for rows in (1, 20, 20, 70)
    ]
    expected = [gradients(model, *batch).flat for batch in batches]
    wrong = []

    def work(batch, flat):
        found = [gradients(model, *batch).flat for _ in range(30)]
        wrong.extend(other for other in found if not np.array_equal(other, flat))

    workers = [
        threading.Thread(target=work, args=pair) for pair in zip(batches, expected, strict=True)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_all_passes_of_a_model_share_the_packed_weights():
    model, other = network([8, 6, 4]), network([8, 6, 4])
    assert layer_of(run_of(model)) is layer_of(run_of(model, []))
    assert layer_of(run_of(model)) is not layer_of(run_of(other))


def test_a_model_takes_its_packed_weights_with_it():
    gc.collect()
    gc.disable()
    try:
        model = network([8, 6, 4])
        gradients(model, np.ones((3, 8), "f"), np.ones((3, 4), "f"))
        gone = [weakref.ref(model), weakref.ref(model._bound.parameters)]
        del model
        assert [reference() for reference in gone] == [None, None]
    finally:
        gc.enable()
