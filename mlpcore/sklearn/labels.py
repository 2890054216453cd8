"""Class labels of any kind as targets of a network, and its probabilities as labels."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from mlpcore.warn import warn

_MULTILABEL = "multilabel-indicator"


class Labels:
    """The classes of a classifier.

    Parameters
    ----------
    classes : ndarray, shape (k,)
        The labels, sorted, or for several labels at once their numbers.
    multilabel : bool
        Whether a row may have any number of them.
    together : bool
        Whether two classes have an output each, as losses of classes need it.

    Attributes
    ----------
    outputs : int
        How many logits the network has.
    columns : int
        How many losses a row has: one, or one for each label.
    output : {"sigmoid", "softmax"}
        What makes them probabilities.
    """

    def __init__(self, classes: Any, *, multilabel: bool, together: bool) -> None:
        self.classes, self.multilabel = classes, multilabel
        self.columns = len(classes) if multilabel else 1
        single = not multilabel and not together and len(classes) <= 2
        self.outputs = 1 if single else len(classes)
        self.output = "sigmoid" if single or multilabel else "softmax"

    @classmethod
    def of(cls, y: Any, classes: Any, *, together: bool, whole: bool) -> "Labels":
        """Return the classes of targets.

        Parameters
        ----------
        y : array, shape (rows,) or (rows, k)
            The labels, or a matrix of 0 and 1.
        classes : array or None
            All labels there will be.
        together : bool
            As for the class.
        whole : bool
            Whether `y` has all labels there will be.

        Raises
        ------
        ValueError
            If `y` are no classes, or more than one class for each row.
        """
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind.endswith("multioutput"):
            raise ValueError(
                "Multioutput target data is not supported: y has several columns of classes; give "
                "a matrix of 0 and 1 for several labels, or fit one classifier for each column"
            )
        if kind == _MULTILABEL:
            return cls(np.arange(y.shape[1]), multilabel=True, together=False)
        if classes is None and not whole:
            raise ValueError("classes must be passed on the first call to partial_fit")
        found = unique_labels(y if classes is None else np.asarray(classes))
        if whole and len(found) == 1:
            warn(
                f"y holds one class only, {found.tolist()[0]!r}: there is nothing to tell apart",
                UserWarning,
            )
        return cls(found, multilabel=False, together=together)

    def encode(self, y: Any, dtype: Any) -> Any:
        """Return the targets of the network for labels `y`.

        Parameters
        ----------
        y : array, shape (rows,) or (rows, k)
            The labels, or a matrix of 0 and 1.
        dtype : dtype
            That of the model, for targets that are probabilities.

        Returns
        -------
        ndarray, shape (rows,) or (rows, k)
            Numbers of classes for softmax, 0 and 1 for sigmoid.

        Raises
        ------
        ValueError
            If a label is none of the classes; the message says in which row.
        """
        given = type_of_target(y, input_name="y") == _MULTILABEL
        if given != self.multilabel:
            raise ValueError(
                f"y must be {'a matrix of 0 and 1' if self.multilabel else 'labels, one a row'}, "
                f"as in the first call of fit or partial_fit, got shape {y.shape}"
            )
        if self.multilabel:
            return self._indicators(y, dtype)
        numbers = np.searchsorted(self.classes, y)
        numbers[numbers == len(self.classes)] = 0
        wrong = self.classes[numbers] != y
        if np.any(wrong):
            row = int(np.argmax(wrong))
            unseen = unique_labels(y[wrong])
            raise ValueError(
                f"y has classes not in classes_: {_listed(unseen)}, first in row {row}; classes_ "
                f"are {_listed(self.classes)}"
            )
        return numbers.astype(dtype if self.output == "sigmoid" else np.int64)

    def _indicators(self, y: Any, dtype: Any) -> Any:
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        if y.shape[1] != self.outputs:
            raise ValueError(f"y has {y.shape[1]} columns, but there are {self.outputs} labels")
        return y.astype(dtype)

    def probabilities(self, p: Any) -> Any:
        """Return the probability of each class from the network's prediction, shape (rows, k)."""
        if self.outputs == 1 and not self.multilabel:
            return np.concatenate([1 - p, p], axis=1)
        return p

    def decode(self, p: Any) -> Any:
        """Return the label of each row, or for several labels a matrix of 0 and 1."""
        if self.multilabel:
            return (p > 0.5).astype(np.int64)
        if self.outputs == 1:
            numbers = np.minimum(p[:, 0] > 0.5, len(self.classes) - 1).astype(np.intp)
            return self.classes[numbers]
        return self.classes[p.argmax(axis=1)]


def _listed(labels: Any) -> str:
    shown = ", ".join(repr(label) for label in labels[:10].tolist())
    return shown + (", ..." if len(labels) > 10 else "")
