"""A picture of a report, and what to install for it."""

import sys

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
