"""What must survive an interruption anywhere, each as a function to run in a process of its own.

``python tests/support/interrupted.py NAME`` runs one and exits 0 if it holds.  In the tests' own
process an interrupt may hit pytest, or the lock of the tool that measures coverage, and hang there.
"""

import os
import signal
import sys
import tempfile
import threading

import numpy as np

from mlpcore import MLP
from mlpcore.backends.seqlock import SequenceLock


def interrupted_after(seconds, work):
    """Run `work` and return whether the timer's KeyboardInterrupt ended it."""
    armed = True

    def interrupt(*_):
        if armed:  # one that comes late has nothing to interrupt
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        work()
        armed = False
    except KeyboardInterrupt:
        return True
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False


def in_time(work):
    """Run `work` in a thread; it must come back."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(20)
    assert results, "hangs"


def set_parameters():
    """All or none of the parameters are written."""
    net = MLP([64] * 20, seed=0)
    ones = {name: np.ones(view.shape) for name, view in net.parameters().items()}
    twos = {name: 2 * value for name, value in ones.items()}
    net.set_parameters(ones)
    for i in range(200):
        interrupted_after(1e-5 + i * 2e-5, lambda i=i: net.set_parameters(twos if i % 2 else ones))
        found = {float(v) for value in net._bound.values().values() for v in np.unique(value)}
        assert len(found) == 1


def predict():
    """A prediction that was interrupted leaves nothing locked."""
    net, x = MLP([4, 6, 3], output="softmax", seed=0), np.ones((200, 4))
    hits = sum(interrupted_after(1e-6 + (i % 150) * 2e-6, lambda: net(x)) for i in range(1000))
    assert hits > 20
    in_time(lambda: net.trainer().step(x, np.zeros(200, int)))


def step():
    """A step that was interrupted is whole or was not taken, and the next one can be taken."""
    x, t = np.ones((50, 4)), np.zeros(50, int)
    net = MLP([4, 6, 3], output="softmax", seed=0)
    trainer = net.trainer(optimizer="adam")
    hits = sum(interrupted_after(1e-6 + i * 3e-6, lambda: trainer.step(x, t)) for i in range(400))
    assert hits > 5
    twin = MLP([4, 6, 3], output="softmax", seed=0)
    again = twin.trainer(optimizer="adam")
    for _ in range(trainer.steps):
        again.step(x, t)
    assert net.equals(twin)
    in_time(lambda: trainer.step(x, t))


def read_anywhere():
    """An interrupt at any line of a read leaves the lock free."""
    for event in ("call", "line", "return"):
        for stop in range(1, 200):
            lock, seen = SequenceLock(), [0]

            def trace(frame, kind, _, seen=seen, stop=stop, event=event):
                if kind == event and "seqlock" in frame.f_code.co_filename:
                    seen[0] += 1
                    if seen[0] == stop:
                        raise KeyboardInterrupt
                return trace

            sys.settrace(trace)
            try:
                lock.read(lambda: 1)
            except KeyboardInterrupt:
                pass
            else:
                break
            finally:
                sys.settrace(None)
            in_time(lambda lock=lock: lock.write().__enter__() or True)
        assert 1 < stop < 199  # every place was tried


def write_anywhere():
    """A signal at any line of a write leaves the lock free, and the write whole or not begun."""
    hits = []

    def interrupt(*_):
        hits.append(True)
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    for stop in range(1, 300):
        notes, inside, seen = [], [], [0]
        lock = SequenceLock(lambda notes=notes: notes.append(True))

        def trace(frame, kind, _, seen=seen, stop=stop):
            if kind == "line" and frame.f_code.co_filename.endswith(("seqlock.py", "signals.py")):
                seen[0] += 1
                if seen[0] == stop:
                    signal.raise_signal(signal.SIGALRM)
            return trace

        sys.settrace(trace)
        try:
            with lock.write():
                inside.append(True)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        assert lock.sequence == 2 * len(inside)
        assert notes == inside
        assert signal.getsignal(signal.SIGALRM) is interrupt
        in_time(lambda lock=lock: lock.write().__enter__() or True)
        if seen[0] < stop:
            break
        assert len(hits) == stop  # each was delivered
    assert 30 < stop < 299  # every place was tried


def save_in_a_handler():
    """A handler that saves the model, as on a scheduler's warning, sees whole steps."""
    x, t = np.ones((50, 4)), np.zeros(50, int)
    net = MLP([4, 6, 3], output="softmax", seed=0)
    trainer = net.trainer(optimizer="adam")
    saved = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.safetensors")
        net.save(path)  # imports what it needs, which no signal may interrupt
        MLP.load(path)

        def save(*_):
            net.save(path)
            saved.append(MLP.load(path))
            signal.setitimer(signal.ITIMER_REAL, 0.002)

        signal.signal(signal.SIGALRM, save)
        signal.setitimer(signal.ITIMER_REAL, 0.002)
        while len(saved) < 50:
            trainer.step(x, t)
        signal.setitimer(signal.ITIMER_REAL, 0)
    twin = MLP([4, 6, 3], output="softmax", seed=0)
    states = [twin.copy()]
    again = twin.trainer(optimizer="adam")
    for _ in range(trainer.steps):
        again.step(x, t)
        states.append(twin.copy())
    assert all(any(model.equals(state) for state in states) for model in saved[:10])


CASES = (set_parameters, predict, step, read_anywhere, write_anywhere, save_in_a_handler)

if __name__ == "__main__":
    {case.__name__: case for case in CASES}[sys.argv[1]]()
