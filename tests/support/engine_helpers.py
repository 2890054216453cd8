"""A model, threads and children for whoever tests what happens when they meet."""

import faulthandler
import os
import signal
import threading
import warnings

import numpy as np

from mlpcore import MLP
from mlpcore.backends.cpu import cost_model

SIZES = [24, 40, 30, 5]


def make(seed=0, sizes=SIZES, **settings):
    """Return a model and inputs for it."""
    model = MLP(sizes, "gelu", "softmax", seed=seed, **settings)
    x = np.random.default_rng(seed).standard_normal((200, sizes[0])).astype(model.dtype)
    return model, x


def share_all_work():
    """Let even the smallest call be shared with the workers."""
    cost_model.FEW_FLOPS_PER_THREAD = cost_model.MANY_FLOPS_PER_THREAD = 1
    cost_model.SPREAD_FLOPS_PER_THREAD = 1


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
