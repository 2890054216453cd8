"""Losses by name: what is said of them, and how it is kept."""

import dataclasses
import json

import numpy as np
import pytest

from mlpcore.nn.losses import Loss, loss


def test_a_loss_is_a_value_that_compares_and_hashes():
    a, b = loss("huber", delta=2), loss("huber", delta=2.0)
    assert a == b
    assert hash(a) == hash(b)
    assert loss("huber", delta=1.0) == loss("huber") == Loss("huber")
    with pytest.raises(dataclasses.FrozenInstanceError):
        a.name = "mse"


@pytest.mark.parametrize(
    ("name", "settings", "shown"),
    [
        ("mse", {}, "mse"),
        ("cross_entropy", {"label_smoothing": 0.1}, "cross_entropy(label_smoothing=0.1)"),
        ("nll", {"class_weight": {2: 3, 0: 1}}, "nll(class_weight=((0, 1.0), (2, 3.0)))"),
        ("nll", {"class_weight": np.array([1, 2])}, "nll(class_weight=(1.0, 2.0))"),
        (
            "binary_cross_entropy",
            {"pos_weight": [2, 3]},
            "binary_cross_entropy(pos_weight=(2.0, 3.0))",
        ),
    ],
)
def test_settings_become_plain_values_that_survive_json(name, settings, shown):
    made = loss(name, **settings)
    assert str(made) == shown
    assert loss(name, **json.loads(json.dumps(dict(made.settings)))) == made
    assert loss(made) == made


def test_settings_replace_those_of_a_loss():
    smooth = loss("cross_entropy", label_smoothing=0.1, ignore_index=0)
    assert loss(smooth, label_smoothing=0.2) == loss(
        "cross_entropy", label_smoothing=0.2, ignore_index=0
    )


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown loss 'hubre'; known are cross_entropy, .*huber"):
        loss("hubre")


@pytest.mark.parametrize(
    ("name", "setting", "listed"),
    [("huber", "slope", "delta"), ("mse", "delta", "none"), ("nll", "label_smoothing", "class_")],
)
def test_an_unknown_setting_lists_the_known_ones(name, setting, listed):
    with pytest.raises(TypeError, match=f"{name}.* no setting '{setting}'; it has: {listed}"):
        loss(name, **{setting: 0.5})


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cross_entropy", {"label_smoothing": 1.5}),
        ("cross_entropy", {"label_smoothing": float("nan")}),
        ("cross_entropy", {"class_weight": [1, -1]}),
        ("cross_entropy", {"class_weight": np.array([1.0, np.nan])}),
        ("cross_entropy", {"class_weight": np.array([[0, 5], [1, 1]])}),
        ("cross_entropy", {"class_weight": ((0, 1.0), (0, 2.0))}),
        ("nll", {"class_weight": [1.0, float("inf")]}),
        ("binary_cross_entropy", {"pos_weight": -1}),
        ("binary_cross_entropy", {"pos_weight": np.ones((2, 2))}),
        ("huber", {"delta": 0}),
        ("huber", {"delta": float("inf")}),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(name, settings):
    (setting,) = settings
    with pytest.raises(ValueError, match=f"^{setting} of loss '{name}' "):
        loss(name, **settings)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("nll", {"ignore_index": 0.5}),
        ("nll", {"ignore_index": True}),
        ("nll", {"class_weight": 2.0}),
        ("nll", {"class_weight": "12"}),
        ("nll", {"class_weight": ["1", "2"]}),
        ("nll", {"class_weight": np.array([True, False])}),
        ("nll", {"class_weight": [[0, 1.0, 2.0]]}),
        ("nll", {"class_weight": {0: "1"}}),
        ("cross_entropy", {"label_smoothing": "0.1"}),
        ("cross_entropy", {"label_smoothing": True}),
        ("binary_cross_entropy", {"pos_weight": "2"}),
        ("huber", {"delta": "0.5"}),
    ],
)
def test_a_setting_of_the_wrong_type_is_refused_by_name(name, settings):
    (setting,) = settings
    with pytest.raises(TypeError, match=f"^{setting} of loss '{name}' "):
        loss(name, **settings)


@pytest.mark.parametrize(("key", "error"), [(-1, ValueError), (0.0, TypeError), ("0", TypeError)])
def test_a_mapping_of_class_weights_has_classes_for_keys(key, error):
    with pytest.raises(error, match=r"^a class in class_weight of loss 'nll' must be"):
        loss("nll", class_weight={key: 1.0})


def test_a_mapping_that_names_no_class_leaves_every_weight_one():
    assert loss("nll", class_weight={}) == loss("nll")


def test_what_is_no_loss_is_refused():
    with pytest.raises(TypeError, match=r"a name, a Loss, or a function .* got int"):
        loss(3)
