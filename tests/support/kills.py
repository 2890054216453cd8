"""A fit that is killed again and again, each time by SIGKILL and at random, and goes on each time.

    python -m support.kills FOLDER SOURCE      one life of it

The data, the network and the options are the same in every life.  After each step, and so after
each checkpoint, a life says how far it is.
"""

import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlpcore import MLP, ModelFileError, ema, load_checkpoint
from mlpcore.callbacks import Callback, Checkpoint, CSVLog, EarlyStopping, ReduceOnPlateau
from mlpcore.optim import schedules

SOURCES = ("arrays", "memory map", "batches")
EPOCHS = 12
ROWS, FEATURES, CLASSES, BATCH = 160, 24, 4, 16
LONGEST_LIFE_S = 0.5


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    return x, (x @ rng.normal(size=(FEATURES, CLASSES))).argmax(1)


def given(folder, source):
    """Return x and t as `fit` takes them."""
    x, t = data()
    if source == "arrays":
        return x, t
    if source == "memory map":
        path = folder / "x.npy"
        if not path.exists():
            np.save(path, x)
        return np.load(path, mmap_mode="r"), t

    def batches(epoch):
        order = np.random.default_rng(epoch).permutation(ROWS)
        for start in range(0, ROWS, BATCH):
            part = order[start : start + BATCH]
            yield x[part], t[part]

    return batches, None


class Report(Callback):
    """Says after each step and each epoch how far the fit is; who reads it may be slow."""

    after_others = True

    def on_batch_end(self, run):
        print(run.epoch, run.step, flush=True)

    def on_epoch_end(self, run):
        print(run.epoch + 1, 0, flush=True)


def live(folder, source, *callbacks, resume=None):
    """Fit from the beginning, or from a checkpoint, and return the model and the history."""
    x, t = given(folder, source)
    model = MLP(
        [FEATURES, 48, 48, CLASSES],
        output="softmax",
        norm="batch",
        dropout=0.2,
        residual=True,
        seed=7,
    )
    history = model.fit(
        x,
        t,
        epochs=EPOCHS,
        batch_size=BATCH,
        optimizer="adamw",
        lr=3e-3,
        clip_norm=1.0,
        schedule=schedules.cosine(EPOCHS * ROWS // BATCH),
        accumulate=3,
        average=ema(0.9),
        validation_data=data(),
        metrics=["accuracy", "f1_macro", "roc_auc"],
        callbacks=[
            EarlyStopping(patience=EPOCHS),
            ReduceOnPlateau(patience=1),
            CSVLog(folder / "log.csv"),
            *callbacks,
        ],
        resume_from=resume,
        progress=False,
    )
    return model, history


def curves(history):
    """Return the history as text, but for its seconds; equal texts are equal bits."""
    return repr([{k: v for k, v in values.items() if k != "seconds"} for values in history])


def one_life(folder, source):
    """Go on with the checkpoint if there is one; at the end leave the model and the history."""
    path = folder / "run.safetensors"
    saving = Checkpoint(path, steps=1, keep=2), Report()
    model, history = live(folder, source, *saving, resume=path if path.exists() else None)
    (folder / "history").write_text(curves(history))
    model.save(folder / "end.safetensors")


@dataclass
class Tally:
    """What came of the kills."""

    kills: int = 0
    in_a_write: int = 0
    finished: int = 0


def kill_and_resume(folder, source, kills, seed, tally):
    """Let one fit live until it is at its end, or `kills` is used up, and check it after each kill.

    Raises
    ------
    AssertionError
        If a checkpoint is lost or damaged, or the fit ends otherwise than without interruption.
    """
    rng = random.Random(seed)
    straight = folder / "straight"
    straight.mkdir()
    expected = live(straight, source)  # which also compiles what a short life would not come to
    path, position = folder / "run.safetensors", (0, 0)
    while True:
        last = tally.kills >= kills
        process, told = _life(folder, source, None if last else rng)
        if told:
            position = max(position, told)
        ended = process.returncode == 0
        assert ended or process.returncode == -signal.SIGKILL, "a life ended by itself"
        if path.exists() or position > (0, 0):
            try:
                found = load_checkpoint(path)
            except (ModelFileError, OSError) as error:
                raise AssertionError(f"after kill {tally.kills + 1}: {error}") from error
            assert (found.epoch, found.step) >= position, f"{position} was lost for {found}"
            position = found.epoch, found.step
        if ended:
            break
        tally.kills += 1
        tally.in_a_write += any(folder.glob(".run.safetensors.*.tmp"))
    assert not list(folder.glob(".run.*")), "something is left behind"
    tally.finished += 1
    _compare(folder, straight, *expected)


def _life(folder, source, rng):
    """Return a process that has ended, and how far it said it was; killed at a time of `rng`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.kills", str(folder), source],
        stdout=subprocess.PIPE,
        text=True,
    )
    first = ""
    try:
        if rng is not None:
            # Most of them after their first step: what is before takes longer, on a busy machine
            # much longer, and is the same in each life.
            if rng.random() < 0.9:
                first = process.stdout.readline()
            time.sleep(rng.uniform(0, LONGEST_LIFE_S))
            process.kill()
        lines = (first + process.communicate()[0]).splitlines(keepends=True)
    finally:
        process.kill()
        process.wait()
    whole = [line.split() for line in lines if line.endswith("\n")]
    return process, max((tuple(map(int, words)) for words in whole), default=None)


def _compare(folder, straight, model, history):
    assert MLP.load(folder / "end.safetensors").equals(model), "the parameters differ"
    assert (folder / "history").read_text() == curves(history), "the history differs"
    lines = [
        [line.split(",") for line in (place / "log.csv").read_text().splitlines()]
        for place in (folder, straight)
    ]
    seconds = lines[0][0].index("seconds")
    for columns in (*lines[0], *lines[1]):
        del columns[seconds]
    assert lines[0] == lines[1], "the log differs"


if __name__ == "__main__":
    one_life(Path(sys.argv[1]), sys.argv[2])
