"""Values are read, and what is no such value is refused in words."""

import argparse

import pytest

from mlpcore.cli.errors import UsageError
from mlpcore.cli.options import names, real_number, require_output, whole_number, widths


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("7", 7), (" 12 ", 12), ("9" * 17, 10**17 - 1)]
)
def test_whole_numbers(text, value):
    assert whole_number(0)(text) == value


@pytest.mark.parametrize("text", ["-1", "0", "1.5", "1e3", "", "x", "1_0", "٣", "9" * 30])
def test_what_is_no_whole_number_from_1_up(text):
    with pytest.raises(argparse.ArgumentTypeError, match="1"):
        whole_number(1)(text)


@pytest.mark.parametrize("text", ["0", "0.5", "1e-9"])
def test_real_numbers(text):
    assert real_number(0, below=1)(text) == float(text)


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (real_number(0), "-1e-9"),
        (real_number(0), "nan"),
        (real_number(0), "inf"),
        (real_number(0), "x"),
        (real_number(0, excluded=True), "0"),
        (real_number(0, below=1), "1"),
    ],
)
def test_what_is_no_such_real_number(reader, text):
    with pytest.raises(argparse.ArgumentTypeError, match="takes a number"):
        reader(text)


@pytest.mark.parametrize(("text", "value"), [("64,32", [64, 32]), ("5", [5]), ("", []), (" ", [])])
def test_widths(text, value):
    assert widths(text) == value


@pytest.mark.parametrize("text", ["0", "3,", "3,x", "3;4", "-1"])
def test_what_are_no_widths(text):
    with pytest.raises(argparse.ArgumentTypeError, match="such as 64,64"):
        widths(text)


def test_names():
    assert names("a, b c,,d") == ["a", "b c", "d"]


def test_an_output_that_cannot_be_written_is_named_with_its_option(tmp_path):
    with pytest.raises(UsageError, match=r"^--output .*missing.file: No such file or directory$"):
        require_output(str(tmp_path / "missing" / "file"))
    require_output(str(tmp_path / "file"))
    assert list(tmp_path.iterdir()) == []
