// Scaled dot-product attention and its gradient, a head of a sample at a time.

/// 1 / √width.
LS_INLINE float attention_scale(size_t width) {
    return (float)(1.0 / __builtin_elementwise_sqrt((double)width));
}

/// Keys that the queries of the block from `query` on see.
LS_INLINE size_t last_key(const ls_attention *a, size_t query) {
    return a->causal ? smaller(a->steps, query + LS_ATTENTION_BLOCK) : a->steps;
}

/// Which elements of a vector that starts at `at` are among the first `count`.
LS_INLINE vi is_seen(size_t at, size_t count) {
    vi index;
    for (int i = 0; i < LS_WIDTH; i++) index[i] = i;
    return index + (int32_t)at < (int32_t)count;
}

/// Where the vectors end that hold the first `count` of `end` elements.
LS_INLINE size_t end_of_seen(size_t count, size_t end) {
    return smaller(end, (count + LS_WIDTH - 1) / LS_WIDTH * LS_WIDTH);
}

/// Runs a body over the vectors of a row before `end`: `at` is the first element, `part` how many there are.
#define LS_FOR_ROW(END, ...)                                     \
    for (size_t at = 0; at < (END); at += LS_WIDTH) {            \
        const size_t part = smaller(LS_WIDTH, (END)-at);         \
        __VA_ARGS__                                              \
    }

/// A row of scores, in place: softmax of scale · x over the first `count`, then zeros up to `end`.
static void attention_row(size_t count, size_t end, float scale, float *x) {
    const size_t used = end_of_seen(count, end);
    // The largest, in any order. A NaN may be passed over: exp(x − m) is NaN there all the same.
    vf largest = splat(x[0] * scale);
    LS_FOR_ROW(used, {
        const vf v = load_up_to(x + at, part) * scale;
        largest = select(is_seen(at, count) & (vi)(v > largest), v, largest);
    })
    const float maximum = __builtin_reduce_max(largest);
    strided_sums sums = {{{0}}};
    LS_FOR_STRIDED(used, sums, {
        const vf v = exp_of(load_up_to(x + at, part) * scale - maximum);
        const vf term = select(is_seen(at, count), v, splat(0));
        *sum += term;
        store_up_to(x + at, term, part);
    })
    const float total = total_of(&sums);
    LS_FOR_ROW(used, {
        store_up_to(x + at, select(is_seen(at, count), load_up_to(x + at, part) / total, splat(0)), part);
    })
    for (size_t i = used; i < end; i++) x[i] = 0;
}

/// dp, the gradient of a row of probabilities p, in place: that of its scores; then zeros up to `end`.
static void attention_gradient_row(size_t count, size_t end, float scale, const float *p, float *dp) {
    const size_t used = end_of_seen(count, end);
    strided_sums sums = {{{0}}};
    LS_FOR_STRIDED(used, sums, {
        const vf seen = select(is_seen(at, count), load_up_to(dp + at, part), splat(0));
        *sum = multiply_add(seen, load_up_to(p + at, part), *sum);
    })
    const float projection = total_of(&sums);
    LS_FOR_ROW(used, {
        const vf v = load_up_to(p + at, part) * (load_up_to(dp + at, part) - projection) * scale;
        store_up_to(dp + at, select(is_seen(at, count), v, splat(0)), part);
    })
    for (size_t i = used; i < end; i++) dp[i] = 0;
}

/// Drops from a row of `end` probabilities, or from its gradient. Rows are a multiple of 4 elements long, as Philox's.
static void attention_dropout_row(const ls_attention *a, const ls_dropout *dropout, uint32_t position, size_t head,
                                  size_t query, size_t end, const float *x, float *y) {
    dropout_row(dropout, position, (uint32_t)((head * a->steps + query) * ((a->steps + 3) / 4)), end, x, y);
}

/// c = a · b for the panels of a b of `depth` packed rows, of which only the first k take part.
static void product_of_first(size_t m, size_t n, size_t k, size_t depth, const float *a, size_t a_stride,
                             const float *packed, float *c, size_t c_stride) {
    for (size_t j = 0; j < n; j += LS_PANEL_WIDTH, packed += depth * LS_PANEL_WIDTH)
        product(m, smaller(LS_PANEL_WIDTH, n - j), k, a, a_stride, packed, NULL, c + j, c_stride);
}

static void attention(const ls_attention *a, const ls_dropout *dropout, uint32_t first_position, size_t samples,
                      const float *qkv, float *probabilities, float *y, float *scratch) {
    const size_t steps = a->steps, width = a->width, model = a->heads * width, stride = 3 * model;
    const float scale = attention_scale(width);
    float *keys = scratch, *values = keys + ls_packed_count(width, steps);
    float *dropped = values + ls_packed_count(steps, width);
    for (size_t sample = 0; sample < samples; sample++, qkv += steps * stride, y += steps * model) {
        for (size_t head = 0; head < a->heads; head++, probabilities += steps * steps) {
            const float *queries = qkv + head * width;
            pack(width, steps, queries + model, 1, stride, keys);
            pack(steps, width, queries + 2 * model, stride, 1, values);
            for (size_t query = 0; query < steps; query += LS_ATTENTION_BLOCK) {
                const size_t rows = smaller(LS_ATTENTION_BLOCK, steps - query), end = last_key(a, query);
                float *p = probabilities + query * steps;
                product(rows, end, width, queries + query * stride, stride, keys, NULL, p, steps);
                for (size_t row = 0; row < rows; row++) {
                    attention_row(a->causal ? query + row + 1 : steps, end, scale, p + row * steps);
                    if (dropout)
                        attention_dropout_row(a, dropout, first_position + (uint32_t)sample, head, query + row, end,
                                              p + row * steps, dropped + row * steps);
                }
                product_of_first(rows, width, end, steps, dropout ? dropped : p, steps, values,
                                 y + query * model + head * width, model);
            }
        }
    }
}

/// For each block of keys c[key] = Σ over the queries that see it of weights[query][key] · x[query], where the rows of c
/// and of x are `width` wide.
static void sum_over_queries(const ls_attention *a, const float *weights, const float *x, size_t x_stride, float *c,
                             size_t c_stride, float *panel) {
    const size_t steps = a->steps;
    float total[LS_TILE_ROWS * LS_PANEL_WIDTH];
    outer_tile tile = {.a_step = steps, .b_step = LS_PANEL_WIDTH, .images = 1, .rows = 1, .chunk_rows = 1,
                       .total = total};
    for (size_t j = 0; j < a->width; j += LS_PANEL_WIDTH) {
        const size_t columns = smaller(LS_PANEL_WIDTH, a->width - j);
        copy_panel(steps, columns, x + j, x_stride, panel);
        for (size_t block = 0; block < steps; block += LS_ATTENTION_BLOCK) {
            const balanced_cut tiles = cut(smaller(LS_ATTENTION_BLOCK, steps - block), LS_TILE_ROWS);
            for (size_t index = 0; index < tiles.parts; index++) {
                const size_t key = block + part_start(tiles, index);
                size_t query = a->causal ? block : 0;
                tile.started = false;
                do {
                    tile.width = smaller(LS_CHAIN_LENGTH, steps - query);
                    tile.a = weights + query * steps + key;
                    tile.b = panel + query * LS_PANEL_WIDTH;
                    query += tile.width;
                    run_outer_tile_over_panel(&tile, part_size(tiles, index), columns,
                                              query == steps ? c + key * c_stride + j : NULL, c_stride);
                    tile.started = true;
                } while (query < steps);
            }
        }
    }
}

static void attention_gradient(const ls_attention *a, const ls_dropout *dropout, uint32_t first_position,
                               size_t samples, const float *qkv, const float *probabilities, const float *dy,
                               float *dqkv, float *scratch) {
    const size_t steps = a->steps, width = a->width, model = a->heads * width, stride = 3 * model;
    const float scale = attention_scale(width);
    float *values = scratch, *keys = values + ls_packed_count(width, steps);
    float *panel = keys + ls_packed_count(steps, width), *scores = panel + steps * LS_PANEL_WIDTH;
    float *dropped = scores + steps * steps;
    for (size_t sample = 0; sample < samples; sample++) {
        const uint32_t position = first_position + (uint32_t)sample;
        for (size_t head = 0; head < a->heads; head++, probabilities += steps * steps) {
            const float *queries = qkv + sample * steps * stride + head * width;
            const float *results = dy + sample * steps * model + head * width;
            float *d_queries = dqkv + sample * steps * stride + head * width;
            pack(width, steps, queries + 2 * model, 1, stride, values);
            pack(steps, width, queries + model, stride, 1, keys);
            for (size_t query = 0; query < steps; query += LS_ATTENTION_BLOCK) {
                const size_t rows = smaller(LS_ATTENTION_BLOCK, steps - query), end = last_key(a, query);
                float *d = scores + query * steps;
                product(rows, end, width, results + query * model, model, values, NULL, d, steps);
                for (size_t row = 0; row < rows; row++) {
                    const float *p = probabilities + (query + row) * steps;
                    float *line = d + row * steps;
                    if (dropout) {
                        attention_dropout_row(a, dropout, position, head, query + row, end, line, line);
                        attention_dropout_row(a, dropout, position, head, query + row, end, p,
                                              dropped + (query + row) * steps);
                    }
                    attention_gradient_row(a->causal ? query + row + 1 : steps, end, scale, p, line);
                }
                product_of_first(rows, width, end, steps, d, steps, keys, d_queries + query * stride, stride);
            }
            sum_over_queries(a, scores, queries, stride, d_queries + model, stride, panel);
            sum_over_queries(a, dropout ? dropped : probabilities, results, model, d_queries + 2 * model, stride, panel);
        }
    }
}
