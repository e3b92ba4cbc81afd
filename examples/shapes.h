/* Small color images of ten shapes, drawn here, for an example without its data. */
#ifndef EXAMPLES_SHAPES_H
#define EXAMPLES_SHAPES_H

#include <hebb/hebb.h>

extern const char *const shape_names[10];

/* n images, u8 [n, 3, 32, 32], and their labels, i32 [n]: a shape at random, of random color, size
   and place, on another color, with noise. False if memory is out. */
bool draw_shapes(int64_t n, uint64_t seed, hebb_array *images, hebb_array *labels);

#endif
