/* Products with Jacobians and Hessians, composed of reverse passes (hebb/autodiff.h). */
#include <stdlib.h>

#include "autodiff.h"

static hebb_graph *graph_of(hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs) {
    if (y != NULL) return y->graph;
    for (size_t k = 0; xs != NULL && k < n_xs; k++)
        if (xs[k] != NULL) return xs[k]->graph;
    return NULL;
}

static bool may_equal(hebb_shape a, hebb_shape b) {
    bool same = a.rank == b.rank;
    for (int k = 0; same && k < a.rank; k++)
        same = a.dim[k] == b.dim[k] || a.dim[k] == HEBB_ANY || b.dim[k] == HEBB_ANY;
    return same;
}

static bool check_vector(hebb_graph *graph, const char *op, const char *role, const hebb_tensor *v,
                         const hebb_tensor *x) {
    char sv[160], sx[160];
    if (v->op == HB_OP_INERT || x->op == HB_OP_INERT) return true; /* an error tells already */
    if (v->graph == graph && v->dtype == x->dtype && may_equal(v->shape, x->shape)) return true;
    hebb_status status = v->graph != graph      ? HEBB_E_GRAPH
                         : v->dtype != x->dtype ? HEBB_E_DTYPE
                                                : HEBB_E_SHAPE;
    hb_graph_error(graph, status, "%s: the %s %s %s %s%s does not fit %s %s %s", op, role, v->name,
                   hebb_dtype_name(v->dtype), hebb_shape_text(v->shape, sv, sizeof sv),
                   v->graph != graph ? " of another graph" : "", x->name, hebb_dtype_name(x->dtype),
                   hebb_shape_text(x->shape, sx, sizeof sx));
    return false;
}

/* Whether there is a vector for each x; hebb_gradients() looks at y and the xs themselves. */
static bool check(hebb_graph *graph, const char *op, const char *role, const hebb_tensor *y,
                  hebb_tensor *const *xs, size_t n_xs, hebb_tensor *const *vectors,
                  size_t n_vectors) {
    if (y == NULL) hb_graph_error(graph, HEBB_E_NULL, "%s: y is NULL", op);
    else if (n_vectors != n_xs)
        hb_graph_error(graph, HEBB_E_ARGUMENT, "%s: %zu %ss for %zu xs", op, n_vectors, role, n_xs);
    else if (n_xs > 0 && (xs == NULL || vectors == NULL))
        hb_graph_error(graph, HEBB_E_NULL, "%s: the xs or %ss are NULL", op, role);
    for (size_t k = 0; graph->error.status == HEBB_OK && k < n_xs; k++) {
        if (xs[k] == NULL || vectors[k] == NULL)
            hb_graph_error(graph, HEBB_E_NULL, "%s: x or %s %zu is NULL", op, role, k);
        else check_vector(graph, op, role, vectors[k], xs[k]);
    }
    return graph->error.status == HEBB_OK;
}

static hebb_tensor **list_of(hebb_graph *graph, size_t n) {
    return hb_graph_memory(graph, (n + 1) * sizeof(hebb_tensor *));
}

hebb_tensor *hebb_jvp(hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs,
                      hebb_tensor *const *tangents, size_t n_tangents) {
    hebb_graph *graph = graph_of(y, xs, n_xs);
    if (graph == NULL) return NULL;
    if (!check(graph, "jvp", "tangent", y, xs, n_xs, tangents, n_tangents)) return &graph->inert;
    /* Any value will do for the cotangent: the products are linear in it. */
    hebb_tensor *cotangent = hebb_zeros_like(y), *product = NULL;
    hebb_tensor **gradients = list_of(graph, n_xs);
    if (gradients == NULL) return &graph->inert;
    hebb_gradients(&y, 1, xs, n_xs, &cotangent, gradients);
    hebb_gradients(gradients, n_xs, &cotangent, 1, tangents, &product);
    return product;
}

hebb_status hebb_hvp(hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs,
                     hebb_tensor *const *vectors, size_t n_vectors, hebb_tensor **products) {
    hebb_graph *graph = graph_of(y, xs, n_xs);
    hebb_tensor **gradients = NULL;
    if (graph != NULL && products == NULL && n_xs > 0)
        hb_graph_error(graph, HEBB_E_NULL, "hvp: the products are NULL");
    /* The products may be stored where the vectors are: not before these have been read. */
    if (graph != NULL && check(graph, "hvp", "vector", y, xs, n_xs, vectors, n_vectors))
        gradients = list_of(graph, n_xs);
    if (gradients != NULL && hebb_gradients(&y, 1, xs, n_xs, NULL, gradients) == HEBB_OK)
        return hebb_gradients(gradients, n_xs, xs, n_xs, vectors, products);
    for (size_t k = 0; products != NULL && k < n_xs; k++)
        products[k] = graph == NULL ? NULL : &graph->inert;
    return graph == NULL ? HEBB_E_NULL : graph->error.status;
}
