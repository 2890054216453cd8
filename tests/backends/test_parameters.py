"""Writable views come from leases only, and a write through one is never missed."""

import ctypes
import gc
import threading

import numpy as np
import pytest

from mlpcore.backends.cpu.backend import CPUBackend
from mlpcore.backends.layout import Layout
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.device import Device
from mlpcore.program import Parameter


@pytest.fixture
def buffer():
    backend = CPUBackend(Device.parse("cpu"))
    layout = Layout.of((Parameter("w", (3, 4)), Parameter("b", (3,))), 4)
    return ParameterBuffer(backend.zeros(layout.length, np.float32), layout, backend)


def test_a_stamp_stays_until_something_is_written(buffer):
    stamp = buffer.stamp
    assert stamp is not None
    assert buffer.stamp == stamp
    buffer.changed()
    assert buffer.stamp not in (stamp, None)


def test_a_write_through_a_view_that_is_gone_is_still_seen(buffer):
    stamp = buffer.stamp
    buffer.lease()["w"][...] = 3
    gc.collect()
    assert not buffer.leased
    assert buffer.stamp not in (stamp, None)
    assert (buffer.views["w"] == 3).all()


def test_there_is_no_stamp_while_a_view_lives(buffer):
    stamp = buffer.stamp
    w = buffer.lease()["w"]
    assert buffer.stamp is None
    assert buffer.stamp is None
    del w
    gc.collect()
    assert buffer.stamp not in (stamp, None)


@pytest.mark.parametrize(
    "derive",
    [
        lambda w: w[1:],
        lambda w: w.T,
        lambda w: w.reshape(-1)[::2],
        memoryview,
        lambda w: np.asarray(memoryview(w)),
        lambda w: np.from_dlpack(w),
        lambda w: w.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
        lambda w: np.frombuffer(w, dtype=np.float32),
        lambda w: np.lib.stride_tricks.as_strided(w, (2,), (4,)),
        lambda w: np.nditer(w),
    ],
    ids=[
        "slice",
        "transpose",
        "strided",
        "memoryview",
        "from memoryview",
        "dlpack",
        "ctypes",
        "frombuffer",
        "as_strided",
        "nditer",
    ],
)
def test_every_kind_of_view_keeps_the_lease_alive(buffer, derive):
    kept = derive(buffer.lease()["w"])
    gc.collect()
    assert buffer.leased
    del kept
    gc.collect()
    assert not buffer.leased


def test_two_leases_at_once_are_one(buffer):
    first, second = buffer.lease(), buffer.lease()
    del first
    assert buffer.leased
    second["b"][...] = 1
    del second
    assert not buffer.leased


def test_a_lease_can_be_issued_from_many_threads(buffer):
    held = []

    def hold():
        for _ in range(200):
            held.append(buffer.lease()["w"])
            assert buffer.stamp is None

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 800
    assert buffer.leased
    held.clear()
    assert not buffer.leased


def test_views_are_named_and_may_be_assigned_but_not_added_or_removed(buffer):
    views = buffer.lease()
    assert list(views) == ["w", "b"]
    assert len(views) == 2
    views["b"] = [1, 2, 3]
    assert buffer.views["b"].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match=r"w has shape \(3, 4\), got \(4, 3\)"):
        views["w"] = np.zeros((4, 3))
    with pytest.raises(ValueError, match=r"w has shape \(3, 4\), got \(4,\)"):
        views["w"] = [1, 2, 3, 4]  # which NumPy would broadcast
    with pytest.raises(TypeError, match="expected real numbers"):
        views["b"] = np.ones(3, dtype=complex)
    with np.errstate(all="raise"):
        views["b"] = np.full(3, 1e300)
    assert np.isinf(buffer.views["b"]).all()
    with pytest.raises(KeyError, match="no parameter 'v'; there are w, b"):
        views["v"] = 1
    with pytest.raises(TypeError, match="cannot be removed"):
        del views["w"]
    assert repr(views) == "ParameterViews(w: (3, 4), b: (3,))"
