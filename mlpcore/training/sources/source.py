"""Where the minibatches of a fit come from."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Minibatch: TypeAlias = tuple[Any, Any, Any]
"""(x, t, sample_weight), checked, as rows on the model's device; the weights may be None."""

RowWeight: TypeAlias = Callable[[Any, Any], Any]
"""``(xp, t)`` to the weight of each row, from its target: class weights of a loss without them."""


class Source(ABC):
    """Gives the minibatches of each epoch, checked and on the model's device."""

    @property
    @abstractmethod
    def steps(self) -> int | None:
        """How many minibatches an epoch has, None where only its end will tell."""

    @abstractmethod
    def epoch(self, number: int, start: int = 0) -> Iterator[Minibatch]:
        """Yield the minibatches of epoch `number`, counted from 0, from its step `start` on.

        Whoever leaves it before its end closes it.
        """

    def keep_sample(self, most: int, seed: int) -> None:
        """Keep what `sample` returns from the first epoch on; called before it, if at all."""
        raise NotImplementedError(f"{type(self).__name__} keeps no sample")

    def sample(self, epoch: int, steps: int | None) -> Any:
        """Return inputs of training, at most as many rows as were asked for, drawn with the seed.

        Where rows are seen only as they come they are those of the epoch that is under way, or of
        the last one.  In a fit that has just been resumed there is none; then `epoch` is gone
        through again for them, or its first `steps` minibatches, which `epoch` then leaves out, as
        it would have anyway.
        """
        raise NotImplementedError(f"{type(self).__name__} keeps no sample")

    def settings(self) -> dict[str, Any]:
        """Return what must be the same for another source to have the same minibatches."""
        return {}
