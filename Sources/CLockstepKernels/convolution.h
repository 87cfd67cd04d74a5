// Convolutions with stride 1 and no padding on height × width × channels, straight from the image.

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

static void convolution_pack_flipped(const ls_convolution *s, const float *weights, float *packed) {
    const size_t taps = s->kernel_height * s->kernel_width, stride = s->channels * taps;
    if (taps == 9) pack_taps(9, true, s->outputs, s->channels, weights, stride, 9, packed);
    else pack_taps(taps, true, s->outputs, s->channels, weights, stride, taps, packed);
}

/// Terms of a chain that are copied at a time where the pixels of a tile are gathered.
#define LS_GATHERED_TERMS 576

/// The forward convolution of narrow images: the patches of a tile's pixels, which may lie in several rows and images,
/// are copied below one another first.
static void convolution_forward_gathered(const ls_convolution *s, size_t images, const float *x, const float *packed,
                                         const float *bias, bool relu, float *y) {
    const size_t run = s->kernel_width * s->channels, k = s->kernel_height * run;
    const size_t line = s->width * s->channels, image_size = s->height * line;
    const size_t width = ls_output_width(s), positions = ls_output_positions(s);
    const balanced_cut tiles = cut(images * positions, LS_TILE_ROWS);
    float patches[LS_TILE_ROWS * (LS_GATHERED_TERMS + 16)];
    for (size_t index = 0; index < tiles.parts; index++) {
        const size_t pixel = part_start(tiles, index), rows = part_size(tiles, index);
        for (size_t start = 0; start < k; start += LS_GATHERED_TERMS) {
            const size_t end = smaller(start + LS_GATHERED_TERMS, k);
            row_tile tile = {.a = patches, .a_stride = LS_GATHERED_TERMS + 16, .segments = 1, .k = end - start,
                             .c_stride = s->outputs, .resume = start > 0, .finish = end == k, .relu = relu};
            for (size_t r = 0; r < rows; r++) {
                const size_t image = (pixel + r) / positions, position = (pixel + r) % positions;
                const float *from = x + image * image_size + position / width * line + position % width * s->channels;
                float *to = patches + r * tile.a_stride;
                for (size_t term = start; term < end;) {
                    const size_t length = smaller(run - term % run, end - term);
                    __builtin_memcpy(to, from + term / run * line + term % run, length * sizeof(float));
                    to += length;
                    term += length;
                }
            }
            run_row_tile_over_columns(&tile, rows, s->outputs, k, start, packed, bias, y + pixel * s->outputs);
        }
    }
}

static void convolution_forward(const ls_convolution *s, size_t images, const float *x, const float *packed,
                                const float *bias, bool relu, float *y) {
    const size_t run = s->kernel_width * s->channels, k = s->kernel_height * run, line = s->width * s->channels;
    const size_t height = ls_output_height(s), width = ls_output_width(s);
    const balanced_cut tiles = cut(width, LS_TILE_ROWS);
    if (tiles.size * 2 <= LS_TILE_ROWS) {
        convolution_forward_gathered(s, images, x, packed, bias, relu, y);
        return;
    }
    row_tile tile = {.a_stride = s->channels, .segments = s->kernel_height, .segment_stride = line, .k = run,
                     .c_stride = s->outputs, .finish = true, .relu = relu};
    for (size_t image = 0; image < images; image++) {
        for (size_t j = 0; j < s->outputs; j += 2 * LS_WIDTH) {
            tile.b = packed + j / LS_PANEL_WIDTH * k * LS_PANEL_WIDTH + j % LS_PANEL_WIDTH;
            tile.bias = bias ? bias + j : NULL;
            tile.columns = s->outputs - j;
            for (size_t row = 0; row < height; row++) {
                for (size_t index = 0; index < tiles.parts; index++) {
                    const size_t pixel = part_start(tiles, index);
                    tile.a = x + (image * s->height + row) * line + pixel * s->channels;
                    tile.c = y + ((image * height + row) * width + pixel) * s->outputs + j;
                    row_tiles[tile.columns > LS_WIDTH][part_size(tiles, index) - 1](&tile);
                }
            }
        }
    }
}

static void convolution_data_gradient(const ls_convolution *s, size_t images, const float *dy, const float *packed,
                                      float *dx, float *scratch) {
    const ls_convolution padded = ls_data_gradient_shape(s);
    const size_t height = ls_output_height(s), run = ls_output_width(s) * s->outputs;
    const size_t line = padded.width * s->outputs, margin = (s->kernel_width - 1) * s->outputs;
    __builtin_memset(scratch, 0, padded.height * line * sizeof(float));
    for (size_t image = 0; image < images; image++) {
        for (size_t row = 0; row < height; row++)
            __builtin_memcpy(scratch + (row + s->kernel_height - 1) * line + margin, dy + (image * height + row) * run,
                             run * sizeof(float));
        convolution_forward(&padded, 1, scratch, packed, NULL, false,
                            dx + image * s->height * s->width * s->channels);
    }
}

/// Whole output rows in one chunk of the weight gradient.
LS_INLINE size_t chunk_rows(const ls_convolution *s) {
    return larger(1, LS_CONVOLUTION_CHAIN_POSITIONS / ls_output_width(s));
}

/// The rows of tiles of a weight gradient, which are terms (ky, kx, channel): where kx and channel span many terms, a
/// tile lies inside one ky; else its rows are scattered.
typedef struct {
    bool scattered;
    size_t run, groups;
    balanced_cut cut;
} term_tiles;

LS_INLINE term_tiles tiles_of_terms(const ls_convolution *s) {
    const size_t run = s->kernel_width * s->channels;
    if (run * 2 > LS_TILE_ROWS) return (term_tiles){false, run, s->kernel_height, cut(run, LS_TILE_ROWS)};
    return (term_tiles){true, run, 1, cut(s->kernel_height * run, LS_SCATTERED_ROWS)};
}

/// Runs tile `index` of `terms` over the columns of `window`, once `tile` knows its images.
LS_INLINE void run_terms(outer_tile *tile, const term_tiles *terms, size_t index, size_t vectors, size_t line,
                         const float *x) {
    const size_t group = index / terms->cut.parts, part = index % terms->cut.parts;
    const size_t start = part_start(terms->cut, part), rows = part_size(terms->cut, part);
    if (terms->scattered) {
        size_t offsets[LS_SCATTERED_ROWS];
        for (size_t r = 0; r < rows; r++)
            offsets[r] = (start + r) / terms->run * line + (start + r) % terms->run;
        tile->a = x;
        tile->offsets = offsets;
        scattered_tiles[vectors - 1][rows - 1](tile);
    } else {
        tile->a = x + group * line + start;
        outer_tiles[vectors - 1][rows - 1](tile);
    }
}

/// weights[output][channel][tap] = terms[tap][channel][output], where a row of terms is `columns` long.
LS_INLINE void terms_to_weights(const size_t taps, size_t channels, size_t outputs, const float *terms, size_t columns,
                                float *weights) {
    for (size_t start = 0; start < outputs; start += LS_WIDTH)
        for (size_t c = 0; c < channels; c++)
            for (size_t o = start; o < smaller(start + LS_WIDTH, outputs); o++) {
                const float *from = terms + c * columns + o;
                float *to = weights + (o * channels + c) * taps;
                for (size_t tap = 0; tap < taps; tap++) to[tap] = from[tap * channels * columns];
            }
}

static void convolution_weight_gradient(const ls_convolution *s, const float *x, const float *dy,
                                        const uint32_t *lane_starts, size_t lanes, float *weights, float *scratch) {
    const size_t positions = ls_output_positions(s), line = s->width * s->channels, image_size = s->height * line;
    const size_t taps = s->kernel_height * s->kernel_width, channels = s->channels, outputs = s->outputs;
    const bool narrow = outputs < LS_WIDTH;
    const size_t columns = narrow ? LS_WIDTH : outputs;
    float *pool = scratch, *terms_first = pool + LS_TILE_POOL, *copy = terms_first + taps * channels * columns;

    const term_tiles terms = tiles_of_terms(s);
    const size_t tiles_per_window = terms.groups * terms.cut.parts;
    size_t windows = 0;
    for (size_t at = 0; at < columns; at = window_end(window_at(at, columns))) windows++;
    const size_t tiles = windows * tiles_per_window;

    // Tiles go through all lanes in blocks, as many as the pool holds with all that wait; images go by in blocks that
    // stay in the second-level cache while a block of tiles passes over them.
    const size_t slot = LS_TILE_ROWS * 2 * LS_WIDTH;
    const size_t block = smaller(tiles, LS_TILE_POOL / (tree_depth(lanes) * slot));
    const size_t image_block = ls_image_block(s);
    outer_tile tile = {.width = ls_output_width(s), .a_step = channels, .b_step = columns, .a_row = line,
                       .rows = ls_output_height(s), .chunk_rows = chunk_rows(s), .a_image = image_size,
                       .b_image = positions * columns, .merge_step = block * slot};
    for (size_t first = 0; first < tiles; first += block) {
        for (size_t lane = 0; lane < lanes; lane++) {
            const lane_step step = step_of_lane(lane, lanes);
            const bool last = lane + 1 == lanes;
            size_t image = lane_starts[lane];
            const size_t end = lane_starts[lane + 1];
            tile.started = false;
            do {
                tile.images = smaller(image_block, end - image);
                const bool ends = image + tile.images == end;
                const float *gradient = dy + image * positions * outputs;
                if (narrow) {
                    for (size_t p = 0; p < tile.images * positions; p++)
                        store(copy + p * LS_WIDTH, load_part(gradient + p * outputs, outputs));
                    gradient = copy;
                }
                tile.merges = ends ? step.merges : 0;
                size_t at = 0, window_index = 0;
                for (size_t index = first; index < smaller(first + block, tiles); index++) {
                    for (; window_index < index / tiles_per_window; window_index++)
                        at = window_end(window_at(at, columns));
                    const column_window window = window_at(at, columns);
                    const size_t of_terms = index % tiles_per_window;
                    tile.b = gradient + window.start;
                    tile.total = pool + (step.depth * block + index - first) * slot;
                    if (ends && last) {
                        const size_t term = of_terms / terms.cut.parts * terms.run
                                          + part_start(terms.cut, of_terms % terms.cut.parts);
                        tile.result = terms_first + term * columns + window.start;
                        tile.result_stride = columns;
                    } else {
                        tile.result = tile.total - tile.merges * tile.merge_step;
                        tile.result_stride = 2 * LS_WIDTH;
                    }
                    run_terms(&tile, &terms, of_terms, window.vectors, line, x + image * image_size);
                }
                tile.started = true;
                image += tile.images;
            } while (image < end);
        }
    }

    if (taps == 9) terms_to_weights(9, channels, outputs, terms_first, columns, weights);
    else terms_to_weights(taps, channels, outputs, terms_first, columns, weights);
}

static void convolution_bias_gradient(const ls_convolution *s, const float *dy, const uint32_t *lane_starts,
                                      size_t lanes, float *sums) {
    const size_t step = LS_SUM_VECTORS * LS_WIDTH;
    for (size_t start = 0; start < s->outputs; start += step)
        sum_columns(s->outputs, start, smaller(step, s->outputs - start), dy, lane_starts, lanes,
                    ls_output_positions(s), chunk_rows(s) * ls_output_width(s), sums);
}
