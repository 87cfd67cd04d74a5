// What all templates of one variant share: its vectors and a few operations on them.
//
// A variant file defines LS_NAME (the kernels' name), LS_TABLE (the symbol of its table), LS_WIDTH (floats of a
// vector), LS_TILE_ROWS (rows of a register tile), LS_EMULATE_FMA (0 or 1) and, where it needs instructions beyond the
// compile target, LS_TARGET; then it includes variant_table.h.

#include "layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang fp contract(off)

#define LS_INLINE static inline __attribute__((always_inline))
#define LS_UNROLL _Pragma("clang loop unroll(full)")
#define LS_RESTRICT __restrict

#ifdef LS_TARGET
#pragma clang attribute push(LS_TARGET, apply_to = function)
#endif

/// Floats of a line of the caches.
#define LS_LINE 16

typedef float vf __attribute__((ext_vector_type(LS_WIDTH)));
typedef int32_t vi __attribute__((ext_vector_type(LS_WIDTH)));
typedef uint32_t vu __attribute__((ext_vector_type(LS_WIDTH)));
typedef uint8_t vb __attribute__((ext_vector_type(LS_WIDTH)));
typedef uint64_t vw __attribute__((ext_vector_type(LS_WIDTH / 2)));
typedef float vf_memory __attribute__((ext_vector_type(LS_WIDTH), aligned(4), may_alias));
typedef float vf_anywhere __attribute__((ext_vector_type(LS_WIDTH), aligned(1), may_alias));
typedef uint64_t vw_memory __attribute__((ext_vector_type(LS_WIDTH / 2), aligned(4), may_alias));
typedef uint8_t vb_memory __attribute__((ext_vector_type(LS_WIDTH), aligned(1), may_alias));

LS_INLINE vf load(const float *p) { return *(const vf_memory *)p; }
LS_INLINE void store(float *p, vf v) { *(vf_memory *)p = v; }
LS_INLINE vf splat(float x) { return (vf)(x); }
LS_INLINE vi splat_bits(int32_t x) { return (vi)(x); }
LS_INLINE vf select(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
LS_INLINE vf absolute(vf x) { return (vf)((vi)x & 0x7fffffff); }

/// The first `count` elements at p, then zeros; count < LS_WIDTH.
LS_INLINE vf load_part(const float *p, size_t count) {
    vf v = {0};
    __builtin_memcpy(&v, p, count * sizeof(float));
    return v;
}
LS_INLINE void store_part(float *p, vf v, size_t count) { __builtin_memcpy(p, &v, count * sizeof(float)); }

#if LS_EMULATE_FMA
typedef double vd __attribute__((ext_vector_type(LS_WIDTH)));
typedef int64_t vl __attribute__((ext_vector_type(LS_WIDTH)));

/// a · b + c, rounded once. The product of two floats is exact in double; the sum is rounded to odd, so that the
/// second rounding, to float, sees on which side of a tie the exact value lies.
LS_INLINE vf multiply_add(vf a, vf b, vf c) {
    vd product = __builtin_convertvector(a, vd) * __builtin_convertvector(b, vd);
    vd addend = __builtin_convertvector(c, vd);
    vd sum = product + addend;
    vd back = sum - product;
    vd error = (product - (sum - back)) + (addend - back);
    vl bits = (vl)sum;
    vl inexact = (vl)(error > 0.0) | (vl)(error < 0.0);
    vl even = (bits & 1) - 1;
    vl away = ((vl)error ^ bits) >> 63;  // −1 where the exact value is nearer to zero than the sum
    bits += inexact & even & (1 | away);
    return __builtin_convertvector((vd)bits, vf);
}
#else
LS_INLINE vf multiply_add(vf a, vf b, vf c) { return __builtin_elementwise_fma(a, b, c); }
#endif

#if LS_WIDTH == 16
#define LS_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define LS_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif LS_WIDTH == 8
#define LS_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define LS_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define LS_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define LS_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

/// rows[j][i] = rows[i][j] for LS_WIDTH vectors: each perfect shuffle of the rows halves the distance.
LS_INLINE void transpose_vectors(vf rows[LS_WIDTH]) {
    vf next[LS_WIDTH];
    LS_UNROLL for (int stage = 1; stage < LS_WIDTH; stage *= 2) {
        LS_UNROLL for (int i = 0; i < LS_WIDTH / 2; i++) {
            next[2 * i] = LS_ZIP_LOW(rows[i], rows[i + LS_WIDTH / 2]);
            next[2 * i + 1] = LS_ZIP_HIGH(rows[i], rows[i + LS_WIDTH / 2]);
        }
        LS_UNROLL for (int i = 0; i < LS_WIDTH; i++) rows[i] = next[i];
    }
}

/// y[j][i] = x[i][j] for a square of LS_WIDTH × LS_WIDTH.
LS_INLINE void transpose_square(const float *x, size_t x_stride, float *y, size_t y_stride) {
    vf rows[LS_WIDTH];
    LS_UNROLL for (int i = 0; i < LS_WIDTH; i++) rows[i] = load(x + i * x_stride);
    transpose_vectors(rows);
    LS_UNROLL for (int i = 0; i < LS_WIDTH; i++) store(y + i * y_stride, rows[i]);
}

/// y[j][i] = x[i][j] for `rows` rows of `columns` elements.
static void transpose(size_t rows, size_t columns, const float *x, size_t x_stride, float *y, size_t y_stride) {
    size_t i = 0;
    for (; i + LS_WIDTH <= rows; i += LS_WIDTH) {
        size_t j = 0;
        for (; j + LS_WIDTH <= columns; j += LS_WIDTH)
            transpose_square(x + i * x_stride + j, x_stride, y + j * y_stride + i, y_stride);
        for (; j < columns; j++)
            for (size_t r = i; r < i + LS_WIDTH; r++) y[j * y_stride + r] = x[r * x_stride + j];
    }
    for (; i < rows; i++)
        for (size_t j = 0; j < columns; j++) y[j * y_stride + i] = x[i * x_stride + j];
}

LS_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
LS_INLINE size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/// A count cut into as few parts as possible of at most `limit`, as equal as possible.
typedef struct {
    size_t parts, size, larger_parts;
} balanced_cut;

LS_INLINE balanced_cut cut(size_t count, size_t limit) {
    size_t parts = (count + limit - 1) / limit;
    return (balanced_cut){parts, parts ? count / parts : 0, parts ? count % parts : 0};
}
LS_INLINE size_t part_size(balanced_cut c, size_t index) { return c.size + (index < c.larger_parts ? 1 : 0); }
LS_INLINE size_t part_start(balanced_cut c, size_t index) { return c.size * index + smaller(index, c.larger_parts); }
