"""The names of devices, and the contexts that hold for one thread or one task."""

import asyncio
import copy
import pickle
import threading

import pytest

from mlpcore import _device_request
from mlpcore.device import Cause, Device, DeviceUnavailableError, set_device, use_device


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch):
    monkeypatch.delenv("MLPCORE_DEVICE", raising=False)
    set_device(None)


def asked():
    """What a model made here and now would ask for."""
    device = _device_request.request_for().device
    return "auto" if device is None else str(device)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("cpu", Device("cpu")),
        ("cuda", Device("cuda", 0)),
        ("cuda:0", Device("cuda", 0)),
        ("cuda:12", Device("cuda", 12)),
        (" CPU\n", Device("cpu")),
        ("\tCuda:1 ", Device("cuda", 1)),
    ],
)
def test_a_name_means_a_device_whatever_its_case_and_blanks(text, device):
    assert Device.parse(text) == device


@pytest.mark.parametrize("device", [Device("cpu"), Device("cuda", 0), Device("cuda", 3)])
def test_a_device_is_a_value(device):
    assert Device.parse(str(device)) == device
    assert pickle.loads(pickle.dumps(device)) == copy.copy(device) == device
    assert len({device, Device(device.kind, device.index)}) == 1
    with pytest.raises(AttributeError):
        device.index = 1


@pytest.mark.parametrize(
    "text",
    ["", "auto", "gpu", "cuda:", "cuda:-1", "cuda:1.0", "cuda:x", "cuda 1", "cuda:" + "9" * 5000],
)
def test_anything_else_names_no_device(text):
    with pytest.raises(DeviceUnavailableError, match="cpu, cuda and cuda:N") as caught:
        Device.parse(text)
    assert caught.value.cause is Cause.UNKNOWN_VALUE


@pytest.mark.parametrize(
    ("kind", "index"),
    [("cpu", 0), ("cuda", None), ("cuda", -1), ("cuda", True), ("cuda", 0.0), ("tpu", 0)],
)
def test_an_impossible_device_cannot_be_made(kind, index):
    with pytest.raises(ValueError, match=r"kind must be|no index|needs an index"):
        Device(kind, index)


def test_contexts_nest_and_one_object_serves_again_and_again():
    cpu, second = use_device("cpu"), use_device("cuda:1")
    for _ in range(2):
        with cpu:
            with second:
                with cpu, cpu:
                    assert asked() == "cpu"
                assert asked() == "cuda:1"
            assert asked() == "cpu"
        assert asked() == "auto"


def test_a_context_ends_also_by_an_exception():
    with pytest.raises(ZeroDivisionError), use_device("cpu"):
        _ = 1 / 0
    assert asked() == "auto"


def test_contexts_left_in_another_order_each_take_their_own_entry():
    def inside(device):
        with use_device(device):
            yield

    cpu, second = inside("cpu"), inside("cuda:1")
    next(cpu), next(second)
    cpu.close()
    assert asked() == "cuda:1"
    second.close()
    assert asked() == "auto"


def test_each_thread_has_contexts_of_its_own():
    both_inside = threading.Barrier(2, timeout=30)
    shared, seen = use_device("cpu"), {}

    def work(name, context):
        before = asked()
        with context:
            both_inside.wait()
            inside = asked()
            both_inside.wait()
        seen[name] = [before, inside, asked()]

    workers = [
        threading.Thread(target=work, args=("one", shared)),
        threading.Thread(target=work, args=("two", use_device("cuda:1"))),
    ]
    for worker in workers:
        worker.start()
    with shared:
        for worker in workers:
            worker.join()
    assert seen == {"one": ["auto", "cpu", "auto"], "two": ["auto", "cuda:1", "auto"]}


def test_each_asyncio_task_has_contexts_of_its_own():
    async def main():
        turns = asyncio.Barrier(2)

        async def work(device):
            seen = []
            with use_device(device):
                for _ in range(3):
                    await turns.wait()
                    seen.append(asked())
            await turns.wait()
            return [*seen, asked()]

        return await asyncio.gather(work("cpu"), work("cuda:1"))

    assert asyncio.run(main()) == [["cpu"] * 3 + ["auto"], ["cuda:1"] * 3 + ["auto"]]


def test_work_begun_inside_a_context_stays_in_it():
    async def main():
        async def later():
            await asyncio.sleep(0)
            return asked()

        with use_device("cuda:1"):
            task = asyncio.create_task(later())
            in_thread = await asyncio.to_thread(asked)
        return in_thread, await task, asked()

    assert list(asyncio.run(main())) == ["cuda:1", "cuda:1", "auto"]
