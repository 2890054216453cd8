"""NumPy inputs of a model on a GPU, in parts through pinned memory."""

import cupy
import numpy as np
import pytest

from mlpcore.backends.cuda import staging
from mlpcore.model import MLP

ROW_BYTES = 4 * 5


@pytest.fixture
def parts_of(monkeypatch):
    """Return a function that sets how many rows are sent at once."""

    def parts_of(rows):
        monkeypatch.setattr(staging, "STAGED_BYTES", rows * ROW_BYTES)

    return parts_of


def exact_network():
    """A network of small integers, of which every sum is exact in any order."""
    model = MLP([5, 4, 3], "relu", device="cuda", seed=0)
    rng = np.random.default_rng(0)
    model.set_parameters(
        {
            name: rng.integers(-4, 5, view.shape).astype(np.float32)
            for name, view in model.parameters().items()
        }
    )
    return model


def rows_of_integers(*shape):
    return np.random.default_rng(1).integers(-9, 10, shape).astype(np.float32)


@pytest.mark.parametrize("part", [1, 7, 16, 49, 50])
def test_the_result_does_not_depend_on_the_parts(parts_of, part):
    x = rows_of_integers(50, 5)
    expected = exact_network()(x)
    parts_of(part)
    y = exact_network()(x)
    assert type(y) is np.ndarray
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "uint16", "bool"])
def test_other_dtypes_become_the_models_on_their_way(parts_of, dtype):
    parts_of(8)
    x = np.abs(rows_of_integers(30, 5)).astype(dtype)
    y = exact_network()(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, exact_network()(x.astype(np.float32)))


def test_a_number_too_large_for_the_dtype_is_infinite_and_warns_nobody(parts_of):
    x = np.full((30, 5), 1e300)
    expected = exact_network()(x)
    parts_of(8)
    np.testing.assert_array_equal(exact_network()(x), expected)


def test_arrays_of_any_layout_and_of_more_axes(parts_of):
    x = rows_of_integers(6, 10, 5)
    expected = exact_network()(x)
    parts_of(8)
    model = exact_network()
    np.testing.assert_array_equal(model(x), expected)
    np.testing.assert_array_equal(model(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(model(x[::-1])[::-1], expected)


def test_results_are_written_where_they_are_wanted(parts_of):
    parts_of(8)
    model, x = exact_network(), rows_of_integers(30, 5)
    expected = model(x)
    out = np.empty((30, 3), np.float32)
    assert model(x, out) is out
    np.testing.assert_array_equal(out, expected)
    wide = np.empty((30, 6), np.float32)  # rows with something between them
    model(x, wide[:, :3])
    np.testing.assert_array_equal(wide[:, :3], expected)
    with pytest.raises(ValueError, match="shares memory"):
        model(x, x[:, :3])


def test_every_copy_is_between_the_device_and_pinned_memory(parts_of, double):
    parts_of(8)
    model, x = exact_network(), rows_of_integers(32, 5)
    model(x)
    double.reset_counters()
    model(x)
    found = double.counters
    assert (found.host_to_device, found.device_to_host) == (4, 4)
    assert found.pageable == 0


def test_parts_are_copied_on_streams_of_their_own_and_computed_on_the_current_one(
    parts_of, double, monkeypatch
):
    parts_of(8)
    model, x = exact_network(), rows_of_integers(32, 5)
    model(x)
    streams, copy = [], type(double.memory).copy

    def seen(self, to, source, size, kind, stream=0):
        streams.append((kind, stream))
        copy(self, to, source, size, kind, stream)

    monkeypatch.setitem(double._functions, "runtime.memcpyAsync", seen.__get__(double.memory))
    with cupy.cuda.Stream(non_blocking=True) as mine:
        model(x)
    into = {stream for kind, stream in streams if kind == 1}
    back = {stream for kind, stream in streams if kind == 2}
    assert len(into) == len(back) == 1
    assert len(into | back | {mine.ptr}) == 3


def test_each_part_waits_for_what_it_needs_and_for_nothing_else(parts_of, double, monkeypatch):
    """The double runs everything at once, so what a GPU would wait for is read from the calls."""
    parts_of(8)
    model, x = exact_network(), rows_of_integers(40, 5)
    model(x)
    log = []
    for name in ("memcpyAsync", "eventRecord", "streamWaitEvent", "eventSynchronize"):
        function = double._functions[f"runtime.{name}"]
        monkeypatch.setitem(double._functions, f"runtime.{name}", noted(log, name, function))
    model(x)
    (_, (begin, here)), (_, (into, awaited)), *rest = log
    assert begin == awaited  # memory from the pool may still be in use on the current stream
    seen, stored = [], []
    for name, arguments in rest:
        if name != "eventSynchronize":
            seen.append((name, arguments))
            continue
        # The host waits for the oldest part that is under way, after at most two were sent.
        assert len(seen) % 7 == 0
        event = seen[7 * len(stored) + 6][1][0]
        assert arguments == (event,)
        assert len(seen) // 7 - len(stored) <= 2
        stored.append(event)
    assert len(seen) == 7 * 5
    assert len(stored) == 5
    for k in range(0, len(seen), 7):
        part = seen[k : k + 7]
        copied_in, loaded, computes, computed, returns, out, recorded = (a for _, a in part)
        assert [name for name, _ in part] == [
            "memcpyAsync", "eventRecord", "streamWaitEvent",
            "eventRecord", "streamWaitEvent", "memcpyAsync", "eventRecord",
        ]  # fmt: skip
        back = recorded[1]
        assert (copied_in[3:], loaded[1]) == ((1, into), into)
        assert computes == (here, loaded[0])
        assert computed[1] == here
        assert returns == (back, computed[0])
        assert out[3:] == (2, back)
        assert len({here, into, back}) == 3


def noted(log, name, function):
    """Return a function that writes its calls into a log."""

    def noting(*arguments):
        log.append((name, arguments))
        return function(*arguments)

    return noting


def test_few_rows_are_sent_as_they_are(double):
    model = exact_network()
    model(rows_of_integers(30, 5))
    double.reset_counters()
    model(rows_of_integers(30, 5))
    assert (double.counters.host_to_device, double.counters.device_to_host) == (1, 1)
