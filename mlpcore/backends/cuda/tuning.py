"""What computes a layer fastest on this GPU: each candidate checked, then timed beside the others.

A choice holds for every batch, so it is made by the geometric mean of the times at several batches.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlpcore.backends.cuda.arithmetic import CUDAArithmetic
from mlpcore.backends.cuda.candidates import (
    Arrays,
    Layer,
    Work,
    candidates,
    exact,
    exact_there_and_back,
    there_and_back,
)
from mlpcore.backends.cuda.choices import Choice, Choices, Product, default_choices
from mlpcore.backends.cuda.table import Entry
from mlpcore.backends.cuda.timing import Clock, Times, best, interleaved
from mlpcore.kernels.cuda.cublaslt import Refused
from mlpcore.kernels.cuda.narrow import WIDEST

CHECKED_ROWS = 33
"""The batch on which results are compared with float64."""


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes
    ----------
    dtypes : sequence of dtype
        float32, float64 or both.
    sizes : sequence of int
        The inputs and the outputs of layers: every pair is one.
    batches : sequence of int
        Their batches, each of which counts the same.
    choices : sequence of Choice
        What may be chosen.
    rounds : int
        How often each candidate has its turn.
    """

    dtypes: Sequence[np.dtype[Any]]
    sizes: Sequence[int]
    batches: Sequence[int]
    choices: Sequence[Choice] = (Choice.CUBLASLT, Choice.TILED, Choice.NARROW)
    rounds: int = 7

    @property
    def layers(self) -> list[Layer]:
        """Every layer, the dtypes one after the other."""
        return [Layer(d, k, n) for d in self.dtypes for k in self.sizes for n in self.sizes]


@dataclass(frozen=True)
class Measured:
    """What was found out of one product of a layer.

    Attributes
    ----------
    layer : Layer
        The layer.
    product : Product
        The product.
    chosen : Choice
        What is to compute it.
    times : mapping of Choice to Times
        Of the candidates that gave right results; of ``NARROW`` those of two layers, this one and
        one back.
    refused, wrong : mapping of Choice to str
        Why others were not timed: they cannot compute it, or gave wrong results.
    """

    layer: Layer
    product: Product
    chosen: Choice
    times: Mapping[Choice, Times]
    refused: Mapping[Choice, str] = field(default_factory=dict)
    wrong: Mapping[Choice, str] = field(default_factory=dict)


def entries(measured: Sequence[Measured]) -> list[Entry]:
    """Return the choices of every layer of which each product was measured."""
    chosen: dict[Layer, dict[str, Choice]] = {}
    for each in measured:
        chosen.setdefault(each.layer, {})[each.product.value] = each.chosen
    return [
        Entry(layer.dtype.name, layer.inputs, layer.outputs, Choices(**products))
        for layer, products in chosen.items()
        if len(products) == len(Product)
    ]


class Tuner:
    """Measures every product of every layer on CuPy's current device.

    Parameters
    ----------
    arithmetic : CUDAArithmetic
        That of the device.
    plan : Plan
        What to measure.
    clock : callable
        As `timing.gpu_clock` returns it.
    """

    def __init__(self, arithmetic: CUDAArithmetic, plan: Plan, clock: Clock) -> None:
        self._arithmetic = arithmetic
        self._plan = plan
        self._clock = clock
        self._lone: dict[Layer, Measured] = {}

    def run(self) -> Iterator[Measured]:
        """Measure.

        Yields
        ------
        Measured
            One product each.  A forward product of a narrow layer comes when that of the layer from
            its outputs to its inputs has been measured too.
        """
        for layer in self._plan.layers:
            xp, batches = self._arithmetic.xp, (CHECKED_ROWS, *self._plan.batches)
            arrays = {rows: Arrays(xp, layer, rows) for rows in batches}
            narrow = Choice.NARROW in self._plan.choices
            for product in Product:
                found = self._measure(layer, product, arrays)
                if not (narrow and product is Product.FORWARD and _is_narrow(layer)):
                    yield found
                    continue
                self._lone[layer] = found
                if layer.back in self._lone:
                    yield from self._with_narrow(layer, arrays)

    def _measure(self, layer: Layer, product: Product, arrays: Mapping[int, Arrays]) -> Measured:
        """Check and time what may compute a product, but for the kernel of narrow networks."""
        allowed = [c for c in self._plan.choices if c is not Choice.NARROW]
        few = candidates(self._arithmetic, product, arrays[CHECKED_ROWS])
        expected = exact(product, arrays[CHECKED_ROWS])
        refused: dict[Choice, str] = {}
        wrong: dict[Choice, str] = {}
        for choice in allowed:
            _check(choice, few[choice], expected, refused, wrong)
        right = [c for c in allowed if c not in refused and c not in wrong]
        times: dict[Choice, dict[int, float]] = {choice: {} for choice in right}
        for rows in self._plan.batches:
            works = candidates(self._arithmetic, product, arrays[rows])
            timed = interleaved({c: works[c] for c in right}, self._plan.rounds, self._clock)
            for right_one, seconds in timed.items():
                times[right_one][rows] = seconds
        usual = default_choices(layer.inputs, layer.outputs).of(product)
        lone = Choice.TILED if usual is Choice.NARROW else usual
        fastest = best(times, lone) if times else lone
        return Measured(layer, product, fastest, times, refused, wrong)

    def _with_narrow(self, layer: Layer, arrays: Mapping[int, Arrays]) -> Iterator[Measured]:
        """Compare a layer and the one back, each for itself, with one launch for both of them."""
        xp, batches = self._arithmetic.xp, self._plan.batches
        there, back = self._lone[layer], self._lone[layer.back]
        few = arrays[CHECKED_ROWS]
        wrong: dict[Choice, str] = {}
        expected = exact_there_and_back(layer, few)
        _check(Choice.NARROW, there_and_back(xp, layer, few), expected, {}, wrong)
        times: dict[Choice, Times] = {}
        chosen: Choice | None = None
        if not wrong:
            together: dict[int, float] = {}
            for rows in batches:
                work = {Choice.NARROW: there_and_back(xp, layer, arrays[rows])}
                timed = interleaved(work, self._plan.rounds, self._clock)
                together[rows] = timed[Choice.NARROW]
            times = {Choice.NARROW: together}
            compared = dict(times)
            if there.times and back.times:
                compared[Choice.TILED] = {  # whatever is best for each
                    n: there.times[there.chosen][n] + back.times[back.chosen][n] for n in batches
                }
            usual = default_choices(layer.inputs, layer.outputs).forward
            chosen = Choice.NARROW if best(compared, usual) is Choice.NARROW else None
        for each in (there,) if there is back else (back, there):
            yield Measured(
                each.layer,
                each.product,
                chosen or each.chosen,
                {**each.times, **times},
                each.refused,
                {**each.wrong, **wrong},
            )


def _is_narrow(layer: Layer) -> bool:
    return max(layer.inputs, layer.outputs) <= WIDEST


def _check(
    choice: Choice,
    work: Work,
    expected: tuple[Any, Any],
    refused: dict[Choice, str],
    wrong: dict[Choice, str],
) -> None:
    """Note it if a candidate refuses, or computes something else than what is expected."""
    try:
        found = work().get()
    except Refused as refusal:
        refused[choice] = str(refusal)
        return
    exactly, off = expected
    with np.errstate(invalid="ignore"):
        beyond = ~(np.abs(found - exactly) <= off)  # also where it is NaN
    if beyond.any():
        count = np.count_nonzero(beyond)
        wrong[choice] = f"{count} of {beyond.size} numbers are further off than they may be"
