"""The words of a table are apart, and lie in it."""

import pytest

from mlpcore.kernels.cpu.product import words

TABLES = [table for name, table in vars(words).items() if name.endswith("Words")]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_each_word_has_a_place_of_its_own(table):
    places = [place for name, place in vars(table).items() if name.isupper() and name != "COUNT"]
    assert sorted(places) == list(range(len(places)))
    assert len(places) <= table.COUNT


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_a_table_fills_whole_lines_of_the_cache(table):
    assert table.COUNT % 8 == 0
