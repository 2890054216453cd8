"""The GPU's kernels: CuPy arrays in, CuPy arrays out; CUDA is looked for at the first launch.

`compiler` turns Python functions into PTX by numba-cuda and launches them by CuPy.  On it stand

============== ==========================================================================
`elementwise`  activations, after a bias or not, and backward (formulas: `activations`)
`rows`         softmax, log-softmax, log-sum-exp
`losses`       every loss with its gradient in one pass, reduced on the device
`optimizers`   the step of a whole flat vector
`column_sums`  the gradient of a bias
`sums`         the sum of a vector
`dropout`      with masks drawn where they are used
============== ==========================================================================

and beside it `cublaslt`, products with epilogues.  Nothing here copies to or from the host or waits
for the device, and nothing is launched for an empty array.  The bits of a result depend on the
arguments alone.
"""
