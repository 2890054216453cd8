"""warmup(): what comes later finds every kernel in memory, and the model is as it was."""

import numpy as np
import pytest

from mlpcore import MLP
from mlpcore.backends.cpu import layers as layer_kernels
from mlpcore.backends.cpu.elementwise import elementwise
from mlpcore.backends.cpu.library import Library
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set
from mlpcore.kernels.reference.losses import LOSSES

X = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
LABELS = np.arange(64) % 3


@pytest.fixture
def fetched(monkeypatch):
    """The units that are loaded or compiled from here on, with no library loaded before."""
    found = []
    get = Library._get

    def record(self, unit):
        found.append(unit)
        return get(self, unit)

    monkeypatch.setattr(Library, "_get", record)
    monkeypatch.setattr("mlpcore.backends.cpu.library._libraries", {})
    return found


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("targets", [LABELS, np.eye(3)[LABELS]], ids=["labels", "shares"])
def test_afterwards_nothing_is_loaded(fetched, optimizer, targets):
    model = MLP([6, 8, 3], "elu", "softmax", seed=0)
    model.warmup(optimizer=optimizer)
    if instruction_set() is None:
        assert fetched == []
    else:
        assert {"few", "many", "passes", "activation.elu", "rows.softmax"} < set(fetched)
    fetched.clear()
    model(X)
    model(X[0])
    model.value_and_grad(X, targets)
    model.trainer(optimizer=optimizer).step(X, targets)
    model.trainer(optimizer=optimizer, l2=0.1).step(X[:5], targets[:5])
    model.fit(X, targets, optimizer=optimizer, epochs=1)
    model.freeze()(X)
    assert fetched == []


LAYERS = {
    "batch norm": {"norm": "batch"},
    "layer norm": {"norm": "layer"},
    "dropout": {"dropout": 0.5},
    "noise": {"input_noise": 0.1},
    "residual": {"residual": True},
}


@pytest.mark.parametrize("optimizer", ["adamw", "momentum"])
@pytest.mark.parametrize("targets", [LABELS, np.eye(3)[LABELS]], ids=["labels", "shares"])
@pytest.mark.parametrize("layers", LAYERS)
def test_steps_that_go_layer_by_layer_load_nothing_either(fetched, layers, targets, optimizer):
    layer_kernels._made.cache_clear()  # they keep what libraries gave them
    elementwise.cache_clear()
    model = MLP([6, 8, 8, 3], "elu", "softmax", seed=0, **LAYERS[layers])
    model.warmup(optimizer=optimizer)
    fetched.clear()
    model(X)
    model.value_and_grad(X, targets)
    model.trainer(optimizer=optimizer).step(X, targets)
    model.trainer(optimizer=optimizer, clip_norm=1.0).step(X, targets)
    assert fetched == []


@pytest.mark.parametrize("layers", [{}, {"norm": "batch", "dropout": 0.5, "standardize": True}])
def test_nothing_of_the_model_changes_and_no_hook_is_called(layers):
    model, seen = MLP([6, 8, 3], "tanh", seed=0, **layers), []
    before = model.copy()
    hook = model.on_layer(seen.append)
    _, cache = model.forward(X)
    seen.clear()
    model.warmup([1, 5, 64])
    assert seen == []
    assert model.equals(before)
    model.backward(cache, X[:, :3])  # the parameters count as unchanged
    hook.remove()


@pytest.mark.parametrize("rows", [3, [3], (1, 7, 100)])
def test_batch_sizes_may_be_named(rows):
    MLP([6, 8, 3], seed=0).warmup(rows)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"rows": 0}, ValueError),
        ({"rows": [4, -1]}, ValueError),
        ({"rows": 2.5}, TypeError),
        ({"loss": "nothing"}, ValueError),
        ({"optimizer": "nothing"}, ValueError),
    ],
)
def test_what_cannot_be_prepared_is_refused(changes, error):
    with pytest.raises(error):
        MLP([6, 8, 3], seed=0).warmup(**changes)


def test_a_network_without_kernels_has_nothing_to_load_and_stays_as_it_is(device):
    model = MLP([6, 8, 3], (np.sin, np.cos), seed=0)
    before = model.copy()
    model.warmup(4, loss="huber", optimizer="momentum")
    model.warmup(4, loss=lambda z, t: (z.sum(), z), optimizer="sgd")
    assert model.equals(before)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("layers", [{}, {"dropout": 0.5}])
def test_every_loss_has_targets_to_be_tried_with(device, name, layers):
    MLP([6, 8, 3], seed=0, device=device, **layers).warmup(loss=name)
