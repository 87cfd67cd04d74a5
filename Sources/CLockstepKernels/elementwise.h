// What happens element by element, and changes of layout.

static void relu(size_t count, const float *x, float *y) {
    size_t i = 0;
    for (; i + LS_WIDTH <= count; i += LS_WIDTH) {
        vf v = load(x + i);
        store(y + i, select((vi)(v < 0), splat(0), v));
    }
    for (; i < count; i++) y[i] = x[i] < 0 ? 0 : x[i];
}

static void relu_gradient(size_t count, const float *y, const float *dy, float *dx) {
    size_t i = 0;
    for (; i + LS_WIDTH <= count; i += LS_WIDTH)
        store(dx + i, select((vi)(load(y + i) > 0), load(dy + i), splat(0)));
    for (; i < count; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
}

static void channels_first(size_t images, size_t positions, size_t channels, const float *x, float *y) {
    for (size_t image = 0; image < images; image++, x += positions * channels, y += positions * channels)
        transpose(positions, channels, x, channels, y, positions);
}

static void channels_last(size_t images, size_t positions, size_t channels, const float *x, float *y) {
    channels_first(images, channels, positions, x, y);
}

static void scale_bytes(size_t count, const uint8_t *x, float factor, float offset, float *y) {
    size_t i = 0;
    for (; i + LS_WIDTH <= count; i += LS_WIDTH) {
        vf v = __builtin_convertvector(__builtin_convertvector(*(const vb_memory *)(x + i), vi), vf);
        vf scaled = v * factor;
        store(y + i, scaled + offset);
    }
    for (; i < count; i++) {
        float scaled = (float)x[i] * factor;
        y[i] = scaled + offset;
    }
}
