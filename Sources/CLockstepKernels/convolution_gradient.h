// The gradients of a convolution's weights and bias.

/// The rows of tiles of a weight gradient, which are terms (ky, kx, channel).
typedef enum {
    /// kx and channel span many terms: a tile lies inside one ky.
    TERMS_OF_LINES,
    /// Few terms: a tile's rows are scattered.
    TERMS_SCATTERED,
    /// The padded image is copied, and channels span many terms: a tile lies inside one tap. The taps of a few channels
    /// follow each other, so that a block of tiles needs a copy of these channels only.
    TERMS_OF_TAPS,
} term_order;

typedef struct {
    term_order order;
    size_t run, groups, taps_across;
    /// Of the run of one ky, of all terms, or of the channels.
    balanced_cut cut;
} term_tiles;

LS_INLINE term_tiles tiles_of_terms(const ls_convolution *s) {
    const size_t run = s->kernel_width * s->channels;
    if (s->padding > 0 && s->channels * 2 > LS_TILE_ROWS)
        return (term_tiles){TERMS_OF_TAPS, run, s->kernel_height * s->kernel_width, s->kernel_width,
                            cut(s->channels, LS_TILE_ROWS)};
    if (run * 2 > LS_TILE_ROWS)
        return (term_tiles){TERMS_OF_LINES, run, s->kernel_height, s->kernel_width, cut(run, LS_TILE_ROWS)};
    return (term_tiles){TERMS_SCATTERED, run, 1, s->kernel_width, cut(s->kernel_height * run, LS_SCATTERED_ROWS)};
}
LS_INLINE size_t tiles_in_window(const term_tiles *terms) { return terms->groups * terms->cut.parts; }

/// The part of the cut that tile `index` of a window works on.
LS_INLINE size_t part_of_tile(const term_tiles *terms, size_t index) {
    return terms->order == TERMS_OF_TAPS ? index / terms->groups : index % terms->cut.parts;
}
/// The first term of tile `index` of a window.
LS_INLINE size_t first_term(const term_tiles *terms, size_t index, size_t channels) {
    const size_t start = part_start(terms->cut, part_of_tile(terms, index));
    if (terms->order == TERMS_OF_TAPS) return index % terms->groups * channels + start;
    return index / terms->cut.parts * terms->run + start;
}

/// The images, or rows of one, that a tile reads: as they stand, or a copy with zeros around and only some channels.
typedef struct {
    const float *x;
    size_t line, image_size, first_channel, channels;
} gradient_source;

/// Runs tile `index` of a window over the columns that `tile` knows.
LS_INLINE void run_terms(outer_tile *tile, const term_tiles *terms, size_t index, size_t vectors,
                         const gradient_source *source) {
    const size_t part = part_of_tile(terms, index);
    const size_t start = part_start(terms->cut, part), rows = part_size(terms->cut, part);
    size_t offsets[LS_SCATTERED_ROWS];
    switch (terms->order) {
    case TERMS_SCATTERED:
        for (size_t r = 0; r < rows; r++)
            offsets[r] = (start + r) / terms->run * source->line + (start + r) % terms->run;
        tile->a = source->x;
        tile->offsets = offsets;
        scattered_tiles[vectors - 1][rows - 1](tile);
        break;
    case TERMS_OF_LINES:
        tile->a = source->x + index / terms->cut.parts * source->line + start;
        outer_tiles[vectors - 1][rows - 1](tile);
        break;
    case TERMS_OF_TAPS: {
        const size_t tap = index % terms->groups;
        tile->a = source->x + tap / terms->taps_across * source->line
                + tap % terms->taps_across * source->channels + (start - source->first_channel);
        outer_tiles[vectors - 1][rows - 1](tile);
        break;
    }
    }
}

/// Copies what `rows` output rows from `row` on read of `count` channels of `images` images, with zeros around.
static void copy_padded(const ls_convolution *s, const float *x, size_t images, size_t row, size_t rows,
                        size_t first_channel, size_t count, float *to) {
    const size_t padding = s->padding, height = ls_read_height(s, rows), width = ls_read_width(s);
    const size_t first = smaller(padding, width), last = larger(smaller(padding + s->width, width), first);
    for (size_t image = 0; image < images; image++) {
        for (size_t r = row * s->stride; r < row * s->stride + height; r++, to += width * count) {
            if (r < padding || r >= padding + s->height) {
                __builtin_memset(to, 0, width * count * sizeof(float));
                continue;
            }
            const float *from = x + ((image * s->height + r - padding) * s->width) * s->channels + first_channel;
            __builtin_memset(to, 0, first * count * sizeof(float));
            if (count == s->channels) {
                __builtin_memcpy(to + first * count, from, (last - first) * count * sizeof(float));
            } else {
                for (size_t column = first; column < last; column++)
                    __builtin_memcpy(to + column * count, from + (column - first) * s->channels,
                                     count * sizeof(float));
            }
            __builtin_memset(to + last * count, 0, (width - last) * count * sizeof(float));
        }
    }
}

/// weights[output][channel][tap] = terms[tap][channel][output], where a row of terms is `columns` ≥ LS_WIDTH long.
static void terms_to_weights(size_t taps, size_t channels, size_t outputs, const float *terms, size_t columns,
                             float *weights) {
    const size_t count = channels * taps;
    for (size_t start = 0; start < outputs; start += LS_WIDTH) {
        const size_t first = outputs < LS_WIDTH ? 0 : smaller(start, outputs - LS_WIDTH);
        const float *from = terms + first;
        float *to = weights + first * count;
        size_t tap = 0;
        for (size_t at = 0; at < count; at += LS_WIDTH) {
            const size_t present = smaller(LS_WIDTH, count - at);
            float square[LS_WIDTH * LS_WIDTH];
            for (size_t i = 0; i < present; i++) {
                store(square + i * LS_WIDTH, load(from + tap * channels * columns));
                if (++tap == taps) {
                    tap = 0;
                    from += columns;
                }
            }
            if (present == LS_WIDTH && outputs >= LS_WIDTH) {
                transpose_square(square, LS_WIDTH, to + at, count);
            } else {
                for (size_t o = 0; o < smaller(LS_WIDTH, outputs); o++)
                    for (size_t i = 0; i < present; i++) to[o * count + at + i] = square[i * LS_WIDTH + o];
            }
        }
    }
}

static void convolution_weight_gradient(const ls_convolution *s, const float *x, const float *dy,
                                        const uint32_t *lane_starts, size_t lanes, float *weights, float *scratch) {
    const size_t height = ls_output_height(s), width = ls_output_width(s), image_size = s->height * s->width * s->channels;
    const size_t taps = s->kernel_height * s->kernel_width, channels = s->channels, outputs = s->outputs;
    const bool narrow = outputs < LS_WIDTH, padded = s->padding > 0;
    const size_t columns = narrow ? LS_WIDTH : outputs;
    const ls_image_block images = ls_image_block_of(s);
    float *pool = scratch, *terms_first = pool + LS_TILE_POOL, *copy = terms_first + taps * channels * columns;
    float *padded_copy = copy + (narrow ? images.images * images.rows * width * LS_WIDTH : 0);

    const term_tiles terms = tiles_of_terms(s);
    const size_t tiles_per_window = tiles_in_window(&terms);
    size_t windows = 0;
    for (size_t at = 0; at < columns; at = window_end(window_at(at, columns))) windows++;
    const size_t tiles = windows * tiles_per_window;

    // Tiles go through all lanes in blocks, as many as the pool holds with all that wait; images go by in blocks that
    // stay in the second-level cache while a block of tiles passes over them.
    const size_t slot = LS_TILE_ROWS * 2 * LS_WIDTH;
    const size_t block = smaller(tiles, LS_TILE_POOL / (tree_depth(lanes) * slot));
    outer_tile tile = {.width = width, .b_step = columns, .chunk_rows = ls_chunk_rows(s), .merge_step = block * slot};
    for (size_t first = 0, block_end; first < tiles; first = block_end) {
        block_end = smaller(first + block, tiles);
        gradient_source source = {.line = s->width * channels, .image_size = image_size, .channels = channels};
        if (terms.order == TERMS_OF_TAPS) {
            const size_t window_start = first / tiles_per_window * tiles_per_window;
            block_end = smaller(block_end, window_start + tiles_per_window);
            const size_t last_part = part_of_tile(&terms, block_end - 1 - window_start);
            source.first_channel = part_start(terms.cut, part_of_tile(&terms, first - window_start));
            source.channels = part_start(terms.cut, last_part) + part_size(terms.cut, last_part) - source.first_channel;
        }
        if (padded) source.line = ls_read_width(s) * source.channels;
        tile.a_step = s->stride * source.channels;
        tile.a_row = s->stride * source.line;
        for (size_t lane = 0; lane < lanes; lane++) {
            const lane_step step = step_of_lane(lane, lanes);
            const bool last = lane + 1 == lanes;
            size_t image = lane_starts[lane], row = 0;
            const size_t end = lane_starts[lane + 1];
            bool ends;
            tile.started = false;
            do {
                tile.images = smaller(images.images, end - image);
                tile.rows = smaller(images.rows, height - row);
                ends = image + tile.images == end && (tile.images == 0 || row + tile.rows == height);
                tile.b_image = tile.rows * width * columns;
                const float *gradient = dy + (image * height + row) * width * outputs;
                if (narrow) {
                    for (size_t p = 0; p < tile.images * tile.rows * width; p++)
                        store(copy + p * LS_WIDTH, load_part(gradient + p * outputs, outputs));
                    gradient = copy;
                }
                if (padded) {
                    copy_padded(s, x + image * image_size, tile.images, row, tile.rows, source.first_channel,
                                source.channels, padded_copy);
                    source.x = padded_copy;
                    source.image_size = ls_read_height(s, tile.rows) * source.line;
                } else {
                    source.x = x + image * image_size + row * tile.a_row;
                }
                tile.a_image = source.image_size;
                tile.merges = ends ? step.merges : 0;
                size_t at = 0, window_index = 0;
                for (size_t index = first; index < block_end; index++) {
                    for (; window_index < index / tiles_per_window; window_index++)
                        at = window_end(window_at(at, columns));
                    const column_window window = window_at(at, columns);
                    const size_t of_terms = index % tiles_per_window;
                    tile.b = gradient + window.start;
                    tile.total = pool + (step.depth * block + index - first) * slot;
                    if (ends && last) {
                        tile.result = terms_first + first_term(&terms, of_terms, channels) * columns + window.start;
                        tile.result_stride = columns;
                    } else {
                        tile.result = tile.total - tile.merges * tile.merge_step;
                        tile.result_stride = 2 * LS_WIDTH;
                    }
                    run_terms(&tile, &terms, of_terms, window.vectors, &source);
                }
                tile.started = true;
                row += tile.rows;
                if (row == height) {
                    image += tile.images;
                    row = 0;
                }
            } while (!ends);
        }
    }

    terms_to_weights(taps, channels, outputs, terms_first, columns, weights);
}

static void convolution_bias_gradient(const ls_convolution *s, const float *dy, const uint32_t *lane_starts,
                                      size_t lanes, float *sums) {
    const size_t step = LS_SUM_VECTORS * LS_WIDTH;
    for (size_t start = 0; start < s->outputs; start += step)
        sum_columns(s->outputs, start, smaller(step, s->outputs - start), dy, lane_starts, lanes,
                    ls_output_positions(s), false, ls_chunk_rows(s) * ls_output_width(s), sums);
}
