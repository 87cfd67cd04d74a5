// Convolutions of 3 × 3 with stride 1 and many channels by F(2×2, 3×3): a square of 2 × 2 outputs is made of 16 products
// over the channels instead of 36. Which convolutions these are follows from their shape alone (ls_uses_winograd).

/// u = G g Gᵀ of 9 taps in rows of 3: first down the columns, then along the rows.
LS_INLINE void transform_taps(const vf g[9], vf u[16]) {
    vf down[4][3];
    LS_UNROLL for (int j = 0; j < 3; j++) {
        vf outer = g[j] + g[6 + j];
        down[0][j] = g[j];
        down[1][j] = (outer + g[3 + j]) * 0.5f;
        down[2][j] = (outer - g[3 + j]) * 0.5f;
        down[3][j] = g[6 + j];
    }
    LS_UNROLL for (int i = 0; i < 4; i++) {
        vf outer = down[i][0] + down[i][2];
        u[4 * i] = down[i][0];
        u[4 * i + 1] = (outer + down[i][1]) * 0.5f;
        u[4 * i + 2] = (outer - down[i][1]) * 0.5f;
        u[4 * i + 3] = down[i][2];
    }
}

/// One step of Bᵀ: four elements that a square of inputs has in a line.
LS_INLINE void transform_line(vf a, vf b, vf c, vf d, vf *to, int step) {
    to[0] = a - c;
    to[step] = b + c;
    to[2 * step] = c - b;
    to[3 * step] = b - d;
}

/// v = Bᵀ d B of one vector of channels of a square of 4 × 4 inputs, `row` and `pixel` elements apart.
LS_INLINE void transform_inputs(const float *d, size_t row, size_t pixel, vf v[16]) {
    vf down[16];
    LS_UNROLL for (int j = 0; j < 4; j++) {
        const float *at = d + j * pixel;
        transform_line(load(at), load(at + row), load(at + 2 * row), load(at + 3 * row), down + j, 4);
    }
    LS_UNROLL for (int i = 0; i < 4; i++)
        transform_line(down[4 * i], down[4 * i + 1], down[4 * i + 2], down[4 * i + 3], v + 4 * i, 1);
}

/// y = Aᵀ m A of one vector of outputs, whose 16 elements stand `step` apart.
LS_INLINE void transform_outputs(const float *m, size_t step, vf y[4]) {
    vf down[2][4];
    LS_UNROLL for (int j = 0; j < 4; j++) {
        const float *at = m + j * step;
        vf b = load(at + 4 * step), c = load(at + 8 * step);
        down[0][j] = (load(at) + b) + c;
        down[1][j] = (b - c) - load(at + 12 * step);
    }
    LS_UNROLL for (int i = 0; i < 2; i++) {
        y[2 * i] = (down[i][0] + down[i][1]) + down[i][2];
        y[2 * i + 1] = (down[i][1] - down[i][2]) - down[i][3];
    }
}

/// Vectors that hold the taps of LS_WIDTH kernels, in whole squares.
#define LS_TAP_VECTORS ((9 + LS_WIDTH - 1) / LS_WIDTH * LS_WIDTH)

/// Packs the transformed taps of all pairs: 16 matrices of `inner` rows and `columns` columns, each packed. The taps of
/// a pair stand together at weights[column · column_stride + inner · inner_stride]; `reversed` turns them by 180°.
static void winograd_pack(bool reversed, size_t inner, size_t columns, const float *weights, size_t inner_stride,
                          size_t column_stride, float *packed) {
    const size_t step = ls_packed_count(inner, columns);
    const size_t width = (columns + LS_PANEL_WIDTH - 1) / LS_PANEL_WIDTH * LS_PANEL_WIDTH;
    for (size_t start = 0; start < width; start += LS_WIDTH) {
        const size_t present = start < columns ? smaller(LS_WIDTH, columns - start) : 0;
        float *panel = packed + start / LS_PANEL_WIDTH * inner * LS_PANEL_WIDTH + start % LS_PANEL_WIDTH;
        for (size_t i = 0; i < inner; i++, panel += LS_PANEL_WIDTH) {
            const float *from = weights + start * column_stride + i * inner_stride;
            size_t stride = column_stride;
            // Whole squares reach beyond the taps: the last ones, and columns that do not exist, are read from a copy.
            float copy[LS_WIDTH * LS_TAP_VECTORS];
            if (present < LS_WIDTH || (start + LS_WIDTH == columns && i + 1 == inner)) {
                __builtin_memset(copy, 0, sizeof copy);
                for (size_t column = 0; column < present; column++)
                    __builtin_memcpy(copy + column * LS_TAP_VECTORS, from + column * column_stride, 9 * sizeof(float));
                from = copy;
                stride = LS_TAP_VECTORS;
            }
            float turned[LS_TAP_VECTORS * LS_WIDTH];
            LS_UNROLL for (int tap = 0; tap < LS_TAP_VECTORS; tap += LS_WIDTH)
                transpose_square(from + tap, stride, turned + tap * LS_WIDTH, LS_WIDTH);
            vf g[9], u[16];
            LS_UNROLL for (int tap = 0; tap < 9; tap++)
                g[tap] = load(turned + (reversed ? 8 - tap : tap) * LS_WIDTH);
            transform_taps(g, u);
            LS_UNROLL for (int e = 0; e < 16; e++) store(panel + e * step, u[e]);
        }
    }
}

/// Where a square lies: its first output.
typedef struct {
    size_t image, row, column;
} winograd_square;

LS_INLINE winograd_square square_at(const convolution_pass *t, size_t index) {
    const size_t across = (t->columns + 1) / 2, in_image = (t->rows + 1) / 2 * across, place = index % in_image;
    return (winograd_square){index / in_image, place / across * 2, place % across * 2};
}

/// The transformed inputs of a square: vectors `to_step` apart for each of the 16 elements.
static void gather_square(const convolution_pass *t, winograd_square square, float *to, size_t to_step, float *patch) {
    const size_t channels = t->channels;
    const ptrdiff_t top = t->top + (ptrdiff_t)square.row, left = t->left + (ptrdiff_t)square.column;
    const float *from = patch;
    size_t row = 4 * channels;
    if (top >= 0 && top + 4 <= (ptrdiff_t)t->height && left >= 0 && left + 4 <= (ptrdiff_t)t->width) {
        row = t->width * channels;
        from = t->x + ((square.image * t->height + (size_t)top) * t->width + (size_t)left) * channels;
    } else {
        for (size_t i = 0; i < 4; i++)
            copy_line(t, square.image, top + (ptrdiff_t)i, left, 4, 0, row, patch + i * row);
    }
    for (size_t c = 0; c < channels; c += LS_WIDTH) {
        const size_t at = smaller(c, channels - LS_WIDTH);
        vf v[16];
        transform_inputs(from + at, row, channels, v);
        LS_UNROLL for (int e = 0; e < 16; e++) store(to + e * to_step + at, v[e]);
    }
}

/// The outputs of a square from its 16 products, with the epilogue.
static void scatter_square(const convolution_pass *t, winograd_square square, const float *products, size_t step) {
    const size_t rows = smaller(2, t->rows - square.row), columns = smaller(2, t->columns - square.column);
    const size_t offset = t->offset + square.image * t->y_image + square.row * t->y_row + square.column * t->y_pixel;
    row_tile tile = {0};
    set_result(&tile, t->epilogue, t->y, offset, 0);
    for (size_t o = 0; o < t->outputs; o += LS_WIDTH) {
        const size_t at = smaller(o, t->outputs - LS_WIDTH);
        vf y[4];
        transform_outputs(products + at, step, y);
        LS_UNROLL for (int i = 0; i < 4; i++) {
            if ((size_t)i / 2 >= rows || (size_t)i % 2 >= columns) continue;
            const size_t place = (size_t)i / 2 * t->y_row + (size_t)i % 2 * t->y_pixel + at;
            vf value = y[i];
            if (tile.bias) value = value + load(tile.bias + at);
            if (tile.relu) value = select((vi)(value < 0), splat(0), value);
            if (tile.residual) value = value + load(tile.residual + place);
            if (tile.mask) value = select((vi)(load(tile.mask + place) > 0), value, splat(0));
            store(tile.c + place, value);
        }
    }
}

static void run_winograd_pass(const convolution_pass *t) {
    const size_t squares = t->images * ((t->rows + 1) / 2) * ((t->columns + 1) / 2);
    const size_t channels = t->channels, outputs = t->outputs, weights = ls_packed_count(channels, outputs);
    const size_t together = smaller(squares, ls_winograd_squares(channels, outputs));
    const size_t input_step = ls_winograd_step(together, channels), output_step = ls_winograd_step(together, outputs);
    float *patch = t->scratch, *inputs = patch + 16 * channels, *products = inputs + 16 * input_step;
    for (size_t first = 0; first < squares; first += together) {
        const size_t count = smaller(together, squares - first);
        for (size_t index = 0; index < count; index++)
            gather_square(t, square_at(t, first + index), inputs + index * channels, input_step, patch);
        for (size_t e = 0; e < 16; e++)
            product(count, outputs, channels, inputs + e * input_step, channels, t->packed + e * weights, NULL,
                    products + e * output_step, outputs);
        for (size_t index = 0; index < count; index++)
            scatter_square(t, square_at(t, first + index), products + index * outputs, output_step);
    }
}
