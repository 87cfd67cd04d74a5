// Runs every kernel of one variant on fixed pseudo-random inputs and prints a line "kernel hash" for each.
//   kernel-hashes VARIANT [SEED]
// NaNs are made one NaN before they are hashed. The hashes of two variants must be the same, on any CPU.

#include "CLockstepKernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma clang fp contract(off)

static const ls_kernels *kernels;
static uint64_t state, hash;

/// SplitMix64.
static uint64_t next(void) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static size_t between(size_t low, size_t high) { return low + (size_t)(next() >> 11) % (high - low + 1); }
static bool one_in(size_t count) { return between(1, count) == 1; }
static float uniform(float low, float high) { return low + (float)(next() >> 40) * 0x1p-24f * (high - low); }

/// Memory of a test, given back at its end.
static void *rooms[256];
static size_t room_count;

static void *room_of(size_t bytes) {
    void *room = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!room || room_count == sizeof rooms / sizeof rooms[0]) abort();
    memset(room, 0, bytes + 64);
    return rooms[room_count++] = room;
}
static float *room(size_t count) { return room_of(count * sizeof(float)); }

/// Numbers around 1 of both signs; one in `special` of them is a zero, a subnormal, huge, infinite or NaN.
static float *numbers_with(size_t count, size_t special) {
    static const uint32_t specials[] = {0,          0x80000000, 0x00010000, 0x80000200, 0x7f800000,
                                        0xff800000, 0x7fc00000, 0x7f61b1e6, 0xff61b1e6, 0x00802b7e};
    float *x = room(count);
    for (size_t i = 0; i < count; i++) {
        const uint64_t word = next();
        x[i] = (float)((int64_t)word >> 40) * 0x1p-22f;
        if (special && word % special == 0) memcpy(x + i, &specials[(word >> 33) % 10], sizeof(float));
    }
    return x;
}
static float *numbers(size_t count) { return numbers_with(count, one_in(4) ? 25 : 0); }

/// Any bits.
static float *bits(size_t count) {
    float *x = room(count);
    for (size_t i = 0; i < count; i++) {
        const uint32_t word = (uint32_t)(next() >> 32);
        memcpy(x + i, &word, sizeof word);
    }
    return x;
}

static size_t lanes, starts_end;
/// lanes + 1 starts, some lanes without rows.
static const uint32_t *lane_starts(size_t most_lanes, size_t most_rows) {
    lanes = between(1, most_lanes);
    uint32_t *starts = room_of((lanes + 1) * sizeof(uint32_t));
    starts[0] = (uint32_t)between(0, 2);
    for (size_t lane = 0; lane < lanes; lane++)
        starts[lane + 1] = starts[lane] + (uint32_t)(one_in(4) ? 0 : between(0, most_rows));
    starts_end = starts[lanes];
    return starts;
}

static int32_t *labels_of(size_t count, size_t classes) {
    int32_t *labels = room_of(count * sizeof(int32_t));
    for (size_t i = 0; i < count; i++) labels[i] = (int32_t)between(0, classes - 1);
    return labels;
}

static void record_word(uint64_t word) { hash = ((hash ^ word) * 0x9e3779b97f4a7c15) ^ (hash >> 29); }
static void record(const float *x, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, x + i, sizeof word);
        record_word(x[i] != x[i] ? 0x7fc00000 : word);
    }
}
static void record_bytes(const uint8_t *x, size_t count) {
    for (size_t i = 0; i < count; i++) record_word(x[i]);
}

/// Often NULL, else with some of what an epilogue can do for a result of `count` elements.
static const ls_epilogue *epilogue_for(size_t columns, size_t count) {
    if (one_in(3)) return NULL;
    ls_epilogue *epilogue = room_of(sizeof *epilogue);
    if (one_in(2)) epilogue->bias = numbers(columns);
    epilogue->parameter = 0.3f;
    if (one_in(2)) epilogue->activation = (uint32_t)between(LS_RELU, ls_epilogue_activation(LS_ELU));
    if (epilogue->activation && one_in(2)) epilogue->before = room(count);
    if (one_in(3)) epilogue->residual = numbers(count);
    if (one_in(3)) {
        epilogue->mask = numbers(count);
    } else if (one_in(3)) {
        epilogue->saved = numbers(count);
        epilogue->saved_activation = (uint32_t)between(ls_epilogue_activation(LS_SIGMOID),
                                                       ls_epilogue_activation(LS_ELU));
    }
    return epilogue;
}
static void record_epilogue(const ls_epilogue *epilogue, size_t count) {
    if (epilogue && epilogue->before) record(epilogue->before, count);
}

// Products

static void test_pack(void) {
    const size_t k = between(1, 40), n = between(1, 100);
    const bool turned = one_in(2);
    const float *b = numbers(k * n);
    float *packed = room(ls_packed_count(k, n));
    kernels->pack(k, n, b, turned ? 1 : n, turned ? k : 1, packed);
    record(packed, ls_packed_count(k, n));
}

/// A product's extents: small ones, long chains, strides of 4 KiB.
static void product_extents(size_t *m, size_t *n, size_t *k, size_t *stride) {
    *m = between(1, one_in(4) ? 200 : 33);
    *n = between(1, 100);
    *k = one_in(3) ? between(500, 1100) : between(1, 130);
    *stride = one_in(4) ? (*k + 1023) / 1024 * 1024 : *k + between(0, 5);
}

static void test_product(void) {
    size_t m, n, k, stride;
    product_extents(&m, &n, &k, &stride);
    const float *a = numbers(m * stride), *b = numbers(k * n);
    float *packed = room(ls_packed_count(k, n)), *c = room(m * n);
    const ls_epilogue *epilogue = epilogue_for(n, m * n);
    kernels->pack(k, n, b, n, 1, packed);
    kernels->product(m, n, k, a, stride, packed, epilogue, c, n);
    record(c, m * n);
    record_epilogue(epilogue, m * n);
}

static void test_product_unpacked(void) {
    size_t m, n, k, stride;
    product_extents(&m, &n, &k, &stride);
    const bool turned = one_in(2);
    const float *a = numbers(m * stride), *b = numbers(k * n);
    float *c = room(m * n);
    const ls_epilogue *epilogue = epilogue_for(n, m * n);
    kernels->product_unpacked(m, n, k, a, stride, b, turned ? 1 : n, turned ? k : 1, epilogue, c, n);
    record(c, m * n);
    record_epilogue(epilogue, m * n);
}

static void test_matrix_product(void) {
    size_t m, n, k, stride;
    product_extents(&m, &n, &k, &stride);
    const bool a_turned = one_in(2), b_turned = one_in(2);
    const float *a = numbers(m * k), *b = numbers(k * n);
    float *c = room(m * n), *scratch = room(ls_matrix_product_scratch_count(m, n, k));
    const ls_epilogue *epilogue = epilogue_for(n, m * n);
    kernels->matrix_product(m, n, k, a, a_turned ? 1 : k, a_turned ? m : 1, b, b_turned ? 1 : n, b_turned ? k : 1,
                            epilogue, c, n, scratch);
    record(c, m * n);
    record_epilogue(epilogue, m * n);
}

static void test_weight_gradient(void) {
    const size_t outputs = between(1, 40), inputs = between(1, 70), positions = between(1, 3);
    const uint32_t *starts = lane_starts(9, one_in(4) ? 300 : 10);
    const size_t rows = starts_end * positions;
    const float *dy = numbers(rows * outputs), *x = numbers(rows * inputs);
    float *weights = room(outputs * inputs), *scratch = room(ls_weight_gradient_scratch_count(outputs, inputs));
    kernels->weight_gradient(outputs, inputs, dy, x, positions, starts, lanes, weights, scratch);
    record(weights, outputs * inputs);
}

static void test_column_sums(void) {
    const size_t columns = between(1, 150), positions = between(1, 3);
    const uint32_t *starts = lane_starts(9, one_in(4) ? 300 : 10);
    const float *dy = numbers(starts_end * positions * columns);
    float *sums = room(columns);
    kernels->column_sums(columns, dy, positions, starts, lanes, sums);
    record(sums, columns);
}

// Convolutions

static size_t output_extent(size_t extent, size_t kernel, size_t stride, size_t padding) {
    return (extent + 2 * padding - kernel) / stride + 1;
}

static ls_convolution convolution_shape(void) {
    ls_convolution s = {.kernel_height = between(1, 5), .kernel_width = between(1, 5), .stride = between(1, 3)};
    s.padding = between(0, 2);
    s.channels = one_in(3) ? between(1, 3) : between(4, 40);
    s.outputs = between(1, 70);
    if (one_in(2)) {
        s.kernel_height = s.kernel_width = 3;
        s.stride = s.padding = 1;
    }
    // Many channels in and out, where other ways to compute a 3 × 3 convolution would pay.
    if (one_in(4)) {
        s.kernel_height = s.kernel_width = 3;
        s.stride = s.padding = 1;
        s.channels = between(64, 80);
        s.outputs = between(64, 80);
    }
    s.height = s.kernel_height + between(0, 6);
    s.width = s.kernel_width + between(0, one_in(4) ? 30 : 6);
    return s;
}
static size_t input_count(const ls_convolution *s) { return s->height * s->width * s->channels; }
static size_t position_count(const ls_convolution *s) {
    return output_extent(s->height, s->kernel_height, s->stride, s->padding)
         * output_extent(s->width, s->kernel_width, s->stride, s->padding);
}
static size_t tap_count(const ls_convolution *s) { return s->kernel_height * s->kernel_width; }
static size_t weight_count(const ls_convolution *s) { return s->outputs * s->channels * tap_count(s); }

static void test_convolution_pack(void) {
    const ls_convolution s = convolution_shape();
    const size_t count = ls_convolution_packed_count(&s);
    float *packed = room(count);
    kernels->convolution_pack(&s, numbers(weight_count(&s)), packed);
    record(packed, count);
}

static void test_convolution_pack_flipped(void) {
    const ls_convolution s = convolution_shape();
    const size_t count = ls_convolution_flipped_packed_count(&s);
    float *packed = room(count);
    kernels->convolution_pack_flipped(&s, numbers(weight_count(&s)), packed);
    record(packed, count);
}

static void test_convolution_forward(void) {
    const ls_convolution s = convolution_shape();
    const size_t images = between(1, 3), results = images * position_count(&s) * s.outputs;
    const float *x = numbers(images * input_count(&s)), *weights = numbers(weight_count(&s));
    float *packed = room(ls_convolution_packed_count(&s)), *y = room(results);
    const ls_epilogue *epilogue = epilogue_for(s.outputs, results);
    kernels->convolution_pack(&s, weights, packed);
    kernels->convolution_forward(&s, images, x, packed, epilogue, y, room(ls_convolution_scratch_count(&s)));
    record(y, results);
    record_epilogue(epilogue, results);
}

static void test_convolution_data_gradient(void) {
    const ls_convolution s = convolution_shape();
    const size_t images = between(1, 3), results = images * input_count(&s);
    const float *dy = numbers(images * position_count(&s) * s.outputs), *weights = numbers(weight_count(&s));
    float *packed = room(ls_convolution_flipped_packed_count(&s)), *dx = room(results);
    const ls_epilogue *epilogue = epilogue_for(s.channels, results);
    kernels->convolution_pack_flipped(&s, weights, packed);
    kernels->convolution_data_gradient(&s, images, dy, packed, epilogue, dx, room(ls_convolution_scratch_count(&s)));
    record(dx, results);
    record_epilogue(epilogue, results);
}

static void test_convolution_weight_gradient(void) {
    const ls_convolution s = convolution_shape();
    const uint32_t *starts = lane_starts(5, 2);
    const float *x = numbers(starts_end * input_count(&s)), *dy = numbers(starts_end * position_count(&s) * s.outputs);
    float *weights = room(weight_count(&s)), *scratch = room(ls_convolution_scratch_count(&s));
    kernels->convolution_weight_gradient(&s, x, dy, starts, lanes, weights, scratch);
    record(weights, weight_count(&s));
}

static void test_convolution_bias_gradient(void) {
    const ls_convolution s = convolution_shape();
    const uint32_t *starts = lane_starts(9, 4);
    float *sums = room(s.outputs);
    kernels->convolution_bias_gradient(&s, numbers(starts_end * position_count(&s) * s.outputs), starts, lanes, sums);
    record(sums, s.outputs);
}

// Elementwise and per row

static void test_relu(void) {
    const size_t count = between(0, 200);
    float *x = numbers(count);
    kernels->relu(count, x, x);
    record(x, count);
}

static void test_relu_gradient(void) {
    const size_t count = between(0, 200);
    float *dx = numbers(count);
    kernels->relu_gradient(count, numbers(count), dx, dx);
    record(dx, count);
}

static void test_activation(void) {
    const size_t count = between(1, 200);
    for (int kind = LS_SIGMOID; kind <= LS_ELU; kind++) {
        float *x = one_in(3) ? bits(count) : numbers(count);
        kernels->activation((ls_activation)kind, 0.3f, count, x, x);
        record(x, count);
    }
}

static void test_activation_gradient(void) {
    const size_t count = between(1, 200);
    for (int kind = LS_SIGMOID; kind <= LS_ELU; kind++) {
        const float *saved = one_in(3) ? bits(count) : numbers(count);
        float *dx = numbers(count);
        kernels->activation_gradient((ls_activation)kind, 0.3f, count, saved, dx, dx);
        record(dx, count);
    }
}

static ls_dropout dropout_of(void) {
    ls_dropout dropout = {{(uint32_t)next(), (uint32_t)next()}, (uint32_t)next(), (uint32_t)next(), 0, 0};
    const float probability = uniform(0.05f, 0.9f);
    dropout.threshold = (uint32_t)(probability * 0x1p24f);
    dropout.scale = 1.0f / (1.0f - probability);
    return dropout;
}

static void test_dropout(void) {
    const ls_dropout dropout = dropout_of();
    const size_t rows = between(1, 5), elements = between(1, 200);
    float *x = numbers(rows * elements);
    kernels->dropout(&dropout, rows, elements, (uint32_t)next(), x, x);
    record(x, rows * elements);
}

static ls_pooling pooling_shape(void) {
    ls_pooling s = {.kernel = between(1, 4), .stride = between(1, 4), .channels = between(1, 70)};
    s.padding = between(0, s.kernel - 1);
    if (one_in(3)) {
        s.stride = s.kernel;
        s.padding = 0;
    }
    s.height = s.kernel + between(0, 6);
    s.width = s.kernel + between(0, 6);
    return s;
}
static size_t pooled_count(const ls_pooling *s) {
    return output_extent(s->height, s->kernel, s->stride, s->padding)
         * output_extent(s->width, s->kernel, s->stride, s->padding) * s->channels;
}

static void test_max_pool(void) {
    const ls_pooling s = pooling_shape();
    const size_t images = between(1, 2), results = images * pooled_count(&s);
    float *y = room(results);
    uint8_t *winners = room_of(results);
    kernels->max_pool(&s, images, numbers(images * s.height * s.width * s.channels), y, winners);
    record(y, results);
    record_bytes(winners, results);
}

static void test_max_pool_gradient(void) {
    const ls_pooling s = pooling_shape();
    const size_t images = between(1, 2), count = images * s.height * s.width * s.channels;
    const size_t results = images * pooled_count(&s);
    float *y = room(results), *dx = room(count);
    uint8_t *winners = room_of(results);
    kernels->max_pool(&s, images, numbers(count), y, winners);
    kernels->max_pool_gradient(&s, images, numbers(results), winners, dx);
    record(dx, count);
}

static void test_average_pool(void) {
    const ls_pooling s = pooling_shape();
    const size_t images = between(1, 2), results = images * pooled_count(&s);
    float *y = room(results);
    kernels->average_pool(&s, images, numbers(images * s.height * s.width * s.channels), y);
    record(y, results);
}

static void test_average_pool_gradient(void) {
    const ls_pooling s = pooling_shape();
    const size_t images = between(1, 2), count = images * s.height * s.width * s.channels;
    float *dx = room(count);
    kernels->average_pool_gradient(&s, images, numbers(images * pooled_count(&s)), dx);
    record(dx, count);
}

static ls_adaptive_pooling adaptive_shape(void) {
    ls_adaptive_pooling s = {between(1, 9), between(1, 9), between(1, 150), 1, 1};
    if (one_in(2)) {
        s.output_height = between(1, 10);
        s.output_width = between(1, 10);
    }
    return s;
}

static void test_adaptive_average_pool(void) {
    const ls_adaptive_pooling s = adaptive_shape();
    const size_t images = between(1, 2), results = images * s.output_height * s.output_width * s.channels;
    float *y = room(results);
    kernels->adaptive_average_pool(&s, images, numbers(images * s.height * s.width * s.channels), y);
    record(y, results);
}

static void test_adaptive_average_pool_gradient(void) {
    const ls_adaptive_pooling s = adaptive_shape();
    const size_t images = between(1, 2), count = images * s.height * s.width * s.channels;
    float *dx = room(count);
    kernels->adaptive_average_pool_gradient(
        &s, images, numbers(images * s.output_height * s.output_width * s.channels), dx);
    record(dx, count);
}

static void test_channels_first(void) {
    const size_t images = between(1, 2), positions = between(1, 60), channels = between(1, 40);
    float *y = room(images * positions * channels);
    kernels->channels_first(images, positions, channels, numbers(images * positions * channels), y);
    record(y, images * positions * channels);
}

static void test_channels_last(void) {
    const size_t images = between(1, 2), positions = between(1, 60), channels = between(1, 40);
    float *y = room(images * positions * channels);
    kernels->channels_last(images, positions, channels, numbers(images * positions * channels), y);
    record(y, images * positions * channels);
}

static void test_softmax_cross_entropy(void) {
    const size_t rows = between(1, 20), classes = between(1, 70);
    float *x = numbers(rows * classes), *losses = room(rows);
    uint8_t *correct = room_of(rows);
    kernels->softmax_cross_entropy(rows, classes, x, labels_of(rows, classes), losses, x, correct);
    record(losses, rows);
    record(x, rows * classes);
    record_bytes(correct, rows);
}

static void test_softmax_cross_entropy_smoothed(void) {
    const size_t rows = between(1, 20), classes = between(1, 70);
    const float *weights = one_in(2) ? numbers_with(classes, 0) : NULL;
    float *x = numbers(rows * classes), *losses = room(rows);
    const float smoothing = one_in(2) ? 0 : uniform(0, 1);
    kernels->softmax_cross_entropy_smoothed(rows, classes, x, labels_of(rows, classes), smoothing, weights, losses, x);
    record(losses, rows);
    record(x, rows * classes);
}

static void test_sequence_cross_entropy(void) {
    const size_t samples = between(1, 3), positions = between(1, 40), classes = between(1, 70);
    const size_t rows = samples * positions;
    float *x = numbers(rows * classes), *losses = room(samples);
    int32_t *labels = labels_of(rows, classes);
    for (size_t i = 0; i < rows; i++)
        if (one_in(5)) labels[i] = -100;
    uint8_t *correct = room_of(rows);
    kernels->sequence_cross_entropy(samples, positions, classes, x, labels, losses, x, correct);
    record(losses, samples);
    record(x, rows * classes);
    record_bytes(correct, rows);
}

static void test_softmax(void) {
    const size_t rows = between(1, 20), count = between(1, 70);
    float *x = numbers(rows * count);
    kernels->softmax(rows, count, x, x);
    record(x, rows * count);
}

static void test_softmax_gradient(void) {
    const size_t rows = between(1, 20), count = between(1, 70);
    float *dx = numbers(rows * count);
    kernels->softmax_gradient(rows, count, numbers(rows * count), dx, dx);
    record(dx, rows * count);
}

static void test_elementwise_loss(void) {
    const size_t rows = between(1, 10), count = between(1, 70);
    for (int kind = LS_SQUARED_ERROR; kind <= LS_BINARY_CROSS_ENTROPY; kind++) {
        float *x = numbers(rows * count), *losses = room(rows);
        kernels->elementwise_loss((ls_elementwise_loss)kind, 0.7f, rows, count, x, numbers(rows * count), losses, x);
        record(losses, rows);
        record(x, rows * count);
    }
}

// Normalisation

static float *statistics_of(size_t rows) {
    float *statistics = numbers_with(2 * rows, 0);
    for (size_t row = 0; row < rows; row++) statistics[2 * row + 1] = uniform(0.5f, 2);
    return statistics;
}

static void test_layer_norm(void) {
    const size_t rows = between(1, 20), count = between(1, 200);
    const bool affine = one_in(2);
    float *x = numbers(rows * count), *statistics = room(2 * rows);
    const float *weight = affine ? numbers(count) : NULL, *bias = affine ? numbers(count) : NULL;
    kernels->layer_norm(rows, count, 1e-5f, x, weight, bias, x, statistics);
    record(x, rows * count);
    record(statistics, 2 * rows);
}

static void test_layer_norm_gradient(void) {
    const size_t rows = between(1, 20), count = between(1, 200);
    const float *weight = one_in(2) ? numbers(count) : NULL, *residual = one_in(2) ? numbers(rows * count) : NULL;
    float *dx = numbers(rows * count);
    kernels->layer_norm_gradient(rows, count, numbers(rows * count), statistics_of(rows), weight, dx, residual, dx);
    record(dx, rows * count);
}

static void test_layer_norm_parameter_gradient(void) {
    const size_t count = between(1, 200), positions = between(1, 5);
    const uint32_t *starts = lane_starts(9, one_in(4) ? 300 : 5);
    const size_t rows = starts_end * positions;
    float *weight = room(count), *bias = room(count);
    kernels->layer_norm_parameter_gradient(count, numbers(rows * count), statistics_of(rows), numbers(rows * count),
                                           positions, starts, lanes, weight, bias);
    record(weight, count);
    record(bias, count);
}

/// A batch and its statistics.
typedef struct {
    ls_batch_norm shape;
    const uint32_t *starts;
    size_t count;
    float *x, *y, *weight, *bias, *residual, *statistics, *sums;
    bool relu;
} batch;

static batch batch_of(void) {
    batch b = {.shape = {one_in(4) ? 1 : between(1, 40), between(1, 150), 1e-5f}, .starts = lane_starts(9, 10)};
    const size_t channels = b.shape.channels;
    b.count = starts_end * b.shape.positions * channels;
    b.x = numbers(b.count);
    b.y = room(b.count);
    b.weight = numbers(channels);
    b.bias = numbers(channels);
    b.residual = one_in(2) ? numbers(b.count) : NULL;
    b.relu = one_in(2);
    b.statistics = room(lanes * 3 * channels);
    b.sums = room(lanes * 2 * channels);
    kernels->batch_norm(&b.shape, b.x, b.starts, lanes, b.weight, b.bias, b.residual, b.relu, b.y, b.statistics);
    return b;
}

static void test_batch_norm(void) {
    const batch b = batch_of();
    record(b.y, b.count);
    record(b.statistics, lanes * 3 * b.shape.channels);
}

static void test_batch_norm_running(void) {
    const batch b = batch_of();
    float *means = room(b.shape.channels), *variances = room(b.shape.channels);
    kernels->batch_norm_running(&b.shape, b.statistics, b.starts, lanes, means, variances);
    record(means, b.shape.channels);
    record(variances, b.shape.channels);
}

static void test_batch_norm_gradient(void) {
    const batch b = batch_of();
    float *dy = numbers(b.count), *dx = room(b.count);
    kernels->batch_norm_gradient(&b.shape, b.x, b.statistics, b.weight, dy, b.relu ? b.y : NULL, dy, b.starts, lanes, dx,
                                 b.sums);
    record(dy, b.count);
    record(dx, b.count);
    record(b.sums, lanes * 2 * b.shape.channels);
}

static void test_batch_norm_parameter_gradient(void) {
    const batch b = batch_of();
    float *weight = room(b.shape.channels), *bias = room(b.shape.channels);
    kernels->batch_norm_parameter_gradient(&b.shape, numbers(lanes * 2 * b.shape.channels), lanes, weight, bias);
    record(weight, b.shape.channels);
    record(bias, b.shape.channels);
}

static void test_batch_norm_inference(void) {
    const ls_batch_norm s = {between(1, 40), between(1, 150), 1e-5f};
    const size_t images = between(1, 6), count = images * s.positions * s.channels;
    const float *residual = one_in(2) ? numbers(count) : NULL;
    float *y = room(count), *variance = room(s.channels);
    for (size_t i = 0; i < s.channels; i++) variance[i] = uniform(0, 2);
    kernels->batch_norm_inference(&s, images, numbers(count), numbers(s.channels), numbers(s.channels),
                                  numbers(s.channels), variance, residual, one_in(2), y);
    record(y, count);
}

// Sequences

static float *tokens_of(size_t rows, size_t count) {
    float *tokens = room(rows);
    for (size_t row = 0; row < rows; row++) tokens[row] = one_in(20) ? uniform(-9, 99) : (float)between(0, count - 1);
    return tokens;
}

static void test_embedding(void) {
    const size_t rows = between(1, 40), count = between(1, 30), width = between(1, 70);
    float *y = room(rows * width);
    kernels->embedding(rows, count, width, tokens_of(rows, count), numbers(count * width), y);
    record(y, rows * width);
}

static void test_embedding_gradient(void) {
    const size_t count = between(1, 30), width = between(1, 150), positions = between(1, 5);
    const uint32_t *starts = lane_starts(19, 4);
    const size_t rows = starts_end * positions;
    float *gradient = room(count * width);
    uint32_t *scratch = room_of(ls_embedding_scratch_count(count, rows) * sizeof(uint32_t));
    const int64_t padding = (int64_t)between(0, count) - 1;
    kernels->embedding_gradient(count, width, padding, tokens_of(rows, count), numbers(rows * width), positions, starts,
                                lanes, gradient, scratch);
    record(gradient, count * width);
}

static void test_add_broadcast(void) {
    const size_t rows = between(1, 5), count = between(1, 200);
    float *x = numbers(rows * count);
    kernels->add_broadcast(rows, count, x, numbers(count), x);
    record(x, rows * count);
}

static void test_copy_columns(void) {
    const size_t rows = between(1, 5), columns = between(0, 60), from = columns + between(0, 5);
    const size_t to = columns + between(0, 5);
    float *y = numbers(rows * to);
    kernels->copy_columns(rows, columns, numbers(rows * from), from, y, to);
    record(y, rows * to);
}

static void test_multiply(void) {
    const size_t count = between(0, 200);
    float *x = numbers(count);
    kernels->multiply(count, x, numbers(count), x);
    record(x, count);
}

static void test_subtract(void) {
    const size_t count = between(0, 200);
    float *x = numbers(count);
    kernels->subtract(count, x, numbers(count), x);
    record(x, count);
}

static void test_scale_add(void) {
    const size_t count = between(0, 200);
    float *x = numbers(count);
    kernels->scale_add(count, x, 1.7f, -0.3f, x);
    record(x, count);
}

/// A recurrent layer, run forward.
typedef struct {
    ls_recurrence shape;
    size_t samples, gate_count, count;
    float *gates, *hidden, *other, *scratch;
} recurrent_layer;

static recurrent_layer recurrent_layer_of(size_t gates_of_unit) {
    recurrent_layer l = {.shape = {between(1, 9), between(1, 40), one_in(2)}, .samples = between(1, 20)};
    const size_t units = l.shape.units, steps = l.samples * l.shape.steps;
    l.gate_count = gates_of_unit * units;
    l.count = steps * units;
    l.gates = numbers_with(steps * l.gate_count, 0);
    l.hidden = room(l.count);
    l.other = room(l.count);
    l.scratch = room(ls_recurrence_scratch_count(&l.shape, l.gate_count, l.samples, 1));
    const float *weights = numbers_with(l.gate_count * units, 0), *bias = numbers(l.gate_count);
    float *packed = room(ls_packed_count(units, l.gate_count));
    kernels->pack(units, l.gate_count, weights, 1, units, packed);
    if (gates_of_unit == 4)
        kernels->lstm(&l.shape, l.samples, l.gates, packed, bias, l.hidden, l.other, l.scratch);
    else kernels->gru(&l.shape, l.samples, l.gates, packed, bias, l.hidden, l.other, l.scratch);
    return l;
}
static const float *packed_for_gradient(const recurrent_layer *l) {
    float *packed = room(ls_packed_count(l->gate_count, l->shape.units));
    kernels->pack(l->gate_count, l->shape.units, numbers_with(l->gate_count * l->shape.units, 0), l->shape.units, 1,
                  packed);
    return packed;
}
static void record_layer(const recurrent_layer *l) {
    record(l->gates, l->samples * l->shape.steps * l->gate_count);
    record(l->hidden, l->count);
    record(l->other, l->count);
}

static void test_lstm(void) {
    const recurrent_layer l = recurrent_layer_of(4);
    record_layer(&l);
}

static void test_lstm_gradient(void) {
    const recurrent_layer l = recurrent_layer_of(4);
    kernels->lstm_gradient(&l.shape, l.samples, l.gates, l.other, packed_for_gradient(&l), numbers(l.count), l.scratch);
    record(l.gates, l.samples * l.shape.steps * l.gate_count);
}

static void test_gru(void) {
    const recurrent_layer l = recurrent_layer_of(3);
    record_layer(&l);
}

static void test_gru_gradient(void) {
    const recurrent_layer l = recurrent_layer_of(3);
    float *hidden_gradient = room(l.samples * l.shape.steps * l.gate_count);
    kernels->gru_gradient(&l.shape, l.samples, l.gates, l.hidden, l.other, packed_for_gradient(&l), numbers(l.count),
                          hidden_gradient, l.scratch);
    record(l.gates, l.samples * l.shape.steps * l.gate_count);
    record(hidden_gradient, l.samples * l.shape.steps * l.gate_count);
}

static void test_recurrent_weight_gradient(void) {
    const ls_recurrence s = {one_in(4) ? between(500, 600) : between(1, 9), between(1, 40), one_in(2)};
    const uint32_t *starts = lane_starts(5, 3);
    const size_t gate_count = between(3, 4) * s.units, steps = starts_end * s.steps;
    float *weights = room(gate_count * s.units);
    float *scratch = room(ls_recurrence_scratch_count(&s, gate_count, starts_end, lanes));
    kernels->recurrent_weight_gradient(&s, gate_count, numbers(steps * gate_count), numbers(steps * s.units), starts,
                                       lanes, weights, scratch);
    record(weights, gate_count * s.units);
}

/// Attention, run forward.
typedef struct {
    ls_attention shape;
    ls_dropout values;
    const ls_dropout *dropout;
    size_t samples, model;
    float *qkv, *probabilities, *y, *scratch;
} attention_layer;

static void attend(attention_layer *l) {
    l->shape = (ls_attention){between(1, 80), between(1, 3), between(1, 40), one_in(2)};
    l->values = dropout_of();
    l->dropout = one_in(2) ? &l->values : NULL;
    l->samples = between(1, 2);
    const size_t steps = l->shape.steps, model = l->model = l->shape.heads * l->shape.width;
    l->qkv = numbers_with(l->samples * steps * 3 * model, one_in(5) ? 400 : 0);
    l->probabilities = room(l->samples * l->shape.heads * steps * steps);
    l->y = room(l->samples * steps * model);
    l->scratch = room(ls_attention_scratch_count(&l->shape));
    kernels->attention(&l->shape, l->dropout, 7, l->samples, l->qkv, l->probabilities, l->y, l->scratch);
}

static void test_attention(void) {
    attention_layer l;
    attend(&l);
    const size_t steps = l.shape.steps;
    record(l.y, l.samples * steps * l.model);
    for (size_t row = 0; row < l.samples * l.shape.heads * steps; row++)
        record(l.probabilities + row * steps, l.shape.causal ? row % steps + 1 : steps);
}

static void test_attention_gradient(void) {
    attention_layer l;
    attend(&l);
    float *dqkv = room(l.samples * l.shape.steps * 3 * l.model);
    kernels->attention_gradient(&l.shape, l.dropout, 7, l.samples, l.qkv, l.probabilities,
                                numbers(l.samples * l.shape.steps * l.model), dqkv, l.scratch);
    record(dqkv, l.samples * l.shape.steps * 3 * l.model);
}

// The flat state

static void test_add(void) {
    const size_t count = between(0, 200);
    float *into = numbers(count);
    kernels->add(count, into, numbers(count));
    record(into, count);
}

static void test_all_finite(void) {
    const size_t count = between(0, 200);
    const uint8_t finite = kernels->all_finite(count, numbers_with(count, one_in(2) ? 100 : 0));
    record_bytes(&finite, 1);
}

static void test_multiply_adds(void) {
    float *y = room(1);
    kernels->multiply_adds(between(0, 40), 0.3f, y);
    record(y, 1);
}

static void test_scale_bytes(void) {
    const size_t count = between(0, 200);
    uint8_t *x = room_of(count);
    for (size_t i = 0; i < count; i++) x[i] = (uint8_t)next();
    float *y = room(count);
    kernels->scale_bytes(count, x, 0.0123f, -1.7f, y);
    record(y, count);
}

/// Parameters, a gradient and two vectors of an optimizer.
typedef struct {
    size_t count;
    float *p, *g, *first, *second;
} flat_state;

static flat_state flat_state_of(void) {
    flat_state s = {.count = between(1, 300)};
    s.p = numbers(s.count);
    s.g = numbers(s.count);
    s.first = numbers(s.count);
    s.second = room(s.count);
    for (size_t i = 0; i < s.count; i++) s.second[i] = uniform(0, 2);
    return s;
}
static void record_state(const flat_state *s) {
    record(s->p, s->count);
    record(s->g, s->count);
    record(s->first, s->count);
    record(s->second, s->count);
}

static void test_sgd(void) {
    const flat_state s = flat_state_of();
    kernels->sgd(s.count, s.p, s.g, uniform(0, 1), uniform(0, 1));
    record_state(&s);
}

static const ls_adam adam_constants = {0.03f, 0.9f, 0.999f, 0.1f, 0.001f, 0.01f, 31.6f, 1e-8f};

static void test_adam(void) {
    const flat_state s = flat_state_of();
    kernels->adam(s.count, s.p, s.first, s.second, s.g, &adam_constants);
    record_state(&s);
}

static void test_adamw(void) {
    const flat_state s = flat_state_of();
    kernels->adamw(s.count, s.p, s.first, s.second, s.g, &adam_constants, 0.999f);
    record_state(&s);
}

static void test_sgd_momentum(void) {
    const flat_state s = flat_state_of();
    const ls_momentum constants = {0.03f, 0.1f, 0.9f, 0.8f, one_in(2), one_in(2)};
    kernels->sgd_momentum(s.count, s.p, s.first, s.g, &constants);
    record_state(&s);
}

static void test_rmsprop(void) {
    const flat_state s = flat_state_of();
    const ls_rmsprop constants = {0.03f, 0.1f, 0.99f, 0.01f, 1e-8f, 0.9f};
    kernels->rmsprop(s.count, s.p, s.second, one_in(2) ? s.first : NULL, s.g, &constants);
    record_state(&s);
}

static void test_adagrad(void) {
    const flat_state s = flat_state_of();
    const ls_adagrad constants = {0.03f, 0.1f, 1e-10f};
    kernels->adagrad(s.count, s.p, s.second, s.g, &constants);
    record_state(&s);
}

static void test_prepare_gradient(void) {
    const flat_state s = flat_state_of();
    const ls_gradient_preparation preparation = {0.7f, one_in(2) ? 0.5f : 0, one_in(2) ? 0.01f : 0, 0.02f};
    kernels->prepare_gradient(s.count, s.g, s.p, &preparation);
    record_state(&s);
}

static void test_square_sums(void) {
    const size_t count = between(1, 3 * LS_HASH_BLOCK), blocks = (count + LS_HASH_BLOCK - 1) / LS_HASH_BLOCK;
    double *sums = room_of(blocks * sizeof(double));
    kernels->square_sums(count, numbers(count), sums);
    for (size_t block = 0; block < blocks; block++) {
        uint64_t word;
        memcpy(&word, sums + block, sizeof word);
        record_word(sums[block] != sums[block] ? 1 : word);
    }
}

static void test_hash_blocks(void) {
    const size_t count = between(1, 3 * LS_HASH_BLOCK);
    uint64_t sums[2] = {1, 2};
    kernels->hash_blocks(count, bits(count), next() % 100, sums);
    record_word(sums[0]);
    record_word(sums[1]);
}

// Functions of one variable

static void test_function(void (*function)(size_t, const float *, float *)) {
    const size_t count = between(1, 500);
    float *x = one_in(3) ? numbers(count) : bits(count);
    function(count, x, x);
    record(x, count);
}
static void test_exp(void) { test_function(kernels->exp); }
static void test_log(void) { test_function(kernels->log); }
static void test_log1p(void) { test_function(kernels->log1p); }
static void test_tanh(void) { test_function(kernels->tanh); }
static void test_erf(void) { test_function(kernels->erf); }
static void test_sin(void) { test_function(kernels->sin); }
static void test_cos(void) { test_function(kernels->cos); }

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
#define LS_TEST(NAME) {#NAME, test_##NAME}
    LS_TEST(pack), LS_TEST(product), LS_TEST(product_unpacked), LS_TEST(matrix_product), LS_TEST(weight_gradient),
    LS_TEST(column_sums), LS_TEST(convolution_pack), LS_TEST(convolution_pack_flipped), LS_TEST(convolution_forward),
    LS_TEST(convolution_data_gradient), LS_TEST(convolution_weight_gradient), LS_TEST(convolution_bias_gradient),
    LS_TEST(relu), LS_TEST(relu_gradient), LS_TEST(activation), LS_TEST(activation_gradient), LS_TEST(dropout),
    LS_TEST(max_pool), LS_TEST(max_pool_gradient), LS_TEST(average_pool), LS_TEST(average_pool_gradient),
    LS_TEST(adaptive_average_pool), LS_TEST(adaptive_average_pool_gradient), LS_TEST(channels_first),
    LS_TEST(channels_last), LS_TEST(softmax_cross_entropy), LS_TEST(softmax_cross_entropy_smoothed),
    LS_TEST(sequence_cross_entropy), LS_TEST(softmax), LS_TEST(softmax_gradient), LS_TEST(elementwise_loss),
    LS_TEST(scale_bytes), LS_TEST(layer_norm), LS_TEST(layer_norm_gradient), LS_TEST(layer_norm_parameter_gradient),
    LS_TEST(batch_norm), LS_TEST(batch_norm_running), LS_TEST(batch_norm_gradient),
    LS_TEST(batch_norm_parameter_gradient), LS_TEST(batch_norm_inference), LS_TEST(embedding),
    LS_TEST(embedding_gradient), LS_TEST(add_broadcast), LS_TEST(copy_columns), LS_TEST(multiply), LS_TEST(subtract),
    LS_TEST(scale_add), LS_TEST(lstm), LS_TEST(lstm_gradient), LS_TEST(gru), LS_TEST(gru_gradient),
    LS_TEST(recurrent_weight_gradient), LS_TEST(attention), LS_TEST(attention_gradient), LS_TEST(add),
    LS_TEST(all_finite), LS_TEST(multiply_adds), LS_TEST(sgd), LS_TEST(adam), LS_TEST(adamw), LS_TEST(sgd_momentum),
    LS_TEST(rmsprop), LS_TEST(adagrad), LS_TEST(prepare_gradient), LS_TEST(square_sums), LS_TEST(hash_blocks),
    LS_TEST(exp), LS_TEST(log), LS_TEST(log1p), LS_TEST(tanh), LS_TEST(erf), LS_TEST(sin), LS_TEST(cos),
};

int main(int argc, char **argv) {
    if (argc < 2 || !(kernels = ls_kernels_named(argv[1]))) {
        fprintf(stderr, "%s: no such variant here\n", argc < 2 ? "" : argv[1]);
        return 1;
    }
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    ls_prepare_thread();
    for (size_t test = 0; test < sizeof tests / sizeof tests[0]; test++) {
        hash = 0;
        for (size_t round = 0; round < 40; round++) {
            // The same numbers whatever the other tests do.
            state = seed * 1000 + round;
            for (const char *c = tests[test].name; *c; c++) state = state * 1099511628211 + (uint8_t)*c;
            tests[test].run();
            while (room_count) free(rooms[--room_count]);
        }
        printf("%s %016llx\n", tests[test].name, (unsigned long long)hash);
    }
    return 0;
}
