// The part of a product that one thread computes.
//
// Both operands lie in shared memory with the terms k of the sum contiguous, as x and W do in global
// memory, so nothing is transposed on the way.  A warp is 4 lanes of rows by 8 lanes of outputs: lane l
// has the rows l / 8 + 4 i and the outputs l % 8 + 8 j.
//
// Loads are 16 bytes wide.  The eight lanes that take turns at the banks read eight neighbouring
// outputs, whose distance is an odd number of vectors, so they meet in no bank; and one row of x,
// which is broadcast.
//
// `real` is float or double.

constexpr int LANES_OF_ROWS = 4;
constexpr int LANES_OF_OUTPUTS = 8;
constexpr int PER_VECTOR = 16 / sizeof(real);

struct alignas(16) Vector {
    real at[PER_VECTOR];
};

__device__ __forceinline__ Vector load(const real* from) {
    return *reinterpret_cast<const Vector*>(from);
}

__device__ __forceinline__ void store(real* to, const Vector& value) {
    *reinterpret_cast<Vector*>(to) = value;
}

// acc[i][j] <- acc[i][j] + sum over k < terms of x[i][k] W[j][k]: one chain of fused multiply-adds with
// k ascending, whatever the shape of the tile.  That is what makes the bits of a row independent of
// the batch it is in.
//
// x and W point to the thread's first row and first output; x_step and W_step are the distances of
// neighbouring rows and outputs.
//
// The loop is unrolled to ROUNDS vectors of terms: to two, so that the loads of one are under way while
// the other is multiplied, or to more, where there is little to multiply.
template <int ROUNDS = 2, int ROWS, int OUTPUTS>
__device__ __forceinline__ void multiply_add(
    real (&acc)[ROWS][OUTPUTS], const real* x, int x_step, const real* W, int W_step, int terms) {
    int k = 0;
#pragma unroll ROUNDS
    for (; k + PER_VECTOR <= terms; k += PER_VECTOR) {
        Vector w[OUTPUTS];
#pragma unroll
        for (int j = 0; j < OUTPUTS; ++j) w[j] = load(W + j * LANES_OF_OUTPUTS * W_step + k);
#pragma unroll
        for (int i = 0; i < ROWS; ++i) {
            const Vector v = load(x + i * LANES_OF_ROWS * x_step + k);
#pragma unroll
            for (int t = 0; t < PER_VECTOR; ++t) {
#pragma unroll
                for (int j = 0; j < OUTPUTS; ++j) acc[i][j] = fma(v.at[t], w[j].at[t], acc[i][j]);
            }
        }
    }
#pragma unroll 1
    for (; k < terms; ++k) {
        real w[OUTPUTS];
#pragma unroll
        for (int j = 0; j < OUTPUTS; ++j) w[j] = W[j * LANES_OF_OUTPUTS * W_step + k];
#pragma unroll
        for (int i = 0; i < ROWS; ++i) {
            const real v = x[i * LANES_OF_ROWS * x_step + k];
#pragma unroll
            for (int j = 0; j < OUTPUTS; ++j) acc[i][j] = fma(v, w[j], acc[i][j]);
        }
    }
}
