"""Weights of classes, so that those with few rows count as much as the others."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from mlpcore.backends.arrays import NUMPY, bring_in, kind_of, send_back
from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.nn.losses import Loss
from mlpcore.nn.losses import loss as make_loss
from mlpcore.training.sources.source import RowWeight

ClassWeight: TypeAlias = Literal["balanced"] | Mapping[int, float] | Sequence[float]
"""``"balanced"``, a mapping from class to weight, or one weight for each class."""


def weigh_classes(
    loss: Loss, class_weight: ClassWeight | None, t: Any, outputs: int
) -> tuple[Loss, RowWeight | None]:
    """Return what makes the classes count as `class_weight` says.

    Parameters
    ----------
    loss : Loss
        The loss.
    class_weight : "balanced", mapping, sequence or None
        The weight of each class.  Balanced ones are n / (k n_c): n rows in k classes, of which n_c
        are of class c (G. King and L. Zeng, "Logistic Regression in Rare Events Data" (2001)).
    t : array or None
        The targets, of which balanced weights are counted.
    outputs : int
        How many logits there are.

    Returns
    -------
    Loss
        With the weights as its setting, where it has one.
    callable or None
        For a binary loss of one logit, which has none, the weight of each row from its target.

    Raises
    ------
    TypeError, ValueError
        If the loss tells no classes apart, has weights of its own, or weights are no numbers.
    """
    if class_weight is None:
        return loss, None
    settings = dict(loss.settings)
    own = loss.custom is None and "class_weight" in LOSSES[loss.name].settings
    binary = loss.custom is None and loss.expects == "probabilities" and outputs == 1
    if not (own or binary):
        raise ValueError(
            f"class_weight goes with a loss of classes; {loss.name!r} of {outputs} outputs has none"
        )
    if settings.get("class_weight") is not None:
        raise ValueError(f"the loss {loss.name!r} has class weights already")
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                f"class_weight must be 'balanced' or the weights of classes, got {class_weight!r}"
            )
        class_weight = _balanced(t, settings.get("ignore_index"), max(outputs, 2))
    if own:
        return make_loss(loss, class_weight=class_weight), None
    weights = _of_two(class_weight)
    return loss, lambda xp, t: xp.where(t.reshape(-1) > 0.5, weights[1], weights[0])


def _balanced(t: Any, ignore_index: int | None, number: int) -> dict[int, float]:
    """Return the weights of those of `number` classes that are there."""
    if t is None:
        raise ValueError(
            "class_weight='balanced' counts the labels of arrays; with batches give the weights"
        )
    labels = send_back(bring_in(t, kind_of(t)), NUMPY)
    if labels.ndim > 1:
        labels = labels > 0.5 if labels.shape[-1] == 1 else labels.argmax(axis=-1)
    elif labels.dtype.kind == "f":
        labels = labels > 0.5
    if ignore_index is not None:
        labels = labels[labels != ignore_index]
    classes, counts = np.unique(labels, return_counts=True)
    n, k = int(counts.sum()), len(classes)
    # What is no class is refused with the other targets, which says where it stands.
    there = [(int(c), int(m)) for c, m in zip(classes, counts, strict=True) if 0 <= c < number]
    return {c: n / (k * m) for c, m in there}


def _of_two(class_weight: Any) -> tuple[float, float]:
    """Return the weights of the classes 0 and 1, checked as those of a loss are."""
    checked = make_loss("cross_entropy", class_weight=class_weight)
    found: Any = dict(checked.settings).get("class_weight", (1.0, 1.0))
    if found and isinstance(found[0], tuple):
        by_class = dict(found)
        if max(by_class) > 1:
            raise ValueError(
                f"class_weight names class {max(by_class)}, but the classes are 0 and 1"
            )
        return by_class.get(0, 1.0), by_class.get(1, 1.0)
    if len(found) != 2:
        raise ValueError(f"class_weight has {len(found)} weights for the classes 0 and 1")
    return found[0], found[1]
