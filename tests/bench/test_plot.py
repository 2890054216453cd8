"""A picture of a report, and what to install for it."""

import sys
from dataclasses import replace

import pytest

from mlpcore.bench import Spec, benchmark
from mlpcore.bench.contenders.plain_numpy import NumPy
from mlpcore.bench.plot import draw, format_of, require_matplotlib

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'mlpcore\[bench\]'"):
        require_matplotlib()


@pytest.mark.parametrize("name", ["a.png", "b.SVG", "dir.x/c.pdf"])
def test_the_ending_names_the_format(name):
    assert format_of(name) in STARTS


@pytest.mark.parametrize("name", ["a.jpeg", "png", "a.png/b"])
def test_another_ending_is_refused_with_the_list(name):
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf"):
        format_of(name)


@pytest.mark.parametrize("batch_sizes", [[1, 8], []])
@pytest.mark.parametrize("picture_format", STARTS)
def test_a_report_becomes_a_picture(picture_format, batch_sizes):
    pytest.importorskip("matplotlib")
    report = benchmark(Spec((6, 3)), batch_sizes, [NumPy()], seconds=0.001)
    assert draw(report, picture_format).startswith(STARTS[picture_format])


def test_the_legend_is_in_the_order_of_the_lines():
    pytest.importorskip("matplotlib")
    report = benchmark(Spec((6, 3)), [1, 8], [NumPy()], seconds=0.001)
    slow, fast = (
        [replace(row, contender=name, samples_per_s=rate) for row in report.rows]
        for name, rate in (("slow", 10.0), ("fast", 20.0))
    )
    picture = draw(replace(report, rows=[*slow, *fast]), "svg").decode()
    assert picture.index("<!-- fast -->") < picture.index("<!-- slow -->")
    for words in (
        "rows in a call (batch size)",
        "rows per second",
        "limit of machine",
        "one thread",
    ):
        assert f"<!-- {words}" in picture or words in picture
