"""Where each named array lies in one flat buffer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from mlpcore.cached import cached_property
from mlpcore.program import Parameter

ALIGNMENT = 64
"""Bytes to which every array is aligned: one AVX-512 vector, one cache line."""


class Slot(NamedTuple):
    """The place of one array: its first element, its shape and how many elements it has."""

    start: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many elements the array has."""
        return prod(self.shape)

    def view(self, flat: Any) -> Any:
        """Return the array as a view of `flat`."""
        return flat[self.start : self.start + self.size].reshape(self.shape)


@dataclass(frozen=True)
class Layout:
    """The slots of a flat buffer, each starting at a multiple of 64 bytes.

    The holes between slots stay zero and count nowhere, so that an update or a norm may run over
    the buffer as one vector.

    Attributes
    ----------
    names : tuple of str
        The arrays in the order of the program.
    places : tuple of Slot
        Where each of them lies.
    length : int
        How many elements the buffer has, holes included.
    """

    names: tuple[str, ...]
    places: tuple[Slot, ...]
    length: int

    @classmethod
    def of(cls, parameters: tuple[Parameter, ...], itemsize: int) -> "Layout":
        """Return the layout of `parameters` for elements of `itemsize` bytes."""
        step = ALIGNMENT // itemsize
        places, start = [], 0
        for parameter in parameters:
            slot = Slot(start, parameter.shape)
            places.append(slot)
            start += -(-slot.size // step) * step
        return cls(tuple(p.name for p in parameters), tuple(places), start)

    @cached_property
    def slots(self) -> Mapping[str, Slot]:
        """The slot of each name."""
        return dict(zip(self.names, self.places, strict=True))

    @property
    def count(self) -> int:
        """How many elements the named arrays have together, without the holes."""
        return sum(slot.size for slot in self.places)

    def views(self, flat: Any) -> dict[str, Any]:
        """Return a view of `flat` for each name."""
        return {name: slot.view(flat) for name, slot in self.items()}

    def items(self) -> Iterator[tuple[str, Slot]]:
        """Iterate over names and slots in the order of the program."""
        return zip(self.names, self.places, strict=True)
