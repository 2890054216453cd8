"""A file for a model, and one that holds it."""

import pytest
from support.model_files import METADATA, NETWORK, values_of

from mlpcore.io.safetensors import write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(path):
    write(path, NETWORK.config(), values_of(NETWORK), METADATA)
    return path
