// Batch normalisation: each channel by the mean and variance of its lane.
//
// What a lane's rows (image, position) are summed up to stands in the statistics or sums of that lane while the sums
// grow, a chunk of rows after the other, so that the tensors are read once for them. What follows goes through the
// chunks backwards: the last of them is still in the cache.

/// Adds a chunk of `rows` rows to the sum and the sum of squared distances of the `before` rows before them.
LS_INLINE void add_moments(const int vectors, const size_t part, size_t channels, size_t before, size_t rows,
                           const float *x, float *sums, float *squares) {
    vf sum[LS_COLUMN_VECTORS], mean[LS_COLUMN_VECTORS], square[LS_COLUMN_VECTORS], value[LS_COLUMN_VECTORS];
    LS_UNROLL for (int v = 0; v < vectors; v++) sum[v] = square[v] = splat(0);
    for (size_t row = 0; row < rows; row++) {
        load_vectors(vectors, part, x + row * channels, value);
        LS_UNROLL for (int v = 0; v < vectors; v++) sum[v] += value[v];
    }
    const float n = (float)rows;
    LS_UNROLL for (int v = 0; v < vectors; v++) mean[v] = sum[v] / n;
    for (size_t row = 0; row < rows; row++) {
        load_vectors(vectors, part, x + row * channels, value);
        LS_UNROLL for (int v = 0; v < vectors; v++) {
            vf distance = value[v] - mean[v];
            square[v] = multiply_add(distance, distance, square[v]);
        }
    }
    if (before > 0) {
        const float past = (float)before, weight = (float)((double)before * (double)rows / (double)(before + rows));
        vf other_sum[LS_COLUMN_VECTORS], other_square[LS_COLUMN_VECTORS];
        load_vectors(vectors, part, sums, other_sum);
        load_vectors(vectors, part, squares, other_square);
        LS_UNROLL for (int v = 0; v < vectors; v++) {
            vf distance = mean[v] - other_sum[v] / past;
            square[v] = multiply_add(distance * distance, splat(weight), other_square[v] + square[v]);
            sum[v] = other_sum[v] + sum[v];
        }
    }
    store_vectors(vectors, part, sums, sum);
    store_vectors(vectors, part, squares, square);
}

/// Turns the sums of `rows` rows into mean, 1 / √(variance + ε) and unbiased variance.
static void finish_moments(size_t channels, size_t rows, float epsilon, float *statistics) {
    const float n = (float)rows, less = (float)(rows - 1);
    LS_FOR_COLUMNS(channels, {
        float *const mean = statistics + at, *const inverse = mean + channels, *const unbiased = inverse + channels;
        vf square = load_up_to(inverse, part);
        store_up_to(mean, load_up_to(mean, part) / n, part);
        store_up_to(inverse, 1.0f / __builtin_elementwise_sqrt(square / n + epsilon), part);
        store_up_to(unbiased, rows > 1 ? square / less : splat(0), part);
    })
}

/// y = relu?((x − mean) · inverse · weight + bias [+ residual]) of `rows` rows.
LS_INLINE void normalise_rows(const int vectors, const size_t part, size_t channels, size_t rows, const float *x,
                              const float *mean, const float *inverse, const float *weight, const float *bias,
                              const float *residual, const bool relu, float *y) {
    vf middle[LS_COLUMN_VECTORS], scale[LS_COLUMN_VECTORS], factor[LS_COLUMN_VECTORS], offset[LS_COLUMN_VECTORS];
    load_vectors(vectors, part, mean, middle);
    load_vectors(vectors, part, inverse, scale);
    load_vectors(vectors, part, weight, factor);
    load_vectors(vectors, part, bias, offset);
    for (size_t row = 0; row < rows; row++) {
        vf value[LS_COLUMN_VECTORS], other[LS_COLUMN_VECTORS];
        load_vectors(vectors, part, x + row * channels, value);
        if (residual) load_vectors(vectors, part, residual + row * channels, other);
        LS_UNROLL for (int v = 0; v < vectors; v++) {
            vf normal = (value[v] - middle[v]) * scale[v];
            value[v] = multiply_add(normal, factor[v], offset[v]);
            if (residual) value[v] = value[v] + other[v];
            if (relu) value[v] = select((vi)(value[v] < 0), splat(0), value[v]);
        }
        store_vectors(vectors, part, y + row * channels, value);
    }
}

/// As `normalise_rows`, with what is constant made so.
LS_INLINE void normalise(const int vectors, const size_t part, size_t channels, size_t rows, const float *x,
                         const float *mean, const float *inverse, const float *weight, const float *bias,
                         const float *residual, bool relu, float *y) {
    if (relu && residual)
        normalise_rows(vectors, part, channels, rows, x, mean, inverse, weight, bias, residual, true, y);
    else if (relu)
        normalise_rows(vectors, part, channels, rows, x, mean, inverse, weight, bias, NULL, true, y);
    else if (residual)
        normalise_rows(vectors, part, channels, rows, x, mean, inverse, weight, bias, residual, false, y);
    else
        normalise_rows(vectors, part, channels, rows, x, mean, inverse, weight, bias, NULL, false, y);
}

static void batch_norm(const ls_batch_norm *s, const float *x, const uint32_t *lane_starts, size_t lanes,
                       const float *weight, const float *bias, const float *residual, bool relu, float *y,
                       float *statistics) {
    const size_t channels = s->channels;
    for (size_t lane = 0; lane < lanes; lane++, statistics += 3 * channels) {
        const size_t first = lane_starts[lane] * s->positions, end = lane_starts[lane + 1] * s->positions;
        if (first == end) {
            __builtin_memset(statistics, 0, 3 * channels * sizeof(float));
            continue;
        }
        size_t row = first;
        for (; row < end; row = smaller(row + LS_NORM_CHAIN_LENGTH, end)) {
            const size_t rows = smaller(LS_NORM_CHAIN_LENGTH, end - row);
            LS_FOR_COLUMN_BLOCKS(channels, {
                add_moments(vectors, part, channels, row - first, rows, x + row * channels + at, statistics + at,
                            statistics + channels + at);
            })
        }
        finish_moments(channels, end - first, s->epsilon, statistics);
        while (row > first) {
            const size_t stop = row;
            row = first + (row - first - 1) / LS_NORM_CHAIN_LENGTH * LS_NORM_CHAIN_LENGTH;
            LS_FOR_COLUMN_BLOCKS(channels, {
                const size_t here = row * channels + at;
                normalise(vectors, part, channels, stop - row, x + here, statistics + at, statistics + channels + at,
                          weight + at, bias + at, residual ? residual + here : NULL, relu, y + here);
            })
        }
    }
}

static void batch_norm_running(const ls_batch_norm *s, const float *statistics, const uint32_t *lane_starts,
                               size_t lanes, float *means, float *variances) {
    const size_t channels = s->channels;
    LS_FOR_COLUMNS(channels, {
        vf waiting[LS_TREE_SLOTS][2 * LS_COLUMN_VECTORS];
        for (size_t lane = 0; lane < lanes; lane++) {
            const size_t rows = (lane_starts[lane + 1] - lane_starts[lane]) * s->positions;
            const float *const mean = statistics + lane * 3 * channels + at;
            vf total[2] = {splat(0), splat(0)};
            if (rows > 1) {
                total[0] = (float)rows * load_up_to(mean, part);
                total[1] = (float)rows * load_up_to(mean + 2 * channels, part);
            }
            merge_lane(2, waiting, step_of_lane(lane, lanes), total);
        }
        store_up_to(means + at, waiting[0][0], part);
        store_up_to(variances + at, waiting[0][1], part);
    })
}

/// Adds the sums of dy and dy · x̂ over a chunk of rows to those before it, if there are any. With y, dy is 0 where y ≤ 0,
/// and goes to `masked`.
LS_INLINE void add_gradient_sums(const int vectors, const size_t part, size_t channels, bool started, size_t rows,
                                 const float *x, const float *mean, const float *inverse, const float *dy,
                                 const float *y, float *masked, float *sums, float *products) {
    vf middle[LS_COLUMN_VECTORS], scale[LS_COLUMN_VECTORS], sum[LS_COLUMN_VECTORS], product[LS_COLUMN_VECTORS];
    load_vectors(vectors, part, mean, middle);
    load_vectors(vectors, part, inverse, scale);
    LS_UNROLL for (int v = 0; v < vectors; v++) sum[v] = product[v] = splat(0);
    for (size_t row = 0; row < rows; row++) {
        vf value[LS_COLUMN_VECTORS], gradient[LS_COLUMN_VECTORS];
        load_vectors(vectors, part, x + row * channels, value);
        load_vectors(vectors, part, dy + row * channels, gradient);
        if (y) {
            vf result[LS_COLUMN_VECTORS];
            load_vectors(vectors, part, y + row * channels, result);
            LS_UNROLL for (int v = 0; v < vectors; v++)
                gradient[v] = select((vi)(result[v] > 0), gradient[v], splat(0));
            store_vectors(vectors, part, masked + row * channels, gradient);
        }
        LS_UNROLL for (int v = 0; v < vectors; v++) {
            vf normal = (value[v] - middle[v]) * scale[v];
            sum[v] += gradient[v];
            product[v] = multiply_add(gradient[v], normal, product[v]);
        }
    }
    if (started) {
        vf other_sum[LS_COLUMN_VECTORS], other_product[LS_COLUMN_VECTORS];
        load_vectors(vectors, part, sums, other_sum);
        load_vectors(vectors, part, products, other_product);
        LS_UNROLL for (int v = 0; v < vectors; v++) {
            sum[v] = other_sum[v] + sum[v];
            product[v] = other_product[v] + product[v];
        }
    }
    store_vectors(vectors, part, sums, sum);
    store_vectors(vectors, part, products, product);
}

/// dx of `rows` rows of a lane that has `count` of them.
LS_INLINE void gradient_rows(const int vectors, const size_t part, size_t channels, size_t count, size_t rows,
                             const float *x, const float *mean, const float *inverse, const float *weight,
                             const float *sums, const float *products, const float *dy, float *dx) {
    vf middle[LS_COLUMN_VECTORS], scale[LS_COLUMN_VECTORS], factor[LS_COLUMN_VECTORS], plain[LS_COLUMN_VECTORS],
        along[LS_COLUMN_VECTORS];
    load_vectors(vectors, part, mean, middle);
    load_vectors(vectors, part, inverse, scale);
    load_vectors(vectors, part, weight, factor);
    load_vectors(vectors, part, sums, plain);
    load_vectors(vectors, part, products, along);
    const float n = (float)count;
    LS_UNROLL for (int v = 0; v < vectors; v++) {
        factor[v] = factor[v] * scale[v];
        plain[v] = plain[v] / n;
        along[v] = along[v] / n;
    }
    for (size_t row = 0; row < rows; row++) {
        vf value[LS_COLUMN_VECTORS], gradient[LS_COLUMN_VECTORS];
        load_vectors(vectors, part, x + row * channels, value);
        load_vectors(vectors, part, dy + row * channels, gradient);
        LS_UNROLL for (int v = 0; v < vectors; v++) {
            vf normal = (value[v] - middle[v]) * scale[v];
            gradient[v] = multiply_add(-normal, along[v], gradient[v] - plain[v]) * factor[v];
        }
        store_vectors(vectors, part, dx + row * channels, gradient);
    }
}

static void batch_norm_gradient(const ls_batch_norm *s, const float *x, const float *statistics, const float *weight,
                                const float *dy, const float *y, float *masked, const uint32_t *lane_starts,
                                size_t lanes, float *dx, float *sums) {
    const size_t channels = s->channels;
    for (size_t lane = 0; lane < lanes; lane++, statistics += 3 * channels, sums += 2 * channels) {
        const size_t first = lane_starts[lane] * s->positions, end = lane_starts[lane + 1] * s->positions;
        if (first == end) __builtin_memset(sums, 0, 2 * channels * sizeof(float));
        size_t row = first;
        for (; row < end; row = smaller(row + LS_NORM_CHAIN_LENGTH, end)) {
            const size_t rows = smaller(LS_NORM_CHAIN_LENGTH, end - row);
            LS_FOR_COLUMN_BLOCKS(channels, {
                const size_t here = row * channels + at;
                if (y)
                    add_gradient_sums(vectors, part, channels, row > first, rows, x + here, statistics + at,
                                      statistics + channels + at, dy + here, y + here, masked + here, sums + at,
                                      sums + channels + at);
                else
                    add_gradient_sums(vectors, part, channels, row > first, rows, x + here, statistics + at,
                                      statistics + channels + at, dy + here, NULL, NULL, sums + at,
                                      sums + channels + at);
            })
        }
        const float *const gradient = y ? masked : dy;
        while (row > first) {
            const size_t stop = row;
            row = first + (row - first - 1) / LS_NORM_CHAIN_LENGTH * LS_NORM_CHAIN_LENGTH;
            LS_FOR_COLUMN_BLOCKS(channels, {
                const size_t here = row * channels + at;
                gradient_rows(vectors, part, channels, end - first, stop - row, x + here, statistics + at,
                              statistics + channels + at, weight + at, sums + at, sums + channels + at, gradient + here,
                              dx + here);
            })
        }
    }
}

static void batch_norm_parameter_gradient(const ls_batch_norm *s, const float *sums, size_t lanes,
                                          float *weight_gradient, float *bias_gradient) {
    const size_t channels = s->channels;
    LS_FOR_COLUMNS(channels, {
        vf waiting[LS_TREE_SLOTS][2 * LS_COLUMN_VECTORS];
        for (size_t lane = 0; lane < lanes; lane++) {
            const float *const own = sums + lane * 2 * channels + at;
            vf total[2] = {load_up_to(own, part), load_up_to(own + channels, part)};
            merge_lane(2, waiting, step_of_lane(lane, lanes), total);
        }
        store_up_to(bias_gradient + at, waiting[0][0], part);
        store_up_to(weight_gradient + at, waiting[0][1], part);
    })
}

static void batch_norm_inference(const ls_batch_norm *s, size_t images, const float *x, const float *weight,
                                 const float *bias, const float *mean, const float *variance, const float *residual,
                                 bool relu, float *y) {
    const size_t channels = s->channels, rows = images * s->positions;
    for (size_t row = 0; row < rows; row += LS_NORM_CHAIN_LENGTH) {
        LS_FOR_COLUMN_BLOCKS(channels, {
            vf spread[LS_COLUMN_VECTORS];
            float inverse[LS_COLUMN_VECTORS * LS_WIDTH];
            load_vectors(vectors, part, variance + at, spread);
            LS_UNROLL for (int v = 0; v < vectors; v++)
                store(inverse + v * LS_WIDTH, 1.0f / __builtin_elementwise_sqrt(spread[v] + s->epsilon));
            const size_t here = row * channels + at;
            normalise(vectors, part, channels, smaller(LS_NORM_CHAIN_LENGTH, rows - row), x + here, mean + at, inverse,
                      weight + at, bias + at, residual ? residual + here : NULL, relu, y + here);
        })
    }
}
