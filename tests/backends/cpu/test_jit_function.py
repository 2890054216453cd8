"""frozen.jit_function(): the same prediction inside functions that Numba compiles."""

import gc
import os
import subprocess
import sys
import weakref

import numba
import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.backends.cpu.cost_model import LARGEST_FEW

ROWS = [1, 2, 7, 15, 16, 17, LARGEST_FEW - 1, LARGEST_FEW, LARGEST_FEW + 1, 100, 1000]


def numbers(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def caller(predict):
    @numba.njit
    def call(x, out):
        predict(x, out)

    return call


@pytest.fixture(scope="module")
def model():
    return MLP([5, 12, 3], "relu", "softmax", seed=0, device="cpu")


@pytest.fixture(scope="module")
def call(model):
    return caller(model.freeze().jit_function())


@pytest.mark.parametrize(
    ("activation", "output", "dtype"),
    [
        ("tanh", "softmax", "float64"),
        ("gelu", "sigmoid", "float32"),
        ("softmax", "identity", "float32"),  # of whole rows, inside the network
        ("elu", "log_softmax", "float64"),
    ],
)
def test_the_bits_are_those_of_the_model(activation, output, dtype):
    model = MLP([5, 40, 12, 3], activation, output, standardize=True, dtype=dtype, seed=0)
    model.adapt(2 * numbers(50, 5) + 1)
    call = caller(model.freeze().jit_function())
    for rows in ROWS:
        x, out = numbers(rows, 5, dtype=dtype, seed=rows), np.full((rows, 3), 7, dtype)
        call(x, out)
        np.testing.assert_array_equal(out, model(x))
    call(x[0], out[0])
    np.testing.assert_array_equal(out[0], model(x[0]))


def test_it_can_be_called_from_python_as_well(model):
    x, out = numbers(4, 5), np.empty((4, 3), np.float32)
    model.freeze().jit_function()(x, out)
    np.testing.assert_array_equal(out, model(x))


def test_no_rows_are_no_work(call):
    out = np.empty((0, 3), np.float32)
    call(np.empty((0, 5), np.float32), out)


def test_a_read_only_input_is_read(model, call):
    x, out = numbers(4, 5), np.empty((4, 3), np.float32)
    x.setflags(write=False)
    call(x, out)
    np.testing.assert_array_equal(out, model(x))


def test_the_threads_of_a_parallel_loop_call_it_at_once(model):
    predict = model.freeze().jit_function()

    @numba.njit(parallel=True)
    def by_row(x, out):
        for i in numba.prange(len(x)):
            predict(x[i], out[i])

    @numba.njit(parallel=True)
    def by_part(x, out):
        for i in numba.prange(len(x)):
            predict(x[i], out[i])

    x = numbers(2000, 5)
    expected = model(x)
    before = numba.get_num_threads()
    numba.set_num_threads(min(4, numba.config.NUMBA_NUM_THREADS))
    try:
        for _ in range(5):
            out = np.full((2000, 3), 7, np.float32)
            by_row(x, out)
            np.testing.assert_array_equal(out, expected)
            by_part(x.reshape(20, 100, 5), out.reshape(20, 100, 3))
            np.testing.assert_array_equal(out, expected)
    finally:
        numba.set_num_threads(before)


def test_a_rollout_is_that_of_python(model):
    """The action of each step depends on the state that all steps before have led to."""
    policy = MLP([3, 16, 1], "tanh", dtype="float64", seed=2)
    predict = policy.freeze().jit_function()

    def swing(state, action):
        velocity = state[2] + 0.05 * (10 * state[1] + action)
        angle = np.arctan2(state[1], state[0]) + 0.05 * velocity
        return np.cos(angle), np.sin(angle), velocity

    step = numba.njit(swing)

    @numba.njit
    def rollout(state, path):
        action = np.empty(1)
        for t in range(len(path)):
            predict(state, action)
            state[0], state[1], state[2] = step(state, action[0])
            path[t] = action[0]

    path, state = np.empty(50), np.array([1.0, 0.1, 0.0])
    rollout(state.copy(), path)
    for action in path:
        assert policy(state)[0] == action
        state[:] = step(state, action)  # the compiled one, whose sine has the same bits


@pytest.mark.parametrize(
    ("x", "out", "message"),
    [
        (np.zeros((4, 6)), np.zeros((4, 3)), "x must have one column for each input feature"),
        (np.zeros((4, 5)), np.zeros((4, 4)), "out must have a row for each row of x"),
        (np.zeros((4, 5)), np.zeros((3, 3)), "out must have a row for each row of x"),
        (np.zeros((4, 5)), np.zeros((5, 3)), "out must have a row for each row of x"),
        (np.zeros(4), np.zeros(3), "x must have one column for each input feature"),
        (np.zeros(5), np.zeros(2), "out must have a row for each row of x"),
    ],
)
def test_shapes_are_checked_when_it_runs(call, x, out, message):
    with pytest.raises(ValueError, match=message):
        call(x.astype(np.float32), out.astype(np.float32))
    assert not out.any()


def test_memory_of_x_is_refused(call):
    memory = numbers(9)
    for start in range(9 - 3 + 1):
        out, before = memory[start : start + 3], memory.copy()
        if start < 5:
            with pytest.raises(ValueError, match="out shares memory with x"):
                call(memory[:5], out)
            np.testing.assert_array_equal(memory, before)
        else:
            call(memory[:5], out)


@pytest.mark.parametrize(
    ("x", "out", "message"),
    [
        (np.zeros((4, 5)), np.zeros((4, 3), "f4"), "x must be a C-contiguous array of float32"),
        (np.zeros((4, 5), "f4"), np.zeros((4, 3)), "out must be a C-contiguous array of float32"),
        (np.zeros((4, 5), "f4", order="F"), np.zeros((4, 3), "f4"), "x must be a C-contiguous"),
        (np.zeros((4, 10), "f4")[:, ::2], np.zeros((4, 3), "f4"), "x must be a C-contiguous"),
        (np.zeros((4, 5), "f4"), np.zeros((8, 3), "f4")[::2], "out must be a C-contiguous"),
        (np.zeros((4, 5), "f4"), np.zeros(3, "f4"), "as many axes"),
        (np.zeros((1, 4, 5), "f4"), np.zeros((1, 4, 3), "f4"), "with one or two axes"),
        ((1.0, 2.0, 3.0, 4.0, 5.0), np.zeros(3, "f4"), "x must be a C-contiguous array"),
        (np.zeros((4, 5), "f4"), np.frombuffer(bytes(48), "f4").reshape(4, 3), "read-only"),
    ],
)
def test_types_are_checked_when_it_is_compiled(call, x, out, message):
    with pytest.raises(numba.TypingError, match=message):
        call(x, out)


def test_compiled_callers_keep_the_weights_alive_and_nothing_else_does(model):
    predict = model.freeze().jit_function()
    names = {"predict": predict, "numba": numba}
    exec("@numba.njit\ndef call(x, out):\n    predict(x, out)\n", names)
    call = names.pop("call")
    x, out = numbers(4, 5), np.empty((4, 3), np.float32)
    call(x, out)
    weights = weakref.ref(predict.mlpcore_target)
    del predict, names["predict"]
    gc.collect()
    assert weights() is not None
    filler = [MLP([5, 12, 3], seed=seed).freeze()(x) for seed in range(20)]  # takes freed memory
    out[...] = 0
    call(x, out)
    np.testing.assert_array_equal(out, model(x))
    del call, names, filler
    gc.collect()
    assert weights() is None


def test_training_the_model_changes_nothing():
    model = MLP([5, 12, 3], seed=0)
    call = caller(model.freeze().jit_function())
    x, out = numbers(4, 5), np.empty((4, 3), np.float32)
    expected = model(x)
    model.trainer().step(x, expected + 1)
    call(x, out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_calls_it(model, call):
    x, out = numbers(200, 5), np.empty((200, 3), np.float32)
    call(x, out)
    expected = out.copy()
    child = os.fork()
    if child == 0:
        out[...] = 0
        call(x, out)
        os._exit(0 if (out == expected).all() else 1)
    assert os.waitpid(child, 0)[1] == 0


CACHED = """
import warnings
import numba, numpy as np
from mlpcore import MLP

model = MLP([5, 12, 3], seed=0, device="cpu")
predict = model.freeze().jit_function()

@numba.njit(cache=True)
def call(x, out):
    predict(x, out)

x, out = np.ones((4, 5), np.float32), np.zeros((4, 3), np.float32)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    call(x, out)
assert (out == model(x)).all()
assert any("Cannot cache" in str(warning.message) for warning in caught), caught
"""


def run(code, tmp_path, **variables):
    script = tmp_path / "script.py"
    script.write_text(code, "utf-8")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")} | variables
    environment["PYTHONPATH"] = os.pathsep.join([os.getcwd(), *sys.path])
    found = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stderr


def test_numba_keeps_no_addresses_on_disk(tmp_path):
    for _ in range(2):
        run(CACHED, tmp_path)
    assert list((tmp_path / "cache").rglob("*.nbc")) == []


UNCOMPILED = """
import numba, numpy as np
from mlpcore import MLP

frozen = MLP([5, 12, 3], seed=0, device="cpu").freeze()
predict = frozen.jit_function()

@numba.njit
def call(x, out):
    predict(x, out)

x, out = np.ones((4, 5), np.float32), np.zeros((4, 3), np.float32)
call(x, out)
assert predict is frozen and (out == frozen(x)).all()
"""


def test_where_numba_compiles_nothing_it_is_the_predictor(tmp_path):
    run(UNCOMPILED, tmp_path, NUMBA_DISABLE_JIT="1")
