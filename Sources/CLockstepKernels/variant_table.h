// All templates for one variant, and its table.

#include "variant.h"

#include "tiles.h"

#include "product.h"

#include "convolution.h"
#include "convolution_gradient.h"
#include "elementwise.h"
#include "functions.h"

#include "activation.h"
#include "dropout.h"
#include "pooling.h"
#include "softmax.h"
#include "state.h"

#include "losses.h"
#include "update.h"

#ifdef LS_TARGET
#pragma clang attribute pop
#endif

extern const ls_kernels LS_TABLE;
const ls_kernels LS_TABLE = {
    .name = LS_NAME,
    .pack = pack,
    .product = product,
    .weight_gradient = weight_gradient,
    .column_sums = column_sums,
    .convolution_pack = convolution_pack,
    .convolution_pack_flipped = convolution_pack_flipped,
    .convolution_forward = convolution_forward,
    .convolution_data_gradient = convolution_data_gradient,
    .convolution_weight_gradient = convolution_weight_gradient,
    .convolution_bias_gradient = convolution_bias_gradient,
    .relu = relu,
    .relu_gradient = relu_gradient,
    .activation = activation,
    .activation_gradient = activation_gradient,
    .dropout = dropout,
    .max_pool = max_pool,
    .max_pool_gradient = max_pool_gradient,
    .average_pool = average_pool,
    .average_pool_gradient = average_pool_gradient,
    .channels_first = channels_first,
    .channels_last = channels_last,
    .softmax_cross_entropy = softmax_cross_entropy,
    .softmax_cross_entropy_smoothed = softmax_cross_entropy_smoothed,
    .softmax = softmax,
    .softmax_gradient = softmax_gradient,
    .elementwise_loss = elementwise_loss,
    .scale_bytes = scale_bytes,
    .add = add,
    .all_finite = all_finite,
    .sgd = sgd,
    .adam = adam,
    .adamw = adamw,
    .sgd_momentum = sgd_momentum,
    .rmsprop = rmsprop,
    .adagrad = adagrad,
    .prepare_gradient = prepare_gradient,
    .square_sums = square_sums,
    .hash_blocks = hash_blocks,
    .exp = map_exp,
    .log = map_log,
    .log1p = map_log1p,
    .tanh = map_tanh,
    .erf = map_erf,
    .sin = map_sin,
    .cos = map_cos,
};
