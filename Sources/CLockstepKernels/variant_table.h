// All templates for one variant, and its table.

#include "variant.h"

#include "elementwise.h"
#include "functions.h"
#include "state.h"

#include "activation.h"
#include "tiles.h"
#include "columns.h"

#include "epilogue.h"
#include "multiply_adds.h"

#include "product.h"
#include "product_unpacked.h"

#include "convolution_pass.h"
#include "winograd.h"

#include "convolution.h"
#include "convolution_gradient.h"
#include "dropout.h"
#include "pooling.h"
#include "softmax.h"

#include "outer_panels.h"

#include "attention.h"
#include "recurrence.h"

#include "losses.h"
#include "layer_norm.h"
#include "batch_norm.h"
#include "embedding.h"
#include "sequences.h"
#include "update.h"

#ifdef LS_TARGET
#pragma clang attribute pop
#endif

extern const ls_kernels LS_TABLE;
const ls_kernels LS_TABLE = {
    .name = LS_NAME,
    .pack = pack,
    .product = product,
    .product_unpacked = product_unpacked,
    .matrix_product = matrix_product,
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
    .sequence_cross_entropy = sequence_cross_entropy,
    .adaptive_average_pool = adaptive_average_pool,
    .adaptive_average_pool_gradient = adaptive_average_pool_gradient,
    .layer_norm = layer_norm,
    .layer_norm_gradient = layer_norm_gradient,
    .layer_norm_parameter_gradient = layer_norm_parameter_gradient,
    .batch_norm = batch_norm,
    .batch_norm_running = batch_norm_running,
    .batch_norm_gradient = batch_norm_gradient,
    .batch_norm_parameter_gradient = batch_norm_parameter_gradient,
    .batch_norm_inference = batch_norm_inference,
    .embedding = embedding,
    .embedding_gradient = embedding_gradient,
    .add_broadcast = add_broadcast,
    .copy_columns = copy_columns,
    .multiply = multiply,
    .subtract = subtract,
    .scale_add = scale_add,
    .lstm = lstm,
    .lstm_gradient = lstm_gradient,
    .gru = gru,
    .gru_gradient = gru_gradient,
    .recurrent_weight_gradient = recurrent_weight_gradient,
    .attention = attention,
    .attention_gradient = attention_gradient,
    .add = add,
    .sum = sum,
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
    .multiply_adds = multiply_adds,
    .exp = map_exp,
    .log = map_log,
    .log1p = map_log1p,
    .tanh = map_tanh,
    .erf = map_erf,
    .sin = map_sin,
    .cos = map_cos,
};
