// Losses of single outputs: the mean over a row, and its gradient.

/// The loss of outputs x with targets t, of a kind that is a constant where it is inlined; and its derivative.
LS_INLINE vf loss_of(const ls_elementwise_loss kind, float parameter, vf x, vf t, vf *derivative) {
    vf d = x - t, size = absolute(d);
    switch (kind) {
    case LS_SQUARED_ERROR:
        *derivative = d + d;
        return d * d;
    case LS_ABSOLUTE_ERROR:
        *derivative = select((vi)(d > 0), splat(1), select((vi)(d < 0), splat(-1), d));
        return size;
    case LS_HUBER:
        *derivative = select((vi)(d > parameter), splat(parameter), select((vi)(d < -parameter), splat(-parameter), d));
        return select((vi)(size > parameter), parameter * (size - 0.5f * parameter), 0.5f * size * size);
    case LS_BINARY_CROSS_ENTROPY: {
        // softplus(x) and softplus(−x) without cancellation.
        vf rest = log1p_of(exp_of(-absolute(x)));
        vf of_x = select((vi)(x > 0), x, splat(0)) + rest, of_minus_x = select((vi)(x < 0), -x, splat(0)) + rest;
        vf positive = parameter * t, negative = 1.0f - t, of_one, of_zero;
        sigmoid_pair(x, &of_one, &of_zero);
        *derivative = multiply_add(-positive, of_zero, negative * of_one);
        return multiply_add(positive, of_minus_x, negative * of_x);
    }
    }
    return d;
}

LS_INLINE void loss_over_rows(const ls_elementwise_loss kind, float parameter, size_t rows, size_t count,
                              const float *x, const float *targets, float *losses, float *gradient) {
    const float divisor = (float)count;
    for (size_t row = 0; row < rows; row++, x += count, targets += count) {
        strided_sums sums = {{{0}}};
        LS_FOR_STRIDED(count, sums, {
            vf derivative;
            vf loss = loss_of(kind, parameter, load_up_to(x + at, part), load_up_to(targets + at, part), &derivative);
            *sum += only_first(loss, part);
            if (gradient) store_up_to(gradient + row * count + at, derivative / divisor, part);
        })
        losses[row] = total_of(&sums) / divisor;
    }
}

static void elementwise_loss(ls_elementwise_loss kind, float parameter, size_t rows, size_t count, const float *x,
                             const float *targets, float *losses, float *gradient) {
    switch (kind) {
#define LS_CASE(KIND) \
    case KIND: loss_over_rows(KIND, parameter, rows, count, x, targets, losses, gradient); return;
        LS_CASE(LS_SQUARED_ERROR)
        LS_CASE(LS_ABSOLUTE_ERROR)
        LS_CASE(LS_HUBER)
        LS_CASE(LS_BINARY_CROSS_ENTROPY)
#undef LS_CASE
    }
}
