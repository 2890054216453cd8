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
