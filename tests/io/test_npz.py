"""Arrays are read by name, and nothing is unpickled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcore.io.npz import read_npz

X, T = np.arange(6.0).reshape(3, 2), np.array(["a", "b", "a"])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, x=X, t=T)
    return path


def test_arrays_come_in_the_order_asked_for(path):
    t, x = read_npz(path, ["t", "x"])
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(t, T)


def test_an_unknown_name_lists_the_known_ones(path):
    with pytest.raises(ValueError, match="no array 'y'; there are 'x', 't'"):
        read_npz(path, ["x", "y"])


class Bomb:
    """Would fail the test that unpickles it."""

    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match=r"array 'x' cannot be read: .*allow_pickle"):
        read_npz(tmp_path / "data.npz", ["x"])


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\3\4" + b"\0" * 50])
def test_other_bytes_are_refused(tmp_path, content):
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"data\.npz: it is no NPZ file, or a damaged one"):
        read_npz(path, ["x"])


def test_a_member_that_is_no_array_is_refused(path):
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"abc")
    with pytest.raises(ValueError, match="'x' is not an array"):
        read_npz(path, ["x"])


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "missing.npz", ["x"])
    with pytest.raises(IsADirectoryError):
        read_npz(tmp_path, ["x"])


@given(data=st.data())
def test_damage_is_a_value_error_or_changes_nothing(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("npz") / "data.npz"
    np.savez_compressed(path, x=X, t=T)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)
    try:
        x, t = read_npz(path, ["x", "t"])
    except ValueError:
        return
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(t, T)
