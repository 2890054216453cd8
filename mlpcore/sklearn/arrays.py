"""The parameters of a fitted network as scikit-learn shows them: one (in, out) array a layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class LayerArrays:
    """``coefs_`` and ``intercepts_`` of an estimator whose network is ``model_``."""

    model_: Any

    @property
    def coefs_(self) -> list[Any]:
        """The weights of each layer, shape (in, out).

        On a CPU they are views: what is written to them, or assigned as a whole, the next
        prediction sees.  From a GPU they are copies.
        """
        return [array.T for array in self._layers("weight")]

    @coefs_.setter
    def coefs_(self, arrays: Sequence[Any]) -> None:
        self._set("weight", [np.asarray(array).T for array in arrays])

    @property
    def intercepts_(self) -> list[Any]:
        """The biases of each layer, shape (out,), likewise."""
        return self._layers("bias")

    @intercepts_.setter
    def intercepts_(self, arrays: Sequence[Any]) -> None:
        self._set("bias", [np.asarray(array) for array in arrays])

    def _layers(self, kind: str) -> list[Any]:
        found, to_host = self.model_.parameters(), self.model_._bound.backend.to_host
        return [to_host(found[name]) for name in _names(found, kind)]

    def _set(self, kind: str, arrays: list[Any]) -> None:
        found = dict(self.model_.parameters())
        names = _names(found, kind)
        if len(names) != len(arrays):
            raise ValueError(f"the network has {len(names)} layers, got {len(arrays)} arrays")
        self.model_.set_parameters(found | dict(zip(names, arrays, strict=True)))


def _names(parameters: Mapping[str, Any], kind: str) -> list[str]:
    return [name for name in parameters if name.endswith(f".{kind}")]
