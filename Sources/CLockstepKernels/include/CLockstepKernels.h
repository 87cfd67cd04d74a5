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
/// Rows of one chain of batch normalisation's sums.
#define LS_NORM_CHAIN_LENGTH 128
/// Queries of one block of causal attention: their chains over keys end together.
#define LS_ATTENTION_BLOCK 32
/// Elements of one block of the state hash.
#define LS_HASH_BLOCK 4096

/// A two-dimensional convolution over images of height × width × channels, with the same stride (≥ 1) and the same
/// padding by zeros along both axes. Output extents are ⌊(extent + 2 · padding − kernel) / stride⌋ + 1.
typedef struct {
    size_t height, width, channels;
    size_t kernel_height, kernel_width;
    size_t outputs;
    size_t stride, padding;
} ls_convolution;

/// Pooling over square windows: output extents ⌊(extent + 2 · padding − kernel) / stride⌋ + 1, padding < kernel.
/// Max pooling passes over padded cells, average pooling counts them as zeros. kernel² ≤ 255 for max pooling.
typedef struct {
    size_t height, width, channels;
    size_t kernel, stride, padding;
} ls_pooling;

/// Average pooling to a given size: output i of o covers ⌊i · extent / o⌋ ..< ⌈(i + 1) · extent / o⌉ along each axis.
typedef struct {
    size_t height, width, channels;
    size_t output_height, output_width;
} ls_adaptive_pooling;

/// Batch normalisation of channels over images of `positions` pixels each; a fully connected layer has one position.
typedef struct {
    size_t positions, channels;
    float epsilon;
} ls_batch_norm;

/// Activations other than ReLU, see `activation`.
typedef enum {
    LS_SIGMOID,     ///< 1 / (1 + exp(−x))
    LS_TANH,        ///< tanh(x)
    LS_GELU,        ///< x · ½(1 + erf(x / √2))
    LS_GELU_TANH,   ///< x · ½(1 + tanh(√(2/π) · (x + 0.044715 · x³)))
    LS_SILU,        ///< x / (1 + exp(−x))
    LS_SOFTPLUS,    ///< log(1 + exp(x)), and x itself above 20
    LS_LEAKY_RELU,  ///< x > 0 ? x : parameter · x
    LS_ELU,         ///< x > 0 ? x : parameter · (exp(x) − 1)
} ls_activation;

/// Losses of one output and one target, see `elementwise_loss`.
typedef enum {
    LS_SQUARED_ERROR,         ///< (x − t)²
    LS_ABSOLUTE_ERROR,        ///< |x − t|
    LS_HUBER,                 ///< ½(x − t)² up to |x − t| = parameter, then parameter · (|x − t| − ½ · parameter)
    LS_BINARY_CROSS_ENTROPY,  ///< of the logit x, positive targets weighted by parameter
} ls_elementwise_loss;

/// What a dropout keeps. A word's upper 24 bits below `threshold` drop its element: threshold = probability · 2²⁴.
typedef struct {
    uint32_t key[2];
    uint32_t site, step, threshold;
    float scale;  ///< 1 / (1 − probability)
} ls_dropout;

/// A recurrent layer over a sequence of `steps` ≥ 1 steps, from the last to the first where `reverse` is set. The states
/// before the first step are zero.
typedef struct {
    size_t steps, units;
    bool reverse;
} ls_recurrence;

/// Scaled dot-product attention of a sequence to itself: `heads` heads of `width` elements. Where `causal` is set, a step
/// sees itself and those before it.
typedef struct {
    size_t steps, heads, width;
    bool causal;
} ls_attention;

/// The constants of one Adam step (PyTorch's form, see `adam`).
typedef struct {
    float scale;              ///< 1 / Σ weights: turns the summed gradient into the mean
    float beta1, beta2;
    float one_minus_beta1, one_minus_beta2;
    float step_size;          ///< rate / (1 − β₁ᵗ)
    float second_correction;  ///< 1 / √(1 − β₂ᵗ)
    float epsilon;
} ls_adam;

/// What happens to a summed gradient before the optimizer sees it (see `prepare_gradient`).
typedef struct {
    float scale;  ///< 1 / Σ weights, times the factor of clipping by norm
    float clip;   ///< bound of an element's size, or 0 for none
    float l1, l2;
} ls_gradient_preparation;

/// The constants of one step of SGD with momentum.
typedef struct {
    float scale, rate, momentum, one_minus_dampening;
    bool nesterov;
    bool is_first;  ///< The buffer has no past: it becomes the gradient.
} ls_momentum;

/// The constants of one step of RMSprop (PyTorch's form, not centred).
typedef struct {
    float scale, rate, alpha, one_minus_alpha, epsilon, momentum;
} ls_rmsprop;

/// The constants of one step of Adagrad; `rate` is the rate of this step, already decayed.
typedef struct {
    float scale, rate, epsilon;
} ls_adagrad;

/// Activations of an `ls_epilogue`: none, ReLU, or one of `ls_activation` (see `ls_epilogue_activation`).
#define LS_NO_ACTIVATION 0u
#define LS_RELU 1u

/// What follows a chain, in this order: + bias, then the activation, then + residual, then the mask or f′(saved). All
/// matrices have the shape and the stride of the result; any pointer may be NULL. None may overlap the result, where long
/// chains keep their totals so far.
typedef struct {
    const float *bias;          ///< One for each column.
    uint32_t activation;        ///< LS_NO_ACTIVATION, LS_RELU or ls_epilogue_activation(kind).
    float parameter;            ///< Of the activation, as for `activation`.
    float *before;              ///< Where the activation's input goes.
    const float *residual;      ///< Added after the activation.
    const float *mask;          ///< c = mask > 0 ? c : 0: the gradient of a ReLU whose output is `mask`.
    const float *saved;         ///< c = c · f′(saved): what `activation_gradient` takes as saved.
    uint32_t saved_activation;  ///< Its f: ls_epilogue_activation(kind), with `parameter`.
} ls_epilogue;

static inline uint32_t ls_epilogue_activation(ls_activation kind) { return 2 + (uint32_t)kind; }

/// Elements of a packed matrix of k rows and n columns: ⌈n / 32⌉ panels of k × 32.
static inline size_t ls_packed_count(size_t k, size_t n) {
    return (n + LS_PANEL_WIDTH - 1) / LS_PANEL_WIDTH * k * LS_PANEL_WIDTH;
}

/// Whether a convolution and its data's gradient are computed in squares, by Winograd's F(2×2, 3×3).
bool ls_convolution_uses_squares(const ls_convolution *shape);
/// Elements of the packed weights of `convolution_pack` and of `convolution_pack_flipped`.
size_t ls_convolution_packed_count(const ls_convolution *shape);
size_t ls_convolution_flipped_packed_count(const ls_convolution *shape);
/// Elements of scratch that each convolution function of one thread needs for this shape (64-byte aligned).
size_t ls_convolution_scratch_count(const ls_convolution *shape);
/// Elements of scratch that `weight_gradient` needs.
size_t ls_weight_gradient_scratch_count(size_t outputs, size_t inputs);
/// Elements of scratch that `matrix_product` needs.
size_t ls_matrix_product_scratch_count(size_t m, size_t n, size_t k);

/// Words of 4 bytes that `embedding_gradient` needs as scratch for `rows` tokens (samples · positions).
size_t ls_embedding_scratch_count(size_t count, size_t rows);

/// Elements of scratch that each function of a recurrent layer needs; `gate_count` is 4 · units (LSTM) or 3 · units (GRU).
size_t ls_recurrence_scratch_count(const ls_recurrence *shape, size_t gate_count, size_t samples, size_t lanes);
/// Elements of scratch that `attention` and its gradient need.
size_t ls_attention_scratch_count(const ls_attention *shape);

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
    /// c[m×n] = a[m×k] · b, each element a chain over increasing k in chunks of 512; then what `epilogue` says (may be
    /// NULL).
    void (*product)(size_t m, size_t n, size_t k, const float *a, size_t a_stride, const float *packed_b,
                    const ls_epilogue *epilogue, float *c, size_t c_stride);
    /// The same bits from a matrix that is not packed: element (p, j) of b stands at
    /// b[p * row_stride + j * column_stride]. For a few rows, where packing costs more than the product.
    void (*product_unpacked)(size_t m, size_t n, size_t k, const float *a, size_t a_stride, const float *b,
                             size_t row_stride, size_t column_stride, const ls_epilogue *epilogue, float *c,
                             size_t c_stride);
    /// The same bits for any two matrices: element (i, p) of a stands at a[i * a_row + p * a_column], element (p, j) of b
    /// at b[p * b_row + j * b_column]. Packs what it needs into scratch (ls_matrix_product_scratch_count).
    void (*matrix_product)(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column, const float *b,
                           size_t b_row, size_t b_column, const ls_epilogue *epilogue, float *c, size_t c_stride,
                           float *scratch);
    /// weights[outputs×inputs] = tree over lanes of Σ_rows dy[row][o] · x[row][i]; within a lane a chain in row order
    /// in chunks of 512. Lane i holds rows lane_starts[i] · positions ..< lane_starts[i + 1] · positions. Rows of dy are
    /// `dy_stride` apart, so that some of the outputs can be made by themselves.
    void (*weight_gradient)(size_t outputs, size_t inputs, const float *dy, size_t dy_stride, const float *x,
                            size_t positions, const uint32_t *lane_starts, size_t lanes, float *weights,
                            float *scratch);
    /// sums[columns] = tree over lanes of the sums of the columns of dy, in row order in chunks of 512; rows as above.
    void (*column_sums)(size_t columns, const float *dy, size_t positions, const uint32_t *lane_starts, size_t lanes,
                        float *sums);

    // Convolution on height × width × channels (convolution.h). Weights are PyTorch's [outputs][channels][ky][kx].

    /// Packs weights for `convolution_forward` (ls_convolution_packed_count).
    void (*convolution_pack)(const ls_convolution *shape, const float *weights, float *packed);
    /// Packs weights for `convolution_data_gradient` (ls_convolution_flipped_packed_count).
    void (*convolution_pack_flipped)(const ls_convolution *shape, const float *weights, float *packed);
    /// One chain over (ky, kx, channel) for every output element, whole (not cut), in which padding takes part as
    /// zeros; or, where the shape says so (docs/arithmetic.md), squares of 2 × 2 outputs; then what `epilogue` says (may
    /// be NULL).
    void (*convolution_forward)(const ls_convolution *shape, size_t images, const float *x, const float *packed,
                                const ls_epilogue *epilogue, float *y, float *scratch);
    /// dx: for every input pixel one chain over (ky, kx, output) in the order of the flipped kernel, over the taps whose
    /// distance to the pixel is a multiple of the stride (all of them with stride 1). Where a tap's output position lies
    /// outside dy, zeros take part. A pixel without taps gets +0. Or in squares, as above. Then what `epilogue` says (may
    /// be NULL).
    void (*convolution_data_gradient)(const ls_convolution *shape, size_t images, const float *dy, const float *packed,
                                      const ls_epilogue *epilogue, float *dx, float *scratch);
    /// weights[outputs][channels][ky][kx] = tree over lanes of Σ over (image, y, x). Within an image the output
    /// positions are cut into chunks of as many whole output rows as fit in 256 positions (at least one row); each chunk
    /// is a chain from +0, in which padding takes part as zeros; a lane's total is its first chunk, then + the second,
    /// and so on over all chunks of all its images.
    void (*convolution_weight_gradient)(const ls_convolution *shape, const float *x, const float *dy,
                                        const uint32_t *lane_starts, size_t lanes, float *weights, float *scratch);
    /// sums[outputs]: as the weight gradient of an input that is 1 everywhere (same chunks, same order).
    void (*convolution_bias_gradient)(const ls_convolution *shape, const float *dy, const uint32_t *lane_starts,
                                      size_t lanes, float *sums);

    // Elementwise and per row (elementwise.h, activation.h, dropout.h, pooling.h, softmax.h, losses.h)

    /// y = x < 0 ? 0 : x. In place where y == x.
    void (*relu)(size_t count, const float *x, float *y);
    /// dx = y > 0 ? dy : 0, where y is relu's output. In place where dx == dy.
    void (*relu_gradient)(size_t count, const float *y, const float *dy, float *dx);
    /// y = f(x). `parameter`: the slope of leaky ReLU, alpha of ELU, else unused. In place where y == x.
    void (*activation)(ls_activation kind, float parameter, size_t count, const float *x, float *y);
    /// dx = dy · f′. `saved` is y for sigmoid and tanh, x for all others. In place where dx == dy (or dx == saved).
    void (*activation_gradient)(ls_activation kind, float parameter, size_t count, const float *saved, const float *dy,
                                float *dx);
    /// Element e of row r is kept where (word >> 8) ≥ threshold, word being word e mod 4 of Philox with the counter
    /// (⌊e / 4⌋, site, first_position + r, step): x · scale, else +0. The same call on dy gives dx. In place where y == x.
    void (*dropout)(const ls_dropout *dropout, size_t rows, size_t elements, uint32_t first_position, const float *x,
                    float *y);
    /// Maximum m of each window, scanned row by row: m = v > m ? v : m from its first element inside the image;
    /// `winners` gets the index of the element inside the window, padded cells counted (first index wins a tie).
    void (*max_pool)(const ls_pooling *shape, size_t images, const float *x, float *y, uint8_t *winners);
    /// dx is zeroed, then each dy is added to its winner in order of output positions.
    void (*max_pool_gradient)(const ls_pooling *shape, size_t images, const float *dy, const uint8_t *winners,
                              float *dx);
    /// y = (the sum of the window, row by row from +0) / kernel².
    void (*average_pool)(const ls_pooling *shape, size_t images, const float *x, float *y);
    /// dx is zeroed, then each dy / kernel² is added to all of its window, in order of output positions.
    void (*average_pool_gradient)(const ls_pooling *shape, size_t images, const float *dy, float *dx);
    /// y[image][channel][position] = x[image][position][channel]: PyTorch's order for what follows a flatten.
    void (*channels_first)(size_t images, size_t positions, size_t channels, const float *x, float *y);
    /// The inverse of `channels_first`.
    void (*channels_last)(size_t images, size_t positions, size_t channels, const float *x, float *y);
    /// For each row of logits: maximum m (scanned in order, v > m); e = exp(x − m) summed as 16 strided partial sums
    /// added in the tree (8, 4, 2, 1); loss = log(sum) − (x[label] − m); gradient = e / sum − (class is label);
    /// correct = the first maximal class is the label. `gradient` may be NULL. In place where gradient == logits.
    void (*softmax_cross_entropy)(size_t rows, size_t classes, const float *logits, const int32_t *labels,
                                  float *losses, float *gradient, uint8_t *correct);
    /// PyTorch's cross_entropy(label_smoothing, weight) of each row before the division by Σ weights[label]:
    /// (1 − s) · w[label] · n[label] + (s / classes) · Σ w[c] · n[c], n[c] = log(sum) − (x[c] − m). `weights` (one for
    /// each class) and `gradient` may be NULL. In place where gradient == logits.
    void (*softmax_cross_entropy_smoothed)(size_t rows, size_t classes, const float *logits, const int32_t *labels,
                                           float smoothing, const float *weights, float *losses, float *gradient);
    /// y[i] = exp(x[i] − m) / sum along each row, m and sum as in `softmax_cross_entropy`. In place where y == x.
    void (*softmax)(size_t rows, size_t count, const float *x, float *y);
    /// dx = y · (dy − Σ dy · y) along each row. In place where dx == dy.
    void (*softmax_gradient)(size_t rows, size_t count, const float *y, const float *dy, float *dx);
    /// For each row the mean loss of its `count` outputs: 16 strided partial sums, tree, division by count. `parameter`:
    /// Huber's delta, or the weight of positives of binary cross-entropy. `gradient` (may be NULL, may be x) gets
    /// d(row's mean)/dx.
    void (*elementwise_loss)(ls_elementwise_loss kind, float parameter, size_t rows, size_t count, const float *x,
                             const float *targets, float *losses, float *gradient);
    /// y = x * factor + offset as two roundings: pixel bytes to floats.
    void (*scale_bytes)(size_t count, const uint8_t *x, float factor, float offset, float *y);

    // Normalisation (layer_norm.h, batch_norm.h)

    /// Each row by its own mean and variance: y = (x − mean) · inverse, then fma(that, weight, bias); weight and bias
    /// may be NULL, both. `statistics`: rows × 2, mean and inverse = 1 / √(variance + ε). In place where y == x.
    void (*layer_norm)(size_t rows, size_t count, float epsilon, const float *x, const float *weight, const float *bias,
                       float *y, float *statistics);
    /// dx = [residual +] the gradient. `weight` and `residual` may be NULL; dx may be dy or residual.
    void (*layer_norm_gradient)(size_t rows, size_t count, const float *x, const float *statistics, const float *weight,
                                const float *dy, const float *residual, float *dx);
    /// Trees over lanes of the sums of dy · x̂ and of dy, x̂ = (x − mean) · inverse; lane i holds rows
    /// lane_starts[i] · positions ..< lane_starts[i + 1] · positions, in chunks of 512.
    void (*layer_norm_parameter_gradient)(size_t count, const float *x, const float *statistics, const float *dy,
                                          size_t positions, const uint32_t *lane_starts, size_t lanes,
                                          float *weight_gradient, float *bias_gradient);
    /// Each channel by the mean and variance of its lane: y = relu?(fma(x̂, weight, bias) [+ residual]), residual may be
    /// NULL. `statistics` is lane-major, 3 · channels each: mean, 1 / √(variance + ε), unbiased variance (0 where a lane
    /// has one row; all 0 where it has none). `x` and `y` are the batch that lane_starts counts. y may be x or residual.
    void (*batch_norm)(const ls_batch_norm *shape, const float *x, const uint32_t *lane_starts, size_t lanes,
                       const float *weight, const float *bias, const float *residual, bool relu, float *y,
                       float *statistics);
    /// Trees over lanes of count · mean and count · unbiased variance, count being the lane's images · positions; a lane
    /// of fewer than two rows contributes +0.
    void (*batch_norm_running)(const ls_batch_norm *shape, const float *statistics, const uint32_t *lane_starts,
                               size_t lanes, float *means, float *variances);
    /// `y` is relu's output, or NULL; with it, dy becomes y > 0 ? dy : 0, which also goes to `masked` (may be dy): the
    /// residual's gradient. `sums` is lane-major, 2 · channels each: Σ dy, Σ dy · x̂. dx may be dy or masked.
    void (*batch_norm_gradient)(const ls_batch_norm *shape, const float *x, const float *statistics, const float *weight,
                                const float *dy, const float *y, float *masked, const uint32_t *lane_starts,
                                size_t lanes, float *dx, float *sums);
    /// Trees over lanes of the sums that `batch_norm_gradient` left.
    void (*batch_norm_parameter_gradient)(const ls_batch_norm *shape, const float *sums, size_t lanes,
                                          float *weight_gradient, float *bias_gradient);
    /// `batch_norm` with a given mean and variance.
    void (*batch_norm_inference)(const ls_batch_norm *shape, size_t images, const float *x, const float *weight,
                                 const float *bias, const float *mean, const float *variance, const float *residual,
                                 bool relu, float *y);

    // Sequences (embedding.h, sequences.h, softmax.h) and pooling to a given size (pooling.h)

    /// y[row] = table[token] for tokens 0 ..< count, which are numbers; zeros for anything else.
    void (*embedding)(size_t rows, size_t count, size_t width, const float *tokens, const float *table, float *y);
    /// The whole gradient of the table, count × width: within a lane a sum from +0 in order of rows, the lanes by the
    /// tree; +0 where a token does not occur, and for `padding_token` (−1: none). `tokens` and `dy` are the batch that
    /// lane_starts counts, `positions` rows a sample. `scratch`: ls_embedding_scratch_count words.
    void (*embedding_gradient)(size_t count, size_t width, int64_t padding_token, const float *tokens, const float *dy,
                               size_t positions, const uint32_t *lane_starts, size_t lanes, float *gradient,
                               uint32_t *scratch);
    /// y[row][i] = x[row][i] + b[i]. In place where y == x.
    void (*add_broadcast)(size_t rows, size_t count, const float *x, const float *b, float *y);
    /// Copies `columns` elements of each row, whose starts are the strides apart.
    void (*copy_columns)(size_t rows, size_t columns, const float *from, size_t from_stride, float *to,
                         size_t to_stride);
    /// y = a · b. In place where y is either.
    void (*multiply)(size_t count, const float *a, const float *b, float *y);
    /// y = a − b. In place where y is either.
    void (*subtract)(size_t count, const float *a, const float *b, float *y);
    /// y = x · factor + offset as two roundings. In place where y == x.
    void (*scale_add)(size_t count, const float *x, float factor, float offset, float *y);
    /// `softmax_cross_entropy` of samples · positions rows. A sample's loss is the strided sum of its positions' losses
    /// divided by their number, and the gradient is divided by it. A label below 0 counts nothing: its row has no loss,
    /// a gradient of +0 and `correct` 0; a sample of only such labels has loss +0. In place where gradient == logits.
    void (*sequence_cross_entropy)(size_t samples, size_t positions, size_t classes, const float *logits,
                                   const int32_t *labels, float *losses, float *gradient, uint8_t *correct);
    /// y = (the sum of the cells, row by row from +0) / their number.
    void (*adaptive_average_pool)(const ls_adaptive_pooling *shape, size_t images, const float *x, float *y);
    /// dx is zeroed, then each dy / number of cells is added to all of its cells, in order of output positions.
    void (*adaptive_average_pool_gradient)(const ls_adaptive_pooling *shape, size_t images, const float *dy, float *dx);

    // Sequences (recurrence.h, attention.h)

    /// An LSTM through all steps. `gates` [sample][step][4 · units] holds x·W_ihᵀ + b_ih in PyTorch's order i, f, g, o and
    /// becomes the gates themselves. packed: W_hh as `pack` does for a linear layer; bias: b_hh. `hidden` and `cells`
    /// [sample][step][units] are the results.
    void (*lstm)(const ls_recurrence *shape, size_t samples, float *gates, const float *packed, const float *bias,
                 float *hidden, float *cells, float *scratch);
    /// gates become the gradient of what they were computed from: that of x·W_ihᵀ + b_ih and of h·W_hhᵀ + b_hh. packed:
    /// W_hh as `pack` does for a linear layer's data gradient.
    void (*lstm_gradient)(const ls_recurrence *shape, size_t samples, float *gates, const float *cells,
                          const float *packed, const float *dy, float *scratch);
    /// A GRU (PyTorch's: n = tanh(x's part + r · (h·W_hnᵀ + b_hn))) through all steps. `gates` [sample][step][3 · units]
    /// as for `lstm`, in the order r, z, n; `hidden_part` [sample][step][units] keeps h·W_hnᵀ + b_hn.
    void (*gru)(const ls_recurrence *shape, size_t samples, float *gates, const float *packed, const float *bias,
                float *hidden, float *hidden_part, float *scratch);
    /// gates become the gradient of x·W_ihᵀ + b_ih; `hidden_gradient` [sample][step][3 · units] gets that of h·W_hhᵀ + b_hh.
    void (*gru_gradient)(const ls_recurrence *shape, size_t samples, float *gates, const float *hidden,
                         const float *hidden_part, const float *packed, const float *dy, float *hidden_gradient,
                         float *scratch);
    /// weights[gate_count × units] = tree over lanes of Σ gates_gradient[sample][step][g] · h[u] before that step, over
    /// the steps that have one before them: for each sample chains over increasing steps in chunks of 512.
    void (*recurrent_weight_gradient)(const ls_recurrence *shape, size_t gate_count, const float *gates_gradient,
                                      const float *hidden, const uint32_t *lane_starts, size_t lanes, float *weights,
                                      float *scratch);
    /// y[step] = Σ p[step][key] · v[key] for each head, p = softmax(q·k / √width). qkv [sample][step][3 · heads · width]:
    /// queries, keys, values, each head by head; y [sample][step][heads · width]. `probabilities`
    /// [sample][head][step][step] are kept as they are before the dropout (which may be NULL); what lies beyond a causal
    /// query's block of keys is not written.
    void (*attention)(const ls_attention *shape, const ls_dropout *dropout, uint32_t first_position, size_t samples,
                      const float *qkv, float *probabilities, float *y, float *scratch);
    /// dqkv, the gradient of qkv.
    void (*attention_gradient)(const ls_attention *shape, const ls_dropout *dropout, uint32_t first_position,
                               size_t samples, const float *qkv, const float *probabilities, const float *dy,
                               float *dqkv, float *scratch);

    // The flat state (state.h, update.h)

    /// into += from.
    void (*add)(size_t count, float *into, const float *from);
    /// into = own + received, which need not be aligned. True where all sums are finite.
    bool (*sum)(size_t count, float *into, const float *own, const void *received);
    /// No NaN and no infinity among `count` elements.
    bool (*all_finite)(size_t count, const float *x);
    /// p = fma(−rate, g · scale, p), g · scale rounded first.
    void (*sgd)(size_t count, float *p, const float *g, float scale, float rate);
    /// g' = g · scale; m = fma(1 − β₁, g' − m, m); v = fma((1 − β₂) · g', g', β₂ · v);
    /// p = fma(−step_size, m / fma(√v, second_correction, ε), p). Elementwise, correctly rounded √ and division.
    void (*adam)(size_t count, float *p, float *m, float *v, const float *g, const ls_adam *constants);
    /// p = p · decay, then Adam's step. decay = 1 − rate · weight decay.
    void (*adamw)(size_t count, float *p, float *m, float *v, const float *g, const ls_adam *constants, float decay);
    /// g′ = g · scale; buffer = is_first ? g′ : fma(momentum, buffer, one_minus_dampening · g′);
    /// p = fma(−rate, nesterov ? fma(momentum, buffer, g′) : buffer, p).
    void (*sgd_momentum)(size_t count, float *p, float *buffer, const float *g, const ls_momentum *constants);
    /// g′ = g · scale; v = fma((1 − α) · g′, g′, α · v); d = g′ / (√v + ε); where there is a buffer,
    /// d = buffer = fma(momentum, buffer, d); p = fma(−rate, d, p). `buffer` is NULL without momentum.
    void (*rmsprop)(size_t count, float *p, float *v, float *buffer, const float *g, const ls_rmsprop *constants);
    /// g′ = g · scale; sum = fma(g′, g′, sum); p = fma(−rate, g′ / (√sum + ε), p).
    void (*adagrad)(size_t count, float *p, float *sum, const float *g, const ls_adagrad *constants);
    /// g = g · scale; then, where clip > 0, clamped to −clip … clip; then g = fma(l2, p, g);
    /// then g = g + (p > 0 ? l1 : p < 0 ? −l1 : 0).
    void (*prepare_gradient)(size_t count, float *g, const float *p, const ls_gradient_preparation *preparation);
    /// sums[b] = Σ x² over block b of LS_HASH_BLOCK elements, in binary64: 16 strided partial sums, tree.
    void (*square_sums)(size_t count, const float *x, double *sums);
    /// Adds into sums[2] (high, low; modulo 2⁶⁴) the hashes of the blocks of x, numbered from `first_block`; a last block
    /// may be short. Depends on bits alone. Splitting at multiples of LS_HASH_BLOCK changes nothing.
    void (*hash_blocks)(size_t count, const float *x, uint64_t first_block, uint64_t sums[2]);

    /// The limit of a core, to measure it: independent chains s = fma(s, factor, factor) in registers alone, `rounds`
    /// steps each. Returns the floating-point operations; `result` gets the end of the chain that begins with 0.
    size_t (*multiply_adds)(size_t rounds, float factor, float *result);

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

/// Tells the core that this thread only waits, in a loop that looks again and again.
static inline void ls_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// A stroke segment of a glyph, in pixels, with its half thickness.
typedef struct {
    float x0, y0, x1, y1, radius;
} ls_stroke;

/// Draws strokes as anti-aliased ink on a height × width grey image, and writes every pixel: its ink is the largest
/// clamp(radius + ½ − distance of its centre to the stroke, 0, 1), rounded to 0 … 255. The centre of the pixel in row r
/// and column c is (c + ½, r + ½). Scalar and the same on every CPU.
void ls_draw_strokes(size_t height, size_t width, const ls_stroke *strokes, size_t count, uint8_t *pixels);

#endif
