// Softmax, alone and with cross-entropy, a row at a time.

/// Vectors of 16 strided partial sums.
#define LS_SUM_16_VECTORS (16 / LS_WIDTH)

/// 16 strided partial sums: element i goes to sum i mod 16.
typedef struct {
    vf v[LS_SUM_16_VECTORS];
} strided_sums;

/// The sums added in the tree 8, 4, 2, 1.
LS_INLINE float total_of(const strided_sums *strided) {
    typedef float vf16 __attribute__((ext_vector_type(16)));
    typedef float vf8 __attribute__((ext_vector_type(8)));
    typedef float vf4 __attribute__((ext_vector_type(4)));
    typedef float vf2 __attribute__((ext_vector_type(2)));
    vf16 sums;
    __builtin_memcpy(&sums, strided->v, sizeof sums);
    vf8 eight = sums.lo + sums.hi;
    vf4 four = eight.lo + eight.hi;
    vf2 two = four.lo + four.hi;
    return two.x + two.y;
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
    size_t first = 0, i = 1;
    if (count >= 2 * LS_WIDTH && maximum == maximum) {
        // The largest number, whatever its order; then the first element that equals it, which a NaN never does.
        vf largest = splat(maximum);
        for (i = 0; i + LS_WIDTH <= count; i += LS_WIDTH) {
            vf value = load(x + i);
            largest = select((vi)(value > largest), value, largest);
        }
        maximum = __builtin_reduce_max(largest);
        while (!__builtin_reduce_or((vi)(load(x + first) == maximum))) first += LS_WIDTH;
        while (x[first] != maximum) first++;
        maximum = x[first];
    }
    for (; i < count; i++) {
        first = x[i] > maximum ? i : first;
        maximum = x[i] > maximum ? x[i] : maximum;
    }
    *winner = first;
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

/// The loss of one row; its gradient, where there is one, is divided by `divisor`, which may be 1.
LS_INLINE float cross_entropy_of_row(size_t classes, const float *x, size_t label, float divisor, float *dx,
                                     uint8_t *correct) {
    size_t winner;
    const float maximum = maximum_of(classes, x, &winner);
    const float margin = x[label] - maximum;
    const float sum = exponential_sum(classes, x, maximum, dx);
    *correct = winner == label;
    if (dx) {
        const float of_label = (dx[label] / sum - 1) / divisor;
        if (divisor == 1) LS_FOR_COLUMNS(classes, { store_up_to(dx + at, load_up_to(dx + at, part) / sum, part); })
        else LS_FOR_COLUMNS(classes, { store_up_to(dx + at, load_up_to(dx + at, part) / sum / divisor, part); })
        dx[label] = of_label;
    }
    return log_of(splat(sum))[0] - margin;
}

static void softmax_cross_entropy(size_t rows, size_t classes, const float *logits, const int32_t *labels,
                                  float *losses, float *gradient, uint8_t *correct) {
    for (size_t row = 0; row < rows; row++)
        losses[row] = cross_entropy_of_row(classes, logits + row * classes, (size_t)labels[row], 1,
                                           gradient ? gradient + row * classes : NULL, correct + row);
}

static void sequence_cross_entropy(size_t samples, size_t positions, size_t classes, const float *logits,
                                   const int32_t *labels, float *losses, float *gradient, uint8_t *correct) {
    for (size_t sample = 0; sample < samples; sample++, labels += positions, correct += positions) {
        size_t counted = 0;
        for (size_t i = 0; i < positions; i++) counted += labels[i] >= 0;
        const float divisor = (float)counted;
        float sums[16] = {0};
        for (size_t i = 0; i < positions; i++, logits += classes, gradient += gradient ? classes : 0) {
            if (labels[i] < 0) {
                correct[i] = 0;
                if (gradient) __builtin_memset(gradient, 0, classes * sizeof(float));
                continue;
            }
            const float loss =
                cross_entropy_of_row(classes, logits, (size_t)labels[i], divisor, gradient, correct + i);
            sums[i % 16] = sums[i % 16] + loss;
        }
        strided_sums strided;
        __builtin_memcpy(strided.v, sums, sizeof sums);
        losses[sample] = counted ? total_of(&strided) / divisor : 0;
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
