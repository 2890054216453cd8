"""num_threads=: a model asks for threads, keeps that in its copies, and gets the same bits."""

import copy
import pickle

import numpy as np
import pytest

import mlpcore
from mlpcore import MLP
from mlpcore.backends.cpu import pass_record, predictor
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set

X = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)


def model(**changes):
    return MLP([6, 8, 3], seed=0, **changes)


@pytest.fixture
def asked(monkeypatch):
    """The numbers of threads that the cost model was asked about."""
    if instruction_set() is None:
        pytest.skip("without kernels nobody asks it")
    found = []

    def spy(module, name):
        choose = getattr(module, name)

        def record(rows, threads, *rest):
            found.append(threads)
            return choose(rows, threads, *rest)

        monkeypatch.setattr(module, name, record)

    spy(predictor, "choose")
    spy(pass_record, "choose_pass")
    return found


def everything(net):
    """Use all ways in which a model computes."""
    net(X)
    net(X.astype(np.float64))
    net.value_and_grad(X, np.zeros((64, 3)))
    net.forward(X, cache=False)
    trainer = net.trainer()
    trainer.step(X, np.zeros((64, 3)))
    hook = net.on_layer(lambda values: None)
    trainer.step(X, np.zeros((64, 3)))
    hook.remove()
    net.freeze()(X.astype(np.float64))


def test_the_model_goes_before_the_context(asked):
    net = model(num_threads=3)
    with mlpcore.threads(5):
        everything(net)
    assert set(asked) == {3}


def test_none_leaves_it_to_the_context(asked):
    with mlpcore.threads(5):
        everything(model())
    assert set(asked) == {5}


def test_it_may_be_set_between_calls_and_steps(asked):
    net = model(num_threads=3)
    trainer = net.trainer()
    net.num_threads = 4
    everything(net)
    trainer.step(X, np.zeros((64, 3)))
    assert set(asked) == {4}
    net.num_threads = None
    asked.clear()
    with mlpcore.threads(2):
        everything(net)
        trainer.step(X, np.zeros((64, 3)))
    assert set(asked) == {2}


def test_copies_keep_it(tmp_path):
    net = model(num_threads=3)
    copies = [net.copy(), net.astype("float64"), net.to("cpu"), copy.deepcopy(net)]
    copies += [
        pickle.loads(pickle.dumps(net)),
        net.freeze(),
        pickle.loads(pickle.dumps(net.freeze())),
    ]
    assert [each.num_threads for each in copies] == [3] * len(copies)
    copies[0].num_threads = 1
    assert net.num_threads == 3
    net.save(tmp_path / "model.safetensors")  # a file says what is computed, not where
    assert MLP.load(tmp_path / "model.safetensors").num_threads is None
    assert MLP.load(tmp_path / "model.safetensors", num_threads=2).num_threads == 2
    assert MLP.from_network(net.network, num_threads=2).num_threads == 2
    assert model().num_threads is None


@pytest.mark.parametrize(
    ("number", "error"),
    [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError), (True, TypeError)],
)
def test_what_is_no_number_of_threads_is_refused(number, error):
    with pytest.raises(error, match="num_threads"):
        model(num_threads=number)
    net = model(num_threads=2)
    with pytest.raises(error, match="num_threads"):
        net.num_threads = number
    assert net.num_threads == 2


def test_no_bit_depends_on_it():
    x = np.random.default_rng(1).normal(size=(3000, 64)).astype(np.float32)
    one, many = (MLP([64, 128, 64, 10], "gelu", seed=0, num_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one(x), many(x))
    grads = [net.value_and_grad(x, np.zeros((3000, 10)))[1].flat for net in (one, many)]
    np.testing.assert_array_equal(*grads)
