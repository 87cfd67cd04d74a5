// Layer normalisation: each row by its own mean and variance.

/// Rows that go through the kernels together, so that their sums do not wait for each other.
#define LS_NORM_ROWS 4

/// LS_FOR_STRIDED over `ROWS` rows together, an array of their sums: row r has `*sum`. Whole vectors come first, so that
/// their `part` is known where this is compiled.
#define LS_FOR_STRIDED_ROWS(ROWS, COUNT, SUMS, ...)                                     \
    {                                                                                   \
        size_t start = 0;                                                               \
        for (; start + 16 <= (COUNT); start += 16)                                      \
            LS_UNROLL for (int lane = 0; lane < LS_SUM_16_VECTORS; lane++) {            \
                const size_t at = start + (size_t)lane * LS_WIDTH, part = LS_WIDTH;     \
                LS_UNROLL for (int r = 0; r < (ROWS); r++) {                            \
                    vf *const sum = &(SUMS)[r].v[lane];                                 \
                    __VA_ARGS__                                                         \
                }                                                                       \
            }                                                                           \
        LS_UNROLL for (int lane = 0; lane < LS_SUM_16_VECTORS; lane++) {                \
            const size_t at = start + (size_t)lane * LS_WIDTH;                          \
            if (at >= (COUNT)) break;                                                   \
            const size_t part = smaller(LS_WIDTH, (COUNT)-at);                          \
            LS_UNROLL for (int r = 0; r < (ROWS); r++) {                                \
                vf *const sum = &(SUMS)[r].v[lane];                                     \
                __VA_ARGS__                                                             \
            }                                                                           \
        }                                                                               \
    }

LS_INLINE float square_root(float x) { return __builtin_elementwise_sqrt(x); }

LS_INLINE void layer_norm_rows(const int rows, size_t count, float epsilon, const float *x, const float *weight,
                               const float *bias, float *y, float *statistics) {
    const float n = (float)count;
    float mean[LS_NORM_ROWS], inverse[LS_NORM_ROWS];
    strided_sums sums[LS_NORM_ROWS] = {{{{0}}}}, squares[LS_NORM_ROWS] = {{{{0}}}};
    LS_FOR_STRIDED_ROWS(rows, count, sums, { *sum += load_up_to(x + r * count + at, part); })
    LS_UNROLL for (int r = 0; r < rows; r++) mean[r] = total_of(&sums[r]) / n;
    LS_FOR_STRIDED_ROWS(rows, count, squares, {
        vf distance = only_first(load_up_to(x + r * count + at, part) - mean[r], part);
        *sum = multiply_add(distance, distance, *sum);
    })
    LS_UNROLL for (int r = 0; r < rows; r++) {
        const float variance = total_of(&squares[r]) / n;
        inverse[r] = 1.0f / square_root(variance + epsilon);
        statistics[2 * r] = mean[r];
        statistics[2 * r + 1] = inverse[r];
    }
    LS_FOR_COLUMNS(count, {
        vf factor = weight ? load_up_to(weight + at, part) : splat(1);
        vf offset = weight ? load_up_to(bias + at, part) : splat(0);
        LS_UNROLL for (int r = 0; r < rows; r++) {
            vf normal = (load_up_to(x + r * count + at, part) - mean[r]) * inverse[r];
            store_up_to(y + r * count + at, weight ? multiply_add(normal, factor, offset) : normal, part);
        }
    })
}

static void layer_norm(size_t rows, size_t count, float epsilon, const float *x, const float *weight, const float *bias,
                       float *y, float *statistics) {
    size_t row = 0;
    for (; row + LS_NORM_ROWS <= rows; row += LS_NORM_ROWS)
        layer_norm_rows(LS_NORM_ROWS, count, epsilon, x + row * count, weight, bias, y + row * count,
                        statistics + 2 * row);
    for (; row < rows; row++)
        layer_norm_rows(1, count, epsilon, x + row * count, weight, bias, y + row * count, statistics + 2 * row);
}

LS_INLINE void layer_norm_gradient_rows(const int rows, size_t count, const float *x, const float *statistics,
                                        const float *weight, const float *dy, const float *residual, float *dx) {
    const float n = (float)count;
    float plain[LS_NORM_ROWS], along[LS_NORM_ROWS];
    strided_sums sums[LS_NORM_ROWS] = {{{{0}}}}, products[LS_NORM_ROWS] = {{{{0}}}};
    LS_FOR_STRIDED_ROWS(rows, count, sums, {
        vf gradient = load_up_to(dy + r * count + at, part);
        if (weight) gradient = gradient * load_up_to(weight + at, part);
        vf normal = (load_up_to(x + r * count + at, part) - statistics[2 * r]) * statistics[2 * r + 1];
        *sum += gradient;
        products[r].v[lane] = multiply_add(gradient, only_first(normal, part), products[r].v[lane]);
    })
    LS_UNROLL for (int r = 0; r < rows; r++) {
        plain[r] = total_of(&sums[r]) / n;
        along[r] = total_of(&products[r]) / n;
    }
    LS_FOR_COLUMNS(count, {
        LS_UNROLL for (int r = 0; r < rows; r++) {
            vf gradient = load_up_to(dy + r * count + at, part);
            if (weight) gradient = gradient * load_up_to(weight + at, part);
            vf normal = (load_up_to(x + r * count + at, part) - statistics[2 * r]) * statistics[2 * r + 1];
            vf own = multiply_add(-normal, splat(along[r]), gradient - plain[r]) * statistics[2 * r + 1];
            if (residual) own = load_up_to(residual + r * count + at, part) + own;
            store_up_to(dx + r * count + at, own, part);
        }
    })
}

static void layer_norm_gradient(size_t rows, size_t count, const float *x, const float *statistics, const float *weight,
                                const float *dy, const float *residual, float *dx) {
    size_t row = 0;
    for (; row + LS_NORM_ROWS <= rows; row += LS_NORM_ROWS)
        layer_norm_gradient_rows(LS_NORM_ROWS, count, x + row * count, statistics + 2 * row, weight, dy + row * count,
                                 residual ? residual + row * count : NULL, dx + row * count);
    for (; row < rows; row++)
        layer_norm_gradient_rows(1, count, x + row * count, statistics + 2 * row, weight, dy + row * count,
                                 residual ? residual + row * count : NULL, dx + row * count);
}

/// Both sums of `vectors` vectors of columns; the last one has `part` columns.
LS_INLINE void layer_norm_parameter_columns(const int vectors, const size_t part, size_t count, const float *x,
                                            const float *statistics, const float *dy, size_t positions,
                                            const uint32_t *lane_starts, size_t lanes, float *weight_gradient,
                                            float *bias_gradient) {
    vf waiting[LS_TREE_SLOTS][2 * LS_COLUMN_VECTORS];
    for (size_t lane = 0; lane < lanes; lane++) {
        size_t row = lane_starts[lane] * positions;
        const size_t end = lane_starts[lane + 1] * positions;
        vf total[2 * LS_COLUMN_VECTORS];
        LS_UNROLL for (int v = 0; v < 2 * vectors; v++) total[v] = splat(0);
        for (bool started = false; row < end; started = true) {
            vf chunk[2 * LS_COLUMN_VECTORS];
            LS_UNROLL for (int v = 0; v < 2 * vectors; v++) chunk[v] = splat(0);
            const size_t stop = smaller(row + LS_CHAIN_LENGTH, end);
            for (; row < stop; row++) {
                const float mean = statistics[2 * row], inverse = statistics[2 * row + 1];
                LS_UNROLL for (int v = 0; v < vectors; v++) {
                    const size_t here = v + 1 < vectors ? LS_WIDTH : part, at = row * count + (size_t)v * LS_WIDTH;
                    vf gradient = load_up_to(dy + at, here);
                    vf normal = (load_up_to(x + at, here) - mean) * inverse;
                    chunk[v] = multiply_add(gradient, only_first(normal, here), chunk[v]);
                    chunk[vectors + v] += gradient;
                }
            }
            LS_UNROLL for (int v = 0; v < 2 * vectors; v++) total[v] = started ? total[v] + chunk[v] : chunk[v];
        }
        merge_lane(2 * vectors, waiting, step_of_lane(lane, lanes), total);
    }
    LS_UNROLL for (int v = 0; v < vectors; v++) {
        const size_t here = v + 1 < vectors ? LS_WIDTH : part;
        store_up_to(weight_gradient + v * LS_WIDTH, waiting[0][v], here);
        store_up_to(bias_gradient + v * LS_WIDTH, waiting[0][vectors + v], here);
    }
}

static void layer_norm_parameter_gradient(size_t count, const float *x, const float *statistics, const float *dy,
                                          size_t positions, const uint32_t *lane_starts, size_t lanes,
                                          float *weight_gradient, float *bias_gradient) {
    LS_FOR_COLUMN_BLOCKS(count, {
        layer_norm_parameter_columns(vectors, part, count, x + at, statistics, dy + at, positions, lane_starts, lanes,
                                     weight_gradient + at, bias_gradient + at);
    })
}
