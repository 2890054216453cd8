"""A property that is computed once, without a lock."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801 - named for what it stands in for
    """`functools.cached_property` as it is from Python 3.12 on.

    In Python 3.11 one lock serves a property of all objects: while it is computed for one, it
    cannot be for any other, and in a child that is forked meanwhile never.  Here two threads may
    both compute it, and keep the same.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> Self | T:
        """Return the value, which from now on is an attribute of the object."""
        if instance is None:
            return self
        values: dict[str, Any] = instance.__dict__
        value: T = values.setdefault(self._name, self._compute(instance))
        return value
