"""A table is readable if its columns line up."""

import pytest

from mlpcore.inspect.table import table


def test_numbers_end_and_texts_begin_at_one_column():
    text = table(["layer", "n", "of"], [["a", "1", "x"], ["long name", "1,000", "y"]], left=[0, 2])
    assert text.splitlines() == [
        "layer          n  of",
        "a              1  x",
        "long name  1,000  y",
    ]


def test_a_table_may_have_no_rows():
    assert table(["a", "b"], []) == "a  b"


def test_no_line_ends_in_spaces():
    lines = table(["text", "more"], [["long text", ""], ["x", "y"]], left=[0, 1]).splitlines()
    assert lines == ["text       more", "long text", "x          y"]


def test_a_row_with_too_few_cells_is_refused():
    with pytest.raises(ValueError, match="zip"):
        table(["a", "b"], [["1"]])
