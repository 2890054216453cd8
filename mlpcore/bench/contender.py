"""What it takes to be measured: one short class for each library."""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from mlpcore.bench.spec import DTYPES, MODES, Array, Mode, Parameters, Spec

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

    requires: ClassVar[dict[str, str]] = {}
    """The modules that must be importable, and what pip calls the packages that hold them."""

    modes: ClassVar[tuple[Mode, ...]] = MODES
    dtypes: ClassVar[tuple[str, ...]] = DTYPES
    activations: ClassVar[tuple[str, ...] | None] = None
    """What the class is written for; None: every activation."""

    call_limit_s: ClassVar[float | None] = None
    """Batches whose call would take longer, judged by one row, are left out; None: no limit."""

    transfer_included: ClassVar[bool] = True
    """Whether a call goes from host array to host array, with every copy in its time."""

    def unavailable(self, spec: Spec) -> str | None:
        """Return why this contender cannot do the work of `spec`, or None if it can."""
        if spec.mode not in self.modes:
            return f"has no {spec.mode}"
        if spec.dtype not in self.dtypes:
            return f"computes in {', '.join(self.dtypes)}, not {spec.dtype}"
        if self.activations is not None and spec.activation not in self.activations:
            return f"written for {', '.join(self.activations)}, not {spec.activation}"
        missing = [package for name, package in self.requires.items() if not _importable(name)]
        if missing:
            return f"not installed: pip install {' '.join(missing)}"
        return None

    def device(self, spec: Spec) -> str:  # noqa: ARG002
        """Return where the work is done."""
        return "cpu"

    @abstractmethod
    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:
        """Return the forward pass of `batch_size` rows with `parameters`, the contender's to keep.

        Whatever a user would do once, not in every call, is done here.
        """

    def prepare_training(self, spec: Spec, parameters: Parameters, batch_size: int) -> Training:
        """Return the training step on `batch_size` rows from `parameters`, its own to keep, on."""
        raise NotImplementedError(f"{self.name} has no training")


def _importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
