"""Which loss belongs to which output."""

import pytest

from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.nn.losses import check_output, default_for_output, loss


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("softmax", "cross_entropy"),
        ("log_softmax", "cross_entropy"),
        ("sigmoid", "binary_cross_entropy"),
        ("identity", "mse"),
    ],
)
def test_each_output_has_its_loss(output, name):
    assert default_for_output(output) == loss(name)
    check_output(default_for_output(output), output)


def test_an_output_without_a_loss_says_so():
    with pytest.raises(ValueError, match="no loss belongs to output='tanh'; name one"):
        default_for_output("tanh")


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_suits_the_identity_and_logits(name):
    check_output(loss(name), "identity")


@pytest.mark.parametrize(
    ("name", "output", "instead"),
    [
        ("mse", "softmax", "output='identity', or loss='cross_entropy' with this output"),
        ("mae", "sigmoid", "output='identity', or loss='binary_cross_entropy' with this output"),
        ("huber", "log_softmax", "output='identity', or loss='cross_entropy'"),
        ("nll", "softmax", "output='identity', or loss='cross_entropy' with this output"),
        ("cross_entropy", "sigmoid", "output='softmax' or output='log_softmax' or output='iden"),
        ("binary_cross_entropy", "softmax", "output='sigmoid' or output='identity', or loss='cr"),
        ("mse", "tanh", "use output='identity'$"),
    ],
)
def test_a_loss_that_does_not_belong_to_the_output_says_what_does(name, output, instead):
    with pytest.raises(ValueError, match=f"does not belong to output='{output}'.*{instead}"):
        check_output(loss(name), output)
