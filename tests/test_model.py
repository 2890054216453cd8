"""MLP: what it accepts, in which shape and kind results come, and what it refuses."""

import copy
import pickle
import threading

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlpcore
from mlpcore import MLP
from mlpcore.network import Dense, Network

FLOATS = [np.float16, np.float32, np.float64]
INTEGERS = [np.int8, np.uint8, np.int32, np.int64, np.bool_]


def model(**changes):
    return MLP(**({"sizes": [4, 6, 3], "output": "softmax", "seed": 0} | changes))


# Shapes.


@given(st.lists(st.integers(0, 4), max_size=3).map(tuple))
def test_any_leading_shape_is_a_batch_of_rows(lead):
    net = model(dtype="float64")
    x = np.random.default_rng(0).normal(size=(*lead, 4))
    z, cache = net.forward(x)
    assert z.shape == (*lead, 3)
    assert cache.x.shape == x.shape
    assert cache.layers[0].a.shape == (*lead, 6)
    grads = net.backward(cache, z, intermediates=True)
    assert grads.input.shape == x.shape
    assert grads.layers[0].dz.shape == (*lead, 6)
    np.testing.assert_allclose(net(x).reshape(-1, 3), net(x.reshape(-1, 4)), rtol=1e-12)


def test_a_batch_is_its_samples_one_by_one():
    net = model(dtype="float64")
    x = np.random.default_rng(1).normal(size=(17, 4))
    one_by_one = np.stack([net(row) for row in x])
    np.testing.assert_allclose(net(x), one_by_one, rtol=1e-12)
    _, cache = net.forward(x)
    dz = np.random.default_rng(2).normal(size=(17, 3))
    whole = net.backward(cache, dz)
    parts = [net.backward(net.forward(row)[1], d) for row, d in zip(x, dz, strict=True)]
    np.testing.assert_allclose(whole.flat, sum(part.flat for part in parts), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(whole.input, np.stack([part.input for part in parts]), rtol=1e-12)


@pytest.mark.parametrize("rows", [0, 1, 1023, 1024, 1025, 5000])
def test_long_batches_are_predicted_in_chunks_that_nobody_sees(rows):
    net = model(dtype="float64")
    x = np.random.default_rng(3).normal(size=(rows, 4))
    expected, _ = net.forward(x)
    np.testing.assert_allclose(net.forward(x, cache=False), expected, rtol=1e-12)


def test_prediction_in_batches_is_prediction_at_once():
    net = model(dtype="float64")
    x = np.random.default_rng(4).normal(size=(23, 4))
    np.testing.assert_allclose(net.predict(x, batch_size=5), net(x), rtol=1e-12)
    np.testing.assert_allclose(net.predict(x, batch_size=100), net(x), rtol=1e-12)
    np.testing.assert_allclose(net.predict(x.tolist(), batch_size=5), net(x), rtol=1e-12)
    deep = x[:20].reshape(5, 4, 4)
    np.testing.assert_allclose(net.predict(deep, batch_size=2), net(deep), rtol=1e-12)
    assert net.predict(x[0], batch_size=2).shape == (3,)
    strict = array_api_strict.asarray(x)
    assert type(net.predict(strict, batch_size=5)) is type(strict)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        net.predict(x, batch_size=0)


@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (4, 3), (2, 4, 5)])
def test_a_wrong_width_is_refused_with_both_shapes(shape):
    with pytest.raises(ValueError, match=r"x must have the shape \(\.\.\., 4\)"):
        model()(np.zeros(shape))


# Kinds and dtypes.


@pytest.mark.parametrize("given_dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_real_input_is_converted_to_the_models_dtype(given_dtype, dtype):
    net = model(dtype=dtype)
    x = np.array([[0, 1, 1, 0], [1, 0, 0, 1]]).astype(given_dtype)
    found = net(x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, net(x.astype(dtype)))


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((2, 4), dtype=complex),
        np.zeros((2, 4), dtype=object),
        np.full((2, 4), "a"),
        np.zeros((2, 4), dtype="datetime64[s]"),
        [["a", "b", "c", "d"]],
    ],
    ids=["complex", "object", "string", "date", "list of strings"],
)
def test_anything_but_real_numbers_is_refused(x):
    with pytest.raises(TypeError, match="expected real numbers, got an array of dtype"):
        model()(x)


def test_lists_and_arrays_of_any_layout_give_the_same():
    net = model(dtype="float64")
    x = np.random.default_rng(5).normal(size=(6, 4))
    expected = net(x)
    wide = np.zeros((6, 8))
    wide[:, ::2] = x
    raw = bytearray(x.nbytes + 1)
    misaligned = np.frombuffer(raw, dtype=np.uint8)[1:].view(np.float64).reshape(6, 4)
    misaligned[...] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    backwards = x[::-1].copy()[::-1]
    swapped = x.astype(x.dtype.newbyteorder())
    for other in (x.tolist(), np.asfortranarray(x), wide[:, ::2], misaligned, frozen, backwards):
        np.testing.assert_array_equal(net(other), expected)
    np.testing.assert_array_equal(net(swapped), expected)


def test_a_single_number_is_not_a_sample():
    with pytest.raises(ValueError, match="x must have the shape"):
        MLP([1, 1], seed=0)(3.0)


class Frame:
    """A table that NumPy can read and that indexes by column, as data frames do."""

    def __init__(self, data):
        self.data = data
        self.shape = data.shape

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.data, dtype=dtype)

    def __getitem__(self, column):
        raise KeyError(column)


def test_a_data_frame_is_an_array():
    net = model(dtype="float64")
    x, t = np.random.default_rng(0).normal(size=(9, 4)), np.array([0, 1, 2] * 3)
    np.testing.assert_array_equal(net(Frame(x)), net(x))
    np.testing.assert_allclose(net.predict(Frame(x), batch_size=4), net(x), rtol=1e-12)
    assert len(net.fit(Frame(x), Frame(t), epochs=1)) == 1
    assert net.evaluate(Frame(x), Frame(t)) == net.evaluate(x, t)


def test_the_input_is_never_written():
    net = MLP([4, 4], activation=["relu"], seed=0)
    x = np.random.default_rng(6).normal(size=(5, 4)).astype(np.float32)
    kept = x.copy()
    out = net(x)
    out += 1
    net.fit(x, np.zeros((5, 4)), epochs=1)
    np.testing.assert_array_equal(x, kept)


def test_another_dlpack_producer_gets_its_own_kind_back():
    net = model()
    x = array_api_strict.asarray(np.random.default_rng(7).normal(size=(3, 4)).astype(np.float32))
    z, cache = net.forward(x)
    grads = net.backward(cache, z)
    value, _ = net.value_and_grad(x, array_api_strict.zeros((3,), dtype=array_api_strict.int64))
    for array in (value, net(x), z, cache.x, cache.layers[0].a, grads.flat, grads.input):
        assert type(array) is type(x)
    np.testing.assert_array_equal(np.from_dlpack(net(x)), net(np.from_dlpack(x)))


def test_mixed_kinds_are_a_type_error_that_names_both():
    net = model()
    x = np.zeros((3, 4), dtype=np.float32)
    other = array_api_strict.zeros((3,), dtype=array_api_strict.int64)
    words = r"x is a numpy \(host\) array but t is a array_api_strict \(host\) array"
    with pytest.raises(TypeError, match=words):
        net.value_and_grad(x, other)
    with pytest.raises(TypeError, match=words):
        net.fit(x, other)
    with pytest.raises(TypeError, match=words):
        net.trainer().step(x, other)
    _, cache = net.forward(x)
    with pytest.raises(TypeError, match=r"x was a numpy .* but dz is a array_api_strict"):
        net.backward(cache, array_api_strict.zeros((3, 3)))


def test_nan_and_infinity_pass_through_without_a_warning():
    net = MLP([2, 2], activation=["relu"], seed=0, dtype="float64")
    net.set_parameters({"layers.0.weight": np.eye(2), "layers.0.bias": np.zeros(2)})
    with np.errstate(all="raise"):
        found = net(np.array([[np.nan, 1.0], [np.inf, 1.0], [-np.inf, 1.0]]))
    assert np.isnan(found[0, 0])
    assert np.isnan(found[1, 1])  # inf * 0
    extreme = MLP([1, 1], output="sigmoid", seed=0)
    extreme.set_parameters({"layers.0.weight": [[1.0]], "layers.0.bias": [0.0]})
    top = np.finfo(np.float32).max
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(extreme([[top], [-top]]), [[1], [0]])


# Construction.


def test_the_default_device_is_the_one_that_is_set():
    with mlpcore.use_device("cpu"):
        assert str(model().device) == "cpu"


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex64", "str", np.int64, None])
def test_a_model_is_float32_or_float64(dtype):
    with pytest.raises(TypeError, match="dtype must be float32 or float64"):
        model(dtype=dtype)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"activation": "rleu"}, ValueError, "rleu.*relu"),
        ({"activation": ["relu", "relu", "relu"]}, ValueError, "2 layers take 1 activations"),
        ({"output": "tanh"}, ValueError, "'tanh' is none of identity"),
        ({"initializer": "hee"}, ValueError, "he_normal"),
        ({"sizes": [4]}, ValueError, "at least one layer"),
        ({"sizes": 5}, TypeError, "sizes must be"),
        ({"sizes": None}, TypeError, "sizes must be"),
        ({"activation": ()}, ValueError, "2 layers take 1 activations"),
        ({"activation": None}, TypeError, "an activation is a name"),
        ({"bias": "no"}, TypeError, "bias"),
        ({"initializer": 3}, TypeError, "initializer"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"seed": 0.5}, TypeError, "seed must be a whole number"),
    ],
)
def test_what_makes_no_model_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        model(**changes)


def test_a_model_of_one_layer_is_an_affine_map():
    net = MLP([3, 2], dtype="float64", seed=0)
    W, b = net.parameters()["layers.0.weight"], net.parameters()["layers.0.bias"]
    b[...] = [1, -1]
    x = np.random.default_rng(8).normal(size=(5, 3))
    np.testing.assert_allclose(net(x), x @ W.T + b, rtol=1e-12)


def test_without_activations_a_network_collapses_to_one_affine_map():
    net = MLP([3, 7, 5, 2], activation="identity", dtype="float64", seed=0)
    for view in net.parameters().values():
        view[...] = np.random.default_rng(9).normal(size=view.shape)
    p = net.parameters()
    W = p["layers.2.weight"] @ p["layers.1.weight"] @ p["layers.0.weight"]
    b = p["layers.2.weight"] @ (p["layers.1.weight"] @ p["layers.0.bias"] + p["layers.1.bias"])
    b = b + p["layers.2.bias"]
    x = np.random.default_rng(10).normal(size=(11, 3))
    np.testing.assert_allclose(net(x), x @ W.T + b, rtol=1e-10, atol=1e-10)


def test_activations_may_differ_by_layer_and_be_a_users_own():
    cube = (lambda z: z**3, lambda z: 3 * z**2)
    net = MLP([3, 4, 4, 2], activation=["tanh", cube], dtype="float64", seed=0)
    p = net.parameters()
    x = np.random.default_rng(11).normal(size=(6, 3))
    a = np.tanh(x @ p["layers.0.weight"].T + p["layers.0.bias"])
    a = (a @ p["layers.1.weight"].T + p["layers.1.bias"]) ** 3
    np.testing.assert_allclose(net(x), a @ p["layers.2.weight"].T, rtol=1e-10, atol=1e-12)


def test_a_model_without_bias_maps_zero_to_zero():
    net = MLP([3, 4, 2], bias=False, seed=0)
    assert net.num_parameters == 3 * 4 + 4 * 2
    assert not net(np.zeros((2, 3))).any()
    _, cache = net.forward(np.ones((2, 3)))
    assert net.backward(cache, np.ones((2, 2))).layers[0].bias is None


def test_the_same_seed_gives_the_same_model_and_another_seed_another():
    assert model(seed=1).equals(model(seed=1))
    assert not model(seed=1).equals(model(seed=2))
    assert not model(seed=None).equals(model(seed=None))


def test_a_layer_starts_alike_whatever_comes_after_it():
    first = MLP([4, 6, 3], seed=0).parameters()["layers.0.weight"]
    second = MLP([4, 6, 9, 2], seed=0).parameters()["layers.0.weight"]
    np.testing.assert_array_equal(first, second)


def test_a_model_is_made_of_any_network():
    net = MLP.from_network(Network((Dense(3, 2, bias=False),)), seed=0)
    assert net.num_parameters == 6


# Backward.


def test_a_cache_belongs_to_its_model_and_to_its_parameters():
    net, other = model(), model()
    x = np.ones((2, 4), dtype=np.float32)
    z, cache = net.forward(x)
    with pytest.raises(ValueError, match="made by another model"):
        other.backward(cache, z)
    with pytest.raises(TypeError, match="needs the cache that forward returned, got tuple"):
        net.backward((z, cache), z)
    net.trainer().step(x, [0, 1])
    with pytest.raises(ValueError, match="parameters have changed since"):
        net.backward(cache, z)


def test_looking_at_the_parameters_does_not_spoil_a_cache():
    net = model()
    z, cache = net.forward(np.ones((2, 4)))
    assert net.parameters()["layers.0.weight"].shape == (6, 4)
    net.backward(cache, z)


def test_dz_has_the_shape_of_the_logits():
    net = model()
    _, cache = net.forward(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"shape of the logits, \(2, 3\); got \(3, 2\)"):
        net.backward(cache, np.ones((3, 2)))


def test_a_cache_can_be_used_twice():
    net = model(dtype="float64")
    z, cache = net.forward(np.random.default_rng(12).normal(size=(5, 4)))
    first, second = net.backward(cache, z), net.backward(cache, 2 * z)
    np.testing.assert_allclose(2 * first.flat, second.flat, rtol=1e-12)


def test_gradients_are_a_mapping_in_the_layout_of_the_parameters():
    net = model()
    _, grads = net.value_and_grad(np.ones((2, 4)), [0, 1])
    assert list(grads) == list(net.parameters())
    assert len(grads) == 4
    for name, view in net.parameters().items():
        assert grads[name].shape == view.shape
        assert np.shares_memory(grads[name], grads.flat)
    assert grads.input is None
    assert grads.layers[0].dz is None
    assert "layers.0.weight: (6, 4)" in repr(grads)


def test_the_published_shape_fact():
    """The gradient of a scalar by an n x m matrix is n x m (Petersen and Pedersen, 2012)."""
    for n, m in [(1, 1), (3, 5), (5, 3)]:
        _, grads = MLP([m, n], seed=0).value_and_grad(np.ones((2, m)), np.zeros((2, n)))
        assert grads.layers[0].weight.shape == (n, m)


# Objective.


def test_the_objective_is_data_loss_plus_penalty_on_weights_alone():
    net = model(dtype="float64")
    for view in net.parameters().values():
        view[...] = np.random.default_rng(13).normal(size=view.shape)
    x, t = np.random.default_rng(14).normal(size=(5, 4)), np.array([0, 1, 2, 0, 1])
    plain, plain_grads = net.value_and_grad(x, t)
    J, grads = net.value_and_grad(x, t, l2=0.3)
    weights = [v for name, v in net.parameters().items() if name.endswith("weight")]
    s = 0.15 * sum(float((W**2).sum()) for W in weights)
    assert float(grads.loss) == pytest.approx(float(plain))
    assert float(grads.penalty) == pytest.approx(s)
    assert float(J) == float(grads.objective) == pytest.approx(float(plain) + s)
    for layer, W in enumerate(weights):
        expected = plain_grads.layers[layer].weight + 0.3 * W
        np.testing.assert_allclose(grads.layers[layer].weight, expected, rtol=1e-10)
        np.testing.assert_array_equal(grads.layers[layer].bias, plain_grads.layers[layer].bias)
    assert float(plain_grads.penalty) == 0


def test_a_loss_that_does_not_belong_to_the_output_is_refused():
    with pytest.raises(ValueError, match="output"):
        model(output="softmax").trainer("mse")
    with pytest.raises(ValueError, match="unknown loss"):
        model().value_and_grad(np.ones((1, 4)), [0], loss="entropy")


@pytest.mark.parametrize("t", [[0, 3], [-1, 0], [0], [0.5, 1.0], [[0, 1]]])
def test_targets_that_do_not_fit_are_refused_before_any_work(t):
    net = model()
    before = net.copy()
    with pytest.raises((ValueError, TypeError)):
        net.trainer().step(np.ones((2, 4)), np.array(t))
    assert net.equals(before)


# Parameters.


def test_parameters_are_counted_without_holes():
    net = model()
    assert net.num_parameters == 4 * 6 + 6 + 6 * 3 + 3
    assert sum(view.size for view in net.parameters().values()) == net.num_parameters


def test_all_parameters_are_views_of_one_buffer_at_64_byte_boundaries():
    for dtype in ("float32", "float64"):
        views = list(model(dtype=dtype).parameters().values())
        assert all(view.ctypes.data % 64 == 0 for view in views)
        assert views[-1].ctypes.data - views[0].ctypes.data < 4096


def test_holes_stay_zero_through_training():
    net = model(sizes=[3, 5, 3], dtype="float64")
    net.fit(np.ones((4, 3)), [0, 1, 2, 0], epochs=3, optimizer="adam", l2=0.1)
    flat = net._bound.parameters.flat.copy()
    for view in net._bound.parameters.layout.views(flat).values():
        view[...] = 0
    assert not flat.any()


def test_setting_parameters_checks_everything_first():
    net = model()
    before = net.copy()
    good = {name: np.ones(view.shape) for name, view in net.parameters().items()}
    for bad, words in [
        ({k: v for k, v in good.items() if k != "layers.1.bias"}, r"missing or unknown: layers\.1"),
        (good | {"layers.7.bias": 0}, r"layers\.7\.bias"),
        (good | {"layers.1.weight": np.ones((6, 3))}, r"layers\.1\.weight has shape \(3, 6\)"),
    ]:
        with pytest.raises(ValueError, match=words):
            net.set_parameters(bad)
        assert net.equals(before)
    net.set_parameters(good)
    assert all((view == 1).all() for view in net.parameters().values())


def test_a_copy_is_the_same_and_apart():
    net = model()
    for twin in (net.copy(), copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin.equals(net)
        twin.parameters()["layers.0.bias"][...] = 1
        assert not twin.equals(net)
    assert not net.equals("another thing")
    assert not net.equals(model(sizes=[4, 5, 3]))


class Named(MLP):
    """A subclass that keeps something."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.classes = ["a", "b", "c"]


def test_what_a_subclass_keeps_goes_with_its_copies():
    net = Named([4, 6, 3], output="softmax", seed=0)
    for twin in (net.copy(), copy.deepcopy(net), net.astype("float64"), net.to("cpu")):
        assert type(twin) is Named
        assert twin.classes == net.classes
    again = pickle.loads(pickle.dumps(net))
    assert again.classes == net.classes
    assert copy.deepcopy(net).classes is not net.classes
    assert again.equals(net)


def test_equality_is_of_bits():
    net, twin = model(), model()
    net.parameters()["layers.0.bias"][...] = 0.0
    twin.parameters()["layers.0.bias"][...] = -0.0
    assert not net.equals(twin)


def test_a_copy_taken_while_another_thread_writes_is_of_one_state():
    net = MLP([32, 64, 32], standardize=True, dtype="float64", seed=0)
    shapes = {name: view.shape for name, view in net.parameters().items()}
    done, wrong = threading.Event(), []

    def write():
        value = 0.0
        while not done.is_set():
            value += 1
            net.set_parameters({name: np.full(shape, value) for name, shape in shapes.items()})

    def check():
        while not done.is_set():
            values = net._bound.values()
            if len({float(v) for name in shapes for v in np.unique(values[name])}) > 1:
                wrong.append(values)

    net.set_parameters({name: np.zeros(shape) for name, shape in shapes.items()})
    threads = [threading.Thread(target=write), *(threading.Thread(target=check) for _ in range(2))]
    for thread in threads:
        thread.start()
    done.wait(0.5)
    done.set()
    for thread in threads:
        thread.join(30)
    assert not wrong


def test_loss_and_penalty_are_of_one_state_while_another_thread_writes():
    net = MLP([16, 16], bias=False, dtype="float64", seed=0)
    x, t = np.ones((4, 16)), np.zeros((4, 16))
    pairs = {}
    for value in (1.0, 2.0):
        net.set_parameters({"layers.0.weight": np.full((16, 16), value)})
        _, grads = net.value_and_grad(x, t, l2=0.1)
        pairs[float(grads.loss)] = float(grads.penalty)
    done, wrong = threading.Event(), []

    def write():
        value = 1.0
        while not done.is_set():
            value = 3.0 - value
            net.set_parameters({"layers.0.weight": np.full((16, 16), value)})

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(500):
        _, grads = net.value_and_grad(x, t, l2=0.1)
        if pairs.get(float(grads.loss)) != float(grads.penalty):
            wrong.append(grads)
    done.set()
    thread.join(30)
    assert not wrong


def test_astype_converts_a_copy():
    net = model(dtype="float64")
    narrow = net.astype("float32")
    assert narrow.dtype == np.float32
    assert not narrow.equals(net)
    assert narrow.astype("float64").astype("float32").equals(narrow)
    x = np.ones((2, 4))
    np.testing.assert_allclose(narrow(x), net(x), rtol=1e-5)


def test_a_model_goes_through_a_file(tmp_path):
    net = model(standardize=True, activation="gelu")
    net.adapt(np.random.default_rng(15).normal(2, 3, size=(50, 4)))
    net.save(tmp_path / "net.safetensors", metadata={"note": "kept"})
    again = MLP.load(tmp_path / "net.safetensors")
    assert again.equals(net)
    assert again.seed == net.seed


def test_what_numpy_counts_can_be_saved(tmp_path):
    net = MLP(np.array([4, 3, 2]), bias=np.bool_(True), seed=np.int64(3))
    net.save(tmp_path / "net.safetensors")
    assert MLP.load(tmp_path / "net.safetensors").equals(net)


def test_a_users_own_activation_cannot_be_saved(tmp_path):
    net = MLP([2, 2, 2], activation=(np.tanh, lambda z: 1 - np.tanh(z) ** 2), seed=0)
    with pytest.raises(ValueError, match="function of your own, which a file cannot hold"):
        net.save(tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())


# Standardisation.


def test_a_standardised_input_has_mean_zero_and_deviation_one():
    net = MLP([3, 3], standardize=True, dtype="float64", seed=0)
    x = np.random.default_rng(16).normal([1, 1e6, -3], [2, 5, 0.1], size=(200, 3))
    net.adapt(x)
    net.set_parameters({"layers.0.weight": np.eye(3), "layers.0.bias": np.zeros(3)})
    np.testing.assert_allclose(net(x).mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(net(x).std(axis=0), 1, rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e7, -3e-5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_column_comes_out_as_zero(value, dtype):
    net = MLP([1, 1], standardize=True, dtype=dtype, seed=0)
    net.set_parameters({"layers.0.weight": [[1.0]], "layers.0.bias": [0.0]})
    net.adapt(np.full((37, 1), value))
    np.testing.assert_allclose(net(np.full((5, 1), value)), 0, atol=abs(value) * 1e-6)


def test_statistics_need_a_layer_rows_and_finite_values():
    with pytest.raises(ValueError, match="standardize=True"):
        model().adapt(np.ones((3, 4)))
    net = model(standardize=True)
    before = net.copy()
    with pytest.raises(ValueError, match="no rows"):
        net.adapt(np.ones((0, 4)))
    with pytest.raises(ValueError, match="NaN or infinite"):
        net.adapt(np.full((2, 4), np.nan))
    assert net.equals(before)


# Threads.


def test_predicting_while_another_thread_steps_sees_a_whole_state():
    # Every output is the same function of all-equal weights, so a mixture would show.
    net = MLP([64, 256], dtype="float64", seed=0)
    x = np.ones((3, 64))
    net.set_parameters({"layers.0.weight": np.zeros((256, 64)), "layers.0.bias": np.zeros(256)})
    trainer = net.trainer("mse", "sgd", lr=0.01)
    done, wrong = threading.Event(), []

    def predict():
        while not done.is_set():
            z = net(x)
            if np.ptp(z) > 1e-9 * max(1.0, abs(z).max()):
                wrong.append(z)

    threads = [threading.Thread(target=predict) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        trainer.step(x, np.ones((3, 256)))
    done.set()
    for thread in threads:
        thread.join(30)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)
