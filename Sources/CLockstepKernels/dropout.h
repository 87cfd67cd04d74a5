// Dropout: Philox4x32-10 for a vector of counters at a time.

/// The two halves of a · factor: the even elements' products, then the odd ones', as they stand in 64 bits.
LS_INLINE void multiply_wide(vu a, uint32_t factor, vu *high, vu *low) {
    const vw low_half = (vw)(0xffffffff);
    vw even = ((vw)a & low_half) * (uint64_t)factor, odd = ((vw)a >> 32) * (uint64_t)factor;
    *high = (vu)((even >> 32) | (odd & ~low_half));
    *low = (vu)((even & low_half) | (odd << 32));
}

/// The words of the counters (first + 0, c[1], c[2], c[3]), (first + 1, …), …: words[w][i] is word w of counter i.
LS_INLINE void philox_words(const uint32_t key[2], uint32_t first, const uint32_t rest[3], vu words[4]) {
    vu x = (vu)(first), y = (vu)(rest[0]), z = (vu)(rest[1]), w = (vu)(rest[2]);
    for (int i = 0; i < LS_WIDTH; i++) x[i] += (uint32_t)i;
    uint32_t k0 = key[0], k1 = key[1];
    LS_UNROLL for (int round = 0; round < 10; round++) {
        vu high0, low0, high1, low1;
        multiply_wide(x, 0xd2511f53, &high0, &low0);
        multiply_wide(z, 0xcd9e8d57, &high1, &low1);
        x = high1 ^ y ^ k0;
        y = low1;
        z = high0 ^ w ^ k1;
        w = low0;
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    words[0] = x;
    words[1] = y;
    words[2] = z;
    words[3] = w;
}

/// `elements` elements of the sample at `position`, the first of them being element 4 · first_counter.
static void dropout_row(const ls_dropout *d, uint32_t position, uint32_t first_counter, size_t elements, const float *x,
                        float *y) {
    const uint32_t threshold = d->threshold;
    const float scale = d->scale;
    const uint32_t rest[3] = {d->site, position, d->step};
    for (size_t start = 0; start < elements; start += 4 * LS_WIDTH) {
        vu words[4], in_order[4];
        philox_words(d->key, first_counter + (uint32_t)(start / 4), rest, words);
        const vu even_low = LS_ZIP_LOW(words[0], words[2]), even_high = LS_ZIP_HIGH(words[0], words[2]);
        const vu odd_low = LS_ZIP_LOW(words[1], words[3]), odd_high = LS_ZIP_HIGH(words[1], words[3]);
        in_order[0] = LS_ZIP_LOW(even_low, odd_low);
        in_order[1] = LS_ZIP_HIGH(even_low, odd_low);
        in_order[2] = LS_ZIP_LOW(even_high, odd_high);
        in_order[3] = LS_ZIP_HIGH(even_high, odd_high);
        LS_UNROLL for (int v = 0; v < 4; v++) {
            const size_t at = start + (size_t)v * LS_WIDTH;
            if (at >= elements) break;
            const vi kept = (vi)((in_order[v] >> 8) >= threshold);
            if (elements - at >= LS_WIDTH) {
                store(y + at, select(kept, load(x + at) * scale, splat(0)));
            } else {
                const size_t count = elements - at;
                store_part(y + at, select(kept, load_part(x + at, count) * scale, splat(0)), count);
            }
        }
    }
}

static void dropout(const ls_dropout *d, size_t rows, size_t elements, uint32_t first_position, const float *x,
                    float *y) {
    for (size_t row = 0; row < rows; row++)
        dropout_row(d, first_position + (uint32_t)row, 0, elements, x + row * elements, y + row * elements);
}
