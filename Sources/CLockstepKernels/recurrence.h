// Recurrent layers: LSTM and GRU through all steps of a sequence, their gradients, and the gradient of W_hh.

/// 1 / (1 + exp(−x)), with the bits of `sigmoid_pair`.
LS_INLINE vf sigmoid_of(vf x) {
    vf e = exp_of(-absolute(x));
    return select((vi)(x < 0), e, splat(1.0f)) / (1.0f + e);
}
LS_INLINE vf slope_of_sigmoid(vf y) { return y * (1.0f - y); }
LS_INLINE vf slope_of_tanh(vf y) { return multiply_add(-y, y, splat(1.0f)); }

/// A vector, or the first `part` elements of one.
LS_INLINE vf take(const bool whole, const float *p, size_t part) { return whole ? load(p) : load_part(p, part); }
LS_INLINE void put(const bool whole, float *p, vf v, size_t part) {
    if (whole) store(p, v);
    else store_part(p, v, part);
}

/// Calls a function for all units, a vector at a time: FUNCTION(whole, unit, part, STEP).
#define LS_FOR_UNITS(UNITS, FUNCTION, STEP)                                                \
    do {                                                                                   \
        size_t unit = 0;                                                                   \
        for (; unit + LS_WIDTH <= (UNITS); unit += LS_WIDTH) FUNCTION(true, unit, 0, STEP); \
        if (unit < (UNITS)) FUNCTION(false, unit, (UNITS)-unit, STEP);                     \
    } while (0)

/// The step that comes `index`-th.
LS_INLINE size_t step_at(const ls_recurrence *r, size_t index) { return r->reverse ? r->steps - 1 - index : index; }

/// What stands where there is no step before.
static const float no_state[LS_WIDTH];

/// Asks for the lines of `gates` vectors, `distance` apart, that the next step works on.
LS_INLINE void prefetch_gates(const int gates, const float *p, size_t distance) {
    LS_UNROLL for (int gate = 0; gate < gates; gate++) __builtin_prefetch(p + gate * distance, 1);
}

/// One forward step of one sample.
typedef struct {
    size_t units;
    /// x's part of the gates and then the gates, `units` apart; h's part likewise.
    float *gates;
    const float *totals;
    /// Rows of this step: hidden, and cells or a GRU's hidden part. The state of the step before, or NULL, and h's copy.
    float *hidden, *other, *state;
    const float *before;
    /// From this step's row to the next one's.
    ptrdiff_t next;
} forward_step;

/// Asks for the lines that the next step writes.
LS_INLINE void prefetch_results(const forward_step *s, size_t unit) {
    __builtin_prefetch(s->hidden + unit + s->next * (ptrdiff_t)s->units, 1);
    __builtin_prefetch(s->other + unit + s->next * (ptrdiff_t)s->units, 1);
}

// A cell's two functions follow each other; each is a pass of its own over a block, so that the processor overlaps many.

LS_INLINE void lstm_gates(const bool whole, size_t unit, size_t part, const forward_step *s) {
    const size_t units = s->units;
    float *g = s->gates + unit;
    const float *t = s->totals + unit;
    prefetch_gates(4, g + s->next * 4 * (ptrdiff_t)units, units);
    const vf in = sigmoid_of(take(whole, g, part) + take(whole, t, part));
    const vf forget = sigmoid_of(take(whole, g + units, part) + take(whole, t + units, part));
    const vf new = tanh_of(take(whole, g + 2 * units, part) + take(whole, t + 2 * units, part));
    const vf out = sigmoid_of(take(whole, g + 3 * units, part) + take(whole, t + 3 * units, part));
    const vf old = take(whole, s->before ? s->before + unit : no_state, part);
    put(whole, g, in, part);
    put(whole, g + units, forget, part);
    put(whole, g + 2 * units, new, part);
    put(whole, g + 3 * units, out, part);
    put(whole, s->other + unit, multiply_add(forget, old, in * new), part);
}

LS_INLINE void lstm_output(const bool whole, size_t unit, size_t part, const forward_step *s) {
    prefetch_results(s, unit);
    const vf out = take(whole, s->gates + 3 * s->units + unit, part);
    const vf hidden = out * tanh_of(take(whole, s->other + unit, part));
    put(whole, s->hidden + unit, hidden, part);
    put(whole, s->state + unit, hidden, part);
}

LS_INLINE void gru_gates(const bool whole, size_t unit, size_t part, const forward_step *s) {
    const size_t units = s->units;
    float *g = s->gates + unit;
    const float *t = s->totals + unit;
    prefetch_gates(3, g + s->next * 3 * (ptrdiff_t)units, units);
    put(whole, g, sigmoid_of(take(whole, g, part) + take(whole, t, part)), part);
    put(whole, g + units, sigmoid_of(take(whole, g + units, part) + take(whole, t + units, part)), part);
    put(whole, s->other + unit, take(whole, t + 2 * units, part), part);
}

LS_INLINE void gru_output(const bool whole, size_t unit, size_t part, const forward_step *s) {
    const size_t units = s->units;
    float *g = s->gates + unit;
    prefetch_results(s, unit);
    const vf reset = take(whole, g, part), update = take(whole, g + units, part);
    const vf own = take(whole, s->other + unit, part);
    const vf new = tanh_of(multiply_add(reset, own, take(whole, g + 2 * units, part)));
    const vf old = take(whole, s->before ? s->before + unit : no_state, part);
    const vf hidden = multiply_add(update, old - new, new);
    put(whole, g + 2 * units, new, part);
    put(whole, s->hidden + unit, hidden, part);
    put(whole, s->state + unit, hidden, part);
}

/// All steps of a layer, a tile of samples at a time within a step, so that the totals stay in the first-level cache.
LS_INLINE void run_forward(const int gates, const ls_recurrence *r, size_t samples, float *x, const float *packed,
                           const float *bias, float *hidden, float *other, float *scratch) {
    const size_t units = r->units, gate_count = gates * units;
    const balanced_cut tiles = cut(samples, LS_TILE_ROWS);
    const ls_epilogue epilogue = {.bias = bias};
    float *totals = scratch, *states = totals + part_size(tiles, 0) * gate_count;
    for (size_t index = 0; index < r->steps; index++) {
        const size_t step = step_at(r, index), step_before = index > 0 ? step_at(r, index - 1) : 0;
        const ptrdiff_t next = index + 1 == r->steps ? 0 : r->reverse ? -1 : 1;
        for (size_t tile = 0; tile < tiles.parts; tile++) {
            const size_t first = part_start(tiles, tile), count = part_size(tiles, tile);
            float *state = states + first * units;
            if (index > 0) {
                product(count, gate_count, units, state, units, packed, &epilogue, totals, gate_count);
            } else {
                for (size_t sample = 0; sample < count; sample++)
                    for (size_t i = 0; i < gate_count; i++) totals[sample * gate_count + i] = 0.0f + bias[i];
            }
            for (int pass = 0; pass < 2; pass++) {
                for (size_t sample = 0; sample < count; sample++) {
                    const size_t row = (first + sample) * r->steps + step;
                    const size_t before = (first + sample) * r->steps + step_before;
                    const forward_step s = {
                        .units = units, .gates = x + row * gate_count, .totals = totals + sample * gate_count,
                        .hidden = hidden + row * units, .other = other + row * units, .state = state + sample * units,
                        .before = index == 0 ? NULL : (gates == 4 ? other : hidden) + before * units,
                        .next = next};
                    if (gates == 4 && pass == 0) LS_FOR_UNITS(units, lstm_gates, &s);
                    if (gates == 4 && pass == 1) LS_FOR_UNITS(units, lstm_output, &s);
                    if (gates == 3 && pass == 0) LS_FOR_UNITS(units, gru_gates, &s);
                    if (gates == 3 && pass == 1) LS_FOR_UNITS(units, gru_output, &s);
                }
            }
        }
    }
}

static void lstm(const ls_recurrence *r, size_t samples, float *gates, const float *packed, const float *bias,
                 float *hidden, float *cells, float *scratch) {
    run_forward(4, r, samples, gates, packed, bias, hidden, cells, scratch);
}

static void gru(const ls_recurrence *r, size_t samples, float *gates, const float *packed, const float *bias,
                float *hidden, float *hidden_part, float *scratch) {
    run_forward(3, r, samples, gates, packed, bias, hidden, hidden_part, scratch);
}

/// One step of one sample on the way back.
typedef struct {
    size_t units;
    /// The gates and then their gradients, `units` apart; h's part of the gradients and a copy for the next product.
    float *gates, *hidden_gates, *copy;
    /// Rows of this step: dy, cells or a GRU's hidden part; the state of the step before it, or NULL.
    const float *dy, *other, *before;
    /// What came back through the gates of the step after it, and by its state.
    const float *totals;
    float *carried;
    /// From this step's row to that of the step before it.
    ptrdiff_t next;
} backward_step;

LS_INLINE void lstm_cell_gradient(const bool whole, size_t unit, size_t part, const backward_step *s) {
    const size_t units = s->units;
    float *g = s->gates + unit, *copy = s->copy + unit, *carried = s->carried + unit;
    prefetch_gates(4, g + s->next * 4 * (ptrdiff_t)units, units);
    __builtin_prefetch(s->dy + unit + s->next * (ptrdiff_t)units);
    __builtin_prefetch(s->other + unit + 2 * s->next * (ptrdiff_t)units);
    const vf in = take(whole, g, part), forget = take(whole, g + units, part);
    const vf new = take(whole, g + 2 * units, part), out = take(whole, g + 3 * units, part);
    const vf t = tanh_of(take(whole, s->other + unit, part));
    const vf dh = take(whole, s->dy + unit, part) + take(whole, s->totals + unit, part);
    const vf dc = multiply_add(dh * out, slope_of_tanh(t), take(whole, carried, part));
    const vf d_in = dc * new * slope_of_sigmoid(in);
    const vf d_forget = dc * take(whole, s->before ? s->before + unit : no_state, part) * slope_of_sigmoid(forget);
    const vf d_new = dc * in * slope_of_tanh(new);
    const vf d_out = dh * t * slope_of_sigmoid(out);
    put(whole, carried, dc * forget, part);
    put(whole, g, d_in, part);
    put(whole, g + units, d_forget, part);
    put(whole, g + 2 * units, d_new, part);
    put(whole, g + 3 * units, d_out, part);
    put(whole, copy, d_in, part);
    put(whole, copy + units, d_forget, part);
    put(whole, copy + 2 * units, d_new, part);
    put(whole, copy + 3 * units, d_out, part);
}

LS_INLINE void gru_cell_gradient(const bool whole, size_t unit, size_t part, const backward_step *s) {
    const size_t units = s->units;
    float *g = s->gates + unit, *copy = s->copy + unit, *own_part = s->hidden_gates + unit, *carried = s->carried + unit;
    prefetch_gates(3, g + s->next * 3 * (ptrdiff_t)units, units);
    prefetch_gates(3, own_part + s->next * 3 * (ptrdiff_t)units, units);
    const vf reset = take(whole, g, part), update = take(whole, g + units, part), new = take(whole, g + 2 * units, part);
    const vf later = take(whole, carried, part) + take(whole, s->totals + unit, part);
    const vf dh = take(whole, s->dy + unit, part) + later;
    const vf old = take(whole, s->before ? s->before + unit : no_state, part);
    const vf d_new = dh * (1.0f - update) * slope_of_tanh(new);
    const vf d_update = dh * (old - new) * slope_of_sigmoid(update);
    const vf d_reset = d_new * take(whole, s->other + unit, part) * slope_of_sigmoid(reset);
    const vf d_own = d_new * reset;
    put(whole, carried, dh * update, part);
    put(whole, g, d_reset, part);
    put(whole, g + units, d_update, part);
    put(whole, g + 2 * units, d_new, part);
    put(whole, own_part, d_reset, part);
    put(whole, own_part + units, d_update, part);
    put(whole, own_part + 2 * units, d_own, part);
    put(whole, copy, d_reset, part);
    put(whole, copy + units, d_update, part);
    put(whole, copy + 2 * units, d_own, part);
}

/// All steps of a layer from the last to the first. `states` are what the gradient takes of the step before: cells, or
/// a GRU's hidden.
LS_INLINE void run_backward(const int gates, const ls_recurrence *r, size_t samples, float *x, const float *states,
                            const float *other, const float *packed, const float *dy, float *hidden_gates,
                            float *scratch) {
    // Rows stand a little further apart than they are long, so that they share no sets of the first-level cache.
    const size_t units = r->units, gate_count = gates * units, stride = gate_count + 16;
    float *copies = scratch, *totals = copies + samples * stride, *carried = totals + samples * units;
    for (size_t i = 0; i < 2 * samples * units; i++) totals[i] = 0;
    for (size_t index = r->steps; index-- > 0;) {
        const size_t step = step_at(r, index);
        if (index + 1 < r->steps) product(samples, units, gate_count, copies, stride, packed, NULL, totals, units);
        for (size_t sample = 0; sample < samples; sample++) {
            const size_t row = sample * r->steps + step;
            const size_t before = index > 0 ? sample * r->steps + step_at(r, index - 1) : 0;
            const backward_step s = {
                .units = units, .gates = x + row * gate_count, .copy = copies + sample * stride,
                .hidden_gates = hidden_gates ? hidden_gates + row * gate_count : NULL, .dy = dy + row * units,
                .other = other + row * units, .before = index > 0 ? states + before * units : NULL,
                .totals = totals + sample * units, .carried = carried + sample * units,
                .next = index == 0 ? 0 : r->reverse ? 1 : -1};
            if (gates == 4) LS_FOR_UNITS(units, lstm_cell_gradient, &s);
            else LS_FOR_UNITS(units, gru_cell_gradient, &s);
        }
    }
}

static void lstm_gradient(const ls_recurrence *r, size_t samples, float *gates, const float *cells, const float *packed,
                          const float *dy, float *scratch) {
    run_backward(4, r, samples, gates, cells, cells, packed, dy, NULL, scratch);
}

static void gru_gradient(const ls_recurrence *r, size_t samples, float *gates, const float *hidden,
                         const float *hidden_part, const float *packed, const float *dy, float *hidden_gradient,
                         float *scratch) {
    run_backward(3, r, samples, gates, hidden, hidden_part, packed, dy, hidden_gradient, scratch);
}

static void recurrent_weight_gradient(const ls_recurrence *r, size_t gate_count, const float *gates_gradient,
                                      const float *hidden, const uint32_t *lane_starts, size_t lanes, float *weights,
                                      float *scratch) {
    const size_t units = r->units, terms = r->steps - 1;
    const balanced_cut tiles = cut(gate_count, LS_TILE_ROWS);
    const size_t panels = (units + LS_PANEL_WIDTH - 1) / LS_PANEL_WIDTH;
    // The totals of a tile's columns, and those of all tiles.
    const size_t slot = LS_TILE_ROWS * LS_PANEL_WIDTH, slots = tiles.parts * panels * slot;
    float *panel = scratch, *totals = scratch + LS_CHAIN_LENGTH * LS_PANEL_WIDTH;
    outer_tile tile = {.a_step = gate_count, .b_step = LS_PANEL_WIDTH, .images = 1, .rows = 1, .chunk_rows = 1,
                       .merge_step = slots, .b = panel};
    for (size_t lane = 0; lane < lanes; lane++) {
        const lane_step tree_step = step_of_lane(lane, lanes);
        const bool is_last = lane + 1 == lanes;
        const size_t end = lane_starts[lane + 1];
        size_t sample = lane_starts[lane], start = 0;
        bool started = false, ends;
        do {
            const size_t length = sample < end ? smaller(LS_CHAIN_LENGTH, terms - start) : 0;
            ends = sample >= end || (sample + 1 == end && start + length == terms);
            const float *a = gates_gradient + (sample * r->steps + start + (r->reverse ? 0 : 1)) * gate_count;
            const float *b = hidden + (sample * r->steps + start + (r->reverse ? 1 : 0)) * units;
            // The rows that come next are fetched while the tiles work on these.
            const float *ahead = a + length * gate_count, *const ahead_end = ends ? ahead : ahead + length * gate_count;
            const size_t lines = length * gate_count / (LS_WIDEST * tiles.parts * panels) + 1;
            tile.width = length;
            tile.started = started;
            tile.merges = ends ? tree_step.merges : 0;
            for (size_t p = 0; p < panels; p++) {
                const size_t unit = p * LS_PANEL_WIDTH, columns = smaller(LS_PANEL_WIDTH, units - unit);
                copy_panel(length, columns, b + unit, units, panel);
                for (size_t index = 0; index < tiles.parts; index++) {
                    const size_t row = part_start(tiles, index);
                    for (size_t line = 0; line < lines && ahead < ahead_end; line++, ahead += LS_WIDEST)
                        __builtin_prefetch(ahead, 0, 2);
                    tile.a = a + row;
                    tile.total = totals + tree_step.depth * slots + (p * tiles.parts + index) * slot;
                    run_outer_tile_over_panel(&tile, part_size(tiles, index), columns,
                                              ends && is_last ? weights + row * units + unit : NULL, units);
                }
            }
            started = true;
            start += length;
            if (start == terms) {
                start = 0;
                sample++;
            }
        } while (!ends);
    }
}
