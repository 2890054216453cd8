"""Arrays on other devices, devices by their number, and processes that were forked."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import cupy
import numpy as np
import pytest

from mlpcore.device import DeviceUnavailableError
from mlpcore.model import MLP

ROOT = Path(__file__).parents[3]


@pytest.fixture
def elsewhere(double):
    """An array that says that it is on the second device."""
    here = cupy.ones((3, 4), cupy.float32)
    memory = cupy.cuda.UnownedMemory(here.data.ptr, here.nbytes, here, 1)
    return cupy.ndarray(here.shape, here.dtype, cupy.cuda.MemoryPointer(memory, 0))


def test_an_array_on_another_device_is_refused_with_what_to_do(elsewhere):
    model = MLP([4, 2], device="cuda", seed=0)
    message = r"on cuda:1, but the model is on cuda:0.*model\.to\('cuda:1'\)"
    for use in (model, model.predict, model.forward, model.freeze()):
        with pytest.raises(TypeError, match=message):
            use(elsewhere)
    with pytest.raises(TypeError, match=message):
        model.trainer("mse", "sgd").step(elsewhere, cupy.ones((3, 2), cupy.float32))
    here = cupy.ones((3, 4), cupy.float32)
    with pytest.raises(TypeError, match="got an array on cuda:1"):
        model.trainer("mse", "sgd").step(here, elsewhere[:, :2])


def test_an_array_on_the_gpu_is_no_input_of_a_model_on_the_cpu():
    model = MLP([4, 2], device="cpu", seed=0)
    with pytest.raises(TypeError, match=r"GPU|CUDA|cuda"):
        model(cupy.ones((3, 4), cupy.float32))


def test_a_device_by_its_number():
    model = MLP([4, 2], device="cuda:0", seed=0)
    assert str(model.device) == "cuda:0"
    absent = cupy.cuda.runtime.getDeviceCount()
    with pytest.raises(DeviceUnavailableError, match=f"cuda:{absent}"):
        MLP([4, 2], device=f"cuda:{absent}")


TWO_DEVICES = """
    import cupy
    import numpy as np
    from mlpcore import MLP

    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(70, 4)).astype(np.float32), rng.integers(0, 3, 70)
    found = []
    for name in ("cuda:0", "cuda:1", "cuda:0"):
        model = MLP([4, 6, 3], "tanh", output="softmax", device=name, seed=0)
        with cupy.cuda.Device(model.device.index):
            gx, gt = cupy.asarray(x), cupy.asarray(t)
        for here in (0, 1):  # whatever device is current
            with cupy.cuda.Device(here):
                y = model(gx)
                J = model.trainer("cross_entropy", "adam", l2=0.1).step(gx, gt)
                assert y.device.id == J.device.id == model.device.index
                assert cupy.cuda.runtime.getDevice() == here
                assert type(model(x)) is np.ndarray
                model.fit(x, t, epochs=1, batch_size=32)
                elsewhere = MLP([4, 3], device=f"cuda:{1 - model.device.index}", seed=0)
                for use in (elsewhere, elsewhere.freeze(), elsewhere.forward):
                    try:
                        use(gx)
                    except TypeError as error:
                        assert f"got an array on {name}" in str(error), error
                    else:
                        raise AssertionError("an array of another device was taken")
        found.append(model(x))
    assert (found[0] == found[1]).all() and (found[0] == found[2]).all()
    first = MLP([4, 3], device="cuda:0", seed=0)
    assert first.to("cuda:1").equals(first)
    assert str(first.to("cuda:1").device) == "cuda:1"
"""


def test_models_on_two_devices_in_one_process(double, tmp_path):
    done = executed(TWO_DEVICES, tmp_path, GPU_ON_CPU_DEVICE_COUNT="2")
    assert done.returncode == 0, done.stderr


FORKED = """
    import os, sys
    import numpy as np
    from mlpcore import MLP
    from mlpcore.device import DeviceUnavailableError

    x = np.ones((3, 4), np.float32)
    model = MLP([4, 2], device="cuda", seed=0)
    trainer = model.trainer("mse", "sgd")
    frozen, y = model.freeze(), model(x)
    child = os.fork()
    if child == 0:
        t = np.ones((3, 2), np.float32)
        uses = [
            lambda: MLP([4, 2], device="cuda"), lambda: model(x), lambda: model.forward(x),
            lambda: frozen(x), lambda: trainer.step(x, t), lambda: model.fit(x, t, epochs=1),
            lambda: model.save("nowhere.safetensors"),
        ]
        for number, use in enumerate(uses):
            try:
                use()
            except DeviceUnavailableError as error:
                if "fork" not in str(error):
                    os._exit(100 + number)
            else:
                os._exit(1 + number)
        assert MLP([4, 2], device="cpu", seed=0)(x).shape == (3, 2)
        os._exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def executed(script, folder, **variables):
    """Run a script on a double of its own; return what became of it."""
    path = folder / "script.py"
    path.write_text(textwrap.dedent(script))
    found = os.pathsep.join([str(ROOT), str(ROOT / "ci")])
    return subprocess.run(
        [sys.executable, "-m", "gpu_on_cpu", str(path)],
        env={**os.environ, "PYTHONPATH": found, **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_child_that_was_forked_after_cuda_was_used_is_told_so(double, tmp_path):
    done = executed(FORKED, tmp_path)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("*.safetensors"))


def test_work_is_asked_for_on_the_current_stream(double, monkeypatch):
    model, x = MLP([4, 3, 2], device="cuda", seed=0), cupy.ones((3, 4), cupy.float32)
    expected = model(x).get()
    streams = set()
    launch = double._functions["driver.launchKernel"]

    def seen(*arguments):
        streams.add(cupy.cuda.get_current_stream().ptr)
        return launch(*arguments)

    monkeypatch.setitem(double._functions, "driver.launchKernel", seen)
    with cupy.cuda.Stream(non_blocking=True) as mine:
        y = model(x)
    assert streams == {mine.ptr}
    np.testing.assert_array_equal(y.get(), expected)
