#if defined(__x86_64__)
#define LS_NAME "avx2"
#define LS_TABLE ls_kernels_avx2
#define LS_WIDTH 8
#define LS_TILE_ROWS 6
#define LS_EMULATE_FMA 0
#define LS_TARGET __attribute__((target("avx2,fma"), min_vector_width(256)))
#include "variant_table.h"
#endif
