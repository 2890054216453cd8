"""What NVIDIA's assembler makes of the GPU's kernels, looked at without a GPU.

``python -m machine_code check`` compiles them and holds them to what `table` states of each;
``python -m machine_code report`` writes the tables of ``benchmarks/RESULTS-GPU.md``.
"""
