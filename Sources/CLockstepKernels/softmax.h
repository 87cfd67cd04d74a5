// Softmax, alone and with cross-entropy, a row at a time.

/// Vectors of 16 strided partial sums.
#define LS_SUM_16_VECTORS (16 / LS_WIDTH)

/// 16 strided partial sums: element i goes to sum i mod 16.
typedef struct {
    vf v[LS_SUM_16_VECTORS];
} strided_sums;

/// The sums added in the tree 8, 4, 2, 1.
LS_INLINE float total_of(const strided_sums *strided) {
    float sums[16];
    LS_UNROLL for (int v = 0; v < LS_SUM_16_VECTORS; v++) store(sums + v * LS_WIDTH, strided->v[v]);
    for (int half = 8; half >= 1; half /= 2)
        for (int i = 0; i < half; i++) sums[i] = sums[i] + sums[i + half];
    return sums[0];
}

/// Up to a vector at p, then zeros.
LS_INLINE vf load_up_to(const float *p, size_t count) { return count >= LS_WIDTH ? load(p) : load_part(p, count); }
LS_INLINE void store_up_to(float *p, vf v, size_t count) {
    if (count >= LS_WIDTH) store(p, v);
    else store_part(p, v, count);
}

/// v where there are `count` elements, zeros behind them.
LS_INLINE vf only_first(vf v, size_t count) {
    if (count >= LS_WIDTH) return v;
    vf present = splat(0);
    for (size_t i = 0; i < count; i++) present[i] = 1;
    return select((vi)(present > 0), v, splat(0));
}

/// Runs a body over a row of `count` elements, a vector at a time: `at` is its first element, `part` the elements that
/// are there, `sum` its partial sums.
#define LS_FOR_STRIDED(COUNT, SUMS, ...)                                       \
    for (size_t start = 0; start < (COUNT); start += 16) {                     \
        LS_UNROLL for (int lane = 0; lane < LS_SUM_16_VECTORS; lane++) {       \
            const size_t at = start + (size_t)lane * LS_WIDTH;                 \
            if (at >= (COUNT)) break;                                          \
            const size_t part = smaller(LS_WIDTH, (COUNT)-at);                 \
            vf *const sum = &(SUMS).v[lane];                                   \
            __VA_ARGS__                                                        \
        }                                                                      \
    }

/// The maximum of a row, in order, and the first place where it stands.
LS_INLINE float maximum_of(size_t count, const float *x, size_t *winner) {
    float maximum = x[0];
    *winner = 0;
    for (size_t i = 1; i < count; i++) {
        *winner = x[i] > maximum ? i : *winner;
        maximum = x[i] > maximum ? x[i] : maximum;
    }
    return maximum;
}

/// Σ exp(x − maximum); the terms go to e, which may be NULL or x.
LS_INLINE float exponential_sum(size_t count, const float *x, float maximum, float *e) {
    strided_sums sums = {{{0}}};
    LS_FOR_STRIDED(count, sums, {
        vf term = only_first(exp_of(load_up_to(x + at, part) - maximum), part);
        *sum += term;
        if (e) store_up_to(e + at, term, part);
    })
    return total_of(&sums);
}

static void softmax_cross_entropy(size_t rows, size_t classes, const float *logits, const int32_t *labels,
                                  float *losses, float *gradient, uint8_t *correct) {
    for (size_t row = 0; row < rows; row++) {
        const float *x = logits + row * classes;
        float *dx = gradient ? gradient + row * classes : NULL;
        const size_t label = (size_t)labels[row];
        size_t winner;
        const float maximum = maximum_of(classes, x, &winner);
        const float margin = x[label] - maximum;
        const float sum = exponential_sum(classes, x, maximum, dx);
        losses[row] = log_of(splat(sum))[0] - margin;
        correct[row] = winner == label;
        if (dx) {
            for (size_t i = 0; i < classes; i++) dx[i] = dx[i] / sum;
            dx[label] = dx[label] - 1;
        }
    }
}

static void softmax_cross_entropy_smoothed(size_t rows, size_t classes, const float *logits, const int32_t *labels,
                                           float smoothing, const float *weights, float *losses, float *gradient) {
    const float share = smoothing / (float)classes, rest = 1.0f - smoothing;
    float weight = (float)classes;
    if (weights) {
        strided_sums sums = {{{0}}};
        LS_FOR_STRIDED(classes, sums, { *sum += load_up_to(weights + at, part); })
        weight = total_of(&sums);
    }
    for (size_t row = 0; row < rows; row++) {
        const float *x = logits + row * classes;
        const size_t label = (size_t)labels[row];
        size_t winner;
        const float maximum = maximum_of(classes, x, &winner);
        const float logarithm = log_of(splat(exponential_sum(classes, x, maximum, NULL)))[0];
        const float of_label = rest * (weights ? weights[label] : 1.0f);
        float loss = of_label * (logarithm - (x[label] - maximum));
        if (smoothing > 0) {
            strided_sums sums = {{{0}}};
            LS_FOR_STRIDED(classes, sums, {
                vf negative = only_first(logarithm - (load_up_to(x + at, part) - maximum), part);
                *sum = multiply_add(weights ? load_up_to(weights + at, part) : splat(1.0f), negative, *sum);
            })
            loss = loss + share * total_of(&sums);
        }
        losses[row] = loss;
        if (!gradient) continue;
        float *dx = gradient + row * classes;
        const float sum = exponential_sum(classes, x, maximum, dx);
        const float weighted = share * weight, total = weighted + of_label;
        for (size_t i = 0; i < classes; i += LS_WIDTH) {
            const size_t part = smaller(LS_WIDTH, classes - i);
            vf own = weights ? share * load_up_to(weights + i, part) : splat(share);
            store_up_to(dx + i, multiply_add(splat(total), load_up_to(dx + i, part) / sum, -own), part);
        }
        dx[label] = dx[label] - of_label;
    }
}

static void softmax(size_t rows, size_t count, const float *x, float *y) {
    for (size_t row = 0; row < rows; row++, x += count, y += count) {
        size_t winner;
        const float sum = exponential_sum(count, x, maximum_of(count, x, &winner), y);
        for (size_t i = 0; i < count; i += LS_WIDTH) {
            const size_t part = smaller(LS_WIDTH, count - i);
            store_up_to(y + i, load_up_to(y + i, part) / sum, part);
        }
    }
}

static void softmax_gradient(size_t rows, size_t count, const float *y, const float *dy, float *dx) {
    for (size_t row = 0; row < rows; row++, y += count, dy += count, dx += count) {
        strided_sums sums = {{{0}}};
        LS_FOR_STRIDED(count, sums, {
            *sum = multiply_add(load_up_to(dy + at, part), load_up_to(y + at, part), *sum);
        })
        const float projection = total_of(&sums);
        for (size_t i = 0; i < count; i += LS_WIDTH) {
            const size_t part = smaller(LS_WIDTH, count - i);
            store_up_to(dx + i, load_up_to(y + i, part) * (load_up_to(dy + i, part) - projection), part);
        }
    }
}
