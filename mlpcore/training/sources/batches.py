"""Batches that the user makes: an iterable, a sequence, an iterator, or a function for one."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

from mlpcore.training.sources.check import CheckBatch
from mlpcore.training.sources.sample import Reservoir
from mlpcore.training.sources.sequence import Passes, is_sequence
from mlpcore.training.sources.source import Minibatch, Source

Batches: TypeAlias = Iterable[Any] | Callable[..., Iterable[Any]]
"""What yields (x, t) or (x, t, sample_weight), or a function of nothing or of the epoch's number
that returns it."""


class BatchSource(Source):
    """Minibatches of an iterable of batches.

    Parameters
    ----------
    batches : iterable, sequence, or callable
        A function is called anew for each pass, with the number of the pass, counted from 0, if it
        takes an argument; anything else is gone through anew, a sequence that is no iterable by
        its numbers: see `Passes`.
    check : CheckBatch
        Checks each batch and brings it to the device.
    steps : int or None
        How many batches make an epoch: None for one pass.  Epochs of another length go on where the
        one before stopped.
    epochs : int
        How many epochs there will be.

    Raises
    ------
    TypeError
        If `batches` is neither.
    ValueError
        If it is an iterator, which can be gone through once only, and `epochs` asks for more.
    """

    def __init__(
        self, batches: Batches, check: CheckBatch, *, steps: int | None, epochs: int
    ) -> None:
        self._call = _as_function(batches)
        self._batches, self._check, self._steps = batches, check, steps
        if self._call is None:
            if not isinstance(batches, Iterable):
                raise TypeError(
                    "x without t must be an iterable of batches (x, t), a sequence of them with a "
                    f"length, or a function that returns an iterable; got {type(batches).__name__}"
                )
            self._once = iter(batches) is batches
        else:
            self._once = False
        if self._once and steps is None and epochs > 1:
            raise ValueError(
                f"an iterator can be gone through once, not in {epochs} epochs: give a function "
                "that returns a new one for each epoch, or steps_per_epoch= if it is long enough"
            )
        # The pass that is under way, for epochs that are not passes: its number, and its rest.
        self._pass = -1
        self._rest: Iterator[Any] = iter(())
        self._drawn = 0  # how many batches were taken, over all epochs
        self._most = self._seed = 0
        self._sample: Reservoir | None = None
        # The epoch that `sample` has begun, which goes on with the batches that are left.
        self._begun: tuple[int, Iterator[tuple[int, Any, str]]] | None = None

    @property
    def steps(self) -> int | None:
        """How many minibatches an epoch has, if that is known."""
        if self._steps is not None:
            return self._steps
        try:
            return len(self._batches)  # type: ignore[arg-type]
        except TypeError:
            return None

    def epoch(self, number: int, start: int = 0) -> Iterator[Minibatch]:
        """Yield the minibatches of epoch `number` from its step `start` on.

        Raises
        ------
        ValueError
            If there are no batches, or too few.
        """
        begun, self._begun = self._begun, None
        if begun is not None and begun[0] == number:
            numbered = begun[1]
        else:
            self._begin_sample(number)
            numbered = self._numbered(number)
        for step, batch, name in numbered:
            if step > start:
                found = self._check(batch, name)
                self._add_to_sample(found)
                yield found
            elif self._most:
                self._add_to_sample(self._check(batch, name))

    def _numbered(self, number: int) -> Iterator[tuple[int, Any, str]]:
        """Yield number, batch and name of each minibatch of an epoch, as they come."""
        name, step = f"epoch {number + 1}", 0
        if self._steps is None:
            found = _noted(self._begin(number), name)
        else:
            found = self._part(number * self._steps, self._steps, name)
        for step, batch in enumerate(found, 1):
            yield step, batch, f"batch {step} of {name}"
        if step == 0:
            raise ValueError(f"{name}: x gave no batches{self._advice()}")

    def keep_sample(self, most: int, seed: int) -> None:
        """Keep `most` rows of each epoch."""
        self._most, self._seed = most, seed

    def sample(self, epoch: int, steps: int | None) -> Any:
        """Return those of the epoch under way, or else of the last one."""
        if self._sample is None:
            self._begin_sample(epoch)
            numbered = self._numbered(epoch)
            for _, batch, name in islice(numbered, steps):
                self._add_to_sample(self._check(batch, name))
            if steps is not None:
                self._begun = epoch, numbered
        assert self._sample is not None  # since a sample was asked for
        return self._sample.rows(self._check.bound.backend.xp)

    def _begin_sample(self, epoch: int) -> None:
        if self._most:
            self._sample = Reservoir(self._most, self._seed, epoch)

    def _add_to_sample(self, batch: Minibatch) -> None:
        if self._sample is not None:
            self._sample.add(self._check.bound.backend.xp, batch[0])

    def settings(self) -> dict[str, Any]:
        """Return how many batches make an epoch; what they hold only the user knows."""
        return {"data": "batches", "steps_per_epoch": self._steps}

    def _part(self, first: int, steps: int, name: str) -> Iterator[Any]:
        """Yield `steps` batches from number `first` on, in as many passes as it takes."""
        while self._drawn < first:  # an epoch is begun without those before it
            self._draw(name)
        for _ in range(steps):
            yield self._draw(name)

    def _draw(self, name: str) -> Any:
        try:
            batch = next(self._rest)
        except StopIteration:
            batch = self._first_of_next_pass(name)
        self._drawn += 1
        return batch

    def _first_of_next_pass(self, name: str) -> Any:
        if not (self._once and self._pass >= 0):
            self._pass += 1
            self._rest = _noted(self._begin(self._pass), f"pass {self._pass + 1} over the data")
            for batch in self._rest:
                return batch
        raise ValueError(
            f"{name}: x gave {self._drawn} batches and no more, with {self._steps} wanted for each "
            f"epoch{self._advice()}"
        )

    def _begin(self, number: int) -> Iterator[Any]:
        if self._call is None:
            return iter(self._batches)  # type: ignore[arg-type]
        found = self._call(number)
        if not isinstance(found, Iterable):
            raise TypeError(
                "the function given as x must return an iterable of batches (x, t), "
                f"got {type(found).__name__}"
            )
        return iter(found)

    def _advice(self) -> str:
        if self._call is not None:
            return ""
        return "; a function that returns a new iterator for each epoch can go on for ever"


def _as_function(batches: Any) -> Callable[[int], Any] | None:
    """Return what gives the batches of the pass of some number, or None for a plain iterable."""
    if callable(batches):
        return _takes_epoch(batches)
    return Passes(batches) if is_sequence(batches) else None


def _takes_epoch(function: Callable[..., Any]) -> Callable[[int], Any]:
    """Return `function` as one of the epoch's number, whether it takes one or not."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of some functions in C
        return lambda epoch: function()  # noqa: ARG005
    try:
        signature.bind(0)
    except TypeError:
        return lambda epoch: function()  # noqa: ARG005
    return function


def _noted(batches: Iterator[Any], where: str) -> Iterator[Any]:
    """Yield `batches`; an error of the user's own says where it came up."""
    step = 0
    while True:
        step += 1
        try:
            batch = next(batches)
        except StopIteration:
            return
        except Exception as error:
            error.add_note(f"raised while making batch {step} of {where}")
            raise
        yield batch
