"""Writing kernels as LLVM instructions: instruction sets, a small language, object code."""
