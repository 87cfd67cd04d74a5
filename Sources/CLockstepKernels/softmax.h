// Softmax with cross-entropy, a row at a time.

/// exp(x − maximum) of up to a vector of logits; zeros behind them.
LS_INLINE vf shifted_exp(const float *x, size_t count, float maximum) {
    if (count >= LS_WIDTH) return exp_of(load(x) - maximum);
    vf present = splat(0);
    for (size_t i = 0; i < count; i++) present[i] = 1;
    return select((vi)(present > 0), exp_of(load_part(x, count) - maximum), splat(0));
}

static void softmax_cross_entropy(size_t rows, size_t classes, const float *logits, const int32_t *labels,
                                  float *losses, float *gradient, uint8_t *correct) {
    enum { vectors = 16 / LS_WIDTH };
    for (size_t row = 0; row < rows; row++) {
        const float *x = logits + row * classes;
        float *dx = gradient ? gradient + row * classes : NULL;
        const size_t label = (size_t)labels[row];
        float maximum = x[0];
        size_t winner = 0;
        for (size_t i = 1; i < classes; i++) {
            winner = x[i] > maximum ? i : winner;
            maximum = x[i] > maximum ? x[i] : maximum;
        }
        const float margin = x[label] - maximum;

        float sums[16];
        vf strided[vectors];
        LS_UNROLL for (int v = 0; v < vectors; v++) strided[v] = splat(0);
        for (size_t start = 0; start < classes; start += 16) {
            LS_UNROLL for (int v = 0; v < vectors; v++) {
                const size_t at = start + v * LS_WIDTH;
                if (at >= classes) break;
                const size_t count = smaller(LS_WIDTH, classes - at);
                vf e = shifted_exp(x + at, count, maximum);
                strided[v] += e;
                if (dx) store_part(dx + at, e, count);
            }
        }
        LS_UNROLL for (int v = 0; v < vectors; v++) store(sums + v * LS_WIDTH, strided[v]);
        for (int half = 8; half >= 1; half /= 2)
            for (int i = 0; i < half; i++) sums[i] = sums[i] + sums[i + half];
        const float sum = sums[0];

        losses[row] = log_of(splat(sum))[0] - margin;
        correct[row] = winner == label;
        if (dx) {
            for (size_t i = 0; i < classes; i++) dx[i] = dx[i] / sum;
            dx[label] = dx[label] - 1;
        }
    }
}
