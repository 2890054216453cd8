"""What many Python threads may do with one model, or many, at once.

Each case is a function to run in a process of its own: ``python FILE NAME`` exits 0 if it holds.
Where it does not, the process may hang or crash, so whoever starts it sets a limit.
"""

import sys
import threading
import time

import numpy as np
from support.engine_helpers import in_threads, make, share_all_work

import mlpcore


def predict_for(seconds, model, x, expected):
    """Predict batches of all sizes again and again; each row must have its bits."""
    rng, end = np.random.default_rng(threading.get_ident() % 2**32), time.monotonic() + seconds
    calls = 0
    while time.monotonic() < end:
        start = int(rng.integers(0, len(x)))
        stop = int(rng.integers(start + 1, len(x) + 1))
        threads = int(rng.integers(1, 4))
        with mlpcore.threads(threads):
            y = model(x[start:stop])
        assert y.tobytes() == expected[start:stop].tobytes()
        calls += 1
    assert calls > 10


def eight_threads_predict_with_one_model():
    model, x = make()
    expected = make()[0](x)
    share_all_work()
    for shared in (model, model.freeze()):
        assert in_threads(8, lambda i, m=shared: predict_for(0.5, m, x, expected)) == []


def eight_threads_predict_with_models_of_their_own():
    share_all_work()
    made = [
        make(i, [24, 20 + 30 * i, 5 + i], dtype=("float32", "float64")[i % 2]) for i in range(8)
    ]
    expected = [model.copy()(x) for model, x in made]
    assert in_threads(8, lambda i: predict_for(0.8, *made[i], expected[i])) == []


def eight_threads_differentiate_with_one_model():
    share_all_work()
    model, x = make()
    t = np.arange(200) % 5
    expected = {rows: model.value_and_grad(x[:rows], t[:rows])[1].flat for rows in (1, 17, 200)}

    def work(i):
        with mlpcore.threads(1 + i % 3):
            for _ in range(20):
                for rows, flat in expected.items():
                    found = model.value_and_grad(x[:rows], t[:rows])[1].flat
                    assert found.tobytes() == flat.tobytes()

    assert in_threads(8, work) == []


def one_cache_is_differentiated_by_many_threads():
    model, x = make()
    logits, cache = model.forward(x)
    gradients = [np.full_like(logits, i) for i in range(4)]
    expected = [model.backward(cache, dz).flat.tobytes() for dz in gradients]

    def work(i):
        for _ in range(50):
            dz = gradients[i % 4]
            found = model.backward(cache, dz, intermediates=i % 2 == 0)
            assert found.flat.tobytes() == expected[i % 4]

    assert in_threads(8, work) == []


def every_prediction_beside_a_trainer_is_of_a_whole_state():
    """The states are known, because the same steps taken alone give the same bits."""
    share_all_work()
    x, t = make()[1], np.arange(200) % 5
    steps = 60
    twin = make()[0]
    trainer = twin.trainer(optimizer="adam", lr=0.05)
    states = {rows: {twin(x[:rows]).tobytes()} for rows in (1, 10, 200)}
    for _ in range(steps):
        trainer.step(x, t)
        for rows, seen in states.items():
            seen.add(twin(x[:rows]).tobytes())
    model = make()[0]
    stepping = model.trainer(optimizer="adam", lr=0.05)
    done, found = threading.Event(), []

    def work(i):
        if i == 0:
            for _ in range(steps):
                stepping.step(x, t)
                time.sleep(0.001)
            done.set()
            return
        rows = (1, 10, 200)[i % 3]
        while not done.is_set():
            y = model(x[:rows])
            assert y.tobytes() in states[rows]
            found.append(y.tobytes())
            logits = model.forward(x[:rows])[0]
            assert np.isfinite(logits).all()

    assert in_threads(5, work) == []
    assert model.equals(twin)
    assert len(set(found)) > 3


def every_prediction_beside_set_parameters_is_of_a_whole_state():
    share_all_work()
    model, x = make()
    values = [model.copy()._bound.values() for _ in range(2)]
    values[1] = {name: 1 - value for name, value in values[1].items()}
    states = set()
    for each in values:
        twin = model.copy()
        twin.set_parameters(each)
        states.add(twin(x).tobytes())
    done = threading.Event()

    def work(i):
        if i == 0:
            for number in range(300):
                model.set_parameters(values[number % 2])
            done.set()
            return
        while not done.is_set():
            assert model(x).tobytes() in states
            assert model.predict(x, batch_size=30).tobytes() in states

    assert in_threads(5, work) == []


def two_trainers_of_one_model_take_turns():
    model, x = make()
    t = np.arange(200) % 5
    trainers = [model.trainer(optimizer="sgd", lr=0.01) for _ in range(4)]

    def work(i):
        for _ in range(50):
            trainers[i % 4].step(x, t)

    assert in_threads(8, work) == []
    assert sum(trainer.steps for trainer in trainers) == 400
    twin = make()[0]
    again = twin.trainer(optimizer="sgd", lr=0.01)
    for _ in range(400):
        again.step(x, t)
    assert model.equals(twin)  # plain gradient descent remembers nothing


def a_prediction_comes_back_beside_a_trainer_in_a_tight_loop():
    model, x = make(sizes=[200, 300, 300, 5])
    big, t = np.tile(x, (10, 1)), np.zeros(2000, int)
    trainer = model.trainer()
    model(x[:2])
    start = time.monotonic()
    trainer.step(big, t)
    trainer.step(big, t)
    step = (time.monotonic() - start) / 2
    stop, waits = threading.Event(), []

    def train():
        while not stop.is_set():
            trainer.step(big, t)

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    before, end = trainer.steps, time.monotonic() + max(1, 30 * step)
    while time.monotonic() < end:
        start = time.monotonic()
        model(x[:2])
        waits.append(time.monotonic() - start)
        time.sleep(0.001)
    taken = trainer.steps - before
    stop.set()
    for thread in threads:
        thread.join()
    assert max(waits) < 1
    assert taken > 5  # and the trainer was not starved either


def steps_are_taken_beside_predictions_in_tight_loops():
    model, x = make()
    trainer, t = model.trainer(), np.zeros(200, int)
    stop = threading.Event()

    def work(i):
        if i == 0:
            try:
                start = time.monotonic()
                for _ in range(50):
                    trainer.step(x, t)
                assert time.monotonic() - start < 20
            finally:
                stop.set()
        while not stop.is_set():
            model(x)

    assert in_threads(5, work) == []


CASES = (
    eight_threads_predict_with_one_model,
    eight_threads_predict_with_models_of_their_own,
    eight_threads_differentiate_with_one_model,
    one_cache_is_differentiated_by_many_threads,
    every_prediction_beside_a_trainer_is_of_a_whole_state,
    every_prediction_beside_set_parameters_is_of_a_whole_state,
    two_trainers_of_one_model_take_turns,
    a_prediction_comes_back_beside_a_trainer_in_a_tight_loop,
    steps_are_taken_beside_predictions_in_tight_loops,
)

if __name__ == "__main__":
    {case.__name__: case for case in CASES}[sys.argv[1]]()
