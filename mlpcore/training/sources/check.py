"""A batch of the user's checked, weighed by its classes, and brought to the device."""

from dataclasses import dataclass
from typing import Any

from mlpcore.backends.bound import BoundProgram
from mlpcore.nn.losses import Loss
from mlpcore.training.data import Data
from mlpcore.training.evaluate import take_measured
from mlpcore.training.finite import require_finite, require_finite_targets
from mlpcore.training.metrics import Metric, check_metrics
from mlpcore.training.sources.order import Part
from mlpcore.training.sources.source import Minibatch, RowWeight


@dataclass(frozen=True)
class CheckBatch:
    """Checks what a fit is given, the same for arrays and for each batch.

    Attributes
    ----------
    bound : BoundProgram
        The network; its backend must be active.
    loss : Loss
        The loss that will compare its result with the targets.
    metrics : tuple of Metric
        What else will.
    row_weight : callable or None
        What multiplies the weight of each row.
    finite : bool
        Whether NaN and infinities on the host are refused.
    """

    bound: BoundProgram
    loss: Loss
    metrics: tuple[Metric, ...] = ()
    row_weight: RowWeight | None = None
    finite: bool = True

    def data(self, x: Any, t: Any, sample_weight: Any = None, part: Part | None = None) -> Data:
        """Return arrays as rows on the device.

        Parameters
        ----------
        x, t, sample_weight : array
            As for `MLP.fit`.
        part : slice or array of int, optional
            Where these rows lie in the arrays that they were taken of, for the number of one in an
            error.

        Raises
        ------
        TypeError, ValueError
            If something does not fit, there is no row, or a number on the host is NaN or infinite.
        """
        bound, loss = self.bound, self.loss
        if t is None:
            raise TypeError("t is missing: give the targets of x, or an iterable of batches as x")
        data = take_measured(bound, x, t, sample_weight, loss=loss, metrics=self.metrics)
        if self.finite:
            require_finite(data, x, t, loss, part)
        if self.row_weight is None:
            return data
        weights = self.row_weight(bound.backend.xp, data.t).astype(bound.dtype, copy=False)
        if data.sample_weight is not None:
            weights = weights * data.sample_weight
        return Data(data.batch, data.t, weights)

    def targets(self, rows: int, t: Any, sample_weight: Any) -> None:
        """Check targets and weights of rows that are not looked at yet.

        Parameters
        ----------
        rows : int
            How many there are.
        t : ndarray or None
            The targets; None where they are not looked at yet, either.
        sample_weight : ndarray or None
            The weights.

        Raises
        ------
        TypeError, ValueError
            If they do not fit.
        """
        z_shape = (rows, self.bound.program.out_features)
        if t is not None:
            self.loss.validate(z_shape, t, sample_weight)
            check_metrics(self.metrics, self.loss, z_shape, t.shape, t.dtype)
            if self.finite:
                require_finite_targets(t, self.loss)
        elif sample_weight is not None and len(sample_weight) != rows:
            raise ValueError(f"sample_weight of shape {sample_weight.shape} for {rows} rows")

    def __call__(self, batch: Any, name: str, part: Part | None = None) -> Minibatch:
        """Return one batch as rows on the device.

        Parameters
        ----------
        batch : tuple or list
            (x, t) or (x, t, sample_weight).
        name : str
            What to call it in an error.
        part : slice or array of int, optional
            As for `data`.

        Raises
        ------
        TypeError, ValueError
            As `data`, with the name of the batch.
        """
        if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
            got = (
                f"{len(batch)} things"
                if isinstance(batch, tuple | list)
                else f"{type(batch).__name__}"
            )
            raise TypeError(f"{name}: expected (x, t) or (x, t, sample_weight), got {got}")
        with named_errors(name):
            x, t, weights = batch if len(batch) == 3 else (*batch, None)
            data = self.data(x, t, weights, part)
        return data.x, data.t, data.sample_weight


class named_errors:  # noqa: N801 - a context manager, used as a function is
    """Puts a name before the message of a TypeError or ValueError that is raised inside."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, TypeError | ValueError):
            plain = TypeError if isinstance(error, TypeError) else ValueError
            raise plain(f"{self._name}: {error}") from None
