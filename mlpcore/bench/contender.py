"""What it takes to be measured: one short class for each library."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from mlpcore.bench.spec import Array, Parameters, Spec

Inference: TypeAlias = Callable[[Array], Any]
"""From x, shape (batch, in), to the logits, shape (batch, out)."""

Training: TypeAlias = Callable[[Array, Array], Any]
"""From x and classes t to the mean loss before the step, having taken the step."""


class Contender(ABC):
    """A library that does the work of a `Spec`.

    To add one: subclass it in a file of its own under ``contenders/`` and name it in the table
    there.  The library is imported inside the methods, so that only those who measure it pay for
    it.  Every contender gets its own copy of the same parameters, and what it returns is checked
    before it is timed.
    """

    name: ClassVar[str]
    """What the user calls it in ``--against``."""

    distributions: ClassVar[tuple[str, ...]] = ()
    """The installed packages whose versions belong in the report."""

    call_limit_s: ClassVar[float | None] = None
    """Batches whose call would take longer, judged by one row, are left out; None: no limit."""

    transfer_included: ClassVar[bool] = True
    """Whether a call goes from host array to host array, with every copy in its time."""

    def unavailable(self, spec: Spec) -> str | None:  # noqa: ARG002
        """Return why this contender cannot do the work of `spec`, or None if it can."""
        return None

    def device(self, spec: Spec) -> str:  # noqa: ARG002
        """Return where the work is done."""
        return "cpu"

    @abstractmethod
    def prepare(self, spec: Spec, parameters: Parameters) -> Inference:
        """Return the forward pass with `parameters`, which are the contender's to keep."""

    @abstractmethod
    def prepare_training(self, spec: Spec, parameters: Parameters) -> Training:
        """Return the training step from `parameters` on, which are the contender's to keep."""
