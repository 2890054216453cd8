"""What two fits must have in common for one to go on where the other stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from mlpcore.training.class_weight import ClassWeight
from mlpcore.training.metrics import Metric
from mlpcore.training.sources.source import Source
from mlpcore.training.trainer import Trainer


def fit_settings(
    trainer: Trainer,
    source: Source,
    *,
    seed: int,
    class_weight: ClassWeight | None,
    validation_split: float,
    validated: bool,
    metrics: Sequence[Metric],
    weighted: bool,
) -> dict[str, Any]:
    """Return the arguments of a fit that fix its bits, as plain values.

    Of functions only their names can be compared, and of data only how many rows they have.  The
    number of epochs is not among them: a fit may go on for longer than was planned.

    Parameters
    ----------
    trainer : Trainer
        The trainer, before its first step.
    source : Source
        Where the minibatches come from.
    seed, class_weight, validation_split
        As for `MLP.fit`.
    validated : bool
        Whether there are data to evaluate.
    metrics : sequence of Metric
        What is told of each epoch.
    weighted : bool
        Whether rows have weights.
    """
    options, loss = trainer.options, trainer.loss
    found: dict[str, Any] = _plain(
        {
            **source.settings(),
            "seed": seed,
            "lr": trainer.lr,
            "loss": loss.name,
            "settings of the loss": dict(loss.settings),
            "optimizer": trainer.optimizer.config() | {"lr": None},
            "l2": options.l2,
            "l1": options.l1,
            "clip_value": options.clip_value,
            "clip_norm": options.clip_norm,
            "schedule": None if options.schedule is None else "a function",
            "groups": [asdict(group) for group in options.groups or ()],
            "accumulate": options.accumulate,
            "average": None if options.average is None else options.average.config(),
            "on_nan": options.on_nan,
            # The gradients are the same, but a step that has none may take them in another order.
            "checkpoint_segments": None if options.checkpoint_segments is None else "given",
            "class_weight": class_weight,
            "sample_weight": "given" if weighted else None,
            "validation_split": validation_split,
            "validation_data": "given" if validated and not validation_split else None,
            "metrics": [metric.name for metric in metrics],
        }
    )
    return found


def _plain(value: Any) -> Any:
    """Return `value` as it comes out of JSON."""
    if isinstance(value, Mapping):
        return {str(name): _plain(found) for name, found in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(found) for found in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
