"""The warning that training has diverged."""

from mlpcore.warn import warn


class Divergence:
    """Warns once in a fit, with the step, that the loss is no finite number any more."""

    def __init__(self) -> None:
        self._warned = False

    def look(self, step: int | None, epoch: int, last: int) -> None:
        """Warn if the loss of an epoch was not finite.

        Parameters
        ----------
        step : int or None
            What `Totals.diverged` tells.
        epoch : int
            The epoch, counted from 0.
        last : int
            How many steps it had.
        """
        if step is None or self._warned:
            return
        self._warned = True
        place = f"step {step}" if step else f"one of the {last} steps"
        warn(
            f"the training diverged: its loss was NaN or infinite in {place} of epoch {epoch + 1}; "
            "try a smaller lr or clip_norm=1.0, and callbacks=[StopOnNaN()] to stop where it "
            "begins and see in which layer",
            RuntimeWarning,
        )
