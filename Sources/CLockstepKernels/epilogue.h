// What follows a chain: in the registers of a tile where that is cheap, else over rows that are still in the cache.

/// Whether a tile only adds the bias, and `finish_rows` does the rest.
LS_INLINE bool finishes_rows(const ls_epilogue *e) {
    return e && (e->activation > LS_RELU || e->before || e->saved_activation);
}

/// Lets `tile` write its results, which start in column `column`, at `offset` from c, and do its part of the epilogue.
LS_INLINE void set_result(row_tile *tile, const ls_epilogue *e, float *c, size_t offset, size_t column) {
    tile->c = c + offset;
    if (!e) return;
    tile->bias = e->bias ? e->bias + column : NULL;
    if (finishes_rows(e)) return;
    tile->relu = e->activation == LS_RELU;
    tile->residual = e->residual ? e->residual + offset : NULL;
    tile->mask = e->mask ? e->mask + offset : NULL;
}

/// Brings the part of `saved` nearer that `finish_rows` will read for a tile of two vectors of columns at `offset`.
LS_INLINE void approach_saved(const ls_epilogue *e, size_t rows, size_t offset, size_t c_stride) {
    if (!e || !e->saved_activation) return;
    for (size_t r = 0; r < rows; r++)
        for (int p = 0; p < 2 * LS_WIDTH; p += LS_LINE) __builtin_prefetch(e->saved + offset + r * c_stride + p, 0, 2);
}

/// All but the bias of an epilogue that tiles leave open, over `rows` rows of c, which stand at `offset` from the start
/// of the result.
static void finish_rows(const ls_epilogue *e, size_t rows, size_t columns, size_t offset, float *c, size_t c_stride) {
    if (columns == c_stride) {
        columns *= rows;
        rows = columns ? 1 : 0;
    }
    for (size_t r = 0; r < rows; r++, offset += c_stride) {
        float *row = c + offset;
        if (e->before) __builtin_memcpy(e->before + offset, row, columns * sizeof(float));
        if (e->activation == LS_RELU) relu(columns, row, row);
        else if (e->activation > LS_RELU)
            activation((ls_activation)(e->activation - 2), e->parameter, columns, row, row);
        if (e->residual) add(columns, row, e->residual + offset);
        if (e->mask) relu_gradient(columns, e->mask + offset, row, row);
        if (e->saved_activation > LS_RELU)
            activation_gradient((ls_activation)(e->saved_activation - 2), e->parameter, columns, e->saved + offset,
                                row, row);
    }
}
