"""Rows of files are read as they are needed: the same bits as of arrays, in little memory."""

import threading
import tracemalloc

import numpy as np
import pytest

from mlpcore import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
T = (X[:, 0] > 0).astype(np.int64)


def in_file(folder, array, name="x"):
    found = np.memmap(folder / name, array.dtype, "w+", shape=array.shape)
    found[:] = array
    return found


def model(output="softmax"):
    return MLP([4, 6, 2], output=output, seed=0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle": False, "steps_per_epoch": 7},
        {"validation_split": 0.25},
        {"sample_weight": np.linspace(0, 1, 300)},
    ],
)
def test_files_are_trained_on_and_evaluated_as_arrays_are_to_the_bit(tmp_path, options):
    net, twin = model(), model()
    found = net.fit(in_file(tmp_path, X), T, epochs=2, **options)
    expected = twin.fit(X, T, epochs=2, **options)
    assert net.equals(twin)
    for name in set(expected.names) - {"seconds"}:
        assert found[name] == expected[name]
    assert net.evaluate(in_file(tmp_path, X), T) == net.evaluate(X, T)


def test_targets_may_lie_in_a_file_and_views_of_files_are_files(tmp_path):
    t = X[:, :2] * 2
    mapped_x, mapped_t = in_file(tmp_path, X), in_file(tmp_path, t, "t")
    net, twin = model("identity"), model("identity")
    held = (mapped_x[:50], mapped_t[:50])
    found = net.fit(np.asarray(mapped_x), mapped_t, epochs=2, validation_data=held)
    expected = twin.fit(X, t, epochs=2, validation_data=(X[:50], t[:50]))
    assert net.equals(twin)
    assert found["val_loss"] == expected["val_loss"]


def test_a_file_is_never_in_memory_as_a_whole(tmp_path):
    rows, features = 1 << 16, 128  # 32 MiB of zeros, which take no room on the disk
    x = np.memmap(tmp_path / "x", np.float32, "w+", shape=(rows, features))
    t = np.arange(rows) % 2
    net = MLP([features, 4, 2], output="softmax", seed=0)
    net.fit(x[:4096], t[:4096], epochs=1, batch_size=2048, validation_data=(x[:4096], t[:4096]))
    tracemalloc.start()
    net.fit(x, t, epochs=1, batch_size=2048, validation_data=(x, t))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Four batches at most: two that wait, one being read, one in use.  In validation a batch has
    # 4096 rows.  Beside them: for each row its number, label and logits, 32 bytes, some copied.
    batch = 4096 * features * 4
    assert peak < 5 * batch + rows * 100 < x.nbytes / 1.9


def test_an_interrupted_fit_leaves_no_thread(tmp_path):
    x = in_file(tmp_path, X)
    x[200] = np.nan
    before = threading.active_count()
    with pytest.raises(ValueError, match="batch 7 of epoch 1: x has nan in row 200, column 0"):
        model().fit(x, T, epochs=3, shuffle=False)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"t": T[:9]}, "t must be an array with 300 rows"),
        ({"t": T + 1}, "is not a class"),
        ({"sample_weight": np.ones(9)}, "sample_weight of shape"),
        ({"validation_split": 1e-4}, "leaves none to validate"),
    ],
)
def test_what_can_be_checked_without_reading_rows_is_checked_before_any_work(
    tmp_path, changes, words
):
    net = model()
    with pytest.raises(ValueError, match=words):
        net.fit(**({"x": in_file(tmp_path, X), "t": T} | changes))
    assert net.equals(model())
    with pytest.raises(ValueError, match="must have the shape"):
        net.fit(in_file(tmp_path, X)[:, :3], T)


def test_beside_a_file_targets_and_weights_may_be_lists(tmp_path):
    net, twin = model(), model()
    net.fit(in_file(tmp_path, X), T.tolist(), sample_weight=[0.5] * len(T), epochs=1)
    twin.fit(X, T, sample_weight=np.full(len(T), 0.5), epochs=1)
    assert net.equals(twin)


def test_a_file_without_real_numbers_is_refused_before_any_work(tmp_path):
    with pytest.raises(TypeError, match=r"^expected real numbers, got .* complex64"):
        model().fit(in_file(tmp_path, X.astype(np.complex64)), T)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_number_that_is_none_is_named_by_its_row_in_the_file(tmp_path, shuffle):
    x = X.copy()
    x[123, 2] = np.inf
    with pytest.raises(ValueError, match="x has inf in row 123, column 2"):
        model().fit(in_file(tmp_path, x), T, shuffle=shuffle)
    with pytest.raises(ValueError, match=r"validation_data: .* in row 123, column 2"):
        model().fit(X, T, epochs=1, validation_data=(in_file(tmp_path, x), T))


def test_labels_of_one_class_are_warned_of_beside_a_file(tmp_path):
    with pytest.warns(UserWarning, match="all 300 targets are 0: there is one class only"):
        model().fit(in_file(tmp_path, X), np.zeros(300, int), epochs=1)
