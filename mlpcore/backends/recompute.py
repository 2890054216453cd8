r"""Training passes in groups of stages, of which only the results are kept on the way forward.

What a group's backward pass needs is computed again from its input when the pass comes to it
(T. Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174).  With
L stages in k groups a step holds the results of k stages and the records of L / k,

.. math:: O(k + L / k), \quad \text{which is least, } O(\sqrt L), \text{ for } k \approx \sqrt L

at the price of going forward twice.  It changes no bit: kernels sum in one order however stages are
grouped, operations draw from the same place in the random stream again, and what they do to their
state the second time is forgotten.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from mlpcore.backends.base import Plan, Run, Segment, StageRecord
from mlpcore.backends.composed import ComposedPlan
from mlpcore.cached import cached_property
from mlpcore.program import Program

Segments: TypeAlias = int | Literal["auto"]
"""How many groups; ``"auto"`` for about √L."""

INPUT = -1
"""Where the input of the program lies among the results of its stages: before the first."""


@dataclass(frozen=True)
class _CutProgram(Program):
    """A program of which further results are kept, so that no engine fuses beyond them.

    Attributes
    ----------
    cuts : frozenset of int
        The stages whose results are kept.
    """

    cuts: frozenset[int]

    @cached_property
    def kept(self) -> frozenset[int]:
        """The stages whose results are read again, by an operation or by the way back."""
        return self.cuts


@dataclass(frozen=True)
class _Group:
    """Stages that go forward and backward together.

    Attributes
    ----------
    segments : tuple of Segment
        What runs them.
    start, stop : int
        The first stage, and the one behind the last.
    """

    segments: tuple[Segment, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class RecomputingPlan:
    """The passes of a plan of training that keep the results of a few stages.

    Attributes
    ----------
    groups : tuple of Group
        Together they run every stage once.
    between : frozenset of int
        The stages, `INPUT` among them, whose results another group begins with or reads.
    """

    groups: tuple[_Group, ...]
    between: frozenset[int]

    def forward(self, run: Run, x: Any) -> Any:
        """Return the logits of `x`; the last group alone is recorded, since it comes back first."""
        unrecorded = replace(run, records=None)
        run.results[INPUT] = x
        for group in self.groups[:-1]:
            x = _forward(group, unrecorded, x)
            for stage in set(run.results) - self.between:
                del run.results[stage]
        return _forward(self.groups[-1], run, x)

    def backward(self, run: Run, dz: Any) -> Any:
        """Write the gradients and return that of the input; the record is used up."""
        if run.records is None:
            raise RuntimeError("a forward pass without a record cannot be differentiated")
        last = self.groups[-1]
        dy = _backward(last, run, dz)
        for stage in range(last.start, last.stop):
            run.records[stage] = StageRecord()  # what it held need not outlive its use
        for group in reversed(self.groups[:-1]):
            dy = _backward(group, self._again(run, group), dy)
        return dy

    def _again(self, run: Run, group: _Group) -> Run:
        """Return the run of a group that has gone forward once more, recorded."""
        before = {stage: y for stage, y in run.results.items() if stage < group.start}
        _, state = run.state_buffer.copied()  # as it was before the step, and it stays so
        records = [StageRecord() for _ in range(self.groups[-1].stop)]
        part = replace(run, state=state, records=records, results=before)
        _forward(group, part, before[group.start - 1])
        return part


def recomputing(
    program: Program, segments: int, compiled: Callable[[Program], Plan]
) -> RecomputingPlan:
    """Return the plan of `program` in groups of as many stages, give or take one.

    Parameters
    ----------
    program : Program
        What to compute.
    segments : int
        How many groups; with more than there are stages each stage is one.
    compiled : callable
        Returns the plan of a program.
    """
    count = len(program.stages)
    segments = min(segments, count)
    stops = [count * (number + 1) // segments for number in range(segments)]
    ends = frozenset(stop - 1 for stop in stops[:-1])
    given = {field.name: getattr(program, field.name) for field in fields(program)}
    plan = compiled(_CutProgram(**given, cuts=program.kept | ends))
    if not isinstance(plan, ComposedPlan):
        raise TypeError(f"{type(plan).__name__} has no segments to go through in groups")
    groups, between = [], {INPUT, *ends}
    for start, stop in pairwise((0, *stops)):
        own = tuple(s for s in plan.segments if start <= s.stages.start and s.stages.stop <= stop)
        groups.append(_Group(own, start, stop))
        between |= _read_from(program, stop)
    if sum(len(group.segments) for group in groups) != len(plan.segments):
        raise RuntimeError("an engine fused stages beyond a result that is kept")
    return RecomputingPlan(tuple(groups), frozenset(between))


def number_of_segments(given: Segments, program: Program) -> int:
    """Return how many groups a program is divided into: for ``"auto"`` √L of L stages, rounded."""
    return round(math.sqrt(len(program.stages))) if given == "auto" else given


def _read_from(program: Program, start: int) -> set[int]:
    """Return the stages before `start` whose results operations from there on read."""
    steps = (step for s in program.stages[start:] for step in (*s.before, *s.after))
    return {source for step in steps for source in step.sources if source < start}


def _forward(group: _Group, run: Run, x: Any) -> Any:
    for segment in group.segments:
        x = segment.forward(run, x)
    return x


def _backward(group: _Group, run: Run, dy: Any) -> Any:
    for segment in reversed(group.segments):
        dy = segment.backward(run, dy)
    return dy
