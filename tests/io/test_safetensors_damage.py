"""No damaged file is taken for a model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_files import METADATA, NETWORK, assert_same_bits, refusal, values_of

from mlpcore.io import ModelFileError
from mlpcore.io.safetensors import read, read_metadata, write


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
