"""What is no model of this library, or lies about itself, is refused with the reason."""

import json
import os
import pickle

import numpy as np
import pytest
import safetensors.numpy
from support.model_files import (
    NETWORK,
    assert_same_bits,
    network,
    refusal,
    rewrite,
    values_of,
)

from mlpcore.io.safetensors import read, read_metadata


@pytest.mark.parametrize("reader", [read, read_metadata])
class TestWhatIsNotAModel:
    def test_a_missing_file(self, path, reader):
        with pytest.raises(FileNotFoundError):
            reader(path)

    def test_a_directory(self, tmp_path, reader):
        assert "directory" in refusal(tmp_path, reader)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe_does_not_block(self, path, reader):
        os.mkfifo(path)
        assert "not a regular file" in refusal(path, reader)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "empty"),
            (b"abc", "cut off: it has 3 bytes"),
            (b"a,b\n1,2\n3,4\n", "cut off, or no safetensors file"),
            (b"\xff" * 8 + b"{}", "cut off, or no safetensors file"),
            (pickle.dumps({"weight": [1.0] * 50}), "no safetensors file"),
            ((2).to_bytes(8, "little") + b"[]", "no JSON object"),
            ((2).to_bytes(8, "little") + b"\xff\xff", "header cannot be read"),
            ((0).to_bytes(8, "little"), "header cannot be read"),
            ((9999).to_bytes(8, "little") + b"[" * 9999, "header cannot be read"),
        ],
        ids=range(9),
    )
    def test_other_bytes(self, path, reader, content, words):
        path.write_bytes(content)
        assert words in refusal(path, reader)

    def test_safetensors_of_another_program(self, path, reader):
        arrays = {f"block.{i}.w": np.zeros((2, 2), np.float32) for i in range(9)}
        safetensors.numpy.save_file(arrays, path, metadata={"format": "pt"})
        message = refusal(path, reader)
        assert "not written by mlpcore" in message
        assert "block.0.w, " in message
        assert "3 more" in message

    def test_safetensors_without_anything(self, path, reader):
        path.write_bytes(safetensors.numpy.save({}))
        assert "no arrays" in refusal(path, reader)

    def test_metadata_that_are_not_strings(self, path, reader):
        text = b'{"__metadata__":{"format":1}}'
        path.write_bytes(len(text).to_bytes(8, "little") + text)
        assert "not strings" in refusal(path, reader)

    def test_a_later_schema(self, path, reader):
        rewrite(path, schema="2", mlpcore_version="9.0")
        message = refusal(path, reader)
        assert "schema '2' (from mlpcore 9.0)" in message
        assert "reads '1'" in message


def test_a_rewritten_file_without_changes_is_read(path):
    rewrite(path)
    assert_same_bits(read(path).values, values_of(NETWORK))


@pytest.mark.parametrize("missing", [1, 4, 60])
def test_a_file_that_is_cut_off(saved, missing):
    saved.write_bytes(saved.read_bytes()[:-missing])
    assert f"{missing} bytes are missing" in refusal(saved)


def test_a_file_that_goes_on(saved):
    saved.write_bytes(saved.read_bytes() + b"abc")
    assert "3 bytes after the end" in refusal(saved)


def test_arrays_changed_by_another_program(saved):
    arrays = safetensors.numpy.load_file(saved)
    with safetensors.safe_open(saved, framework="np") as file:
        entries = file.metadata()
    arrays["layers.0.bias"] += 1
    safetensors.numpy.save_file(arrays, saved, metadata=entries)
    assert "checksum" in refusal(saved)


def without(arrays, name):
    return {key: array for key, array in arrays.items() if key != name}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: without(a, "layers.1.bias"), "needs layers.1.bias, which is missing"),
        (lambda a: a | {"layers.2.bias": np.zeros(2, np.float32)}, "has no layers.2.bias"),
        (
            lambda a: a | {"layers.0.weight": np.zeros((3, 4), np.float32)},
            "layers.0.weight has shape (3, 4); its network needs (4, 3)",
        ),
        (lambda a: a | {"layers.0.mean": np.zeros(3)}, "float32 and float64"),
    ],
    ids=["missing", "unexpected", "shape", "dtypes"],
)
def test_arrays_that_do_not_fit_the_network(path, change, words):
    rewrite(path, change(values_of(NETWORK)))
    assert words in refusal(path)


@pytest.mark.parametrize(
    "entries",
    [
        {"config": {}},
        {"config": []},
        {"config": NETWORK.config() | {"schema": 2}},
        {"config": NETWORK.config() | {"layers": [{"kind": "dense"}]}},
        {"config": NETWORK.config() | {"layers": [{"kind": "lambda", "code": "1"}]}},
        {"config": NETWORK.config() | {"layers": []}},
        {"network": "not JSON"},
        {"network": "[" * 5000},
        {"network": None},
    ],
    ids=str,
)
def test_a_network_that_is_none(path, entries):
    rewrite(path, **entries)
    assert "does not describe a network" in refusal(path)


def test_a_network_that_is_deeper_than_the_file_has_arrays(path):
    rewrite(path, config=network(*[1] * 9).config())
    assert "its network has 8 layers, but it holds 6 arrays" in refusal(path)


def test_arrays_of_another_dtype(path):
    arrays = {"layers.0.weight": np.zeros((2, 2), np.float16)}
    entries = {"format": "mlpcore", "schema": "1"}
    safetensors.numpy.save_file(arrays, path, metadata=entries)
    assert "layers.0.weight has dtype F16" in refusal(path)


@pytest.mark.parametrize(
    "table",
    [
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [0, 2**62], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [0, 2**64 - 1], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, float("inf")]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": "04"}},
        {"a": {"dtype": "F32", "shape": [1]}},
        {"a": 1},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "b": None},
    ],
    ids=lambda table: json.dumps(table["a"]),
)
def test_a_table_that_lies(path, table):
    header = json.dumps({"__metadata__": {"format": "mlpcore", "schema": "1"}} | table).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    refusal(path)
