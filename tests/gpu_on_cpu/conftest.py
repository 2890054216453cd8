"""Makes ci/gpu_on_cpu importable, and gives PTX to evaluate."""

import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "ci"))


@pytest.fixture(autouse=True)
def _needs_a_compiler() -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("gpu_on_cpu switches fibers by hand, for Linux on x86-64 only")
    if shutil.which("g++") is None:
        pytest.skip("gpu_on_cpu translates PTX to C++ and needs g++")


_HEADER = ".version 9.0\n.target sm_90\n.address_size 64\n"


@pytest.fixture(scope="session")
def module_text() -> Callable[..., str]:
    """A PTX module around kernels and declarations."""

    def module_text(*parts: str) -> str:
        return _HEADER + "\n".join(parts)

    return module_text


@pytest.fixture(scope="session")
def evaluate(module_text) -> Callable[..., np.ndarray]:
    """Run instructions on columns of numbers.

    ``evaluate(code, out, x, y, ...)`` gives thread t the values x[t], y[t], ... in the registers
    %a, %b, ...; what its code leaves in %d (a number of type `out`) is element t of the result.
    The predicates %p and %q are there too.
    """
    from gpu_on_cpu import run_ptx

    def evaluate(code: str, out: type, *columns: np.ndarray, **options) -> np.ndarray:
        result = np.zeros(len(columns[0]), out)
        arrays = [*columns, result]
        names = "abcefgh"[: len(columns)] + "d"
        lines = [".visible .entry test(" + ", ".join(f".param .u64 p_{n}" for n in names) + ") {"]
        lines += [".reg .pred %p, %q; .reg .b32 %t<4>; .reg .b64 %w<4>;", "mov.u32 %t0, %tid.x;"]
        for name, array in zip(names, arrays, strict=True):
            bits = 8 * array.itemsize
            lines.append(f".reg .b{bits} %{name}; .reg .b64 %p_{name}; .reg .b64 %o_{name};")
            lines.append(f"mul.wide.u32 %o_{name}, %t0, {array.itemsize};")
            lines.append(f"ld.param.u64 %p_{name}, [p_{name}];")
            lines.append(f"add.u64 %p_{name}, %p_{name}, %o_{name};")
            if name != "d":
                lines.append(f"ld.global.b{bits} %{name}, [%p_{name}];")
        lines += [code, f"st.global.b{8 * result.itemsize} [%p_d], %d;", "ret; }"]
        run_ptx(module_text("\n".join(lines)), 1, len(result), *arrays, **options)
        return result

    return evaluate
