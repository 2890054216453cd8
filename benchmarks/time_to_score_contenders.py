"""Who takes part in `time_to_score.py`: the same network, batches, rate and rule for each."""

from itertools import pairwise

import numpy as np
from sklearn.metrics import accuracy_score, r2_score


class Estimator:
    """An estimator with scikit-learn's interface."""

    def __init__(self, module, problem):
        self._problem = problem
        name = "MLPClassifier" if problem.kind == "classes" else "MLPRegressor"
        self._make = getattr(module, name)

    def _new(self, seed, **settings):
        problem = self._problem
        return self._make(
            hidden_layer_sizes=problem.hidden,
            alpha=problem.alpha,
            batch_size=problem.batch_size,
            learning_rate_init=problem.rate,
            random_state=seed,
            **settings,
        )

    def scores(self, seed, epochs):
        """Yield the score on the test data after each epoch."""
        x, t = self._problem.train
        known = {"classes": np.unique(t)} if self._problem.kind == "classes" else {}
        estimator = self._new(seed)
        for _ in range(epochs):
            yield estimator.partial_fit(x, t, **known).score(*self._problem.test)

    def fit(self, seed, epochs):
        """Train for so many epochs; what is timed."""
        estimator = self._new(seed, max_iter=epochs, tol=0.0, n_iter_no_change=epochs)
        return estimator.fit(*self._problem.train)

    def score(self, estimator):
        """Return the score of what `fit` returned."""
        return estimator.score(*self._problem.test)


class TorchLoop:
    """A plain loop of PyTorch, eager, as its tutorials have it."""

    def __init__(self, problem):
        import torch

        self._torch, self._problem = torch, problem
        x, t = problem.train
        self._x = torch.from_numpy(x)
        self._classes = len(np.unique(t)) if problem.kind == "classes" else 1
        labels = problem.kind == "classes" and self._classes > 2
        self._t = torch.from_numpy(t if labels else t.astype(np.float32))
        functional = torch.nn.functional
        if labels:
            self._loss = functional.cross_entropy
        elif problem.kind == "classes":
            self._loss = functional.binary_cross_entropy_with_logits
        else:
            self._loss = lambda z, t: functional.mse_loss(z, t) / 2

    def _network(self, seed):
        nn = self._torch.nn
        self._torch.manual_seed(seed)
        outputs = self._classes if self._classes > 2 else 1
        widths = (self._x.shape[1], *self._problem.hidden, outputs)
        layers = []
        for i, o in pairwise(widths):
            layers += [nn.Linear(i, o), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def _epochs(self, network, epochs):
        problem, x, t = self._problem, self._x, self._t
        rows = len(x)
        # The penalty of scikit-learn, for whole batches; its biases are not penalised.
        decay = problem.alpha / min(problem.batch_size, rows)
        weights = [p for p in network.parameters() if p.ndim == 2]
        biases = [p for p in network.parameters() if p.ndim == 1]
        groups = [{"params": weights, "weight_decay": decay}, {"params": biases}]
        adam = self._torch.optim.Adam(groups, lr=problem.rate)
        for _ in range(epochs):
            order = self._torch.randperm(rows)
            for start in range(0, rows, problem.batch_size):
                part = order[start : start + problem.batch_size]
                adam.zero_grad()
                z = network(x[part])
                z = z[:, 0] if z.shape[1] == 1 else z
                self._loss(z, t[part]).backward()
                adam.step()
            yield

    def scores(self, seed, epochs):
        """Yield the score on the test data after each epoch."""
        network = self._network(seed)
        for _ in self._epochs(network, epochs):
            yield self.score(network)

    def fit(self, seed, epochs):
        """Train for so many epochs."""
        network = self._network(seed)
        for _ in self._epochs(network, epochs):
            pass
        return network

    def score(self, network):
        """Return the score of a network."""
        x, t = self._problem.test
        with self._torch.no_grad():
            z = network(self._torch.from_numpy(x)).numpy()
        if self._problem.kind == "numbers":
            return r2_score(t, z[:, 0])
        return accuracy_score(t, z[:, 0] > 0 if z.shape[1] == 1 else z.argmax(axis=1))


def contenders(problem):
    """Return those whose libraries are installed, by name."""
    import sklearn.neural_network

    import mlpcore.sklearn

    found = {
        "mlpcore": Estimator(mlpcore.sklearn, problem),
        "scikit-learn": Estimator(sklearn.neural_network, problem),
    }
    try:
        found["PyTorch loop"] = TorchLoop(problem)
    except ImportError:
        print("the loop of PyTorch is left out: pip install torch")
    return found
