"""Layers beside products and activations, on the panels of a pass: the rows in the lanes."""
