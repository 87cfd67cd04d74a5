// Passes of a convolution on height × width × channels, straight from the image.

/// One pass of a convolution: every output is one chain over (tap down, tap across, channel) of the image it reads, with
/// zeros around the image; then the epilogue.
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
    /// The results, of which the first stands at `offset`, and the distances between them, in elements.
    float *y;
    size_t offset, rows, columns, outputs;
    size_t y_image, y_row, y_pixel;
    const ls_epilogue *epilogue;
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
            row_tile tile = {.a = patches, .a_stride = LS_GATHERED_TERMS + 16, .a_step = 1,
                             .b_step = LS_PANEL_WIDTH, .segments = 1, .k = end - start,
                             .c_stride = t->outputs, .resume = start > 0, .finish = end == k};
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
            run_row_tile_over_columns(&tile, rows, t->outputs, k, start, t->packed, t->epilogue, t->y,
                                      t->offset + pixel * t->outputs);
        }
    }
}

/// A pass whose tiles are neighbours in a row and read the image where it stands; a tile that reads beyond the image
/// gets a copy of its lines.
static void run_tiles(const convolution_pass *t) {
    const size_t run = t->taps_across * t->channels, k = t->taps_down * run, line = t->width * t->channels;
    const balanced_cut tiles = cut(t->columns, LS_TILE_ROWS);
    row_tile tile = {.a_stride = t->step * t->channels, .a_step = 1, .b_step = LS_PANEL_WIDTH,
                     .segments = t->taps_down, .k = run, .c_stride = t->y_pixel, .finish = true};
    for (size_t image = 0; image < t->images; image++) {
        for (size_t j = 0; j < t->outputs; j += 2 * LS_WIDTH) {
            tile.b = t->packed + j / LS_PANEL_WIDTH * k * LS_PANEL_WIDTH + j % LS_PANEL_WIDTH;
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
                    set_result(&tile, t->epilogue, t->y,
                               t->offset + image * t->y_image + row * t->y_row + pixel * t->y_pixel + j, j);
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
    for (size_t image = 0; image < t->images; image++, copied.offset += t->y_image) {
        for (size_t row = 0; row < height; row++)
            copy_line(t, image, t->top + (ptrdiff_t)row, t->left, width, 0, line, t->scratch + row * line);
        run_tiles(&copied);
    }
}
