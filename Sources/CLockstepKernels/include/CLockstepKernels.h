/// The arithmetic of Lockstep: the one place where floating-point numbers of a run are made.
///
/// `docs/arithmetic.md` is the contract; every variant of every function here gives the same bits. No I/O, no state,
/// no allocation, no libm. Sizes count elements unless they say bytes; all matrices are row-major.
#ifndef CLOCKSTEPKERNELS_H
#define CLOCKSTEPKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Columns of a panel of a packed matrix.
#define LS_PANEL_WIDTH 32
/// Terms of one chain of a matrix product; a longer k is cut into chunks of this many.
#define LS_CHAIN_LENGTH 512
/// Positions of one chain of a convolution's weight gradient: as many whole rows as fit, at least one.
#define LS_CONVOLUTION_CHAIN_POSITIONS 256
/// Elements of one block of the state hash.
#define LS_HASH_BLOCK 4096

/// A two-dimensional convolution with stride 1 and no padding over images of height × width × channels.
/// The output is (height − kernel_height + 1) × (width − kernel_width + 1) × outputs.
typedef struct {
    size_t height, width, channels;
    size_t kernel_height, kernel_width;
    size_t outputs;
} ls_convolution;

/// Max pooling without padding: output extent ⌊(extent − kernel) / stride⌋ + 1. kernel² ≤ 255.
typedef struct {
    size_t height, width, channels;
    size_t kernel, stride;
} ls_pooling;

/// The constants of one Adam step (PyTorch's form, see `adam`).
typedef struct {
    float scale;              ///< 1 / Σ weights: turns the summed gradient into the mean
    float beta1, beta2;
    float one_minus_beta1, one_minus_beta2;
    float step_size;          ///< rate / (1 − β₁ᵗ)
    float second_correction;  ///< 1 / √(1 − β₂ᵗ)
    float epsilon;
} ls_adam;

/// Elements of a packed matrix of k rows and n columns: ⌈n / 32⌉ panels of k × 32.
static inline size_t ls_packed_count(size_t k, size_t n) {
    return (n + LS_PANEL_WIDTH - 1) / LS_PANEL_WIDTH * k * LS_PANEL_WIDTH;
}

/// Elements of scratch that the convolution functions of one thread need for this shape (64-byte aligned).
size_t ls_convolution_scratch_count(const ls_convolution *shape);
/// Elements of scratch that `weight_gradient` needs.
size_t ls_weight_gradient_scratch_count(size_t outputs, size_t inputs);

/// One variant of every kernel. `lanes` arguments describe the lanes of ONE complete subtree of the canonical tree:
/// lane i holds rows (or images) lane_starts[i] ..< lane_starts[i + 1], lane_starts has lanes + 1 elements and starts
/// anywhere. The lanes' results are added by the tree's rule (split at the largest power of two below the count); a
/// lane without rows contributes +0 and is added all the same.
typedef struct {
    /// "avx512", "avx2", "neon" or "generic".
    const char *name;

    // Matrix products (product.h)

    /// Packs the k × n matrix whose element (p, j) stands at b[p * row_stride + j * column_stride] into panels of 32
    /// columns, the last one padded with zeros.
    void (*pack)(size_t k, size_t n, const float *b, size_t row_stride, size_t column_stride, float *packed);
    /// c[m×n] = a[m×k] · b, each element a chain over increasing k in chunks of 512; then + bias (may be NULL) added
    /// once; then, if `relu`, x < 0 ? 0 : x.
    void (*product)(size_t m, size_t n, size_t k, const float *a, size_t a_stride, const float *packed_b,
                    const float *bias, bool relu, float *c, size_t c_stride);
    /// weights[outputs×inputs] = tree over lanes of Σ_rows dy[row][o] · x[row][i]; within a lane a chain in row order
    /// in chunks of 512.
    void (*weight_gradient)(size_t outputs, size_t inputs, const float *dy, const float *x, const uint32_t *lane_starts,
                            size_t lanes, float *weights, float *scratch);
    /// sums[columns] = tree over lanes of the sums of the columns of dy, in row order in chunks of 512.
    void (*column_sums)(size_t columns, const float *dy, const uint32_t *lane_starts, size_t lanes, float *sums);

    // Convolution on height × width × channels (convolution.h). Weights are PyTorch's [outputs][channels][ky][kx].

    /// Packs weights for `convolution_forward`: k runs over (ky, kx, channel), n over outputs:
    /// ls_packed_count(kernel_height * kernel_width * channels, outputs) elements.
    void (*convolution_pack)(const ls_convolution *shape, const float *weights, float *packed);
    /// Packs weights for `convolution_data_gradient`: flipped, k over (ky, kx, output), n over channels:
    /// ls_packed_count(kernel_height * kernel_width * outputs, channels) elements.
    void (*convolution_pack_flipped)(const ls_convolution *shape, const float *weights, float *packed);
    /// One chain over (ky, kx, channel) for every output element, whole (not cut); then bias (may be NULL), then relu.
    void (*convolution_forward)(const ls_convolution *shape, size_t images, const float *x, const float *packed,
                                const float *bias, bool relu, float *y);
    /// dx: the convolution of dy, padded with kernel − 1 zeros on every side, with the flipped weights: one chain over
    /// (ky, kx, output) in the order of the flipped kernel; the padding takes part.
    void (*convolution_data_gradient)(const ls_convolution *shape, size_t images, const float *dy, const float *packed,
                                      float *dx, float *scratch);
    /// weights[outputs][channels][ky][kx] = tree over lanes of Σ over (image, y, x). Within an image the positions are
    /// cut into chunks of as many whole output rows as fit in 256 positions (at least one row); each chunk is a chain
    /// from +0; a lane's total is its first chunk, then + the second, and so on over all chunks of all its images.
    void (*convolution_weight_gradient)(const ls_convolution *shape, const float *x, const float *dy,
                                        const uint32_t *lane_starts, size_t lanes, float *weights, float *scratch);
    /// sums[outputs]: as the weight gradient of an input that is 1 everywhere (same chunks, same order).
    void (*convolution_bias_gradient)(const ls_convolution *shape, const float *dy, const uint32_t *lane_starts,
                                      size_t lanes, float *sums);

    // Elementwise and per row (elementwise.h, pooling.h, softmax.h)

    /// y = x < 0 ? 0 : x. In place where y == x.
    void (*relu)(size_t count, const float *x, float *y);
    /// dx = y > 0 ? dy : 0, where y is relu's output. In place where dx == dy.
    void (*relu_gradient)(size_t count, const float *y, const float *dy, float *dx);
    /// Maximum m of each window, scanned row by row: m = v > m ? v : m from its first element; `winners` gets the
    /// index of the element inside the window (first index wins a tie).
    void (*max_pool)(const ls_pooling *shape, size_t images, const float *x, float *y, uint8_t *winners);
    /// dx is zeroed, then each dy is added to its winner in order of output positions.
    void (*max_pool_gradient)(const ls_pooling *shape, size_t images, const float *dy, const uint8_t *winners,
                              float *dx);
    /// y[image][channel][position] = x[image][position][channel]: PyTorch's order for what follows a flatten.
    void (*channels_first)(size_t images, size_t positions, size_t channels, const float *x, float *y);
    /// The inverse of `channels_first`.
    void (*channels_last)(size_t images, size_t positions, size_t channels, const float *x, float *y);
    /// For each row of logits: maximum m (scanned in order, v > m); e = exp(x − m) summed as 16 strided partial sums
    /// added in the tree (8, 4, 2, 1); loss = log(sum) − (x[label] − m); gradient = e / sum − (class is label);
    /// correct = the first maximal class is the label. `gradient` may be NULL. In place where gradient == logits.
    void (*softmax_cross_entropy)(size_t rows, size_t classes, const float *logits, const int32_t *labels,
                                  float *losses, float *gradient, uint8_t *correct);
    /// y = x * factor + offset as two roundings: pixel bytes to floats.
    void (*scale_bytes)(size_t count, const uint8_t *x, float factor, float offset, float *y);

    // The flat state (state.h)

    /// into += from.
    void (*add)(size_t count, float *into, const float *from);
    /// No NaN and no infinity among `count` elements.
    bool (*all_finite)(size_t count, const float *x);
    /// p = fma(−rate, g · scale, p), g · scale rounded first.
    void (*sgd)(size_t count, float *p, const float *g, float scale, float rate);
    /// g' = g · scale; m = fma(1 − β₁, g' − m, m); v = fma((1 − β₂) · g', g', β₂ · v);
    /// p = fma(−step_size, m / fma(√v, second_correction, ε), p). Elementwise, correctly rounded √ and division.
    void (*adam)(size_t count, float *p, float *m, float *v, const float *g, const ls_adam *constants);
    /// Adds into sums[2] (modulo 2⁶⁴) the hashes of the blocks of x, numbered from `first_block`; a last block may be
    /// short. Depends on bits alone. Splitting at multiples of LS_HASH_BLOCK changes nothing.
    void (*hash_blocks)(size_t count, const float *x, uint64_t first_block, uint64_t sums[2]);

    // Functions of one variable, ≤ 2 ulp over their normal range (functions.h). In place where y == x.
    void (*exp)(size_t count, const float *x, float *y);
    void (*log)(size_t count, const float *x, float *y);
    void (*log1p)(size_t count, const float *x, float *y);
    void (*tanh)(size_t count, const float *x, float *y);
    void (*erf)(size_t count, const float *x, float *y);
    void (*sin)(size_t count, const float *x, float *y);
    void (*cos)(size_t count, const float *x, float *y);
} ls_kernels;

/// The best variant for this CPU.
const ls_kernels *ls_kernels_best(void);
/// The variant of that name, or NULL where it is unknown or this CPU cannot run it.
const ls_kernels *ls_kernels_named(const char *name);

/// Sets this thread to round to nearest with subnormals on. Every thread that touches floats calls it first.
void ls_prepare_thread(void);

/// A stroke segment of a glyph, in pixels, with its half thickness.
typedef struct {
    float x0, y0, x1, y1, radius;
} ls_stroke;

/// Draws strokes as anti-aliased ink on a height × width grey image, and writes every pixel: its ink is the largest
/// clamp(radius + ½ − distance of its centre to the stroke, 0, 1), rounded to 0 … 255. The centre of the pixel in row r
/// and column c is (c + ½, r + ½). Scalar and the same on every CPU.
void ls_draw_strokes(size_t height, size_t width, const ls_stroke *strokes, size_t count, uint8_t *pixels);

#endif
