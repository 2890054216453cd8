"""The small real data that ships with the package; its sources and licences are in LICENSES.md."""

from mlpcore.datasets._digits import Digits, load_digits
from mlpcore.datasets._split import stratified_split

__all__ = ["Digits", "load_digits", "stratified_split"]
