"""The bar that shows how far a fit is."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from mlpcore.lazy_imports import importing
from mlpcore.training.totals import Totals
from mlpcore.training.trainer import Trainer

_REFRESH_S = 0.25
"""How often the values beside the bar are fetched: on a GPU that waits for it."""


class NoBar:
    """Shows nothing: tqdm would start a thread even for a bar that is switched off."""

    shown = False

    def step(self, rows: int, totals: Totals, trainer: Trainer) -> None:
        """Note one step."""

    def epoch(self, values: Mapping[str, float]) -> None:
        """Note the values of an epoch."""


class Bar(NoBar):
    """Shows steps, the means of the epoch so far, the learning rate, and samples per second.

    Parameters
    ----------
    bar : tqdm
        What draws it.
    """

    shown = True

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._rows, self._since = 0, time.perf_counter()

    def step(self, rows: int, totals: Totals, trainer: Trainer) -> None:
        """Note one step on `rows` rows; `totals` has the means so far."""
        self._rows += rows
        now = time.perf_counter()
        if now - self._since >= _REFRESH_S:
            shown = {name: f"{value:.4f}" for name, value in totals.values(brief=True).items()}
            speed = self._rows / (now - self._since)
            shown |= {"lr": f"{trainer.rate:.3g}", "samples/s": f"{speed:,.0f}"}
            self._bar.set_postfix(shown, refresh=False)
            self._rows, self._since = 0, now
        self._bar.update()

    def epoch(self, values: Mapping[str, float]) -> None:
        """Note the values of an epoch."""
        self._bar.set_postfix({name: f"{value:.4g}" for name, value in values.items()})
        self._rows, self._since = 0, time.perf_counter()


@contextmanager
def progress_bar(total: int | None, progress: bool | None) -> Iterator[NoBar]:
    """Show a bar of `total` steps while the block runs, or none.

    Parameters
    ----------
    total : int or None
        How many steps there will be, if that is known.
    progress : bool or None
        Whether to show it; for None only on a terminal.
    """
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
    if not progress:
        yield NoBar()
        return
    with importing():  # takes a tenth of the time that importing the library may take
        from tqdm import tqdm

    with closing(tqdm(total=total, unit="step")) as bar:
        yield Bar(bar)
