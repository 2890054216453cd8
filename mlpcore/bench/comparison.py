"""The whole comparison: the same numbers for everybody, checked, then timed in turns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from mlpcore.bench.affinity import available
from mlpcore.bench.check import InferenceCheck, TrainingCheck, WrongResultError
from mlpcore.bench.contender import Contender
from mlpcore.bench.contenders import OURS
from mlpcore.bench.flops import flops_per_sample
from mlpcore.bench.gauges import Gauges
from mlpcore.bench.machine import describe
from mlpcore.bench.ratio import Ratio, ratios
from mlpcore.bench.report import SCHEMA, Cell, Omission, Report
from mlpcore.bench.spec import (
    STEADY_RATE,
    Array,
    Parameters,
    Spec,
    draw_batch,
    draw_parameters,
)

NOTES = (
    "Contenders take turns of 10 ms or one call; before each the process waits until none of its "
    "other threads is busy, the FMA peak is measured, and calls of 1 ms, or one of under 0.1 s, "
    "bring back caches and threads.",
    "The rounds of a batch size are taken in 5 parts, with those of the others in between.",
    "Threads that wait spin or sleep as each library does by default: KMP_BLOCKTIME and "
    "OMP_WAIT_POLICY are left as they are, and within a turn workers are awake.",
    "Times are from host array to host array; compiling and packing of constant weights is not in "
    "them.  Steps are timed at a rate that leaves the network as it was.",
)
"""What a reader of the figures should know, in the report's own words."""

VISITS = 5
"""In how many parts the rounds of each batch size are taken.

A machine that others share is faster and slower by turns of seconds: each batch size meets several.
"""


def benchmark(
    spec: Spec,
    batch_sizes: Sequence[int],
    contenders: Sequence[Contender],
    *,
    seconds: float = 1.0,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Measure `contenders` at each of `batch_sizes`.

    Each batch size is a cell of its own: every contender gets fresh copies of the same parameters
    and the same batch, its result is compared with float64, and those that are right are timed in
    turns, with the machine's FMA peak and read bandwidth measured in between.

    Parameters
    ----------
    spec : Spec
        The work.
    batch_sizes : sequence of int
        Rows of a call.
    contenders : sequence of Contender
        Who does the work.
    seconds : float
        How long each contender is timed at each batch size.
    seed : int
        Of parameters, batches and the order of turns.
    progress : callable, optional
        Gets a line when a batch size begins.

    Returns
    -------
    Report
        With a row for each contender and batch size that was processed, and an omission with its
        reason for each of the others.
    """
    header = {"schema": SCHEMA} | describe(name for c in contenders for name in c.distributions)
    gauges = Gauges(spec)
    omitted: list[Omission] = []
    present = []
    for contender in contenders:
        reason = contender.unavailable(spec)
        if reason is None:
            present.append(contender)
        else:
            omitted.append(Omission(contender.name, None, False, reason))
    sizes = []
    for batch_size in batch_sizes:
        progress(f"batch {batch_size}: checking")
        sizes.append(_BatchSize(spec, batch_size, present, gauges, seconds, seed))
    for visit in range(VISITS):
        for one in sizes:
            progress(f"batch {one.batch_size}: timing, {visit + 1} of {VISITS}")
            one.measurement.take(visit, VISITS)
    return Report(
        header | _setting(spec, seconds, seed, gauges),
        [cell.row(gauges) for one in sizes for cell in one.cells()],
        [ratio for one in sizes for ratio in one.ratios()],
        omitted + [omission for one in sizes for omission in one.omitted],
    )


def _setting(spec: Spec, seconds: float, seed: int, gauges: Gauges) -> dict[str, object]:
    """Return what the header says of the run rather than of the machine."""
    cpus = available()
    return {
        "layers": list(spec.layers),
        "activation": spec.activation,
        "mode": spec.mode,
        "optimizer": spec.optimizer if spec.mode == "training" else None,
        "dtype": spec.dtype,
        "device": spec.device,
        "threads": spec.threads,
        "cpus": None if cpus is None else sorted(cpus),
        "seconds": seconds,
        "seed": seed,
        "flops_per_sample": flops_per_sample(spec.layers, spec.mode),
        "weight_bytes": gauges.working_set,
        "peak_gflops": _billions(gauges.peak),
        "peak_gflops_median": _billions(gauges.typical_peak),
        "read_gbytes_per_s": _billions(gauges.bandwidth),
        "peak_unavailable": gauges.unavailable,
        "notes": list(NOTES),
    }


def _billions(value: float | None) -> float | None:
    return None if value is None else value * 1e-9


class _BatchSize:
    """A batch size, whose right contenders are ready to be timed."""

    def __init__(
        self,
        spec: Spec,
        batch_size: int,
        contenders: Sequence[Contender],
        gauges: Gauges,
        seconds: float,
        seed: int,
    ) -> None:
        self.batch_size = batch_size
        self.omitted: list[Omission] = []
        self._spec, self._contenders = spec, contenders
        self.measurement = gauges.measurement(
            self._right_calls(seed), seconds, seed=seed, batch_size=batch_size
        )

    def cells(self) -> list[Cell]:
        """Return a cell for each contender that was timed."""
        timings = self.measurement.timings()
        return [
            Cell(
                self._spec,
                contender=contender.name,
                device=contender.device(self._spec),
                batch_size=self.batch_size,
                transfer_included=contender.transfer_included,
                timing=timings[contender.name],
            )
            for contender in self._contenders
            if contender.name in timings
        ]

    def ratios(self) -> list[Ratio]:
        """Return each peer's time over that of this library's contenders."""
        return ratios(self.measurement.timings(), OURS, self.batch_size)

    def _right_calls(self, seed: int) -> dict[str, Callable[[], object]]:
        """Return the calls to time, by name; whoever has none is written down with the reason."""
        parameters = draw_parameters(self._spec, seed)
        x, t = draw_batch(self._spec, self.batch_size, seed + 1)
        check = _Check(self._spec, parameters, x, t)
        calls: dict[str, Callable[[], object]] = {}
        for contender in self._contenders:
            skip = _too_slow(contender, self._spec, parameters, x, t)
            if skip is not None:
                self._omit(contender, False, skip)
                continue
            try:
                calls[contender.name] = check.passed(contender)
            except WrongResultError as error:
                self._omit(contender, True, str(error))
            except Exception as error:  # whatever a library raises costs nobody else his row
                if contender.name in OURS:
                    raise
                what = f"{type(error).__name__}: {error}".splitlines()[0]
                self._omit(contender, True, what)
        return calls

    def _omit(self, contender: Contender, refused: bool, reason: str) -> None:
        self.omitted.append(Omission(contender.name, self.batch_size, refused, reason))


class _Check:
    """What is expected of one batch, worked out once for all contenders."""

    def __init__(self, spec: Spec, parameters: Parameters, x: Array, t: Array) -> None:
        self._spec, self._parameters, self._x, self._t = spec, parameters, x, t
        if spec.mode == "inference":
            self._inference = InferenceCheck(spec, parameters, x)
        else:
            specs = spec, replace(spec, learning_rate=STEADY_RATE)
            self._training = [(one, TrainingCheck(one, parameters, x, t)) for one in specs]

    def passed(self, contender: Contender) -> Callable[[], object]:
        """Return the call to time; raise WrongResultError if it computes something else."""
        rows = len(self._x)
        if self._spec.mode == "inference":
            forward = contender.prepare(self._spec, _copied(self._parameters), rows)
            self._inference(forward)
            return partial(forward, self._x)
        # The last one, at the steady rate, is timed; the one before shows that it learns.
        for spec, check in self._training:
            step = contender.prepare_training(spec, _copied(self._parameters), rows)
            check(step)
        return partial(step, self._x, self._t)


def _copied(parameters: Parameters) -> Parameters:
    return tuple((W.copy(), b.copy()) for W, b in parameters)


def _too_slow(
    contender: Contender, spec: Spec, parameters: Parameters, x: Array, t: Array
) -> str | None:
    """Return why the batch is too large for a contender, judged by its time for one row."""
    limit = contender.call_limit_s
    if limit is None:
        return None
    if spec.mode == "inference":
        call = partial(contender.prepare(spec, _copied(parameters), 1), x[:1])
    else:
        call = partial(contender.prepare_training(spec, _copied(parameters), 1), x[:1], t[:1])
    for _ in range(2):  # an interruption alone must not cost a contender its row
        start = time.perf_counter()
        call()
        expected = (time.perf_counter() - start) * len(x)
        if expected <= limit:
            return None
    return f"a call would take about {expected:.2g} s; at most {limit:g} s are measured"
