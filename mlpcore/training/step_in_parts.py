"""What a step does one piece after the other: everything that the fused step does not know."""

from typing import Any

from mlpcore.backends.base import Mode
from mlpcore.backends.bound import BoundProgram, Tape
from mlpcore.backends.recompute import number_of_segments
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.nn.losses import Loss
from mlpcore.optim import Optimizer
from mlpcore.training.accumulation import Accumulation, Denominator
from mlpcore.training.clipping import clip_norm, clip_values
from mlpcore.training.groups import rules_of
from mlpcore.training.nonfinite import first_in_pass
from mlpcore.training.objective import Objective, objective
from mlpcore.training.penalty import Penalty
from mlpcore.training.refresh import statistics
from mlpcore.training.step_options import StepOptions


class StepInParts:
    """The gradient of one trainer's steps, from the batch to what the optimizer is given.

    Parameters
    ----------
    bound : BoundProgram
        The model's program with its parameters.
    loss : Loss
        The data loss of the logits.
    optimizer : Optimizer
        The rule of the update.
    options : StepOptions
        What is asked for.

    Attributes
    ----------
    rules : Rules
        What the groups mean for the parameters.
    plain : bool
        Whether nothing is asked for that the fused step does not do.
    accumulation : Accumulation or None
        The batches since the last update, where several make one.
    norm : array of shape () or None
        The norm of the last gradient before it was clipped, where it is.

    Raises
    ------
    ValueError
        If a group does not fit the parameters.
    """

    def __init__(
        self, bound: BoundProgram, loss: Loss, optimizer: Optimizer, options: StepOptions
    ) -> None:
        layout = bound.parameters.layout
        self._bound = bound
        self._loss = loss
        self._apart = optimizer.exempt is not optimizer
        self.set_options(options)
        self._frozen = [layout.slots[name] for name in layout.names if name in self.rules.frozen]
        self._statistics = statistics(bound.program, self.rules.frozen)
        self.accumulation = Accumulation(bound) if options.accumulate > 1 else None
        self._denominator = Denominator(bound, loss)
        self.norm: Any = None
        self._gradient: Any = None

    def set_options(self, options: StepOptions) -> None:
        """Take other penalties; what else is asked for stays as it was at first."""
        bound, groups = self._bound, options.groups or ()
        layout = bound.parameters.layout
        self._options = options
        given = options.checkpoint_segments
        self._segments = None if given is None else number_of_segments(given, bound.program)
        self.rules = rules_of(bound.program, layout, groups, options.l2, apart=self._apart)
        self._penalty = Penalty(self.rules.l2, options.l1)

    @property
    def plain(self) -> bool:
        """Whether nothing is asked for that the fused step does not do."""
        options, rules = self._options, self.rules
        return (
            not options.l1
            and options.clip_value is None
            and options.clip_norm is None
            and options.accumulate == 1
            and options.on_nan == "ignore"
            and options.checkpoint_segments is None
            and rules.spans is None
            and not rules.frozen
            and all(l2 == options.l2 for l2 in rules.l2.values())
        )

    def differentiate(self, x: Any, t: Any, sample_weight: Any, random: RandomKey) -> Objective:
        """Return J and its gradient, which is zero where parameters are frozen."""
        if self._gradient is None:  # a rule that takes steps at once has its own
            self._gradient = self._bound.gradient()
        found = objective(
            self._bound,
            x,
            t,
            self._loss,
            penalty=self._penalty,
            sample_weight=sample_weight,
            training=True,
            random=random,
            out=self._gradient,
            segments=self._segments,
        )
        for slot in self._frozen:
            slot.view(self._gradient)[...] = 0
        return found

    def is_finite(self, found: Objective) -> bool:
        """Return whether J, its gradient and new statistics are numbers; waits for a GPU."""
        xp, g = self._bound.backend.xp, found.gradients.flat
        finite = xp.isfinite(found.value) & xp.isfinite(g).all()
        for name in self._statistics:  # a variance may overflow, by which all becomes a finite 0
            finite &= xp.isfinite(found.tape.run.state[name]).all()
        return bool(finite)

    def what_is_wrong(self, found: Objective, x: Any) -> str:
        """Return a sentence about where a pass first met a number that is none."""
        tape: Tape | None = found.tape
        if found.tape.segments is not None:  # its records are gone
            random = found.tape.run.random
            _, tape = self._bound.forward(x, Mode.TRAINING, random, watched=False)
        records = [] if tape is None else tape.records
        state = {name: found.tape.run.state[name] for name in self._statistics}
        first = first_in_pass(self._bound, x, records, found.gradients.flat, state)
        value = float(found.value)
        return f"the objective is {value:g}" + ("" if first is None else f": {first}")

    def accumulate(self, accumulation: Accumulation, found: Objective, t: Any, weight: Any) -> bool:
        """Take a batch into the mean gradient; return whether that is due for an update."""
        denominator = self._denominator(t, weight)
        accumulation.add(found.gradients.flat, len(t), denominator)
        return accumulation.batches >= self._options.accumulate

    def clip(self, g: Any) -> Any:
        """Return the flat gradient `g` within its bounds; it is changed in place."""
        xp, options = self._bound.backend.xp, self._options
        if options.clip_value is not None:
            clip_values(xp, g, options.clip_value)
        if options.clip_norm is not None:
            self.norm = clip_norm(xp, g, options.clip_norm)
        return g
