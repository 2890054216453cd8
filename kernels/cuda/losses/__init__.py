"""Losses and their gradients: one kernel a family, and the launcher of all by name."""

from .loss import NAMES, loss_and_gradient

__all__ = ["NAMES", "loss_and_gradient"]
