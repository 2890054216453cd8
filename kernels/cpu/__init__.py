"""Kernels for the CPU they run on: LLVM vector code that Numba compiles at run time."""
