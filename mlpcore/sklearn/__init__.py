"""Estimators with scikit-learn's interface; the only part of the library that imports it."""

try:
    import sklearn
except ImportError as error:
    raise ImportError(
        "mlpcore.sklearn needs scikit-learn 1.6 or later: pip install 'mlpcore[sklearn]'"
    ) from error

if tuple(int(part) for part in sklearn.__version__.split(".")[:2]) < (1, 6):
    raise ImportError(
        f"mlpcore.sklearn needs scikit-learn 1.6 or later, but {sklearn.__version__} is installed: "
        "pip install --upgrade 'mlpcore[sklearn]'"
    )

from mlpcore.sklearn.classifier import MLPClassifier
from mlpcore.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
