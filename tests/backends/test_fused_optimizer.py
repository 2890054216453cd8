"""Which optimizers have a kernel, and which numbers it is given."""

from dataclasses import dataclass

import numpy as np
import pytest

from mlpcore.backends.fused_optimizer import fused_optimizer
from mlpcore.kernels.cpu.optimizers import RULES
from mlpcore.optim import SGD, Adam, names, optimizer


@pytest.mark.parametrize("name", names())
def test_every_optimizer_of_the_library_has_a_kernel_that_fits_its_states(name):
    made = optimizer(name)
    fused = fused_optimizer(made)
    rule = RULES[fused.kernel]
    assert fused.state_names == rule.states == made.state_names
    assert fused.settings(1, made.lr, np.float32).shape == (len(rule.settings),)


@pytest.mark.parametrize(
    "made",
    [
        SGD(lr=0.3),
        SGD(lr=0.3, momentum=0.7),
        SGD(lr=0.3, momentum=0.7, nesterov=True),
        Adam(lr=0.3, beta1=0.7, beta2=0.99, eps=1e-5),
    ],
)
def test_each_slot_holds_what_its_name_says(made):
    fused = fused_optimizer(made)
    known = {"lr": 0.2, "step": 4, "decay": 0.5, "sqrt": np.sqrt}
    known |= {key: value for key, value in made.config().items() if key != "lr"}
    expected = [eval(slot, known) for slot in RULES[fused.kernel].settings]
    settings = fused.settings(4, 0.2, np.float64, decay=0.5)
    np.testing.assert_allclose(settings, expected, rtol=1e-15)


def test_an_optimizer_of_a_users_own_has_none():
    @dataclass(frozen=True)
    class Cautious(SGD):
        def update(self, xp, p, g, state, step, lr=None):
            super().update(xp, p, g * 0.5, state, step, lr)

    assert fused_optimizer(Cautious()) is None
    assert fused_optimizer(object()) is None


def test_steps_count_from_one():
    with pytest.raises(ValueError, match="counted from 1"):
        fused_optimizer(Adam()).settings(0, 0.1, np.float32)


def test_a_rate_too_large_for_the_dtype_is_infinite_without_a_warning():
    assert fused_optimizer(SGD()).settings(1, 1e300, np.float32)[1] == np.inf
