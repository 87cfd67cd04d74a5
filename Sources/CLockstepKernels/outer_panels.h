// Sums of outer products over a panel of columns: what the gradients of recurrent layers and of attention share.

/// Copies `columns` columns of `rows` rows into rows of LS_PANEL_WIDTH, with zeros behind them.
static void copy_panel(size_t rows, size_t columns, const float *from, size_t stride, float *panel) {
    for (size_t row = 0; row < rows; row++, from += stride, panel += LS_PANEL_WIDTH) {
        if (columns == LS_PANEL_WIDTH) {
            __builtin_memcpy(panel, from, LS_PANEL_WIDTH * sizeof(float));
            continue;
        }
        __builtin_memcpy(panel, from, columns * sizeof(float));
        for (size_t i = columns; i < LS_PANEL_WIDTH; i++) panel[i] = 0;
    }
}

/// Runs `tile`, whose a, b and chain are set, for up to a panel of columns; `result` takes the columns that exist.
static void run_outer_tile_over_panel(outer_tile *tile, size_t rows, size_t columns, float *result,
                                      size_t result_stride) {
    const float *b = tile->b;
    float *total = tile->total;
    for (size_t j = 0; j < columns; j += 2 * LS_WIDTH) {
        const size_t vectors = columns - j > LS_WIDTH ? 2 : 1, width = vectors * LS_WIDTH;
        tile->b = b + j;
        tile->total = total + j / (2 * LS_WIDTH) * LS_TILE_ROWS * 2 * LS_WIDTH;
        float part[LS_TILE_ROWS * 2 * LS_WIDTH];
        const bool whole = !result || columns - j >= width;
        tile->result = !result ? tile->total - tile->merges * tile->merge_step : whole ? result + j : part;
        tile->result_stride = result && whole ? result_stride : 2 * LS_WIDTH;
        outer_tiles[vectors - 1][rows - 1](tile);
        if (!whole)
            for (size_t r = 0; r < rows; r++)
                __builtin_memcpy(result + r * result_stride + j, part + r * 2 * LS_WIDTH,
                                 (columns - j) * sizeof(float));
    }
    tile->b = b;
    tile->total = total;
}
