// Glyph strokes. One scalar variant: every operation is correctly rounded, so every CPU draws the same pixels.

#include "CLockstepKernels.h"

#include <string.h>

#pragma clang fp contract(off)

/// ⌊x⌋ inside 0 … limit; 0 for NaN.
static size_t pixel_at(float x, size_t limit) {
    if (!(x > 0)) return 0;
    return x < (float)limit ? (size_t)x : limit;
}

static void draw_stroke(size_t height, size_t width, const ls_stroke *s, uint8_t *pixels) {
    const float reach = s->radius + 0.5f;
    if (!(reach > 0)) return;
    const float dx = s->x1 - s->x0, dy = s->y1 - s->y0;
    const float xx = dx * dx, yy = dy * dy, squared_length = xx + yy;
    const float per_length = squared_length > 0 ? 1 / squared_length : 0;
    const float outside = reach * reach;
    const float left = s->x0 < s->x1 ? s->x0 : s->x1, right = s->x0 < s->x1 ? s->x1 : s->x0;
    const float top = s->y0 < s->y1 ? s->y0 : s->y1, bottom = s->y0 < s->y1 ? s->y1 : s->y0;
    const size_t first_column = pixel_at(left - reach, width), end_column = pixel_at(right + reach + 1, width);
    const size_t first_row = pixel_at(top - reach, height), end_row = pixel_at(bottom + reach + 1, height);
    for (size_t row = first_row; row < end_row; row++) {
        const float y = (float)row + 0.5f - s->y0;
        const float y_along = y * dy;
        for (size_t column = first_column; column < end_column; column++) {
            const float x = (float)column + 0.5f - s->x0;
            const float x_along = x * dx;
            float along = (x_along + y_along) * per_length;
            along = along > 0 ? along : 0;
            along = along < 1 ? along : 1;
            const float x_foot = along * dx, y_foot = along * dy;
            const float x_off = x - x_foot, y_off = y - y_foot;
            const float x_square = x_off * x_off, y_square = y_off * y_off;
            const float squared_distance = x_square + y_square;
            if (!(squared_distance < outside)) continue;
            float ink = reach - __builtin_elementwise_sqrt(squared_distance);
            ink = ink < 1 ? ink : 1;
            const float scaled = ink * 255;
            const uint8_t value = (uint8_t)(scaled + 0.5f);
            uint8_t *pixel = pixels + row * width + column;
            if (value > *pixel) *pixel = value;
        }
    }
}

void ls_draw_strokes(size_t height, size_t width, const ls_stroke *strokes, size_t count, uint8_t *pixels) {
    memset(pixels, 0, height * width);
    for (size_t i = 0; i < count; i++) draw_stroke(height, width, strokes + i, pixels);
}
