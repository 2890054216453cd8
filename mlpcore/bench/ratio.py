"""How many times as long as this library the others take, round by round."""

from dataclasses import dataclass

import numpy as np

from mlpcore.bench.measure import Timing


@dataclass(frozen=True)
class Ratio:
    """A peer's time over this library's, both of the same round.

    The cores of a machine that others share change their speed from second to second, for all
    contenders of a round alike: what is left in the ratio is what matters.

    Attributes
    ----------
    contender : str
        Which of this library's contenders.
    peer : str
        The other one.
    batch_size : int
        Rows of a call.
    median : float
        Over the rounds; above 1 this library is faster.
    q1, q3 : float
        The quartiles over the rounds.
    rounds : int
        How many rounds there were.
    fastest : bool
        Whether no other peer's median is smaller.
    """

    contender: str
    peer: str
    batch_size: int
    median: float
    q1: float
    q3: float
    rounds: int
    fastest: bool


def ratios(timings: dict[str, Timing], ours: tuple[str, ...], batch_size: int) -> list[Ratio]:
    """Return the ratio of each peer in `timings` to each of `ours`."""
    found = []
    peers = [name for name in timings if name not in ours]
    for name in ours:
        if name not in timings:
            continue
        quartiles = {
            peer: np.percentile(timings[peer].round_s / timings[name].round_s, (25, 50, 75))
            for peer in peers
        }
        least = min((float(q[1]) for q in quartiles.values()), default=0.0)
        found += [
            Ratio(
                name, peer, batch_size, float(q[1]), float(q[0]), float(q[2]),
                len(timings[name].rounds), float(q[1]) == least,
            )
            for peer, q in quartiles.items()
        ]  # fmt: skip
    return found
