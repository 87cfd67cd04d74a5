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

/// Runs `tile`, whose a and chain are set, over all n columns of a packed matrix of k rows, from row `k_start` on. The
/// tile's results stand at `offset` from c.
LS_INLINE void run_row_tile_over_columns(row_tile *tile, size_t rows, size_t n, size_t k, size_t k_start,
                                         const float *packed, const ls_epilogue *epilogue, float *c, size_t offset) {
    for (size_t j = 0; j < n; j += 2 * LS_WIDTH) {
        const size_t columns = n - j;
        tile->b = packed + j / LS_PANEL_WIDTH * k * LS_PANEL_WIDTH + k_start * LS_PANEL_WIDTH + j % LS_PANEL_WIDTH;
        tile->columns = columns;
        set_result(tile, epilogue, c, offset + j, j);
        row_tiles[columns > LS_WIDTH][rows - 1](tile);
    }
}

/// Elements between the terms of a copied tile whose rows are columns: whole vectors.
#define LS_COPIED_STEP ((LS_TILE_ROWS + LS_WIDTH - 1) / LS_WIDTH * LS_WIDTH)
/// The left operand of a product: element (row, term) stands at a[row · row_stride + term · step].
typedef struct {
    const float *a;
    size_t rows, row_stride, step;
    /// Whether tiles are copied first: rows that are a multiple of 4 KiB apart share a few sets of the first-level
    /// cache, and terms that are apart take a line each.
    bool copies;
} left_operand;

LS_INLINE left_operand left_operand_of(const float *a, size_t m, size_t row_stride, size_t step, size_t n) {
    const bool several = m > 1 && n > LS_PANEL_WIDTH;
    return (left_operand){a, m, row_stride, step, several && (step == 1 ? row_stride % 1024 == 0 : row_stride == 1)};
}

/// Brings part `index` of `parts` of the rows nearer that `set_rows` will copy.
LS_INLINE void approach_rows(const left_operand *left, size_t row, size_t rows, size_t start, size_t length,
                             size_t index, size_t parts) {
    if (!left->copies || row >= left->rows) return;
    const float *from = left->a + row * left->row_stride + start * left->step;
    if (left->step == 1) {
        for (size_t r = index * rows / parts; r < (index + 1) * rows / parts; r++)
            for (size_t p = 0; p < length; p += LS_LINE) __builtin_prefetch(from + r * left->row_stride + p, 0, 2);
    } else {
        for (size_t p = index * length / parts; p < (index + 1) * length / parts; p++)
            __builtin_prefetch(from + p * left->step, 0, 2);
    }
}

/// Lets `tile` read `length` terms from `start` on of rows `row` ..< `row + rows`, in place or from `copy`.
static void set_rows(row_tile *tile, const left_operand *left, size_t row, size_t rows, size_t start, size_t length,
                     float *copy) {
    const float *from = left->a + row * left->row_stride + start * left->step;
    tile->a = from;
    tile->a_stride = left->row_stride;
    tile->a_step = left->step;
    if (!left->copies) return;
    tile->a = copy;
    if (left->step == 1) {
        for (size_t r = 0; r < rows; r++)
            __builtin_memcpy(copy + r * LS_COPIED_STRIDE, from + r * left->row_stride, length * sizeof(float));
        tile->a_stride = LS_COPIED_STRIDE;
        return;
    }
    tile->a_step = LS_COPIED_STEP;
    if (left->rows < LS_COPIED_STEP) {
        for (size_t p = 0; p < length; p++)
            for (size_t r = 0; r < rows; r++) copy[p * LS_COPIED_STEP + r] = from[p * left->step + r];
        return;
    }
    // Whole vectors, which start early at the last rows.
    const size_t first = smaller(row, left->rows - LS_COPIED_STEP);
    from -= row - first;
    for (size_t p = 0; p < length; p++)
        LS_UNROLL for (int v = 0; v < LS_COPIED_STEP; v += LS_WIDTH)
            store(copy + p * LS_COPIED_STEP + v, load(from + p * left->step + v));
    tile->a = copy + (row - first);
}

/// Columns that are worked through together: all, where each tile of rows is copied for them.
LS_INLINE size_t column_block_of(const left_operand *left, size_t n) {
    return left->copies ? (n + LS_PANEL_WIDTH - 1) / LS_PANEL_WIDTH * LS_PANEL_WIDTH : LS_COLUMN_BLOCK;
}

static void product(size_t m, size_t n, size_t k, const float *a, size_t a_stride, const float *packed_b,
                    const ls_epilogue *epilogue, float *c, size_t c_stride) {
    const left_operand left = left_operand_of(a, m, a_stride, 1, n);
    const size_t block = column_block_of(&left, n);
    const balanced_cut tiles = cut(m, LS_TILE_ROWS);
    float copy[LS_COPIED_COUNT];
    for (size_t j = 0; j < n; j += block) {
        const size_t columns = smaller(block, n - j);
        size_t start = 0;
        do {
            const size_t length = smaller(LS_CHAIN_LENGTH, k - start);
            row_tile tile = {.b_step = LS_PANEL_WIDTH, .segments = 1, .k = length, .c_stride = c_stride,
                             .add = start > 0, .finish = start + length == k};
            for (size_t index = 0; index < tiles.parts; index++) {
                const size_t row = part_start(tiles, index), rows = part_size(tiles, index);
                set_rows(&tile, &left, row, rows, start, length, copy);
                for (size_t v = j; v < j + columns; v += 2 * LS_WIDTH) {
                    approach_rows(&left, row + rows, rows, start, length, (v - j) / (2 * LS_WIDTH),
                                  (columns + 2 * LS_WIDTH - 1) / (2 * LS_WIDTH));
                    tile.b = packed_b + v / LS_PANEL_WIDTH * k * LS_PANEL_WIDTH + start * LS_PANEL_WIDTH
                           + v % LS_PANEL_WIDTH;
                    tile.columns = n - v;
                    if (tile.finish) approach_saved(epilogue, rows, row * c_stride + v, c_stride);
                    set_result(&tile, epilogue, c, row * c_stride + v, v);
                    row_tiles[tile.columns > LS_WIDTH][rows - 1](&tile);
                }
                if (tile.finish && finishes_rows(epilogue))
                    finish_rows(epilogue, rows, columns, row * c_stride + j, c, c_stride);
            }
            start += length;
        } while (start < k);
    }
}

/// One tile of the gradient of weights with fewer inputs than a vector through all lanes and the tree, into `result`.
static void run_narrow_lanes(outer_tile *tile, size_t rows, const float *dy, size_t dy_stride, const float *x,
                             size_t inputs, size_t positions, const uint32_t *lane_starts, size_t lanes, float *slots,
                             float *narrow, float *result) {
    const size_t slot = LS_TILE_ROWS * 2 * LS_WIDTH;
    tile->merge_step = slot;
    tile->images = 1;
    tile->rows = tile->chunk_rows = 1;
    for (size_t lane = 0; lane < lanes; lane++) {
        const lane_step step = step_of_lane(lane, lanes);
        const bool last = lane + 1 == lanes;
        tile->total = slots + step.depth * slot;
        tile->started = false;
        size_t row = lane_starts[lane] * positions;
        const size_t end = lane_starts[lane + 1] * positions;
        do {
            const size_t length = smaller(LS_CHAIN_LENGTH, end - row);
            const bool ends = row + length == end;
            tile->a = dy + row * dy_stride;
            tile->width = length;
            for (size_t p = 0; p < length; p++)
                store(narrow + p * LS_WIDTH, load_part(x + (row + p) * inputs, inputs));
            tile->b = narrow;
            tile->merges = ends ? step.merges : 0;
            tile->result = !ends ? tile->total : last ? result : tile->total - step.merges * slot;
            tile->result_stride = ends && last ? LS_WIDTH : 2 * LS_WIDTH;
            outer_tiles[0][rows - 1](tile);
            tile->started = true;
            row += length;
        } while (row < end);
    }
}

static void narrow_weight_gradient(size_t outputs, size_t inputs, const float *dy, size_t dy_stride, const float *x,
                                   size_t positions, const uint32_t *lane_starts, size_t lanes, float *weights,
                                   float *scratch) {
    const balanced_cut tiles = cut(outputs, LS_TILE_ROWS);
    outer_tile tile = {.a_step = dy_stride, .b_step = LS_WIDTH};
    float part[LS_TILE_ROWS * LS_WIDTH];
    for (size_t index = 0; index < tiles.parts; index++) {
        const size_t output = part_start(tiles, index), rows = part_size(tiles, index);
        run_narrow_lanes(&tile, rows, dy + output, dy_stride, x, inputs, positions, lane_starts, lanes, scratch,
                         scratch + LS_TREE_SLOTS * LS_SLOT_COUNT, part);
        for (size_t r = 0; r < rows; r++)
            store_part(weights + (output + r) * inputs, load(part + r * LS_WIDTH), inputs);
    }
}

static void weight_gradient(size_t outputs, size_t inputs, const float *dy, size_t dy_stride, const float *x,
                            size_t positions, const uint32_t *lane_starts, size_t lanes, float *weights,
                            float *scratch) {
    if (inputs < LS_WIDTH) {
        narrow_weight_gradient(outputs, inputs, dy, dy_stride, x, positions, lane_starts, lanes, weights, scratch);
        return;
    }
    const size_t first = lane_starts[0] * positions, rows = lane_starts[lanes] * positions - first;
    const balanced_cut tiles = cut(outputs, LS_TILE_ROWS);
    // Many rows that are apart take a copy of their columns, which all tiles read.
    const bool copies = rows > LS_FEW_ROWS && rows <= LS_COPIED_ROWS && tiles.parts >= LS_COPYING_TILES;
    float *copy = scratch + LS_TREE_SLOTS * LS_SLOT_COUNT;
    lanes_tile tile = {.a_step = dy_stride, .positions = positions, .lane_starts = lane_starts, .lanes = lanes,
                       .slots = scratch, .result_stride = inputs};
    for (size_t at = 0; at < inputs;) {
        const column_window window = window_at(at, inputs);
        tile.b = x + first * inputs + window.start;
        tile.b_step = inputs;
        if (copies) {
            tile.b_step = window.vectors * LS_WIDTH;
            for (size_t row = 0; row < rows; row++)
                for (size_t v = 0; v < tile.b_step; v += LS_WIDTH)
                    store(copy + row * tile.b_step + v, load(tile.b + row * inputs + v));
            tile.b = copy;
        }
        for (size_t index = 0; index < tiles.parts; index++) {
            const size_t output = part_start(tiles, index);
            tile.a = dy + first * dy_stride + output;
            tile.result = weights + output * inputs + window.start;
            lanes_tiles[window.vectors - 1][part_size(tiles, index) - 1](&tile);
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
/// and the tree. `lane_starts` counts images of `image_rows` rows; chunks start again at each image, or, where images are
/// `joined`, run over all rows of a lane.
static void sum_columns(size_t columns, size_t start, size_t count, const float *dy, const uint32_t *lane_starts,
                        size_t lanes, size_t image_rows, bool joined, size_t chunk_rows, float *sums) {
    vf waiting[LS_TREE_SLOTS][LS_SUM_VECTORS];
    vf total[LS_SUM_VECTORS], chunk[LS_SUM_VECTORS];
    const size_t vectors = (count + LS_WIDTH - 1) / LS_WIDTH;
    for (size_t lane = 0; lane < lanes; lane++) {
        const lane_step step = step_of_lane(lane, lanes);
        const size_t units = lane_starts[lane + 1] - lane_starts[lane];
        const size_t images = joined ? units > 0 : units, rows = joined ? units * image_rows : image_rows;
        const float *row = dy + lane_starts[lane] * image_rows * columns + start;
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

static void column_sums(size_t columns, const float *dy, size_t positions, const uint32_t *lane_starts, size_t lanes,
                        float *sums) {
    const size_t step = LS_SUM_VECTORS * LS_WIDTH;
    for (size_t start = 0; start < columns; start += step)
        sum_columns(columns, start, smaller(step, columns - start), dy, lane_starts, lanes, positions, true,
                    LS_CHAIN_LENGTH, sums);
}
