"""The names around a model survive in its metadata, and nonsense there counts as nothing."""

import pytest

from mlpcore.cli.meaning import Meaning


@pytest.mark.parametrize(
    "meaning",
    [
        Meaning(),
        Meaning("regression", "y", ("a", "b,c")),
        Meaning("classification", 'ta"rget', ("a", "b"), ("ä", "", "3")),
        Meaning("classification", classes=("0", "1", "2")),
    ],
)
def test_round_trip(meaning):
    metadata = meaning.to_metadata()
    assert all(isinstance(value, str) for value in metadata.values())
    assert Meaning.from_metadata(metadata, 2, 3) == meaning


@pytest.mark.parametrize(
    "metadata",
    [
        {"task": "clustering", "author": "somebody"},
        {"features": "not JSON", "classes": "[" * 100_000},
        {"features": '["a"]', "classes": '["a", "b"]'},
        {"features": '{"a": 1, "b": 2}', "classes": "[1, 2, 3]"},
        {"features": "2", "classes": "null"},
    ],
    ids=range(5),
)
def test_what_does_not_fit_the_network_counts_as_not_given(metadata):
    assert Meaning.from_metadata(metadata, 2, 3) == Meaning()
