// Sizes of scratch that all variants share.
#ifndef LS_LAYOUT_H
#define LS_LAYOUT_H

#include "CLockstepKernels.h"

/// Subtrees of lanes that can wait for their right neighbour: enough for 2³² lanes.
#define LS_TREE_SLOTS 33
/// Elements of the largest register tile of any variant: 14 rows of two vectors of 16.
#define LS_SLOT_COUNT 448
/// The widest vector of any variant.
#define LS_WIDEST 16
/// Elements that the waiting tiles of a convolution's weight gradient share (256 KiB).
#define LS_TILE_POOL 65536
/// Elements of images and gradients that a convolution's weight gradient works through at a time (256 KiB).
#define LS_IMAGE_POOL 65536
/// Elements of the largest image that is copied whole to put zeros around it (512 KiB).
#define LS_PADDED_POOL 131072
/// Rows of the largest register tile of any variant.
#define LS_MOST_TILE_ROWS 14
/// Columns of b that a product works through together: a chunk of their rows stays in the second-level cache (512 KiB).
#define LS_COLUMN_BLOCK 256
/// A linear layer's weight gradient copies columns of its inputs where it has more rows than a few, up to so many, and so
/// many tiles that read them.
#define LS_FEW_ROWS 128
#define LS_COPIED_ROWS 2048
#define LS_COPYING_TILES 8
/// Elements between the rows of a copied tile: no multiple of a large power of two.
#define LS_COPIED_STRIDE (LS_CHAIN_LENGTH + 16)
/// Elements of a copied tile: a chunk of at most 16 rows.
#define LS_COPIED_COUNT (LS_WIDEST * LS_COPIED_STRIDE)

static inline size_t ls_output_extent(size_t extent, size_t kernel, size_t stride, size_t padding) {
    return (extent + 2 * padding - kernel) / stride + 1;
}
static inline size_t ls_output_height(const ls_convolution *s) {
    return ls_output_extent(s->height, s->kernel_height, s->stride, s->padding);
}
static inline size_t ls_output_width(const ls_convolution *s) {
    return ls_output_extent(s->width, s->kernel_width, s->stride, s->padding);
}
static inline size_t ls_output_positions(const ls_convolution *s) { return ls_output_height(s) * ls_output_width(s); }

/// Room for the image that `rows` × `columns` outputs read, or fewer outputs of fewer taps, where it is copied whole.
static inline size_t ls_padded_image(size_t rows, size_t columns, size_t step, size_t taps_down, size_t taps_across,
                                     size_t channels) {
    const size_t size = ((rows - 1) * step + taps_down) * ((columns - 1) * step + taps_across) * channels;
    return size < LS_PADDED_POOL ? size : LS_PADDED_POOL;
}

/// Channels and outputs from which on a 3 × 3 convolution is computed in squares.
#define LS_WINOGRAD_CHANNELS 64

/// Whether a convolution and its data's gradient are those of winograd.h.
static inline bool ls_uses_winograd(const ls_convolution *s) {
    return s->kernel_height == 3 && s->kernel_width == 3 && s->stride == 1 && s->padding <= 2
        && s->channels >= LS_WINOGRAD_CHANNELS && s->outputs >= LS_WINOGRAD_CHANNELS;
}
/// Squares that are worked through together: few, so that they stay in the second-level cache, but many where the weights
/// do not, so that these are read less often.
static inline size_t ls_winograd_squares(size_t channels, size_t outputs) {
    return channels * outputs <= 65536 ? 42 : 128;
}
/// Elements between the matrices of `squares` rows: an odd number of lines, so that they do not share sets of a cache.
static inline size_t ls_winograd_step(size_t squares, size_t columns) {
    return squares * columns / 32 * 32 + 48;
}
static inline size_t ls_winograd_scratch_count(size_t channels, size_t outputs) {
    const size_t squares = ls_winograd_squares(channels, outputs);
    return 16 * (channels + ls_winograd_step(squares, channels) + ls_winograd_step(squares, outputs));
}

/// Elements of the lines that a tile of up to `rows` neighbouring pixels reads, `step` pixels apart.
static inline size_t ls_tile_lines(size_t rows, size_t step, size_t taps_down, size_t taps_across, size_t channels) {
    return taps_down * ((rows - 1) * step + taps_across) * channels;
}

/// Whole output rows in one chunk of the weight gradient.
static inline size_t ls_chunk_rows(const ls_convolution *s) {
    const size_t rows = LS_CONVOLUTION_CHAIN_POSITIONS / ls_output_width(s);
    return rows < 1 ? 1 : rows;
}

/// What a convolution's weight gradient works through at a time: whole images, or output rows of one, in whole chunks.
typedef struct {
    size_t images, rows;
} ls_image_block;

static inline ls_image_block ls_image_block_of(const ls_convolution *s) {
    const size_t height = ls_output_height(s);
    const size_t size = s->height * s->width * s->channels + ls_output_positions(s) * s->outputs;
    if (size <= LS_IMAGE_POOL) {
        const size_t images = LS_IMAGE_POOL / (size ? size : 1);
        return (ls_image_block){images > 64 ? 64 : images, height};
    }
    const size_t chunk = ls_chunk_rows(s);
    const size_t row = s->stride * s->width * s->channels + ls_output_width(s) * s->outputs;
    const size_t chunks = LS_IMAGE_POOL / (row * chunk);
    const size_t rows = (chunks < 1 ? 1 : chunks) * chunk;
    return (ls_image_block){1, rows < height ? rows : height};
}

/// Extents of the input that `rows` rows of output read.
static inline size_t ls_read_height(const ls_convolution *s, size_t rows) {
    return (rows - 1) * s->stride + s->kernel_height;
}
static inline size_t ls_read_width(const ls_convolution *s) {
    return (ls_output_width(s) - 1) * s->stride + s->kernel_width;
}

#endif
