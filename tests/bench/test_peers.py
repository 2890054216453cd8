"""The peers: absent ones have a reason, and those that are here keep to the rules of the game."""

import importlib.util
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from mlpcore.bench import CONTENDERS, Spec, benchmark
from mlpcore.bench.check import InferenceCheck, TrainingCheck
from mlpcore.bench.contenders import jax_jit, ours
from mlpcore.bench.spec import draw_batch, draw_parameters

PEERS = ["torch", "torch-compile", "onnxruntime", "openvino", "jax", "sklearn"]
LAYERS = (6, 5, 4)


@pytest.mark.parametrize("name", PEERS)
def test_who_is_not_installed_says_what_to_install(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    reason = CONTENDERS[name]().unavailable(Spec(LAYERS))
    package = {"torch-compile": "torch", "sklearn": "scikit-learn"}.get(name, name)
    assert reason is not None
    assert reason.startswith(f"not installed: pip install {package}")


@pytest.mark.parametrize("name", PEERS)
def test_the_module_of_a_peer_is_not_imported_to_ask_for_it(name):
    code = f"""
import sys
from mlpcore.bench import CONTENDERS, Spec
CONTENDERS[{name!r}]().unavailable(Spec((3, 4)))
assert not {{"torch", "jax", "optax", "onnxruntime", "openvino", "sklearn"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "spec", "reason"),
    [
        ("onnxruntime", Spec(LAYERS, mode="training"), "has no training"),
        ("openvino", Spec(LAYERS, mode="training"), "has no training"),
        ("openvino", Spec(LAYERS, dtype="float64"), "in float32, not float64"),
        ("onnxruntime", Spec(LAYERS, "gelu", dtype="float64"), "no GELU in float64"),
        ("sklearn", Spec(LAYERS, "gelu"), "not gelu"),
        ("sklearn", Spec((4, 2), mode="training"), "one logistic output"),
        (
            "sklearn",
            Spec(LAYERS, mode="training", dtype="float64", optimizer="adam"),
            "ε out of the bias correction",
        ),
        ("torch", Spec(LAYERS, "mish"), "not mish"),
        ("python_loop", Spec(LAYERS, mode="training", optimizer="adam"), "for sgd, not adam"),
        ("mlpcore-frozen", Spec(LAYERS, mode="training"), "has no training|no model.freeze"),
    ],
)
def test_what_a_peer_cannot_do_is_a_reason(name, spec, reason, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: True)
    found = CONTENDERS[name]().unavailable(spec)
    assert found is not None

    assert re.search(reason, found)


def test_jax_is_left_out_where_it_would_take_other_threads(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: True)
    monkeypatch.setattr(jax_jit, "affinity_count", lambda: 8)
    assert "each of the 8 CPUs" in (CONTENDERS["jax"]().unavailable(Spec(LAYERS, threads=2)) or "")
    assert CONTENDERS["jax"]().unavailable(Spec(LAYERS, threads=8)) is None


class TestFrozen:
    """It stands beside ``model(x)`` as soon as models can be frozen."""

    def test_a_version_without_it_is_left_out(self, monkeypatch):
        from mlpcore.model import MLP

        for owner in MLP.__mro__:
            if "freeze" in vars(owner):
                monkeypatch.delattr(owner, "freeze")
        assert "no model.freeze()" in (ours.FrozenMLPCore().unavailable(Spec(LAYERS)) or "")

    def test_a_version_with_it_is_measured(self, monkeypatch):
        from mlpcore.model import MLP

        monkeypatch.setattr(MLP, "freeze", lambda self: self.__call__, raising=False)
        report = benchmark(Spec(LAYERS), [2], [ours.FrozenMLPCore()], seconds=0.002)
        assert [row.contender for row in report.rows] == ["mlpcore-frozen"]

    def test_it_is_a_predictor_of_the_cpu(self, monkeypatch):
        from mlpcore.model import MLP

        monkeypatch.setattr(MLP, "freeze", lambda self: self.__call__, raising=False)
        reason = ours.FrozenMLPCore().unavailable(Spec(LAYERS, device="cuda:0"))
        assert "not on cuda:0" in (reason or "")


def ready(name, spec):
    contender = CONTENDERS[name]()
    if (reason := contender.unavailable(spec)) is not None:
        pytest.skip(reason)
    return contender


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.filterwarnings("ignore")  # of a peer's own making
def test_a_call_goes_from_host_array_to_host_array(name):
    spec = Spec(LAYERS)
    contender = ready(name, spec)
    parameters = draw_parameters(spec)
    x, _ = draw_batch(spec, 3)
    forward = contender.prepare(spec, parameters, 3)
    InferenceCheck(spec, parameters, x)(forward)
    result = forward(x)
    assert isinstance(result, np.ndarray)
    assert result.dtype == np.float32


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.filterwarnings("ignore")  # of the compiler's own making
def test_the_compiler_trains_the_network(optimizer):
    """Left out of the tests of all contenders, because each of its networks takes seconds."""
    spec = Spec(LAYERS, "gelu", "training", optimizer=optimizer)
    contender = ready("torch-compile", spec)
    parameters = draw_parameters(spec)
    x, t = draw_batch(spec, 5)
    copies = tuple((W.copy(), b.copy()) for W, b in parameters)
    TrainingCheck(spec, parameters, x, t)(contender.prepare_training(spec, copies, 5))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.filterwarnings("ignore")  # of the compiler's own making
def test_what_was_compiled_for_one_batch_size_is_not_compiled_again_for_another(optimizer):
    spec = Spec(LAYERS, "relu", "training", optimizer=optimizer)
    contender = ready("torch-compile", spec)
    import torch

    with torch._dynamo.config.patch(recompile_limit=1):
        steps = []
        for rows in (2, 3, 5):
            parameters = tuple((W.copy(), b.copy()) for W, b in draw_parameters(spec))
            step = contender.prepare_training(spec, parameters, rows)
            steps.append((step, *draw_batch(spec, rows)))
    with torch._dynamo.config.patch(error_on_recompile=True):
        losses = [[step(x, t) for step, x, t in steps] for _ in range(2)]
    assert losses[0] != losses[1], "it learns"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks here")
def test_jax_on_one_cpu_computes_the_network():
    if importlib.util.find_spec("jax") is None or importlib.util.find_spec("optax") is None:
        pytest.skip("JAX is not installed")
    code = """
import os
import re
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
from mlpcore.bench import Spec, benchmark, find_contenders
for spec in (Spec((6, 5, 4)), Spec((6, 5, 4), "gelu", dtype="float64"),
             Spec((6, 5, 4), mode="training"), Spec((6, 5, 4), mode="training", optimizer="adam"),
             Spec((6, 5, 4), "tanh", mode="training", dtype="float64", optimizer="adam")):
    report = benchmark(spec, [3, 20], find_contenders(["jax"]), seconds=0.002)
    assert [row.contender for row in report.rows] == ["jax", "jax"], report.omitted
    assert all(row.cores < 1.2 for row in report.rows)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
