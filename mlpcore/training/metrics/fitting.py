"""Whether a metric can compare what a network computes with the targets that were given."""

from collections.abc import Sequence
from typing import Any

from mlpcore.nn.losses import Loss
from mlpcore.training.metrics.metric import Metric


def check_metrics(
    metrics: Sequence[Metric],
    loss: Loss,
    z_shape: tuple[int, ...],
    t_shape: tuple[int, ...],
    dtype: Any,
) -> None:
    """Raise ValueError unless each metric can compare logits with such targets.

    Parameters
    ----------
    metrics : sequence of Metric
        The metrics.
    loss : Loss
        The loss that takes the targets.
    z_shape, t_shape : tuple of int
        The shapes of logits, (..., out), and targets.
    dtype : numpy.dtype
        The dtype of the targets.
    """
    lead, width = z_shape[:-1], z_shape[-1]
    for metric in metrics:
        if metric.takes == "anything":
            continue
        if loss.expects == "counts":
            raise ValueError(
                f"metric {metric.name!r} would compare counts with their logarithms, which a "
                f"network with loss={loss.name!r} predicts; give a function of your own, such as "
                "lambda y, t: abs(np.exp(y) - t).mean()"
            )
        expectation = _elements if metric.takes == "elements" else _classes
        expected = expectation(loss, lead, width, t_shape, dtype)
        if expected:
            raise ValueError(
                f"metric {metric.name!r} for logits of shape {z_shape} expects targets of shape "
                f"{expected}; got shape {t_shape}, dtype {dtype}"
            )
        if width < metric.classes:
            raise ValueError(
                f"metric {metric.name!r} needs more than {metric.classes - 1} classes; the logits "
                f"have shape {z_shape}"
            )
        if metric.takes == "binary" and width > (1 if loss.expects == "probabilities" else 2):
            raise ValueError(
                f"metric {metric.name!r} is that of class 1 of two, but there are {width} "
                f"columns; '{metric.name}_macro' is the mean over classes"
            )


def _classes(
    loss: Loss,  # noqa: ARG001
    lead: tuple[int, ...],
    width: int,
    t_shape: tuple[int, ...],
    dtype: Any,
) -> str:
    """Return "" if `t_shape` can stand for classes, and else what could."""
    if t_shape == (*lead, width):
        return ""
    if t_shape == lead and (width == 1 or dtype.kind in "iub"):
        return ""
    alone = "numbers" if width == 1 else "integer class labels"
    return f"{lead} ({alone}) or {(*lead, width)}"


def _elements(
    loss: Loss,
    lead: tuple[int, ...],
    width: int,
    t_shape: tuple[int, ...],
    dtype: Any,  # noqa: ARG001
) -> str:
    """Return "" if `t_shape` can stand for a number for each logit, and else what could."""
    single = width == 1 and loss.expects != "classes"
    if t_shape == (*lead, width) or (single and t_shape == lead):
        return ""
    return f"{lead} or {(*lead, width)}" if single else f"{(*lead, width)}"
