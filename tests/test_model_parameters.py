"""MLP: parameters are one buffer, and a copy is the same and apart."""

import copy
import pickle

import numpy as np
import pytest
from support.models import model

from mlpcore import MLP


def test_parameters_are_counted_without_holes():
    net = model()
    assert net.num_parameters == 4 * 6 + 6 + 6 * 3 + 3
    assert sum(view.size for view in net.parameters().values()) == net.num_parameters


def test_all_parameters_are_views_of_one_buffer_at_64_byte_boundaries():
    for dtype in ("float32", "float64"):
        views = list(model(dtype=dtype).parameters().values())
        assert all(view.ctypes.data % 64 == 0 for view in views)
        assert views[-1].ctypes.data - views[0].ctypes.data < 4096


def test_holes_stay_zero_through_training():
    net = model(sizes=[3, 5, 3], dtype="float64")
    net.fit(np.ones((4, 3)), [0, 1, 2, 0], epochs=3, optimizer="adam", l2=0.1)
    flat = net._bound.parameters.flat.copy()
    for view in net._bound.parameters.layout.views(flat).values():
        view[...] = 0
    assert not flat.any()


def test_setting_parameters_checks_everything_first():
    net = model()
    before = net.copy()
    good = {name: np.ones(view.shape) for name, view in net.parameters().items()}
    for bad, words in [
        ({k: v for k, v in good.items() if k != "layers.1.bias"}, r"missing or unknown: layers\.1"),
        (good | {"layers.7.bias": 0}, r"layers\.7\.bias"),
        (good | {"layers.1.weight": np.ones((6, 3))}, r"layers\.1\.weight has shape \(3, 6\)"),
    ]:
        with pytest.raises(ValueError, match=words):
            net.set_parameters(bad)
        assert net.equals(before)
    net.set_parameters(good)
    assert all((view == 1).all() for view in net.parameters().values())


def test_a_copy_is_the_same_and_apart():
    net = model()
    for twin in (net.copy(), copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin.equals(net)
        twin.parameters()["layers.0.bias"][...] = 1
        assert not twin.equals(net)
    assert not net.equals("another thing")
    assert not net.equals(model(sizes=[4, 5, 3]))


class Named(MLP):
    """A subclass that keeps something."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.classes = ["a", "b", "c"]


def test_what_a_subclass_keeps_goes_with_its_copies():
    net = Named([4, 6, 3], output="softmax", seed=0)
    for twin in (net.copy(), copy.deepcopy(net), net.astype("float64"), net.to("cpu")):
        assert type(twin) is Named
        assert twin.classes == net.classes
    again = pickle.loads(pickle.dumps(net))
    assert again.classes == net.classes
    assert copy.deepcopy(net).classes is not net.classes
    assert again.equals(net)


def test_equality_is_of_bits():
    net, twin = model(), model()
    net.parameters()["layers.0.bias"][...] = 0.0
    twin.parameters()["layers.0.bias"][...] = -0.0
    assert not net.equals(twin)


def test_astype_converts_a_copy():
    net = model(dtype="float64")
    narrow = net.astype("float32")
    assert narrow.dtype == np.float32
    assert not narrow.equals(net)
    assert narrow.astype("float64").astype("float32").equals(narrow)
    x = np.ones((2, 4))
    np.testing.assert_allclose(narrow(x), net(x), rtol=1e-5)
