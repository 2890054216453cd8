"""Cells become numbers or a refusal that says where, and no row is taken for a header unnoticed."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.io.table import is_missing, number, read_csv


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a CSV file and returns its path."""

    def write(content):
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def columns(table):
    return table.numbers(range(len(table.names))).T.tolist()


def test_a_header_and_rows(file):
    table = read_csv(file("a,b\n1,2\n3,4e-1\n"))
    assert table.names == ("a", "b")
    assert table.has_header
    assert columns(table) == [[1, 3], [2, 0.4]]
    assert table.texts(1) == ["2", "4e-1"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_dialects(file, delimiter, newline, end):
    lines = ["a|b|c", "1|2|3", "", "4|5|6"]
    text = newline.join(lines).replace("|", delimiter) + end.replace("\n", newline)
    assert columns(read_csv(file(text))) == [[1, 4], [2, 5], [3, 6]]


def test_a_byte_order_mark_is_no_part_of_a_name(file):
    assert read_csv(file("\ufeffa,b\n1,2\n")).names == ("a", "b")


def test_quoted_cells_may_hold_anything(file):
    table = read_csv(file('"a, ""b""\n c",d\n"1",2\n'))
    assert table.names == ('a, "b"\n c', "d")
    assert table.lines == [3]


def test_blanks_around_cells_do_not_matter(file):
    table = read_csv(file(" a , b \n 1 , x \n"))
    assert table.names == ("a", "b")
    assert table.texts(1) == ["x"]
    assert table.numbers([0]).tolist() == [[1.0]]


@given(
    rows=st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.text()), min_size=1
    )
)
def test_what_the_csv_module_writes_is_read_again(rows, tmp_path_factory):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("number", "text"), *rows])
    try:
        content = text.getvalue().encode()
    except UnicodeEncodeError:  # a lone surrogate
        return
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_bytes(content)
    if any("\0" in cell for _, cell in rows):
        return  # no text in the sense of this format
    table = read_csv(path, header=True)
    assert table.numbers([0])[:, 0].tolist() == [value for value, _ in rows]
    assert [row[1] for row in table.rows] == [cell for _, cell in rows]


# Is the first line a header?


@pytest.mark.parametrize("first", ["a,b", "'1',b", "x1,-"])
def test_a_line_of_text_is_a_header(file, first):
    table = read_csv(file(f"{first}\n1,2\n"))
    assert table.names == tuple(first.split(","))


@pytest.mark.parametrize("first", ["1,2", "-1e3,.5", "1,nan", "1,", "inf,2", "0,1"])
def test_a_line_of_numbers_or_missing_values_is_data(file, first):
    table = read_csv(file(f"{first}\n1,2\n"))
    assert table.names == ("0", "1")
    assert not table.has_header
    assert len(table.rows) == 2


def test_numbers_for_names_are_a_header_where_text_stands_above_a_number(file):
    table = read_csv(file("0,1,target\n5.5,6.5,1\n"))
    assert table.names == ("0", "1", "target")


@pytest.mark.parametrize("content", ["5.1,setosa\n4.9,setosa\n", "5.1,setosa\n"])
def test_a_line_that_may_be_either_is_asked_about(file, content):
    with pytest.raises(ValueError, match="may be a header or data"):
        read_csv(file(content))
    assert len(read_csv(file(content), header=False).rows) == content.count("\n")


def test_being_told_beats_looking(file):
    assert read_csv(file("1,2\n3,4\n"), header=True).names == ("1", "2")
    assert read_csv(file("a,b\n3,4\n"), header=False).rows[0] == ["a", "b"]


# Columns.


def test_a_column_is_found_by_name_then_by_number(file):
    table = read_csv(file("a,b,0\n1,2,3\n"))
    assert table.column("b") == 1
    assert table.column("1") == 1
    assert table.column("-1") == 2
    assert table.column("0") == 2  # a name is a name


@pytest.mark.parametrize("name", ["c", "3", "-4", ""])
def test_an_unknown_column_lists_the_names(file, name):
    table = read_csv(file("a,b,c d\n1,2,3\n"))
    with pytest.raises(ValueError, match="there are 'a', 'b', 'c d'"):
        table.column(name)


def test_a_long_list_of_names_is_cut(file):
    names = ",".join(f"x{i}" for i in range(300))
    table = read_csv(file(f"{names}\n{','.join('1' * 300)}\n"))
    with pytest.raises(ValueError, match="'x11' and 288 more"):
        table.column("y")


# What is refused.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("a,b\n", "no rows below the header"),
        ("a,b,a\n1,2,3\n", "2 columns are called 'a'"),
        ("a,,b\n1,2,3\n", "column 2 has no name"),
        ("a,b\n1,2\n3\n", r"row 2 \(line 3\) has 1 cell, the header has 2"),
        ("a,b\n1,2,3\n", r"row 1 \(line 2\) has 3 cells, the header has 2"),
        ("1,2\n\n3,4,5\n", r"row 2 \(line 3\) has 3 cells, row 1 has 2"),
        ('a,b\n1,"2\n3,4\n', "line 3: unexpected end of data"),
        ('a,b\n1,"2"x\n', "line 2: "),
        (b"a,b\n1,\xff\n", "line 2 is not text in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1 is not text in UTF-8"),
    ],
)
def test_files_that_are_no_table(file, content, words):
    path = file(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_csv(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_of_zeros_is_no_table(file):
    with pytest.raises(ValueError, match=r"data\.csv: "):
        read_csv(file(b"\0" * 100)).numbers([0])


def test_a_cell_beyond_the_limit_of_the_csv_module_is_refused(file):
    with pytest.raises(ValueError, match="line 2: field larger"):
        read_csv(file("a,b\n1," + "2" * (csv.field_size_limit() + 1) + "\n"))


@pytest.mark.parametrize("cell", ["", " ", "NA", "na", "N/A", "nan", "NaN", "null"])
def test_a_missing_value_is_named_by_row_and_column(file, cell):
    table = read_csv(file(f"a,b,c\n1,2,3\n\n4,{cell},6\n"))
    assert is_missing(cell)
    for read in (lambda: table.numbers([0, 1]), lambda: table.texts(1)):
        with pytest.raises(ValueError, match=r"row 2 \(line 4\), column 'b': the value is missing"):
            read()


@pytest.mark.parametrize("cell", ["x", "1,5", "1_0", "0x10", "1 2", "--1", "True", "1e", "½"])
def test_what_is_no_number_is_named_by_row_and_column(file, cell):
    table = read_csv(file(f'a,b\n1,"{cell}"\n'))
    with pytest.raises(ValueError, match=r"row 1 \(line 2\), column 'b': .* is not a number"):
        table.numbers([0, 1])


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999"])
def test_what_is_not_finite_is_refused(cell):
    with pytest.raises(ValueError, match="is not finite"):
        number(cell)


def test_a_long_cell_is_cut_in_the_message():
    with pytest.raises(ValueError, match=r"^'x{37}\.\.\.' is not a number$"):
        number("x" * 10_000)


def test_numbers_keep_every_digit(file):
    value = float(np.nextafter(0.1, 1))
    assert read_csv(file(f"a\n{value!r}\n")).numbers([0])[0, 0] == value


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "missing.csv")
    with pytest.raises(IsADirectoryError):
        read_csv(tmp_path)
