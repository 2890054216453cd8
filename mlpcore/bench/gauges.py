"""The machine's own limits, measured in turn with the contenders."""

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from mlpcore.bench.flops import weight_bytes
from mlpcore.bench.spec import Spec

PEAK_SECONDS, BANDWIDTH_SECONDS = 0.02, 0.01
"""How long a sample of each takes: a thread that starts 50 us late costs a four-hundredth of it."""


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
        self.working_set = weight_bytes(spec.layers, spec.dtype)
        self.unavailable: str | None = None
        self._gauges: dict[str, Any] = {}
        self._samples: dict[str, list[float]] = {"peak": [], "bandwidth": []}
        try:
            from mlpcore.kernels.cpu import peak

            self.unavailable = peak.unavailable()
            if self.unavailable is None:
                self._gauges = {
                    "peak": peak.FmaPeak(spec.dtype, spec.threads, PEAK_SECONDS),
                    "bandwidth": peak.ReadBandwidth(
                        self.working_set, spec.threads, BANDWIDTH_SECONDS
                    ),
                }
        except (
            Exception
        ) as error:  # whatever Numba or LLVM may raise: a report without a peak is still one
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            self.unavailable = f"the measuring loop could not be compiled: {what}"

    def turns(self) -> dict[str, Callable[[], None]]:
        """Return what takes one sample of each gauge."""
        return {f"gauge of {name}": partial(self._sample, name) for name in self._gauges}

    def _sample(self, name: str) -> None:
        self._samples[name].append(self._gauges[name].sample())

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
