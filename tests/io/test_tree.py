"""What a tree of values is taken apart into gives it back, to the bit and the dtype."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from mlpcore.io.tree import Leaves, put_together, taken_apart

DTYPES = st.sampled_from(["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"])
ARRAYS = of_numpy.arrays(
    DTYPES, of_numpy.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3)
)
SCALARS = ARRAYS.filter(lambda a: a.size > 0).map(lambda a: a.reshape(-1)[0])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.text(max_size=4).filter(lambda key: not key.startswith("$"))
TREES = st.recursive(
    PLAIN | ARRAYS | SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or a.hex() == b.hex()
    return a == b


@given(TREES)
def test_what_is_put_together_is_what_was_taken_apart(tree):
    leaves = taken_apart(tree)
    assert same(put_together(leaves), tree)
    assert len(set(leaves.arrays)) == len(leaves.arrays)


def test_arrays_are_named_for_their_place():
    a, b = np.zeros(2), np.ones(3)
    leaves = taken_apart({"sums": {"loss": a}, "seen": [(b,)]})
    assert list(leaves.arrays) == ["sums.loss", "seen.0.0"]
    assert leaves.arrays["sums.loss"] is a


def test_places_of_one_name_do_not_meet():
    leaves = taken_apart({"a.b": np.zeros(1), "a": {"b": np.ones(1)}})
    assert put_together(leaves)["a"]["b"][0] == 1
    assert put_together(leaves)["a.b"][0] == 0


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), r"callbacks\.0 is of type object"),
        ({1, 2}, r"callbacks\.0 is of type set"),
        (np.array([object()]), r"callbacks\.0 holds object"),
        (np.array(["a"]), r"callbacks\.0 holds <U1"),
        (np.zeros(1, np.float16), r"callbacks\.0 holds float16"),
        (np.zeros(1, complex), r"callbacks\.0 holds complex128"),
        ({1: 2}, r"callbacks\.0 has the key 1"),
        ({"$array": 2}, r"callbacks\.0 has the key '\$array'"),
    ],
)
def test_what_no_file_can_hold_is_refused_with_its_place(value, words):
    with pytest.raises(TypeError, match=words):
        taken_apart({"callbacks": [value]})


@pytest.mark.parametrize("text", ["", "{", '{"$array": "a"}', '{"$other": 1}', '{"$float": "x"}'])
def test_what_was_not_taken_apart_is_refused(text):
    with pytest.raises((ValueError, KeyError)):
        put_together(Leaves(text, {}))
