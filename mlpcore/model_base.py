"""A network with its parameters on one device: what they are, copies of them, and files."""

import copy
import os
from collections.abc import Mapping, MutableMapping
from os import PathLike
from typing import Any, Self

import numpy as np

from mlpcore.backends.arrays import bring_in, kind_of
from mlpcore.backends.bound import BoundProgram
from mlpcore.backends.cpu.num_threads import check_num_threads
from mlpcore.backends.registry import backend
from mlpcore.checks import whole_number
from mlpcore.device import Device, resolve
from mlpcore.lazy_imports import importing
from mlpcore.network import Network
from mlpcore.program import lower

_OWN = frozenset({"network", "seed", "_dtype", "_bound", "_direct"})
"""The attributes that `Model` itself keeps; all others are a subclass's or the user's."""


class Model:
    """A network with its parameters on one device.

    Attributes
    ----------
    network : Network
        What is computed.
    seed : int
        The seed of the initial weights.
    """

    network: Network
    seed: int

    @classmethod
    def from_network(
        cls,
        network: Network,
        *,
        dtype: Any = "float32",
        device: str | Device | None = None,
        seed: int | None = None,
        num_threads: int | None = None,
    ) -> Self:
        """Return a freshly initialised model of `network`; the rest as for the class."""
        model = cls.__new__(cls)
        model._build(network, dtype, device, seed, num_threads)
        model._initialize()
        return model

    def _build(
        self,
        network: Network,
        dtype: Any,
        device: str | Device | None,
        seed: int | None,
        num_threads: int | None,
    ) -> None:
        threads = check_num_threads(num_threads)
        self.network = network
        self.seed = _drawn_seed() if seed is None else whole_number(seed, "seed", 0)
        self._dtype = check_dtype(dtype)
        self._bound = BoundProgram(lower(network), backend(resolve(device)), self._dtype)
        self._bound.settings.num_threads = threads

    def _initialize(self) -> None:
        with importing():  # and NumPy's generators, which a model that is loaded does not need
            from mlpcore.nn.initial_values import initial_values
        self._bound.assign(initial_values(self._bound.program, self.seed))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of parameters and results: float32 or float64."""
        return self._dtype

    @property
    def device(self) -> Device:
        """Where the parameters are."""
        return self._bound.backend.device

    @property
    def num_threads(self) -> int | None:
        """How many threads of the CPU a pass uses; may be set between calls.

        It goes before `mlpcore.threads`, and None leaves it to that or to the default.  Few rows
        may use fewer.  It changes no bit of any result.  On a GPU it has no effect.
        """
        return self._bound.settings.num_threads

    @num_threads.setter
    def num_threads(self, value: int | None) -> None:
        self._bound.settings.num_threads = check_num_threads(value)

    @property
    def num_parameters(self) -> int:
        """How many numbers training changes."""
        return self._bound.parameters.layout.count

    def __repr__(self) -> str:
        with importing():
            from mlpcore.inspect.describe import describe
        return describe(type(self).__name__, self.network, self._bound)

    def parameters(self) -> MutableMapping[str, Any]:
        """Return writable views of all parameters by name: ``"layers.0.weight"`` is (out, in).

        The next call of the model sees what was written through them, or through any view of them.
        They write at once: where other threads predict meanwhile, use `set_parameters`, which they
        see whole or not at all.
        """
        with self._bound.backend.active():
            return self._bound.parameters.lease()

    def set_parameters(self, values: Mapping[str, Any]) -> None:
        """Copy arrays into all parameters at once, after checking every name and shape.

        Parameters
        ----------
        values : mapping of str to array
            One array for each parameter; NumPy, CuPy, or anything with DLPack.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or a shape does not fit; nothing is changed then.
        """
        layout = self._bound.parameters.layout
        if set(values) != set(layout.names):
            wrong = sorted(set(values) ^ set(layout.names))
            raise ValueError(
                f"expected one array for each of {', '.join(layout.names)}; "
                f"missing or unknown: {', '.join(wrong)}"
            )
        own = self._bound.backend
        with own.active():
            host = {}
            for name, slot in layout.items():
                kind = kind_of(values[name])
                array = bring_in(values[name], kind)
                if tuple(array.shape) != slot.shape:
                    raise ValueError(f"{name} has shape {slot.shape}, got {tuple(array.shape)}")
                host[name] = array.get() if kind.on_gpu else array
            self._bound.assign(host)

    def equals(self, other: "Model") -> bool:
        """Return whether `other` has the same network, dtype and bits in every parameter."""
        if (
            not isinstance(other, Model)
            or self.network != other.network
            or self.dtype != other.dtype
        ):
            return False
        mine, theirs = self._bound.values(), other._bound.values()
        return all(mine[name].tobytes() == theirs[name].tobytes() for name in mine)

    def copy(self) -> Self:
        """Return a model of its own with the same parameters on the same device."""
        return self._converted(self._dtype, self.device)

    def astype(self, dtype: Any) -> Self:
        """Return a copy in float32 or float64."""
        return self._converted(check_dtype(dtype), self.device)

    def to(self, device: str | Device) -> Self:
        """Return a copy on `device`."""
        return self._converted(self._dtype, resolve(device))

    def _converted(self, dtype: np.dtype[Any], device: Device) -> Self:
        model = type(self).__new__(type(self))
        model.__dict__.update(self.__dict__)  # what a subclass keeps goes along
        model.__dict__.pop("_direct", None)
        model._build(self.network, dtype, device, self.seed, self.num_threads)
        model._bound.assign(self._bound.values())
        return model

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        model = self.copy()
        for name in set(model.__dict__) - _OWN:
            model.__dict__[name] = copy.deepcopy(model.__dict__[name], memo)
        return model

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _OWN} | {
            "network": self.network,
            "dtype": self._dtype.name,
            "device": str(self.device),
            "seed": self.seed,
            "num_threads": self.num_threads,
            "values": self._bound.values(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        parts = dict(state)
        network, dtype, device = parts.pop("network"), parts.pop("dtype"), parts.pop("device")
        seed, values = parts.pop("seed"), parts.pop("values")
        num_threads = parts.pop("num_threads", None)  # models pickled by earlier versions have none
        self.__dict__.update(parts)
        self._build(network, dtype, device, seed, num_threads)
        self._bound.assign(values)

    def save(self, path: str | PathLike[str], *, metadata: Mapping[str, str] | None = None) -> None:
        """Write the model to a safetensors file, whole or not at all.

        Parameters
        ----------
        path : path
            The file; an old one is replaced once the new one is complete.
        metadata : mapping of str to str, optional
            What else to keep in the file's header.

        Raises
        ------
        ValueError
            If an activation is a user's own function, which a file cannot hold.
        OSError
            If the file cannot be written.
        """
        with importing():
            from mlpcore.io import safetensors
        config, values = self.network.config(), self._bound.values()
        safetensors.write(path, config, values, metadata or {}, seed=self.seed)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        device: str | Device | None = None,
        num_threads: int | None = None,
    ) -> Self:
        """Return the model that `save` wrote to `path`; the rest as for the class.

        Raises
        ------
        ModelFileError
            If the file is damaged or was not written by `save`.
        OSError
            If it cannot be read.
        """
        with importing():
            from mlpcore.io import safetensors
        saved = safetensors.read(path)
        model = cls.__new__(cls)
        model._build(saved.network, saved.dtype, device, saved.seed, num_threads)
        model._bound.assign(saved.values)
        return model


def _drawn_seed() -> int:
    """Return 63 bits of the system: what `secrets` draws, without OpenSSL that it imports."""
    return int.from_bytes(os.urandom(8), "little") >> 1


def check_dtype(dtype: Any) -> np.dtype[Any]:
    """Return `dtype` as float32 or float64, or raise TypeError."""
    if dtype is not None:  # which NumPy would read as float64
        found: np.dtype[Any] = np.dtype(dtype)
        if found in (np.float32, np.float64):
            return found
    raise TypeError(f"dtype must be float32 or float64, got {dtype!r}")
