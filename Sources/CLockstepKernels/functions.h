// Functions of one variable. The coefficients are minimax fits rounded to float one after the other.

LS_INLINE vf special(int32_t bits) { return (vf)splat_bits(bits); }
#define LS_INFINITY special(0x7f800000)
#define LS_NAN special(0x7fc00000)

/// 1.5 · 2²³: adding it rounds to an integer, which then stands in the low bits.
#define LS_ROUNDER 0x1.8p23f
#define LS_ROUNDER_BITS 0x4b400000

/// x − n · ln 2.
LS_INLINE vf reduced_exponent(vf x, vf n) {
    vf r = multiply_add(n, splat(-0x1.62e430p-1f), x);
    return multiply_add(n, splat(0x1.05c610p-29f), r);
}

/// (exp(r) − 1 − r) / r² for |r| ≤ ½ ln 2.
LS_INLINE vf exp_polynomial(vf r) {
    vf q = splat(0x1.6d7154p-10f);
    q = multiply_add(q, r, splat(0x1.123ad8p-7f));
    q = multiply_add(q, r, splat(0x1.5554c8p-5f));
    q = multiply_add(q, r, splat(0x1.555490p-3f));
    return multiply_add(q, r, splat(0x1.0p-1f));
}

/// y · 2ⁿ, rounded once, for the n that was rounded by adding LS_ROUNDER.
LS_INLINE vf times_power(vf y, vf shifted) {
#if LS_WIDTH == 16
    return __builtin_ia32_scalefps512_mask(y, shifted - LS_ROUNDER, y, (uint16_t)-1, 4);
#else
    // 2ⁿ in two factors, so that subnormal results round once and overflow gives infinity.
    vi exponent = (vi)((vu)shifted - LS_ROUNDER_BITS);
    vi half = exponent >> 1;
    vu first = (vu)(half + 127) << 23, second = (vu)(exponent - half + 127) << 23;
    return y * (vf)first * (vf)second;
#endif
}

LS_INLINE vf exp_of(vf x) {
    x = select((vi)(x > 89.0f), splat(89.0f), x);
    x = select((vi)(x < -104.0f), splat(-104.0f), x);
    vf shifted = multiply_add(x, splat(0x1.715476p0f), splat(LS_ROUNDER));
    vf r = reduced_exponent(x, shifted - LS_ROUNDER);
    return times_power(multiply_add(r * r, exp_polynomial(r), r) + 1.0f, shifted);
}

/// exp(x) − 1 for x ≤ 0; below −32 it is −1.
LS_INLINE vf expm1_of_negative(vf x) {
    x = select((vi)(x < -32.0f), splat(-32.0f), x);
    vf shifted = multiply_add(x, splat(0x1.715476p0f), splat(LS_ROUNDER));
    vf r = reduced_exponent(x, shifted - LS_ROUNDER);
    vf y = multiply_add(r * r, exp_polynomial(r), r);
    vf scale = (vf)((vu)((vi)((vu)shifted - LS_ROUNDER_BITS) + 127) << 23);
    return multiply_add(scale, y, scale - 1.0f);
}

/// u = 2ᵉ · (1 + f) with 1 + f in √½ … √2, for a finite u > 0.
LS_INLINE void split_exponent(vf u, vf *e, vf *f) {
    vi small = (vi)(u < 0x1p-126f);
    u = select(small, u * 0x1p23f, u);
    vu bits = (vu)u - 0x3f3504f3u;
    *e = __builtin_convertvector(((vi)bits >> 23) - (small & 23), vf);
    *f = (vf)((bits & 0x7fffff) + 0x3f3504f3u) - 1.0f;
}

/// e · ln 2 + log(1 + f) + correction.
LS_INLINE vf log_of_parts(vf e, vf f, vf correction) {
    vf q = splat(0x1.148334p-4f);
    q = multiply_add(q, f, splat(-0x1.de286ap-4f));
    q = multiply_add(q, f, splat(0x1.e6cd06p-4f));
    q = multiply_add(q, f, splat(-0x1.fc2446p-4f));
    q = multiply_add(q, f, splat(0x1.233aaep-3f));
    q = multiply_add(q, f, splat(-0x1.555c54p-3f));
    q = multiply_add(q, f, splat(0x1.99a47ep-3f));
    q = multiply_add(q, f, splat(-0x1.000006p-2f));
    q = multiply_add(q, f, splat(0x1.555548p-2f));
    vf square = f * f;
    vf rest = multiply_add(e, splat(-0x1.05c610p-29f), correction);
    rest = multiply_add(f * square, q, rest);
    rest = multiply_add(splat(-0.5f), square, rest);
    return multiply_add(e, splat(0x1.62e430p-1f), f + rest);
}

LS_INLINE vf log_of(vf x) {
    vf e, f;
    split_exponent(x, &e, &f);
    vf y = log_of_parts(e, f, splat(0));
    y = select((vi)(x == 0), -LS_INFINITY, y);
    y = select((vi)(x < 0), LS_NAN, y);
    y = select((vi)(x == LS_INFINITY), LS_INFINITY, y);
    return select((vi)(x != x), LS_NAN, y);
}

LS_INLINE vf log1p_of(vf x) {
    vf u = x + 1.0f, e, f;
    split_exponent(u, &e, &f);
    vf lost = select((vi)(x >= 1.0f), 1.0f - (u - x), x - (u - 1.0f));
    vi near = (vi)(e == 0);
    f = select(near, x, f);
    vf y = log_of_parts(e, f, select(near, splat(0), lost / u));
    y = select((vi)(x == 0), x, y);
    y = select((vi)(x == -1.0f), -LS_INFINITY, y);
    y = select((vi)(x < -1.0f), LS_NAN, y);
    y = select((vi)(x == LS_INFINITY), LS_INFINITY, y);
    return select((vi)(x != x), LS_NAN, y);
}

LS_INLINE vf with_sign_of(vf magnitude, vf x) { return (vf)((vi)magnitude | ((vi)x & (int32_t)0x80000000)); }

LS_INLINE vf tanh_of(vf x) {
    vf a = absolute(x), s = a * a;
    vf p = splat(0x1.1ace3ep-9f);
    p = multiply_add(p, s, splat(-0x1.0c895ep-7f));
    p = multiply_add(p, s, splat(0x1.63ad18p-6f));
    p = multiply_add(p, s, splat(-0x1.b9f220p-5f));
    p = multiply_add(p, s, splat(0x1.11107cp-3f));
    p = multiply_add(p, s, splat(-0x1.555554p-2f));
    vf near = multiply_add(a * s, p, a);
    vf capped = select((vi)(a > 10.0f), splat(10.0f), a);
    vf far = 1.0f - 2.0f / (exp_of(capped + capped) + 1.0f);
    return with_sign_of(select((vi)(a < 0.625f), near, far), x);
}

LS_INLINE vf erf_of(vf x) {
    vf a = absolute(x), s = a * a;
    vf p = splat(0x1.4e459cp-14f);
    p = multiply_add(p, s, splat(-0x1.a5ba96p-11f));
    p = multiply_add(p, s, splat(0x1.54426ep-8f));
    p = multiply_add(p, s, splat(-0x1.b80080p-6f));
    p = multiply_add(p, s, splat(0x1.ce2d60p-4f));
    p = multiply_add(p, s, splat(-0x1.812740p-2f));
    p = multiply_add(p, s, splat(0x1.06eba8p-3f));
    vf near = multiply_add(a, p, a);
    vf capped = select((vi)(a > 4.0f), splat(4.0f), a);
    vf q = splat(-0x1.5ebf9cp-16f);
    q = multiply_add(q, capped, splat(0x1.c5457cp-12f));
    q = multiply_add(q, capped, splat(-0x1.10a84ap-8f));
    q = multiply_add(q, capped, splat(0x1.9b1892p-6f));
    q = multiply_add(q, capped, splat(-0x1.bb5622p-4f));
    q = multiply_add(q, capped, splat(-0x1.444b44p-1f));
    q = multiply_add(q, capped, splat(-0x1.212698p0f));
    q = multiply_add(q, capped, splat(0x1.65ac6cp-13f));
    vf far = 1.0f - exp_of(q);
    return with_sign_of(select((vi)(a < 0.921875f), near, far), x);
}

/// 1 / (1 + exp(−x)), and 1 minus it, both without cancellation.
LS_INLINE void sigmoid_pair(vf x, vf *of_x, vf *of_minus_x) {
    vi negative = (vi)(x < 0);
    vf e = exp_of(-absolute(x)), sum = 1.0f + e;
    vf high = 1.0f / sum, low = e / sum;
    *of_x = select(negative, low, high);
    *of_minus_x = select(negative, high, low);
}

/// a = quadrant · π/2 + rest, modulo 2π, for a finite a ≥ 2¹⁵: a product with the bits of 2/π that matter, in integers.
static void reduce_large(float a, int32_t *quadrant, float *rest) {
    static const uint32_t two_over_pi[] = {0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                           0xdb629599, 0x3c439041, 0xfe5163ab};
    uint32_t bits;
    __builtin_memcpy(&bits, &a, sizeof bits);
    const int exponent = (int)(bits >> 23) - 127;
    const uint64_t mantissa = (bits & 0x7fffff) | 0x800000;
    // Leading bits of 2/π that only make multiples of 2π are left out; 96 bits follow.
    const int skipped = exponent > 25 ? exponent - 25 : 0;
    const uint32_t *words = two_over_pi + skipped / 32;
    unsigned __int128 window = 0;
    for (int i = 0; i < 4; i++) window = window << 32 | words[i];
    window = window << (skipped % 32) >> 32;
    const uint64_t turns = (uint64_t)(window * mantissa >> (34 - (exponent - 23 - skipped)));  // 2⁶² is a quadrant
    const uint64_t rounded = (turns + ((uint64_t)1 << 61)) >> 62;
    *quadrant = (int32_t)rounded;
    *rest = (float)((double)(int64_t)(turns - (rounded << 62)) * 0x1.921fb54442d18p-62);
}

/// sin(|x| + quarter · π/2).
LS_INLINE vf sine_of_magnitude(vf x, int32_t quarter) {
    vf a = absolute(x);
    vf shifted = multiply_add(a, splat(0x1.45f306p-1f), splat(LS_ROUNDER));
    vf n = shifted - LS_ROUNDER;
    vi quadrant = (vi)shifted;
    vf r = multiply_add(n, splat(-0x1.921fb6p0f), a);
    r = multiply_add(n, splat(0x1.777a5cp-25f), r);
    r = multiply_add(n, splat(0x1.ee59dap-50f), r);
    vi large = (vi)(a > 32768.0f) & (vi)(a < LS_INFINITY);
    if (__builtin_reduce_or(large)) {
        for (int i = 0; i < LS_WIDTH; i++) {
            if (!large[i]) continue;
            int32_t lane_quadrant;
            float lane_rest;
            reduce_large(a[i], &lane_quadrant, &lane_rest);
            quadrant[i] = lane_quadrant;
            r[i] = lane_rest;
        }
    }
    quadrant += quarter;
    vf s = r * r;
    vf p = splat(0x1.7ccf12p-19f);
    p = multiply_add(p, s, splat(-0x1.a05ba8p-13f));
    p = multiply_add(p, s, splat(0x1.111176p-7f));
    p = multiply_add(p, s, splat(-0x1.555556p-3f));
    vf sine = multiply_add(r * s, p, r);
    vf q = splat(-0x1.371b94p-22f);
    q = multiply_add(q, s, splat(0x1.a075d6p-16f));
    q = multiply_add(q, s, splat(-0x1.6c1762p-10f));
    q = multiply_add(q, s, splat(0x1.555556p-5f));
    q = multiply_add(q, s, splat(-0.5f));
    vf cosine = multiply_add(q, s, splat(1.0f));
    vf y = select(-(quadrant & 1), cosine, sine);
    y = (vf)((vi)y ^ (vi)((vu)(quadrant & 2) << 30));
    return select((vi)(a < LS_INFINITY), y, LS_NAN);
}

LS_INLINE vf sin_of(vf x) { return (vf)((vi)sine_of_magnitude(x, 0) ^ ((vi)x & (int32_t)0x80000000)); }
LS_INLINE vf cos_of(vf x) { return sine_of_magnitude(x, 1); }

#define LS_DEFINE_MAP(NAME)                                                                                \
    static void map_##NAME(size_t count, const float *x, float *y) {                                       \
        size_t i = 0;                                                                                      \
        for (; i + LS_WIDTH <= count; i += LS_WIDTH) store(y + i, NAME##_of(load(x + i)));                 \
        if (i < count) store_part(y + i, NAME##_of(load_part(x + i, count - i)), count - i);               \
    }
LS_DEFINE_MAP(exp)
LS_DEFINE_MAP(log)
LS_DEFINE_MAP(log1p)
LS_DEFINE_MAP(tanh)
LS_DEFINE_MAP(erf)
LS_DEFINE_MAP(sin)
LS_DEFINE_MAP(cos)
