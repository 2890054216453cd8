"""What a training step does beyond forward, loss, backward and update."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlpcore.backends.recompute import Segments
from mlpcore.checks import not_negative, positive, whole_number
from mlpcore.names import unknown
from mlpcore.training.averaging import Average
from mlpcore.training.groups import Group, groups_of

Schedule: TypeAlias = Callable[[int], float]
"""The factor of the learning rate in a step, from the number of updates before it."""

OnNaN: TypeAlias = Literal["ignore", "raise", "skip"]
"""What is done where the loss, its gradient or a new statistic is NaN or infinite."""


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """The options of training steps, checked; `MLP.trainer` and `MLP.fit` make it.

    Attributes
    ----------
    l2, l1 : float, default 0
        λ₂ and λ₁ of the penalty s = λ₂/2 ΣW² + λ₁ Σ|W| over all weights; biases and the parameters
        of normalisations are exempt.
    clip_value : float or None
        Each element of the gradient is brought into [-clip_value, clip_value].
    clip_norm : float or None
        Then the gradient, seen as one vector of all parameters, is scaled to this Euclidean norm if
        its own is larger.
    schedule : callable or None
        ``schedule(step)`` is the factor of the learning rate for step 0, 1, ...
    groups : tuple of Group
        What is different for some parameters; of those that match a name the last wins.
    accumulate : int, default 1
        How many batches make one update.
    average : Average or None
        What `ema` or `swa` returned: which average of the parameters is kept.
    on_nan : {"ignore", "raise", "skip"}, default "ignore"
        Whether a step whose loss, gradient or new running statistics are NaN or infinite is taken
        as any other, raises FloatingPointError, or changes nothing.
    checkpoint_segments : int, "auto" or None
        In how many groups of layers a step goes, of which it keeps the results alone and computes
        again what its way back needs: for ``"auto"`` √L of L layers.  None keeps everything.

    Raises
    ------
    TypeError, ValueError
        If an option is none, or out of range.
    """

    l2: float = 0.0
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    schedule: Schedule | None = None
    groups: Sequence[Group] | None = ()
    accumulate: int = 1
    average: Average | None = None
    on_nan: OnNaN = "ignore"
    checkpoint_segments: Segments | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "l2", not_negative(self.l2, "l2"))
        put(self, "l1", not_negative(self.l1, "l1"))
        for name in ("clip_value", "clip_norm"):
            bound = getattr(self, name)
            if bound is not None:
                put(self, name, positive(bound, name))
        if self.schedule is not None and not callable(self.schedule):
            raise TypeError(
                "schedule must be a function of the number of the step that returns the factor of "
                f"the learning rate, got {self.schedule!r}"
            )
        put(self, "groups", groups_of(self.groups))
        put(self, "accumulate", whole_number(self.accumulate, "accumulate", 1))
        if self.average is not None and not isinstance(self.average, Average):
            raise TypeError(
                f"average must be what ema() or swa() returns, got {type(self.average).__name__}"
            )
        if self.on_nan not in ("ignore", "raise", "skip"):
            raise unknown("on_nan", self.on_nan, ("ignore", "raise", "skip"))
        segments = self.checkpoint_segments
        if isinstance(segments, str):
            if segments != "auto":
                raise unknown("checkpoint_segments", segments, ("auto", "a whole number"))
        elif segments is not None:
            put(self, "checkpoint_segments", whole_number(segments, "checkpoint_segments", 1))

    @property
    def penalized(self) -> bool:
        """Whether the objective is more than the data loss."""
        return bool(self.l2 or self.l1 or any(group.l2 for group in self.groups or ()))
