"""The cache of compiled libraries: private, shared between processes, and explained."""

import multiprocessing
import os
import stat

import numpy as np
import pytest


def test_the_cache_is_closed_to_others(tmp_path, monkeypatch):
    from gpu_on_cpu.cache import cache_folder

    monkeypatch.setenv("GPU_ON_CPU_CACHE", str(tmp_path / "cache"))
    folder = cache_folder("libraries")
    for path in (folder, folder.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert path.stat().st_uid == os.getuid()


def test_a_cache_that_others_can_write_is_refused(tmp_path, monkeypatch):
    from gpu_on_cpu import BuildError
    from gpu_on_cpu.cache import cache_folder

    tmp_path.chmod(0o777)
    monkeypatch.setenv("GPU_ON_CPU_CACHE", str(tmp_path))
    with pytest.raises(BuildError, match="chmod 700"):
        cache_folder()


def test_a_link_to_somebody_elses_folder_is_refused(tmp_path, monkeypatch):
    from gpu_on_cpu import BuildError
    from gpu_on_cpu.cache import cache_folder

    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("GPU_ON_CPU_CACHE", str(tmp_path / "link"))
    with pytest.raises(BuildError, match="not a folder of yours"):
        cache_folder()


def build_and_run(folder: str, text: str, barrier) -> int:
    os.environ["GPU_ON_CPU_CACHE"] = folder
    from gpu_on_cpu import load_ptx, run_ptx

    barrier.wait()
    out = np.zeros(1, np.uint32)
    run_ptx(load_ptx(text), 1, 1, out)
    return int(out[0])


def test_processes_may_build_the_same_module_at_once(tmp_path, module_text):
    text = module_text(
        ".visible .entry k(.param .u64 out) { .reg .b64 %o; ld.param.u64 %o, [out];"
        "st.global.u32 [%o], 42; ret; }"
    )
    context = multiprocessing.get_context("spawn")
    barrier = context.Manager().Barrier(3)
    with context.Pool(3) as pool:
        given = [(str(tmp_path / "cache"), text, barrier)] * 3
        assert pool.starmap(build_and_run, given) == [42] * 3
    left = sorted(path.name for path in (tmp_path / "cache" / "libraries").iterdir())
    assert [name.split("-")[0] for name in left] == ["kernel", "runtime"]


def test_a_missing_compiler_is_named(monkeypatch):
    from gpu_on_cpu import BuildError
    from gpu_on_cpu.compiler import compiler

    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BuildError, match="'no-such-compiler' is not installed"):
        compiler.__wrapped__()


def test_kernels_that_build_fast_compute_the_same(tmp_path, monkeypatch, module_text):
    from gpu_on_cpu.compiler import FAST_BUILD

    monkeypatch.setenv("GPU_ON_CPU_CACHE", str(tmp_path))
    text = module_text(
        ".visible .entry k(.param .u64 out) { .reg .b64 %o; .reg .f32 %f<4>;"
        "ld.param.u64 %o, [out];"
        "mov.f32 %f1, 0f3F800001; mov.f32 %f2, 0f3F800003; mul.f32 %f3, %f1, %f2;"
        "sub.f32 %f3, %f3, %f2; st.global.f32 [%o], %f3; ret; }"
    )
    found = []
    for fast in ("", "1"):
        monkeypatch.setenv(FAST_BUILD, fast)
        found.append(run_once(text))
    a, b = np.float32(1 + 2**-23), np.float32(1 + 3 * 2**-23)
    assert found == [a * b - b, a * b - b]
    kernels = [path for path in (tmp_path / "libraries").iterdir() if "kernel" in path.name]
    assert len(kernels) == 2


def run_once(text: str) -> np.float32:
    from gpu_on_cpu import load_ptx, run_ptx

    out = np.zeros(1, np.float32)
    run_ptx(load_ptx(text), 1, 1, out)
    return out[0]


def test_a_kernel_that_would_outgrow_its_stack_is_refused(tmp_path, monkeypatch, module_text):
    from gpu_on_cpu import BuildError, compiler, load_ptx

    monkeypatch.setenv("GPU_ON_CPU_CACHE", str(tmp_path))
    monkeypatch.setattr(compiler, "MOST_STACK", 4000)
    text = module_text(
        ".visible .entry k(.param .u64 out) { .local .align 4 .b8 depot[4000]; .reg .b64 %a<3>;"
        "mov.u64 %a1, depot; st.local.u32 [%a1], 1; st.local.u32 [%a1+3996], 2; ret; }"
    )
    with pytest.raises(BuildError, match=r"takes 4\d\d\d bytes of the stack of a thread, and may"):
        load_ptx(text)
    assert not [p for p in (tmp_path / "libraries").iterdir() if "kernel" in p.name]
