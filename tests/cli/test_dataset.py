"""Inputs and targets are found in a file, or it is said what is in the way."""

import numpy as np
import pytest

from mlpcore.cli.dataset import load, load_inputs
from mlpcore.cli.errors import UsageError
from mlpcore.cli.meaning import Meaning

X = np.arange(8.0).reshape(4, 2)


@pytest.fixture
def csv(tmp_path):
    def write(text):
        path = tmp_path / "data.csv"
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        path = tmp_path / "data.NPZ"
        with path.open("wb") as file:
            np.savez(file, **arrays)
        return str(path)

    return write


class TestLearningFromCsv:
    TEXT = "a,t,b\n1,x,2\n3,y,4\n"

    @pytest.mark.parametrize("target", ["t", "1", "-2"])
    def test_all_other_columns_are_features(self, csv, target):
        data = load(csv(self.TEXT), target, "float32")
        np.testing.assert_array_equal(data.x, [[1, 2], [3, 4]])
        np.testing.assert_array_equal(data.t, ["x", "y"])
        assert data.features == ("a", "b")
        assert data.target == "t"

    def test_columns_may_be_ignored(self, csv):
        data = load(csv("id,a,t\nu1,1,5\nu2,3,6\n"), "t", "float32", ignore=["id"])
        np.testing.assert_array_equal(data.x, [[1], [3]])
        np.testing.assert_array_equal(data.t, [5.0, 6.0])

    def test_without_a_header_features_have_no_names(self, csv):
        data = load(csv("1,2,3\n4,5,6\n"), "0", "float32")
        assert data.features is None
        assert data.target == "0"
        np.testing.assert_array_equal(data.x, [[2, 3], [5, 6]])

    @pytest.mark.parametrize(
        ("text", "target", "error", "words"),
        [
            (TEXT, None, UsageError, "name the target with --target: .* has 'a', 't', 'b'"),
            (TEXT, "c", ValueError, "no column 'c'; there are 'a', 't', 'b'"),
            ("t\n1\n", "t", UsageError, "no column besides the target"),
            ("a,t\n1,2\n,3\n", "t", ValueError, r"row 2 \(line 3\), column 'a': .* missing"),
            ("a,t\n1,2\n1,NA\n", "t", ValueError, r"row 2 \(line 3\), column 't': .* missing"),
            ("a,t\n1,2\nred,3\n", "t", ValueError, r"row 2 .*column 'a': 'red' is not .*--ignore"),
            ("a,t\n1,2\ninf,3\n", "t", ValueError, r"row 2 .*column 'a': 'inf' is not finite"),
            ("a,t\n1,2\n1e39,3\n", "t", ValueError, r"row 2, column 'a': 1e\+39 is too large"),
            ("a,t\n1,2\n1,-1e39\n", "t", ValueError, r"row 2, column 't': -1e\+39 is too large"),
        ],
    )
    def test_what_is_in_the_way(self, csv, text, target, error, words):
        with pytest.raises(error, match=words):
            load(csv(text), target, "float32")

    def test_float64_has_room_for_more(self, csv):
        assert load(csv("a,t\n1e39,2\n1,3\n"), "t", "float64").x[0, 0] == 1e39


class TestLearningFromNpz:
    def test_arrays_by_name(self, npz):
        data = load(npz(x=X, t=np.arange(4)), None, "float32")
        np.testing.assert_array_equal(data.x, X)
        np.testing.assert_array_equal(data.t, np.arange(4))
        assert data.features is None
        other = load(npz(inputs=X, label=["a"] * 4), "label", "float32", x="inputs")
        assert other.target == "label"
        np.testing.assert_array_equal(other.t, ["a"] * 4)

    @pytest.mark.parametrize(
        ("arrays", "words"),
        [
            ({"x": X}, "no array 't'; there are 'x'"),
            (
                {"x": X[0], "t": np.ones(2)},
                r"'x' must have the shape \(rows, features\), got \(2,\)",
            ),
            ({"x": X[:0], "t": np.ones(0)}, "'x' must have the shape"),
            ({"x": X[:, :0], "t": np.ones(4)}, "'x' must have the shape"),
            ({"x": X + 1j, "t": np.ones(4)}, "'x' must hold real numbers, got complex128"),
            ({"x": X.astype(str), "t": np.ones(4)}, "'x' must hold real numbers, got <U"),
            ({"x": X, "t": np.ones(3)}, r"'t' must have the shape \(4,\) or .* got \(3,\)"),
            ({"x": X, "t": np.ones((4, 1, 1))}, "'t' must have the shape"),
            ({"x": X, "t": np.ones((4, 0))}, "'t' must have the shape"),
            ({"x": X, "t": np.float64(1)}, "'t' must have the shape"),
            ({"x": X, "t": np.ones(4) * 1j}, "'t' must hold real numbers or a string"),
            ({"x": X, "t": np.ones((4, 2)).astype(str)}, "'t' must hold real numbers or a string"),
            ({"x": X, "t": [1, 2, np.nan, 3]}, "row 3 of array 't': the value is missing"),
            ({"x": X, "t": ["a", "", "b", "c"]}, "row 2 of array 't': the value is missing"),
            ({"x": X, "t": [1, 2, np.inf, 3]}, "row 3, column 0: the value is inf"),
            ({"x": np.where(X == 5, np.nan, X), "t": np.ones(4)}, "row 3, column 1: .* nan"),
            ({"x": X * 1e38, "t": np.ones(4)}, r"row 3, column 0: 4e\+38 is too large for float32"),
        ],
    )
    def test_what_is_in_the_way(self, npz, arrays, words):
        with pytest.raises(ValueError, match=words):
            load(npz(**arrays), None, "float32")

    def test_there_are_no_columns_to_ignore(self, npz):
        with pytest.raises(UsageError, match="--ignore"):
            load(npz(x=X, t=np.ones(4)), None, "float32", ignore=["a"])


class TestPredictingFromCsv:
    NAMED = Meaning(features=("a", "b"), target="t")

    @pytest.mark.parametrize(
        "text", ["a,b\n1,2\n", "b,a\n2,1\n", "t,b,a\nwhatever,2,1\n", "b,id,t,a\n2,,,1\n"]
    )
    def test_features_are_found_by_name(self, csv, text):
        x = load_inputs(csv(text), self.NAMED, 2, "float32")
        np.testing.assert_array_equal(x, [[1, 2]])

    def test_a_feature_that_is_not_there_is_named(self, csv):
        with pytest.raises(ValueError, match="no column 'b', which the model needs; there are 'a'"):
            load_inputs(csv("a,c\n1,2\n"), self.NAMED, 2, "float32")

    @pytest.mark.parametrize(
        ("text", "meaning"),
        [
            ("1,2\n", NAMED),  # a file without names
            ("u,v\n1,2\n", Meaning()),  # a model without names
            ("1,9,2\n", Meaning(target="1")),  # the target of a file without names
            ("u,t,v\n1,x,2\n", Meaning(target="t")),
        ],
    )
    def test_without_names_columns_count(self, csv, text, meaning):
        x = load_inputs(csv(text), meaning, 2, "float32")
        np.testing.assert_array_equal(x, [[1, 2]])

    @pytest.mark.parametrize("text", ["1\n", "1,2,3\n", "u,v,w\n1,2,3\n"])
    def test_their_number_must_be_right(self, csv, text):
        with pytest.raises(ValueError, match=r"there are \d columns; the model takes 2"):
            load_inputs(csv(text), Meaning(target="t"), 2, "float32")

    def test_numbers_must_fit_the_model(self, csv):
        with pytest.raises(ValueError, match=r"row 1, column 'b': 1e\+39 is too large"):
            load_inputs(csv("b,a\n1e39,1\n"), self.NAMED, 2, "float32")


class TestPredictingFromNpz:
    def test_the_array_is_taken_as_it_is(self, npz):
        np.testing.assert_array_equal(load_inputs(npz(x=X), Meaning(), 2, "float32"), X)
        found = load_inputs(npz(z=X, x=X[:1]), Meaning(), 2, "float32", x="z")
        np.testing.assert_array_equal(found, X)

    def test_its_width_must_be_right(self, npz):
        with pytest.raises(ValueError, match="array 'x' has 2 columns; the model takes 3"):
            load_inputs(npz(x=X), Meaning(), 3, "float32")

    def test_width_is_asked_for_before_values(self, npz):
        """A column that is no feature has no name to be called by."""
        with pytest.raises(ValueError, match="has 2 columns; the model takes 1"):
            load_inputs(npz(x=X * np.nan), Meaning(features=("a",)), 1, "float32")
