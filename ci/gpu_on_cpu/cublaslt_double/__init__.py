"""cuBLASLt on a CPU: the real library where no GPU is needed, NumPy where one would be.

Programs find this double the way they find the library: it carries its soname, so the dynamic
linker answers a later ``dlopen("libcublasLt.so.13")``, and cuda-pathfinder, with it.  Descriptors,
layouts and preferences are those of the real library, which checks them as ever; handles, the
heuristic, the check of an algorithm and the product itself end in `CublasLt`.

What is not emulated raises.  A function of C cannot raise, so Python sees a `SystemError` of the
call whose cause is the exception.
"""

from .library import load_cublaslt_double
from .product import CublasLt

__all__ = ["CublasLt", "load_cublaslt_double"]
