// The choice of a variant, and what is the same for all of them.

#include "layout.h"

#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
extern const ls_kernels ls_kernels_avx512, ls_kernels_avx2;
#elif defined(__aarch64__)
extern const ls_kernels ls_kernels_neon;
#endif
extern const ls_kernels ls_kernels_generic;

const ls_kernels *ls_kernels_named(const char *name) {
    if (strcmp(name, "generic") == 0) return &ls_kernels_generic;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
        return &ls_kernels_avx512;
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &ls_kernels_avx2;
#elif defined(__aarch64__)
    if (strcmp(name, "neon") == 0) return &ls_kernels_neon;
#endif
    return NULL;
}

const ls_kernels *ls_kernels_best(void) {
    static const char *const names[] = {"avx512", "avx2", "neon"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const ls_kernels *kernels = ls_kernels_named(names[i]);
        if (kernels) return kernels;
    }
    return &ls_kernels_generic;
}

void ls_prepare_thread(void) {
#if defined(__x86_64__)
    _mm_setcsr(0x1F80);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
#endif
}

size_t ls_weight_gradient_scratch_count(size_t outputs, size_t inputs) {
    (void)outputs;
    return LS_TREE_SLOTS * LS_SLOT_COUNT + LS_COPIED_ROWS * (inputs < LS_WIDEST ? LS_WIDEST : LS_PANEL_WIDTH);
}

size_t ls_matrix_product_scratch_count(size_t m, size_t n, size_t k) {
    (void)m;
    return ls_packed_count(k < LS_CHAIN_LENGTH ? k : LS_CHAIN_LENGTH, n);
}

size_t ls_embedding_scratch_count(size_t count, size_t rows) { return count + 1 + 2 * rows; }

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

size_t ls_recurrence_scratch_count(const ls_recurrence *s, size_t gate_count, size_t samples, size_t lanes) {
    const size_t states = samples * (gate_count + 16 + 2 * s->units);
    size_t depth = 1;
    while (depth < LS_TREE_SLOTS && ((size_t)1 << (depth - 1)) < lanes) depth++;
    const size_t columns = (s->units + LS_PANEL_WIDTH - 1) / LS_PANEL_WIDTH * LS_PANEL_WIDTH;
    const size_t weights =
        LS_CHAIN_LENGTH * LS_PANEL_WIDTH + depth * (gate_count + LS_MOST_TILE_ROWS) * columns;
    return states > weights ? states : weights;
}

size_t ls_attention_scratch_count(const ls_attention *s) {
    return ls_packed_count(s->width, s->steps) + ls_packed_count(s->steps, s->width) + s->steps * LS_PANEL_WIDTH
         + 2 * s->steps * s->steps;
}

bool ls_convolution_uses_squares(const ls_convolution *s) { return ls_uses_winograd(s); }

size_t ls_convolution_packed_count(const ls_convolution *s) {
    if (ls_uses_winograd(s)) return 16 * ls_packed_count(s->channels, s->outputs);
    return ls_packed_count(s->kernel_height * s->kernel_width * s->channels, s->outputs);
}

size_t ls_convolution_flipped_packed_count(const ls_convolution *s) {
    if (ls_uses_winograd(s)) return 16 * ls_packed_count(s->outputs, s->channels);
    return ls_packed_count(s->kernel_height * s->kernel_width * s->outputs, s->channels);
}

/// What a pass of the forward convolution (`step` is the stride) or of the data's gradient (1) needs.
static size_t pass_scratch(const ls_convolution *s, size_t rows, size_t columns, size_t step, size_t channels) {
    return larger(ls_tile_lines(LS_MOST_TILE_ROWS, step, s->kernel_height, s->kernel_width, channels),
                  ls_padded_image(rows, columns, step, s->kernel_height, s->kernel_width, channels));
}

size_t ls_convolution_scratch_count(const ls_convolution *s) {
    const bool squares = ls_uses_winograd(s);
    const size_t forward = squares ? ls_winograd_scratch_count(s->channels, s->outputs)
                                   : pass_scratch(s, ls_output_height(s), ls_output_width(s), s->stride, s->channels);
    const size_t data = squares ? ls_winograd_scratch_count(s->outputs, s->channels)
                                : pass_scratch(s, s->height, s->width, 1, s->outputs);
    const size_t columns = larger(s->outputs, LS_WIDEST);
    const ls_image_block block = ls_image_block_of(s);
    const size_t positions = block.images * block.rows * ls_output_width(s);
    const size_t narrow = s->outputs < LS_WIDEST ? positions * LS_WIDEST : 0;
    const size_t padded =
        s->padding ? block.images * ls_read_height(s, block.rows) * ls_read_width(s) * s->channels : 0;
    const size_t weights =
        LS_TILE_POOL + s->kernel_height * s->kernel_width * s->channels * columns + narrow + padded;
    return larger(larger(forward, data), weights);
}
