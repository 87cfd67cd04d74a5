#if defined(__aarch64__)
#define LS_NAME "neon"
#define LS_TABLE ls_kernels_neon
#define LS_WIDTH 4
#define LS_TILE_ROWS 12
#define LS_EMULATE_FMA 0
#include "variant_table.h"
#endif
