"""Steps that compute activations again are the steps that keep them."""

import numpy as np
import pytest
from support.training import batch, classifier

from mlpcore import MLP, Group, ema
from mlpcore.callbacks import StopOnNaN
from mlpcore.inspect import trace


def model(device="cpu", **changes):
    layers = {"dropout": 0.2, "norm": "batch", "residual": True, "dtype": "float32"}
    return MLP([4] + [6] * 10 + [3], output="softmax", seed=0, device=device, **(layers | changes))


def fit(net, segments, **options):
    x, t = batch(40, dtype=net.dtype)
    given = {"epochs": 3, "batch_size": 10, "on_nan": "raise", "progress": False} | options
    history = net.fit(x, t, checkpoint_segments=segments, **given)
    return history["loss"]


@pytest.mark.parametrize("segments", ["auto", 1, 2, 11, 50])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "momentum", "l2": 0.1, "clip_norm": 0.5},
        {"accumulate": 3, "average": ema(0.5)},
        {"groups": [Group("layers.3.*", frozen=True)], "l1": 0.01},
    ],
)
def test_a_fit_has_the_same_bits(device, segments, options):
    net, twin = model(device), model(device)
    assert fit(net, segments, **options) == fit(twin, None, **options)
    assert net.equals(twin)


def test_a_plain_network_has_the_same_bits(device):
    options = {"dropout": 0.0, "norm": None, "residual": False}
    net, twin = model(device, **options), model(device, **options)
    assert fit(net, "auto") == fit(twin, None)
    assert net.equals(twin)


def test_where_numbers_stop_being_finite_is_told_as_ever():
    net = model(norm=None)
    net.parameters()["layers.2.weight"][0, 0] = np.inf
    before = net.copy()
    with pytest.raises(FloatingPointError, match="nothing was updated") as error:
        fit(net, "auto")
    with pytest.raises(FloatingPointError) as expected:
        fit(before.copy(), None)
    assert str(error.value) == str(expected.value)
    assert net.equals(before)


def test_callbacks_that_look_into_layers_see_them():
    net, twin = model(), model()
    fit(net, "auto", callbacks=[StopOnNaN()])
    fit(twin, None, callbacks=[StopOnNaN()])
    assert net.equals(twin)
    assert trace(net, batch(2, dtype="float32")[0])


def test_a_step_of_a_trainer():
    net, twin = classifier(), classifier()
    x, t = batch()
    a = net.trainer(checkpoint_segments=2).step(x, t)
    b = twin.trainer(on_nan="skip").step(x, t)
    assert a == b
    assert net.equals(twin)


@pytest.mark.parametrize(
    ("segments", "error"),
    [(0, ValueError), (1.5, TypeError), ("some", ValueError), (True, TypeError)],
)
def test_wrong_numbers_are_refused(segments, error):
    with pytest.raises(error, match="checkpoint_segments"):
        classifier().trainer(checkpoint_segments=segments)
