"""A hook sees every layer of every forward pass, and changes nothing by looking."""

import threading

import numpy as np
import pytest

from mlpcore.backends import bound
from mlpcore.inspect import trace
from mlpcore.model import MLP

LAYERS = ["layers.0", "layers.1"]


@pytest.fixture
def model(device):
    return MLP([4, 6, 3], output="softmax", device=device, seed=0)


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)


@pytest.fixture
def t():
    return np.arange(8) % 3


@pytest.fixture
def seen():
    return []


def test_it_sees_each_layer_in_order_with_z_and_a(model, x, seen):
    _, cache = model.forward(x)
    model.on_layer(seen.append)
    model(x)
    assert [(values.index, values.name) for values in seen] == [(0, "layers.0"), (1, "layers.1")]
    host = model._bound.backend.to_host
    for values, cached in zip(seen, cache.layers, strict=True):
        np.testing.assert_array_equal(host(values.z), cached.z)
        np.testing.assert_array_equal(host(values.a), cached.a)


@pytest.mark.parametrize(
    "run",
    [
        lambda model, x, t: model(x),
        lambda model, x, t: model.predict(x),
        lambda model, x, t: model.forward(x),
        lambda model, x, t: model.forward(x, cache=False),
        lambda model, x, t: model.value_and_grad(x, t),
        lambda model, x, t: model.trainer().step(x, t),
        lambda model, x, t: model.evaluate(x, t),
        lambda model, x, t: model.features(x),
        lambda model, x, t: trace(model, x),
    ],
    ids=[
        "call",
        "predict",
        "forward",
        "forward without cache",
        "value_and_grad",
        "step",
        "evaluate",
        "features",
        "trace",
    ],
)
def test_it_sees_every_kind_of_pass_once(run, model, x, t, seen):
    model.on_layer(seen.append)
    run(model, x, t)
    assert [values.name for values in seen] == LAYERS


def test_it_sees_every_step_of_a_fit(model, x, t, seen):
    with model.on_layer(seen.append):
        model.fit(x, t, epochs=3, batch_size=4, metrics=[])
    assert [values.name for values in seen] == 3 * 2 * LAYERS
    assert {values.z.shape[0] for values in seen} == {4}


def test_it_sees_passes_without_rows(model, seen):
    with model.on_layer(seen.append):
        model(np.empty((0, 4)))
    assert [values.a.shape for values in seen] == [(0, 6), (0, 3)]


def test_predictions_have_the_same_bits_with_a_hook(model, x, seen):
    without = model(x)
    with model.on_layer(seen.append):
        np.testing.assert_array_equal(model(x), without)


def test_training_has_the_same_bits_with_a_hook(model, x, t, seen):
    other = model.copy()
    other.on_layer(seen.append)
    for each in (model, other):
        each.fit(x, t, epochs=2, batch_size=4, seed=0)
    assert seen
    assert model.equals(other)


@pytest.mark.parametrize("name", ["z", "a"])
def test_a_hook_cannot_write_what_the_pass_goes_on_with(model, x, name):
    """The arrays are those of the prediction, not copies: NumPy refuses to write them."""
    if model.device.kind != "cpu":
        pytest.skip("CuPy has no arrays that cannot be written")

    def spoil(values):
        getattr(values, name)[...] = 0

    before = model(x)
    with model.on_layer(spoil):
        for run in (model, model.forward):
            with pytest.raises(ValueError, match="read-only"):
                run(x)
    np.testing.assert_array_equal(model(x), before)


def test_what_a_hook_sees_is_not_copied(model, x, seen):
    with model.on_layer(seen.append):
        _, cache = model.forward(x)
    for values, record in zip(seen, cache.tape.records, strict=True):
        for mine, own in ((values.z, record.z), (values.a, record.a)):
            assert mine is own or np.shares_memory(mine, own)


def test_what_the_model_returns_can_still_be_written(model, x, seen):
    with model.on_layer(seen.append):
        for y in (model(x), model.forward(x)[0], model.forward(x, cache=False)):
            y[...] = 0


def test_hooks_run_in_the_order_in_which_they_were_added(model, x):
    order = []
    model.on_layer(lambda values: order.append(("first", values.index)))
    model.on_layer(lambda values: order.append(("second", values.index)))
    model(x)
    assert order == [("first", 0), ("first", 1), ("second", 0), ("second", 1)]


def test_a_removed_hook_sees_nothing(model, x, seen):
    hook = model.on_layer(seen.append)
    hook.remove()
    model(x)
    assert seen == []


def test_removing_a_hook_twice_does_nothing(model, x, seen):
    hook = model.on_layer(seen.append)
    other = model.on_layer(seen.append)
    hook.remove()
    hook.remove()
    model(x)
    assert len(seen) == len(LAYERS)  # of the other, which has the same callback
    other.remove()


def test_a_hook_ends_with_its_block_also_when_that_raises(model, x, seen):
    with pytest.raises(KeyError), model.on_layer(seen.append):
        raise KeyError
    model(x)
    assert seen == []


def test_a_hook_may_remove_itself(model, x, seen):
    def once(values):
        seen.append(values)
        hook.remove()

    hook = model.on_layer(once)
    model(x)
    model(x)
    assert len(seen) == len(LAYERS)  # the pass that it was removed in, to its end


def fail(values):
    raise RuntimeError(f"seen enough of {values.name}")


def test_what_a_hook_raises_comes_out_of_the_call(model, x):
    with (
        model.on_layer(fail),
        pytest.raises(RuntimeError, match=r"seen enough of layers\.0"),
    ):
        model(x)
    assert model(x).shape == (8, 3)


def test_a_step_that_a_hook_stops_changes_nothing(model, x, t):
    before = model.copy()
    trainer = model.trainer(lr=0.1)
    with model.on_layer(fail), pytest.raises(RuntimeError):
        trainer.step(x, t)
    assert model.equals(before)
    assert trainer.steps == 0
    trainer.step(x, t)
    assert not model.equals(before)


def test_a_hook_holds_no_lock_while_it_looks(model, x):
    """It may write the parameters, which waits for all readers of them."""

    def write(values):
        model.set_parameters({name: p + 1 for name, p in model._bound.values().items()})

    model.on_layer(write)
    call = threading.Thread(target=model, args=(x,), daemon=True)
    call.start()
    call.join(timeout=30)
    assert not call.is_alive()


def test_without_a_hook_a_prediction_records_nothing(model, x, seen, monkeypatch):
    class RecordedError(Exception):
        pass

    def record():
        raise RecordedError

    monkeypatch.setattr(bound, "StageRecord", record)
    model.on_layer(seen.append).remove()
    model(x)
    with model.on_layer(seen.append), pytest.raises(RecordedError):
        model(x)


def test_a_copy_of_the_model_has_no_hooks(model, x, seen):
    model.on_layer(seen.append)
    model.copy()(x)
    assert seen == []


def test_a_callback_must_be_callable(model):
    with pytest.raises(TypeError, match="on_layer needs a function of one argument, got 3"):
        model.on_layer(3)
