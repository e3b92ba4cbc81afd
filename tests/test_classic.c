/* The functions of classic course material with the derivatives that it tabulates, beside the
   library's: each formula as it is printed, in long double, whose exponents reach beyond e^1e4. On
   |x| up to 1e4, where the formulas overflow in float and double, in both, on the CPU and on
   OpenCL. */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "../checks/values.h"

#if LDBL_MAX_EXP < 16384
#error "the formulas need exponents that reach e^1e4"
#endif

typedef long double real;

#define SLOPE  0.25
#define MARGIN 1.0
#define TARGET 3.0

/* ---- functions of one number ---- */

typedef struct formula {
    const char *name;
    hebb_tensor *(*build)(hebb_tensor *x);
    real (*value)(real x);
    real (*slope)(real x);
    real size; /* what errors of the slope are relative to: 1 where it is (1 - y) y or 1 - y^2 */
} formula;

#define FORMULA(name, built, y, derivative)                                                        \
    static hebb_tensor *build_##name(hebb_tensor *x) { return (built); }                           \
    static real value_##name(real x) { return (y); }                                               \
    static real slope_##name(real x) { return (derivative); }

static hebb_tensor *like(hebb_tensor *x, double value) { return hebb_scalar_like(x, value); }

FORMULA(sigmoid, hebb_sigmoid(x), 1 / (1 + expl(-x)), 1 / ((1 + expl(x)) * (1 + expl(-x))))
FORMULA(tanh, hebb_tanh(x), tanhl(x), 1 / (coshl(x) * coshl(x)))
FORMULA(relu, hebb_relu(x), x > 0 ? x : 0, x > 0)
FORMULA(leaky_relu, hebb_leaky_relu(x, SLOPE), x > 0 ? x : SLOPE * x, x > 0 ? 1 : SLOPE)
FORMULA(ramp, hebb_ramp(x), x < -1 ? -1 : (x > 1 ? 1 : x), -1 < x && x < 1)
FORMULA(square, hebb_square_loss(x, like(x, TARGET)), (x - TARGET) * (x - TARGET) / 2, x - TARGET)
FORMULA(log_plus, hebb_log_loss(x, like(x, 1)), log1pl(expl(-x)), -1 / (1 + expl(x)))
FORMULA(log_minus, hebb_log_loss(x, like(x, -1)), log1pl(expl(x)), 1 / (1 + expl(-x)))
FORMULA(hinge_plus, hebb_hinge_loss(x, like(x, 1), MARGIN), x < MARGIN ? MARGIN - x : 0,
        -(x < MARGIN))
FORMULA(hinge_minus, hebb_hinge_loss(x, like(x, -1), MARGIN), -x < MARGIN ? MARGIN + x : 0,
        -x < MARGIN)

#define ROW(name, size)                                                                            \
    { #name, build_##name, value_##name, slope_##name, size }
static const formula formulas[] = {
    ROW(sigmoid, 1), ROW(tanh, 1),     ROW(relu, 0),      ROW(leaky_relu, 0), ROW(ramp, 0),
    ROW(square, 0),  ROW(log_plus, 0), ROW(log_minus, 0), ROW(hinge_plus, 0), ROW(hinge_minus, 0)};

#define N(array) (sizeof(array) / sizeof *(array))
#define POINTS   401

/* -1e4 to 1e4, dense around 0: 1e4 t^5 rounded to float, so that both dtypes see the same x; among
   them 0 and the kinks at -1 and 1. */
static double point(int i) {
    double t = (double)(i - POINTS / 2) / (POINTS / 2);
    if (i == 1 || i == 2) return i == 1 ? -1 : 1;
    return (float)(1e4 * t * t * t * t * t);
}

static hebb_array points(hebb_dtype dtype) {
    values v = values_make(dtype, HEBB_SHAPE(POINTS));
    for (int i = 0; i < POINTS; i++) v.at[i].f = point(i);
    return values_to_array(&v);
}

/* ---- comparison ---- */

typedef struct place {
    const char *device;
    hebb_dtype dtype;
} place;

/* A few units in the last place; results below the normal range may be flushed to zero. `size` is
   what an error of the last place is relative to, where that is not the result. */
static void expect(const place *p, const char *what, double x, double got, real exact, real size) {
    const double unit = p->dtype == HEBB_F32 ? FLT_EPSILON : DBL_EPSILON;
    const double tiny = p->dtype == HEBB_F32 ? FLT_MIN : DBL_MIN;
    const real allowed = tiny + 8 * (real)unit * fmaxl(fabsl(exact), size);
    cr_expect(fabsl((real)got - exact) <= allowed, "%s at %.9g in %s on %s: %.9g, not %.9Lg", what,
              x, hebb_dtype_name(p->dtype), p->device, got, exact);
}

static void check_formula(const formula *f, const place *p, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", p->dtype, HEBB_SHAPE(POINTS)), *y = f->build(x);
    hebb_tensor *dx = hebb_gradient(y, x);
    hebb_session *s = hebb_session_create(g, device);
    hebb_array fed = points(p->dtype), value = {0}, slope = {0};
    hebb_run(s, HEBB_FEED({x, &fed}), HEBB_FETCH({y, &value}, {dx, &slope}));
    cr_assert_not(hebb_failed(s), "%s: %s", f->name, hebb_message(s));
    for (int i = 0; i < POINTS; i++) {
        char derivative[64];
        double at = point(i);
        snprintf(derivative, sizeof derivative, "the derivative of %s", f->name);
        expect(p, f->name, at, hebb_array_at(&value, i), f->value(at), 0);
        expect(p, derivative, at, hebb_array_at(&slope, i), f->slope(at), f->size);
    }
    hebb_array_free(&value);
    hebb_array_free(&slope);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

/* ---- losses of a row ---- */

#define ROWS    60
#define CLASSES 5

static double row_element(int r, int k) {
    static const double scale[] = {1e4, 1e3, 100, 10, 1, 0.1};
    rng random = {(uint64_t)(r * CLASSES + k + 1)};
    return (float)(scale[r % 6] * rng_real(&random, -1, 1));
}
static int row_label(int r) { return r % CLASSES; }

typedef struct row_formula {
    const char *name;
    hebb_tensor *(*build)(hebb_tensor *x, hebb_tensor *labels);
    /* The value; the derivatives go to `slope`. */
    real (*value)(const real *x, int c, real *slope);
} row_formula;

/* log(sum_k e^(x_k)) - x_c; softmax(x) - onehot(c). */
static real log_softmax(const real *x, int c, real *slope) {
    real sum = 0;
    for (int k = 0; k < CLASSES; k++) sum += expl(x[k]);
    for (int k = 0; k < CLASSES; k++) slope[k] = expl(x[k]) / sum - (k == c);
    return logl(sum) - x[c];
}

/* [max over k != c of (x_k + m) - x_c]+; +1 at the winning k and -1 at c where it is positive. */
static real max_margin(const real *x, int c, real *slope) {
    int best = c == 0 ? 1 : 0;
    for (int k = 0; k < CLASSES; k++)
        if (k != c && x[k] > x[best]) best = k;
    real loss = x[best] + MARGIN - x[c];
    for (int k = 0; k < CLASSES; k++) slope[k] = loss > 0 ? (k == best) - (k == c) : 0;
    return loss > 0 ? loss : 0;
}

static hebb_tensor *build_max_margin(hebb_tensor *x, hebb_tensor *labels) {
    return hebb_max_margin_loss(x, labels, MARGIN);
}

static const row_formula row_formulas[] = {{"log-softmax", hebb_log_softmax_loss, log_softmax},
                                           {"max-margin", build_max_margin, max_margin}};

static void check_row(const row_formula *f, const place *p, int r, const hebb_array *value,
                      const hebb_array *slope) {
    real x[CLASSES], d[CLASSES], largest = 1;
    char derivative[64];
    snprintf(derivative, sizeof derivative, "the derivative of %s", f->name);
    for (int k = 0; k < CLASSES; k++) {
        x[k] = row_element(r, k);
        largest = fmaxl(largest, fabsl(x[k]));
    }
    real y = f->value(x, row_label(r), d);
    expect(p, f->name, (double)x[row_label(r)], hebb_array_at(value, r), y, largest);
    for (int k = 0; k < CLASSES; k++) /* x_k - max x is rounded before the exponential */
        expect(p, derivative, (double)x[k], hebb_array_at(slope, r * CLASSES + k), d[k],
               fminl(largest, 4));
}

static void check_rows(const row_formula *f, const place *p, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", p->dtype, HEBB_SHAPE(ROWS, CLASSES));
    hebb_tensor *c = hebb_input(g, "c", HEBB_I32, HEBB_SHAPE(ROWS));
    hebb_tensor *y = f->build(x, c), *dx = hebb_gradient(y, x);
    hebb_session *s = hebb_session_create(g, device);
    values rows = values_make(p->dtype, HEBB_SHAPE(ROWS, CLASSES));
    values labels = values_make(HEBB_I32, HEBB_SHAPE(ROWS));
    for (int i = 0; i < ROWS * CLASSES; i++) rows.at[i].f = row_element(i / CLASSES, i % CLASSES);
    for (int r = 0; r < ROWS; r++) labels.at[r].i = row_label(r);
    hebb_array fed = values_to_array(&rows), label = values_to_array(&labels);
    hebb_array value = {0}, slope = {0};
    hebb_run(s, HEBB_FEED({x, &fed}, {c, &label}), HEBB_FETCH({y, &value}, {dx, &slope}));
    cr_assert_not(hebb_failed(s), "%s: %s", f->name, hebb_message(s));
    for (int r = 0; r < ROWS; r++) check_row(f, p, r, &value, &slope);
    hebb_array_free(&value);
    hebb_array_free(&slope);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_all(const place *p, hebb_device *device) {
    for (size_t i = 0; i < N(formulas); i++) check_formula(&formulas[i], p, device);
    for (size_t i = 0; i < N(row_formulas); i++) check_rows(&row_formulas[i], p, device);
}

Test(classic, cpu) {
    hebb_device *device = cpu_device();
    check_all(&(place){"cpu", HEBB_F32}, device);
    check_all(&(place){"cpu", HEBB_F64}, device);
    hebb_device_close(device);
}

Test(classic, opencl) {
    hebb_device *device = opencl_device();
    check_all(&(place){"opencl", HEBB_F32}, device);
    if (hebb_device_get_info(device).f64) check_all(&(place){"opencl", HEBB_F64}, device);
    hebb_device_close(device);
}
