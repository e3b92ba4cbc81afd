/* Two ops that Hebb does not have, with gradients, checked on any device: an elementwise one from a
   single expression, and one with a shape rule, a C function and an OpenCL source of its own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <hebb/elementwise.h>
#include <hebb/hebb.h>

#include "common.h"

/* ---- swish(x) = x / (1 + e^-x), Ramachandran et al. 2017 ---- */

HEBB_ELEMENTWISE(swish, (x), x / (1 + exp(-x)));

/* With s the sigmoid of x, the derivative is s + y (1 - s). */
static void swish_gradient(hebb_grad *d) {
    hebb_tensor *s = hebb_sigmoid(d->x[0]), *one = hebb_scalar_like(s, 1);
    hebb_tensor *slope = hebb_add(s, hebb_mul(d->y, hebb_sub(one, s)));
    d->dx[0] = hebb_mul(d->dy, slope);
}

/* The product rule, forgotten. */
static void wrong_swish_gradient(hebb_grad *d) {
    d->dx[0] = hebb_mul(d->dy, hebb_sigmoid(d->x[0]));
}

/* ---- distances(a, b)[i, j] = the square of the distance between rows a[i] and b[j] ---- */

static hebb_status distances_shape(const hebb_signature *x, const void *options, hebb_signature *y,
                                   char *message) {
    (void)options;
    hebb_shape a = x[0].shape, b = x[1].shape;
    bool match = a.rank == 2 && b.rank == 2 && x[0].dtype == x[1].dtype;
    match = match && (a.dim[1] == b.dim[1] || a.dim[1] == HEBB_ANY || b.dim[1] == HEBB_ANY);
    if (!match || (x[0].dtype != HEBB_F32 && x[0].dtype != HEBB_F64)) {
        snprintf(message, HEBB_OP_MESSAGE, "two floating matrices with rows of one length wanted");
        return HEBB_E_SHAPE;
    }
    *y = (hebb_signature){x[0].dtype, HEBB_SHAPE(a.dim[0], b.dim[0])};
    return HEBB_OK;
}

/* Once for each dtype. */
#define DISTANCES(function, type)                                                                  \
    static void function(const type *a, const type *b, type *y, int64_t n, int64_t m,              \
                         int64_t depth) {                                                          \
        for (int64_t i = 0; i < n; i++)                                                            \
            for (int64_t j = 0; j < m; j++) {                                                      \
                type sum = 0;                                                                      \
                for (int64_t k = 0; k < depth; k++) {                                              \
                    type difference = a[i * depth + k] - b[j * depth + k];                         \
                    sum += difference * difference;                                                \
                }                                                                                  \
                y[i * m + j] = sum;                                                                \
            }                                                                                      \
    }
DISTANCES(distances_f32, float)
DISTANCES(distances_f64, double)

static hebb_status distances_cpu(const hebb_array *x, const hebb_array *y, const void *options,
                                 char *message) {
    (void)options, (void)message;
    int64_t n = y->shape.dim[0], m = y->shape.dim[1], depth = x[0].shape.dim[1];
    if (y->dtype == HEBB_F32) distances_f32(x[0].data, x[1].data, y->data, n, m, depth);
    else distances_f64(x[0].data, x[1].data, y->data, n, m, depth);
    return HEBB_OK;
}

/* A work-item an element. */
static const char distances_source[] =
    "void distances(global const hebb_real *a, global const hebb_real *b, global hebb_real *y,\n"
    "               long depth) {\n"
    "    size_t j = get_global_id(0), i = get_global_id(1), m = get_global_size(0);\n"
    "    hebb_real sum = 0;\n"
    "    for (long k = 0; k < depth; k++) {\n"
    "        hebb_real difference = a[i * depth + k] - b[j * depth + k];\n"
    "        sum += difference * difference;\n"
    "    }\n"
    "    y[i * m + j] = sum;\n"
    "}\n";

static hebb_status distances_launch(const hebb_signature *x, const hebb_signature *y,
                                    const void *options, hebb_launch *launch, char *message) {
    (void)options, (void)message;
    launch->rank = 2;
    launch->global[0] = (size_t)y->shape.dim[1];
    launch->global[1] = (size_t)y->shape.dim[0];
    launch->n_integers = 1;
    launch->integers[0] = x[0].shape.dim[1];
    return HEBB_OK;
}

/* Each a[i] is pulled towards every b[j] by 2 dy[i, j] (a[i] - b[j]); so is each b[j]. */
static void distances_gradient(hebb_grad *d) {
    hebb_tensor *pull = hebb_mul(d->dy, hebb_scalar_like(d->dy, 2)), *a = d->x[0], *b = d->x[1];
    hebb_tensor *back = hebb_transpose(pull, NULL, 0);
    d->dx[0] = hebb_sub(hebb_mul(hebb_sum(pull, HEBB_AXES(1), true), a), hebb_matmul(pull, b));
    d->dx[1] = hebb_sub(hebb_mul(hebb_sum(back, HEBB_AXES(1), true), b), hebb_matmul(back, a));
}

/* A sign that is easily lost. */
static void wrong_distances_gradient(hebb_grad *d) {
    distances_gradient(d);
    d->dx[1] = hebb_neg(d->dx[1]);
}

static hebb_op distances = {
    .name = "distances",
    .n_inputs = 2,
    .shape = distances_shape,
    .gradient = distances_gradient,
    .cpu = distances_cpu,
    .source = distances_source,
    .function = "distances",
    .launch = distances_launch,
};

/* ---- checking ---- */

static void print_report(const char *op, hebb_dtype dtype, const hebb_gradcheck_report *r) {
    printf("%-10s %s  %s  %zu comparisons, worst off by %.2g (allowed: %.2g)\n", op,
           hebb_dtype_name(dtype), r->passed ? "passed" : "WRONG ", r->elements,
           fabs(r->analytic - r->numeric), r->allowed);
    if (r->passed || r->input == NULL) return;
    if (r->index < 0) printf("    %s along a direction\n", hebb_tensor_name(r->input));
    else
        printf("    %s, element %lld = %.6g\n", hebb_tensor_name(r->input), (long long)r->index,
               r->x);
    printf("    analytic  %+.9g\n    numeric   %+.9g\n    condition %.2g\n", r->analytic,
           r->numeric, r->condition);
}

/* The inputs' values are drawn at random, as they are not fed. */
static bool check(hebb_device *device, hebb_dtype dtype) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *a = hebb_input(g, "a", dtype, HEBB_SHAPE(5, 3));
    hebb_tensor *b = hebb_input(g, "b", dtype, HEBB_SHAPE(4, 3));
    hebb_tensor *y[2] = {hebb_apply(&swish, a), hebb_custom(&distances, HEBB_TENSORS(a, b))};
    hebb_session *session = hebb_session_create(g, device);
    hebb_gradcheck_report r[2];
    hebb_status status[2] = {
        hebb_gradcheck(y[0], HEBB_TENSORS(a), HEBB_NO_FEED, session, &r[0]),
        hebb_gradcheck(y[1], HEBB_TENSORS(a, b), HEBB_NO_FEED, session, &r[1])};
    for (int k = 0; k < 2; k++) {
        if (status[k] == HEBB_OK) print_report(k == 0 ? "swish" : "distances", dtype, &r[k]);
        else fprintf(stderr, "%s\n", r[k].message);
    }
    hebb_session_destroy(session);
    hebb_graph_destroy(g);
    return r[0].passed && r[1].passed;
}

int main(int argc, char **argv) {
    const char *name = "cpu";
    long wrong = 0;
    const option options[] = {
        {"device", "cpu, opencl, opencl:1, part of a name, or auto", &name, NULL, 0},
        {"wrong", "with gradients that are wrong, to see them caught", NULL, &wrong, FLAG},
    };
    parse_options(argc, argv, "Checks the gradients of two ops that are defined here.", options,
                  sizeof options / sizeof *options);
    if (wrong) {
        swish.gradient = wrong_swish_gradient;
        distances.gradient = wrong_distances_gradient;
    }

    hebb_device *device = hebb_device_open(name);
    bool fine = !hebb_failed(device);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(device));
    else {
        fine = check(device, HEBB_F32);
        if (hebb_device_get_info(device).f64) fine = check(device, HEBB_F64) && fine;
    }
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
