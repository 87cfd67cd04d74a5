// Convolutions: packing, forward and the gradient of the data.

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
    if (ls_uses_winograd(s)) winograd_pack(false, s->channels, s->outputs, weights, 9, stride, packed);
    else if (taps == 9) pack_taps(9, false, s->channels, s->outputs, weights, 9, stride, packed);
    else pack_taps(taps, false, s->channels, s->outputs, weights, taps, stride, packed);
}

/// One axis of the gradient of the data with a stride. Input pixel i has the taps t with (i + padding − t) divisible by
/// the stride; the pixels with the same remainder have the same taps.
typedef struct {
    /// The first such pixel and how many there are.
    size_t first, count;
    /// Taps `remainder`, `remainder` + stride, …
    size_t remainder, taps;
    /// Where the last of these taps puts the first pixel in dy; may lie outside.
    ptrdiff_t origin;
} gradient_phase;

LS_INLINE gradient_phase phase_of(size_t remainder, size_t extent, size_t kernel, size_t stride, size_t padding) {
    const size_t first = (remainder + stride - padding % stride) % stride;
    const size_t taps = kernel > remainder ? (kernel - remainder - 1) / stride + 1 : 0;
    return (gradient_phase){
        .first = first,
        .count = extent > first ? (extent - first - 1) / stride + 1 : 0,
        .remainder = remainder,
        .taps = taps,
        .origin = (ptrdiff_t)((first + padding) / stride) - (ptrdiff_t)taps + 1,
    };
}

static void convolution_pack_flipped(const ls_convolution *s, const float *weights, float *packed) {
    const size_t taps = s->kernel_height * s->kernel_width, channels = s->channels, stride = s->stride;
    if (ls_uses_winograd(s)) {
        winograd_pack(true, s->outputs, channels, weights, channels * 9, 9, packed);
        return;
    }
    if (stride == 1 && taps == 9) {
        pack_taps(9, true, s->outputs, channels, weights, channels * 9, 9, packed);
        return;
    }
    if (stride == 1) {
        pack_taps(taps, true, s->outputs, channels, weights, channels * taps, taps, packed);
        return;
    }
    for (size_t remainder = 0; remainder < stride * stride; remainder++) {
        const gradient_phase down = phase_of(remainder / stride, s->height, s->kernel_height, stride, s->padding);
        const gradient_phase across = phase_of(remainder % stride, s->width, s->kernel_width, stride, s->padding);
        const size_t k = down.taps * across.taps * s->outputs;
        for (size_t start = 0; start < channels; start += LS_PANEL_WIDTH) {
            const size_t present = smaller(LS_PANEL_WIDTH, channels - start);
            for (size_t p = 0; p < k; p++, packed += LS_PANEL_WIDTH) {
                const size_t tap = p / s->outputs, output = p % s->outputs;
                const size_t ky = down.remainder + (down.taps - 1 - tap / across.taps) * stride;
                const size_t kx = across.remainder + (across.taps - 1 - tap % across.taps) * stride;
                const float *from = weights + (output * channels + start) * taps + ky * s->kernel_width + kx;
                for (size_t j = 0; j < LS_PANEL_WIDTH; j++) packed[j] = j < present ? from[j * taps] : 0;
            }
        }
    }
}

/// Runs a pass with outputs that follow without gaps.
static void run_dense_pass(convolution_pass *t, bool uses_winograd) {
    t->y_pixel = t->outputs;
    t->y_row = t->columns * t->y_pixel;
    t->y_image = t->rows * t->y_row;
    if (uses_winograd) run_winograd_pass(t);
    else if (cut(t->columns, LS_TILE_ROWS).size * 2 <= LS_TILE_ROWS) run_gathered_pass(t);
    else run_pass(t);
}

/// Results of a convolution that `finish_rows` goes over at a time (256 KiB).
#define LS_FINISHED_TOGETHER 65536

/// Images of `size` results each that are computed before `finish_rows` goes over them.
LS_INLINE size_t images_together(const ls_epilogue *e, size_t images, size_t size) {
    return finishes_rows(e) ? smaller(images, larger(LS_FINISHED_TOGETHER / larger(size, 1), 1)) : larger(images, 1);
}

static void convolution_forward(const ls_convolution *s, size_t images, const float *x, const float *packed,
                                const ls_epilogue *epilogue, float *y, float *scratch) {
    const size_t positions = ls_output_positions(s), size = positions * s->outputs;
    const size_t together = images_together(epilogue, images, size);
    for (size_t first = 0; first < images; first += together) {
        const size_t count = smaller(together, images - first);
        convolution_pass pass = {
            .images = count,
            .x = x + first * s->height * s->width * s->channels,
            .height = s->height,
            .width = s->width,
            .channels = s->channels,
            .top = -(ptrdiff_t)s->padding,
            .left = -(ptrdiff_t)s->padding,
            .step = s->stride,
            .taps_down = s->kernel_height,
            .taps_across = s->kernel_width,
            .packed = packed,
            .y = y,
            .offset = first * size,
            .rows = ls_output_height(s),
            .columns = ls_output_width(s),
            .outputs = s->outputs,
            .epilogue = epilogue,
            .scratch = scratch,
        };
        run_dense_pass(&pass, ls_uses_winograd(s));
        if (finishes_rows(epilogue))
            finish_rows(epilogue, count * positions, s->outputs, first * size, y, s->outputs);
    }
}

static void convolution_data_gradient(const ls_convolution *s, size_t images, const float *dy, const float *packed,
                                      const ls_epilogue *epilogue, float *dx, float *scratch) {
    const size_t stride = s->stride, positions = s->height * s->width, size = positions * s->channels;
    const size_t together = images_together(epilogue, images, size);
    for (size_t first = 0; first < images; first += together) {
        const size_t count = smaller(together, images - first);
        const float *weights = packed;
        for (size_t remainder = 0; remainder < stride * stride; remainder++) {
            const gradient_phase down = phase_of(remainder / stride, s->height, s->kernel_height, stride, s->padding);
            const gradient_phase across = phase_of(remainder % stride, s->width, s->kernel_width, stride, s->padding);
            convolution_pass pass = {
                .images = count,
                .x = dy + first * ls_output_positions(s) * s->outputs,
                .height = ls_output_height(s),
                .width = ls_output_width(s),
                .channels = s->outputs,
                .top = down.origin,
                .left = across.origin,
                .step = 1,
                .taps_down = down.taps,
                .taps_across = across.taps,
                .packed = weights,
                .y = dx,
                .offset = first * size + (down.first * s->width + across.first) * s->channels,
                .rows = down.count,
                .columns = across.count,
                .outputs = s->channels,
                .y_image = size,
                .y_row = stride * s->width * s->channels,
                .y_pixel = stride * s->channels,
                .epilogue = epilogue,
                .scratch = scratch,
            };
            weights += ls_packed_count(down.taps * across.taps * s->outputs, s->channels);
            if (stride == 1) run_dense_pass(&pass, ls_uses_winograd(s));
            else run_pass(&pass);
        }
        if (finishes_rows(epilogue))
            finish_rows(epilogue, count * positions, s->channels, first * size, dx, s->channels);
    }
}
