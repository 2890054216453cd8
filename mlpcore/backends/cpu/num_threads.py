"""How many threads a prediction or a step uses: the model says, or the context, or the default."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from mlpcore.backends.cpu.threads import default_num_threads
from mlpcore.backends.forks import renew_in_child
from mlpcore.checks import whole_number
from mlpcore.signals import deferred_signals

__all__ = ["check_num_threads", "num_threads", "threads"]


class _Default:
    """The default, found out once in each process: that takes longer than a small prediction."""

    def __init__(self) -> None:
        self.number: int | None = None
        renew_in_child(self)

    def find(self) -> int:
        # Reading files imports a codec: interrupted there, Python may keep the module's lock.
        with deferred_signals():
            found = self.number = default_num_threads()
        return found

    def _after_fork(self) -> None:
        self.number = None


_default = _Default()
_asked_for: ContextVar[int | None] = ContextVar("mlpcore_num_threads", default=None)


def threads(n: int) -> AbstractContextManager[None]:
    """Let predictions and steps on the CPU use `n` threads while the block runs.

    ``with mlpcore.threads(2): y = model(x)``.  It holds for this thread, or this task of asyncio,
    and for all models but those made with ``num_threads=``.  Results do not depend on it: they have
    the same bits with any number of threads.

    Parameters
    ----------
    n : int
        At least 1.  More than there are processors is allowed, and slower.

    Raises
    ------
    TypeError
        If `n` is no whole number.
    ValueError
        If it is below 1.
    """
    return _asking_for(whole_number(n, "the number of threads", least=1))


@contextmanager
def _asking_for(number: int) -> Iterator[None]:
    token = _asked_for.set(number)
    try:
        yield
    finally:
        _asked_for.reset(token)


def check_num_threads(value: Any) -> int | None:
    """Return what a model's ``num_threads=`` asks for; None leaves it to `threads` or the default.

    Raises
    ------
    TypeError
        If `value` is neither None nor a whole number.
    ValueError
        If it is below 1.
    """
    return None if value is None else whole_number(value, "num_threads", least=1)


def num_threads(setting: int | None = None) -> int:
    """Return how many threads to use now.

    Parameters
    ----------
    setting : int, optional
        What the model asks for, as `check_num_threads` returned it; it goes before `threads`,
        which goes before the default.  The default is what `default_num_threads` said when it was
        first needed in this process.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If the default is needed and an environment variable that bounds it is no number.
    """
    if setting is not None:
        return setting
    asked = _asked_for.get()
    if asked is None:
        asked = _default.number
    return _default.find() if asked is None else asked
