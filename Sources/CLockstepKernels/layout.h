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

static inline size_t ls_output_height(const ls_convolution *s) { return s->height - s->kernel_height + 1; }
static inline size_t ls_output_width(const ls_convolution *s) { return s->width - s->kernel_width + 1; }
static inline size_t ls_output_positions(const ls_convolution *s) { return ls_output_height(s) * ls_output_width(s); }

/// The shape whose forward convolution is the data gradient of `s`: its input is dy with kernel − 1 zeros around.
static inline ls_convolution ls_data_gradient_shape(const ls_convolution *s) {
    return (ls_convolution){
        .height = ls_output_height(s) + 2 * (s->kernel_height - 1),
        .width = ls_output_width(s) + 2 * (s->kernel_width - 1),
        .channels = s->outputs,
        .kernel_height = s->kernel_height,
        .kernel_width = s->kernel_width,
        .outputs = s->channels,
    };
}

/// Images that a convolution's weight gradient works through at a time.
static inline size_t ls_image_block(const ls_convolution *s) {
    const size_t size = s->height * s->width * s->channels + ls_output_positions(s) * s->outputs;
    const size_t images = LS_IMAGE_POOL / (size ? size : 1);
    return images < 1 ? 1 : images > 64 ? 64 : images;
}

#endif
