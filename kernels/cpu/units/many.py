"""Prediction on many rows."""

from ..product.prediction import write_many as write

__all__ = ["write"]
