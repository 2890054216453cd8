"""out=: which arrays a result is written to, and which are refused before any work is done."""

import array_api_strict
import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.batch_out import out_rows

SHAPE = (6, 3)
F32 = np.dtype("float32")


@pytest.fixture(params=["model", "frozen", "watched", "custom"])
def predict(request):
    """Every way to a prediction: the short one, the one with hooks, the one of the reference."""
    activation = (np.tanh, lambda z: 1 - np.tanh(z) ** 2) if request.param == "custom" else "tanh"
    model = MLP([4, 8, 3], activation, "softmax", seed=0)
    if request.param == "watched":
        model.on_layer(lambda values: None)
    return model.freeze() if request.param == "frozen" else model


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def spaced(shape):
    return np.full((shape[0], 2 * shape[1]), 7, np.float32)


def test_the_result_is_written_and_out_is_returned(predict, x):
    out = np.full(SHAPE, 7, np.float32)
    assert predict(x, out=out) is out
    np.testing.assert_array_equal(out, predict(x))


@pytest.mark.parametrize("lead", [(), (0,), (1,), (2, 5), (2, 0, 3)])
def test_out_has_the_leading_shape_of_x(predict, lead):
    x = np.random.default_rng(1).normal(size=(*lead, 4)).astype(np.float32)
    out = np.full((*lead, 3), 7, np.float32)
    assert predict(x, out) is out
    np.testing.assert_array_equal(out, predict(x))


def test_rows_may_lie_apart_and_nothing_between_them_is_written(predict, x):
    whole = spaced(SHAPE)
    predict(x, out=whole[:, :3])
    np.testing.assert_array_equal(whole[:, :3], predict(x))
    assert (whole[:, 3:] == 7).all()


def test_x_and_out_may_be_columns_of_one_array(predict, x):
    whole = np.concatenate([x, np.zeros(SHAPE, np.float32)], axis=1)
    predict(whole[:, :4], out=whole[:, 4:])
    np.testing.assert_array_equal(whole, np.concatenate([x, predict(x)], axis=1))


@pytest.mark.parametrize("as_kind", [np.ndarray.tolist, array_api_strict.asarray, np.float64])
def test_x_may_be_of_any_kind_on_the_host(predict, x, as_kind):
    out = np.empty(SHAPE, np.float32)
    assert predict(as_kind(x), out=out) is out
    np.testing.assert_array_equal(out, predict(x))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros(SHAPE), TypeError, "out must be of the model's dtype, float32; got float64"),
        (np.zeros(SHAPE, ">f4"), TypeError, "out must be of the model's dtype"),
        (np.zeros(SHAPE).tolist(), TypeError, r"out must be a numpy \(host\) array.* got list"),
        (np.ma.zeros(SHAPE, np.float32), TypeError, "out must be a numpy.* got MaskedArray"),
        (np.zeros((6, 4), F32), ValueError, r"the result, \(6, 3\); got \(6, 4\)"),
        (np.zeros((18,), F32), ValueError, r"the result, \(6, 3\); got \(18,\)"),
        (np.zeros(SHAPE, F32, order="F"), ValueError, r"row after row .* of \(4, 24\) bytes"),
        (np.zeros(SHAPE, F32)[::-1], ValueError, r"row after row .* of \(-12, 4\) bytes"),
        (np.zeros(SHAPE, F32)[:, ::-1], ValueError, "row after row"),
        (np.zeros((6, 6), F32)[:, ::2], ValueError, "row after row"),
        (np.zeros(18 * 4 + 1, np.uint8)[1:].view(F32).reshape(SHAPE), ValueError, "aligned"),
        (np.broadcast_to(np.zeros(3, F32), SHAPE), ValueError, "row after row"),
        (np.frombuffer(bytes(72), F32).reshape(SHAPE), ValueError, "out is read-only"),
    ],
)
def test_what_cannot_be_written_is_refused(predict, x, out, error, message):
    with pytest.raises(error, match=message):
        predict(x, out=out)


@pytest.mark.parametrize("start", range(4))
def test_memory_of_x_is_refused(predict, start):
    memory = np.arange(24, dtype=np.float32)
    before = memory.copy()
    out = memory[3 * start : 3 * start + 12].reshape(4, 3)
    for x in (memory[:16].reshape(4, 4), memory[:16].reshape(4, 4, order="F")):
        with pytest.raises(ValueError, match="out shares memory with x"):
            predict(x, out=out)
    np.testing.assert_array_equal(memory, before)


def test_x_is_looked_at_before_out(predict):
    with pytest.raises(ValueError, match="x must have the shape"):
        predict(np.zeros((6, 5), np.float32), out=np.zeros(SHAPE))


def test_parts_of_a_long_input_are_written_where_they_belong(x):
    model = MLP([4, 8, 3], seed=0)
    out = np.empty(SHAPE, np.float32)
    assert model.predict(x, batch_size=4, out=out) is out
    np.testing.assert_array_equal(out, model(x))
    assert model.predict(x.tolist(), batch_size=5, out=out) is out
    wrong = np.full((5, 3), 7, np.float32)
    with pytest.raises(ValueError, match=r"the result, \(6, 3\); got \(5, 3\)"):
        model.predict(x, batch_size=4, out=wrong)
    assert (wrong == 7).all()


def test_an_array_whose_rows_have_no_common_distance_is_refused():
    out = np.zeros((4, 4, 3), F32)[:, :2]
    with pytest.raises(ValueError, match="row after row"):
        out_rows(out, np.zeros((4, 2, 5), F32), (4, 2, 3), F32)


def test_one_output_a_row_may_come_at_any_distance():
    column = np.zeros((5, 4), F32)[:, 1:2]
    assert np.shares_memory(out_rows(column, np.zeros((5, 2), F32), (5, 1), F32), column)
