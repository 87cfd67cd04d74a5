// The flat state: sums, updates, the finite check and the hash.

static void add(size_t count, float *into, const float *from) {
    size_t i = 0;
    for (; i + LS_WIDTH <= count; i += LS_WIDTH) store(into + i, load(into + i) + load(from + i));
    for (; i < count; i++) into[i] = into[i] + from[i];
}

static bool sum(size_t count, float *into, const float *own, const void *received) {
    // Without its sign an infinity is 0x7f800000, a NaN is more, and every other number is less.
    const uint32_t exponent = 0x7f800000, unsigned_bits = 0x7fffffff;
    const uint8_t *bytes = received;
    enum { streams = 4 };
    vu greatest[streams] = {{0}};
    size_t i = 0;
    for (; i + streams * LS_WIDTH <= count; i += streams * LS_WIDTH)
        LS_UNROLL for (int s = 0; s < streams; s++) {
            const size_t at = i + s * LS_WIDTH;
            vf v = load(own + at) + *(const vf_anywhere *)(bytes + at * sizeof(float));
            store(into + at, v);
            greatest[s] = __builtin_elementwise_max(greatest[s], (vu)v & unsigned_bits);
        }
    uint32_t rest = 0;
    for (; i < count; i++) {
        float part;
        __builtin_memcpy(&part, bytes + i * sizeof(float), sizeof part);
        float v = own[i] + part;
        into[i] = v;
        uint32_t bits;
        __builtin_memcpy(&bits, &v, sizeof bits);
        rest = rest > (bits & unsigned_bits) ? rest : (bits & unsigned_bits);
    }
    for (int s = 1; s < streams; s++) greatest[0] = __builtin_elementwise_max(greatest[0], greatest[s]);
    return __builtin_reduce_max(greatest[0]) < exponent && rest < exponent;
}

static bool all_finite(size_t count, const float *x) {
    // Without its sign an infinity is 0x7f800000, a NaN is more, and every other number is less.
    const uint32_t exponent = 0x7f800000, unsigned_bits = 0x7fffffff;
    enum { streams = 4 };
    vu greatest[streams] = {{0}};
    size_t i = 0;
    for (; i + streams * LS_WIDTH <= count; i += streams * LS_WIDTH)
        LS_UNROLL for (int s = 0; s < streams; s++)
            greatest[s] = __builtin_elementwise_max(greatest[s], (vu)load(x + i + s * LS_WIDTH) & unsigned_bits);
    for (; i + LS_WIDTH <= count; i += LS_WIDTH)
        greatest[0] = __builtin_elementwise_max(greatest[0], (vu)load(x + i) & unsigned_bits);
    if (i < count)
        greatest[0] = __builtin_elementwise_max(greatest[0], (vu)load_part(x + i, count - i) & unsigned_bits);
    for (int s = 1; s < streams; s++) greatest[0] = __builtin_elementwise_max(greatest[0], greatest[s]);
    return __builtin_reduce_max(greatest[0]) < exponent;
}

LS_INLINE vf sgd_step(vf p, vf g, float scale, float rate) { return multiply_add(splat(-rate), g * scale, p); }

static void sgd(size_t count, float *p, const float *g, float scale, float rate) {
    size_t i = 0;
    for (; i + LS_WIDTH <= count; i += LS_WIDTH) store(p + i, sgd_step(load(p + i), load(g + i), scale, rate));
    if (i < count) {
        const size_t rest = count - i;
        store_part(p + i, sgd_step(load_part(p + i, rest), load_part(g + i, rest), scale, rate), rest);
    }
}

LS_INLINE void adam_step(vf *p, vf *m, vf *v, vf g, const ls_adam *constants) {
    vf scaled = g * constants->scale;
    *m = multiply_add(splat(constants->one_minus_beta1), scaled - *m, *m);
    vf decayed = constants->beta2 * *v;
    vf weighted = constants->one_minus_beta2 * scaled;
    *v = multiply_add(weighted, scaled, decayed);
    vf root = __builtin_elementwise_sqrt(*v);
    vf denominator = multiply_add(root, splat(constants->second_correction), splat(constants->epsilon));
    *p = multiply_add(splat(-constants->step_size), *m / denominator, *p);
}

static void adam(size_t count, float *p, float *m, float *v, const float *g, const ls_adam *constants) {
    const ls_adam c = *constants;
    size_t i = 0;
    for (; i + LS_WIDTH <= count; i += LS_WIDTH) {
        vf pi = load(p + i), mi = load(m + i), vi = load(v + i);
        adam_step(&pi, &mi, &vi, load(g + i), &c);
        store(p + i, pi);
        store(m + i, mi);
        store(v + i, vi);
    }
    if (i < count) {
        const size_t rest = count - i;
        vf pi = load_part(p + i, rest), mi = load_part(m + i, rest), vi = load_part(v + i, rest);
        adam_step(&pi, &mi, &vi, load_part(g + i, rest), &c);
        store_part(p + i, pi, rest);
        store_part(m + i, mi, rest);
        store_part(v + i, vi, rest);
    }
}

/// The finaliser of SplitMix64: a bijection of 64 bits.
LS_INLINE uint64_t mixed(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void hash_blocks(size_t count, const float *x, uint64_t first_block, uint64_t sums[2]) {
    const uint64_t weyl = 0x9e3779b97f4a7c15;
    enum { vectors = 16 / LS_WIDTH, words = LS_WIDTH / 2 };  // a stripe is 8 words
    vw first_key[vectors];
    for (int v = 0; v < vectors; v++)
        for (int j = 0; j < words; j++) first_key[v][j] = (uint64_t)(v * words + j + 1) * weyl;
    for (uint64_t block = first_block; count > 0; block++) {
        const size_t length = smaller(count, LS_HASH_BLOCK);
        vw raw[vectors], products[vectors], key[vectors];
        LS_UNROLL for (int v = 0; v < vectors; v++) {
            raw[v] = products[v] = (vw){0};
            key[v] = first_key[v];
        }
        for (size_t i = 0; i < length; i += 16) {
            float part[16] = {0};
            const float *stripe = x + i;
            if (length - i < 16) {
                __builtin_memcpy(part, stripe, (length - i) * sizeof(float));
                stripe = part;
            }
            LS_UNROLL for (int v = 0; v < vectors; v++) {
                vw word = *(const vw_memory *)(stripe + v * LS_WIDTH);
                vw keyed = word ^ key[v];
                raw[v] += word;
                products[v] += (keyed & 0xffffffff) * (keyed >> 32);
                key[v] += 8 * weyl;
            }
        }
        uint64_t high = mixed(mixed(block + weyl) ^ length);
        for (int v = 0; v < vectors; v++)
            for (int j = 0; j < words; j++) high = mixed((high ^ raw[v][j]) + weyl);
        uint64_t low = high;
        for (int v = 0; v < vectors; v++)
            for (int j = 0; j < words; j++) low = mixed((low ^ products[v][j]) + weyl);
        sums[0] += high;
        sums[1] += low;
        x += length;
        count -= length;
    }
}
