import io
import runpy
from pathlib import Path

import numpy as np
import pytest

from mlpcore.datasets import Digits, _digits, load_digits

MAKE_DIGITS = Path(__file__).parents[2] / "ci" / "make_digits.py"


def damaged(tmp_path, monkeypatch, content: bytes):
    """Let `load_digits` read a file with this content instead of the one it ships with."""
    path = tmp_path / "digits.npz"
    path.write_bytes(content)
    monkeypatch.setattr(_digits, "_FILE", path)
    return path


def npz(**arrays) -> bytes:
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)
    return archive.getvalue()


def test_1797_images_of_64_pixels_and_their_digits():
    x, t = load_digits()
    assert (x.shape, x.dtype) == ((1797, 64), np.float32)
    assert (t.shape, t.dtype) == ((1797,), np.int64)
    assert t[:10].tolist() == list(range(10))


def test_each_digit_is_there_as_often_as_the_repository_says():
    # optdigits.names, "Class Distribution", column of the testing set
    assert np.bincount(load_digits().t).tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]


def test_a_pixel_is_a_count_of_0_to_16_or_that_over_16():
    raw, scaled = load_digits(scale=False).x, load_digits().x
    assert np.array_equal(np.unique(raw), np.arange(17))
    assert np.array_equal(scaled * 16, raw)  # division by 16 is exact


def test_the_first_image_shows_a_zero():
    image = load_digits(scale=False).x[0].reshape(8, 8)
    assert image[0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert np.all(image[2:6, 3:5] < image[2:6, [2, 5]].min())  # a ring is empty inside


def test_every_call_gives_arrays_of_its_own():
    first = load_digits()
    first.x[...] = -1
    first.t[...] = -1
    assert load_digits().x.min() == 0
    assert load_digits().t.min() == 0


def test_a_split_is_the_whole_set_once():
    digits = load_digits()
    train, test = digits.split()
    assert isinstance(train, Digits)
    assert len(train.t) == len(train.x) == 1438
    assert len(test.t) == len(test.x) == 359
    rows = np.column_stack([digits.x, digits.t])
    parts = np.column_stack([np.vstack([train.x, test.x]), np.hstack([train.t, test.t])])
    assert np.array_equal(rows[np.lexsort(rows.T)], parts[np.lexsort(parts.T)])


def test_the_file_is_small():
    assert len(_digits._FILE.read_bytes()) < 50_000


def test_the_file_is_scikit_learns_copy_value_for_value():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    data, target = sklearn_datasets.load_digits(return_X_y=True)
    x, t = load_digits(scale=False)
    assert np.array_equal(x, data)
    assert np.array_equal(t, target)


def test_the_script_that_made_the_file_makes_it_again(tmp_path):
    pytest.importorskip("sklearn")
    made = np.load(io.BytesIO(runpy.run_path(str(MAKE_DIGITS))["digits_npz"]()))
    with _digits._FILE.open("rb") as stream, np.load(stream) as shipped:
        assert sorted(made) == sorted(shipped) == ["t", "x"]
        for name in made:
            assert made[name].dtype == shipped[name].dtype
            assert np.array_equal(made[name], shipped[name])


@pytest.mark.parametrize("length", [0, 1, 100, 20_000, -1])
def test_a_truncated_file_is_called_damaged(tmp_path, monkeypatch, length):
    path = damaged(tmp_path, monkeypatch, _digits._FILE.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"damaged.*Install mlpcore again") as caught:
        load_digits()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("position", [300, 20_000, 43_000, 44_800])
def test_a_changed_byte_is_noticed(tmp_path, monkeypatch, position):
    content = bytearray(_digits._FILE.read_bytes())
    content[position] ^= 0xFF
    damaged(tmp_path, monkeypatch, bytes(content))
    with pytest.raises(ValueError, match="damaged"):
        load_digits()


X, T = np.zeros((1797, 64), np.uint8), np.zeros(1797, np.uint8)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"not an archive at all", "cannot be read"),
        (npz(x=X), "cannot be read"),
        (npz(x=X[1:], t=T[1:]), r"shapes \(1796, 64\) and \(1796,\)"),
        (npz(x=X.astype(float), t=T), "dtypes float64 and uint8"),
        (npz(x=X + np.uint8(17), t=T), "a pixel of 17"),
        (npz(x=X, t=T + np.uint8(10)), "a digit of 10"),
        (npz(x=X, t=np.array([{}] * 1797)), "cannot be read"),  # never unpickled
    ],
)
def test_foreign_content_is_named(tmp_path, monkeypatch, content, what):
    damaged(tmp_path, monkeypatch, content)
    with pytest.raises(ValueError, match=what):
        load_digits()


def test_a_missing_file_is_not_found(tmp_path, monkeypatch):
    monkeypatch.setattr(_digits, "_FILE", tmp_path / "digits.npz")
    with pytest.raises(FileNotFoundError, match=r"digits\.npz"):
        load_digits()


def test_licence_and_authors_stand_beside_the_file():
    notice = (_digits._FILE.parent / "LICENSES.md").read_text("utf-8")
    for needed in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0", "digits.npz"):
        assert needed in notice
