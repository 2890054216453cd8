// One matrix product with a bias and an activation:
//
//     z[m][n] = sum over k of A(m, k) B(n, k) + bias[n],    out = f(z)
//
// The terms k of an operand lie ALONG its rows, A(m, k) = A[m K + k], or across them,
// A(m, k) = A[k M + m].  So one text is z = x Wᵀ + b (both along), dx = dz W (W across) and dW = dzᵀ x
// (both across).
//
// The sum is the canonical one, whatever the tile: chains of BLOCK terms in ascending order, each from
// zero, their sums added ascending, the bias last.
//
// A block computes a tile of the result with two by two warps.  Panels of PANEL terms of both operands
// go through shared memory in two buffers: while one is multiplied, the next is on its way in
// registers.
//
// Before this text stand `real`, the text of thread_tile.cu, THREADS, ROWS and COLUMNS (of a thread),
// BLOCK, LONG (whether there is more than one chain), DEEP (whether columns of tiles go on along the third
// axis of the grid), BIASED, KEEP (whether z is written too), A_ALONG, B_ALONG, A_VECTORS and B_VECTORS
// (whether rows begin at multiples of 16 bytes) and the activation f(z, setting).  After it stands the
// kernel.

constexpr int WARPS_OF_ROWS = 2;
constexpr int WARPS_OF_COLUMNS = 2;
constexpr int TILE_M = WARPS_OF_ROWS * LANES_OF_ROWS * ROWS;
constexpr int TILE_N = WARPS_OF_COLUMNS * LANES_OF_OUTPUTS * COLUMNS;
constexpr int PANEL = 64 / sizeof(real);
constexpr int STEP = PANEL + PER_VECTOR;  // an odd number of vectors, for multiply_add
static_assert(BLOCK % PANEL == 0, "a chain is made of whole panels");

// Up to 16 bytes of a row, zeros in place of numbers from `exist` on.
template <bool vectors>
__device__ __forceinline__ Vector load_part(const real* from, long long exist) {
    if (vectors && exist >= PER_VECTOR) return load(from);
    Vector value;
#pragma unroll
    for (int t = 0; t < PER_VECTOR; ++t) value.at[t] = t < exist ? from[t] : real(0);
    return value;
}

// A thread's part of a panel on its way from global to shared memory, where terms lie along rows.
//
// An operand whose terms lie across is transposed here.  Neighbouring lanes then have neighbouring
// terms, which are stored in neighbouring banks.
template <int tile, bool along, bool vectors>
struct Panel {
    static constexpr int vectors_of_panel = tile * PANEL / PER_VECTOR;
    static constexpr int count = (vectors_of_panel + THREADS - 1) / THREADS;
    Vector held[count];

    // Row and term of the first number of piece i; the others follow along or across.
    __device__ __forceinline__ static void place(int i, int& row, int& term) {
        const int piece = threadIdx.x + i * THREADS;
        if (along) {
            row = piece / (PANEL / PER_VECTOR);
            term = piece % (PANEL / PER_VECTOR) * PER_VECTOR;
        } else {
            row = piece / PANEL * PER_VECTOR;
            term = piece % PANEL;
        }
    }

    // Read rows from `first` of `rows`, terms from `k` of `terms`.
    __device__ __forceinline__ void fetch(
        const real* from, long long first, long long rows, long long k, long long terms) {
#pragma unroll
        for (int i = 0; i < count; ++i) {
            int row, term;
            place(i, row, term);
            const long long r = first + row, t = k + term;
            const bool exists = row < tile && r < rows && t < terms;
            if (along) {
                held[i] = load_part<vectors>(from + r * terms + t, exists ? terms - t : 0);
            } else {
                held[i] = load_part<vectors>(from + t * rows + r, exists ? rows - r : 0);
            }
        }
    }

    __device__ __forceinline__ void put(real* to) const {
#pragma unroll
        for (int i = 0; i < count; ++i) {
            int row, term;
            place(i, row, term);
            if (row >= tile) continue;
            if (along) {
                store(to + row * STEP + term, held[i]);
            } else {
#pragma unroll
                for (int t = 0; t < PER_VECTOR; ++t) to[(row + t) * STEP + term] = held[i].at[t];
            }
        }
    }
};

__device__ __forceinline__ void product(
    const real* A, const real* B, const real* bias, real* out, real* keep,
    long long M, long long N, long long K, real setting) {
    __shared__ __align__(16) real rows_of_a[2][TILE_M * STEP];
    __shared__ __align__(16) real rows_of_b[2][TILE_N * STEP];
    const long long first_m = (long long)blockIdx.x * TILE_M;
    const long long columns_before = DEEP ? (long long)blockIdx.z * gridDim.y : 0;
    const long long first_n = (columns_before + blockIdx.y) * TILE_N;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int row = warp / WARPS_OF_COLUMNS * LANES_OF_ROWS * ROWS + lane / LANES_OF_OUTPUTS;
    const int column = warp % WARPS_OF_COLUMNS * LANES_OF_OUTPUTS * COLUMNS + lane % LANES_OF_OUTPUTS;

    Panel<TILE_M, A_ALONG, A_VECTORS> a;
    Panel<TILE_N, B_ALONG, B_VECTORS> b;
    a.fetch(A, first_m, M, 0, K);
    b.fetch(B, first_n, N, 0, K);
    a.put(rows_of_a[0]);
    b.put(rows_of_b[0]);
    __syncthreads();  // the first panels are whole

    real acc[ROWS][COLUMNS] = {};
    real total[ROWS][COLUMNS] = {};
    int now = 0;
#pragma unroll 1
    for (long long k = 0; k < K; k += PANEL, now ^= 1) {
        const bool more = k + PANEL < K;
        if (more) {
            a.fetch(A, first_m, M, k + PANEL, K);
            b.fetch(B, first_n, N, k + PANEL, K);
        }
        const real* x = rows_of_a[now] + row * STEP;
        const real* w = rows_of_b[now] + column * STEP;
        if (k + PANEL <= K) {
            multiply_add(acc, x, STEP, w, STEP, PANEL);
        } else {
            multiply_add(acc, x, STEP, w, STEP, (int)(K - k));
        }
        if (LONG && more && (k + PANEL) % BLOCK == 0) {
            const bool is_first = k + PANEL == BLOCK;
#pragma unroll
            for (int i = 0; i < ROWS; ++i) {
#pragma unroll
                for (int j = 0; j < COLUMNS; ++j) {
                    total[i][j] = is_first ? acc[i][j] : total[i][j] + acc[i][j];
                    acc[i][j] = 0;
                }
            }
        }
        if (more) {
            a.put(rows_of_a[now ^ 1]);
            b.put(rows_of_b[now ^ 1]);
            __syncthreads();  // the next panels are whole, and these have been read
        }
    }

#pragma unroll
    for (int j = 0; j < COLUMNS; ++j) {
        const long long n = first_n + column + j * LANES_OF_OUTPUTS;
        if (n >= N) continue;
        const real shift = BIASED ? bias[n] : real(0);
#pragma unroll
        for (int i = 0; i < ROWS; ++i) {
            const long long m = first_m + row + i * LANES_OF_ROWS;
            if (m >= M) continue;
            const real sum = LONG ? total[i][j] + acc[i][j] : acc[i][j];
            const real z = BIASED ? sum + shift : sum;
            if (KEEP) keep[m * N + n] = z;
            out[m * N + n] = f(z, setting);
        }
    }
}
