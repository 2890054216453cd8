"""Every row comes once in a pass, in an order that depends on seed and pass alone."""

import numpy as np
import pytest

from mlpcore.training.sources.order import Order


def rows(order, epoch, start=0):
    return [np.arange(1000)[part].tolist() for part in order.epoch(epoch, start)]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("steps", [1, 3, 4, 11])
def test_epochs_of_any_length_go_on_where_the_one_before_stopped(steps, shuffle):
    passes = Order(10, 3, 7, shuffle=shuffle)
    parts = Order(10, 3, 7, shuffle=shuffle, steps=steps)
    assert (passes.steps, parts.steps) == (4, steps)
    whole = [batch for number in range(12) for batch in rows(passes, number)]
    pieces = [batch for number in range(4) for batch in rows(parts, number)]
    assert pieces == whole[: 4 * steps]


@pytest.mark.parametrize("steps", [None, 3, 9])
def test_an_epoch_can_be_begun_at_any_step(steps):
    order = Order(10, 3, 7, shuffle=True, steps=steps)
    for start in range(order.steps + 1):
        assert rows(order, 2, start) == rows(order, 2)[start:]


@pytest.mark.parametrize("shuffle", [False, True])
def test_some_rows_of_the_arrays_come_in_the_order_of_as_many_rows(shuffle):
    numbers = np.array([5, 17, 101, 402, 998])
    chosen = rows(Order(5, 2, 3, shuffle=shuffle, numbers=numbers), 1)
    alone = rows(Order(5, 2, 3, shuffle=shuffle), 1)
    assert chosen == [numbers[batch].tolist() for batch in alone]
