"""The penalty of a trainer may be changed between steps."""

import numpy as np
import pytest

from mlpcore import MLP

RNG = np.random.default_rng(0)
X, T = RNG.standard_normal((40, 5)), RNG.integers(0, 3, 40)
PENALTIES = [0.1, 0.3, 0.3, 0.0, 0.2]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("options", [{}, {"clip_norm": 100.0}], ids=["at once", "in parts"])
def test_each_step_is_that_of_a_trainer_with_this_penalty(optimizer, options):
    model = MLP([5, 8, 3], output="softmax", device="cpu", dtype="float64", seed=1)
    twin = model.copy()
    trainer = model.trainer(optimizer=optimizer, lr=0.05, l2=0.1, **options)
    state = trainer.state_dict()
    for l2 in PENALTIES:
        trainer.l2 = l2
        other = twin.trainer(optimizer=optimizer, lr=0.05, l2=l2, **options)
        other.load_state(state)
        assert trainer.step(X, T) == other.step(X, T)
        state = other.state_dict()
        assert model.equals(twin)


def test_it_must_be_a_penalty():
    trainer = MLP([5, 3], device="cpu").trainer()
    with pytest.raises(ValueError, match="l2 must not be negative"):
        trainer.l2 = -1.0
    assert trainer.l2 == 0
