// Rows of a table by token, and the gradient of the table.

/// The row of a token, which is a number in 0 ..< count; `count` for anything else.
LS_INLINE size_t row_of_token(float token, size_t count) {
    return token >= 0 && token < (float)count ? smaller((size_t)token, count) : count;
}

static void embedding(size_t rows, size_t count, size_t width, const float *tokens, const float *table, float *y) {
    for (size_t row = 0; row < rows; row++, y += width) {
        const size_t token = row_of_token(tokens[row], count);
        if (token < count) __builtin_memcpy(y, table + token * width, width * sizeof(float));
        else __builtin_memset(y, 0, width * sizeof(float));
    }
}

/// A row of dy and the lane that it belongs to.
typedef struct {
    uint32_t row, lane;
} embedded_row;

/// The gradient of `vectors` vectors of columns of one token, which stands in `count` ≥ 1 rows; the last vector has
/// `part` columns.
LS_INLINE void sum_token(const int vectors, const size_t part, size_t width, const embedded_row *rows, size_t count,
                         const float *dy, float *gradient) {
    // Lanes without the token would add +0 to sums that are never −0, so only the others go through the tree: two
    // neighbours among them meet at the highest bit in which their numbers differ.
    vf waiting[LS_TREE_SLOTS][LS_COLUMN_VECTORS];
    int levels[LS_TREE_SLOTS];
    size_t depth = 0;
    for (size_t i = 0; i < count;) {
        const uint32_t lane = rows[i].lane;
        vf total[LS_COLUMN_VECTORS], value[LS_COLUMN_VECTORS];
        LS_UNROLL for (int v = 0; v < vectors; v++) total[v] = splat(0);
        const int level = i > 0 ? 31 - __builtin_clz(rows[i - 1].lane ^ lane) : 32;
        for (; i < count && rows[i].lane == lane; i++) {
            load_vectors(vectors, part, dy + (size_t)rows[i].row * width, value);
            LS_UNROLL for (int v = 0; v < vectors; v++) total[v] += value[v];
        }
        for (; depth > 1 && levels[depth - 1] < level; depth--)
            LS_UNROLL for (int v = 0; v < vectors; v++)
                waiting[depth - 2][v] = waiting[depth - 2][v] + waiting[depth - 1][v];
        LS_UNROLL for (int v = 0; v < vectors; v++) waiting[depth][v] = total[v];
        levels[depth++] = level;
    }
    for (; depth > 1; depth--)
        LS_UNROLL for (int v = 0; v < vectors; v++)
            waiting[depth - 2][v] = waiting[depth - 2][v] + waiting[depth - 1][v];
    store_vectors(vectors, part, gradient, waiting[0]);
}

static void embedding_gradient(size_t count, size_t width, int64_t padding_token, const float *tokens, const float *dy,
                               size_t positions, const uint32_t *lane_starts, size_t lanes, float *gradient,
                               uint32_t *scratch) {
    // The rows, sorted by token; `ends` holds where the next row of each token goes, and at last where its rows end.
    uint32_t *const ends = scratch;
    embedded_row *const sorted = (embedded_row *)(scratch + count + 1);
    const size_t first = lane_starts[0] * positions, end = lane_starts[lanes] * positions;
    __builtin_memset(ends, 0, (count + 1) * sizeof(uint32_t));
    for (size_t row = first; row < end; row++) ends[row_of_token(tokens[row], count)]++;
    uint32_t total = 0;
    for (size_t token = 0; token <= count; token++) {
        const uint32_t own = ends[token];
        ends[token] = total;
        total += own;
    }
    for (size_t lane = 0; lane < lanes; lane++)
        for (size_t row = lane_starts[lane] * positions; row < lane_starts[lane + 1] * positions; row++)
            sorted[ends[row_of_token(tokens[row], count)]++] = (embedded_row){(uint32_t)row, (uint32_t)lane};

    uint32_t start = 0;
    for (size_t token = 0; token < count; start = ends[token++], gradient += width) {
        const size_t rows = ends[token] - start;
        if (rows == 0 || (int64_t)token == padding_token) {
            __builtin_memset(gradient, 0, width * sizeof(float));
            continue;
        }
        LS_FOR_COLUMN_BLOCKS(width, { sum_token(vectors, part, width, sorted + start, rows, dy + at, gradient + at); })
    }
}
