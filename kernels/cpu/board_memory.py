"""How much memory the board of a job takes, known without what writes kernels."""

LINE_BYTES = 128
"""The distance of words that are written by different threads.

A cache line has 64 bytes, but Intel's processors fetch lines in pairs ("64 and IA-32 Architectures
Optimization Reference Manual", "Data Prefetching", spatial prefetcher).
"""


def board_bytes(phases: int, participants: int) -> int:
    """Return the size of the memory of a `Board`, which begins at a multiple of 64 bytes."""
    return phases * (participants + 1) * LINE_BYTES
