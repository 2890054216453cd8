"""What the kernels in CUDA C++ have in common: their formulas, a tile of a thread, compiling."""
