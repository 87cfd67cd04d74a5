// Max pooling, a vector of channels at a time.

LS_INLINE size_t pooled(size_t extent, const ls_pooling *s) { return (extent - s->kernel) / s->stride + 1; }

static void max_pool(const ls_pooling *s, size_t images, const float *x, float *y, uint8_t *winners) {
    const size_t height = pooled(s->height, s), width = pooled(s->width, s), channels = s->channels;
    const size_t line = s->width * channels;
    for (size_t row = 0; row < images * height; row++) {
        const float *top = x + (row / height * s->height + row % height * s->stride) * line;
        for (size_t column = 0; column < width; column++) {
            const float *corner = top + column * s->stride * channels;
            size_t c = 0;
            for (; c + LS_WIDTH <= channels; c += LS_WIDTH) {
                vf best = load(corner + c);
                vi winner = {0};
                int32_t index = 0;
                for (size_t ky = 0; ky < s->kernel; ky++) {
                    for (size_t kx = 0; kx < s->kernel; kx++, index++) {
                        vf value = load(corner + ky * line + kx * channels + c);
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
                uint8_t winner = 0, index = 0;
                for (size_t ky = 0; ky < s->kernel; ky++) {
                    for (size_t kx = 0; kx < s->kernel; kx++, index++) {
                        float value = corner[ky * line + kx * channels + c];
                        winner = value > best ? index : winner;
                        best = value > best ? value : best;
                    }
                }
                y[c] = best;
                winners[c] = winner;
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
    const bool once = s->stride == s->kernel;
    if (!once) __builtin_memset(dx, 0, images * s->height * line * sizeof(float));
    for (size_t image = 0; image < images; image++, dx += s->height * line) {
        for (size_t row = 0; row < height; row++) {
            float *top = dx + row * s->stride * line;
            for (size_t column = 0; column < width; column++) {
                float *corner = top + column * s->stride * channels;
                size_t c = 0;
                for (; c + LS_WIDTH <= channels; c += LS_WIDTH) {
                    vf gradient = load(dy + c);
                    vi winner = __builtin_convertvector(*(const vb_memory *)(winners + c), vi);
                    int32_t index = 0;
                    for (size_t ky = 0; ky < s->kernel; ky++) {
                        for (size_t kx = 0; kx < s->kernel; kx++, index++) {
                            float *to = corner + ky * line + kx * channels + c;
                            // Adding +0 where another element won changes nothing: dx starts at +0 and never is −0.
                            vf share = select((vi)(winner == index), gradient, splat(0));
                            store(to, (once ? splat(0) : load(to)) + share);
                        }
                    }
                }
                for (; c < channels; c++) {
                    uint8_t index = 0;
                    for (size_t ky = 0; ky < s->kernel; ky++) {
                        for (size_t kx = 0; kx < s->kernel; kx++, index++) {
                            float *to = corner + ky * line + kx * channels + c;
                            *to = (once ? 0 : *to) + (winners[c] == index ? dy[c] : 0);
                        }
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
