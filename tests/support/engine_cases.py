"""What prediction and training must survive, each as a function to run in a process of its own.

``python tests/support/engine_cases.py NAME`` runs one and exits 0 if it holds.  Where it does not,
the process may hang or crash, so whoever starts it sets a limit.
"""

import faulthandler
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
import weakref

import numpy as np
import pytest

import mlpcore
from mlpcore import MLP
from mlpcore.backends.cpu import cost_model, network_table

HERE = os.getpid()

SIZES = [24, 40, 30, 5]


def make(seed=0, sizes=SIZES, **settings):
    """Return a model and inputs for it."""
    model = MLP(sizes, "gelu", "softmax", seed=seed, **settings)
    x = np.random.default_rng(seed).standard_normal((200, sizes[0])).astype(model.dtype)
    return model, x


def share_all_work():
    """Let even the smallest call be shared with the workers."""
    cost_model.FEW_FLOPS_PER_THREAD = cost_model.MANY_FLOPS_PER_THREAD = 1


def in_threads(count, work):
    """Run ``work(i)`` in so many threads; return what they raised."""
    errors, barrier = [], threading.Barrier(count)

    def run(i):
        try:
            barrier.wait()
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


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


def in_child(work):
    """Run `work` in a forked child and demand that it ends well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are threads, on purpose
        pid = os.fork()
    if pid == 0:
        signal.alarm(100)  # a hang, and not a compiler
        faulthandler.dump_traceback_later(80)
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def predicts_and_trains():
    """A model new in this process, and what it learns."""
    model, x = make(1)
    model(x[:3])
    model.trainer().step(x, np.zeros(200, int))
    return model(x)


def forked_in_predictions_of_other_threads():
    share_all_work()
    model, x = make()
    expected = model(x)
    stop = threading.Event()

    def work(i):
        while not stop.is_set():
            with mlpcore.threads(1 + i % 3):
                model(x[: 1 + 37 * i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()

    def child():
        assert model(x).tobytes() == expected.tobytes()
        assert model(x[:1]).tobytes() == expected[:1].tobytes()
        predicts_and_trains()

    try:
        for _ in range(10):
            in_child(child)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert model(x).tobytes() == expected.tobytes()


def forked_in_the_first_calls_of_other_threads():
    """Whoever makes tables, or compiles, when the process forks does not exist in the child."""
    for i in range(6):
        started = threading.Event()

        def work(i=i, started=started):
            started.set()
            for k in range(4):
                model, x = make(k, [24 + i, 8, 5])
                model(x)
                logits, cache = model.forward(x)
                model.backward(cache, logits)

        thread = threading.Thread(target=work)
        thread.start()
        started.wait()
        time.sleep(0.002 * i)
        in_child(predicts_and_trains)
        thread.join()


def forked_while_another_thread_makes_tables():
    """Nobody in the child waits for a lock that this thread held."""
    made, entered = network_table.NetworkTable.__init__, threading.Event()

    def slowly(self, *arguments):
        entered.set()
        time.sleep(0.3)
        made(self, *arguments)

    network_table.NetworkTable.__init__ = slowly
    thread = threading.Thread(target=predicts_and_trains)
    thread.start()
    entered.wait()
    in_child(predicts_and_trains)
    thread.join()


def forked_in_steps_of_other_threads():
    """The child has all of a step, or is told that it has half of one and can begin anew."""
    model, x = make()
    t = np.zeros(200, int)
    trainer, stop = model.trainer(), threading.Event()
    trainer.step(x, t)
    values = model._bound.values()

    def work():
        while not stop.is_set():
            trainer.step(x, t)

    def child():
        if model._bound._lock.torn:
            with pytest.raises(RuntimeError, match="forked while another thread wrote"):
                model(x)
            model.set_parameters(values)
        assert np.isfinite(model(x)).all()
        trainer.step(x, t)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(10):
            in_child(child)
            time.sleep(0.003)
    finally:
        stop.set()
        thread.join()


def pools_of_processes():
    share_all_work()
    expected = predicts_and_trains().tobytes()
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            found = pool.starmap(predicts_and_trains, [()] * 4)
        assert all(y.tobytes() == expected for y in found)
    assert predicts_and_trains().tobytes() == expected


def exits_while_daemon_threads_predict_and_train():
    share_all_work()
    model, x = make(sizes=[100, 300, 300, 5])
    trainer, t = model.trainer(), np.zeros(200, int)
    barrier = threading.Barrier(5)

    def predict():
        barrier.wait()
        while True:
            model(x)

    def train():
        barrier.wait()
        while True:
            trainer.step(x, t)

    for work in (predict, predict, predict, train):
        threading.Thread(target=work, daemon=True).start()
    barrier.wait()
    time.sleep(0.2)


def a_storm_of_interrupts():
    """Ctrl-C again and again: each call is whole or has not been, and the next one works."""
    share_all_work()
    model, x = make()
    t = np.arange(200) % 5
    expected, trainer = model(x), model.trainer(optimizer="sgd", lr=1e-3)
    trainer.step(x, t)
    hits = 0

    def bother():
        rng = np.random.default_rng(0)
        for _ in range(400):
            time.sleep(float(rng.random()) * 2e-3)
            if stop.is_set():
                return
            os.kill(HERE, signal.SIGINT)

    stop = threading.Event()
    thread = threading.Thread(target=bother)
    thread.start()
    while thread.is_alive():
        try:
            while thread.is_alive():
                with mlpcore.threads(2):
                    model(x)
                    model.value_and_grad(x, t)
                    trainer.step(x, t)
        except KeyboardInterrupt:
            hits += 1
    while True:  # one more may be on its way
        try:
            stop.set()
            thread.join()
            time.sleep(0.05)
            break
        except KeyboardInterrupt:
            hits += 1
    assert hits > 20
    twin = make()[0]
    again = twin.trainer(optimizer="sgd", lr=1e-3)
    for _ in range(trainer.steps):
        again.step(x, t)
    assert model.equals(twin)
    assert make()[0](x).tobytes() == expected.tobytes()


def a_handler_predicts_in_the_middle_of_everything():
    """What a handler of a signal computes is right, and so is what it interrupted."""
    model, x = make()
    other, _ = make(1, [24, 200, 200, 5])
    expected, others = model(x).tobytes(), other(x).tobytes()
    trainer, t = make(2)[0].trainer(), np.zeros(200, int)
    seen = []

    def handler(*_):
        seen.append(other(x).tobytes() == others and model(x[:3]).tobytes() == expected[: 3 * 20])
        trainer.step(x[:5], t[:5])
        signal.setitimer(signal.ITIMER_REAL, delay())

    def delay():
        return 1e-5 + 2e-3 * float(rng.random())

    rng = np.random.default_rng(0)
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, delay())
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert model(x).tobytes() == expected
        assert model.copy()(x).tobytes() == expected
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    assert len(seen) > 20
    assert all(seen)


def resident():
    """Return the bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def scratch_does_not_grow_with_the_batch():
    model = MLP([4, 256, 256, 1], seed=0)
    x = np.zeros((200_000, 4), np.float32)
    for rows in (1, 40, 2000):
        model(x[:rows])
    before = resident()
    for rows in (10_000, 50_000, 200_000):
        model(x[:rows])
    # Every hidden layer of the largest batch would take 200 MB.
    assert resident() - before < 8e6


def predictions_leak_nothing():
    model, x = make(sizes=[4, 8, 2])
    for rows in range(1, 200):
        model(x[:rows])
    one = x[:1]
    for _ in range(20_000):
        model(one)
    before = resident()
    for _ in range(300_000):
        model(one)
    for _ in range(100):
        for rows in range(1, 200):
            model(x[:rows])
    assert resident() - before < 2e6


def steps_leak_nothing():
    model, x = make()
    t, trainer = np.zeros(200, int), model.trainer()

    def work(times):
        for i in range(times):
            rows = 1 + i % 50
            trainer.step(x[:rows], t[:rows])
            model.value_and_grad(x[:rows], t[:rows])

    work(300)
    before = resident()
    work(1500)
    assert resident() - before < 4e6


def models_are_freed_with_their_tables():
    gc.collect()
    gc.disable()
    for use in ("predict", "train", "freeze"):
        model, x = make()
        if use == "freeze":
            model = model.freeze()
        model(x)
        model(x[:1])
        if use == "train":
            model.trainer().step(x, np.zeros(200, int))
            logits, cache = model.forward(x)
            model.backward(cache, logits)
            del cache
        gone = [weakref.ref(model), weakref.ref(model._bound.parameters)]
        del model
        assert [ref() for ref in gone] == [None, None], use


def models_in_a_loop_do_not_pile_up():
    x = np.ones((64, 1000), np.float32)

    def work():
        model = MLP([1000, 1000, 1000], seed=0)
        model(x)
        model(x[:1])

    work()
    before = resident()
    for _ in range(10):
        work()  # 8 MB of parameters and twice as much packed
    assert resident() - before < 50e6


def threads_that_end_leave_no_scratch():
    model, x = make(sizes=[500, 500, 5])
    model(x)

    def once():
        threads = [threading.Thread(target=model, args=(x,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for _ in range(3):
        once()
    before = resident()
    for _ in range(20):
        once()
    assert resident() - before < 8e6


LINUX_ONLY = (
    scratch_does_not_grow_with_the_batch,
    predictions_leak_nothing,
    steps_leak_nothing,
    models_in_a_loop_do_not_pile_up,
    threads_that_end_leave_no_scratch,
)
FORKING = (
    forked_in_predictions_of_other_threads,
    forked_in_the_first_calls_of_other_threads,
    forked_while_another_thread_makes_tables,
    forked_in_steps_of_other_threads,
    pools_of_processes,
)
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
    *FORKING,
    exits_while_daemon_threads_predict_and_train,
    a_storm_of_interrupts,
    a_handler_predicts_in_the_middle_of_everything,
    models_are_freed_with_their_tables,
    *LINUX_ONLY,
)

if __name__ == "__main__":
    {case.__name__: case for case in CASES}[sys.argv[1]]()
