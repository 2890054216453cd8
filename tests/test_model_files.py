"""MLP: what goes through a file, and what does not."""

import numpy as np
import pytest
from support.models import model

from mlpcore import MLP


def test_a_model_goes_through_a_file(tmp_path):
    net = model(standardize=True, activation="gelu")
    net.adapt(np.random.default_rng(15).normal(2, 3, size=(50, 4)))
    net.save(tmp_path / "net.safetensors", metadata={"note": "kept"})
    again = MLP.load(tmp_path / "net.safetensors")
    assert again.equals(net)
    assert again.seed == net.seed


def test_what_numpy_counts_can_be_saved(tmp_path):
    net = MLP(np.array([4, 3, 2]), bias=np.bool_(True), seed=np.int64(3))
    net.save(tmp_path / "net.safetensors")
    assert MLP.load(tmp_path / "net.safetensors").equals(net)


def test_a_users_own_activation_cannot_be_saved(tmp_path):
    net = MLP([2, 2, 2], activation=(np.tanh, lambda z: 1 - np.tanh(z) ** 2), seed=0)
    with pytest.raises(ValueError, match="function of your own, which a file cannot hold"):
        net.save(tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())
