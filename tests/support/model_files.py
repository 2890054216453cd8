"""A model to write to a file, and what a reader says of one that is none."""

import json

import numpy as np
import pytest

from mlpcore.io import ModelFileError
from mlpcore.io._container import Header, table_of
from mlpcore.io._container import write as write_container
from mlpcore.io.safetensors import _checksum, read
from mlpcore.kernels.reference.operations import Activation, Standardize
from mlpcore.network import perceptron
from mlpcore.program import lower

SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-42, -1.5]


def network(*sizes, before=()):
    """Return a network of relu layers and a softmax, behind `before`."""
    hidden = [Activation("relu")] * (len(sizes) - 2)
    return perceptron(sizes, hidden, Activation("softmax"), before=before)


def values_of(net, dtype="float32", seed=0):
    """Return arrays for `net`, with values in them that formats like to lose."""
    rng = np.random.default_rng(seed)
    program = lower(net)
    arrays = {
        p.name: rng.standard_normal(p.shape).astype(dtype)
        for p in (*program.parameters, *program.state)
    }
    first = next(iter(arrays.values())).reshape(-1)
    first[: len(SPECIAL)] = SPECIAL[: len(first)]
    return arrays


NETWORK = network(3, 4, 2, before=(Standardize(),))
METADATA = {"classes": '["ä", "b"]', "": "no name", "format": "the user's own"}


def assert_same_bits(found, expected):
    """The same arrays under the same names in the same order."""
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes(), name


def refusal(path, reader=read):
    """Return the message with which `path` is refused: one line that begins with the path."""
    with pytest.raises(ModelFileError) as caught:
        reader(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def rewrite(path, arrays=None, config=None, **entries):
    """Write a file whose checksum fits, with something changed that `write` would not write."""
    arrays = values_of(NETWORK) if arrays is None else arrays
    text = json.dumps(NETWORK.config() if config is None else config)
    entries = {"format": "mlpcore", "schema": "1", "network": text} | entries
    header = Header({k: v for k, v in entries.items() if v is not None}, table_of(arrays))
    checksum = {"checksum": _checksum(header, arrays)}
    write_container(path, Header(header.entries | checksum, header.table), arrays)
