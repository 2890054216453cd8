"""What is asked of the NVIDIA driver, and what each answer means."""

import ctypes
import sys
import types

import pytest

from mlpcore import _driver
from mlpcore._driver import Driver, DriverMissingError, Gpu, probe, visible_gpus

A, B, C = Gpu("GPU A", "GPU-1a"), Gpu("GPU B", "GPU-1b"), Gpu("GPU C", "GPU-2c")


@pytest.mark.parametrize(
    ("variable", "shown"),
    [
        (None, (A, B, C)),
        ("0,1,2", (A, B, C)),
        ("2,1", (C, B)),
        (" 1 , 0 ", (B, A)),
        ("", ()),
        ("-1", ()),
        ("none", ()),
        ("0,2,-1,1", (A, C)),
        ("0,7,1", (A,)),
        ("9" * 5000, ()),
        ("1,,2", (B,)),
        ("GPU-2", (C,)),
        ("GPU-2c,0", (C, A)),
        ("GPU-1", ()),
        ("2,GPU-1,0", (C,)),
        ("GPU-2cc", ()),
        ("0,1,0", ()),
        ("2,GPU-2c", ()),
    ],
)
def test_cuda_visible_devices_chooses_and_orders(variable, shown):
    assert visible_gpus((A, B, C), variable) == shown


def test_a_mig_slice_is_one_device_and_ends_the_list():
    slice_ = Gpu("MIG slice", "MIG-42")
    assert visible_gpus((A, B), "MIG-42,MIG-43,0") == (slice_,)
    assert visible_gpus(None, "MIG-42") == (slice_,)


@pytest.mark.parametrize(
    ("variable", "shown"),
    [(None, None), ("0", None), ("0,-1", None), ("GPU-1", None), ("", ()), ("-1", ()), ("no", ())],
)
def test_of_unknown_gpus_it_is_known_only_whether_all_are_hidden(variable, shown):
    assert visible_gpus(None, variable) == shown


def test_two_gpus_that_look_alike_are_two():
    assert visible_gpus((Gpu("GPU", ""), Gpu("GPU", "")), "0,1") == (Gpu("GPU", ""),) * 2


def libcuda(version=13000, status=0):
    def query(address):
        address._obj.value = version
        return status

    return types.SimpleNamespace(cuDriverGetVersion=query)


class Nvml:
    """The management library of a machine with the GPUs A and B."""

    def __init__(self, init=0, count=0):
        self.init, self.count, self.n_open = init, count, 0

    def nvmlInit_v2(self):  # noqa: N802
        self.n_open += self.init == 0
        return self.init

    def nvmlShutdown(self):  # noqa: N802
        self.n_open -= 1
        return 0

    def nvmlDeviceGetCount_v2(self, address):  # noqa: N802
        address._obj.value = 2
        return self.count

    def nvmlDeviceGetHandleByIndex_v2(self, index, address):  # noqa: N802
        address._obj.value = index.value + 1
        return 0

    def nvmlDeviceGetName(self, handle, buffer, length):  # noqa: N802
        buffer.value = (A, B)[handle.value - 1].name.encode()
        return 0

    def nvmlDeviceGetUUID(self, handle, buffer, length):  # noqa: N802
        buffer.value = (A, B)[handle.value - 1].uuid.encode()
        return 0


class OldNvml(Nvml):
    """One without the function that counts."""

    @property
    def nvmlDeviceGetCount_v2(self):  # noqa: N802
        raise AttributeError("function not found")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A function that gives this machine libraries; what it does not give does not load."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(_driver, "_PROC_GPUS", tmp_path / "gpus")
    opened = []

    def give(cuda=None, nvml=None):
        def load(name):
            opened.append(name)
            library = cuda if "cuda" in name else nvml
            if library is None:
                raise OSError(f"{name}: cannot open shared object file")
            return library

        monkeypatch.setattr(ctypes, "CDLL", load)
        return opened

    _driver.believe(None)
    yield give
    _driver.believe(None)


@pytest.fixture
def proc_gpus(machine):
    folder = _driver._PROC_GPUS / "0000:01:00.0"
    folder.mkdir(parents=True)
    text = "Model: \t\t NVIDIA A100\nIRQ:   \t\t 35\nGPU UUID: \t GPU-77\nno colon\n"
    (folder / "information").write_text(text)
    (_driver._PROC_GPUS / "0000:02:00.0").mkdir()
    return (Gpu("NVIDIA A100", "GPU-77"), Gpu("NVIDIA GPU", ""))


@pytest.mark.parametrize(
    ("version", "cuda"), [(13000, (13, 0)), (12080, (12, 8)), (11040, (11, 4)), (13110, (13, 11))]
)
def test_the_driver_tells_its_cuda_and_nvml_the_gpus(machine, version, cuda):
    nvml = Nvml()
    machine(libcuda(version), nvml)
    assert probe() == Driver(cuda, (A, B))
    assert nvml.n_open == 0


def test_an_answer_is_kept_and_a_failure_is_not(machine):
    machine()
    with pytest.raises(DriverMissingError):
        probe()
    opened = machine(libcuda(), Nvml())
    first = probe()
    n_opened = len(opened)
    assert probe() is first
    assert len(opened) == n_opened


@pytest.mark.parametrize("nvml", [None, Nvml(init=999), Nvml(count=999), OldNvml()])
def test_without_nvml_the_gpus_are_read_from_proc(machine, proc_gpus, nvml):
    machine(libcuda(), nvml)
    assert probe().gpus == proc_gpus
    assert nvml is None or nvml.n_open == 0


def test_without_nvml_and_proc_the_gpus_are_unknown(machine):
    machine(libcuda())
    assert probe() == Driver((13, 0), None)


@pytest.mark.parametrize(
    ("cuda", "nvml", "words"),
    [
        (None, None, "does not load"),
        (types.SimpleNamespace(), None, "does not load"),
        (libcuda(status=34), None, "stub"),
        (libcuda(status=3), None, "returned 3"),
        (libcuda(version=0), None, "does not answer"),
        (libcuda(), Nvml(init=9), "kernel module is not loaded"),
        (libcuda(), Nvml(init=18), "different versions"),
    ],
)
def test_a_driver_that_does_not_work_says_why_and_what_to_do(machine, cuda, nvml, words):
    machine(cuda, nvml)
    with pytest.raises(DriverMissingError, match=words) as caught:
        probe()
    assert caught.value.remedy
    assert "\n" not in caught.value.why + caught.value.remedy


def test_macos_opens_no_library(machine, monkeypatch):
    opened = machine(libcuda(), Nvml())
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(DriverMissingError, match="macOS") as caught:
        probe()
    assert not caught.value.curable
    assert not opened
