// Activations and their gradients, in vectors.

#define LS_SQRT_HALF 0x1.6a09e6p-1f         // 1 / √2
#define LS_SQRT_TWO_BY_PI 0x1.988454p-1f    // √(2 / π)
#define LS_ONE_BY_SQRT_TAU 0x1.988454p-2f   // 1 / √(2π)
#define LS_GELU_CUBE 0.044715f
#define LS_GELU_CUBE_THRICE 0.134145f
/// Above it softplus is the identity, as in PyTorch.
#define LS_SOFTPLUS_THRESHOLD 20.0f

LS_INLINE vf gelu_tanh_of(vf x) {
    vf square = x * x;
    vf inner = multiply_add(LS_GELU_CUBE * square, x, x);
    return tanh_of(LS_SQRT_TWO_BY_PI * inner);
}

/// f(x) of a kind that is a constant where it is inlined.
LS_INLINE vf activation_of(const ls_activation kind, float parameter, vf x) {
    vf value, other;
    switch (kind) {
    case LS_SIGMOID:
        sigmoid_pair(x, &value, &other);
        return value;
    case LS_TANH: return tanh_of(x);
    case LS_GELU: return 0.5f * x * (1.0f + erf_of(LS_SQRT_HALF * x));
    case LS_GELU_TANH: return 0.5f * x * (1.0f + gelu_tanh_of(x));
    case LS_SILU:
        sigmoid_pair(x, &value, &other);
        return x * value;
    case LS_SOFTPLUS: return select((vi)(x > LS_SOFTPLUS_THRESHOLD), x, log1p_of(exp_of(x)));
    case LS_LEAKY_RELU: return select((vi)(x > 0), x, parameter * x);
    case LS_ELU: return select((vi)(x > 0), x, parameter * expm1_of_negative(x));
    }
    return x;
}

/// dy · f′ from what `activation_gradient` says is saved.
LS_INLINE vf activation_gradient_of(const ls_activation kind, float parameter, vf saved, vf dy) {
    vf value, other;
    switch (kind) {
    case LS_SIGMOID: return dy * (saved * (1.0f - saved));
    case LS_TANH: return dy * multiply_add(-saved, saved, splat(1.0f));
    case LS_GELU: {
        vf cumulative = 0.5f * (1.0f + erf_of(LS_SQRT_HALF * saved));
        vf density = exp_of(-0.5f * saved * saved);
        return dy * multiply_add(LS_ONE_BY_SQRT_TAU * saved, density, cumulative);
    }
    case LS_GELU_TANH: {
        vf t = gelu_tanh_of(saved);
        vf inner = LS_SQRT_TWO_BY_PI * multiply_add(LS_GELU_CUBE_THRICE * saved, saved, splat(1.0f));
        vf slope = multiply_add(-t, t, splat(1.0f)) * inner;
        return dy * multiply_add(0.5f * saved, slope, 0.5f * (1.0f + t));
    }
    case LS_SILU:
        sigmoid_pair(saved, &value, &other);
        return dy * (value * multiply_add(saved, other, splat(1.0f)));
    case LS_SOFTPLUS:
        sigmoid_pair(saved, &value, &other);
        return select((vi)(saved > LS_SOFTPLUS_THRESHOLD), dy, dy * value);
    case LS_LEAKY_RELU: return select((vi)(saved > 0), dy, parameter * dy);
    case LS_ELU: return select((vi)(saved > 0), dy, dy * (parameter * exp_of(saved)));
    }
    return dy;
}

#define LS_FOR_ACTIVATIONS(X) \
    X(LS_SIGMOID) X(LS_TANH) X(LS_GELU) X(LS_GELU_TANH) X(LS_SILU) X(LS_SOFTPLUS) X(LS_LEAKY_RELU) X(LS_ELU)

#define LS_DEFINE_ACTIVATION(KIND)                                                                                 \
    static void map_##KIND(float parameter, size_t count, const float *x, float *y) {                              \
        size_t i = 0;                                                                                              \
        for (; i + LS_WIDTH <= count; i += LS_WIDTH) store(y + i, activation_of(KIND, parameter, load(x + i)));    \
        if (i < count)                                                                                             \
            store_part(y + i, activation_of(KIND, parameter, load_part(x + i, count - i)), count - i);             \
    }                                                                                                              \
    static void map_gradient_##KIND(float parameter, size_t count, const float *saved, const float *dy, float *dx) { \
        size_t i = 0;                                                                                              \
        for (; i + LS_WIDTH <= count; i += LS_WIDTH)                                                               \
            store(dx + i, activation_gradient_of(KIND, parameter, load(saved + i), load(dy + i)));                 \
        if (i < count) {                                                                                           \
            const size_t rest = count - i;                                                                         \
            vf v = activation_gradient_of(KIND, parameter, load_part(saved + i, rest), load_part(dy + i, rest));   \
            store_part(dx + i, v, rest);                                                                           \
        }                                                                                                          \
    }
LS_FOR_ACTIVATIONS(LS_DEFINE_ACTIVATION)

static void activation(ls_activation kind, float parameter, size_t count, const float *x, float *y) {
    switch (kind) {
#define LS_CASE(KIND) \
    case KIND: map_##KIND(parameter, count, x, y); return;
        LS_FOR_ACTIVATIONS(LS_CASE)
#undef LS_CASE
    }
}

static void activation_gradient(ls_activation kind, float parameter, size_t count, const float *saved, const float *dy,
                                float *dx) {
    switch (kind) {
#define LS_CASE(KIND) \
    case KIND: map_gradient_##KIND(parameter, count, saved, dy, dx); return;
        LS_FOR_ACTIVATIONS(LS_CASE)
#undef LS_CASE
    }
}
