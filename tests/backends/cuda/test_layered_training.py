"""A network with batch norms, dropout and residuals learns on the GPU what it learns on the CPU."""

import numpy as np
import pytest

from mlpcore.model import MLP

CLOSE = {"float32": 1e-5, "float64": 1e-12}
EPOCHS, ROWS, BATCH = 2, 120, 70  # two blocks of 64 rows in a batch, and one in the last


def data(dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(2, 3, (ROWS, 8)).astype(dtype)
    return x, (x @ rng.normal(size=(8, 3))).argmax(axis=1)


def trained(device, dtype, norm):
    """Return the model, its history, and where each training pass has found zeros."""
    x, t = data(dtype)
    sizes = [8, 12, 12, 12, 3]
    model = MLP(
        sizes, "tanh", "softmax", norm=norm, dropout=0.2, input_noise=0.1, residual=True,
        device=device, dtype=dtype, seed=0,
    )  # fmt: skip
    host, dropped = model._bound.backend.to_host, []

    def watch(records):
        dropped.extend(host(record.a) == 0 for record in records[:-1])

    model._bound.watchers.append(watch)
    history = model.fit(
        x, t, epochs=EPOCHS, batch_size=BATCH, optimizer="momentum", lr=0.05, seed=1
    )
    model._bound.watchers.remove(watch)
    return model, history, dropped


@pytest.mark.parametrize(
    ("norm", "dtype"), [("batch", "float32"), ("batch", "float64"), ("layer", "float32")]
)
def test_it_drops_and_learns_the_same(norm, dtype):
    (there, history, dropped), (here, expected, expected_dropped) = (
        trained(device, dtype, norm) for device in ("cuda", "cpu")
    )
    assert len(dropped) == len(expected_dropped) == EPOCHS * 2 * 3  # two batches, three layers
    for mask, drawn in zip(dropped, expected_dropped, strict=True):
        np.testing.assert_array_equal(mask, drawn)
    # tanh of a normalised number is not zero: each of these was dropped.
    share = np.mean(np.concatenate([mask.ravel() for mask in dropped]))
    assert share == pytest.approx(0.2, abs=5 * np.sqrt(0.16 / (3 * EPOCHS * ROWS * 12)))
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=CLOSE[dtype])
    assert history["loss"][-1] < history["loss"][0]
    x, _ = data(dtype)
    np.testing.assert_allclose(there(x), here(x), rtol=0, atol=10 * CLOSE[dtype])
