/* Strided views (src/executor/view.c) against enumeration: for random chains of movements, the
   composed view must reach the same elements as one movement after the other, and a plan's ir must
   follow them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "../src/executor/ir.h"

static uint64_t state;

static int64_t below(int64_t n) { /* xorshift64*: good enough to choose shapes */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (int64_t)((state * 2685821657736338717u) >> 33) % n;
}

static hebb_shape random_shape(int most_rank) {
    hebb_shape shape = {.rank = (int)below(most_rank + 1)};
    for (int k = 0; k < shape.rank; k++) shape.dim[k] = below(12) == 0 ? 0 : 1 + below(4);
    return shape;
}

/* A transpose, slice, flip or broadcast of a contiguous list of `from`; the result's shape in *to.
 */
static hb_view random_movement(hebb_shape from, hebb_shape *to) {
    hb_view list = hb_contiguous(from), view = {0};
    int order[HEBB_MAX_RANK];
    for (int k = 0; k < from.rank; k++) order[k] = k;
    for (int k = from.rank - 1; k > 0; k--) {
        int other = (int)below(k + 1), swap = order[k];
        order[k] = order[other];
        order[other] = swap;
    }
    *to = (hebb_shape){.rank = from.rank};
    for (int k = 0; k < from.rank; k++) {
        int64_t size = from.dim[order[k]], stride = list.stride[order[k]];
        if (size == 0) continue;
        int64_t step = 1 + below(2), start = below(size),
                count = 1 + below((size - start - 1) / step + 1);
        bool flip = below(2);
        to->dim[k] = count;
        view.stride[k] = flip ? -step * stride : step * stride;
        view.offset += (flip ? start + (count - 1) * step : start) * stride;
    }
    if (to->rank < HEBB_MAX_RANK && below(3) == 0)
        to->dim[to->rank++] = 1 + below(3); /* broadcast */
    return view;
}

/* Shapes of as many elements, by moving factors between dimensions. */
static hebb_shape random_reshape(hebb_shape from) {
    hebb_shape to = {.rank = 0};
    int64_t left = hebb_shape_count(from);
    if (left <= 1) return hebb_shape_of(1, &left);
    while (left > 1 && to.rank < HEBB_MAX_RANK - 2) {
        int64_t d = 1 + below(left);
        while (left % d != 0) d--;
        to.dim[to.rank++] = d;
        left /= d;
    }
    to.dim[to.rank++] = left;
    return to;
}

static int64_t element(hebb_shape shape, const hb_view *view, int64_t index) {
    int64_t at = view->offset;
    for (int k = shape.rank - 1; k >= 0; k--) {
        at += index % shape.dim[k] * view->stride[k];
        index /= shape.dim[k];
    }
    return at;
}

static void check_composition(hebb_shape outer_shape, const hb_view *outer, hebb_shape middle,
                              const hb_view *inner, int *composed) {
    hb_view both;
    if (!hb_compose(outer_shape, outer, middle, inner, &both)) return;
    (*composed)++;
    for (int64_t i = 0; i < hebb_shape_count(outer_shape); i++) {
        int64_t wanted = element(middle, inner, element(outer_shape, outer, i));
        cr_assert_eq(element(outer_shape, &both, i), wanted, "element %lld: %lld, not %lld",
                     (long long)i, (long long)element(outer_shape, &both, i), (long long)wanted);
    }
}

Test(views, composition_reaches_the_same_elements) {
    state = 88172645463325252u;
    int composed = 0, tried = 20000;
    for (int k = 0; k < tried; k++) {
        hebb_shape base = random_shape(5), middle, outer_shape;
        hb_view inner = random_movement(base, &middle);
        hebb_shape reshaped = below(2) ? random_reshape(middle) : middle;
        hb_view outer = random_movement(reshaped, &outer_shape);
        check_composition(outer_shape, &outer, middle, &inner, &composed);
    }
    printf("%d of %d random compositions are views\n", composed, tried);
    cr_assert_gt(composed, tried / 2, "too few views can be followed: %d of %d", composed, tried);
}

/* Without a reshape in between a movement of a movement is always one view. */
Test(views, movements_always_compose) {
    state = 362436069;
    int composed = 0, wanted = 0;
    for (int k = 0; k < 5000; k++) {
        hebb_shape base = random_shape(4), middle, outer_shape;
        hb_view inner = random_movement(base, &middle),
                outer = random_movement(middle, &outer_shape);
        wanted++;
        check_composition(outer_shape, &outer, middle, &inner, &composed);
    }
    cr_assert_eq(composed, wanted, "%d of %d", composed, wanted);
}

Test(views, contiguous_is_recognized) {
    hebb_shape shape = HEBB_SHAPE(2, 1, 3);
    hb_view view = hb_contiguous(shape);
    cr_assert(hb_is_contiguous(shape, &view));
    view.stride[1] = 77; /* of a size 1: moves nowhere */
    cr_assert(hb_is_contiguous(shape, &view));
    view.offset = 1;
    cr_assert_not(hb_is_contiguous(shape, &view));
    view.offset = 0;
    view.stride[0] = 0;
    cr_assert_not(hb_is_contiguous(shape, &view));
}
