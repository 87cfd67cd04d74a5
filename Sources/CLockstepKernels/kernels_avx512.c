#if defined(__x86_64__)
#define LS_NAME "avx512"
#define LS_TABLE ls_kernels_avx512
#define LS_WIDTH 16
#define LS_TILE_ROWS 14
#define LS_EMULATE_FMA 0
#define LS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"), min_vector_width(512)))
#include "variant_table.h"
#endif
