"""MLP: the last axis of the input holds the features, and every other counts as rows."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.models import model


@given(st.lists(st.integers(0, 4), max_size=3).map(tuple))
def test_any_leading_shape_is_a_batch_of_rows(lead):
    net = model(dtype="float64")
    x = np.random.default_rng(0).normal(size=(*lead, 4))
    z, cache = net.forward(x)
    assert z.shape == (*lead, 3)
    assert cache.x.shape == x.shape
    assert cache.layers[0].a.shape == (*lead, 6)
    grads = net.backward(cache, z, intermediates=True)
    assert grads.input.shape == x.shape
    assert grads.layers[0].dz.shape == (*lead, 6)
    np.testing.assert_allclose(net(x).reshape(-1, 3), net(x.reshape(-1, 4)), rtol=1e-12)


def test_a_batch_is_its_samples_one_by_one():
    net = model(dtype="float64")
    x = np.random.default_rng(1).normal(size=(17, 4))
    one_by_one = np.stack([net(row) for row in x])
    np.testing.assert_allclose(net(x), one_by_one, rtol=1e-12)
    _, cache = net.forward(x)
    dz = np.random.default_rng(2).normal(size=(17, 3))
    whole = net.backward(cache, dz)
    parts = [net.backward(net.forward(row)[1], d) for row, d in zip(x, dz, strict=True)]
    np.testing.assert_allclose(whole.flat, sum(part.flat for part in parts), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(whole.input, np.stack([part.input for part in parts]), rtol=1e-12)


@pytest.mark.parametrize("rows", [0, 1, 1023, 1024, 1025, 5000])
def test_long_batches_are_predicted_in_chunks_that_nobody_sees(rows):
    net = model(dtype="float64")
    x = np.random.default_rng(3).normal(size=(rows, 4))
    expected, _ = net.forward(x)
    np.testing.assert_allclose(net.forward(x, cache=False), expected, rtol=1e-12)


def test_prediction_in_batches_is_prediction_at_once():
    net = model(dtype="float64")
    x = np.random.default_rng(4).normal(size=(23, 4))
    np.testing.assert_allclose(net.predict(x, batch_size=5), net(x), rtol=1e-12)
    np.testing.assert_allclose(net.predict(x, batch_size=100), net(x), rtol=1e-12)
    np.testing.assert_allclose(net.predict(x.tolist(), batch_size=5), net(x), rtol=1e-12)
    deep = x[:20].reshape(5, 4, 4)
    np.testing.assert_allclose(net.predict(deep, batch_size=2), net(deep), rtol=1e-12)
    assert net.predict(x[0], batch_size=2).shape == (3,)
    strict = array_api_strict.asarray(x)
    assert type(net.predict(strict, batch_size=5)) is type(strict)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        net.predict(x, batch_size=0)


@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (4, 3), (2, 4, 5)])
def test_a_wrong_width_is_refused_with_both_shapes(shape):
    with pytest.raises(ValueError, match=r"x must have the shape \(\.\.\., 4\)"):
        model()(np.zeros(shape))
