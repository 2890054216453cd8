"""What a forked child may do, whatever the threads of its parent were doing.

Each case is a function to run in a process of its own: ``python FILE NAME`` exits 0 if it holds.
Where it does not, the process may hang or crash, so whoever starts it sets a limit.
"""

import multiprocessing
import sys
import threading
import time

import numpy as np
import pytest
from support.engine_helpers import in_child, make, predicts_and_trains, share_all_work

import mlpcore
from mlpcore.backends.cpu import network_table


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


CASES = (
    forked_in_predictions_of_other_threads,
    forked_in_the_first_calls_of_other_threads,
    forked_while_another_thread_makes_tables,
    forked_in_steps_of_other_threads,
    pools_of_processes,
)

if __name__ == "__main__":
    {case.__name__: case for case in CASES}[sys.argv[1]]()
