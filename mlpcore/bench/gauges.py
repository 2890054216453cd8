"""The machine's own limits, measured in turn with the contenders."""

import random
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any

from mlpcore.bench.flops import weight_bytes
from mlpcore.bench.measure import Measurement
from mlpcore.bench.quiet import wait_until_quiet
from mlpcore.bench.spec import Spec

PEAK_SECONDS, BANDWIDTH_SECONDS = 0.002, 0.005
"""How long a sample takes, short beside the turns of contenders that it lies between."""

START_SECONDS = 0.008
"""What a sample of several threads takes longer: one that starts 50 us late costs little of it."""


class Gauges:
    """The FMA peak, and the bandwidth at which a network's weights can be read.

    Both are limits, so the best of all samples counts: a sample that something else disturbed says
    nothing about what the machine can do.

    Attributes
    ----------
    unavailable : str or None
        Why nothing can be measured on this machine, or None.
    """

    def __init__(self, spec: Spec) -> None:
        start = 0.0 if spec.threads == 1 else START_SECONDS
        self.working_set = weight_bytes(spec.layers, spec.dtype)
        self.unavailable: str | None = None
        self._gauges: dict[str, Any] = {}
        self._samples: dict[str, list[float]] = {"peak": [], "bandwidth": []}
        try:
            from mlpcore.kernels.cpu import peak

            self.unavailable = peak.unavailable()
            if self.unavailable is None:
                self._gauges = {
                    "peak": peak.FmaPeak(spec.dtype, spec.threads, PEAK_SECONDS + start),
                    "bandwidth": peak.ReadBandwidth(
                        self.working_set, spec.threads, BANDWIDTH_SECONDS + start
                    ),
                }
        except (
            Exception
        ) as error:  # whatever Numba or LLVM may raise: a report without a peak is still one
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            self.unavailable = f"the measuring loop could not be compiled: {what}"

    @property
    def sample_peak(self) -> Callable[[], float] | None:
        """What measures the FMA peak once, or None where there is none."""
        return partial(self._sample, "peak") if "peak" in self._gauges else None

    def measurement(
        self,
        calls: Mapping[str, Callable[[], object]],
        seconds: float,
        *,
        seed: int,
        batch_size: int,
    ) -> Measurement:
        """Return what times `calls`, with these limits measured in between.

        Parameters
        ----------
        calls : mapping of str to callable
            What is timed, by name.
        seconds : float
            How long each of them is measured in all.
        seed, batch_size : int
            From which the order of turns is drawn.
        """
        return Measurement(
            calls,
            seconds,
            gauge=self.sample_peak,
            between=self.turns(),
            settle=wait_until_quiet,
            seed=random.Random(f"{seed} {batch_size}").getrandbits(32),
        )

    def turns(self) -> dict[str, Callable[[], object]]:
        """Return what takes one sample of the other gauges."""
        return {
            f"gauge of {name}": partial(self._sample, name)
            for name in self._gauges
            if name != "peak"
        }

    def _sample(self, name: str) -> float:
        value: float = self._gauges[name].sample()
        self._samples[name].append(value)
        return value

    @property
    def peak(self) -> float | None:
        """The greatest FLOP/s seen, or None."""
        return max(self._samples["peak"], default=None)

    @property
    def typical_peak(self) -> float | None:
        """The median FLOP/s, which tells how much the machine was disturbed, or None."""
        return median(self._samples["peak"]) if self._samples["peak"] else None

    @property
    def bandwidth(self) -> float | None:
        """The greatest bytes a second seen, or None."""
        return max(self._samples["bandwidth"], default=None)

    def bound_s(self, flops: float) -> float | None:
        """Return the seconds that no call with so many operations and these weights can beat."""
        if self.peak is None or self.bandwidth is None:
            return None
        return max(flops / self.peak, self.working_set / self.bandwidth)
