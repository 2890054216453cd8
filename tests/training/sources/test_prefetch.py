"""A thread makes items ahead; it ends with its items, with an error, or when nobody wants more."""

import itertools
import threading

import pytest

from mlpcore.training.sources.prefetch import Prefetch


def test_items_come_in_their_order():
    assert list(Prefetch(lambda: iter(range(20)))) == list(range(20))


def test_an_error_comes_in_its_place_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise OSError("the disk is gone")

    found = Prefetch(items)
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)
    assert list(found) == []


def test_it_stays_a_few_items_ahead_and_no_more():
    made, ahead = [], threading.Event()

    def items():
        for number in itertools.count():
            made.append(number)
            if number == 3:  # one in the hand of the user, two that wait, one to be put
                ahead.set()
            yield number

    found = Prefetch(items, ahead=2)
    assert next(found) == 0
    assert ahead.wait(60)
    assert len(made) == 4
    found.close()


def test_closed_it_leaves_no_thread_and_gives_nothing_more():
    before = threading.active_count()
    found = Prefetch(itertools.count)
    next(found)
    found.close()
    assert threading.active_count() == before
    assert list(found) == []
