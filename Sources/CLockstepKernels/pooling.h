// Pooling, a vector of channels at a time.

LS_INLINE size_t pooled(size_t extent, const ls_pooling *s) {
    return ls_output_extent(extent, s->kernel, s->stride, s->padding);
}

/// The cells of a window along one axis that lie inside the image, and where the first of these stands there.
typedef struct {
    size_t first, end, origin;
} window_cells;

LS_INLINE window_cells cells_of(size_t output, size_t extent, const ls_pooling *s) {
    const size_t at = output * s->stride;
    const size_t first = at < s->padding ? s->padding - at : 0;
    return (window_cells){first, smaller(s->kernel, extent + s->padding - at), at + first - s->padding};
}

static void max_pool(const ls_pooling *s, size_t images, const float *x, float *y, uint8_t *winners) {
    const size_t height = pooled(s->height, s), width = pooled(s->width, s), channels = s->channels;
    const size_t line = s->width * channels;
    for (size_t row = 0; row < images * height; row++) {
        const window_cells down = cells_of(row % height, s->height, s);
        const float *top = x + (row / height * s->height + down.origin) * line;
        for (size_t column = 0; column < width; column++) {
            const window_cells across = cells_of(column, s->width, s);
            const float *corner = top + across.origin * channels;
            const size_t first = down.first * s->kernel + across.first;
            size_t c = 0;
            for (; c + LS_WIDTH <= channels; c += LS_WIDTH) {
                vf best = load(corner + c);
                vi winner = splat_bits((int32_t)first);
                for (size_t ky = down.first; ky < down.end; ky++) {
                    const float *cells = corner + (ky - down.first) * line + c;
                    int32_t index = (int32_t)(ky * s->kernel + across.first);
                    for (size_t kx = across.first; kx < across.end; kx++, index++, cells += channels) {
                        vf value = load(cells);
                        vi greater = (vi)(value > best);
                        best = select(greater, value, best);
                        winner = (greater & index) | (~greater & winner);
                    }
                }
                store(y + c, best);
                *(vb_memory *)(winners + c) = __builtin_convertvector(winner, vb);
            }
            for (; c < channels; c++) {
                float best = corner[c];
                size_t winner = first;
                for (size_t ky = down.first; ky < down.end; ky++) {
                    const float *cells = corner + (ky - down.first) * line + c;
                    for (size_t kx = across.first; kx < across.end; kx++, cells += channels) {
                        winner = *cells > best ? ky * s->kernel + kx : winner;
                        best = *cells > best ? *cells : best;
                    }
                }
                y[c] = best;
                winners[c] = (uint8_t)winner;
            }
            y += channels;
            winners += channels;
        }
    }
}

static void max_pool_gradient(const ls_pooling *s, size_t images, const float *dy, const uint8_t *winners, float *dx) {
    const size_t height = pooled(s->height, s), width = pooled(s->width, s), channels = s->channels;
    const size_t line = s->width * channels;
    // Windows side by side write each element once; what lies outside all windows is zeroed by itself.
    const bool once = s->stride == s->kernel && s->padding == 0;
    if (!once) __builtin_memset(dx, 0, images * s->height * line * sizeof(float));
    for (size_t image = 0; image < images; image++, dx += s->height * line) {
        for (size_t row = 0; row < height; row++) {
            const window_cells down = cells_of(row, s->height, s);
            float *top = dx + down.origin * line;
            for (size_t column = 0; column < width; column++) {
                const window_cells across = cells_of(column, s->width, s);
                float *corner = top + across.origin * channels;
                size_t c = 0;
                for (; c + LS_WIDTH <= channels; c += LS_WIDTH) {
                    vf gradient = load(dy + c);
                    vi winner = __builtin_convertvector(*(const vb_memory *)(winners + c), vi);
                    for (size_t ky = down.first; ky < down.end; ky++) {
                        float *to = corner + (ky - down.first) * line + c;
                        int32_t index = (int32_t)(ky * s->kernel + across.first);
                        for (size_t kx = across.first; kx < across.end; kx++, index++, to += channels) {
                            // Adding +0 where another element won changes nothing: dx starts at +0 and never is −0.
                            vf share = select((vi)(winner == index), gradient, splat(0));
                            store(to, (once ? splat(0) : load(to)) + share);
                        }
                    }
                }
                for (; c < channels; c++) {
                    for (size_t ky = down.first; ky < down.end; ky++) {
                        float *to = corner + (ky - down.first) * line + c;
                        for (size_t kx = across.first; kx < across.end; kx++, to += channels)
                            *to = (once ? 0 : *to) + (winners[c] == ky * s->kernel + kx ? dy[c] : 0);
                    }
                }
                dy += channels;
                winners += channels;
            }
            if (once) {
                const size_t covered = width * s->stride;
                for (size_t ky = 0; ky < s->kernel; ky++)
                    __builtin_memset(top + ky * line + covered * channels, 0,
                                     (s->width - covered) * channels * sizeof(float));
            }
        }
        if (once)
            __builtin_memset(dx + height * s->stride * line, 0,
                             (s->height - height * s->stride) * line * sizeof(float));
    }
}

static void average_pool(const ls_pooling *s, size_t images, const float *x, float *y) {
    const size_t height = pooled(s->height, s), width = pooled(s->width, s), channels = s->channels;
    const size_t line = s->width * channels;
    const float cells = (float)(s->kernel * s->kernel);
    for (size_t row = 0; row < images * height; row++) {
        const window_cells down = cells_of(row % height, s->height, s);
        const float *top = x + (row / height * s->height + down.origin) * line;
        for (size_t column = 0; column < width; column++, y += channels) {
            const window_cells across = cells_of(column, s->width, s);
            const float *corner = top + across.origin * channels;
            for (size_t c = 0; c < channels; c += LS_WIDTH) {
                const size_t part = smaller(LS_WIDTH, channels - c);
                // A sum from +0 never is −0: the zeros of padded cells change nothing and are left out.
                vf sum = splat(0);
                for (size_t ky = down.first; ky < down.end; ky++) {
                    const float *from = corner + (ky - down.first) * line + c;
                    for (size_t kx = across.first; kx < across.end; kx++, from += channels)
                        sum += part < LS_WIDTH ? load_part(from, part) : load(from);
                }
                vf mean = sum / cells;
                if (part < LS_WIDTH) store_part(y + c, mean, part);
                else store(y + c, mean);
            }
        }
    }
}

static void average_pool_gradient(const ls_pooling *s, size_t images, const float *dy, float *dx) {
    const size_t height = pooled(s->height, s), width = pooled(s->width, s), channels = s->channels;
    const size_t line = s->width * channels;
    const float cells = (float)(s->kernel * s->kernel);
    __builtin_memset(dx, 0, images * s->height * line * sizeof(float));
    for (size_t image = 0; image < images; image++, dx += s->height * line) {
        for (size_t row = 0; row < height; row++) {
            const window_cells down = cells_of(row, s->height, s);
            for (size_t column = 0; column < width; column++, dy += channels) {
                const window_cells across = cells_of(column, s->width, s);
                float *corner = dx + down.origin * line + across.origin * channels;
                for (size_t c = 0; c < channels; c += LS_WIDTH) {
                    const size_t part = smaller(LS_WIDTH, channels - c);
                    vf share = (part < LS_WIDTH ? load_part(dy + c, part) : load(dy + c)) / cells;
                    for (size_t ky = down.first; ky < down.end; ky++) {
                        float *to = corner + (ky - down.first) * line + c;
                        for (size_t kx = across.first; kx < across.end; kx++, to += channels) {
                            if (part < LS_WIDTH) store_part(to, load_part(to, part) + share, part);
                            else store(to, load(to) + share);
                        }
                    }
                }
            }
        }
    }
}

/// The cells along one axis that output `index` of `outputs` covers.
typedef struct {
    size_t first, end;
} adaptive_bin;

LS_INLINE adaptive_bin bin_of(size_t index, size_t extent, size_t outputs) {
    return (adaptive_bin){index * extent / outputs, ((index + 1) * extent + outputs - 1) / outputs};
}

static void adaptive_average_pool(const ls_adaptive_pooling *s, size_t images, const float *x, float *y) {
    const size_t channels = s->channels, line = s->width * channels;
    for (size_t image = 0; image < images; image++, x += s->height * line) {
        for (size_t row = 0; row < s->output_height; row++) {
            const adaptive_bin down = bin_of(row, s->height, s->output_height);
            for (size_t column = 0; column < s->output_width; column++, y += channels) {
                const adaptive_bin across = bin_of(column, s->width, s->output_width);
                const float cells = (float)((down.end - down.first) * (across.end - across.first));
                LS_FOR_COLUMN_BLOCKS(channels, {
                    vf sum[LS_COLUMN_VECTORS];
                    vf value[LS_COLUMN_VECTORS];
                    LS_UNROLL for (int v = 0; v < vectors; v++) sum[v] = splat(0);
                    for (size_t ky = down.first; ky < down.end; ky++) {
                        for (size_t kx = across.first; kx < across.end; kx++) {
                            load_vectors(vectors, part, x + ky * line + kx * channels + at, value);
                            LS_UNROLL for (int v = 0; v < vectors; v++) sum[v] += value[v];
                        }
                    }
                    LS_UNROLL for (int v = 0; v < vectors; v++) sum[v] = sum[v] / cells;
                    store_vectors(vectors, part, y + at, sum);
                })
            }
        }
    }
}

static void adaptive_average_pool_gradient(const ls_adaptive_pooling *s, size_t images, const float *dy, float *dx) {
    const size_t channels = s->channels, line = s->width * channels;
    __builtin_memset(dx, 0, images * s->height * line * sizeof(float));
    for (size_t image = 0; image < images; image++, dx += s->height * line) {
        for (size_t row = 0; row < s->output_height; row++) {
            const adaptive_bin down = bin_of(row, s->height, s->output_height);
            for (size_t column = 0; column < s->output_width; column++, dy += channels) {
                const adaptive_bin across = bin_of(column, s->width, s->output_width);
                const float cells = (float)((down.end - down.first) * (across.end - across.first));
                LS_FOR_COLUMNS(channels, {
                    vf share = load_up_to(dy + at, part) / cells;
                    for (size_t ky = down.first; ky < down.end; ky++) {
                        for (size_t kx = across.first; kx < across.end; kx++) {
                            float *const to = dx + ky * line + kx * channels + at;
                            store_up_to(to, load_up_to(to, part) + share, part);
                        }
                    }
                })
            }
        }
    }
}
