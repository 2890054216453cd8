"""Kernels with a bug each: the executor finds it, or the numbers are wrong."""

import cupy
import numpy as np
import pytest

from mlpcore.kernels.cuda.cplusplus import text
from mlpcore.kernels.cuda.narrow import source

BARRIERS = {
    "a is x": "resident",
    "a is whole": "resident",
    "everyone has read x": "resident",
    "the panel is whole": "panels",
    "everyone has read it": "panels",
    "the last panel is whole": "panels",
}
SHIFTS = {
    "tile.first + r) * outputs": "tile.first + r + 1) * outputs",
    "row * to_step + column] =": "row * to_step + column + 1] =",
    "lane / LANES_OF_OUTPUTS;": "lane % LANES_OF_ROWS;",
    "x + i * LANES_OF_ROWS * x_step + k)": "x + i * x_step + k)",
    "x + inputs - rest": "x + inputs - rest + 1",
}


@pytest.fixture
def run(network, double, monkeypatch):
    """Run a small network, changing a line of its text; say whether the result is right."""

    def run(line="", replacement="", where="resident", order="forward"):
        case = network((18, 30, 8))
        text_of, entry = text.text_of, source._entry
        changed = []

        def mutate(written):
            if line and line in written:
                changed.append(line)
                return written.replace(line, replacement)
            return written

        if where == "panels":
            monkeypatch.setattr(
                "mlpcore.kernels.cuda.narrow.kernels.shared_bytes_of_block", lambda _: 0
            )
        with double.exact_bounds(), double.order(order):
            x, parameters = cupy.asarray(case.x(20)), cupy.asarray(case.parameters)
            with monkeypatch.context() as patch:
                patch.setattr(text, "text_of", lambda *place: mutate(text_of(*place)))
                patch.setattr(source, "_entry", lambda *given: mutate(entry(*given)))
                out = case.kernels().forward(x, parameters)
            assert bool(changed) == bool(line)
            a = case.x(20)
            for layer in case.layers:
                a = np.maximum(a @ case.weight(layer).T + case.bias(layer), 0)
            return bool(np.allclose(out.get(), a, rtol=1e-4, atol=1e-4))

    return run


@pytest.mark.parametrize("where", ["resident", "panels"])
@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
def test_the_kernel_itself_is_right(run, where, order):
    assert run(where=where, order=order)


@pytest.mark.parametrize(("name", "where"), BARRIERS.items())
def test_a_dropped_barrier_is_found(run, name, where):
    from gpu_on_cpu import KernelFault

    with pytest.raises(KernelFault, match=r"race|uninitialised"):
        run(f"__syncthreads();  // {name}", ";", where)


@pytest.mark.parametrize("line", SHIFTS)
def test_a_shifted_index_is_found(run, line):
    from gpu_on_cpu import KernelFault

    where = "panels" if "rest" in line or "to_step" in line else "resident"
    try:
        right = run(line, SHIFTS[line], where)
    except KernelFault:
        right = False
    assert not right
