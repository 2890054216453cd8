"""Runs of the flat buffer that an update treats alike."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mlpcore.backends.layout import Layout
from mlpcore.program import Program


class Span(NamedTuple):
    """A run of the flat buffer, which begins where an array of it begins.

    Attributes
    ----------
    start, stop : int
        Where it begins and ends, holes included.
    lr_scale : float, default 1
        The factor of the learning rate in it.
    decays : bool, default True
        Whether it holds weights, which the decay of an optimizer's own takes from, or what is
        exempt from it.
    """

    start: int
    stop: int
    lr_scale: float = 1.0
    decays: bool = True

    def of(self, vectors: Mapping[str, Any]) -> dict[str, Any]:
        """Return this run of each of several flat vectors."""
        return {name: vector[self.start : self.stop] for name, vector in vectors.items()}


def spans_of(program: Program, layout: Layout) -> dict[str, Span]:
    """Return the span of each parameter of a program; the hole behind one belongs to it."""
    ends = [*(slot.start for slot in layout.places[1:]), layout.length]
    decays = {parameter.name: parameter.decays for parameter in program.parameters}
    return {
        name: Span(slot.start, end, decays=decays[name])
        for (name, slot), end in zip(layout.items(), ends, strict=True)
    }


def joined(spans: Iterable[Span], *, apart: bool) -> tuple[Span, ...]:
    """Return spans, in order, with neighbours made one where an update treats them alike.

    Parameters
    ----------
    spans : iterable of Span
        In the order of the buffer.
    apart : bool
        Whether the optimizer treats weights and others differently.
    """
    found: list[Span] = []
    for given in spans:
        span = given if apart else given._replace(decays=True)
        last = found[-1] if found else None
        if (
            last is not None
            and last.stop == span.start
            and (last.lr_scale, last.decays) == (span.lr_scale, span.decays)
        ):
            found[-1] = last._replace(stop=span.stop)
        else:
            found.append(span)
    return tuple(found)
