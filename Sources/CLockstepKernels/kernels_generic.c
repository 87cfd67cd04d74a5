// Portable C. Where the compile target has no fused multiply-add, it is computed exactly in double.
#define LS_NAME "generic"
#define LS_TABLE ls_kernels_generic
#define LS_WIDTH 4
#define LS_TILE_ROWS 2
#if defined(__FMA__) || defined(__aarch64__)
#define LS_EMULATE_FMA 0
#else
#define LS_EMULATE_FMA 1
#endif
#include "variant_table.h"
