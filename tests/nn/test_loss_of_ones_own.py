"""A loss of a user's own."""

import numpy as np
import pytest

from mlpcore.nn.losses import check_output, loss


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def half_square(z, t):
    return ((z - t) ** 2).mean() / 2, (z - t) / z.size


def test_a_loss_of_a_users_own_is_called_with_z_and_t(rng):
    own = loss(half_square)
    assert (own.name, own.expects, loss(own)) == ("half_square", "anything", own)
    z, t = rng.normal(size=(4, 2)).astype(np.float32), rng.normal(size=(4, 2))
    own.validate(z.shape, t)
    value, dz = own(np, z, t)
    assert (value.dtype, dz.dtype, value.shape) == (np.float32, np.float32, ())
    np.testing.assert_allclose(value, ((z - t) ** 2).mean() / 2, rtol=1e-6)


def test_a_loss_of_a_users_own_takes_no_options():
    z = np.zeros((4, 2))
    with pytest.raises(TypeError, match="half_square is a loss of your own; it takes no delta"):
        loss(half_square, delta=1)
    with pytest.raises(ValueError, match="takes no sample_weight"):
        loss(half_square).validate(z.shape, z, np.ones(4))
    with pytest.raises(ValueError, match="reduction='sum' cannot be applied"):
        loss(half_square)(np, z, z, reduction="sum")


@pytest.mark.parametrize("returned", [(np.zeros(4), np.zeros((4, 2))), (0.0, np.zeros((2, 4)))])
def test_a_loss_of_a_users_own_must_return_a_number_and_a_gradient(returned):
    z = np.zeros((4, 2))
    with pytest.raises(
        ValueError, match=r"the loss '<lambda>' returned .*; expected \(\) and \(4, 2\)"
    ):
        loss(lambda z, t: returned)(np, z, z)


def test_a_loss_of_a_users_own_is_trusted_with_any_output():
    check_output(loss(half_square), "softmax")
