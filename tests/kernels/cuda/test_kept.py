"""Compiled kernels are kept under all that they depend on, and compiled again otherwise."""

import numpy as np
import pytest

from mlpcore.kernels.cuda import compiler, kept
from mlpcore.kernels.cuda.cplusplus import module
from mlpcore.kernels.cuda.sums import chunk_sums

F32 = np.dtype(np.float32)
KERNEL = (chunk_sums, F32, (), (9, 0))
CPLUSPLUS = """
extern "C" __global__ void twice(float* x) { x[threadIdx.x] *= 2.0f; }
"""


class Dictionary(dict):
    """Keeps code in memory."""

    def fetch(self, what, key):
        return self.get((what, key))

    def keep(self, what, key, code):
        self[what, key] = code


@pytest.fixture
def keeper(monkeypatch):
    keeper = Dictionary()
    monkeypatch.setattr(kept, "_keeper", keeper)
    monkeypatch.setattr(kept, "read_fingerprint", lambda: kept.FINGERPRINT)
    return keeper


@pytest.fixture
def compilations(monkeypatch):
    """The kernels that were compiled from Python, one after the other."""
    done, compiled = [], compiler._compiled

    def noted(*kernel):
        done.append(kernel)
        return compiled(*kernel)

    monkeypatch.setattr(compiler, "_compiled", noted)
    return done


def ptx(*kernel):
    """Return what `ptx_of` does in a new process."""
    return compiler.ptx_of.__wrapped__(*kernel)


def test_what_is_kept_is_not_compiled_again(keeper, compilations):
    first = ptx(*KERNEL)
    assert ptx(*KERNEL) == first
    assert (len(compilations), len(keeper)) == (1, 1)


def test_each_kernel_dtype_variant_and_device_has_code_of_its_own(keeper, monkeypatch):
    monkeypatch.setattr(compiler, "_compiled", lambda *kernel: repr(kernel[1:]))
    for dtype in (F32, np.dtype(np.float64)):
        for variant in ((), (True,), (1, "gelu")):
            for capability in ((7, 5), (9, 0)):
                asked = dtype, variant, capability
                assert ptx(chunk_sums, *asked) == repr(asked)
    assert len(keeper) == 12


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FINGERPRINT", b"other sources"),
        ("python_tools", lambda: ("another numba-cuda",)),
        ("settings", lambda: (("NUMBA_OPT", "0"),)),
    ],
)
def test_it_is_compiled_again_with_other(name, value, keeper, compilations, monkeypatch):
    ptx(*KERNEL)
    monkeypatch.setattr(kept, name, value)
    ptx(*KERNEL)
    assert len(compilations) == 2


def test_settings_are_those_of_numba_that_change_code(monkeypatch):
    before = kept.settings()
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    monkeypatch.setenv("MLPCORE_NUM_THREADS", "1")
    assert kept.settings() == before
    monkeypatch.setenv("NUMBA_OPT", "1")
    assert kept.settings() == tuple(sorted((*before, ("NUMBA_OPT", "1"))))


def test_nothing_is_kept_of_sources_that_have_changed_meanwhile(keeper, monkeypatch):
    monkeypatch.setattr(kept, "read_fingerprint", lambda: b"an upgrade in between")
    ptx(*KERNEL)
    assert keeper == {}


@pytest.mark.parametrize("name", ["python_tools", "FINGERPRINT"])
def test_nothing_is_kept_of_what_cannot_be_told_apart(name, keeper, compilations, monkeypatch):
    monkeypatch.setattr(kept, name, None if name == "FINGERPRINT" else lambda: None)
    ptx(*KERNEL)
    ptx(*KERNEL)
    assert (len(compilations), keeper) == (2, {})


def test_the_tools_are_told_by_their_versions_and_nvvm_by_its_file(monkeypatch):
    tools = kept.python_tools()
    assert tools is not None
    assert len(tools[1]) == 3
    monkeypatch.setattr(kept, "version", lambda name: f"{name} 0.0.1")
    kept.python_tools.cache_clear()
    try:
        assert kept.python_tools() != tools
        monkeypatch.setattr(kept.importlib, "import_module", lambda _: None)
        kept.python_tools.cache_clear()
        assert kept.python_tools() is None
    finally:
        kept.python_tools.cache_clear()


def test_cplusplus_is_kept_by_its_text(keeper):
    import cupy

    for text, factor in ((CPLUSPLUS, 2), (CPLUSPLUS, 2), (CPLUSPLUS.replace("2.0f", "3.0f"), 3)):
        x = cupy.ones(4, cupy.float32)
        module.compiled(text, "twice")((1,), (4,), (x,))
        np.testing.assert_array_equal(x.get(), np.full(4, factor))
    assert len(keeper) == 2
