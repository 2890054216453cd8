"""What computes a layer on a GPU follows from its dtype and its shape, and from a table."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.backends.cuda.choices import Choice, Choices, Product, default_choices
from mlpcore.backends.cuda.table import DEFAULT, REACH, Entry, Table

GRADIENTS = Choice.CUBLASLT, Choice.CUBLASLT

features = st.integers(1, 5000)
dtypes = st.sampled_from(["float32", "float64"])
choices = st.builds(
    Choices, *(st.sampled_from([str(c) for c in p.possible]).map(Choice) for p in Product)
)
entries = st.builds(Entry, dtypes, features, features, choices)


def entry(inputs, outputs, forward, dtype="float32"):
    return Entry(dtype, inputs, outputs, Choices(Choice(forward), *GRADIENTS))


@pytest.mark.parametrize(
    ("inputs", "outputs", "forward"),
    [
        (1, 1, "narrow"),
        (128, 128, "narrow"),
        (128, 129, "tiled"),
        (5, 4096, "tiled"),
        (129, 5, "cublaslt"),
        (784, 512, "cublaslt"),
    ],
)
def test_the_default_fuses_layers_with_few_inputs(inputs, outputs, forward):
    assert default_choices(inputs, outputs) == Choices(Choice(forward), *GRADIENTS)
    assert DEFAULT.choices("float64", inputs, outputs).forward == forward


def test_nothing_that_is_asked_is_the_size_of_a_batch():
    assert list(inspect.signature(default_choices).parameters) == ["inputs", "outputs"]
    asked = list(inspect.signature(Table.choices).parameters)
    assert asked == ["self", "dtype", "inputs", "outputs"]


@given(st.lists(entries, max_size=6), dtypes, features, features, st.randoms())
def test_an_answer_depends_on_entries_and_not_on_their_order_or_what_was_asked(
    known, dtype, inputs, outputs, random
):
    unique = {(e.dtype, e.inputs, e.outputs): e for e in known}
    table, shuffled = Table(unique.values()), list(unique.values())
    random.shuffle(shuffled)
    expected = table.choices(dtype, inputs, outputs)
    other = Table(shuffled)
    other.choices(dtype, outputs, inputs)
    assert other.choices(dtype, inputs, outputs) == expected
    assert table.choices(dtype, inputs, outputs) == expected


@given(st.lists(entries, max_size=6), dtypes, features, features)
def test_what_cannot_be_narrow_is_not(known, dtype, inputs, outputs):
    found = Table(known).choices(dtype, inputs, outputs).forward
    assert found is not Choice.NARROW or max(inputs, outputs) <= 128


def test_an_entry_is_for_its_dtype_and_its_shape():
    table = Table([entry(784, 512, "tiled"), entry(784, 512, "cupy", "float64")])
    assert table.choices("float32", 784, 512).forward is Choice.TILED
    assert table.choices("float64", 784, 512).forward is Choice.CUPY


@pytest.mark.parametrize(("inputs", "outputs"), [(200, 512), (1600, 512), (784, 200), (784, 1100)])
def test_a_layer_far_from_every_entry_takes_the_default(inputs, outputs):
    table = Table([entry(784, 512, "tiled")])
    assert table.choices("float32", inputs, outputs) == default_choices(inputs, outputs)


@pytest.mark.parametrize(("inputs", "outputs"), [(392, 512), (784 * REACH, 256), (1000, 1000)])
def test_a_layer_near_an_entry_takes_it(inputs, outputs):
    assert Table([entry(784, 512, "tiled")]).choices("float32", inputs, outputs).forward == "tiled"


def test_the_nearest_by_factors_counts_and_of_two_the_smaller():
    table = Table([entry(400, 300, "cupy"), entry(200, 300, "tiled"), entry(200, 600, "cublaslt")])
    assert table.choices("float32", 290, 300).forward is Choice.CUPY  # 400/290 < 290/200
    assert table.choices("float32", 250, 300).forward is Choice.TILED
    tied = Table([entry(400, 300, "cupy"), entry(100, 300, "tiled")])
    assert tied.choices("float32", 200, 300).forward is Choice.TILED


def test_a_layer_without_features_takes_the_default():
    assert Table([entry(1, 1, "cupy")]).choices("float32", 0, 1) == default_choices(0, 1)


def test_narrow_goes_forward_only():
    assert [Choice.NARROW in product.possible for product in Product] == [True, False, False]
