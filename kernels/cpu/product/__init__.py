"""Matrix products: the register tile, packing, and layers of a network."""
