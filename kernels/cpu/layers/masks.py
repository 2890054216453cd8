"""How the mask of dropout lies in memory; imported without what writes kernels."""

PADDED = 64
"""A row of the mask is a multiple of so many bytes: as many words as are drawn at once, or more."""
