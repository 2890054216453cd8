"""MLP with dropout, norms, residuals and noise: training, files, copies, initial values."""

import json

import numpy as np
import pytest
from support.layered import LAYERED, network, randomize

import mlpcore
from mlpcore import MLP, BatchNorm, Dense, Dropout, LayerNorm, Network
from mlpcore.kernels.reference.operations import Activation

EVERYTHING = {
    "norm": "batch",
    "residual": True,
    "dropout": 0.2,
    "standardize": True,
    "input_noise": 0.1,
    "input_dropout": 0.1,
}


def model(**changes):
    return MLP(**({"sizes": [4, 8, 8, 3], "output": "softmax", "seed": 0} | EVERYTHING | changes))


def data(rows=90):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 1)


def test_fit_trains_and_everything_else_predicts():
    net, (x, t) = model(), data()
    before = net.evaluate(x, t)["loss"]
    net.fit(x, t, epochs=30, batch_size=30, lr=0.02, progress=False)
    assert net.evaluate(x, t)["loss"] < 0.5 * before
    p = net(x)
    np.testing.assert_array_equal(net(x), p)  # nothing is drawn
    assert not hasattr(net, "train")
    assert not hasattr(net, "eval")


@pytest.mark.parametrize(("rows", "batch_size"), [(91, 30), (10, 1), (1, 32)])
def test_a_batch_of_one_row_is_refused_before_the_first_step(rows, batch_size):
    net, (x, t) = model(), data(rows)
    before = net.copy()
    with pytest.raises(ValueError, match=f"divides {rows} rows so that one batch has 1; choose"):
        net.fit(x, t, epochs=1, batch_size=batch_size, progress=False)
    assert net.equals(before)
    model(norm="layer").fit(x, t, epochs=1, batch_size=batch_size, progress=False)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_seeded_training_has_the_same_bits_again_and_other_seeds_draw_others(norm):
    x, t = data()

    def trained(seed):
        net = model(norm=norm)
        net.fit(x, t, epochs=2, batch_size=32, shuffle=False, seed=seed, progress=False)
        return net

    assert trained(1).equals(trained(1))
    assert not trained(1).equals(trained(2))


@pytest.mark.parametrize("name", LAYERED)
def test_files_and_copies_hold_every_layer_and_its_statistics(name, tmp_path):
    net = randomize(MLP.from_network(network(name), seed=3))
    net.save(tmp_path / "net")
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    for other in (MLP.load(tmp_path / "net"), net.copy(), net.astype("float32"), net.to("cpu")):
        assert other.equals(net)
        assert other.network == net.network
        np.testing.assert_array_equal(other(x), net(x))
    wide = net.astype("float64")
    assert not wide.equals(net)
    assert wide.astype("float32").equals(net)
    assert Network.from_config(json.loads(json.dumps(net.network.config()))) == net.network


def test_running_statistics_belong_to_what_is_compared():
    net = model()
    other = net.copy()
    name = "layers.0.running_mean"
    other._bound.assign({name: other._bound.values()[name] + 1})
    assert not net.equals(other)


def test_a_damaged_description_of_a_layer_is_refused():
    config = network("dropout").config()
    config["layers"][2]["rate"] = 1.5
    with pytest.raises(ValueError, match=r"rate of dropout must be in \[0, 1\), got 1.5"):
        Network.from_config(config)


def test_arrays_are_named_by_layer_and_the_second_norm_of_a_layer_is_numbered():
    layers = (BatchNorm(), Dense(4, 5), LayerNorm(), Dense(5, 3))
    net = MLP.from_network(Network(layers), seed=0)
    assert list(net.parameters()) == [
        "layers.0.norm_scale",
        "layers.0.norm_shift",
        "layers.0.weight",
        "layers.0.bias",
        "layers.0.norm_scale_2",
        "layers.0.norm_shift_2",
        "layers.1.weight",
        "layers.1.bias",
    ]
    assert list(net._bound.state.views) == ["layers.0.running_mean", "layers.0.running_variance"]


def test_weight_decay_exempts_biases_and_norms():
    net = randomize(model(norm="layer", dtype="float64"))
    x, t = data()
    _, plain = net.value_and_grad(x, t)
    _, decayed = net.value_and_grad(x, t, l2=0.5)
    for name, W in net.parameters().items():
        expected = plain[name] + (0.5 * W if name.endswith("weight") else 0)
        np.testing.assert_allclose(decayed[name], expected, rtol=1e-9, atol=1e-12)


def test_the_initialiser_looks_through_norms_and_dropout_to_the_activation():
    plain = MLP([4, 300, 300, 3], "relu", seed=0)
    for options in ({"norm": "batch"}, {"norm": "layer"}, {"dropout": 0.5}):
        net = MLP([4, 300, 300, 3], "relu", seed=0, **options)
        found = [p.activation for p in net._bound.program.parameters if p.initializer]
        assert [str(each) for each in found] == ["relu", "relu", "identity"]
        W = net.parameters()["layers.1.weight"]
        # He: N(0, 2 / 300), of which 90000 numbers have a deviation right to 1 %.
        assert abs(np.std(W) / np.sqrt(2 / 300) - 1) < 0.01
        assert np.std(W) == pytest.approx(np.std(plain.parameters()["layers.1.weight"]), rel=0.02)


def test_normalised_results_need_no_gain():
    layers = (Dense(4, 300), Activation("relu"), BatchNorm(), Dropout(0.1), Dense(300, 300))
    net = MLP.from_network(Network((*layers, Activation("relu"), Dense(300, 3))), seed=0)
    assert abs(np.std(net.parameters()["layers.1.weight"]) / np.sqrt(1 / 300) - 1) < 0.01


def test_the_representation_shows_every_layer_in_order():
    text = repr(model())
    assert "standardize  gaussian_noise(0.1)  dropout(0.1)  4 → 8  batch_norm  relu" in text
    assert "8 → 8  batch_norm  relu  residual  dropout(0.2)" in text


def test_the_layers_are_public():
    names = [
        "Activation",
        "BatchNorm",
        "Dropout",
        "GaussianNoise",
        "LayerNorm",
        "Residual",
        "Standardize",
    ]
    assert set(names) <= set(mlpcore.__all__)
    assert mlpcore.Dropout is Dropout
