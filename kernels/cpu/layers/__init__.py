"""Layers beside products and activations, on whole arrays that lie row after row."""
