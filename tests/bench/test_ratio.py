"""A peer's time over ours, round by round."""

import numpy as np
import pytest

from mlpcore.bench.measure import Timing
from mlpcore.bench.ratio import ratios

OURS = ("mlpcore", "mlpcore-frozen")


def timing(*means):
    return Timing(tuple(np.array([mean]) for mean in means))


def test_a_machine_that_slows_down_leaves_the_ratio_alone():
    """The core halves its speed in the second round, for both."""
    (ratio,) = ratios({"mlpcore": timing(10, 20), "numpy": timing(13, 26)}, OURS, 4)
    assert (ratio.median, ratio.q1, ratio.q3) == pytest.approx((1.3, 1.3, 1.3))
    assert (ratio.contender, ratio.peer, ratio.batch_size) == ("mlpcore", "numpy", 4)
    assert (ratio.rounds, ratio.fastest) == (2, True)


def test_the_spread_is_that_of_the_rounds():
    (ratio,) = ratios({"mlpcore": timing(1, 1, 1, 1, 1), "a": timing(5, 1, 4, 2, 3)}, OURS, 1)
    assert (ratio.q1, ratio.median, ratio.q3) == (2, 3, 4)


def test_the_fastest_peer_is_marked_for_each_of_ours():
    found = ratios(
        {"a": timing(3), "mlpcore": timing(2), "b": timing(4), "mlpcore-frozen": timing(1)}, OURS, 1
    )
    assert {(r.contender, r.peer): (r.median, r.fastest) for r in found} == {
        ("mlpcore", "a"): (1.5, True),
        ("mlpcore", "b"): (2.0, False),
        ("mlpcore-frozen", "a"): (3.0, True),
        ("mlpcore-frozen", "b"): (4.0, False),
    }


@pytest.mark.parametrize("names", [(), ("a", "b"), ("mlpcore",)])
def test_without_us_or_without_a_peer_there_is_no_ratio(names):
    assert ratios({name: timing(1) for name in names}, OURS, 1) == []
