// The register tiles: every chain of fused multiply-adds of a product or a convolution runs here.
//
// A tile is up to LS_TILE_ROWS rows of one or two vectors of columns, all in registers. Both kinds run one chain for
// each element in increasing k, so the height and the width of a tile never change a bit.

/// c (+)= a · b for a few rows of a and one or two vectors of columns of b.
typedef struct {
    /// Element (row, term) of a stands at a[row · a_stride + term · a_step].
    const float *a;
    size_t a_stride, a_step;
    /// k is `segments` runs of `k` terms of a, `segment_stride` apart; b goes on without gaps.
    size_t segments, segment_stride, k;
    /// Rows of b stand `b_step` apart.
    const float *b;
    size_t b_step;
    /// Where b is packed on the way, into rows of LS_PANEL_WIDTH; or NULL.
    float *packs;
    float *c;
    size_t c_stride;
    /// Columns of c that exist; the others are computed and dropped.
    size_t columns;
    /// The chain goes on from c.
    bool resume;
    /// The chain's total is added to c.
    bool add;
    /// The epilogue follows.
    bool finish, relu;
    const float *bias, *residual, *mask;
} row_tile;

/// How a tile of up to 14 rows finds its rows with two pointers and three strides: a pointer for each row would not fit
/// into the registers, and the compiler, left to itself, makes one for each. The empty assembly hides the relations.
typedef struct {
    size_t one, three, five;
} row_steps;
typedef struct {
    const float *first, *seventh;
} row_bases;

LS_INLINE row_steps steps_of_rows(size_t stride) {
    row_steps steps = {stride, 3 * stride, 5 * stride};
    __asm__("" : "+r"(steps.one), "+r"(steps.three), "+r"(steps.five));
    return steps;
}
LS_INLINE row_bases bases_of_rows(const float *a, size_t stride) {
    row_bases bases = {a, a + 7 * stride};
    __asm__("" : "+r"(bases.first), "+r"(bases.seventh));
    return bases;
}
LS_INLINE void advance(row_bases *bases, size_t step) {
    bases->first += step;
    bases->seventh += step;
    __asm__("" : "+r"(bases->first), "+r"(bases->seventh));
}
LS_INLINE float element(int row, row_bases a, row_steps s) {
    switch (row) {
    case 0: return a.first[0];
    case 1: return a.first[s.one];
    case 2: return a.first[2 * s.one];
    case 3: return a.first[s.three];
    case 4: return a.first[4 * s.one];
    case 5: return a.first[s.five];
    case 6: return a.first[2 * s.three];
    case 7: return a.seventh[0];
    case 8: return a.seventh[s.one];
    case 9: return a.seventh[2 * s.one];
    case 10: return a.seventh[s.three];
    case 11: return a.seventh[4 * s.one];
    case 12: return a.seventh[s.five];
    default: return a.seventh[2 * s.three];
    }
}

LS_INLINE void add_term(const int rows, const int vectors, const bool packs, vf sums[LS_TILE_ROWS][2], row_bases a,
                        row_steps steps, const float *b, float *packed) {
    vf columns[2];
    LS_UNROLL for (int v = 0; v < vectors; v++) columns[v] = load(b + v * LS_WIDTH);
    LS_UNROLL for (int r = 0; r < rows; r++) {
        vf factor = splat(element(r, a, steps));
        LS_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = multiply_add(factor, columns[v], sums[r][v]);
    }
    if (packs) LS_UNROLL for (int v = 0; v < vectors; v++) store(packed + v * LS_WIDTH, columns[v]);
}

/// Terms of a chain during which its place in c can come nearer.
#define LS_PREFETCHED_CHAIN 32

LS_INLINE void run_row_tile(const int rows, const int vectors, const bool packs, const row_tile *t) {
    const int width = vectors * LS_WIDTH;
    float part[LS_TILE_ROWS * 2 * LS_WIDTH], part_bias[2 * LS_WIDTH];
    float *c = t->c;
    const float *bias = t->finish ? t->bias : NULL;
    size_t c_stride = t->c_stride;
    const bool whole = t->columns >= (size_t)width;
    if (!whole) {
        c = part;
        c_stride = width;
        for (int i = 0; i < rows * width; i++) part[i] = 0;
        if (t->resume || t->add)
            for (int r = 0; r < rows; r++)
                for (size_t j = 0; j < t->columns; j++) part[r * width + j] = t->c[r * t->c_stride + j];
        if (bias) {
            for (int j = 0; j < width; j++) part_bias[j] = (size_t)j < t->columns ? bias[j] : 0;
            bias = part_bias;
        }
    }
    vf sums[LS_TILE_ROWS][2];
    if (t->resume) {
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = load(c + r * c_stride + v * LS_WIDTH);
    } else {
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = splat(0);
    }
    if (whole && t->k * t->segments >= LS_PREFETCHED_CHAIN)
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++) __builtin_prefetch(c + r * c_stride + v * LS_WIDTH, 1);
    const float *b = t->b;
    float *packed = t->packs;
    const size_t k = t->k, a_step = t->a_step, b_step = t->b_step;
    const row_steps steps = steps_of_rows(t->a_stride);
    for (size_t segment = 0; segment < t->segments; segment++) {
        row_bases a = bases_of_rows(t->a + segment * t->segment_stride, t->a_stride);
        size_t p = 0;
        for (; p + 2 <= k; p += 2) {
            add_term(rows, vectors, packs, sums, a, steps, b, packed);
            advance(&a, a_step);
            add_term(rows, vectors, packs, sums, a, steps, b + b_step, packed + LS_PANEL_WIDTH);
            advance(&a, a_step);
            b += 2 * b_step;
            packed += 2 * LS_PANEL_WIDTH;
        }
        if (p < k) {
            add_term(rows, vectors, packs, sums, a, steps, b, packed);
            b += b_step;
            packed += LS_PANEL_WIDTH;
        }
    }
    if (t->add) {
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++)
                sums[r][v] = load(c + r * c_stride + v * LS_WIDTH) + sums[r][v];
    }
    if (bias) {
        LS_UNROLL for (int v = 0; v < vectors; v++) {
            vf offset = load(bias + v * LS_WIDTH);
            LS_UNROLL for (int r = 0; r < rows; r++) sums[r][v] = sums[r][v] + offset;
        }
    }
    if (t->finish && t->relu) {
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++)
                sums[r][v] = select((vi)(sums[r][v] < 0), splat(0), sums[r][v]);
    }
    if (whole && t->finish && t->residual) {
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++)
                sums[r][v] = sums[r][v] + load(t->residual + r * c_stride + v * LS_WIDTH);
    }
    if (whole && t->finish && t->mask) {
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++)
                sums[r][v] = select((vi)(load(t->mask + r * c_stride + v * LS_WIDTH) > 0), sums[r][v], splat(0));
    }
    LS_UNROLL for (int r = 0; r < rows; r++)
        LS_UNROLL for (int v = 0; v < vectors; v++) store(c + r * c_stride + v * LS_WIDTH, sums[r][v]);
    if (!whole)
        for (int r = 0; r < rows; r++)
            for (size_t j = 0; j < t->columns; j++) {
                float value = part[r * width + j];
                if (t->finish && t->residual) value = value + t->residual[r * t->c_stride + j];
                if (t->finish && t->mask) value = t->mask[r * t->c_stride + j] > 0 ? value : 0;
                t->c[r * t->c_stride + j] = value;
            }
}

/// A tile of a sum over positions of outer products: rows from a, columns from b. Serves the weight gradients.
typedef struct {
    /// At a position, row r stands at a[r], or at a[offsets[r]] where the tile has offsets.
    const float *a;
    const size_t *offsets;
    const float *b;
    /// A row of positions: `width` of them, `a_step` and `b_step` apart; the next row starts `a_row` further in a and
    /// follows without a gap in b. A chunk is `chunk_rows` rows, an image `rows` rows.
    size_t width, a_step, b_step, a_row, rows, chunk_rows;
    size_t images, a_image, b_image;
    /// The lane's total so far, or what it becomes; LS_TILE_ROWS × 2 vectors, row by row.
    float *total;
    bool started;
    /// After the lane's last image: what is added on the left, from total − merge_step downwards, and where that goes.
    size_t merges, merge_step;
    float *result;
    size_t result_stride;
} outer_tile;

LS_INLINE void run_outer_tile(const int rows, const int vectors, const bool scattered, const outer_tile *t) {
    const size_t total_stride = 2 * LS_WIDTH;
    size_t offsets[LS_TILE_ROWS];
    LS_UNROLL for (int r = 0; r < rows; r++) offsets[r] = scattered ? t->offsets[r] : (size_t)r;
    vf sums[LS_TILE_ROWS][2];
    float *total = t->total;
    const size_t a_step = t->a_step, b_step = t->b_step, width = t->width;
    bool started = t->started, waiting = false;
    for (size_t image = 0; image < t->images; image++) {
        const float *LS_RESTRICT a_line = t->a + image * t->a_image;
        const float *LS_RESTRICT b = t->b + image * t->b_image;
        for (size_t row = 0; row < t->rows;) {
            if (waiting) {
                LS_UNROLL for (int r = 0; r < rows; r++)
                    LS_UNROLL for (int v = 0; v < vectors; v++)
                        store(total + r * total_stride + v * LS_WIDTH, sums[r][v]);
            }
            LS_UNROLL for (int r = 0; r < rows; r++)
                LS_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = splat(0);
            const size_t end = smaller(row + t->chunk_rows, t->rows);
            for (; row < end; row++) {
                const float *LS_RESTRICT a = a_line;
                for (size_t p = 0; p < width; p++) {
                    vf columns[2];
                    LS_UNROLL for (int v = 0; v < vectors; v++) columns[v] = load(b + v * LS_WIDTH);
                    LS_UNROLL for (int r = 0; r < rows; r++) {
                        vf factor = splat(a[offsets[r]]);
                        LS_UNROLL for (int v = 0; v < vectors; v++)
                            sums[r][v] = multiply_add(factor, columns[v], sums[r][v]);
                    }
                    a += a_step;
                    b += b_step;
                }
                a_line += t->a_row;
            }
            if (started) {
                LS_UNROLL for (int r = 0; r < rows; r++)
                    LS_UNROLL for (int v = 0; v < vectors; v++)
                        sums[r][v] = load(total + r * total_stride + v * LS_WIDTH) + sums[r][v];
            }
            started = waiting = true;
        }
    }
    if (!waiting) {
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++)
                sums[r][v] = started ? load(total + r * total_stride + v * LS_WIDTH) : splat(0);
    }
    for (size_t merge = 1; merge <= t->merges; merge++) {
        const float *left = total - merge * t->merge_step;
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++)
                sums[r][v] = load(left + r * total_stride + v * LS_WIDTH) + sums[r][v];
    }
    LS_UNROLL for (int r = 0; r < rows; r++)
        LS_UNROLL for (int v = 0; v < vectors; v++) store(t->result + r * t->result_stride + v * LS_WIDTH, sums[r][v]);
}

/// Lane `lane` of `lanes` on the way through the canonical tree, kept as a binary counter of finished subtrees: `depth`
/// of them wait on its left, and `merges` of these are added when its own total stands.
typedef struct {
    size_t depth, merges;
} lane_step;

LS_INLINE lane_step step_of_lane(size_t lane, size_t lanes) {
    size_t depth = (size_t)__builtin_popcountll(lane);
    size_t merges = lane + 1 == lanes ? depth : (size_t)__builtin_ctzll(~(unsigned long long)lane);
    return (lane_step){depth, merges};
}
/// Subtrees that wait at the same time, with the lane in progress.
LS_INLINE size_t tree_depth(size_t lanes) { return lanes < 2 ? 1 : 65 - (size_t)__builtin_clzll(lanes - 1); }

/// A tile of a sum over the rows of all lanes of outer products: rows from a, columns from b. Lanes stay apart in registers
/// and are added by the tree.
typedef struct {
    /// The first lane's first row.
    const float *a, *b;
    size_t a_step, b_step;
    /// Lane i holds rows lane_starts[i] · positions ..< lane_starts[i + 1] · positions.
    size_t positions;
    const uint32_t *lane_starts;
    size_t lanes;
    /// Room for the subtrees that wait, LS_TILE_ROWS × 2 vectors each.
    float *slots;
    float *result;
    size_t result_stride;
} lanes_tile;

/// Rows of a that are brought nearer before their turn: they may be apart.
#define LS_ROWS_AHEAD 20

LS_INLINE void run_lanes_tile(const int rows, const int vectors, const lanes_tile *t) {
    const size_t slot = LS_TILE_ROWS * 2 * LS_WIDTH, stride = 2 * LS_WIDTH, a_step = t->a_step, b_step = t->b_step;
    for (size_t lane = 0; lane < t->lanes; lane++) {
        const lane_step step = step_of_lane(lane, t->lanes);
        size_t row = (t->lane_starts[lane] - t->lane_starts[0]) * t->positions;
        const size_t end = (t->lane_starts[lane + 1] - t->lane_starts[0]) * t->positions;
        float *total = t->slots + step.depth * slot;
        vf sums[LS_TILE_ROWS][2];
        bool started = false;
        do {
            const size_t length = smaller(LS_CHAIN_LENGTH, end - row);
            const float *LS_RESTRICT a = t->a + row * a_step, *LS_RESTRICT b = t->b + row * b_step;
            LS_UNROLL for (int r = 0; r < rows; r++)
                LS_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = splat(0);
            for (size_t p = 0; p < length; p++) {
                __builtin_prefetch(a + LS_ROWS_AHEAD * a_step);
                vf columns[2];
                LS_UNROLL for (int v = 0; v < vectors; v++) columns[v] = load(b + v * LS_WIDTH);
                LS_UNROLL for (int r = 0; r < rows; r++) {
                    vf factor = splat(a[r]);
                    LS_UNROLL for (int v = 0; v < vectors; v++)
                        sums[r][v] = multiply_add(factor, columns[v], sums[r][v]);
                }
                a += a_step;
                b += b_step;
            }
            row += length;
            if (started)
                LS_UNROLL for (int r = 0; r < rows; r++)
                    LS_UNROLL for (int v = 0; v < vectors; v++)
                        sums[r][v] = load(total + r * stride + v * LS_WIDTH) + sums[r][v];
            started = true;
            if (row < end)
                LS_UNROLL for (int r = 0; r < rows; r++)
                    LS_UNROLL for (int v = 0; v < vectors; v++) store(total + r * stride + v * LS_WIDTH, sums[r][v]);
        } while (row < end);
        for (size_t merge = 1; merge <= step.merges; merge++) {
            const float *left = total - merge * slot;
            LS_UNROLL for (int r = 0; r < rows; r++)
                LS_UNROLL for (int v = 0; v < vectors; v++)
                    sums[r][v] = load(left + r * stride + v * LS_WIDTH) + sums[r][v];
        }
        const bool last = lane + 1 == t->lanes;
        float *result = last ? t->result : total - step.merges * slot;
        const size_t result_stride = last ? t->result_stride : stride;
        LS_UNROLL for (int r = 0; r < rows; r++)
            LS_UNROLL for (int v = 0; v < vectors; v++) store(result + r * result_stride + v * LS_WIDTH, sums[r][v]);
    }
}

#if LS_TILE_ROWS == 14
#define LS_FOR_TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define LS_SCATTERED_ROWS 9
#define LS_FOR_SCATTERED_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
#elif LS_TILE_ROWS == 12
#define LS_FOR_TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define LS_SCATTERED_ROWS 9
#define LS_FOR_SCATTERED_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
#elif LS_TILE_ROWS == 6
#define LS_FOR_TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define LS_SCATTERED_ROWS 5
#define LS_FOR_SCATTERED_ROWS(X) X(1) X(2) X(3) X(4) X(5)
#else
#define LS_FOR_TILE_ROWS(X) X(1) X(2)
#define LS_SCATTERED_ROWS 2
#define LS_FOR_SCATTERED_ROWS(X) X(1) X(2)
#endif

#define LS_DEFINE_TILES(R)                                                                \
    static void row_tile_1_##R(const row_tile *t) { run_row_tile(R, 1, false, t); }       \
    static void row_tile_2_##R(const row_tile *t) { run_row_tile(R, 2, false, t); }       \
    static void packing_tile_##R(const row_tile *t) { run_row_tile(R, 2, true, t); }      \
    static void lanes_tile_1_##R(const lanes_tile *t) { run_lanes_tile(R, 1, t); }        \
    static void lanes_tile_2_##R(const lanes_tile *t) { run_lanes_tile(R, 2, t); }        \
    static void outer_tile_1_##R(const outer_tile *t) { run_outer_tile(R, 1, false, t); } \
    static void outer_tile_2_##R(const outer_tile *t) { run_outer_tile(R, 2, false, t); }
LS_FOR_TILE_ROWS(LS_DEFINE_TILES)

#define LS_DEFINE_SCATTERED_TILES(R)                                                          \
    static void scattered_tile_1_##R(const outer_tile *t) { run_outer_tile(R, 1, true, t); } \
    static void scattered_tile_2_##R(const outer_tile *t) { run_outer_tile(R, 2, true, t); }
LS_FOR_SCATTERED_ROWS(LS_DEFINE_SCATTERED_TILES)

#define LS_ROW_TILE_1(R) row_tile_1_##R,
#define LS_ROW_TILE_2(R) row_tile_2_##R,
#define LS_PACKING_TILE(R) packing_tile_##R,
#define LS_LANES_TILE_1(R) lanes_tile_1_##R,
#define LS_LANES_TILE_2(R) lanes_tile_2_##R,
#define LS_OUTER_TILE_1(R) outer_tile_1_##R,
#define LS_OUTER_TILE_2(R) outer_tile_2_##R,
#define LS_SCATTERED_TILE_1(R) scattered_tile_1_##R,
#define LS_SCATTERED_TILE_2(R) scattered_tile_2_##R,

static void (*const row_tiles[2][LS_TILE_ROWS])(const row_tile *) = {
    {LS_FOR_TILE_ROWS(LS_ROW_TILE_1)}, {LS_FOR_TILE_ROWS(LS_ROW_TILE_2)}};
static void (*const packing_tiles[LS_TILE_ROWS])(const row_tile *) = {LS_FOR_TILE_ROWS(LS_PACKING_TILE)};
static void (*const lanes_tiles[2][LS_TILE_ROWS])(const lanes_tile *) = {
    {LS_FOR_TILE_ROWS(LS_LANES_TILE_1)}, {LS_FOR_TILE_ROWS(LS_LANES_TILE_2)}};
static void (*const outer_tiles[2][LS_TILE_ROWS])(const outer_tile *) = {
    {LS_FOR_TILE_ROWS(LS_OUTER_TILE_1)}, {LS_FOR_TILE_ROWS(LS_OUTER_TILE_2)}};
static void (*const scattered_tiles[2][LS_SCATTERED_ROWS])(const outer_tile *) = {
    {LS_FOR_SCATTERED_ROWS(LS_SCATTERED_TILE_1)}, {LS_FOR_SCATTERED_ROWS(LS_SCATTERED_TILE_2)}};

/// Where a tile's columns start, in one or two vectors.
typedef struct {
    size_t start, vectors;
} column_window;

/// The window that covers column `at` of `columns` ≥ LS_WIDTH without leaving them. A last window may start early and
/// compute a few columns again, with the same bits.
LS_INLINE column_window window_at(size_t at, size_t columns) {
    size_t rest = columns - at;
    if (rest >= 2 * LS_WIDTH) return (column_window){at, 2};
    if (rest >= LS_WIDTH) return (column_window){at, 1};
    return (column_window){columns - LS_WIDTH, 1};
}
LS_INLINE size_t window_end(column_window window) { return window.start + window.vectors * LS_WIDTH; }
