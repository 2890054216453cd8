"""The callbacks of a fit as the user gave them."""

from collections.abc import Sequence
from typing import Any

from mlpcore.callbacks.base import Callback


def callbacks_of(given: Sequence[Callback] | Callback | None) -> tuple[Callback, ...]:
    """Return callbacks as a tuple.

    Parameters
    ----------
    given : sequence of Callback, or one, or None
        None stands for none.

    Raises
    ------
    TypeError
        If something else is among them.
    """
    if given is None:
        return ()
    if isinstance(given, Callback):
        return (given,)
    try:
        found: tuple[Any, ...] = tuple(given)
    except TypeError:
        raise TypeError(
            f"callbacks must be a sequence of Callback, got {type(given).__name__}"
        ) from None
    for callback in found:
        if not isinstance(callback, Callback):
            is_class = isinstance(callback, type) and issubclass(callback, Callback)
            hint = f": {callback.__name__} is the class, make one of it" if is_class else ""
            raise TypeError(f"callbacks must be a sequence of Callback, got {callback!r}{hint}")
    return found
