"""The choice of a device: who decides, for whom, and what is touched on the way.

The driver is a description handed to the module, and CuPy a stand-in among the imported modules:
why a device is missing, with libraries that really load, is the subject of test_device_causes.
"""

import ctypes
import importlib.util
import logging
import pickle
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

from mlpcore import _device_packages
from mlpcore import device as device_module
from mlpcore._driver import Driver, Gpu
from mlpcore.device import (
    Cause,
    Device,
    DeviceUnavailableError,
    cupy_module,
    devices,
    prefer_gpu,
    require_gpu,
    resolve,
    set_device,
    use_device,
)

TWO_GPUS = Driver((13, 0), (Gpu("GPU A", "GPU-aaaa"), Gpu("GPU B", "GPU-bbbb")))


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    monkeypatch.delenv("MLPCORE_DEVICE", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    device_module._reset()
    yield
    device_module._reset()


@pytest.fixture
def two_gpus(monkeypatch):
    """A machine with two GPUs and a CuPy that sees both."""
    device_module._reset(TWO_GPUS)
    cupy = types.ModuleType("cupy")
    cupy.cuda = types.SimpleNamespace(runtime=types.SimpleNamespace(getDeviceCount=lambda: 2))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(_device_packages, "cupy_packages", lambda: ("cupy-cuda13x",))
    return cupy


@pytest.fixture
def no_gpu(monkeypatch):
    """A machine on which no library of NVIDIA's loads."""

    def fail(name, *args, **kwargs):
        raise OSError(f"{name}: no such library")

    monkeypatch.setattr(ctypes, "CDLL", fail)


# Who decides


def test_argument_beats_context_beats_process_beats_variable(two_gpus, monkeypatch):
    first, second, cpu = Device("cuda", 0), Device("cuda", 1), Device("cpu")
    assert resolve() == first
    monkeypatch.setenv("MLPCORE_DEVICE", "cpu")
    assert resolve() == cpu
    set_device("cuda:1")
    assert resolve() == second
    with use_device("cpu"):
        assert resolve() == cpu
        assert resolve("cuda:1") == second
        assert resolve(second) == second
        assert resolve("auto") == first
    assert resolve() == second
    set_device(None)
    assert resolve() == cpu
    monkeypatch.delenv("MLPCORE_DEVICE")
    assert resolve() == first


def test_auto_asked_for_above_hides_what_is_asked_for_below(two_gpus, monkeypatch):
    monkeypatch.setenv("MLPCORE_DEVICE", "cpu")
    set_device(" Auto ")
    assert resolve() == Device("cuda", 0)
    set_device(Device("cpu"))
    with use_device("AUTO"):
        assert resolve() == Device("cuda", 0)


@pytest.mark.parametrize("value", ["", "  ", "\t"])
def test_an_empty_variable_counts_as_unset(two_gpus, monkeypatch, value):
    monkeypatch.setenv("MLPCORE_DEVICE", value)
    assert resolve() == Device("cuda", 0)


def test_the_variables_are_read_at_each_call(two_gpus, monkeypatch):
    for value, device in [("cuda:1", "cuda:1"), (" CPU ", "cpu"), ("Cuda", "cuda:0")]:
        monkeypatch.setenv("MLPCORE_DEVICE", value)
        assert str(resolve()) == device
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(DeviceUnavailableError, match="hides all 2 GPUs"):
        resolve()


@pytest.mark.parametrize("value", ["bogus", "gpu", "cuda:-1", "cuda:one"])
def test_an_unknown_value_is_told_with_its_place_and_the_choices(monkeypatch, value):
    def from_variable():
        monkeypatch.setenv("MLPCORE_DEVICE", value)
        resolve()

    for ask, origin in [
        (lambda: resolve(value), f"device='{value}': "),
        (lambda: use_device(value), f"use_device('{value}'): "),
        (lambda: set_device(value), f"set_device('{value}'): "),
        (from_variable, f"MLPCORE_DEVICE={value}: "),
    ]:
        with pytest.raises(DeviceUnavailableError) as caught:
            ask()
        assert caught.value.cause is Cause.UNKNOWN_VALUE
        assert str(caught.value).startswith(origin)
        assert "auto, cpu, cuda and cuda:N" in caught.value.headline


def test_a_value_with_a_line_break_does_not_break_the_first_line(monkeypatch):
    monkeypatch.setenv("MLPCORE_DEVICE", "cu\nda")
    with pytest.raises(DeviceUnavailableError) as caught:
        resolve()
    assert "the choices are" in caught.value.headline


def test_an_empty_argument_is_not_unset():
    with pytest.raises(DeviceUnavailableError, match="'' is not a device"):
        resolve("")


@pytest.mark.parametrize("ask", [resolve, use_device, set_device, Device.parse])
@pytest.mark.parametrize("value", [0, True, b"cpu", ["cpu"]])
def test_a_device_of_another_type_is_a_type_error(ask, value):
    with pytest.raises(TypeError, match=f"got {type(value).__name__}"):
        ask(value)


def test_a_refused_choice_leaves_the_earlier_one(two_gpus):
    set_device("cuda:1")
    with pytest.raises(DeviceUnavailableError):
        set_device("bogus")
    assert resolve() == Device("cuda", 1)


# auto


def test_auto_on_the_cpu_gives_its_reason_once(no_gpu, caplog):
    caplog.set_level(logging.INFO, "mlpcore")
    start = threading.Barrier(8, timeout=30)
    found = []

    def ask():
        start.wait()
        found.append(resolve())

    workers = [threading.Thread(target=ask) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert resolve("auto") == Device("cpu")
    assert not prefer_gpu()
    assert found == [Device("cpu")] * 8
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("mlpcore", logging.INFO)
    assert "no NVIDIA driver was found" in record.getMessage()


def test_auto_on_the_gpu_and_an_explicit_cpu_have_nothing_to_explain(two_gpus, caplog):
    caplog.set_level(logging.DEBUG, "mlpcore")
    assert (str(resolve()), str(resolve("cpu"))) == ("cuda:0", "cpu")
    assert not caplog.records


def test_auto_takes_the_cpu_if_cuda_does_not_start(two_gpus, caplog):
    def fail():
        raise RuntimeError("cudaErrorSystemNotReady: system not yet initialized")

    caplog.set_level(logging.INFO, "mlpcore")
    two_gpus.cuda.runtime.getDeviceCount = fail
    assert resolve() == Device("cpu")
    assert "cudaErrorSystemNotReady" in caplog.text


# What is there


def test_devices_lists_the_cpu_and_each_visible_gpu(two_gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    cpu, *gpus = devices()
    assert (cpu.device, cpu.available, cpu.reason) == (Device("cpu"), True, None)
    assert cpu.name
    assert [(str(info.device), info.name, info.available) for info in gpus] == [
        ("cuda:0", "GPU B", True),
        ("cuda:1", "GPU A", True),
    ]


def test_devices_tells_why_there_is_no_gpu(no_gpu):
    cpu, gpu = devices()
    assert cpu.available
    assert not gpu.available
    assert "no NVIDIA driver was found" in gpu.reason
    assert "\n" not in gpu.reason


def test_devices_believes_cuda_once_it_runs(two_gpus):
    two_gpus.cuda.runtime.getDeviceCount = lambda: 3
    cupy_module(Device("cuda", 0))
    assert [info.name for info in devices()[1:]] == ["GPU A", "GPU B", "NVIDIA GPU"]
    assert resolve("cuda:2") == Device("cuda", 2)


def test_prefer_gpu_sets_the_device_of_the_process(two_gpus, monkeypatch):
    monkeypatch.setenv("MLPCORE_DEVICE", "cpu")
    assert prefer_gpu()
    assert resolve() == Device("cuda", 0)


def test_without_a_gpu_prefer_gpu_means_the_cpu(no_gpu, monkeypatch):
    monkeypatch.setenv("MLPCORE_DEVICE", "cuda")
    assert not prefer_gpu()
    assert resolve() == Device("cpu")


def test_the_gpu_that_is_asked_for_is_the_one_preferred_and_required(two_gpus, monkeypatch):
    monkeypatch.setenv("MLPCORE_DEVICE", "cuda:1")
    assert require_gpu() == Device("cuda", 1)
    assert prefer_gpu()
    assert resolve() == Device("cuda", 1)


def test_require_gpu_changes_nothing(two_gpus, monkeypatch):
    monkeypatch.setenv("MLPCORE_DEVICE", "cpu")
    assert require_gpu() == Device("cuda", 0)
    assert resolve() == Device("cpu")


def test_require_gpu_raises_where_there_is_none(no_gpu):
    with pytest.raises(DeviceUnavailableError, match=r"^require_gpu\(\): no NVIDIA driver"):
        require_gpu()


def test_cupy_module_gives_cupy_for_a_gpu_only(two_gpus):
    assert cupy_module(Device("cuda", 1)) is two_gpus
    with pytest.raises(ValueError, match="got cpu"):
        cupy_module(Device("cpu"))


# Why not: which cause each state of the machine has


@pytest.mark.parametrize(
    ("driver", "packages", "text", "cause"),
    [
        (TWO_GPUS, None, "cuda", Cause.CUPY_NOT_INSTALLED),
        (Driver((11, 4), TWO_GPUS.gpus), None, "cuda", Cause.DRIVER_TOO_OLD),
        (Driver((11, 4), TWO_GPUS.gpus), ["cupy-cuda12x"], "cuda", Cause.DRIVER_TOO_OLD),
        (Driver((11, 4), TWO_GPUS.gpus), ["cupy-cuda11x"], "cuda", None),
        (Driver((12, 8), TWO_GPUS.gpus), ["cupy-cuda13x"], "cuda", Cause.CUDA_MAJOR_MISMATCH),
        (Driver((12, 8), TWO_GPUS.gpus), ["cupy-cuda12x"], "cuda", None),
        (TWO_GPUS, ["cupy-cuda12x"], "cuda", None),
        (TWO_GPUS, ["cupy"], "cuda", None),
        (TWO_GPUS, [], "cuda", None),
        (TWO_GPUS, ["cupy", "cupy-cuda13x"], "cuda", Cause.CUDA_MAJOR_MISMATCH),
        (Driver((13, 0), ()), ["cupy-cuda13x"], "cuda", Cause.NO_DEVICE),
        (TWO_GPUS, ["cupy-cuda13x"], "cuda:2", Cause.INDEX_OUT_OF_RANGE),
        (Driver((13, 0), None), ["cupy-cuda13x"], "cuda:2", None),
    ],
)
def test_what_is_there_decides_the_cause(two_gpus, monkeypatch, driver, packages, text, cause):
    device_module._reset(driver)
    monkeypatch.setattr(_device_packages, "cupy_present", lambda: packages is not None)
    monkeypatch.setattr(_device_packages, "cupy_packages", lambda: tuple(packages))
    if cause is None:
        assert resolve(text) == Device.parse(text)
        return
    with pytest.raises(DeviceUnavailableError) as caught:
        resolve(text)
    assert caught.value.cause is cause
    assert caught.value.headline.startswith(f"device='{text}': ")
    assert "MLPCORE_DEVICE=cpu" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (3, Cause.CUDA_FAILED),
        (35, Cause.CUDA_MAJOR_MISMATCH),
        (100, Cause.NO_DEVICE),
        (None, Cause.CUDA_FAILED),
    ],
)
def test_the_error_of_cuda_decides_the_cause_at_its_start(two_gpus, monkeypatch, status, cause):
    def fail():
        error = RuntimeError("what CUDA said")
        error.status = status
        raise error

    device_module._reset(Driver((12, 8), None))
    two_gpus.cuda.runtime = types.SimpleNamespace(
        getDeviceCount=fail, runtimeGetVersion=lambda: 13020
    )
    monkeypatch.setattr(_device_packages, "cupy_packages", lambda: ("cupy",))
    with pytest.raises(DeviceUnavailableError) as caught:
        cupy_module(Device("cuda", 0))
    assert caught.value.cause is cause


def test_cuda_may_count_no_device_where_nobody_else_could(two_gpus):
    device_module._reset(Driver((13, 0), None))
    two_gpus.cuda.runtime.getDeviceCount = lambda: 0
    with pytest.raises(DeviceUnavailableError) as caught:
        cupy_module(Device("cuda", 0))
    assert caught.value.cause is Cause.NO_DEVICE


def test_a_cupy_that_raises_at_import_is_quoted(two_gpus, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(_device_packages, "cupy_present", lambda: True)
    with pytest.raises(
        DeviceUnavailableError, match=r"import fails \(ModuleNotFoundError"
    ) as caught:
        cupy_module(Device("cuda", 0))
    assert caught.value.cause is Cause.CUPY_IMPORT_FAILED
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_only_a_fork_after_cuda_was_used_is_one_too_late(two_gpus):
    device_module._after_fork_in_child()
    assert resolve("cuda") == Device("cuda", 0)
    assert cupy_module(Device("cuda", 0)) is two_gpus
    device_module._after_fork_in_child()
    with pytest.raises(DeviceUnavailableError) as caught:
        resolve("cuda")
    assert caught.value.cause is Cause.FORKED
    assert resolve("cpu") == resolve("auto") == Device("cpu")


# What is touched


def test_the_cpu_is_had_without_opening_a_library_or_looking_for_cupy(monkeypatch):
    def fail(name, *args, **kwargs):
        raise AssertionError(f"looked for {name}")

    monkeypatch.setattr(ctypes, "CDLL", fail)
    monkeypatch.setattr(importlib.util, "find_spec", fail)
    for ask in (lambda: resolve("cpu"), lambda: resolve(Device("cpu"))):
        assert ask() == Device("cpu")
    monkeypatch.setenv("MLPCORE_DEVICE", "cpu")
    with use_device("cpu"):
        assert resolve() == Device("cpu")
    # The guard is real: whoever asks for a GPU does look.
    with pytest.raises(AssertionError, match="looked for"):
        resolve("cuda")


def test_the_module_needs_only_the_standard_library():
    # A bare package stands in for mlpcore, whose own imports are not the subject here.
    code = (
        "import sys, types\n"
        "package = types.ModuleType('mlpcore')\n"
        f"package.__path__ = [{str(Path(device_module.__file__).parent)!r}]\n"
        "sys.modules['mlpcore'] = package\n"
        "before = set(sys.modules)\n"
        "import mlpcore.device\n"
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(names - set(sys.stdlib_module_names)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['mlpcore']"


def test_an_error_comes_whole_out_of_another_process():
    with pytest.raises(DeviceUnavailableError) as caught:
        resolve("bogus")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (str(copied), copied.cause) == (str(caught.value), Cause.UNKNOWN_VALUE)
