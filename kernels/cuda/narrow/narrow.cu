// A whole network of widths up to 128 in one launch.
//
// A block carries TILE_ROWS rows through all layers.  Their activations stay in shared memory, in one
// array `a` of TILE_ROWS rows that every layer overwrites: a layer's threads hold all its results in
// registers until everyone has read its input.
//
// Weights are RESIDENT in shared memory, read once by each block; or, where they do not fit, come
// from the L2 cache in panels of PANEL terms k for all outputs of a layer.
//
// Before this text stand `real`, the text of thread_tile.cu, THREADS, TILE_ROWS, FEW_ROWS (whether that is
// the smaller number), A_STEP (the distance of rows of `a`), PANEL, PANEL_STEP, RESIDENT, KEEP and the
// activations.  After it stand a struct for each distinct shape of a layer and the kernel that calls
// `layer` for each layer.  A shape has
//
//     inputs, outputs          the sizes of W
//     rows, columns            rows and outputs of a thread
//     warps                    how many warps share the outputs; the others share the rows
//     W_step                   the distance of rows of W in shared memory, if RESIDENT
//     vectors                  whether rows of W begin at multiples of 16 bytes
//     identity                 whether a is z
//     f                        the activation

// Where the numbers of a tile of rows go.
struct Rows {
    long long first;  // row of the batch
    int count;        // rows that exist; the others are computed from zeros and thrown away
};

// Copy `rows` rows of `columns` numbers to shared memory, zeros in place of rows from `exist` on.
template <int columns, int rows, int to_step, bool vectors>
__device__ __forceinline__ void fill(real* to, const real* from, int from_step, int exist) {
    constexpr int wide = vectors ? PER_VECTOR : 1;
    constexpr int pieces = columns / wide;
#pragma unroll 4
    for (int piece = threadIdx.x; piece < rows * pieces; piece += THREADS) {
        const int row = piece / pieces;
        const int column = piece % pieces * wide;
        const real* source = from + (long long)row * from_step + column;
        if constexpr (vectors) {
            Vector value = {};
            if (row < exist) value = load(source);
            store(to + row * to_step + column, value);
        } else {
            to[row * to_step + column] = row < exist ? *source : real(0);
        }
    }
}

// Outputs of a layer, filled up to what its threads compute; the rows of W beyond are zeros.
template <class Shape>
constexpr int padded_outputs = LANES_OF_OUTPUTS * Shape::warps * Shape::columns;

// Copy terms k of the sum, from `first` on, of all rows of W to shared memory.
template <class Shape, int terms, int step>
__device__ __forceinline__ void fill_weights(real* to, const real* W, int first = 0) {
    fill<terms, padded_outputs<Shape>, step, Shape::vectors>(
        to, W + first, Shape::inputs, Shape::outputs);
}

// z = x Wᵀ + b and a = f(z) for one tile of rows, whose x is in `a`.
//
// W is in shared memory if RESIDENT and in global memory otherwise, where `panel` has room for a panel
// of it.  z and a are written to z_out and a_out, which point to the whole batch, if KEEP; otherwise
// only the last layer writes its a.
template <class Shape, bool last>
__device__ __forceinline__ void layer(
    real* a, const real* W, const real* b, real* panel, real* z_out, real* a_out, Rows tile) {
    constexpr int inputs = Shape::inputs, outputs = Shape::outputs;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int row = warp / Shape::warps * (LANES_OF_ROWS * Shape::rows) + lane / LANES_OF_OUTPUTS;
    const int output =
        warp % Shape::warps * (LANES_OF_OUTPUTS * Shape::columns) + lane % LANES_OF_OUTPUTS;
    const real* x = a + row * A_STEP;
    // Of a thread with few sums, the instructions that only make the loop would be a third.  In a block of
    // few rows it has the registers for longer rounds: it shares its multiprocessor with three at most.
    constexpr int rounds = FEW_ROWS && Shape::rows * Shape::columns <= PER_VECTOR ? 4 : 2;

    real acc[Shape::rows][Shape::columns] = {};
    if constexpr (RESIDENT) {
        multiply_add<rounds>(acc, x, A_STEP, W + output * Shape::W_step, Shape::W_step, inputs);
    } else {
        const real* w = panel + output * PANEL_STEP;
#pragma unroll 1
        for (int k = 0; k + PANEL <= inputs; k += PANEL) {
            fill_weights<Shape, PANEL, PANEL_STEP>(panel, W, k);
            __syncthreads();  // the panel is whole
            multiply_add<rounds>(acc, x + k, A_STEP, w, PANEL_STEP, PANEL);
            __syncthreads();  // everyone has read it
        }
        constexpr int rest = inputs % PANEL;
        if constexpr (rest > 0) {
            fill_weights<Shape, rest, PANEL_STEP>(panel, W, inputs - rest);
            __syncthreads();  // the last panel is whole
            multiply_add<rounds>(acc, x + inputs - rest, A_STEP, w, PANEL_STEP, rest);
        }
    }
    __syncthreads();  // everyone has read x

#pragma unroll
    for (int j = 0; j < Shape::columns; ++j) {
        const int o = output + j * LANES_OF_OUTPUTS;
        if (o >= outputs) continue;
        const real bias = b == nullptr ? real(0) : b[o];
#pragma unroll
        for (int i = 0; i < Shape::rows; ++i) {
            const int r = row + i * LANES_OF_ROWS;
            const real z = b == nullptr ? acc[i][j] : acc[i][j] + bias;
            const real activated = Shape::f(z);
            if (!last) a[r * A_STEP + o] = activated;
            if ((KEEP || last) && r < tile.count) {
                const long long at = (tile.first + r) * outputs + o;
                if (KEEP && !Shape::identity) z_out[at] = z;
                a_out[at] = activated;
            }
        }
    }
    if (!last) __syncthreads();  // a is whole
}
