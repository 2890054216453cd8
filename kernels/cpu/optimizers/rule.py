"""What an optimizer is to a kernel: its memory, the numbers it needs, one step of a vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ...reference.optimizers.memory import SMALLEST_NORMAL

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Address, Real

Reals: TypeAlias = "tuple[Real, ...]"
Update: TypeAlias = "Callable[[Function, Real, Real, Reals, Reals], tuple[Real, Reals]]"

DECAY = "decay"


@dataclass(frozen=True)
class UpdateRule:
    """One step of an optimizer on vectors, written into the kernel that holds them.

    Every element is computed by itself, so the bits do not depend on how a vector is split.

    Attributes
    ----------
    name : str
        Its name, and that of the kernel that sweeps over a flat vector.
    states : tuple of str
        The vectors that it remembers, each as long as the parameters and zero before the first
        step.
    slots : tuple of str
        What each number behind slot 0 of the settings is.
    update : callable
        ``update(f, p, g, states, numbers) -> (p, states)`` in vectors; `numbers` are the settings
        that `slots` names.
    unroll : int
        How many vectors a sweep takes at once.
    decoupled : bool, default False
        Whether the last slot is a decay that is no part of the gradient, for weights alone: it
        holds 0 where biases are stepped.

    Notes
    -----
    The settings are numbers of the kernel's dtype, computed for each step on the host.  Slot 0 is
    the same for all rules: ``decay``, the λ by which λ W is added to the gradient g of a weight W.
    The product is rounded before it is added, so that a gradient to which λ W was added elsewhere
    gives the same step.  Where λ is 0, g is left alone, also beside an infinite W.
    """

    name: str
    states: tuple[str, ...]
    slots: tuple[str, ...]
    update: Update
    unroll: int
    decoupled: bool = False

    @property
    def settings(self) -> tuple[str, ...]:
        """What each slot of the settings is, from slot 0."""
        return (DECAY, *self.slots)

    def load(self, settings: Address) -> Reals:
        """Return the settings at an address, each in all lanes of a vector."""
        return tuple(settings.real(slot).splat() for slot in range(len(self.settings)))

    def step(
        self, f: Function, p: Real, g: Real, states: Reals, settings: Reals
    ) -> tuple[Real, Reals]:
        """Add one step to the kernel.

        Parameters
        ----------
        f : Function
            The kernel.
        p, g : Real
            Vectors of parameters and of their gradient.
        states : tuple of Real
            What `states` names, for the same parameters.
        settings : tuple of Real
            What `load` gave.

        Returns
        -------
        p, states
            The next parameters and states.
        """
        decay, *numbers = settings
        g = decay.equals(0.0).select(g, g + decay * p)
        p, remembered = self.update(f, p, g, states, tuple(numbers))
        tiny = SMALLEST_NORMAL[f.real_bytes]
        # Forgotten as the reference says why; written so that NaN stays.
        return p, tuple((state.abs() < tiny).select(f.number(0.0), state) for state in remembered)


def decayed_step(p: Real, change: Real, lr: Real, weight_decay: Real) -> Real:
    """Return p - η (change + λ p), each sum rounded once.

    Where λ is 0, the change is taken as it is, also beside an infinite p.
    """
    return (-lr).fma(weight_decay.equals(0.0).select(change, weight_decay.fma(p, change)), p)
