"""What is written is read again bit by bit."""

import json
import os
import stat

import numpy as np
import pytest
import safetensors.numpy
from support.model_files import (
    METADATA,
    NETWORK,
    assert_same_bits,
    network,
    refusal,
    rewrite,
    values_of,
)

from mlpcore.io import ModelFileError
from mlpcore.io.safetensors import read, read_metadata, write


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
