"""``mlpcore warmup`` leaves the files that a prediction looks for."""

import os
from pathlib import Path

import pytest

from mlpcore.backends.cpu import code_cache
from mlpcore.backends.cpu.code_cache import CodeCache
from mlpcore.cli import main
from mlpcore.kernels.cpu import units
from mlpcore.kernels.cpu.codegen import instruction_set as instruction_sets
from mlpcore.kernels.cpu.codegen.instruction_set import (
    INSTRUCTION_SETS,
    OFF,
    VARIABLE,
    instruction_set,
)

EXAMPLES = Path(__file__).parents[1] / "support" / "units"
NAMES = ("scale", "stretch.2", "stretch.3")


@pytest.fixture(autouse=True)
def _examples(monkeypatch):
    """Compile nothing but units that take a moment; the others are compiled by their own tests."""
    monkeypatch.setattr(units, "__path__", [str(EXAMPLES)])
    monkeypatch.setattr(code_cache, "read_fingerprint", lambda: code_cache.FINGERPRINT)
    monkeypatch.delenv(VARIABLE, raising=False)


def run(capsys, *arguments):
    code = main(["warmup", *arguments])
    return code, capsys.readouterr()


def test_the_host_in_float32_by_default(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("MLPCORE_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(code_cache, "_cache", CodeCache)
    code, said = run(capsys)
    isa = instruction_set()
    assert code == 0
    *lines, last = said.out.splitlines()
    assert [line.split()[:3] for line in lines] == [[name, isa.name, "float32"] for name in NAMES]
    assert last.startswith("3 units, ")
    files = {line.split(maxsplit=7)[-1] for line in lines}
    assert files == {str(path) for path in (tmp_path / "kernels").iterdir()}
    assert all(CodeCache(str(tmp_path)).fetch(name, isa, "float32") for name in NAMES)


def test_every_instruction_set_and_both_dtypes(capsys, tmp_path):
    cpus = ",".join(INSTRUCTION_SETS)
    code, said = run(capsys, "--cpu", cpus, "--dtype", "float32,float64", "--output", str(tmp_path))
    assert code == 0
    assert said.out.splitlines()[-1].startswith(f"{3 * 2 * len(INSTRUCTION_SETS)} units, ")
    cache = CodeCache(str(tmp_path))
    for isa in INSTRUCTION_SETS.values():
        for dtype in ("float32", "float64"):
            assert all(cache.fetch(name, isa, dtype) for name in NAMES)


def test_what_is_there_is_not_compiled_again(capsys, tmp_path):
    run(capsys, "--output", str(tmp_path))
    before = {path: path.stat().st_ino for path in (tmp_path / "kernels").iterdir()}
    code, said = run(capsys, "--output", str(tmp_path))
    assert code == 0
    assert said.out.count(" kept ") == 3
    assert said.out.splitlines()[-1] == "3 units, 0.0 s"
    assert {path: path.stat().st_ino for path in (tmp_path / "kernels").iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cpu", "pentium"], "--cpu takes avx512, avx2, fma, neon, got 'pentium'"),
        (["--cpu", ""], "--cpu takes avx512, avx2, fma, neon, got nothing"),
        (["--dtype", "float16"], "--dtype takes float32, float64, got 'float16'"),
    ],
)
def test_unknown_names_are_errors_with_the_list(arguments, message, capsys, tmp_path):
    code, said = run(capsys, *arguments, "--output", str(tmp_path))
    assert (code, said.out) == (2, "")
    assert said.err == f"mlpcore warmup: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_switched_off_it_says_so_and_compiles_what_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, OFF)
    code, said = run(capsys, "--output", str(tmp_path))
    assert (code, said.out) == (2, "")
    assert said.err == (
        "mlpcore warmup: MLPCORE_INSTRUCTION_SET is none, so no kernels are used here; "
        "--cpu names what to compile for all the same: avx512, avx2, fma, neon\n"
    )
    code, said = run(capsys, "--cpu", "neon", "--output", str(tmp_path))
    assert (code, said.out.splitlines()[-1].split(",")[0]) == (0, "3 units")


def test_a_processor_without_kernels_is_an_error_that_names_other_machines(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(instruction_sets, "supported", lambda: ())
    code, said = run(capsys, "--output", str(tmp_path))
    assert (code, said.out) == (2, "")
    assert said.err == (
        "mlpcore warmup: this processor has no instruction set that kernels are written for; "
        "--cpu names those of other machines: avx512, avx2, fma, neon\n"
    )


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_folder_that_others_may_write_is_an_error(capsys, tmp_path):
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels").chmod(0o777)
    code, said = run(capsys, "--output", str(tmp_path))
    assert code == 2
    assert said.err == f"mlpcore warmup: {tmp_path / 'kernels'}: other users can write to it\n"


def test_a_file_in_the_place_of_the_folder_is_an_error(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, said = run(capsys, "--output", str(tmp_path / "file"))
    assert code == 2
    assert said.err.startswith(f"mlpcore warmup: {tmp_path / 'file'}")
