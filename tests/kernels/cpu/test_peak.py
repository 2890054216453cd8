"""The loops do as much work as is credited to them; the rates follow from a clock."""

import platform
import re
import threading

import llvmlite.binding
import numba
import numpy as np
import pytest

from mlpcore.kernels.cpu import peak

measurable = pytest.mark.skipif(
    peak.unavailable() is not None, reason=peak.unavailable() or "measurable"
)
DTYPES = ("float32", "float64")


def host_bits() -> int:
    bits = peak._vector_bits()
    assert bits is not None
    return bits


@measurable
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_iteration_does_as_many_multiply_adds_as_it_is_credited_with(dtype):
    """With x = y = 1 each multiply-add adds one to its lane: the sum of all lanes counts them."""
    loop, operations = peak._fma_loop(dtype, host_bits())
    assert loop(1000, 1.0, 1.0) - loop(0, 1.0, 1.0) == 1000 * operations // 2


@measurable
def test_a_vector_holds_twice_as_many_float32_as_float64():
    operations = [peak._fma_loop(dtype, host_bits())[1] for dtype in DTYPES]
    assert operations[0] == 2 * operations[1]


@measurable
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_loop_is_hardware_instructions_between_registers(dtype):
    loop, operations = peak._fma_loop(dtype, host_bits())
    assembly = "\n".join(loop.inspect_asm().values())
    instructions = re.findall(r"^\s*(?:vfn?madd|fmla|fmad).*$", assembly, flags=re.MULTILINE)
    chains = operations // (2 * host_bits() // (8 * np.dtype(dtype).itemsize))
    assert len(instructions) >= chains
    assert not [line for line in instructions if "(" in line or "[" in line], "operands in memory"


@measurable
def test_a_pass_reads_every_word_once():
    loop, block = peak._read_loop(host_bits())
    raw = np.zeros(3 * block + 64, np.uint8)
    skip = -raw.ctypes.data % 64
    words = raw[skip : skip + 3 * block].view(np.int64)
    words[:] = np.random.default_rng(0).integers(-(2**62), 2**62, words.size)
    with np.errstate(over="ignore"):
        total = int(words.sum())
    assert loop(words.ctypes.data, 3, 1) == total
    assert loop(words.ctypes.data, 3, 2) == total ^ (total + 1)


@measurable
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_rate_is_work_over_time(dtype, threads, monkeypatch):
    gauge = peak.FmaPeak(dtype, threads, seconds=0.002)
    assert gauge.sample() > 0
    monkeypatch.setattr(peak, "_together", lambda _threads, _work: 0.5)
    operations = gauge._iterations * gauge._operations
    assert gauge.sample() == threads * operations / 0.5


@measurable
@pytest.mark.parametrize("threads", [1, 3])
def test_threads_share_the_working_set(threads, monkeypatch):
    gauge = peak.ReadBandwidth(100_000, threads, seconds=0.002)
    assert gauge.sample() > 0
    size = threads * gauge._share
    assert 100_000 <= size < 100_000 + threads * 8 * 64
    monkeypatch.setattr(peak, "_together", lambda _threads, _work: 0.25)
    assert gauge.sample() == size * gauge._passes / 0.25


def test_threads_work_at_the_same_time():
    meeting = threading.Barrier(3)
    assert peak._together(3, lambda _: meeting.wait(timeout=30)) > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_the_caller_is_one_of_the_threads(threads):
    """One thread is the caller itself, on the core where it runs."""
    seen = []
    peak._together(threads, lambda index: seen.append((index, threading.get_ident())))
    assert (0, threading.get_ident()) in seen
    assert len({ident for _, ident in seen}) == threads


def test_the_time_is_from_the_first_start_to_the_last_end(monkeypatch):
    times = {0: [100, 400], 1: [150, 600]}
    mine = threading.local()
    monkeypatch.setattr(peak.time, "perf_counter_ns", lambda: mine.times.pop(0))

    class Barrier:
        def __init__(self, parties):
            self.indices = iter(range(parties))
            self.lock = threading.Lock()

        def wait(self):
            with self.lock:
                mine.times = list(times[next(self.indices)])

    monkeypatch.setattr(peak.threading, "Barrier", Barrier)
    assert peak._together(2, lambda _: None) == pytest.approx(500e-9)


def test_calibration_finds_the_count_that_fills_the_time(monkeypatch):
    """A loop of 3 microseconds an iteration fills 30 ms with 10,000."""
    now = [0]
    monkeypatch.setattr(peak.time, "perf_counter_ns", lambda: now[0])

    def run(n):
        now[0] += 3000 * n

    assert peak._calibrate(run, 0.03) == 10_000


def test_an_interruption_does_not_spoil_the_calibration(monkeypatch):
    """The first run of every count is held up for 20 ms; the loop still takes 3 us an iteration."""
    now, seen = [0], set()
    monkeypatch.setattr(peak.time, "perf_counter_ns", lambda: now[0])

    def run(n):
        now[0] += 3000 * n + (20_000_000 if n not in seen else 0)
        seen.add(n)

    assert peak._calibrate(run, 0.03) == 10_000


def test_only_the_two_dtypes_of_models_have_a_peak():
    with pytest.raises((ValueError, RuntimeError), match=r"float32 or float64|vector|NUMBA"):
        peak.FmaPeak("int32")


@pytest.mark.parametrize(
    ("flags", "bits"),
    [
        ("+sse2,+avx2,+fma,+avx512f", 512),
        ("+sse2,+avx2,+fma,-avx512f", 256),
        ("+sse2,+avx2,-fma,-avx512f", None),
        ("", None),
    ],
)
def test_the_vector_is_the_widest_with_fma(flags, bits, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(numba.config, "CPU_FEATURES", flags)
    assert peak._vector_bits() == bits


def test_every_arm_core_of_64_bits_has_fma(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert peak._vector_bits() == 128


def test_a_processor_without_fma_has_a_reason_and_no_gauge(monkeypatch):
    monkeypatch.setattr(peak, "_vector_bits", lambda: None)
    reason = peak.unavailable()
    assert reason is not None
    assert "fused multiply-add" in reason
    with pytest.raises(RuntimeError, match="fused multiply-add"):
        peak.FmaPeak("float32")
    with pytest.raises(RuntimeError, match="fused multiply-add"):
        peak.ReadBandwidth(1000)


def test_a_system_where_llvm_cannot_tell_has_no_vector(monkeypatch):
    def fail():
        raise RuntimeError("unable to determine host features")

    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    monkeypatch.setattr(numba.config, "CPU_FEATURES", None)
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", fail)
    assert peak._vector_bits() is None


def test_an_interpreted_loop_measures_nothing(monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    assert "NUMBA_DISABLE_JIT" in (peak.unavailable() or "")
