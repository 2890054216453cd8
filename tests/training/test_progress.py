"""The bar shows the means so far, the learning rate and the samples per second."""

import numpy as np

from mlpcore import MLP
from mlpcore.training import metric, progress

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
T = (X[:, 0] > 0).astype(np.int64)


def test_it_shows_loss_metrics_rate_and_speed_and_leaves_out_what_needs_all_rows(
    monkeypatch, capsys
):
    calls = []
    own = metric(lambda y, t: calls.append(len(y)) or 0.0, name="own")
    monkeypatch.setattr(progress, "_REFRESH_S", 0.0)
    shown = []
    monkeypatch.setattr(
        "tqdm.tqdm.set_postfix", lambda self, values, refresh=True: shown.append(values)
    )
    model = MLP([3, 4, 2], output="softmax", seed=0)
    metrics = ["accuracy", own]
    history = model.fit(X, T, epochs=1, batch_size=10, lr=0.5, metrics=metrics, progress=True)
    assert len(shown) == 5  # four steps and the end of the epoch
    assert list(shown[0]) == ["loss", "accuracy", "lr", "samples/s"]
    assert shown[0]["lr"] == "0.5"
    assert float(shown[3]["loss"]) == round(history["loss"][0], 4)
    assert calls == [40]
