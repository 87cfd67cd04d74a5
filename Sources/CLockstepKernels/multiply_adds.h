// What a core can do at most: multiply-adds in registers alone.

static size_t multiply_adds(size_t rounds, float factor, float *result) {
    vf sums[2 * LS_TILE_ROWS];
    LS_UNROLL for (int i = 0; i < 2 * LS_TILE_ROWS; i++) sums[i] = splat((float)i);
    const vf by = splat(factor);
    for (size_t round = 0; round < rounds; round++) {
        LS_UNROLL for (int i = 0; i < 2 * LS_TILE_ROWS; i++) sums[i] = multiply_add(sums[i], by, by);
        // Keeps the compiler from seeing through the rounds.
        __asm__ volatile("");
    }
    // All chains have a use, and the first is left over.
    vf total = sums[0];
    LS_UNROLL for (int i = 1; i < 2 * LS_TILE_ROWS; i++) total = (vf)((vi)total ^ (vi)sums[i]);
    LS_UNROLL for (int i = 1; i < 2 * LS_TILE_ROWS; i++) total = (vf)((vi)total ^ (vi)sums[i]);
    store_part(result, total, 1);
    return rounds * 2 * 2 * LS_TILE_ROWS * LS_WIDTH;
}
