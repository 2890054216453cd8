"""The short way of a step: taken where the long one changes nothing, and to the same end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore import MLP
from mlpcore.nn.losses import loss
from mlpcore.training.data import take_data
from mlpcore.training.data_as_they_are import AsTheyAre

RNG = np.random.default_rng(0)
F4, F8 = np.float32, np.float64


def squares(z, t):
    return ((z - t) ** 2).mean(), 2 * (z - t) / z.size


def taken(x, t, by, outputs=3, dtype="float32"):
    """Whether the short way is taken, and what the long one makes of the data, or its error."""
    bound, made = MLP([4, outputs], dtype=dtype, seed=0)._bound, loss(by)
    try:
        found = take_data(bound, x, t, made)
    except (TypeError, ValueError) as error:
        found = error
    return AsTheyAre(bound, made)(x, t), found


X = RNG.normal(size=(5, 4)).astype(F4)
LABELS = np.array([0, 2, 1, 1, 0])
NUMBERS = RNG.random((5, 3)).astype(F4)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
@pytest.mark.parametrize("by", ["cross_entropy", "nll"])
def test_labels_of_any_width_go_the_short_way(by, dtype):
    assert taken(X, LABELS.astype(dtype), by)[0]


@pytest.mark.parametrize("by", ["mse", "mae", "huber", "binary_cross_entropy", "poisson"])
def test_numbers_of_the_dtype_of_the_model_go_the_short_way(by):
    assert taken(X, NUMBERS, by)[0]
    assert taken(X.astype(F8), NUMBERS.astype(F8), by, dtype="float64")[0]
    assert taken(X, NUMBERS[:, :1].copy(), by, outputs=1)[0]
    assert taken(X, NUMBERS[:, 0].copy(), by, outputs=1)[0]


def test_ends_of_the_range_belong_to_it():
    assert taken(X, np.zeros((5, 3), F4), "poisson")[0]
    assert taken(X, np.eye(5, 3, dtype=F4), "binary_cross_entropy")[0]
    assert taken(X, np.array([0, 127, 0, 0, 0], np.int8), "cross_entropy", outputs=128)[0]
    assert taken(X, np.array([0, 255, 0, 0, 0], np.uint8), "cross_entropy", outputs=128)[0] is False


ODD_X = [
    X.tolist(),
    X.astype(F8),
    X.astype(">f4"),
    X[0],
    X[None],
    X[:0],
    X[:, :3].copy(),
    X[::-1],
    np.asfortranarray(X),
    np.ma.array(X),
    X.view(np.recarray),
    np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(F4).reshape(5, 4),
]

ODD_T = [
    ("cross_entropy", LABELS.tolist()),
    ("cross_entropy", LABELS + 1),
    ("cross_entropy", LABELS - 1),
    ("cross_entropy", LABELS.astype(F4)),
    ("cross_entropy", LABELS.astype(bool)),
    ("cross_entropy", LABELS.astype(">i8")),
    ("cross_entropy", np.stack([LABELS, LABELS], 1)[:, 0]),
    ("cross_entropy", LABELS[:4]),
    ("cross_entropy", LABELS[:, None]),
    ("cross_entropy", np.full((5, 3), 1 / 3, F4)),
    ("binary_cross_entropy", NUMBERS + 1),
    ("binary_cross_entropy", -NUMBERS),
    ("binary_cross_entropy", np.where(NUMBERS[2, 1] == NUMBERS, np.nan, NUMBERS)),
    ("poisson", -NUMBERS),
    ("mse", NUMBERS.astype(F8)),
    ("mse", NUMBERS[:, :2].copy()),
    ("mse", NUMBERS[:, 0].copy()),
    ("mse", NUMBERS.T),
    ("mse", np.float32(1)),
    ("mse", None),
    (squares, NUMBERS),
]


@pytest.mark.parametrize("x", ODD_X, ids=range(len(ODD_X)))
def test_any_other_input_goes_the_long_way(x):
    assert taken(X, LABELS, "cross_entropy")[0]
    assert not taken(x, LABELS[: len(x)], "cross_entropy")[0]


@pytest.mark.parametrize(("by", "t"), ODD_T, ids=range(len(ODD_T)))
def test_any_other_targets_go_the_long_way(by, t):
    assert not AsTheyAre(MLP([4, 3], seed=0)._bound, loss(by))(X, t)


def test_negative_labels_are_no_large_ones_whatever_their_dtype():
    for dtype in ("i1", "i2", "i4", "i8"):
        t = np.array([0, 1, -1, 2, 0], dtype)
        for outputs in (3, 127, 128, 129, 256, 300):
            short, error = taken(X, t, "cross_entropy", outputs=outputs)
            assert not short
            assert "label -1 in row 2 is not a class" in str(error)


@pytest.mark.parametrize(
    "by",
    [
        loss("cross_entropy", class_weight=[1.0, 2.0]),
        loss("cross_entropy", class_weight={7: 2.0}),
    ],
)
def test_settings_that_do_not_fit_the_width_are_left_to_the_long_way(by):
    short, error = taken(X, LABELS, by)
    assert not short
    assert isinstance(error, ValueError)


@st.composite
def data(draw):
    rows, outputs = draw(st.integers(0, 4)), draw(st.sampled_from([1, 3, 130]))
    x = np.ones((rows, draw(st.sampled_from([4, 4, 4, 5]))), draw(st.sampled_from([F4, F4, F8])))
    by = draw(st.sampled_from(["cross_entropy", "nll", "binary_cross_entropy", "mse", squares]))
    shape = draw(st.sampled_from([(rows,), (rows, 1), (rows, outputs), (rows + 1,), ()]))
    dtype = draw(st.sampled_from(["i1", "u1", "i8", "u8", "f4", "f8", "?", ">i4"]))
    lowest, highest = draw(st.sampled_from([(0, 1), (0, 1), (-1, 2), (100, 140)]))
    t = np.random.default_rng(draw(st.integers(0, 99))).integers(lowest, highest + 1, shape)
    with np.errstate(all="ignore"):
        t = np.asarray(t).astype(dtype)
    step = draw(st.sampled_from([1, 1, -1]))
    return x[::step], t[::step] if t.ndim else t, by, outputs


@given(data())
def test_the_short_way_is_taken_only_where_the_long_one_hands_on_the_same_memory(problem):
    x, t, by, outputs = problem
    short, found = taken(x, t, by, outputs)
    if short:
        assert not isinstance(found, Exception)
        for array, given_ in ((found.x, x), (found.t, t)):
            assert array.ctypes.data == given_.ctypes.data
            assert (array.shape, array.dtype) == (given_.shape, given_.dtype)
            assert array.strides == given_.strides or array.shape[0] == 1
        assert found.sample_weight is None
        assert found.rows > 0


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize(
    ("by", "t"),
    [
        ("cross_entropy", LABELS),
        ("cross_entropy", LABELS.astype(np.uint8)),
        ("binary_cross_entropy", NUMBERS),
        ("mse", NUMBERS),
        (loss("cross_entropy", class_weight=[1.0, 0.5, 2.0], ignore_index=1), LABELS),
        (loss("cross_entropy", label_smoothing=0.1), LABELS),
    ],
)
def test_both_ways_lead_to_the_same_bits(by, t, optimizer, watched):
    output = {"binary_cross_entropy": "sigmoid", "mse": "identity"}.get(loss(by).name, "softmax")
    short, long = (MLP([4, 6, 3], "relu", output=output, seed=0) for _ in range(2))
    trainers = [net.trainer(by, optimizer, lr=0.1, l2=0.01) for net in (short, long)]
    assert trainers[0]._fit_as_they_are(X, t)
    trainers[1]._fit_as_they_are = lambda _x, _t: False
    seen = []
    for net in (short, long) if watched else ():
        net._bound.watchers.append(lambda records: seen.append(records[-1].a))
    for _ in range(3):
        first, second = (trainer.step(X, t) for trainer in trainers)
        assert first.tobytes() == second.tobytes()
        assert (type(first), first.shape, first.dtype) == (np.ndarray, (), F4)
    assert short.equals(long)
    assert len(seen) == (6 if watched else 0)


@pytest.mark.parametrize(("by", "t"), ODD_T, ids=range(len(ODD_T)))
def test_a_step_says_of_what_does_not_fit_what_the_long_way_says(by, t):
    output = {"binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}.get(by, "identity")
    nets = [MLP([4, 3], output=output, seed=0) for _ in range(2)]
    outcomes = []
    for net, long in zip(nets, (False, True), strict=True):
        trainer = net.trainer(by, "sgd")
        if long:
            trainer._fit_as_they_are = lambda _x, _t: False
        try:
            outcomes.append(float(trainer.step(X, t)))
        except (TypeError, ValueError) as error:
            outcomes.append((type(error), str(error)))
    assert outcomes[0] == outcomes[1] or outcomes[0] != outcomes[0]
    assert nets[0].equals(nets[1])
