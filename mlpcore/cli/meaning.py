"""What the inputs and outputs of a saved model stand for, kept in its metadata."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Task: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True)
class Meaning:
    """The names around a model; each is None where nobody gave any.

    Attributes
    ----------
    task : str or None
        ``"classification"`` or ``"regression"``.
    target : str or None
        What is predicted.
    features : tuple of str or None
        The inputs in order.
    classes : tuple of str or None
        The outputs in order.
    """

    task: Task | None = None
    target: str | None = None
    features: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None

    def to_metadata(self) -> dict[str, str]:
        """Return the metadata to save with the model."""
        metadata = {}
        if self.task is not None:
            metadata["task"] = str(self.task)
        if self.target is not None:
            metadata["target"] = self.target
        if self.features is not None:
            metadata["features"] = json.dumps(self.features)
        if self.classes is not None:
            metadata["classes"] = json.dumps(self.classes)
        return metadata

    @classmethod
    def from_metadata(
        cls, metadata: Mapping[str, str], in_features: int, out_features: int
    ) -> "Meaning":
        """Return what `metadata` says about a network of these widths.

        Anybody may have written the metadata: what does not fit counts as not given.
        """
        task = metadata.get("task")
        return cls(
            "classification"
            if task == "classification"
            else "regression"
            if task == "regression"
            else None,
            metadata.get("target"),
            _names(metadata.get("features"), in_features),
            _names(metadata.get("classes"), out_features),
        )


def _names(text: str | None, count: int) -> tuple[str, ...] | None:
    try:
        found = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) != count:
        return None
    return tuple(found) if all(isinstance(name, str) for name in found) else None
