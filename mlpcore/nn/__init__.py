"""Activations, losses and initialisers: one table each, the mathematics as a user names it."""
