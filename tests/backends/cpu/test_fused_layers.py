"""Dropout and normalisation within a step in one call: what it is layer by layer, bit for bit."""

import numpy as np
import pytest
from support.edges import CAN_PROTECT, at_the_edge
from support.networks import ISAS, all_work_is_shared, instruction_set
from support.panels import same_bits

import mlpcore
from mlpcore import MLP, Activation, BatchNorm, Dense, Dropout, LayerNorm, Network
from mlpcore.backends.base import Mode
from mlpcore.backends.composed import compose
from mlpcore.backends.cpu import cost_model, engine, pass_record
from mlpcore.backends.cpu.compiled_segment import CompiledSegment
from mlpcore.kernels.reference import philox
from mlpcore.kernels.reference.operation import RandomKey
from mlpcore.kernels.reference.operations import GaussianNoise, Standardize

pytestmark = pytest.mark.skipif(not ISAS, reason="no instruction set of ours")

RNG = np.random.default_rng(0)
FEATURES = 21
DTYPES = ("float32", "float64")
ROWS = (3, 13, 33, 150)
KEY = RandomKey(seed=2**64 - 3, step=5)
RELU, TANH, GELU = (Activation(name) for name in ("relu", "tanh", "gelu"))

NETWORKS = {
    "dropout": (Dense(FEATURES, 37), RELU, Dropout(0.3), Dense(37, 18), GELU, Dropout(0.5)),
    "batch norm": (Dense(FEATURES, 37), BatchNorm(), RELU, Dense(37, 18), BatchNorm(0.5), TANH),
    "layer norm": (Dense(FEATURES, 37), LayerNorm(), RELU, Dense(37, 18), LayerNorm(), GELU),
    "all": (
        *(Dense(FEATURES, 37, bias=False), BatchNorm(0.3), TANH, Dropout(0.2)),
        *(Dense(37, 40), LayerNorm(), Dropout(0.1), Dense(40, 18), BatchNorm(eps=0.1), RELU),
    ),
    "entrance": (Standardize(), GaussianNoise(0.1), Dropout(0.2), Dense(FEATURES, 18), TANH),
    "at the end": (Dense(FEATURES, 18), TANH, Dense(18, 18), BatchNorm(), Dropout(0.3)),
}
every_network = pytest.mark.parametrize("name", NETWORKS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def made(name, dtype="float32"):
    """A classifier of five classes; equal for equal arguments."""
    last = () if name == "at the end" else (Dense(18, 5),)
    model = MLP.from_network(Network((*NETWORKS[name], *last)), dtype=dtype, seed=1)
    if name == "entrance":
        model.adapt(3 * batch(100, dtype)[0] + 1)
    return model


def batch(rows, dtype="float32"):
    rng = np.random.default_rng(rows)
    return rng.normal(size=(rows, FEATURES)).astype(dtype), rng.integers(0, 5, rows)


def layer_by_layer(patch):
    """Let each stage with such a layer be computed layer by layer."""
    found = engine.fused_stages
    patch.setattr(engine, "fused_stages", lambda program, start, training: found(program, start))


def trained(model, x, t, *, steps=3, **options):
    """The losses of the data in a few steps and all numbers of the model after them."""
    trainer = model.trainer("cross_entropy", "adamw", lr=0.01, l2=0.01, **options)
    values = [trainer.step_on(x, t).loss.tobytes() for _ in range(steps)]
    return values, {name: array.tobytes() for name, array in model._bound.values().items()}


@every_dtype
@every_network
@pytest.mark.parametrize("rows", ROWS)
def test_a_step_in_one_call_is_a_step_layer_by_layer(name, dtype, rows, monkeypatch):
    x, t = batch(rows, dtype)
    assert made(name, dtype).trainer("cross_entropy")._rule is not None
    at_once = trained(made(name, dtype), x, t)
    in_parts = trained(made(name, dtype), x, t, clip_norm=1e9)  # never reached
    layer_by_layer(monkeypatch)
    assert made(name, dtype).trainer("cross_entropy")._rule is None
    expected = trained(made(name, dtype), x, t)
    assert at_once == expected
    assert in_parts == expected


@every_dtype
@pytest.mark.parametrize("rows", ROWS)
def test_neither_threads_nor_instruction_set_nor_chunk_change_a_bit(dtype, rows, monkeypatch):
    x, t = batch(rows, dtype)
    expected = trained(made("all", dtype), x, t)
    for isa in ISAS:
        with instruction_set(isa), all_work_is_shared():
            for threads in (1, 2, 3):
                with mlpcore.threads(threads):
                    assert trained(made("all", dtype), x, t) == expected
            monkeypatch.setattr(cost_model, "PASS_CHUNK_ROWS", 1)
            assert trained(made("all", dtype), x, t) == expected
            monkeypatch.undo()


def at_the_edge_of_memory(num_bytes):
    """What is scratch for a pass, which then ends where nothing may be touched."""
    block = at_the_edge(np.full(num_bytes, 0xFF, np.uint8), alignment=64)
    return block.ctypes.data, block


@every_dtype
@every_network
@pytest.mark.parametrize("rows", [2, 13, 40])
def test_nor_does_it_that_all_threads_have_the_same_rows(name, dtype, rows, monkeypatch):
    if CAN_PROTECT:  # a phase more than the board has would be seen
        monkeypatch.setattr(pass_record, "scratch", at_the_edge_of_memory)
    (x, t), dz = batch(rows, dtype), RNG.normal(size=(rows, 18)).astype(dtype)
    seen, calls = [], []

    def choose(*arguments):
        calls.append(cost_model.choose_pass(*arguments))
        return calls[-1]

    monkeypatch.setattr(pass_record, "choose_pass", choose)
    for threads in (1, 3, 7):
        with all_work_is_shared(), mlpcore.threads(threads):
            bound = made(name, dtype)._bound
            values = differentiated(bound, x, dz[:, : bound.program.out_features])
            found = {name: array.tobytes() for name, array in values.items()}
            seen.append((found, trained(made(name, dtype), x, t)))
        if threads != 3 and rows < 40:  # which may be more panels than are shared so
            assert {call.spread for call in calls} == {threads == 7}
        calls.clear()
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]


def differentiated(bound, x, dz):
    """All that a pass in training computes, by name."""
    z, tape = bound.forward(x, Mode.TRAINING, KEY)
    found = bound.backward(tape, dz, intermediates=True)
    seen = {f"{what} {i}": getattr(r, what) for i, r in enumerate(tape.records) for what in "xza"}
    for what in ("dz", "da"):
        seen |= {f"{what} {index}": array for index, array in getattr(found, what).items()}
    state = {f"state {name}": array for name, array in tape.run.state.items()}
    gradients = bound.parameters.layout.views(found.flat)
    return {"logits": z, "dx": found.dx} | seen | state | gradients


@every_network
def test_all_values_and_gradients_are_those_of_the_reference(name):
    x, _ = batch(40, "float64")
    model = made(name, "float64")
    bound = model._bound
    dz = RNG.normal(size=(40, bound.program.out_features))
    segments = bound.plan(Mode.TRAINING).segments
    assert [type(segment) for segment in segments] == [CompiledSegment]
    found = differentiated(bound, x, dz)
    plan = compose(bound.program, (), np, bound.dtype, Mode.TRAINING, 1024)
    bound.plan = lambda mode: plan
    expected = differentiated(bound, x, dz)
    assert found.keys() == expected.keys()
    for what, array in expected.items():
        np.testing.assert_allclose(found[what], array, rtol=1e-11, atol=1e-11, err_msg=what)


def test_what_is_dropped_is_what_the_reference_drops():
    model, (x, _) = made("dropout"), batch(70)
    _, tape = model._bound.forward(x, Mode.TRAINING, KEY)
    for record, stage in zip(tape.records[:2], model._bound.program.stages, strict=False):
        step = stage.after[-1]
        at = {"seed": KEY.seed, "step": KEY.step, "layer": step.position}
        before = stage.after[-2].operation.function.forward(np, record.z)
        expected = philox.dropout(np, before, step.operation.rate, **at)
        np.testing.assert_array_equal(record.a == 0, expected == 0)


@pytest.mark.parametrize("name", ["dropout", "layer norm", "entrance"])
def test_a_row_has_its_bits_wherever_it_lies(name):
    bound, (x, _) = made(name)._bound, batch(150)
    whole, _ = bound.forward(x, Mode.TRAINING, KEY)
    for start, stop in ((0, 1), (0, 7), (5, 69), (80, 150)):
        key = RandomKey(KEY.seed, KEY.step, row=start)
        part, _ = bound.forward(x[start:stop], Mode.TRAINING, key)
        assert same_bits(part, whole[start:stop])


def test_running_statistics_are_seen_by_the_next_prediction():
    model, (x, t) = made("batch norm"), batch(40)
    trainer = model.trainer("cross_entropy", "sgd", lr=1e-30)  # the parameters stay
    before = model(x)
    trainer.step(x, t)
    z = x @ model.parameters()["layers.0.weight"].T + model.parameters()["layers.0.bias"]
    found = model._bound.values()
    np.testing.assert_allclose(found["layers.0.running_mean"], 0.1 * z.mean(axis=0), rtol=1e-4)
    expected = 0.9 + 0.1 * z.var(axis=0, ddof=1)
    np.testing.assert_allclose(found["layers.0.running_variance"], expected, rtol=1e-4)
    assert not np.array_equal(model(x), before)


def test_whoever_watches_sees_what_was_dropped_and_changes_nothing():
    watched, other = made("all"), made("all")
    x, t = batch(40)
    trainers = [model.trainer("cross_entropy", "adam") for model in (watched, other)]
    seen = []

    def watch(records):
        assert watched._bound.values().keys() == state.keys()
        assert all(same_bits(now, state[n]) for n, now in watched._bound.values().items())
        seen.append([record.a for record in records])

    for _ in range(2):
        state = watched._bound.values()
        watched._bound.watchers.append(watch)
        values = [trainers[0].step(x, t)]
        watched._bound.watchers.remove(watch)
        values.append(trainers[1].step(x, t))
        assert same_bits(*values)
        assert watched.equals(other)
    assert all(0.1 < (a[0] == 0).mean() < 0.3 for a in seen)
    assert not np.array_equal(seen[0][0] == 0, seen[1][0] == 0)


def test_a_step_that_is_stopped_by_a_watcher_leaves_the_running_statistics():
    model, (x, t) = made("batch norm"), batch(40)
    trainer, before = model.trainer("cross_entropy"), model._bound.values()

    def stop(_records):
        raise KeyboardInterrupt

    model._bound.watchers.append(stop)
    with pytest.raises(KeyboardInterrupt):
        trainer.step(x, t)
    assert all(same_bits(now, before[name]) for name, now in model._bound.values().items())


def test_one_row_has_no_variance():
    model = made("batch norm")
    trainer, before = model.trainer("cross_entropy"), model._bound.values()
    with pytest.raises(ValueError, match="needs at least 2 rows"):
        trainer.step(*batch(1))
    assert all(same_bits(now, before[name]) for name, now in model._bound.values().items())


def test_what_the_kernels_do_not_know_is_left_to_others():
    dropping_all = Dropout(1 - 2.0**-40)  # no word is as large as its threshold
    for layers in (
        (Dense(FEATURES, 4), GaussianNoise(0.1), Dense(4, 2)),
        (Dense(FEATURES, 4), RELU, BatchNorm(), Dense(4, 2)),
        (Dense(FEATURES, 4), Dropout(0.1), RELU, Dense(4, 2)),
        (Dense(FEATURES, 4), RELU, dropping_all, Dense(4, 2)),
    ):
        model = MLP.from_network(Network(layers), seed=0)
        assert model.trainer("mse")._rule is None
        model.trainer("mse").step(batch(8)[0], np.zeros((8, 2), np.float32))
