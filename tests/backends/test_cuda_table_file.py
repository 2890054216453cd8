"""The file of a user's own measurements: found, read, written, and refused where it is damaged."""

import json
import re

import pytest

from mlpcore.backends.cuda.choices import Choice, Choices
from mlpcore.backends.cuda.gpu_model import GPUModel
from mlpcore.backends.cuda.json_field import TableError
from mlpcore.backends.cuda.table import DEFAULT, Entry
from mlpcore.backends.cuda.table_file import OFF, VARIABLE, is_read, read, row, table_for, updated

HERE = GPUModel("A GPU", "9.0")
OTHER = GPUModel("A GPU", "8.0")
ENTRY = Entry("float32", 784, 512, Choices(Choice.TILED, Choice.CUPY, Choice.CUBLASLT))


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the file is looked for, which is not there yet."""
    path = tmp_path / "table.json"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def write(path, model=HERE, entries=(ENTRY,)):
    path.write_text(updated(path, model, {"date": "today"}, map(row, entries)), "utf-8")


def damaged(path, change):
    """Write a file of which `change` has changed the content."""
    write(path)
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def test_what_was_written_is_read(path):
    write(path)
    assert read(path) == {HERE: (ENTRY,)}
    assert table_for(HERE).choices("float32", 784, 512) == ENTRY.choices


def test_a_gpu_takes_its_own_place_and_leaves_the_others(path):
    newer = Entry("float64", 10, 10, ENTRY.choices)
    write(path, HERE)
    write(path, OTHER, (newer,))
    write(path, HERE, (newer, ENTRY))
    assert read(path) == {HERE: (newer, ENTRY), OTHER: (newer,)}


def test_an_unknown_gpu_takes_the_default_without_a_word(path, caplog, capsys):
    write(path)
    assert table_for(OTHER).entries == DEFAULT.entries == ()
    assert not caplog.records
    assert capsys.readouterr() == ("", "")


def test_the_cache_folder_has_it_unless_the_variable_names_another(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("MLPCORE_CACHE_DIR", str(tmp_path))
    assert table_for(HERE) is DEFAULT
    path = tmp_path / "cuda-table.json"
    write(path)
    assert table_for(HERE).entries == (ENTRY,)
    assert is_read(path)
    assert not is_read(tmp_path / "other.json")
    monkeypatch.setenv(VARIABLE, OFF)
    assert table_for(HERE) is DEFAULT
    assert not is_read(path)


@pytest.mark.parametrize("name", ["MLPCORE_CACHE_DIR", "XDG_CACHE_HOME", "HOME"])
def test_a_machine_without_a_cache_folder_takes_the_default(name, tmp_path, monkeypatch):
    for variable in (VARIABLE, "MLPCORE_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(name, str(tmp_path / "file"))
    assert table_for(HERE) is DEFAULT


def test_a_file_that_is_named_has_to_be_there(path):
    with pytest.raises(TableError, match=rf"^{VARIABLE}={re.escape(str(path))}: No such file"):
        table_for(HERE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"schema":\n "x",\n', ", line 3, column 1: not JSON: "),
        (b"", ", line 1, column 1: not JSON: "),
        (b"\xff\xfe", ": byte 0 is no UTF-8"),
        (b"[" * 100_000, ": not the JSON of a table"),
        (b"1" * 10_000, ": not the JSON of a table"),
        (b"[]", ": expected an object with 'schema', got []"),
        (b"{}", ": expected a field 'schema', got none"),
        (b'{"schema": 2}', ", schema: expected 'mlpcore.cuda-table/1', "),
    ],
)
def test_what_is_no_table_says_which_file_and_where(path, text, message):
    path.write_bytes(text)
    with pytest.raises(TableError) as caught:
        table_for(OTHER)  # whichever GPU asks
    assert str(caught.value).startswith(f"{path}{message}")
    assert len(str(caught.value)) < len(str(path)) + 160


@pytest.mark.parametrize(
    ("place", "name", "value", "message"),
    [
        ((), "devices", {}, "devices: expected a list, got {}"),
        (("devices",), 0, [], "devices[0]: expected an object with 'name', got []"),
        (("devices", 0), "name", 3, "devices[0].name: expected a text, got 3"),
        (("devices", 0), "compute_capability", "", "devices[0].compute_capability: expected a"),
        (("devices", 0, "choices", 0), "dtype", "int8", "choices[0].dtype: expected one of float3"),
        (("devices", 0, "choices", 0), "inputs", 0, "choices[0].inputs: expected a whole number"),
        (("devices", 0, "choices", 0), "inputs", True, "choices[0].inputs: expected a whole numb"),
        (("devices", 0, "choices", 0), "outputs", 3.5, "choices[0].outputs: expected a whole num"),
        (("devices", 0, "choices", 0), "outputs", 2**31, "choices[0].outputs: expected a whole n"),
        (("devices", 0, "choices", 0), "forward", ["x"], "choices[0].forward: expected one of cu"),
        (
            ("devices", 0, "choices", 0),
            "input_gradient",
            "narrow",
            "choices[0].input_gradient: expected one of cublaslt, tiled, cupy, got 'narrow'",
        ),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_field(path, place, name, value, message):
    def change(content):
        for step in place:
            content = content[step]
        content[name] = value

    damaged(path, change)
    with pytest.raises(TableError) as caught:
        table_for(HERE)
    assert str(caught.value).startswith(f"{path}, ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name", ["dtype", "inputs", "outputs", "forward", "input_gradient", "weight_gradient"]
)
def test_a_missing_field_is_named(path, name):
    damaged(path, lambda content: content["devices"][0]["choices"][0].pop(name))
    with pytest.raises(TableError, match=rf"choices\[0\]: expected a field '{name}', got none"):
        table_for(HERE)


def test_a_layer_or_a_gpu_that_stands_there_twice_is_an_error(path):
    write(path, entries=(ENTRY, ENTRY))
    with pytest.raises(TableError, match=r"choices\[1\]: expected every layer once, got float32"):
        table_for(HERE)
    path.unlink()
    damaged(path, lambda content: content["devices"].append(content["devices"][0]))
    with pytest.raises(TableError, match=r"devices\[1\]: expected every GPU once, got A GPU"):
        table_for(HERE)


def test_a_damaged_file_is_not_written_over(path):
    path.write_text("{")
    with pytest.raises(TableError):
        updated(path, HERE, {}, ())
