// Rows of columns, a vector or a few of them at a time, and the tree over lanes.

/// The most vectors of columns that go through rows together: the wider, the better memory is read.
#define LS_COLUMN_VECTORS 8

/// Up to a vector at p, then zeros.
LS_INLINE vf load_up_to(const float *p, size_t count) { return count >= LS_WIDTH ? load(p) : load_part(p, count); }
LS_INLINE void store_up_to(float *p, vf v, size_t count) {
    if (count >= LS_WIDTH) store(p, v);
    else store_part(p, v, count);
}

/// v where there are `count` elements, zeros behind them.
LS_INLINE vf only_first(vf v, size_t count) {
    if (count >= LS_WIDTH) return v;
    vf present = splat(0);
    for (size_t i = 0; i < count; i++) present[i] = 1;
    return select((vi)(present > 0), v, splat(0));
}

/// Runs a body over `count` columns, a vector at a time: `at` is its first column, `part` the columns that are there.
#define LS_FOR_COLUMNS(COUNT, ...)                                                      \
    {                                                                                   \
        size_t at = 0;                                                                  \
        for (; at + LS_WIDTH <= (COUNT); at += LS_WIDTH) {                              \
            const size_t part = LS_WIDTH;                                               \
            __VA_ARGS__                                                                 \
        }                                                                               \
        if (at < (COUNT)) {                                                             \
            const size_t part = (COUNT)-at;                                             \
            __VA_ARGS__                                                                 \
        }                                                                               \
    }

/// Runs a body over blocks of columns: `vectors` vectors, a constant, from column `at` on; the last has `part` columns.
#define LS_FOR_COLUMN_BLOCKS(COLUMNS, ...)                                              \
    {                                                                                   \
        size_t at = 0;                                                                  \
        LS_COLUMN_BLOCKS_OF(8, COLUMNS, __VA_ARGS__)                                    \
        LS_COLUMN_BLOCKS_OF(4, COLUMNS, __VA_ARGS__)                                    \
        LS_COLUMN_BLOCKS_OF(1, COLUMNS, __VA_ARGS__)                                    \
        if (at < (COLUMNS)) {                                                           \
            enum { vectors = 1 };                                                       \
            const size_t part = (COLUMNS)-at;                                           \
            __VA_ARGS__                                                                 \
        }                                                                               \
    }
#define LS_COLUMN_BLOCKS_OF(VECTORS, COLUMNS, ...)                                      \
    for (; at + (VECTORS) * LS_WIDTH <= (COLUMNS); at += (VECTORS) * LS_WIDTH) {        \
        enum { vectors = (VECTORS) };                                                   \
        const size_t part = LS_WIDTH;                                                   \
        __VA_ARGS__                                                                     \
    }

/// Vectors from p on, the last with `part` elements.
LS_INLINE void load_vectors(const int vectors, const size_t part, const float *p, vf *to) {
    LS_UNROLL for (int v = 0; v < vectors; v++)
        to[v] = load_up_to(p + v * LS_WIDTH, v + 1 < vectors ? LS_WIDTH : part);
}
LS_INLINE void store_vectors(const int vectors, const size_t part, float *p, const vf *from) {
    LS_UNROLL for (int v = 0; v < vectors; v++)
        store_up_to(p + v * LS_WIDTH, from[v], v + 1 < vectors ? LS_WIDTH : part);
}

/// Adds the totals of one lane into the tree, whose finished subtrees wait: `vectors` vectors of each of them.
LS_INLINE void merge_lane(const int vectors, vf waiting[LS_TREE_SLOTS][2 * LS_COLUMN_VECTORS], lane_step step,
                          vf *total) {
    for (size_t merge = 1; merge <= step.merges; merge++)
        LS_UNROLL for (int v = 0; v < vectors; v++) total[v] = waiting[step.depth - merge][v] + total[v];
    LS_UNROLL for (int v = 0; v < vectors; v++) waiting[step.depth - step.merges][v] = total[v];
}

