"""Bits do not depend on the batch, the place of a row in it, threads, or the instruction set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.networks import ISAS, Example, all_work_is_shared, examples, instruction_set, isas
from support.panels import same_bits

import mlpcore
from mlpcore.nn import activations

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no fused multiply-add")

row_counts = st.integers(1, 200)


@pytest.fixture(autouse=True, scope="module")
def _all_work_is_shared():
    with all_work_is_shared():
        yield


@settings(max_examples=25)
@given(example=examples(), isa=isas, rows=row_counts, data=st.data())
def test_a_prediction_of_a_row_does_not_depend_on_its_batch(example, isa, rows, data):
    model, x = example.model(isa), example.batch(rows)
    start = data.draw(st.integers(0, rows - 1), "start")
    stop = data.draw(st.integers(start + 1, rows), "stop")
    batch_size = data.draw(st.integers(1, rows), "batch_size")
    order = np.random.default_rng(example.seed).permutation(rows)
    y = model(x)
    assert same_bits(model(x[start]), y[start])
    assert same_bits(model(x[start:stop]), y[start:stop])
    assert same_bits(model(x[order]), y[order])
    assert same_bits(model(np.concatenate([x[start:], x, x]))[-rows:], y)
    assert same_bits(model.predict(x, batch_size=batch_size), y)
    assert same_bits(model.freeze()(x[start:stop]), y[start:stop])


@settings(max_examples=25)
@given(example=examples(), rows=row_counts, isa=isas, threads=st.integers(2, 4))
def test_a_prediction_does_not_depend_on_threads(example, rows, isa, threads):
    model, x = example.model(isa), example.batch(rows)
    with mlpcore.threads(1):
        alone = model(x)
    with mlpcore.threads(threads):
        assert same_bits(model(x), alone)


@settings(max_examples=25)
@given(example=examples(), rows=row_counts)
def test_a_prediction_does_not_depend_on_the_instruction_set(example, rows):
    x = example.batch(rows)
    first, *others = [example.model(isa)(x) for isa in ISAS]
    assert all(same_bits(other, first) for other in others)


@settings(max_examples=25)
@given(example=examples(), rows=row_counts, isa=isas)
def test_prediction_is_the_output_of_what_forward_gives(example, rows, isa):
    model, x = example.model(isa), example.batch(rows)
    logits, cache = model.forward(x)
    assert same_bits(model.forward(x, cache=False), logits)
    assert same_bits(cache.layers[-1].a, logits)
    if example.output == "identity":
        assert same_bits(model(x), logits)
    seen = []
    with model.on_layer(seen.append):
        watched = model(x)
    assert same_bits(watched, model(x))
    assert len(seen) == len(example.sizes) - 1


@settings(max_examples=25)
@given(example=examples(), isa=isas, rows=row_counts, threads=st.integers(2, 4), data=st.data())
def test_gradients_of_a_row_do_not_depend_on_its_batch(example, isa, rows, threads, data):
    model, x, dz = example.model(isa), example.batch(rows), example.gradient(rows)
    start = data.draw(st.integers(0, rows - 1), "start")
    stop = data.draw(st.integers(start + 1, rows), "stop")

    def differentiate(part):
        cache = model.forward(x[part])[1]
        found = model.backward(cache, dz[part], intermediates=True)
        return [found.input, *(layer.dz for layer in found.layers)]

    with mlpcore.threads(1):
        whole = differentiate(slice(None))
    with mlpcore.threads(threads):
        part = differentiate(slice(start, stop))
    for one, all_rows in zip(part, whole, strict=True):
        assert same_bits(one, all_rows[start:stop])


@settings(max_examples=25)
@given(example=examples(), rows=row_counts, threads=st.integers(2, 4), isa=isas, other=isas)
def test_gradients_of_parameters_do_not_depend_on_threads(example, rows, threads, isa, other):
    x, dz = example.batch(rows), example.gradient(rows)

    def differentiate(name, participants):
        model = example.model(name)
        with instruction_set(name), mlpcore.threads(participants):
            return model.backward(model.forward(x)[1], dz)

    alone = differentiate(isa, 1)
    for together in (differentiate(isa, threads), differentiate(other, threads)):
        assert same_bits(together.flat, alone.flat)
        assert same_bits(together.input, alone.input)


@settings(max_examples=15)
@given(
    example=examples(most_layers=3),
    isa=isas,
    other=isas,
    rows=row_counts,
    optimizer=st.sampled_from(("sgd", "adam")),
    l2=st.sampled_from((0.0, 0.01)),
)
def test_training_has_the_same_bits_each_time(example, isa, other, rows, optimizer, l2):
    x, t = example.batch(rows), example.targets(rows)

    def train(name, threads, *, watched=False):
        model = example.model(name)
        if watched:
            model.on_layer(lambda values: None)
        with instruction_set(name), mlpcore.threads(threads):
            trainer = model.trainer(loss=example.loss, optimizer=optimizer, lr=0.01, l2=l2)
            losses = np.array([trainer.step(x, t) for _ in range(3)])
        return losses, model._bound.parameters.flat

    first = train(isa, 1)
    for again in (train(isa, 4), train(isa, 1, watched=True), train(other, 2)):
        for found, expected in zip(again, first, strict=True):
            assert same_bits(found, expected)


@pytest.mark.parametrize("name", activations.names())
def test_every_activation_has_the_same_bits_in_few_and_in_many_rows(name):
    for dtype in ("float32", "float64"):
        example = Example((19, 21, 18), (name, name), "identity", True, False, dtype, 5)
        model, x = example.model(), 5 * example.batch(70)
        assert same_bits(np.concatenate([model(row[None]) for row in x]), model(x))
        assert same_bits(model.forward(x)[0], model(x))


def test_fit_has_the_same_bits_with_any_number_of_threads_and_with_hooks():
    example = Example((20, 33, 4), ("gelu",), "softmax", True, True, "float32", 3)
    x, t = example.batch(150), example.targets(150)

    def fit(threads, *, watched=False):
        model = example.model()
        if watched:
            model.on_layer(lambda values: None)
        with mlpcore.threads(threads):
            history = model.fit(x, t, epochs=3, batch_size=32, seed=1, validation_data=(x, t))
        return model, history

    model, history = fit(1)
    for other, same in (fit(4), fit(1, watched=True)):
        assert other.equals(model)
        for name in ("loss", "val_loss"):
            assert same[name] == history[name]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("isa", ISAS)
def test_layers_wider_than_any_block_of_the_sum(isa, dtype):
    example = Example((700, 521, 1), ("relu",), "identity", True, False, dtype, 7)
    model, x, dz = example.model(isa), example.batch(130), example.gradient(130)
    y, z = model(x), model.forward(x)[0]
    assert same_bits(np.concatenate([model(row[None]) for row in x[:20]]), y[:20])
    assert same_bits(z, y)
    whole = model.backward(model.forward(x)[1], dz).input
    part = model.backward(model.forward(x[100:])[1], dz[100:]).input
    assert same_bits(part, whole[100:])


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_a_step_is_the_gradients_and_the_update(l2):
    example = Example((30, 40, 5), ("tanh",), "softmax", True, True, "float64", 11)
    x, t = example.batch(100), example.targets(100)
    stepped, model = example.model(), example.model()
    objective, gradients = model.value_and_grad(x, t, l2=l2)
    found = stepped.trainer(optimizer="sgd", lr=0.5, l2=l2).step(x, t)
    np.testing.assert_allclose(found, objective, rtol=1e-13)
    expected = model._bound.parameters.flat - 0.5 * gradients.flat
    np.testing.assert_allclose(stepped._bound.parameters.flat, expected, rtol=1e-11, atol=1e-13)
