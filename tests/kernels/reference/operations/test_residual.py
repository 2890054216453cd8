"""A residual connection joins what is equally wide, and comes after what it reads."""

import pytest

from mlpcore.kernels.reference.operations import Activation, Residual
from mlpcore.network import Dense, Network
from mlpcore.program import lower

RELU = Activation("relu")


def test_it_reads_the_layer_so_many_layers_before():
    assert Residual().sources(3) == (2,)
    assert Residual(3).sources(3) == (0,)


def test_unequal_widths_are_refused_where_the_network_is_described():
    with pytest.raises(ValueError, match="equal widths, but joins 5 features to 6"):
        Network((Dense(4, 5), RELU, Dense(5, 6), RELU, Residual(), Dense(6, 2)))
    with pytest.raises(ValueError, match="joins 5 features to 6"):
        Network((Dense(4, 5), Dense(5, 5), Dense(5, 6), Residual(2)))


def test_it_has_to_come_after_what_it_reads():
    with pytest.raises(ValueError, match="reads layer -1, which does not come before it"):
        lower(Network((Dense(4, 4), RELU, Residual(), Dense(4, 2))))


@pytest.mark.parametrize(
    ("back", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError)]
)
def test_how_far_back_is_a_whole_number_from_1_up(back, error):
    with pytest.raises(error, match="back must be"):
        Residual(back)


def test_it_is_shown_with_its_distance_where_that_is_not_1():
    assert [str(Residual()), str(Residual(2))] == ["residual", "residual(2)"]
