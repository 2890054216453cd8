"""How the participants of a job share out its tasks, phase by phase, as they come.

    board = Board(address, participants)
    for phase, count in enumerate(counts):
        with board.phase(phase, count, participant) as task:
            ...                       # written once; runs for each task that this thread claims

Each participant has a share of the tasks, the same in each phase and job, so that its core's cache
already holds what belongs to them.  It claims its own from the front and, when they are gone, those
of the others from the back, until none is left.  So it does not matter how many participants come,
or when: one alone claims everything, and one that comes late finds nothing to do and goes on.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .board_memory import LINE_BYTES, board_bytes
from .codegen.atomics import Word, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .codegen.values import Address, Int

__all__ = ["LINE_BYTES", "Board", "board_bytes"]

_HALF = 32
_LOW = (1 << _HALF) - 1


class Board:
    """The counters of a job.

    Parameters
    ----------
    place : Address
        Memory of `board_bytes`, cleared before the job begins.
    participants : Int
        How many shares the tasks are divided into: at least as many as threads take part.

    Notes
    -----
    A phase has a line that counts tasks done, and one for each share with the number of tasks that
    were claimed from its front (low half) and from its back (high half).  A claim adds to either
    half and holds if the halves, before it, did not yet add up to the size of the share.  Front
    task k and back task k of a share of n are its tasks k and n - 1 - k.  No task is claimed twice:
    if front claim k and back claim n - 1 - k both held, the later of them would have found at least
    n tasks claimed.  None is left out: the sums before the claims that hold are 0, ..., n - 1.
    """

    def __init__(self, place: Address, participants: Int) -> None:
        self._f = place.f
        self._place = place
        self._participants = participants

    def clear(self, phases: Any) -> None:
        """Begin a job of `phases` phases, before any other thread knows of it."""
        with self._f.loop(0, self._participants * phases + phases) as line:
            self._place.bytes(line * LINE_BYTES).store(self._f.int(0))

    @contextmanager
    def tasks(self, phase: Any, count: Int, participant: Int) -> Iterator[Int]:
        """Run the block for each of the `count` tasks of `phase` that this thread claims.

        Parameters
        ----------
        phase : Int or int
            Its number, from 0.
        count : Int
            How many tasks it has, numbered from 0; 0 is allowed, 2**31 - 1 is the most.
        participant : Int
            Whose thread this is, from 0 and below `participants`.

        Yields
        ------
        Int
            The number of the task.
        """
        f, participants = self._f, self._participants
        done = self._done(phase)
        with f.when(done.load("monotonic") < count):
            least = count // participants
            more = count - least * participants
            finished, offset = f.variable(f.int(0)), f.variable(f.int(0))
            with f.while_(lambda: offset.value < participants):
                own = offset.value.equals(0)
                turned = participant + offset.value
                share = (turned < participants).select(turned, turned - participants)
                first = share * least + share.min(more)
                size = least + (share < more).select(f.int(1), 0)
                claims, step = self._claims(phase, share), own.select(f.int(1), 1 << _HALF)
                # Looking at an exhausted share costs less than claiming from it.
                left = f.variable(own.select(f.int(1), 0))
                with f.when(~own):
                    left.value = (_claimed(claims.load("monotonic")) < size).select(f.int(1), 0)
                with f.while_(lambda: left.value > 0):
                    before = claims.add(step, "monotonic")
                    holds = _claimed(before) < size
                    left.value = holds.select(f.int(1), 0)
                    with f.when(holds):
                        front, back = before & _LOW, size - 1 - (before >> _HALF)
                        yield first + own.select(front, back)
                        finished.value = finished.value + 1
                offset.value = offset.value + 1
            with f.when(finished.value > 0):
                done.add(finished.value)

    @contextmanager
    def phase(self, phase: Any, count: Int, participant: Int) -> Iterator[Int]:
        """Run the block as `tasks` does; then wait until all tasks are done, by whomever."""
        with self.tasks(phase, count, participant) as task:
            yield task
        self.wait(phase, count)

    def wait(self, phase: Any, count: Int) -> None:
        """Wait until all `count` tasks of `phase` are done; what they wrote can then be read."""
        done = self._done(phase)
        wait_until(self._f, lambda: done.load() >= count)

    def _done(self, phase: Any) -> Word:
        return self._line((self._participants + 1) * phase)

    def _claims(self, phase: Any, share: Int) -> Word:
        return self._line((self._participants + 1) * phase + 1 + share)

    def _line(self, index: Int) -> Word:
        return Word(self._place.bytes(index * LINE_BYTES))


def _claimed(claims: Int) -> Int:
    both: Int = (claims & _LOW) + (claims >> _HALF)
    return both
