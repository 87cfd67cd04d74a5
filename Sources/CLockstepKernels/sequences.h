// Sums and products of tensors, and copies of columns.

static void add_broadcast(size_t rows, size_t count, const float *x, const float *b, float *y) {
    for (size_t row = 0; row < rows; row++, x += count, y += count)
        LS_FOR_COLUMNS(count, { store_up_to(y + at, load_up_to(x + at, part) + load_up_to(b + at, part), part); })
}

static void copy_columns(size_t rows, size_t columns, const float *from, size_t from_stride, float *to,
                         size_t to_stride) {
    for (size_t row = 0; row < rows; row++, from += from_stride, to += to_stride)
        __builtin_memcpy(to, from, columns * sizeof(float));
}

static void multiply(size_t count, const float *a, const float *b, float *y) {
    LS_FOR_COLUMNS(count, { store_up_to(y + at, load_up_to(a + at, part) * load_up_to(b + at, part), part); })
}

static void subtract(size_t count, const float *a, const float *b, float *y) {
    LS_FOR_COLUMNS(count, { store_up_to(y + at, load_up_to(a + at, part) - load_up_to(b + at, part), part); })
}

static void scale_add(size_t count, const float *x, float factor, float offset, float *y) {
    LS_FOR_COLUMNS(count, {
        vf scaled = load_up_to(x + at, part) * factor;
        store_up_to(y + at, scaled + offset, part);
    })
}
