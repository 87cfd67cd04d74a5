// Convolutions on height × width × channels, straight from the image: packing, forward and the gradient of the data.

/// to[term · to_stride] = from[term], or in reverse order of terms; `taps` is a constant for the usual kernels.
LS_INLINE void copy_taps(const size_t taps, bool reversed, const float *from, float *to, size_t to_stride) {
    for (size_t tap = 0; tap < taps; tap++) to[(reversed ? taps - 1 - tap : tap) * to_stride] = from[tap];
}

/// Packs weights so that k runs over (tap, inner) and n over `columns`; the taps of one pair stand together at
/// weights[column · column_stride + inner · inner_stride].
LS_INLINE void pack_taps(const size_t taps, bool reversed, size_t inner, size_t columns, const float *weights,
                         size_t inner_stride, size_t column_stride, float *packed) {
    for (size_t start = 0; start < columns; start += LS_PANEL_WIDTH) {
        const size_t present = smaller(LS_PANEL_WIDTH, columns - start);
        if (present < LS_PANEL_WIDTH) __builtin_memset(packed, 0, taps * inner * LS_PANEL_WIDTH * sizeof(float));
        for (size_t i = 0; i < inner; i++)
            for (size_t j = 0; j < present; j++)
                copy_taps(taps, reversed, weights + (start + j) * column_stride + i * inner_stride,
                          packed + i * LS_PANEL_WIDTH + j, inner * LS_PANEL_WIDTH);
        packed += taps * inner * LS_PANEL_WIDTH;
    }
}

static void convolution_pack(const ls_convolution *s, const float *weights, float *packed) {
    const size_t taps = s->kernel_height * s->kernel_width, stride = s->channels * taps;
    if (taps == 9) pack_taps(9, false, s->channels, s->outputs, weights, 9, stride, packed);
    else pack_taps(taps, false, s->channels, s->outputs, weights, taps, stride, packed);
}

/// One axis of the gradient of the data with a stride. Input pixel i has the taps t with (i + padding − t) divisible by
/// the stride; the pixels with the same remainder have the same taps.
typedef struct {
    /// The first such pixel and how many there are.
    size_t first, count;
    /// Taps `remainder`, `remainder` + stride, …
    size_t remainder, taps;
    /// Where the last of these taps puts the first pixel in dy; may lie outside.
    ptrdiff_t origin;
} gradient_phase;

LS_INLINE gradient_phase phase_of(size_t remainder, size_t extent, size_t kernel, size_t stride, size_t padding) {
    const size_t first = (remainder + stride - padding % stride) % stride;
    const size_t taps = kernel > remainder ? (kernel - remainder - 1) / stride + 1 : 0;
    return (gradient_phase){
        .first = first,
        .count = extent > first ? (extent - first - 1) / stride + 1 : 0,
        .remainder = remainder,
        .taps = taps,
        .origin = (ptrdiff_t)((first + padding) / stride) - (ptrdiff_t)taps + 1,
    };
}

static void convolution_pack_flipped(const ls_convolution *s, const float *weights, float *packed) {
    const size_t taps = s->kernel_height * s->kernel_width, channels = s->channels, stride = s->stride;
    if (stride == 1 && taps == 9) {
        pack_taps(9, true, s->outputs, channels, weights, channels * 9, 9, packed);
        return;
    }
    if (stride == 1) {
        pack_taps(taps, true, s->outputs, channels, weights, channels * taps, taps, packed);
        return;
    }
    for (size_t remainder = 0; remainder < stride * stride; remainder++) {
        const gradient_phase down = phase_of(remainder / stride, s->height, s->kernel_height, stride, s->padding);
        const gradient_phase across = phase_of(remainder % stride, s->width, s->kernel_width, stride, s->padding);
        const size_t k = down.taps * across.taps * s->outputs;
        for (size_t start = 0; start < channels; start += LS_PANEL_WIDTH) {
            const size_t present = smaller(LS_PANEL_WIDTH, channels - start);
            for (size_t p = 0; p < k; p++, packed += LS_PANEL_WIDTH) {
                const size_t tap = p / s->outputs, output = p % s->outputs;
                const size_t ky = down.remainder + (down.taps - 1 - tap / across.taps) * stride;
                const size_t kx = across.remainder + (across.taps - 1 - tap % across.taps) * stride;
                const float *from = weights + (output * channels + start) * taps + ky * s->kernel_width + kx;
                for (size_t j = 0; j < LS_PANEL_WIDTH; j++) packed[j] = j < present ? from[j * taps] : 0;
            }
        }
    }
}

/// One pass of a convolution: every output is one chain over (tap down, tap across, channel) of the image it reads, with
/// zeros around the image; then bias and relu.
typedef struct {
    size_t images;
    /// The image that is read, and where the first tap of the first output lies in it, perhaps outside.
    const float *x;
    size_t height, width, channels;
    ptrdiff_t top, left;
    /// Pixels between neighbouring outputs.
    size_t step;
    size_t taps_down, taps_across;
    /// taps_down · taps_across · channels rows of `outputs` columns.
    const float *packed;
    /// The results and the distances between them, in elements.
    float *y;
    size_t rows, columns, outputs;
    size_t y_image, y_row, y_pixel;
    const float *bias;
    bool relu;
    /// Room for the lines that a tile reads, where it reads beyond the image.
    float *scratch;
} convolution_pass;

/// Elements `start` ..< `end` of `count` pixels in a row from column `left` of image row `row`, zeros outside.
LS_INLINE void copy_line(const convolution_pass *t, size_t image, ptrdiff_t row, ptrdiff_t left, size_t count,
                         size_t start, size_t end, float *to) {
    const ptrdiff_t width = (ptrdiff_t)t->width, columns = (ptrdiff_t)count;
    const bool in_rows = row >= 0 && row < (ptrdiff_t)t->height;
    if (in_rows && left >= 0 && left + columns <= width) {
        const float *from = t->x + ((image * t->height + (size_t)row) * t->width + (size_t)left) * t->channels;
        __builtin_memcpy(to, from + start, (end - start) * sizeof(float));
        return;
    }
    const bool present = in_rows && left < width && left + columns > 0;
    const size_t before = left < 0 ? (size_t)-left : 0;
    const size_t behind = present && left + columns > width ? (size_t)(width - left) : count;
    const size_t first = present ? smaller(larger(before * t->channels, start), end) : end;
    const size_t last = present ? larger(smaller(behind * t->channels, end), first) : end;
    __builtin_memset(to, 0, (first - start) * sizeof(float));
    if (last > first) {
        const float *line = t->x + (image * t->height + (size_t)row) * t->width * t->channels;
        __builtin_memcpy(to + (first - start), line + (left * (ptrdiff_t)t->channels + (ptrdiff_t)first),
                         (last - first) * sizeof(float));
    }
    __builtin_memset(to + (last - start), 0, (end - last) * sizeof(float));
}

/// Terms of a chain that are copied at a time where the pixels of a tile are gathered.
#define LS_GATHERED_TERMS 576

/// A pass over narrow images with outputs that follow without gaps: the patches of a tile's pixels, which may lie in
/// several rows and images, are copied below one another first.
static void run_gathered_pass(const convolution_pass *t) {
    const size_t run = t->taps_across * t->channels, k = t->taps_down * run, positions = t->rows * t->columns;
    const balanced_cut tiles = cut(t->images * positions, LS_TILE_ROWS);
    float patches[LS_TILE_ROWS * (LS_GATHERED_TERMS + 16)];
    for (size_t index = 0; index < tiles.parts; index++) {
        const size_t pixel = part_start(tiles, index), rows = part_size(tiles, index);
        for (size_t start = 0; start < k; start += LS_GATHERED_TERMS) {
            const size_t end = smaller(start + LS_GATHERED_TERMS, k);
            row_tile tile = {.a = patches, .a_stride = LS_GATHERED_TERMS + 16, .segments = 1, .k = end - start,
                             .c_stride = t->outputs, .resume = start > 0, .finish = end == k, .relu = t->relu};
            for (size_t r = 0; r < rows; r++) {
                const size_t image = (pixel + r) / positions, position = (pixel + r) % positions;
                const ptrdiff_t top = t->top + (ptrdiff_t)(position / t->columns * t->step);
                const ptrdiff_t left = t->left + (ptrdiff_t)(position % t->columns * t->step);
                float *to = patches + r * tile.a_stride;
                for (size_t term = start; term < end;) {
                    const size_t tap = term / run, at = term % run, length = smaller(run - at, end - term);
                    copy_line(t, image, top + (ptrdiff_t)tap, left, t->taps_across, at, at + length, to);
                    to += length;
                    term += length;
                }
            }
            run_row_tile_over_columns(&tile, rows, t->outputs, k, start, t->packed, t->bias,
                                      t->y + pixel * t->outputs);
        }
    }
}

/// A pass whose tiles are neighbours in a row and read the image where it stands; a tile that reads beyond the image
/// gets a copy of its lines.
static void run_tiles(const convolution_pass *t) {
    const size_t run = t->taps_across * t->channels, k = t->taps_down * run, line = t->width * t->channels;
    const balanced_cut tiles = cut(t->columns, LS_TILE_ROWS);
    row_tile tile = {.a_stride = t->step * t->channels, .segments = t->taps_down, .k = run, .c_stride = t->y_pixel,
                     .finish = true, .relu = t->relu};
    for (size_t image = 0; image < t->images; image++) {
        for (size_t j = 0; j < t->outputs; j += 2 * LS_WIDTH) {
            tile.b = t->packed + j / LS_PANEL_WIDTH * k * LS_PANEL_WIDTH + j % LS_PANEL_WIDTH;
            tile.bias = t->bias ? t->bias + j : NULL;
            tile.columns = t->outputs - j;
            for (size_t row = 0; row < t->rows; row++) {
                const ptrdiff_t top = t->top + (ptrdiff_t)(row * t->step);
                const bool row_inside = top >= 0 && top + (ptrdiff_t)t->taps_down <= (ptrdiff_t)t->height;
                for (size_t index = 0; index < tiles.parts; index++) {
                    const size_t pixel = part_start(tiles, index), rows = part_size(tiles, index);
                    const ptrdiff_t left = t->left + (ptrdiff_t)(pixel * t->step);
                    const size_t reach = (rows - 1) * t->step + t->taps_across;
                    if (row_inside && left >= 0 && left + (ptrdiff_t)reach <= (ptrdiff_t)t->width) {
                        tile.a = t->x + (image * t->height + (size_t)top) * line + (size_t)left * t->channels;
                        tile.segment_stride = line;
                    } else {
                        tile.a = t->scratch;
                        tile.segment_stride = reach * t->channels;
                        for (size_t tap = 0; tap < t->taps_down; tap++)
                            copy_line(t, image, top + (ptrdiff_t)tap, left, reach, 0, tile.segment_stride,
                                      t->scratch + tap * tile.segment_stride);
                    }
                    tile.c = t->y + image * t->y_image + row * t->y_row + pixel * t->y_pixel + j;
                    row_tiles[tile.columns > LS_WIDTH][rows - 1](&tile);
                }
            }
        }
    }
}

/// `run_tiles`, where a small image that is read beyond its border is copied whole first.
static void run_pass(const convolution_pass *t) {
    if (t->rows == 0 || t->columns == 0) return;
    const size_t height = (t->rows - 1) * t->step + t->taps_down, width = (t->columns - 1) * t->step + t->taps_across;
    const bool inside = t->top >= 0 && t->top + (ptrdiff_t)height <= (ptrdiff_t)t->height && t->left >= 0
                     && t->left + (ptrdiff_t)width <= (ptrdiff_t)t->width;
    const size_t line = width * t->channels;
    if (inside || height * line > LS_PADDED_POOL) {
        run_tiles(t);
        return;
    }
    convolution_pass copied = *t;
    copied.images = 1;
    copied.x = t->scratch;
    copied.height = height;
    copied.width = width;
    copied.top = copied.left = 0;
    for (size_t image = 0; image < t->images; image++, copied.y += t->y_image) {
        for (size_t row = 0; row < height; row++)
            copy_line(t, image, t->top + (ptrdiff_t)row, t->left, width, 0, line, t->scratch + row * line);
        run_tiles(&copied);
    }
}

/// Runs a pass with outputs that follow without gaps.
static void run_dense_pass(convolution_pass *t) {
    t->y_pixel = t->outputs;
    t->y_row = t->columns * t->y_pixel;
    t->y_image = t->rows * t->y_row;
    if (cut(t->columns, LS_TILE_ROWS).size * 2 <= LS_TILE_ROWS) run_gathered_pass(t);
    else run_pass(t);
}

static void convolution_forward(const ls_convolution *s, size_t images, const float *x, const float *packed,
                                const float *bias, bool relu, float *y, float *scratch) {
    run_dense_pass(&(convolution_pass){
        .images = images,
        .x = x,
        .height = s->height,
        .width = s->width,
        .channels = s->channels,
        .top = -(ptrdiff_t)s->padding,
        .left = -(ptrdiff_t)s->padding,
        .step = s->stride,
        .taps_down = s->kernel_height,
        .taps_across = s->kernel_width,
        .packed = packed,
        .y = y,
        .rows = ls_output_height(s),
        .columns = ls_output_width(s),
        .outputs = s->outputs,
        .bias = bias,
        .relu = relu,
        .scratch = scratch,
    });
}

static void convolution_data_gradient(const ls_convolution *s, size_t images, const float *dy, const float *packed,
                                      float *dx, float *scratch) {
    const size_t stride = s->stride;
    for (size_t remainder = 0; remainder < stride * stride; remainder++) {
        const gradient_phase down = phase_of(remainder / stride, s->height, s->kernel_height, stride, s->padding);
        const gradient_phase across = phase_of(remainder % stride, s->width, s->kernel_width, stride, s->padding);
        convolution_pass pass = {
            .images = images,
            .x = dy,
            .height = ls_output_height(s),
            .width = ls_output_width(s),
            .channels = s->outputs,
            .top = down.origin,
            .left = across.origin,
            .step = 1,
            .taps_down = down.taps,
            .taps_across = across.taps,
            .packed = packed,
            .y = dx + (down.first * s->width + across.first) * s->channels,
            .rows = down.count,
            .columns = across.count,
            .outputs = s->channels,
            .y_image = s->height * s->width * s->channels,
            .y_row = stride * s->width * s->channels,
            .y_pixel = stride * s->channels,
            .scratch = scratch,
        };
        packed += ls_packed_count(down.taps * across.taps * s->outputs, s->channels);
        if (stride == 1) run_dense_pass(&pass);
        else run_pass(&pass);
    }
}
