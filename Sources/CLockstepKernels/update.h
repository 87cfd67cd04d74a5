// What happens to a gradient before the update, and the optimizers other than plain SGD and Adam.

LS_INLINE vf prepared(vf g, vf p, const ls_gradient_preparation *c) {
    g = g * c->scale;
    if (c->clip > 0) {
        g = select((vi)(g > c->clip), splat(c->clip), g);
        g = select((vi)(g < -c->clip), splat(-c->clip), g);
    }
    g = multiply_add(splat(c->l2), p, g);
    return g + select((vi)(p > 0), splat(c->l1), select((vi)(p < 0), splat(-c->l1), splat(0)));
}

static void prepare_gradient(size_t count, float *g, const float *p, const ls_gradient_preparation *preparation) {
    const ls_gradient_preparation c = *preparation;
    size_t i = 0;
    for (; i + LS_WIDTH <= count; i += LS_WIDTH) store(g + i, prepared(load(g + i), load(p + i), &c));
    if (i < count) {
        const size_t rest = count - i;
        store_part(g + i, prepared(load_part(g + i, rest), load_part(p + i, rest), &c), rest);
    }
}

static void square_sums(size_t count, const float *x, double *sums) {
    typedef double vd8 __attribute__((ext_vector_type(8)));
    typedef float vf8 __attribute__((ext_vector_type(8)));
    typedef float vf8_memory __attribute__((ext_vector_type(8), aligned(4), may_alias));
    for (; count > 0; sums++) {
        const size_t length = smaller(count, LS_HASH_BLOCK);
        vd8 low = {0}, high = {0};
        size_t i = 0;
        for (; i + 16 <= length; i += 16) {
            vd8 a = __builtin_convertvector(*(const vf8_memory *)(x + i), vd8);
            vd8 b = __builtin_convertvector(*(const vf8_memory *)(x + i + 8), vd8);
            vd8 aa = a * a, bb = b * b;
            low += aa;
            high += bb;
        }
        if (i < length) {
            vf8 part[2] = {{0}, {0}};
            __builtin_memcpy(part, x + i, (length - i) * sizeof(float));
            vd8 a = __builtin_convertvector(part[0], vd8), b = __builtin_convertvector(part[1], vd8);
            vd8 aa = a * a, bb = b * b;
            low += aa;
            high += bb;
        }
        vd8 eight = low + high;
        for (int half = 4; half >= 1; half /= 2)
            for (int j = 0; j < half; j++) eight[j] = eight[j] + eight[j + half];
        *sums = eight[0];
        x += length;
        count -= length;
    }
}

/// How a step treats one vector of elements: parameters, up to two vectors of state, the gradient.
#define LS_DEFINE_UPDATE(NAME, CONSTANTS)                                                                      \
    LS_INLINE void NAME##_over(size_t count, float *p, float *first, float *second, const float *g,            \
                               const CONSTANTS *constants) {                                                   \
        const CONSTANTS c = *constants;                                                                        \
        size_t i = 0;                                                                                          \
        for (; i + LS_WIDTH <= count; i += LS_WIDTH) {                                                         \
            vf a = load(p + i), b = load(first + i), d = second ? load(second + i) : splat(0);                 \
            NAME##_step(&a, &b, second ? &d : NULL, load(g + i), &c);                                          \
            store(p + i, a);                                                                                   \
            store(first + i, b);                                                                               \
            if (second) store(second + i, d);                                                                  \
        }                                                                                                      \
        if (i < count) {                                                                                       \
            const size_t rest = count - i;                                                                     \
            vf a = load_part(p + i, rest), b = load_part(first + i, rest);                                     \
            vf d = second ? load_part(second + i, rest) : splat(0);                                            \
            NAME##_step(&a, &b, second ? &d : NULL, load_part(g + i, rest), &c);                               \
            store_part(p + i, a, rest);                                                                        \
            store_part(first + i, b, rest);                                                                    \
            if (second) store_part(second + i, d, rest);                                                       \
        }                                                                                                      \
    }

typedef struct {
    ls_adam adam;
    float decay;
} adamw_constants;

LS_INLINE void adamw_step(vf *p, vf *m, vf *v, vf g, const adamw_constants *c) {
    *p = *p * c->decay;
    adam_step(p, m, v, g, &c->adam);
}
LS_DEFINE_UPDATE(adamw, adamw_constants)

static void adamw(size_t count, float *p, float *m, float *v, const float *g, const ls_adam *constants, float decay) {
    const adamw_constants c = {*constants, decay};
    adamw_over(count, p, m, v, g, &c);
}

LS_INLINE void momentum_step(vf *p, vf *buffer, vf *none, vf g, const ls_momentum *c) {
    (void)none;
    vf scaled = g * c->scale;
    *buffer = c->is_first ? scaled : multiply_add(splat(c->momentum), *buffer, c->one_minus_dampening * scaled);
    vf direction = c->nesterov ? multiply_add(splat(c->momentum), *buffer, scaled) : *buffer;
    *p = multiply_add(splat(-c->rate), direction, *p);
}
LS_DEFINE_UPDATE(momentum, ls_momentum)

static void sgd_momentum(size_t count, float *p, float *buffer, const float *g, const ls_momentum *constants) {
    momentum_over(count, p, buffer, NULL, g, constants);
}

LS_INLINE void rmsprop_step(vf *p, vf *v, vf *buffer, vf g, const ls_rmsprop *c) {
    vf scaled = g * c->scale;
    vf weighted = c->one_minus_alpha * scaled;
    *v = multiply_add(weighted, scaled, c->alpha * *v);
    vf direction = scaled / (__builtin_elementwise_sqrt(*v) + c->epsilon);
    if (buffer) direction = *buffer = multiply_add(splat(c->momentum), *buffer, direction);
    *p = multiply_add(splat(-c->rate), direction, *p);
}
LS_DEFINE_UPDATE(rmsprop, ls_rmsprop)

static void rmsprop(size_t count, float *p, float *v, float *buffer, const float *g, const ls_rmsprop *constants) {
    if (buffer) rmsprop_over(count, p, v, buffer, g, constants);
    else rmsprop_over(count, p, v, NULL, g, constants);
}

LS_INLINE void adagrad_step(vf *p, vf *sum, vf *none, vf g, const ls_adagrad *c) {
    (void)none;
    vf scaled = g * c->scale;
    *sum = multiply_add(scaled, scaled, *sum);
    *p = multiply_add(splat(-c->rate), scaled / (__builtin_elementwise_sqrt(*sum) + c->epsilon), *p);
}
LS_DEFINE_UPDATE(adagrad, ls_adagrad)

static void adagrad(size_t count, float *p, float *sum, const float *g, const ls_adagrad *constants) {
    adagrad_over(count, p, sum, NULL, g, constants);
}
