"""What predictions and steps leave behind: nothing.

Each case is a function to run in a process of its own: ``python FILE NAME`` exits 0 if it holds.
Where it does not, the process may hang or crash, so whoever starts it sets a limit.
"""

import gc
import os
import sys
import threading
import weakref

import numpy as np
from support.engine_helpers import make

from mlpcore import MLP


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


CASES = (
    scratch_does_not_grow_with_the_batch,
    predictions_leak_nothing,
    steps_leak_nothing,
    models_are_freed_with_their_tables,
    models_in_a_loop_do_not_pile_up,
    threads_that_end_leave_no_scratch,
)

if __name__ == "__main__":
    {case.__name__: case for case in CASES}[sys.argv[1]]()
