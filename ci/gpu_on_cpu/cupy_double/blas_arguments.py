"""The arguments of cuBLAS routines, in the order in which they come.

Addresses, extents and leading dimensions are integers; `alpha`, `beta` and the result of a dot
product are addresses too.  A transposition is 0 for none.
"""

from __future__ import annotations

from typing import NamedTuple


class Gemm(NamedTuple):
    """Of sgemm and dgemm."""

    handle: int
    transpose_a: int
    transpose_b: int
    m: int
    n: int
    k: int
    alpha: int
    a: int
    lda: int
    b: int
    ldb: int
    beta: int
    c: int
    ldc: int

    def with_type(self, kind: int) -> GemmEx:
        """Return the same product with its types spelled out."""
        return GemmEx(
            *self[:7],
            self.a,
            kind,
            self.lda,
            self.b,
            kind,
            self.ldb,
            self.beta,
            self.c,
            kind,
            self.ldc,
        )


class GemmEx(NamedTuple):
    """Of sgemmEx and gemmEx; types are numbers of ``cudaDataType_t``."""

    handle: int
    transpose_a: int
    transpose_b: int
    m: int
    n: int
    k: int
    alpha: int
    a: int
    type_a: int
    lda: int
    b: int
    type_b: int
    ldb: int
    beta: int
    c: int
    type_c: int
    ldc: int
    compute: int = 0
    algorithm: int = 0


class GemmStridedBatchedEx(NamedTuple):
    """Of gemmStridedBatchedEx: steps are distances between matrices, in elements."""

    handle: int
    transpose_a: int
    transpose_b: int
    m: int
    n: int
    k: int
    alpha: int
    a: int
    type_a: int
    lda: int
    step_a: int
    b: int
    type_b: int
    ldb: int
    step_b: int
    beta: int
    c: int
    type_c: int
    ldc: int
    step_c: int
    batch_count: int
    compute: int
    algorithm: int

    def product(self, number: int, sizes: tuple[int, int, int]) -> GemmEx:
        """Return one of the products; `sizes` are the bytes of an element of A, B and C."""
        a, b, c = (
            address + number * step * size
            for address, step, size in zip(
                (self.a, self.b, self.c),
                (self.step_a, self.step_b, self.step_c),
                sizes,
                strict=True,
            )
        )
        return GemmEx(
            *self[:7], a, self.type_a, self.lda, b, self.type_b, self.ldb, self.beta,
            c, self.type_c, self.ldc, self.compute, self.algorithm,
        )  # fmt: skip


class Gemv(NamedTuple):
    """Of sgemv and dgemv; steps are strides of vectors, in elements."""

    handle: int
    transpose: int
    m: int
    n: int
    alpha: int
    a: int
    lda: int
    x: int
    step_x: int
    beta: int
    y: int
    step_y: int


class Dot(NamedTuple):
    """Of sdot and ddot."""

    handle: int
    n: int
    x: int
    step_x: int
    y: int
    step_y: int
    result: int
