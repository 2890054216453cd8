"""Arrays of every form are read as they are meant, and nothing around them is touched."""

import gc

import numpy as np
import pytest
from support.networks import ISAS, Example, instruction_set
from support.panels import same_bits

from mlpcore import MLP
from mlpcore.nn import activations

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no fused multiply-add")
each_isa = pytest.mark.parametrize("isa", ISAS)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])

ROWS = (1, 5, 16, 50)


def misaligned(x):
    """Return a copy of `x` that begins at an odd address."""
    raw = np.empty(x.nbytes + 1, np.uint8)
    copy = raw[1:].view(x.dtype).reshape(x.shape)
    copy[...] = x
    assert not copy.flags.aligned
    return copy


def read_only(x):
    """Return a copy of `x` that may not be written."""
    copy = x.copy()
    copy.flags.writeable = False
    return copy


def in_a_file(x, folder):
    """Return `x` as a memory-mapped array."""
    mapped = np.memmap(folder / "x", x.dtype, "w+", shape=x.shape)
    mapped[...] = x
    return mapped


class Own(np.ndarray):
    """A subclass with nothing of its own."""


def forms(x, folder):
    """Give `x` in every form in which an array can come."""
    holes = np.full((2 * x.shape[0], 3 * x.shape[1]), np.nan, x.dtype)
    holes[::2, ::3] = x
    margins = np.full((x.shape[0], x.shape[1] + 2), np.nan, x.dtype)
    margins[:, 1:-1] = x
    yield "with holes", holes[::2, ::3]
    yield "with margins", margins[:, 1:-1]
    yield "reversed rows", x[::-1].copy()[::-1]
    yield "reversed columns", x[:, ::-1].copy()[:, ::-1]
    yield "Fortran", np.asfortranarray(x)
    yield "misaligned", misaligned(x)
    yield "read-only", read_only(x)
    yield "the other order of bytes", x.astype(x.dtype.newbyteorder())
    yield "mapped from a file", in_a_file(x, folder)
    yield "of a subclass", x.view(Own)
    yield "a matrix", np.asmatrix(x)
    yield "a list", x.tolist()
    yield "of three axes", x.reshape(1, *x.shape)[0]


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@each_dtype
@pytest.mark.parametrize("standardize", [False, True])
def test_arrays_of_every_form_are_read_as_they_are_meant(dtype, standardize, tmp_path):
    example = Example((9, 20, 4), ("tanh",), "softmax", True, standardize, dtype, 0)
    model, t = example.model(), example.targets(50)
    for rows in ROWS:
        x = example.batch(rows)
        y, (z, cache) = model(x), model.forward(x)
        gradients = model.backward(cache, z)
        _, objective = model.value_and_grad(x, t[:rows])
        trained = example.model()
        trained.trainer(lr=0.1).step(x, t[:rows])
        for name, form in forms(x, tmp_path):
            assert same_bits(np.asarray(model(form)), y), name
            given, kept = model.forward(form)
            assert same_bits(np.asarray(given), z), name
            again = model.backward(kept, z)
            assert same_bits(again.flat, gradients.flat), name
            assert same_bits(np.asarray(again.input), gradients.input), name
            other = model.value_and_grad(form, t[:rows])[1]
            assert same_bits(other.flat, objective.flat), name
            twin = example.model()
            twin.trainer(lr=0.1).step(form, t[:rows])
            assert twin.equals(trained), name


def test_one_row_repeated_without_memory_of_its_own():
    example = Example((9, 20, 4), ("gelu",), "identity", True, False, "float32", 0)
    model, row = example.model(), example.batch(1)
    for rows in (3, 100):
        x = np.broadcast_to(row, (rows, 9))
        assert same_bits(model(x), np.repeat(model(row), rows, axis=0))
        column = np.broadcast_to(np.float32(0.5), (rows, 9))
        assert same_bits(model(column), model(np.full((rows, 9), 0.5, np.float32)))
        gradients = [model.backward(model.forward(a)[1], np.ones((rows, 4))) for a in (x, x.copy())]
        assert same_bits(gradients[0].flat, gradients[1].flat)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_gradients_and_targets_of_every_form(tmp_path):
    example = Example((6, 11, 5), ("relu",), "identity", True, False, "float32", 0)
    model, x, dz = example.model(), example.batch(40), example.gradient(40)
    _, cache = model.forward(x)
    expected = model.backward(cache, dz)
    trained = example.model()
    trained.trainer(loss="mse", optimizer="sgd", lr=0.1).step(x, dz)
    for name, form in forms(dz, tmp_path):
        assert same_bits(model.backward(cache, form).flat, expected.flat), name
        twin = example.model()
        twin.trainer(loss="mse", optimizer="sgd", lr=0.1).step(x, form)
        assert twin.equals(trained), name


@each_dtype
def test_no_rows_at_all(dtype):
    example = Example((9, 20, 4), ("tanh",), "softmax", True, True, dtype, 0)
    model, nothing = example.model(), np.empty((0, 9), dtype)
    assert model(nothing).shape == model.predict(nothing, batch_size=3).shape == (0, 4)
    z, cache = model.forward(nothing)
    gradients = model.backward(cache, z, intermediates=True)
    assert gradients.input.shape == (0, 9)
    assert not gradients.flat.any()
    assert cache.layers[0].a.shape == gradients.layers[0].dz.shape == (0, 20)
    with pytest.raises(ValueError, match="at least one row"):
        model.trainer().step(nothing, np.empty(0, int))


def test_a_million_rows():
    model = MLP([2, 3, 1], "tanh", seed=0)
    x = np.random.default_rng(0).standard_normal((1_000_000, 2), np.float32)
    y = model(x)
    for start in (0, 499_999, 999_990):
        assert same_bits(model(x[start : start + 10]), y[start : start + 10])
    t = np.zeros((1_000_000, 1), np.float32)
    loss = model.trainer(loss="mse", lr=1e-3).step(x, t)
    assert loss == pytest.approx(np.mean(np.float64(y) ** 2), rel=1e-5)


@each_dtype
@pytest.mark.parametrize("sizes", [(1, 1), (1, 1, 1), (20_000, 2), (3, 20_000, 1), (1, 65_537)])
def test_widths_of_one_and_of_many(sizes, dtype):
    activation = ("relu",) * (len(sizes) - 2)
    example = Example(sizes, activation, "identity", True, False, dtype, 2)
    model, x, dz = example.model(), example.batch(20), example.gradient(20)
    values, a = model._bound.values(), x.astype(np.float64)
    for index in range(len(sizes) - 1):
        z = a @ values[f"layers.{index}.weight"].T + values[f"layers.{index}.bias"]
        a = np.maximum(z, 0)
    y = model(x)
    scale = np.abs(z).max()
    np.testing.assert_allclose(y, z, rtol=0, atol=scale * 1e4 * np.finfo(dtype).eps)
    assert same_bits(np.concatenate([model(row[None]) for row in x]), y)
    gradients = model.backward(model.forward(x)[1], dz)
    np.testing.assert_allclose(gradients.layers[-1].bias, dz.sum(axis=0), rtol=1e-4, atol=1e-4)


@each_isa
@each_dtype
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_reaches_no_other_row(isa, dtype, bad):
    for name in activations.names():
        example = Example((5, 9, 7), (name,), "softmax", True, False, dtype, 4)
        model, x, dz = example.model(isa), example.batch(37), example.gradient(37)
        clean = model.backward(model.forward(x)[1], dz).input
        y, spoilt = model(x), x.copy()
        spoilt[[3, 20, 36], 2] = bad
        others = np.setdiff1d(np.arange(37), [3, 20, 36])
        assert same_bits(model(spoilt)[others], y[others])
        for rows in (4, 21):  # the kernels of few rows too
            found = model(spoilt[:rows])
            assert same_bits(found[others[others < rows]], y[others[others < rows]])
        gradients = model.backward(model.forward(spoilt)[1], dz)
        assert same_bits(gradients.input[others], clean[others]), name


@each_isa
@each_dtype
def test_numbers_that_are_not_finite_come_out_as_ieee_says(isa, dtype):
    model = MLP([2, 3, 3], ["relu", "identity"], dtype=dtype, seed=0)
    identity = np.eye(3, dtype=dtype)
    model.set_parameters(
        {
            "layers.0.weight": identity[:, :2],
            "layers.0.bias": np.zeros(3),
            "layers.1.weight": identity,
            "layers.1.bias": np.zeros(3),
        }
    )
    with instruction_set(isa):
        model(np.zeros((1, 2)))
    rows = np.array([[1, 2], [-1, 2], [np.nan, 2], [np.inf, 2], [-np.inf, 2]], dtype)
    nan = np.nan  # an infinity times a zero of the weight
    expected = [
        [1, 2, 0],
        [0, 2, 0],
        [nan, nan, nan],
        [nan, nan, nan],
        [nan, nan, nan],
    ]
    for x in (rows, np.repeat(rows, 7, axis=0)):
        repeated = np.repeat(expected, len(x) // 5, axis=0)
        for y in (model(x), model.forward(x)[0], model(x[:1])):
            np.testing.assert_array_equal(y, repeated[: len(y)])
    # relu alone: NaN stays, negative infinity becomes 0.
    single = MLP([1, 1], ["relu"], dtype=dtype, seed=0)
    single.set_parameters({"layers.0.weight": np.ones((1, 1)), "layers.0.bias": np.zeros(1)})
    for count in (1, 40):
        x = np.repeat(np.array([[nan], [np.inf], [-np.inf], [-1]], dtype), count, axis=0)
        y = np.repeat([[nan], [np.inf], [0.0], [0.0]], count, axis=0)
        np.testing.assert_array_equal(single(x), y)
        np.testing.assert_array_equal(single.forward(x)[0], y)


@each_isa
def test_lanes_without_a_row_spoil_no_sum(isa):
    """An infinite weight times the zeros that fill a panel is NaN, but of no row."""
    model = MLP([1, 2, 2], "relu", seed=0)
    model.set_parameters(
        {
            "layers.0.weight": [[np.inf], [1.0]],
            "layers.0.bias": [0.0, 0.0],
            "layers.1.weight": [[1.0, 1.0], [np.inf, 1.0]],
            "layers.1.bias": [0.0, 0.0],
        }
    )
    x = np.full((5, 1), 2, np.float32)
    dz = np.ones((5, 2), np.float32)
    with instruction_set(isa):
        gradients = model.backward(model.forward(x)[1], dz)
    np.testing.assert_array_equal(gradients["layers.1.bias"], [5, 5])
    np.testing.assert_array_equal(gradients["layers.0.bias"], [np.inf, 10])
    np.testing.assert_array_equal(gradients["layers.0.weight"], [[np.inf], [20]])


def test_no_prediction_or_step_raises_a_floating_point_warning():
    example = Example((4, 6, 3), ("elu",), "softmax", True, True, "float32", 0)
    model, x = example.model(), example.batch(30)
    x[0], x[1], x[2] = np.nan, np.inf, 1e30
    with np.errstate(all="raise"):
        model(x)
        model.backward(model.forward(x)[1], np.full((30, 3), np.inf))
        model.trainer().step(x, np.zeros(30, int))


@each_dtype
def test_inputs_are_left_as_they_are(dtype):
    example = Example((9, 20, 4), ("elu",), "softmax", True, True, dtype, 0)
    model = example.model()
    before = model._bound.values()
    for rows in (1, 16, 70):
        x, dz = example.batch(rows), example.gradient(rows)
        given = [read_only(x), read_only(dz)]
        model(given[0])
        z, cache = model.forward(given[0])
        kept = z.copy()
        model.backward(cache, given[1], intermediates=True)
        model.value_and_grad(given[0], example.targets(rows))
        assert same_bits(given[0], x)
        assert same_bits(given[1], dz)
        assert same_bits(z, kept)
    for name, value in model._bound.values().items():
        assert same_bits(value, before[name]), name


def write_through(how, model):
    """Multiply the first weight by two, by one of the ways a user has."""
    views = model.parameters()
    name = "layers.0.weight"
    if how == "view":
        views[name][...] *= 2
    elif how == "item":
        views[name] = 2 * views[name]
    elif how == "view of a view":
        part = views[name].T[::-1].reshape(-1, order="F")[:]
        del views
        part *= 2  # a copy, maybe: so the rest too
        if not np.shares_memory(part, model._bound.parameters.flat):
            model.parameters()[name].T[::-1][...] *= 2
    elif how == "memoryview":
        raw = memoryview(views[name])
        del views
        gc.collect()
        np.asarray(raw)[...] *= 2
    elif how == "dlpack":
        taken = np.from_dlpack(views[name])
        del views
        gc.collect()
        taken[...] *= 2
    elif how == "set_parameters":
        model.set_parameters({key: (1 + (key == name)) * view for key, view in views.items()})


@pytest.mark.parametrize(
    "how", ["view", "item", "view of a view", "memoryview", "dlpack", "set_parameters"]
)
def test_the_next_call_sees_a_changed_parameter(how):
    example = Example((7, 12, 3), ("tanh",), "identity", True, False, "float32", 0)
    x, t = example.batch(30), example.targets(30)
    model = example.model()
    trainer = model.trainer(loss="mse", optimizer="sgd", lr=0.1)
    trainer.step(x, t)
    for rows in (1, 30):
        model(x[:rows])
    write_through(how, model)
    twin = example.model()
    twin.trainer(loss="mse", optimizer="sgd", lr=0.1).step(x, t)
    values = twin._bound.values()
    values["layers.0.weight"] *= 2
    fresh = example.model()
    fresh.set_parameters(values)
    for rows in (1, 30):
        assert same_bits(model(x[:rows]), fresh(x[:rows]))
    assert same_bits(model.forward(x)[0], fresh.forward(x)[0])
    trainer.step(x, t)
    fresh.trainer(loss="mse", optimizer="sgd", lr=0.1).step(x, t)
    assert model.equals(fresh)


def test_each_write_through_a_view_that_lives_on_is_seen():
    model = MLP([3, 4, 2], seed=0)
    x = np.ones((1, 3), np.float32)
    many, bias = np.ones((40, 3), np.float32), model.parameters()["layers.1.bias"][1:]
    weight = model.parameters()["layers.1.weight"]
    weight[...] = 0
    for value in (1, 2, 3):
        bias[0] = value
        assert model(x)[0, 1] == model(many)[7, 1] == model.forward(many)[0][0, 1] == value
    weight[1] = 1e6
    assert model(x)[0, 1] != 3
    del weight, bias
    gc.collect()
    assert same_bits(model(many)[:1], model(x))


def test_a_view_outlives_its_model():
    view = MLP([3, 4, 2], seed=0).parameters()["layers.0.weight"]
    gc.collect()
    view += 1
    assert np.isfinite(view).all()
