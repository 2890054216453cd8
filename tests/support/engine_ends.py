"""Interrupts, signals and the end of the process in the middle of predictions and steps.

Each case is a function to run in a process of its own: ``python FILE NAME`` exits 0 if it holds.
Where it does not, the process may hang or crash, so whoever starts it sets a limit.
"""

import os
import signal
import sys
import threading
import time

import numpy as np
from support.engine_helpers import make, share_all_work

import mlpcore

HERE = os.getpid()


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
    model.value_and_grad(x, t)  # what is compiled now takes no time of the storm
    hits, armed, over = 0, False, False

    def interrupt(*call):
        """Raise where it is expected only: between two rounds nothing would catch it."""
        nonlocal hits, armed
        if armed:
            hits, armed = hits + 1, False
            signal.default_int_handler(*call)

    def bother():
        nonlocal over
        rng = np.random.default_rng(0)
        for _ in range(400):
            time.sleep(float(rng.random()) * 2e-3)
            os.kill(HERE, signal.SIGINT)
        over = True

    signal.signal(signal.SIGINT, interrupt)
    thread = threading.Thread(target=bother)
    thread.start()
    while not over:  # is_alive() of a thread, interrupted, may take it for dead
        try:
            armed = True
            while not over:
                with mlpcore.threads(2):
                    model(x)
                    model.value_and_grad(x, t)
                    trainer.step(x, t)
            armed = False
        except KeyboardInterrupt:
            pass
    thread.join()
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
    trainer.step(x[:5], t[:5])  # what is compiled now takes no time of the handler
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


CASES = (
    exits_while_daemon_threads_predict_and_train,
    a_storm_of_interrupts,
    a_handler_predicts_in_the_middle_of_everything,
)

if __name__ == "__main__":
    {case.__name__: case for case in CASES}[sys.argv[1]]()
