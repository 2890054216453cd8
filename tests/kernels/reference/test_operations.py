"""An activation as an operation: valid however it is made, and the same from its config."""

import json

import numpy as np
import pytest

from mlpcore.kernels.reference.activations import ACTIVATIONS, ActivationFunction
from mlpcore.kernels.reference.operations import Activation

OWN = ActivationFunction("own", lambda xp, z: z, lambda xp, z, a: xp.ones_like(z))


def config(name="celu", **change):
    return {"kind": "activation", "name": name, "settings": {}} | change


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_the_same_again_from_its_config_as_json(name):
    for settings in ({}, dict.fromkeys(ACTIVATIONS[name].defaults, 0.25)):
        activation = Activation(name, tuple(settings.items()))
        assert Activation.from_config(json.loads(json.dumps(activation.config()))) == activation


def test_settings_are_plain_floats_sorted_by_name_and_left_out_at_their_defaults():
    two = ActivationFunction(
        "two", lambda xp, z, **_: z, lambda xp, z, a, **_: z, defaults={"b": 1.0, "a": 2.0}
    )
    assert two.checked({"b": np.float32(0.5), "a": 3}) == (("a", 3.0), ("b", 0.5))
    assert {type(value) for _, value in two.checked({"b": np.float32(0.5), "a": 3})} == {float}
    assert two.checked({"b": 1, "a": 3}) == (("a", 3.0),)
    assert Activation("elu", (("alpha", 1),)) == Activation("elu")


@pytest.mark.parametrize(
    ("name", "settings", "error", "words"),
    [
        ("leaky_relu", {"slop": 0.1}, TypeError, "'leaky_relu' has no setting 'slop'; it has: sl"),
        ("relu", {"slope": 0.1}, TypeError, "no setting 'slope'; it has: none"),
        ("elu", {"alpha": "1"}, TypeError, "alpha of 'elu' must be a number, got '1'"),
        ("elu", {"alpha": True}, TypeError, "alpha of 'elu' must be a number, got True"),
        ("elu", {"alpha": np.complex64(1)}, TypeError, "alpha of 'elu' must be a number"),
        ("elu", {"alpha": float("nan")}, ValueError, "alpha of 'elu' must be finite, got nan"),
        ("elu", {"alpha": np.float32("inf")}, ValueError, "alpha of 'elu' must be finite, got inf"),
        ("elu", {"alpha": 10**400}, ValueError, "alpha of 'elu' must be finite, got 1000"),
        ("celu", {"alpha": 0}, ValueError, "alpha of 'celu' must be positive, got 0"),
        ("sin", {"omega": -1.0}, ValueError, "omega of 'sin' must be positive, got -1.0"),
    ],
)
def test_a_bad_setting_makes_no_activation(name, settings, error, words):
    with pytest.raises(error, match=words):
        Activation(name, tuple(settings.items()))
    with pytest.raises(ValueError, match=words):
        Activation.from_config(config(name, settings=settings))


def test_where_nothing_is_divided_a_setting_may_be_zero_or_negative():
    for name, key in [("elu", "alpha"), ("leaky_relu", "slope")]:
        assert Activation(name, ((key, 0),)).settings == ((key, 0.0),)
        assert Activation(name, ((key, -1),)).settings == ((key, -1.0),)


def test_what_must_be_positive_is_a_setting():
    for function in ACTIVATIONS.values():
        assert set(function.positive) <= set(function.defaults)


def test_a_name_is_one_of_the_table_or_comes_with_its_function():
    with pytest.raises(ValueError, match="unknown activation 'own'; known are identity, relu"):
        Activation("own")
    assert Activation("own", custom=OWN).function is OWN
    with pytest.raises(TypeError, match="'own' has no setting 'slope'"):
        Activation("own", (("slope", 1.0),), custom=OWN)


def test_a_function_of_ones_own_has_no_config():
    with pytest.raises(ValueError, match="'own' is a function of your own"):
        Activation("own", custom=OWN).config()


@pytest.mark.parametrize(
    "described",
    [
        config(kind="dense"),
        config(name="own"),
        config(name=["celu"]),
        config(settings=None),
        config(settings=[["alpha", 2.0]]),
        config(colour=1),
        {"kind": "activation", "name": "celu"},
        {"name": "celu", "settings": {}},
        {},
        None,
        [],
    ],
    ids=repr,
)
def test_what_describes_no_activation_is_a_value_error(described):
    with pytest.raises(ValueError, match=r"not the description of an activation|unknown act"):
        Activation.from_config(described)
