"""Weights larger than the caches take them for: gradients and steps, on every instruction set."""

import functools

import numpy as np
import pytest
from support import canonical
from support.edges import CAN_PROTECT, at_the_edge
from support.networks import ISAS, Example, all_work_is_shared
from support.panels import same_bits

import mlpcore
from mlpcore.backends.cpu import network_table, pass_record
from mlpcore.backends.cpu.backend import CPUBackend
from mlpcore.backends.cpu.cost_model import choose_columns
from mlpcore.kernels.cpu.product.tile import FAR_BYTES

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no fused multiply-add")
each_isa = pytest.mark.parametrize("isa", ISAS)

FEATURES, OUTPUTS = 613, 431
"""Primes, so that every division of rows and columns leaves a rest."""

ROWS = (3, 130)
"""A narrow batch, and one beyond the rows that are added at once and read without packing."""

THREADS = (1, 3)

SOME = slice(None, None, 9)
"""The columns of dW and rows of dx that are compared, which meet every place in a tile: for all of
them plain Python takes seconds."""


def example(dtype="float32", outputs=OUTPUTS):
    return Example((FEATURES, outputs), (), "identity", True, False, dtype, 5)


@functools.cache
def gradients(rows):
    """Return dW, db and dx as canonical sums; of dW and dx what is compared."""
    one = example()
    x, dz, W = one.batch(rows), one.gradient(rows), one.model().parameters()["layers.0.weight"]
    return (
        canonical.product(dz, x[:, SOME], canonical.ROW_BLOCK),
        canonical.column_sums(dz),
        canonical.product(dz[SOME].T, np.array(W), canonical.BLOCK),
    )


def test_these_weights_are_large():
    weight_bytes = FEATURES * OUTPUTS * 4
    assert weight_bytes > FAR_BYTES
    table = example().model()._direct._predictor.table
    for rows in ROWS:
        assert choose_columns(rows, 1, FEATURES, OUTPUTS, table).span > table.wide


@each_isa
@pytest.mark.parametrize("rows", ROWS)
def test_their_gradients_are_canonical_sums(isa, rows):
    one = example()
    model = one.model(isa)
    dW, db, dx = gradients(rows)
    for threads in THREADS:
        with all_work_is_shared(), mlpcore.threads(threads):
            found = model.backward(model.forward(one.batch(rows))[1], one.gradient(rows))
        assert same_bits(found["layers.0.weight"][:, SOME], dW)
        assert same_bits(found["layers.0.bias"], db)
        assert same_bits(found.input[SOME], dx)


def after_steps(isa, dtype, optimizer, rows, threads):
    """Return the parameters after two steps; in float64 of half as many outputs."""
    one = example(dtype, OUTPUTS if dtype == "float32" else OUTPUTS // 2)
    with all_work_is_shared(), mlpcore.threads(threads):
        model = one.model(isa)
        trainer = model.trainer("mse", optimizer, lr=0.01, l2=0.5)
        for _ in range(2):
            trainer.step(one.batch(rows), one.gradient(rows))
    return np.concatenate([np.ravel(view) for view in model.parameters().values()])


@pytest.mark.parametrize(("dtype", "optimizer"), [("float32", "adam"), ("float64", "sgd")])
@pytest.mark.parametrize("rows", ROWS)
def test_their_steps_have_the_same_bits_everywhere(dtype, optimizer, rows):
    expected = after_steps(ISAS[0], dtype, optimizer, rows, 1)
    for isa in ISAS:
        for threads in THREADS:
            assert same_bits(after_steps(isa, dtype, optimizer, rows, threads), expected)


@pytest.mark.skipif(not CAN_PROTECT, reason="there is no mprotect")
@each_isa
def test_nothing_beyond_their_arrays_is_touched(isa, monkeypatch):
    def fenced_zeros(length, dtype):
        return at_the_edge(np.zeros(length, dtype), alignment=64)

    def fenced_scratch(num_bytes):
        block = at_the_edge(np.full(num_bytes, 0xFF, np.uint8), alignment=64)
        return block.ctypes.data, block

    monkeypatch.setattr(
        CPUBackend, "zeros", lambda self, length, dtype: fenced_zeros(length, dtype)
    )
    for module in (network_table, pass_record):
        monkeypatch.setattr(module, "aligned", fenced_zeros)
    monkeypatch.setattr(pass_record, "scratch", fenced_scratch)
    one = example()
    for rows in ROWS:
        x, t = at_the_edge(one.batch(rows)), at_the_edge(one.gradient(rows))
        for threads in THREADS:
            with all_work_is_shared(), mlpcore.threads(threads):
                model = one.model(isa)
                found = model.backward(model.forward(x)[1], t)
                assert same_bits(found["layers.0.weight"][:, SOME], gradients(rows)[0])
                model.trainer("mse", "adam").step(x, t)
