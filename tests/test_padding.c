/* Padding with reflected and with repeated elements along several axes, in any order, of which
   neighbors become one step; its gradient, a sum of whole numbers, is exact. And a fetched value
   that is another one in other dimensions. */
#include <stdlib.h>

#include <criterion/criterion.h>

#include "support/devices.h"

enum { RANK = 4, MOST = 3 };

typedef struct pad {
    int axis;
    bool reflect;
    int before, after;
} pad;

static hebb_tensor *padded(hebb_tensor *x, const pad *p) {
    return p->reflect ? hebb_pad_reflect(x, p->axis, p->before, p->after)
                      : hebb_pad_edge(x, p->axis, p->before, p->after);
}

static int64_t place(const pad *p, int64_t i, int64_t n) {
    const int64_t at = i - p->before;
    if (p->reflect) return at < 0 ? -at : at < n ? at : 2 * (n - 1) - at;
    return at < 0 ? 0 : at < n ? at : n - 1;
}

/* The element of x that element number e of the result is. */
static int64_t source(const pad *pads, int n, hebb_shape x, hebb_shape y, int64_t e) {
    int64_t index[RANK], at = 0;
    for (int k = RANK - 1; k >= 0; k--) {
        index[k] = e % y.dim[k];
        e /= y.dim[k];
    }
    for (int i = n - 1; i >= 0; i--) {
        const int axis = pads[i].axis;
        y.dim[axis] -= pads[i].before + pads[i].after;
        index[axis] = place(&pads[i], index[axis], y.dim[axis]);
    }
    for (int k = 0; k < RANK; k++) at = at * x.dim[k] + index[k];
    return at;
}

static void count_up(hebb_array *a, hebb_shape shape) {
    cr_assert_eq(hebb_array_resize(a, HEBB_F32, shape), HEBB_OK);
    for (int64_t k = 0; k < hebb_array_count(a); k++) ((float *)a->data)[k] = (float)(k % 1000 - 7);
}

static void check(const char *device, const pad *pads, int n, hebb_shape shape) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, shape), *step[MOST + 1] = {x};
    for (int k = 0; k < n; k++) step[k + 1] = padded(step[k], &pads[k]);
    hebb_tensor *y = step[n], *dy = hebb_input(g, "dy", HEBB_F32, hebb_tensor_shape(y));
    hebb_tensor *loss = hebb_sum(hebb_mul(y, dy), HEBB_AXES(0, 1, 2, 3), false);
    hebb_tensor *dx = hebb_gradient(loss, x), *between = hebb_gradient(loss, step[n - 1]);
    hebb_session *s = hebb_session_create(g, kept_device(device));
    hebb_array in = {0}, cotangent = {0}, out = {0}, gradient = {0}, sum = {0};
    count_up(&in, shape);
    count_up(&cotangent, hebb_tensor_shape(y));
    cr_assert_eq(hebb_run(s, HEBB_FEED({x, &in}, {dy, &cotangent}),
                          HEBB_FETCH({y, &out}, {dx, &gradient}, {between, &sum})),
                 HEBB_OK, "%s %s", hebb_message(s), hebb_message(g));
    double *wanted = calloc((size_t)hebb_array_count(&in), sizeof *wanted), total[2] = {0};
    for (int64_t e = 0; e < hebb_array_count(&out); e++) {
        const int64_t from = source(pads, n, shape, out.shape, e);
        cr_assert_eq(hebb_array_at(&out, e), hebb_array_at(&in, from), "element %d", (int)e);
        wanted[from] += hebb_array_at(&cotangent, e);
        total[0] += hebb_array_at(&cotangent, e);
    }
    for (int64_t k = 0; k < hebb_array_count(&in); k++)
        cr_assert_eq(hebb_array_at(&gradient, k), wanted[k], "gradient %d", (int)k);
    for (int64_t k = 0; k < hebb_array_count(&sum); k++) total[1] += hebb_array_at(&sum, k);
    cr_assert_eq(total[0], total[1]);
    free(wanted);
    hebb_array *arrays[] = {&in, &cotangent, &out, &gradient, &sum};
    for (int k = 0; k < 5; k++) hebb_array_free(arrays[k]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_all(const char *device) {
    const hebb_shape small = HEBB_SHAPE(2, 3, 5, 4), large = HEBB_SHAPE(3, 2, 37, 70);
    const pad cases[][MOST] = {
        {{3, true, 3, 2}},
        {{3, false, 0, 5}},
        {{2, true, 1, 3}, {3, true, 2, 1}},
        {{3, true, 1, 1}, {2, true, 4, 0}},
        {{2, false, 1, 1}, {3, true, 3, 3}},
        {{1, true, 1, 1}, {3, false, 1, 1}},                  /* apart from each other */
        {{2, true, 1, 1}, {2, false, 2, 2}},                  /* the same */
        {{3, false, 2, 0}, {1, true, 0, 1}, {2, true, 1, 2}}, /* the last one joins them */
        {{1, true, 1, 0}, {2, false, 1, 2}, {3, true, 2, 2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = 0;
        while (n < MOST && cases[i][n].before + cases[i][n].after > 0) n++;
        check(device, cases[i], n, small);
        check(device, cases[i], n, large);
    }
}

Test(padding, cpu) { check_all("cpu"); }

Test(padding, opencl) { check_all("opencl"); }

/* Channels shuffled, and what they were before. */
Test(fetched, in_other_dimensions) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2, 6, 5));
    hebb_tensor *turned = hebb_swap_axes(hebb_reshape(x, HEBB_SHAPE(2, 2, 3, 5)), 1, 2);
    hebb_tensor *y = hebb_reshape(turned, HEBB_SHAPE(2, 6, 5));
    hebb_tensor *flat = hebb_reshape(hebb_add(y, y), HEBB_SHAPE(60));
    hebb_session *s = hebb_session_create(g, kept_device("cpu"));
    hebb_array in = {0}, a = {0}, b = {0}, c = {0}, d = {0};
    count_up(&in, HEBB_SHAPE(2, 6, 5));
    cr_assert_eq(
        hebb_run(s, HEBB_FEED({x, &in}), HEBB_FETCH({y, &a}, {turned, &b}, {flat, &c}, {x, &d})),
        HEBB_OK, "%s", hebb_message(s));
    cr_expect(hebb_shape_equal(a.shape, HEBB_SHAPE(2, 6, 5)));
    cr_expect(hebb_shape_equal(b.shape, HEBB_SHAPE(2, 3, 2, 5)));
    cr_expect(hebb_shape_equal(c.shape, HEBB_SHAPE(60)));
    for (int k = 0; k < 60; k++) {
        const int from = k / 30 * 30 + (k / 5 % 2 * 3 + k / 10 % 3) * 5 + k % 5;
        cr_expect_eq(hebb_array_at(&a, k), hebb_array_at(&in, from));
        cr_expect_eq(hebb_array_at(&b, k), hebb_array_at(&in, from));
        cr_expect_eq(hebb_array_at(&c, k), 2 * hebb_array_at(&in, from));
        cr_expect_eq(hebb_array_at(&d, k), hebb_array_at(&in, k));
    }
    hebb_array *arrays[] = {&in, &a, &b, &c, &d};
    for (int k = 0; k < 5; k++) hebb_array_free(arrays[k]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}
