// Matrix products and the gradient of a linear layer's weights.

static void pack(size_t k, size_t n, const float *b, size_t row_stride, size_t column_stride, float *packed) {
    for (size_t start = 0; start < n; start += LS_PANEL_WIDTH) {
        const size_t columns = smaller(LS_PANEL_WIDTH, n - start);
        const float *from = b + start * column_stride;
        if (row_stride == 1 && column_stride != 1) {
            transpose(columns, k, from, column_stride, packed, LS_PANEL_WIDTH);
        } else {
            for (size_t p = 0; p < k; p++)
                for (size_t j = 0; j < columns; j++)
                    packed[p * LS_PANEL_WIDTH + j] = from[p * row_stride + j * column_stride];
        }
        if (columns < LS_PANEL_WIDTH)
            for (size_t p = 0; p < k; p++)
                for (size_t j = columns; j < LS_PANEL_WIDTH; j++) packed[p * LS_PANEL_WIDTH + j] = 0;
        packed += k * LS_PANEL_WIDTH;
    }
}

/// Runs `tile`, whose a, c and chain are set, over all n columns of a packed matrix of k rows, from row `k_start` on.
LS_INLINE void run_row_tile_over_columns(row_tile *tile, size_t rows, size_t n, size_t k, size_t k_start,
                                         const float *packed, const float *bias, float *c) {
    for (size_t j = 0; j < n; j += 2 * LS_WIDTH) {
        const size_t columns = n - j;
        tile->b = packed + j / LS_PANEL_WIDTH * k * LS_PANEL_WIDTH + k_start * LS_PANEL_WIDTH + j % LS_PANEL_WIDTH;
        tile->bias = bias ? bias + j : NULL;
        tile->c = c + j;
        tile->columns = columns;
        row_tiles[columns > LS_WIDTH][rows - 1](tile);
    }
}

/// Rows of a that are worked through together, so that they stay in the second-level cache.
#define LS_ROW_BLOCK (12 * LS_TILE_ROWS)

static void product(size_t m, size_t n, size_t k, const float *a, size_t a_stride, const float *packed_b,
                    const float *bias, bool relu, float *c, size_t c_stride) {
    // Rows that are a multiple of 4 KiB apart share a few sets of the first-level cache: such rows are copied first.
    const bool copies = a_stride % 1024 == 0 && m > 1 && n > LS_PANEL_WIDTH;
    float copy[LS_TILE_ROWS * (LS_CHAIN_LENGTH + 16)];
    for (size_t block = 0; block < m; block += LS_ROW_BLOCK) {
        const balanced_cut tiles = cut(smaller(LS_ROW_BLOCK, m - block), LS_TILE_ROWS);
        size_t start = 0;
        do {
            const size_t length = smaller(LS_CHAIN_LENGTH, k - start);
            row_tile tile = {.a_stride = a_stride, .segments = 1, .k = length, .c_stride = c_stride, .add = start > 0,
                             .finish = start + length == k, .relu = relu};
            if (copies) {
                tile.a = copy;
                tile.a_stride = LS_CHAIN_LENGTH + 16;
                for (size_t index = 0; index < tiles.parts; index++) {
                    const size_t row = block + part_start(tiles, index), rows = part_size(tiles, index);
                    for (size_t r = 0; r < rows; r++)
                        __builtin_memcpy(copy + r * tile.a_stride, a + (row + r) * a_stride + start,
                                         length * sizeof(float));
                    run_row_tile_over_columns(&tile, rows, n, k, start, packed_b, bias, c + row * c_stride);
                }
            } else {
                for (size_t j = 0; j < n; j += 2 * LS_WIDTH) {
                    tile.b = packed_b + j / LS_PANEL_WIDTH * k * LS_PANEL_WIDTH + start * LS_PANEL_WIDTH
                           + j % LS_PANEL_WIDTH;
                    tile.bias = bias ? bias + j : NULL;
                    tile.columns = n - j;
                    for (size_t index = 0; index < tiles.parts; index++) {
                        const size_t row = block + part_start(tiles, index);
                        tile.a = a + row * a_stride + start;
                        tile.c = c + row * c_stride + j;
                        row_tiles[tile.columns > LS_WIDTH][part_size(tiles, index) - 1](&tile);
                    }
                }
            }
            start += length;
        } while (start < k);
    }
}

/// One tile of a linear layer's weight gradient through all lanes and the tree, into `result`.
static void run_lanes(outer_tile *tile, size_t rows, size_t vectors, const float *dy, size_t outputs, const float *x,
                      size_t inputs, const uint32_t *lane_starts, size_t lanes, float *slots, float *narrow,
                      float *result, size_t result_stride) {
    const size_t slot = LS_TILE_ROWS * 2 * LS_WIDTH;
    tile->merge_step = slot;
    tile->images = 1;
    tile->rows = tile->chunk_rows = 1;
    for (size_t lane = 0; lane < lanes; lane++) {
        const lane_step step = step_of_lane(lane, lanes);
        const bool last = lane + 1 == lanes;
        tile->total = slots + step.depth * slot;
        tile->started = false;
        size_t row = lane_starts[lane];
        const size_t end = lane_starts[lane + 1];
        do {
            const size_t length = smaller(LS_CHAIN_LENGTH, end - row);
            const bool ends = row + length == end;
            tile->a = dy + row * outputs;
            tile->width = length;
            if (narrow) {
                for (size_t p = 0; p < length; p++)
                    store(narrow + p * LS_WIDTH, load_part(x + (row + p) * inputs, inputs));
                tile->b = narrow;
            } else {
                tile->b = x + row * inputs;
            }
            tile->merges = ends ? step.merges : 0;
            tile->result = !ends ? tile->total : last ? result : tile->total - step.merges * slot;
            tile->result_stride = ends && last ? result_stride : 2 * LS_WIDTH;
            outer_tiles[vectors - 1][rows - 1](tile);
            tile->started = true;
            row += length;
        } while (row < end);
    }
}

static void weight_gradient(size_t outputs, size_t inputs, const float *dy, const float *x, const uint32_t *lane_starts,
                            size_t lanes, float *weights, float *scratch) {
    float *slots = scratch, *narrow = scratch + LS_TREE_SLOTS * LS_SLOT_COUNT;
    const balanced_cut tiles = cut(outputs, LS_TILE_ROWS);
    outer_tile tile = {.a_step = outputs, .b_step = inputs};
    if (inputs < LS_WIDTH) {
        float part[LS_TILE_ROWS * LS_WIDTH];
        tile.b_step = LS_WIDTH;
        for (size_t index = 0; index < tiles.parts; index++) {
            const size_t output = part_start(tiles, index), rows = part_size(tiles, index);
            run_lanes(&tile, rows, 1, dy + output, outputs, x, inputs, lane_starts, lanes, slots, narrow, part,
                      LS_WIDTH);
            for (size_t r = 0; r < rows; r++)
                store_part(weights + (output + r) * inputs, load(part + r * LS_WIDTH), inputs);
        }
        return;
    }
    for (size_t at = 0; at < inputs;) {
        const column_window window = window_at(at, inputs);
        for (size_t index = 0; index < tiles.parts; index++) {
            const size_t output = part_start(tiles, index);
            run_lanes(&tile, part_size(tiles, index), window.vectors, dy + output, outputs, x + window.start, inputs,
                      lane_starts, lanes, slots, NULL, weights + output * inputs + window.start, inputs);
        }
        at = window_end(window);
    }
}

/// Vectors of columns that `sum_columns` carries through the lanes together.
#define LS_SUM_VECTORS 4

/// Adds `rows` rows of whole vectors to sums; returns the row behind them.
LS_INLINE const float *add_rows(const int vectors, vf *sums, const float *row, size_t stride, size_t rows) {
    for (size_t p = 0; p < rows; p++, row += stride)
        LS_UNROLL for (int v = 0; v < vectors; v++) sums[v] += load(row + v * LS_WIDTH);
    return row;
}

/// The sums of columns `start` ..< `start + count` of dy, at most LS_SUM_VECTORS vectors of them, over chunks, lanes
/// and the tree. `lane_starts` counts images of `image_rows` rows; where that is 0, it counts rows, and chunks run over
/// all rows of a lane.
static void sum_columns(size_t columns, size_t start, size_t count, const float *dy, const uint32_t *lane_starts,
                        size_t lanes, size_t image_rows, size_t chunk_rows, float *sums) {
    vf waiting[LS_TREE_SLOTS][LS_SUM_VECTORS];
    vf total[LS_SUM_VECTORS], chunk[LS_SUM_VECTORS];
    const size_t vectors = (count + LS_WIDTH - 1) / LS_WIDTH;
    for (size_t lane = 0; lane < lanes; lane++) {
        const lane_step step = step_of_lane(lane, lanes);
        const size_t units = lane_starts[lane + 1] - lane_starts[lane];
        const size_t images = image_rows ? units : units > 0, rows = image_rows ? image_rows : units;
        const float *row = dy + lane_starts[lane] * (image_rows ? image_rows : 1) * columns + start;
        bool started = false;
        LS_UNROLL for (int v = 0; v < LS_SUM_VECTORS; v++) total[v] = splat(0);
        for (size_t image = 0; image < images; image++) {
            for (size_t at = 0; at < rows;) {
                const size_t end = smaller(at + chunk_rows, rows);
                LS_UNROLL for (int v = 0; v < LS_SUM_VECTORS; v++) chunk[v] = splat(0);
                if (count == LS_SUM_VECTORS * LS_WIDTH) {
                    row = add_rows(LS_SUM_VECTORS, chunk, row, columns, end - at);
                } else if (count == 2 * LS_WIDTH) {
                    row = add_rows(2, chunk, row, columns, end - at);
                } else if (count == LS_WIDTH) {
                    row = add_rows(1, chunk, row, columns, end - at);
                } else {
                    for (size_t p = at; p < end; p++, row += columns)
                        for (size_t v = 0; v < vectors; v++) {
                            const size_t part = count - v * LS_WIDTH;
                            const float *from = row + v * LS_WIDTH;
                            chunk[v] += part < LS_WIDTH ? load_part(from, part) : load(from);
                        }
                }
                at = end;
                LS_UNROLL for (int v = 0; v < LS_SUM_VECTORS; v++) total[v] = started ? total[v] + chunk[v] : chunk[v];
                started = true;
            }
        }
        for (size_t merge = 1; merge <= step.merges; merge++)
            LS_UNROLL for (int v = 0; v < LS_SUM_VECTORS; v++) total[v] = waiting[step.depth - merge][v] + total[v];
        LS_UNROLL for (int v = 0; v < LS_SUM_VECTORS; v++) waiting[step.depth - step.merges][v] = total[v];
    }
    for (size_t v = 0; v < vectors; v++)
        store_part(sums + start + v * LS_WIDTH, waiting[0][v], smaller(LS_WIDTH, count - v * LS_WIDTH));
}

static void column_sums(size_t columns, const float *dy, const uint32_t *lane_starts, size_t lanes, float *sums) {
    const size_t step = LS_SUM_VECTORS * LS_WIDTH;
    for (size_t start = 0; start < columns; start += step)
        sum_columns(columns, start, smaller(step, columns - start), dy, lane_starts, lanes, 0, LS_CHAIN_LENGTH, sums);
}
