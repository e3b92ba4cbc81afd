/* What the depthwise convolutions (conv_depthwise.c, conv_depthwise_weight.c) share: rows of 16
   images that are turned around. Only they include it. */
#ifndef HB_CPU_CONV_DEPTHWISE_H
#define HB_CPU_CONV_DEPTHWISE_H

#include <string.h>

#include "conv_direct.h"

typedef struct hb_side_by_side {
    hb_cpu_gemm_turn *turn;
    int64_t images, apart; /* at most 16; elements from one to the next */
    int64_t width, before; /* of a row, and zeros before it; */
    int64_t row;           /* with those after it, in places of all images */
} hb_side_by_side;

/* Places of scratch memory that copying so many rows takes: narrow ones are turned together. */
static inline int64_t hb_side_by_side_flat(int64_t rows, int64_t width) {
    enum { NARROW = 32 };
    return width < NARROW ? rows * width : 0;
}

static inline void hb_side_by_side_zero(float *to, int64_t places) {
    memset(to, 0, (size_t)(places * HB_DIRECT_IMAGES) * sizeof *to);
}

/* Rows from `from` on, turned around, with zeros at their sides. */
static inline void hb_side_by_side_copy(const hb_side_by_side *s, const float *from, int64_t rows,
                                        float *flat, float *to) {
    const int64_t narrow = hb_side_by_side_flat(rows, s->width), end = s->before + s->width;
    if (narrow > 0) s->turn(s->images, narrow, from, s->apart, HB_DIRECT_IMAGES, flat);
    for (int64_t r = 0; r < rows; r++, to += s->row * HB_DIRECT_IMAGES) {
        float *inside = to + s->before * HB_DIRECT_IMAGES;
        const int64_t at = r * s->width;
        hb_side_by_side_zero(to, s->before);
        hb_side_by_side_zero(to + end * HB_DIRECT_IMAGES, s->row - end);
        if (narrow > 0)
            memcpy(inside, flat + at * HB_DIRECT_IMAGES,
                   (size_t)(s->width * HB_DIRECT_IMAGES) * sizeof *to);
        else s->turn(s->images, s->width, from + at, s->apart, HB_DIRECT_IMAGES, inside);
    }
}

/* Blocks of 16 channels, image after image, until they begin with the first channel again; no more
   than there are images. */
static inline int64_t hb_side_by_side_blocks(int64_t groups, int64_t images) {
    int64_t divisor = HB_DIRECT_IMAGES;
    while (groups % divisor != 0) divisor /= 2;
    return hb_min(hb_ceil_div(images, HB_DIRECT_IMAGES), groups / divisor);
}

#endif
