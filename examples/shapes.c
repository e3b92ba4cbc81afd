/* Draws ten shapes (shapes.h). A shape is a function of a point: whether it is inside. */
#include <math.h>

#include "shapes.h"

enum { SIDE = 32 };

const char *const shape_names[10] = {"disk",  "ring",    "square",   "frame",       "triangle",
                                     "cross", "saltire", "two rows", "two columns", "chessboard"};

/* x to the right and y down, both -1 ... 1 in the shape's own square. */
static bool inside(int shape, double x, double y) {
    double r = hypot(x, y), far = fmax(fabs(x), fabs(y)), near = fmin(fabs(x), fabs(y));
    if (far > 1) return false;
    switch (shape) {
    case 0: return r < 1;
    case 1: return r < 1 && r > 0.6;
    case 2: return far < 0.9;
    case 3: return far < 0.9 && far > 0.5;
    case 4: return y > -0.9 && fabs(x) < (y + 1) / 2;
    case 5: return near < 0.3;
    case 6: return fabs(x - y) < 0.45 || fabs(x + y) < 0.45;
    case 7: return fabs(y) > 0.35;
    case 8: return fabs(x) > 0.35;
    default: return (x > 0) == (y > 0);
    }
}

/* Numbers from 0 to 1: a linear congruential generator (Knuth's MMIX). */
static double draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 33) / (double)(1u << 31);
}

static void draw_image(int shape, uint64_t *state, unsigned char *image) {
    double color[3], behind[3], size = 6 + 7 * draw(state);
    double left = size + (SIDE - 2 * size) * draw(state),
           top = size + (SIDE - 2 * size) * draw(state);
    for (int c = 0; c < 3; c++) {
        color[c] = draw(state);
        behind[c] = fmod(color[c] + 0.25 + 0.5 * draw(state), 1);
    }
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                bool in = inside(shape, (x - left) / size, (y - top) / size);
                double value = (in ? color[c] : behind[c]) + 0.15 * (draw(state) - 0.5);
                *image++ = (unsigned char)(255 * fmin(fmax(value, 0), 1));
            }
}

bool draw_shapes(int64_t n, uint64_t seed, hebb_array *images, hebb_array *labels) {
    if (hebb_array_resize(images, HEBB_U8, HEBB_SHAPE(n, 3, SIDE, SIDE)) != HEBB_OK ||
        hebb_array_resize(labels, HEBB_I32, HEBB_SHAPE(n)) != HEBB_OK)
        return false;
    uint64_t state = seed + 1;
    for (int64_t k = 0; k < n; k++) {
        int shape = (int)(10 * draw(&state));
        ((int32_t *)labels->data)[k] = shape;
        draw_image(shape, &state, (unsigned char *)images->data + k * 3 * SIDE * SIDE);
    }
    return true;
}
