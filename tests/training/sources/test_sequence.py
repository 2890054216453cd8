"""Batches by their numbers: a class with a length and items, as Keras users write them."""

import numpy as np
import pytest
from support.training import same, weights

from mlpcore import MLP
from mlpcore.callbacks import Callback, Checkpoint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype(np.float32)
T = (X[:, 0] > 0).astype(np.int64)
FIT = {"optimizer": "sgd", "lr": 0.1, "epochs": 3, "progress": False}


class Batches:
    """The last batch is smaller, and beyond it there are empty ones without end."""

    def __init__(self, size=20):
        self._size, self.order = size, np.arange(len(X))

    def __len__(self):
        return -(-len(X) // self._size)

    def __getitem__(self, i):
        part = self.order[i * self._size : (i + 1) * self._size]
        return X[part], T[part]


class Shuffled(Batches):
    """Draws a new order after each epoch."""

    def __init__(self, size=20):
        super().__init__(size)
        self._random = np.random.default_rng(1)
        self.told = 0

    def on_epoch_end(self):
        self.told += 1
        self._random.shuffle(self.order)


class Iterable(Shuffled):
    """As the sequences of older versions."""

    def __iter__(self):
        return (self[i] for i in range(len(self)))


def model():
    return MLP([4, 6, 2], output="softmax", seed=0)


def fitted(x, **options):
    net = model()
    net.fit(x, **FIT | options)
    return weights(net)


def test_they_are_trained_on_in_the_order_of_their_numbers():
    given = Batches()
    assert same(fitted(given), fitted([given[i] for i in range(3)]))


@pytest.mark.parametrize("kind", [Shuffled, Iterable])
def test_between_passes_they_are_told_that_an_epoch_has_ended(kind):
    given, twin = kind(), Shuffled()
    expected = []
    for _ in range(3):
        expected.append([twin[i] for i in range(3)])
        twin.on_epoch_end()
    assert same(fitted(given), fitted(lambda epoch: expected[epoch]))
    assert given.told == 2


@pytest.mark.parametrize("steps", [2, 4])
def test_an_epoch_may_be_shorter_or_longer_than_a_pass(steps):
    twin, batches = Shuffled(), []
    for _ in range(5):
        batches += [twin[i] for i in range(3)]
        twin.on_epoch_end()
    assert same(
        fitted(Shuffled(), steps_per_epoch=steps),
        fitted(iter(batches), steps_per_epoch=steps),
    )


def test_a_resumed_fit_has_the_batches_that_would_have_come(tmp_path):
    class Interrupt(Callback):
        def on_batch_end(self, run):
            if (run.epoch, run.step) == (2, 2):
                raise InterruptedError

    path = tmp_path / "run.safetensors"
    with pytest.raises(InterruptedError):
        fitted(Shuffled(), callbacks=[Checkpoint(path, steps=1), Interrupt()])
    assert same(fitted(Shuffled(), resume_from=path), fitted(Shuffled()))


def test_they_are_evaluated_and_validated_like_arrays():
    net = model()
    history = net.fit(X, T, validation_data=Batches(), **FIT)
    assert history["val_loss"][-1] == net.evaluate(Batches())["loss"] == net.evaluate(X, T)["loss"]


def test_a_progress_bar_knows_how_many_there_are(capsys):
    fitted(Batches(), progress=True)
    assert "9/9" in capsys.readouterr().err


@pytest.mark.parametrize("label", [1, 0.5, np.int64(1), np.array(1)])
def test_samples_of_several_axes_with_one_number_for_a_target_are_refused(label):
    class Images:
        def __len__(self):
            return 50

        def __getitem__(self, i):
            return np.zeros((1, 2, 2), np.float32), label

    for function in (model().fit, model().evaluate):
        with pytest.raises(TypeError, match="item 0 of the Images is a single sample"):
            function(Images())


def test_items_that_are_samples_are_refused():
    class Dataset:
        def __len__(self):
            return 50

        def __getitem__(self, i):
            return X[i], T[i]

    words = r"item 0 of the Dataset is a single sample, but items must be batches; .*DataLoader\("
    with pytest.raises(TypeError, match=words):
        fitted(Dataset())


def test_an_empty_sequence_gives_no_batches():
    class Empty(Batches):
        def __len__(self):
            return 0

    with pytest.raises(ValueError, match="epoch 1: x gave no batches"):
        fitted(Empty())


def test_items_without_a_length_are_no_sequence():
    class Endless:
        def __getitem__(self, i):
            return X, T

    with pytest.raises(TypeError, match=r"a sequence of them with a length, or .* got Endless"):
        fitted(Endless())
