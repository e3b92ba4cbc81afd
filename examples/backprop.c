/* Backpropagation by hand and by Hebb, on one sigmoid neuron:

     z = w x + b      a = sigmoid(z)      L = (a - y)^2 / 2

   The gradient of L with respect to w is a product of factors, one for each arrow of the chain.
   Here each is read from the backward graph that Hebb writes, beside its formula on paper; then one
   step of gradient descent makes the loss smaller. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <hebb/hebb.h>

#include "common.h"

static const double X = 1.5, Y = 0, W = 0.8, B = -0.2, RATE = 0.5;

typedef struct model {
    hebb_tensor *w, *b, *z, *a, *loss;
    hebb_tensor *step; /* w -= rate dL/dw, b -= rate dL/db */
} model;

static model build(hebb_graph *g) {
    model m = {.w = hebb_variable(g, "w", HEBB_F64, HEBB_SCALAR, hebb_constant_value(W)),
               .b = hebb_variable(g, "b", HEBB_F64, HEBB_SCALAR, hebb_constant_value(B))};
    hebb_tensor *x = hebb_full(g, HEBB_F64, HEBB_SCALAR, X);
    hebb_tensor *y = hebb_full(g, HEBB_F64, HEBB_SCALAR, Y);
    m.z = hebb_named(hebb_add(hebb_mul(m.w, x), m.b), "z");
    m.a = hebb_named(hebb_sigmoid(m.z), "a");
    m.loss = hebb_named(hebb_square_loss(m.a, y), "L");
    m.step = hebb_minimize(m.loss, hebb_sgd(.learning_rate = RATE));
    return m;
}

static double value(hebb_session *s, hebb_tensor *tensor) {
    double number = NAN;
    hebb_array array = hebb_array_view(&number, HEBB_F64, HEBB_SCALAR);
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({tensor, &array}));
    return number;
}

/* A line of the table; whether both agree. */
static bool compare(hebb_session *s, const char *what, const char *formula, hebb_tensor *tensor,
                    double on_paper, double *worst) {
    double graph = value(s, tensor);
    double error = fabs(graph - on_paper);
    *worst = fmax(*worst, error);
    printf("  %-6s %-22s %18.12f %18.12f\n", what, formula, graph, on_paper);
    return error < 1e-12;
}

static bool run(hebb_session *s, const model *m) {
    double z = W * X + B, a = 1 / (1 + exp(-z)), worst = 0;
    printf("x = %g, y = %g, w = %g, b = %g\n\n", X, Y, W, B);
    printf("  %-29s %18s %18s\n", "forward", "graph", "on paper");
    bool fine = compare(s, "z", "w x + b", m->z, z, &worst);
    fine &= compare(s, "a", "1 / (1 + e^-z)", m->a, a, &worst);
    fine &= compare(s, "L", "(a - y)^2 / 2", m->loss, (a - Y) * (a - Y) / 2, &worst);

    printf("\n  %-29s %18s %18s\n", "factors of the chain rule", "graph", "on paper");
    fine &= compare(s, "dL/da", "a - y", hebb_gradient(m->loss, m->a), a - Y, &worst);
    fine &= compare(s, "da/dz", "a (1 - a)", hebb_gradient(m->a, m->z), a * (1 - a), &worst);
    fine &= compare(s, "dz/dw", "x", hebb_gradient(m->z, m->w), X, &worst);
    fine &= compare(s, "dz/db", "1", hebb_gradient(m->z, m->b), 1, &worst);

    printf("\n  %-29s %18s %18s\n", "their products", "graph", "on paper");
    double dz = (a - Y) * a * (1 - a);
    fine &=
        compare(s, "dL/dw", "(a - y) a (1 - a) x", hebb_gradient(m->loss, m->w), dz * X, &worst);
    fine &= compare(s, "dL/db", "(a - y) a (1 - a)", hebb_gradient(m->loss, m->b), dz, &worst);

    double before = value(s, m->loss);
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({m->step, NULL}));
    printf("\n  %-29s %18s %18s\n", "one step at a rate of 0.5", "graph", "on paper");
    fine &= compare(s, "w", "w - 0.5 dL/dw", m->w, W - RATE * dz * X, &worst);
    fine &= compare(s, "b", "b - 0.5 dL/db", m->b, B - RATE * dz, &worst);
    double after = value(s, m->loss);
    printf("\nThe loss went from %.6f to %.6f.\n\n", before, after);
    if (hebb_failed(s)) {
        fprintf(stderr, "%s\n", hebb_message(s));
        return false;
    }
    printf("worst_error=%.1e first_loss=%.6f last_loss=%.6f\n", worst, before, after);
    return fine && after < before;
}

int main(int argc, char **argv) {
    const char *name = "cpu";
    const option options[] = {DEVICE_OPTION(name)};
    parse_options(argc, argv, "The chain rule on one neuron, by the backward graph and on paper.",
                  options, COUNT(options));

    hebb_graph *graph = hebb_graph_create();
    model m = build(graph);
    hebb_device *device = hebb_device_open(name);
    hebb_session *session = hebb_session_create(graph, device);
    bool fine = run(session, &m);
    hebb_session_destroy(session);
    hebb_device_close(device);
    hebb_graph_destroy(graph);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
