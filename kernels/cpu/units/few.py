"""Prediction on a few rows."""

from ..product.prediction import write_few as write

__all__ = ["write"]
