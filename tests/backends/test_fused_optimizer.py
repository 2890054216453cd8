"""Which optimizers have a kernel, and which numbers it is given."""

from dataclasses import dataclass

import numpy as np
import pytest

from mlpcore.backends.fused_optimizer import fused_optimizer
from mlpcore.kernels.cpu.optimizers import RULES
from mlpcore.kernels.reference.optimizers.nadam import momentum, momentum_product
from mlpcore.kernels.reference.optimizers.radam import rectification
from mlpcore.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    NAdam,
    RAdam,
    RMSprop,
    names,
    optimizer,
)


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
        AdamW(beta1=0.7, beta2=0.99, eps=1e-5, weight_decay=0.3),
        NAdam(beta1=0.7, beta2=0.99, eps=1e-5, momentum_decay=0.1, weight_decay=0.3),
        RAdam(beta1=0.7, beta2=0.5, eps=1e-5, weight_decay=0.3),
        RAdam(beta1=0.7, beta2=0.9, eps=1e-5, weight_decay=0.3),
        RMSprop(alpha=0.7, eps=1e-5),
        RMSprop(alpha=0.7, eps=1e-5, momentum=0.3),
        RMSprop(alpha=0.7, eps=1e-5, centered=True),
        Adagrad(eps=1e-5, initial=0.3),
        Adadelta(rho=0.7, eps=1e-5),
        Lion(beta1=0.7, beta2=0.8, weight_decay=0.3),
    ],
    ids=repr,
)
def test_each_slot_holds_what_its_name_says(made):
    fused = fused_optimizer(made)
    known = {"lr": 0.2, "step": 7, "decay": 0.5, "sqrt": np.sqrt}
    known |= {key: value for key, value in made.config().items() if key != "lr"}
    of_nadam = {"beta1": 0.7, "momentum_decay": 0.1}
    known["mu"] = lambda step: momentum(step, **of_nadam)
    known["mu_product"] = lambda step: momentum_product(step, **of_nadam)
    known["rectification"] = lambda step: rectification(step, beta2=made.beta2)
    expected = [eval(slot, known) for slot in RULES[fused.kernel].settings]
    settings = fused.settings(7, 0.2, np.float64, decay=0.5)
    np.testing.assert_allclose(settings, expected, rtol=1e-15)


def test_an_optimizer_of_a_users_own_has_none():
    @dataclass(frozen=True)
    class Cautious(SGD):
        def update(self, xp, p, g, state, step, lr=None):
            super().update(xp, p, g * 0.5, state, step, lr)

    assert fused_optimizer(Cautious()) is None
    assert fused_optimizer(object()) is None


def test_a_kernel_remembers_two_vectors_at_most():
    assert fused_optimizer(RMSprop(momentum=0.5, centered=True)) is None


@pytest.mark.parametrize("name", names())
def test_biases_have_the_settings_of_the_exempt_optimizer(name):
    made = optimizer(name)
    decoupled = "weight_decay" in made.config()
    made = optimizer(made, weight_decay=0.3) if decoupled else made
    fused = fused_optimizer(made)
    assert fused.decoupled == RULES[fused.kernel].decoupled == decoupled
    settings = fused.settings(3, 0.1, np.float32, decay=0.5)
    plain = fused_optimizer(made.exempt).settings(3, 0.1, np.float32)
    np.testing.assert_array_equal(fused.exempt(settings), plain)
    assert settings[0] == 0.5
    undecayed = fused.settings(3, 0.1, np.float32)
    assert (fused.exempt(undecayed) is undecayed) == (not decoupled)


def test_steps_count_from_one():
    with pytest.raises(ValueError, match="counted from 1"):
        fused_optimizer(Adam()).settings(0, 0.1, np.float32)


def test_a_rate_too_large_for_the_dtype_is_infinite_without_a_warning():
    assert fused_optimizer(SGD()).settings(1, 1e300, np.float32)[1] == np.inf
