"""What the options of a training step ask of the device: launches, and neither copies nor waits."""

import cupy
import numpy as np
import pytest

from mlpcore import MLP, Group, ema, loss, swa

NO_COPIES = (0, 0, 0)
OPTIONS = {
    "l1": {"l1": 1e-3, "l2": 1e-3},
    "clip": {"clip_norm": 0.1, "clip_value": 0.05},
    "groups": {"groups": [Group("layers.0.*", frozen=True), Group("*.bias", lr_scale=2.0)]},
    "schedule": {"schedule": lambda step: 1 / (1 + step)},
    "accumulate": {"accumulate": 2},
    "ema": {"average": ema(0.9)},
    "swa in parts": {"average": swa(start=1), "clip_norm": 1.0},
}


def network():
    return MLP([5, 8, 3], "tanh", output="softmax", device="cuda", seed=0)


def batch(rows=20):
    rng = np.random.default_rng(1)
    x = cupy.asarray(rng.normal(size=(rows, 5)).astype("float32"))
    return x, cupy.asarray(rng.integers(0, 3, rows))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
def test_a_step_neither_copies_nor_waits(asked, options):
    (x, t), trainer = batch(), network().trainer(**options)
    copies, waits = asked(lambda: trainer.step(x, t))[1:]
    assert copies[:2] == NO_COPIES[:2]  # gradients and averages may be copied on the device
    assert waits == 0


def test_weights_of_an_accumulated_mean_stay_on_the_device(asked):
    given = loss("cross_entropy", ignore_index=1)
    (x, t), trainer = batch(), network().trainer(given, accumulate=2)
    weights = cupy.ones(20, cupy.float32)
    copies, waits = asked(lambda: trainer.step(x, t, weights))[1:]
    assert copies[:2] == NO_COPIES[:2]
    assert waits == 0


def test_a_schedule_adds_no_launch(asked):
    (x, t), plain, scheduled = batch(), network().trainer(), network().trainer(schedule=float)
    assert asked(lambda: scheduled.step(x, t)) == asked(lambda: plain.step(x, t))


def test_an_exponential_average_adds_its_three_sweeps(asked):
    (x, t), plain, averaging = batch(), network().trainer(), network().trainer(average=ema(0.9))
    assert asked(lambda: averaging.step(x, t))[0] == asked(lambda: plain.step(x, t))[0] + 3


def test_the_norm_of_the_gradient_stays_on_the_device():
    (x, t), trainer = batch(), network().trainer(clip_norm=0.1)
    trainer.step(x, t)
    assert isinstance(trainer.gradient_norm, cupy.ndarray)
    assert trainer.gradient_norm.shape == ()


def test_looking_for_nan_waits_once(asked):
    (x, t), trainer = batch(), network().trainer(on_nan="skip")
    _, copies, waits = asked(lambda: trainer.step(x, t))
    assert (copies[1], waits) == (1, 1)
