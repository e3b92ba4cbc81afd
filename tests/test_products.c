/* Jacobian- and Hessian-vector products: against differences, against each other, and
   differentiated again; on open sizes; their errors. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "../checks/values.h"

#define N 6

typedef struct problem {
    hebb_graph *g;
    hebb_device *device;
    hebb_session *s;
    hebb_tensor *a, *b, *da, *db;
    double a_at[N], b_at[3], da_at[N], db_at[3];
    hebb_array values[4];
} problem;

static void problem_open(problem *p, const char *device) {
    rng r = {5};
    *p = (problem){.g = hebb_graph_create(), .device = kept_device(device)};
    p->s = hebb_session_create(p->g, p->device);
    p->a = hebb_input(p->g, "a", HEBB_F64, HEBB_SHAPE(HEBB_ANY, 3));
    p->b = hebb_input(p->g, "b", HEBB_F64, HEBB_SHAPE(3));
    p->da = hebb_input(p->g, "da", HEBB_F64, HEBB_SHAPE(HEBB_ANY, 3));
    p->db = hebb_input(p->g, "db", HEBB_F64, HEBB_SHAPE(3));
    for (int i = 0; i < N; i++)
        p->a_at[i] = rng_real(&r, 0.3, 2), p->da_at[i] = rng_real(&r, -1, 1);
    for (int i = 0; i < 3; i++)
        p->b_at[i] = rng_real(&r, 0.3, 2), p->db_at[i] = rng_real(&r, -1, 1);
    p->values[0] = hebb_array_view(p->a_at, HEBB_F64, HEBB_SHAPE(2, 3));
    p->values[1] = hebb_array_view(p->b_at, HEBB_F64, HEBB_SHAPE(3));
    p->values[2] = hebb_array_view(p->da_at, HEBB_F64, HEBB_SHAPE(2, 3));
    p->values[3] = hebb_array_view(p->db_at, HEBB_F64, HEBB_SHAPE(3));
}

static void problem_close(problem *p) {
    hebb_session_destroy(p->s);
    hebb_graph_destroy(p->g);
}

static hebb_array compute(problem *p, hebb_tensor *t) {
    hebb_array result = {0};
    hebb_run(p->s,
             HEBB_FEED({p->a, &p->values[0]}, {p->b, &p->values[1]}, {p->da, &p->values[2]},
                       {p->db, &p->values[3]}),
             HEBB_FETCH({t, &result}));
    cr_assert_not(hebb_failed(p->s), "%s", hebb_message(p->s));
    return result;
}

/* Moves a and b along their vectors. */
static void move(problem *p, double step) {
    for (int i = 0; i < N; i++) p->a_at[i] += step * p->da_at[i];
    for (int i = 0; i < 3; i++) p->b_at[i] += step * p->db_at[i];
}

static void expect_close(const hebb_array *a, const hebb_array *b, double allowed,
                         const char *what) {
    cr_assert(hebb_shape_equal(a->shape, b->shape), "%s: shapes", what);
    for (int64_t i = 0; i < hebb_array_count(a); i++) {
        double x = hebb_array_at(a, i), y = hebb_array_at(b, i);
        cr_expect(fabs(x - y) <= allowed * (1 + fabs(y)), "%s: element %d: %.12g, %.12g", what,
                  (int)i, x, y);
    }
}

/* The derivative of t along the vectors by a central difference, against `product`. */
static void against_difference(problem *p, hebb_tensor *t, hebb_tensor *product, const char *what) {
    const double step = 1e-6;
    hebb_array got = compute(p, product);
    move(p, step);
    hebb_array above = compute(p, t);
    move(p, -2 * step);
    hebb_array below = compute(p, t);
    move(p, step);
    for (int64_t i = 0; i < hebb_array_count(&above); i++)
        ((double *)above.data)[i] =
            (hebb_array_at(&above, i) - hebb_array_at(&below, i)) / (2 * step);
    expect_close(&got, &above, 1e-7, what);
    hebb_array_free(&got);
    hebb_array_free(&above);
    hebb_array_free(&below);
}

/* ---- functions of a [2, 3] and b [3] ---- */

static hebb_tensor *elementwise(problem *p) {
    return hebb_mul(hebb_tanh(hebb_mul(p->a, p->b)), hebb_exp(hebb_neg(p->a)));
}
static hebb_tensor *product(problem *p) {
    hebb_tensor *square = hebb_matmul(hebb_transpose(p->a, NULL, 0), hebb_sigmoid(p->a));
    return hebb_add(square, hebb_pow(p->b, hebb_scalar_like(p->b, 3)));
}
static hebb_tensor *softmax(problem *p) {
    hebb_tensor *e = hebb_exp(hebb_mul(p->a, p->b));
    return hebb_div(e, hebb_sum(e, HEBB_AXES(-1), true));
}
static hebb_tensor *moved(problem *p) {
    hebb_tensor *flipped = hebb_slice(hebb_log(p->a), HEBB_RANGES({1, -1, HEBB_END, -1}));
    return hebb_concat((hebb_tensor *[]){hebb_mul(flipped, p->b), p->a}, 2, 0);
}

static hebb_tensor *(*const functions[])(problem *) = {elementwise, product, softmax, moved};

static void check_all(const char *device) {
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        problem p;
        problem_open(&p, device);
        hebb_tensor *y = functions[i](&p), *g[2], *hv[2];
        hebb_tensor *dy = hebb_jvp(y, HEBB_TENSORS(p.a, p.b), HEBB_TENSORS(p.da, p.db));
        cr_assert_not(hebb_failed(p.g), "%s", hebb_message(p.g));
        against_difference(&p, y, dy, "jvp");
        hebb_gradients(&y, 1, HEBB_TENSORS(p.a, p.b), NULL, g);
        hebb_hvp(y, HEBB_TENSORS(p.a, p.b), HEBB_TENSORS(p.da, p.db), hv);
        cr_assert_not(hebb_failed(p.g), "%s", hebb_message(p.g));
        for (int k = 0; k < 2; k++) {
            against_difference(&p, g[k], hv[k], "hvp");
            hebb_tensor *other = hebb_jvp(g[k], HEBB_TENSORS(p.a, p.b), HEBB_TENSORS(p.da, p.db));
            cr_assert_not(hebb_failed(p.g), "%s", hebb_message(p.g));
            hebb_array forward = compute(&p, other), reverse = compute(&p, hv[k]);
            expect_close(&forward, &reverse, 1e-12, "jvp of the gradient, hvp");
            hebb_array_free(&forward);
            hebb_array_free(&reverse);
        }
        problem_close(&p);
    }
}

Test(products, cpu) { check_all("cpu"); }
Test(products, opencl) { check_all("opencl"); }

/* The products are tensors like others: their gradients are right too. */
Test(products, are_differentiable) {
    problem p;
    problem_open(&p, "cpu");
    hebb_tensor *y = elementwise(&p), *hv[2];
    hebb_tensor *dy = hebb_jvp(y, HEBB_TENSORS(p.a, p.b), HEBB_TENSORS(p.da, p.db));
    hebb_hvp(y, HEBB_TENSORS(p.a, p.b), HEBB_TENSORS(p.da, p.db), hv);
    hebb_tensor *all[] = {dy, hv[0], hv[1]};
    for (int k = 0; k < 3; k++) {
        hebb_gradcheck_report r;
        hebb_gradcheck(all[k], HEBB_TENSORS(p.a, p.b, p.da, p.db),
                       HEBB_FEED({p.a, &p.values[0]}, {p.b, &p.values[1]}, {p.da, &p.values[2]},
                                 {p.db, &p.values[3]}),
                       p.s, &r);
        cr_expect(r.passed && r.elements == 18, "product %d: %s", k, r.message);
    }
    problem_close(&p);
}

/* The tangent may depend on x; it is a constant all the same. */
Test(products, vectors_are_constants) {
    problem p;
    problem_open(&p, "cpu");
    hebb_tensor *y = hebb_square(p.a), *hv;
    hebb_tensor *dy = hebb_jvp(y, HEBB_TENSORS(p.a), HEBB_TENSORS(hebb_exp(p.a)));
    hebb_hvp(y, HEBB_TENSORS(p.a), HEBB_TENSORS(hebb_exp(p.a)), &hv);
    hebb_array d = compute(&p, dy), h = compute(&p, hv);
    for (int i = 0; i < N; i++) {
        double e = exp(p.a_at[i]);
        cr_expect_float_eq(hebb_array_at(&d, i), 2 * p.a_at[i] * e, 1e-12);
        cr_expect_float_eq(hebb_array_at(&h, i), 2 * e, 1e-12);
    }
    hebb_array_free(&d);
    hebb_array_free(&h);
    problem_close(&p);
}

Test(products, of_what_does_not_depend_are_zeros) {
    problem p;
    problem_open(&p, "cpu");
    hebb_tensor *hv, *dy = hebb_jvp(hebb_exp(p.a), HEBB_TENSORS(p.b), HEBB_TENSORS(p.db));
    hebb_hvp(p.a, HEBB_TENSORS(p.a), HEBB_TENSORS(p.da), &hv); /* a linear function */
    hebb_array d = compute(&p, dy), h = compute(&p, hv);
    cr_expect(hebb_shape_equal(d.shape, HEBB_SHAPE(2, 3)));
    for (int i = 0; i < N; i++) cr_expect(hebb_array_at(&d, i) == 0 && hebb_array_at(&h, i) == 0);
    hebb_array_free(&d);
    hebb_array_free(&h);
    problem_close(&p);
}

/* ---- errors ---- */

static void expect_error(hebb_status expected, const char *words, int which) {
    hebb_graph *g = hebb_graph_create(), *other = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(2)), *y = hebb_exp(x), *out = NULL;
    hebb_tensor *wide = hebb_input(g, "wide", HEBB_F64, HEBB_SHAPE(3));
    hebb_tensor *single = hebb_input(g, "single", HEBB_F32, HEBB_SHAPE(2));
    hebb_tensor *whole = hebb_input(g, "whole", HEBB_I32, HEBB_SHAPE(2));
    hebb_tensor *far = hebb_input(other, "far", HEBB_F64, HEBB_SHAPE(2)), *none = NULL;
    switch (which) {
    case 0: hebb_jvp(y, HEBB_TENSORS(x), HEBB_TENSORS(wide)); break;
    case 1: hebb_jvp(y, HEBB_TENSORS(x), HEBB_TENSORS(single)); break;
    case 2: hebb_jvp(y, HEBB_TENSORS(x), HEBB_TENSORS(far)); break;
    case 3: hebb_jvp(y, HEBB_TENSORS(x), HEBB_TENSORS(x, x)); break;
    case 4: hebb_jvp(y, HEBB_TENSORS(x), HEBB_TENSORS(none)); break;
    case 5: hebb_jvp(NULL, HEBB_TENSORS(x), HEBB_TENSORS(x)); break;
    case 6: hebb_jvp(whole, HEBB_TENSORS(x), HEBB_TENSORS(x)); break;
    case 7: hebb_hvp(y, HEBB_TENSORS(x), HEBB_TENSORS(wide), &out); break;
    case 8: hebb_hvp(y, HEBB_TENSORS(x), HEBB_TENSORS(x, x), &out); break;
    case 9: hebb_hvp(y, HEBB_TENSORS(x), HEBB_TENSORS(x), NULL); break;
    case 10: hebb_hvp(y, NULL, 1, HEBB_TENSORS(x), &out); break;
    }
    cr_expect_eq(hebb_graph_status(g), expected, "case %d: %s", which, hebb_message(g));
    cr_expect_not_null(strstr(hebb_message(g), words), "case %d: %s", which, hebb_message(g));
    cr_expect(hebb_tensor_is_inert(out));
    hebb_graph_destroy(g);
    hebb_graph_destroy(other);
}

Test(products, errors) {
    expect_error(HEBB_E_SHAPE, "jvp: the tangent wide", 0);
    expect_error(HEBB_E_DTYPE, "jvp: the tangent single", 1);
    expect_error(HEBB_E_GRAPH, "jvp: the tangent far", 2);
    expect_error(HEBB_E_ARGUMENT, "jvp: 2 tangents for 1 xs", 3);
    expect_error(HEBB_E_NULL, "jvp: x or tangent 0 is NULL", 4);
    expect_error(HEBB_E_NULL, "jvp: y is NULL", 5);
    expect_error(HEBB_E_DTYPE, "whole", 6);
    expect_error(HEBB_E_SHAPE, "hvp: the vector wide", 7);
    expect_error(HEBB_E_ARGUMENT, "hvp: 2 vectors for 1 xs", 8);
    expect_error(HEBB_E_NULL, "hvp: the products are NULL", 9);
    expect_error(HEBB_E_NULL, "hvp: the xs or vectors are NULL", 10);
    cr_expect_null(hebb_jvp(NULL, NULL, 0, NULL, 0));
}
