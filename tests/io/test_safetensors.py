"""What is written is read again bit by bit, and no other file is taken for a model."""

import json
import os
import pickle
import stat

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.io import ModelFileError
from mlpcore.io._container import Header, table_of
from mlpcore.io._container import write as write_container
from mlpcore.io.safetensors import _checksum, read, read_metadata, write
from mlpcore.kernels.reference.operations import Activation, Standardize
from mlpcore.network import perceptron
from mlpcore.program import lower

SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-42, -1.5]


def network(*sizes, before=()):
    hidden = [Activation("relu")] * (len(sizes) - 2)
    return perceptron(sizes, hidden, Activation("softmax"), before=before)


def values_of(net, dtype="float32", seed=0):
    """Return arrays for `net`, with values in them that formats like to lose."""
    rng = np.random.default_rng(seed)
    program = lower(net)
    arrays = {
        p.name: rng.standard_normal(p.shape).astype(dtype)
        for p in (*program.parameters, *program.state)
    }
    first = next(iter(arrays.values())).reshape(-1)
    first[: len(SPECIAL)] = SPECIAL[: len(first)]
    return arrays


NETWORK = network(3, 4, 2, before=(Standardize(),))
METADATA = {"classes": '["ä", "b"]', "": "no name", "format": "the user's own"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(path):
    write(path, NETWORK.config(), values_of(NETWORK), METADATA)
    return path


def assert_same_bits(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 4, 2), (5, 1, 1, 7)])
def test_round_trip(path, sizes, dtype):
    net = network(*sizes)
    values = values_of(net, dtype)
    write(path, net.config(), values, METADATA)
    found = read(path)
    assert found.network == net
    assert found.dtype == dtype
    assert found.metadata == METADATA
    assert_same_bits(found.values, values)


def test_the_state_is_kept_with_the_parameters(saved):
    assert {"layers.0.mean", "layers.0.scale"} <= read(saved).values.keys()


def test_the_arrays_of_a_file_may_be_written_to(saved):
    read(saved).values["layers.0.weight"][...] = 0


@pytest.mark.parametrize("layout", ["transposed", "strided", "big endian"])
def test_how_an_array_lies_in_memory_does_not_matter(path, layout):
    net = network(3, 4)
    values = values_of(net)
    weight = values["layers.0.weight"]
    odd = {
        "transposed": lambda: weight.T.copy().T,
        "strided": lambda: np.repeat(weight, 2, axis=1)[:, ::2],
        "big endian": lambda: weight.astype(">f4"),
    }[layout]()
    write(path, net.config(), values | {"layers.0.weight": odd}, {})
    assert_same_bits(read(path).values, values)


def test_the_same_model_gives_the_same_bytes(tmp_path):
    contents = set()
    for name in ("a", "b", "c"):
        write(tmp_path / name, NETWORK.config(), values_of(NETWORK), METADATA)
        contents.add((tmp_path / name).read_bytes())
    assert len(contents) == 1


def test_the_package_reads_what_was_written(saved):
    assert_same_bits(
        dict(sorted(safetensors.numpy.load_file(saved).items())),
        dict(sorted(values_of(NETWORK).items())),
    )
    with safetensors.safe_open(saved, framework="np") as file:
        entries = file.metadata()
    assert entries["format"] == "mlpcore"
    assert json.loads(entries["network"]) == NETWORK.config()
    assert entries["user.classes"] == METADATA["classes"]


def test_the_file_may_be_read_by_the_users_that_the_umask_allows(path):
    old = os.umask(0o022)
    try:
        write(path, NETWORK.config(), values_of(NETWORK), {})
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("seed", [0, 7, 2**63 - 1, 2**128, np.int64(7), None])
def test_the_seed_is_kept(path, seed):
    write(path, NETWORK.config(), values_of(NETWORK), METADATA, seed)
    found = read(path)
    assert found.seed == seed
    assert type(found.seed) in (int, type(None))
    assert found.metadata == METADATA


def test_a_file_without_a_seed_has_none(path):
    rewrite(path)
    assert read(path).seed is None


@pytest.mark.parametrize("seed", ["", "-1", "1.5", " 7", "7\n", "1_0", "²", "9" * 9999])
def test_a_seed_that_is_no_number(path, seed):
    rewrite(path, seed=seed)
    assert "its seed cannot be read" in refusal(path)


def test_a_path_may_be_bytes(path):
    write(os.fsencode(path), NETWORK.config(), values_of(NETWORK), METADATA)
    assert read(os.fsencode(path)).network == NETWORK
    assert read_metadata(os.fsencode(path)) == METADATA
    path.write_bytes(b"")
    with pytest.raises(ModelFileError) as caught:
        read(os.fsencode(path))
    assert str(caught.value) == f"{path}: the file is empty"


def test_metadata_can_be_read_alone(saved):
    assert read_metadata(saved) == METADATA
    saved.write_bytes(saved.read_bytes()[:-4])  # the arrays are not looked at
    assert read_metadata(saved) == METADATA


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"metadata": {"a": 1}}, TypeError),
        ({"metadata": {1: "a"}}, TypeError),
        ({"metadata": {"a": "\ud800"}}, ValueError),
        ({"values": {"layers.0.weight": np.zeros((2, 3), dtype=np.int64)}}, TypeError),
        ({"values": {"a": np.zeros(1, np.float32), "b": np.zeros(1)}}, ValueError),
        ({"values": {}}, ValueError),
        ({"seed": 1.5}, TypeError),
        ({"seed": True}, TypeError),
        ({"seed": -1}, ValueError),
        ({"network_config": {"slope": float("nan")}}, ValueError),
    ],
    ids=str,
)
def test_what_cannot_be_written_leaves_the_old_file(saved, change, error):
    before = saved.read_bytes()
    arguments = {"network_config": NETWORK.config(), "values": values_of(NETWORK), "metadata": {}}
    with pytest.raises(error):
        write(saved, **arguments | change)
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


# What is not a model.


def refusal(path, reader=read):
    """Return the message with which `path` is refused: one line that begins with the path."""
    with pytest.raises(ModelFileError) as caught:
        reader(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


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


def rewrite(path, arrays=None, config=None, **entries):
    """Write a file whose checksum fits, with something changed that `write` would not write."""
    arrays = values_of(NETWORK) if arrays is None else arrays
    text = json.dumps(NETWORK.config() if config is None else config)
    entries = {"format": "mlpcore", "schema": "1", "network": text} | entries
    header = Header({k: v for k, v in entries.items() if v is not None}, table_of(arrays))
    checksum = {"checksum": _checksum(header, arrays)}
    write_container(path, Header(header.entries | checksum, header.table), arrays)


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


# Damage.


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "model"
    write(path, NETWORK.config(), values_of(NETWORK), METADATA)
    return path.read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged") / "model"


def assert_refused_or_same(path):
    """Damage is noticed, unless it changed nothing that means anything."""
    try:
        found = read(path)
    except ModelFileError:
        return
    assert found.network == NETWORK
    assert found.metadata == METADATA
    assert_same_bits(found.values, values_of(NETWORK))


@given(data=st.data())
def test_a_flipped_bit_is_noticed(data, content, scratch):
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    damaged = bytearray(content)
    damaged[place // 8] ^= 1 << place % 8
    scratch.write_bytes(damaged)
    assert_refused_or_same(scratch)


@given(data=st.data())
def test_a_flipped_bit_of_an_array_is_always_refused(data, content, scratch):
    nbytes = sum(array.nbytes for array in values_of(NETWORK).values())
    place = data.draw(st.integers(8 * (len(content) - nbytes), 8 * len(content) - 1))
    damaged = bytearray(content)
    damaged[place // 8] ^= 1 << place % 8
    scratch.write_bytes(damaged)
    assert "checksum" in refusal(scratch)


@given(data=st.data())
def test_a_changed_stretch_is_noticed(data, content, scratch):
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, min(len(content), start + 64)))
    scratch.write_bytes(content[:start] + data.draw(st.binary(max_size=64)) + content[stop:])
    assert_refused_or_same(scratch)


@given(length=st.integers(0, 2000))
def test_every_shorter_file_is_refused(length, content, scratch):
    scratch.write_bytes(content[: min(length, len(content) - 1)])
    refusal(scratch)


@given(content=st.binary(max_size=200))
def test_no_other_bytes_are_a_model(content, scratch):
    scratch.write_bytes(content)
    refusal(scratch)
    refusal(scratch, read_metadata)
