"""Every check passes on the device under test, and fails when what it checks is broken."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

import mlpcore.selfcheck
from mlpcore.backends.composed import ComposedPlan
from mlpcore.device import Device, resolve
from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.optim.table import names as optimizer_names
from mlpcore.selfcheck import Place, checks, run

QUICK = Place(Device("cpu"), "float32", quick=True)
ON_GPU = Place(Device("cuda", 0), "float32", quick=True)


def selected(place, *beginnings):
    return [check for check in checks(place) if check.name.startswith(beginnings)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [check.name for check in checks(ON_GPU)])
def test_passes(device, dtype, name):
    place = Place(resolve(device), dtype, quick=True)
    chosen = [check for check in checks(place) if check.name == name]
    if not chosen:
        pytest.skip("says something on a GPU only")
    (outcome,) = run(place, chosen)
    assert outcome.status != "failed", outcome.reason
    assert outcome.compared > 0
    assert outcome.worst <= 1


def test_nothing_of_the_library_is_left_out():
    names = {check.name for check in checks(ON_GPU)}
    for activation in ACTIVATIONS:
        assert names & {f"activation {activation}", f"rows {activation}"}
    for kind in ("batch_norm", "layer_norm", "dropout", "gaussian_noise"):
        assert f"layer {kind}" in names
    for loss in LOSSES:
        assert any(name.startswith(f"loss {loss}") for name in names)
    for optimizer in optimizer_names():
        assert {f"optimizer {optimizer}", f"training step {optimizer}"} <= names
    from mlpcore.kernels.cuda.cublaslt import Epilogue

    assert {f"cuBLASLt {epilogue.name}" for epilogue in Epilogue} <= names
    assert len(names) == len(checks(ON_GPU))


def test_what_only_a_gpu_has_is_left_out_on_a_cpu():
    assert not selected(QUICK, "cuBLASLt", "current stream")
    assert selected(ON_GPU, "cuBLASLt", "current stream")


def broken(method, change):
    """Return `ComposedPlan.method` with its result changed."""
    original = getattr(ComposedPlan, method)

    def replacement(self, *arguments):
        return change(original(self, *arguments))

    return replacement


@pytest.mark.parametrize(
    ("method", "change", "check"),
    [
        ("forward", lambda z: z * 1.0001, "network 13-17-11"),
        ("forward", lambda z: z * 1.0001, "affine"),
        ("forward", lambda z: z * 1.0001, "activation tanh"),
        ("backward", lambda dx: dx * 0.9999, "affine"),
        ("forward", lambda z: z * 1.0001, "layer "),
        ("backward", lambda dx: dx * 0.9999, "layer "),
        ("loss", lambda found: (found[0] * 1.001, found[1]), "loss mse"),
        ("loss", lambda found: (found[0], found[1] * 1.001), "loss cross_entropy"),
    ],
)
def test_a_result_that_is_off_by_little_is_found(device, monkeypatch, method, change, check):
    monkeypatch.setattr(ComposedPlan, method, broken(method, change))
    place = Place(resolve(device), "float32", quick=True)
    for outcome in run(place, selected(place, check)):
        assert outcome.status == "failed"
        assert "expected" in outcome.reason


@pytest.mark.parametrize("name", optimizer_names())
def test_an_update_with_another_rate_is_found(device, monkeypatch, name):
    original = ComposedPlan.update

    def faster(self, parameters, optimizer, gradient, moments, step, lr):
        original(self, parameters, optimizer, gradient, moments, step, optimizer.lr * 1.0005)

    monkeypatch.setattr(ComposedPlan, "update", faster)
    place = Place(resolve(device), "float32", quick=True)
    (check,) = (check for check in checks(place) if check.name == f"optimizer {name}")
    (outcome,) = run(place, [check])
    assert outcome.status == "failed"


def test_other_bits_the_second_time_are_found(device, monkeypatch):
    rng = np.random.default_rng()

    def drifting(z):
        return z * float(1 + 1e-6 * rng.random())

    monkeypatch.setattr(ComposedPlan, "forward", broken("forward", drifting))
    place = Place(resolve(device), "float64", quick=True)
    (outcome,) = run(place, selected(place, "same bits"))
    assert outcome.status == "failed"
    assert "other bits" in outcome.reason


def test_needs_nothing_but_the_package():
    allowed = {"mlpcore", "numpy"}
    for path in Path(mlpcore.selfcheck.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            tops = {name.split(".")[0] for name in names}
            assert not tops & {"pytest", "hypothesis", "scipy"}
            assert tops <= allowed | set(sys.stdlib_module_names)
