// Matrix products of operands that are not packed.

/// A result of at most so many rows and elements is made column by column where that saves packing the larger operand.
#define LS_TURNED_ROWS 64
#define LS_TURNED_COUNT (1 << 16)

/// c = a · b in blocks of `column_block` columns, a multiple of LS_PANEL_WIDTH, of which `panels` holds a chunk. Each panel
/// is packed where it is first used: by the tile itself where its rows stand together.
static void blocked_product(const left_operand *left, size_t n, size_t k, const float *b, size_t row_stride,
                     size_t column_stride, const ls_epilogue *epilogue, float *c, size_t c_stride, size_t column_block,
                     float *panels) {
    const balanced_cut tiles = cut(left->rows, LS_TILE_ROWS);
    float copy[LS_COPIED_COUNT];
    for (size_t j = 0; j < n; j += column_block) {
        const size_t columns = smaller(column_block, n - j);
        size_t start = 0;
        do {
            const size_t length = smaller(LS_CHAIN_LENGTH, k - start);
            row_tile tile = {.segments = 1, .k = length, .c_stride = c_stride, .add = start > 0,
                             .finish = start + length == k};
            for (size_t index = 0; index < tiles.parts; index++) {
                const size_t row = part_start(tiles, index), rows = part_size(tiles, index);
                set_rows(&tile, left, row, rows, start, length, copy);
                for (size_t v = j; v < j + columns; v += 2 * LS_WIDTH) {
                    approach_rows(left, row + rows, rows, start, length, (v - j) / (2 * LS_WIDTH),
                                  (columns + 2 * LS_WIDTH - 1) / (2 * LS_WIDTH));
                    const size_t at = v % LS_PANEL_WIDTH, present = smaller(LS_PANEL_WIDTH, n - (v - at));
                    float *panel = panels + (v - at - j) * length;
                    const bool through = index == 0 && column_stride == 1 && present == LS_PANEL_WIDTH;
                    if (index == 0 && !through && at == 0)
                        pack(length, present, b + start * row_stride + v * column_stride, row_stride, column_stride,
                             panel);
                    tile.columns = n - v;
                    set_result(&tile, epilogue, c, row * c_stride + v, v);
                    if (through) {
                        tile.b = b + start * row_stride + v;
                        tile.b_step = row_stride;
                        tile.packs = panel + at;
                        packing_tiles[rows - 1](&tile);
                    } else {
                        tile.b = panel + at;
                        tile.b_step = LS_PANEL_WIDTH;
                        row_tiles[tile.columns > LS_WIDTH][rows - 1](&tile);
                    }
                }
                if (tile.finish && finishes_rows(epilogue))
                    finish_rows(epilogue, rows, columns, row * c_stride + j, c, c_stride);
            }
            start += length;
        } while (start < k);
    }
}

/// A few rows by a matrix of n ≥ LS_WIDTH columns whose rows stand together, which is read once where it stands.
static void product_of_few_rows(size_t m, size_t n, size_t k, const float *a, size_t a_stride, const float *b,
                              size_t b_stride, const ls_epilogue *epilogue, float *c, size_t c_stride) {
    for (size_t at = 0; at < n;) {
        const column_window window = window_at(at, n);
        size_t start = 0;
        do {
            const size_t length = smaller(LS_CHAIN_LENGTH, k - start);
            row_tile tile = {.a = a + start, .a_stride = a_stride, .a_step = 1, .segments = 1, .k = length,
                             .b = b + start * b_stride + window.start, .b_step = b_stride, .c_stride = c_stride,
                             .columns = window.vectors * LS_WIDTH, .add = start > 0, .finish = start + length == k};
            set_result(&tile, epilogue, c, window.start, window.start);
            row_tiles[window.vectors - 1][m - 1](&tile);
            start += length;
        } while (start < k);
        at = window_end(window);
    }
    if (finishes_rows(epilogue)) finish_rows(epilogue, m, n, 0, c, c_stride);
}

/// The next `present` terms of LS_WIDTH chains of one row, whose columns of b stand `column_stride` apart.
LS_INLINE vf add_square(vf sum, const float *a, const float *b, size_t column_stride, size_t present) {
    vf terms[LS_WIDTH];
    if (present == LS_WIDTH) {
        LS_UNROLL for (int i = 0; i < LS_WIDTH; i++) terms[i] = load(b + i * column_stride);
    } else {
        LS_UNROLL for (int i = 0; i < LS_WIDTH; i++) terms[i] = load_part(b + i * column_stride, present);
    }
    transpose_vectors(terms);
    if (present == LS_WIDTH) {
        LS_UNROLL for (int i = 0; i < LS_WIDTH; i++) sum = multiply_add(splat(a[i]), terms[i], sum);
    } else {
        LS_UNROLL for (int i = 0; i < LS_WIDTH; i++)
            if ((size_t)i < present) sum = multiply_add(splat(a[i]), terms[i], sum);
    }
    return sum;
}

/// One row by a matrix of n ≥ LS_WIDTH columns that stand together: squares of it are turned in registers.
static void product_of_one_row(size_t n, size_t k, const float *a, const float *b, size_t column_stride,
                               const ls_epilogue *epilogue, float *c) {
    for (size_t j = 0; j < n; j += LS_WIDTH) {
        const size_t column = smaller(j, n - LS_WIDTH);
        const float *from = b + column * column_stride;
        vf total = splat(0);
        size_t start = 0;
        do {
            const size_t end = smaller(start + LS_CHAIN_LENGTH, k);
            vf sum = splat(0);
            size_t p = start;
            for (; p + LS_WIDTH <= end; p += LS_WIDTH) sum = add_square(sum, a + p, from + p, column_stride, LS_WIDTH);
            if (p < end) sum = add_square(sum, a + p, from + p, column_stride, end - p);
            total = start > 0 ? total + sum : sum;
            start = end;
        } while (start < k);
        store(c + column, total);
    }
    if (!epilogue) return;
    if (epilogue->bias) add(n, c, epilogue->bias);
    finish_rows(epilogue, 1, n, 0, c, n);
}

/// A few rows by a matrix whose columns stand together: as that matrix by the rows, which are packed in its place, for they
/// are less. The result is turned at the end.
static void product_turned(size_t m, size_t n, size_t k, const float *a, size_t a_stride, const float *b,
                           size_t column_stride, const ls_epilogue *epilogue, float *c, size_t c_stride) {
    float panel[LS_CHAIN_LENGTH * LS_PANEL_WIDTH], turned[LS_TURNED_COUNT];
    const left_operand left = left_operand_of(b, n, column_stride, 1, m);
    blocked_product(&left, m, k, a, 1, a_stride, NULL, turned, m, LS_PANEL_WIDTH, panel);
    transpose(n, m, turned, m, c, c_stride);
    if (!epilogue) return;
    if (epilogue->bias)
        for (size_t r = 0; r < m; r++) add(n, c + r * c_stride, epilogue->bias);
    finish_rows(epilogue, m, n, 0, c, c_stride);
}

static void product_unpacked(size_t m, size_t n, size_t k, const float *a, size_t a_stride, const float *b,
                             size_t row_stride, size_t column_stride, const ls_epilogue *epilogue, float *c,
                             size_t c_stride) {
    if (column_stride == 1 && m > 0 && m <= LS_TILE_ROWS && n >= LS_WIDTH) {
        product_of_few_rows(m, n, k, a, a_stride, b, row_stride, epilogue, c, c_stride);
        return;
    }
    if (row_stride == 1 && m == 1 && n >= LS_WIDTH) {
        product_of_one_row(n, k, a, b, column_stride, epilogue, c);
        return;
    }
    if (row_stride == 1 && m >= LS_WIDTH && m <= LS_TURNED_ROWS && n >= m && m * n <= LS_TURNED_COUNT) {
        product_turned(m, n, k, a, a_stride, b, column_stride, epilogue, c, c_stride);
        return;
    }
    float panel[LS_CHAIN_LENGTH * LS_PANEL_WIDTH];
    const left_operand left = left_operand_of(a, m, a_stride, 1, n);
    blocked_product(&left, n, k, b, row_stride, column_stride, epilogue, c, c_stride, LS_PANEL_WIDTH, panel);
}

static void matrix_product(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column, const float *b,
                           size_t b_row, size_t b_column, const ls_epilogue *epilogue, float *c, size_t c_stride,
                           float *scratch) {
    const left_operand left = left_operand_of(a, m, a_row, a_column, n);
    blocked_product(&left, n, k, b, b_row, b_column, epilogue, c, c_stride, column_block_of(&left, n), scratch);
}
