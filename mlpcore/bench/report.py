"""What a benchmark found, as rows of plain values."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlpcore.bench.flops import flops_per_sample
from mlpcore.bench.gauges import Gauges
from mlpcore.bench.measure import Timing
from mlpcore.bench.ratio import Ratio
from mlpcore.bench.spec import Mode, Spec

SCHEMA = 2
"""The version of the JSON; a change that a reader could notice raises it."""


@dataclass(frozen=True)
class Row:
    """One contender at one batch size.

    Attributes
    ----------
    schema : int
        The version of this description, 2.
    contender : str
        Its name.
    layers : list of int
        The widths, input first.
    activation : str
        The activation of the hidden layers.
    mode : {"inference", "training"}
        A forward pass, or a training step.
    optimizer : str or None
        What updated the parameters; None in inference.
    device : str
        Where it ran.
    batch_size : int
        Rows of a call.
    threads : int
        Threads it was allowed.
    dtype : str
        ``"float32"`` or ``"float64"``.
    transfer_included : bool
        Whether every copy between host and device is in the time; there is none on a CPU.
    median_s : float
        Seconds a call: the median over the rounds of a round's mean.
    q1_s, q3_s : float
        The quartiles of the same means.
    p50_s, p99_s : float
        Seconds that half, and 99 %, of all calls stay below.
    rounds : int
        Rounds in which the contenders took turns.
    samples_per_s : float
        batch_size / median_s.
    gflops : float
        Operations of matrix products in 1e9 a second, as `mlpcore.bench.flops` counts them.
    fraction_of_peak : float or None
        gflops over the greatest FMA rate of the same run; None off the CPU or where there is none.
    fraction_of_peak_nearby : float or None
        The median over the rounds of the rate over the FMA rate measured right before and after.
    cores : float
        The median over the rounds of the processor time of the process over the time that passed:
        how many threads there really were.
    bound_s : float or None
        Seconds that no implementation can beat: operations over the FMA peak, or the bytes of all
        parameters over the bandwidth at which they can be read from the cache that holds them,
        whichever is longer.
    """

    schema: int
    contender: str
    layers: list[int]
    activation: str
    mode: Mode
    optimizer: str | None
    device: str
    batch_size: int
    threads: int
    dtype: str
    transfer_included: bool
    median_s: float
    q1_s: float
    q3_s: float
    p50_s: float
    p99_s: float
    rounds: int
    samples_per_s: float
    gflops: float
    fraction_of_peak: float | None
    fraction_of_peak_nearby: float | None
    cores: float
    bound_s: float | None


@dataclass(frozen=True)
class Omission:
    """A contender and batch size without a row.

    Attributes
    ----------
    contender : str
        Its name.
    batch_size : int or None
        The batch size, or None for all of them.
    refused : bool
        True if the contender computed something wrong, False if it was skipped.
    reason : str
        Why, in one line.
    """

    contender: str
    batch_size: int | None
    refused: bool
    reason: str


@dataclass(frozen=True)
class Report:
    """The result of a benchmark.

    Attributes
    ----------
    header : dict
        The machine, the versions and the measured peak; see `mlpcore.bench.machine`.
    rows : list of Row
        By batch size, then in the order of the contenders.  Only rows that were processed.
    ratios : list of Ratio
        Each peer's time over this library's, where both were measured.
    omitted : list of Omission
        What has no row, and why.
    """

    header: dict[str, Any]
    rows: list[Row]
    ratios: list[Ratio]
    omitted: list[Omission]

    def to_json(self) -> str:
        """Return the report as JSON: an object of ``header, rows, ratios, omitted``."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"


@dataclass(frozen=True)
class Cell:
    """What is known of a contender at a batch size before the run's peak is.

    Attributes
    ----------
    spec : Spec
        The work.
    contender, device, batch_size, transfer_included
        As in `Row`; `device` is where this contender works.
    timing : Timing
        The durations.
    """

    spec: Spec
    contender: str
    device: str
    batch_size: int
    transfer_included: bool
    timing: Timing

    def row(self, gauges: Gauges) -> Row:
        """Return the row, set against the limits that `gauges` saw."""
        flops = self.batch_size * flops_per_sample(self.spec.layers, self.spec.mode)
        round_s = self.timing.round_s
        q1_s, median_s, q3_s = (float(q) for q in np.percentile(round_s, (25, 50, 75)))
        on_cpu = self.device == "cpu"
        peak = gauges.peak if on_cpu else None
        return Row(
            schema=SCHEMA,
            contender=self.contender,
            layers=list(self.spec.layers),
            activation=self.spec.activation,
            mode=self.spec.mode,
            optimizer=self.spec.optimizer if self.spec.mode == "training" else None,
            device=self.device,
            batch_size=self.batch_size,
            threads=self.spec.threads,
            dtype=self.spec.dtype,
            transfer_included=self.transfer_included,
            median_s=median_s,
            q1_s=q1_s,
            q3_s=q3_s,
            p50_s=self.timing.percentile_s(50),
            p99_s=self.timing.percentile_s(99),
            rounds=len(self.timing.rounds),
            samples_per_s=self.batch_size / median_s,
            gflops=flops / median_s * 1e-9,
            fraction_of_peak=None if peak is None else flops / median_s / peak,
            fraction_of_peak_nearby=self._nearby(flops / round_s) if on_cpu else None,
            cores=float(np.median(self.timing.cores)),
            bound_s=gauges.bound_s(flops) if on_cpu else None,
        )

    def _nearby(self, rates: Any) -> float | None:
        """Return the median of each round's rate over the peak beside it."""
        if not self.timing.gauge:
            return None
        return float(np.median(rates / np.array(self.timing.gauge)))
