"""scikit-learn's ``MLPClassifier``."""

from typing import Any

import numpy as np

from mlpcore.bench.contender import Contender, Inference, Training
from mlpcore.bench.spec import Array, Parameters, Spec

_ACTIVATIONS = {"identity": "identity", "relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


class ScikitLearn(Contender):
    """The private forward pass without input checks, and ``partial_fit`` on the batch.

    ``predict_proba`` would add checks of the input and a softmax to the same products.  A step of
    ``partial_fit`` also checks the batch and turns labels into columns, and its Adam leaves ε out
    of the bias correction; there is no public way to take a step without these.
    """

    name = "sklearn"
    distributions = ("scikit-learn",)
    requires = {"sklearn": "scikit-learn"}  # noqa: RUF012
    activations = tuple(_ACTIVATIONS)

    def unavailable(self, spec: Spec) -> str | None:
        """Return a reason also for two classes, and for what float64 shows of its Adam."""
        if spec.mode == "training" and spec.layers[-1] < 3:
            return "trains fewer than three classes with one logistic output, not with a softmax"
        if spec.mode == "training" and (spec.optimizer, spec.dtype) == ("adam", "float64"):
            return "its Adam leaves ε out of the bias correction, which shows in float64"
        return super().unavailable(spec)

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:
        """Return the forward pass, the logits left as they are."""
        classifier = _classifier(spec, parameters, batch_size)
        classifier.out_activation_ = "identity"

        def forward(x: Array) -> Any:
            return classifier._forward_pass_fast(x, check_input=False)

        return forward

    def prepare_training(self, spec: Spec, parameters: Parameters, batch_size: int) -> Training:
        """Return ``partial_fit``."""
        classifier = _classifier(spec, parameters, batch_size)

        def step(x: Array, t: Array) -> float:
            classifier.partial_fit(x, t)
            return float(classifier.loss_)

        return step


def _classifier(spec: Spec, parameters: Parameters, batch_size: int) -> Any:
    """Return a classifier with `parameters`, as if it had been fitted."""
    from sklearn.neural_network import MLPClassifier

    classifier: Any = MLPClassifier(
        hidden_layer_sizes=spec.layers[1:-1],
        activation=_ACTIVATIONS[spec.activation],
        solver=spec.optimizer,
        alpha=0.0,
        batch_size=batch_size,
        learning_rate_init=spec.learning_rate,
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,
        random_state=0,
    )
    # It makes its parameters and its optimizer in the first fit, and the lists stay the same ones.
    if spec.mode == "training":
        x = np.zeros((batch_size, spec.layers[0]), spec.dtype)
        t = np.arange(batch_size) % spec.layers[-1]
        classifier.partial_fit(x, t, classes=np.arange(spec.layers[-1]))
        del classifier._optimizer
    else:
        classifier.n_layers_ = len(spec.layers)
        classifier.coefs_ = [None] * len(parameters)
        classifier.intercepts_ = [None] * len(parameters)
    for i, (W, b) in enumerate(parameters):
        classifier.coefs_[i], classifier.intercepts_[i] = np.ascontiguousarray(W.T), b
    return classifier
