/* Samples with their gradients: see problem.h. */
#include "problem.h"

bool sample_has_gradient(const sample *s) { return s->dtype == REAL && !s->no_gradient; }

static hebb_array drawn(hebb_dtype dtype, hebb_shape shape, rng *r) {
    values v = values_make(HEBB_F32, shape);
    values_fill(&v, REALS, 1, 0, r);
    v = values_cast(&v, dtype);
    return values_to_array(&v);
}

bool problem_make(problem *p, job *j, hebb_graph *g, const sample *s, hebb_dtype real,
                  uint64_t seed) {
    rng r = {seed + 1};
    *p = (problem){0};
    instance_build(&p->in, g, j->d, s, real, false);
    if (hebb_failed(g)) {
        job_fail(j, s, "%s", hebb_message(g));
        return false;
    }
    instance_bind(&p->in, BATCH, seed, true);
    hebb_dtype dtype = hebb_tensor_dtype(p->in.result);
    hebb_shape shape = hebb_tensor_shape(p->in.result);
    p->cotangent = hebb_input(g, NULL, dtype, shape);
    p->cotangent_value = drawn(dtype, shape, &r);
    for (int k = 0; k < s->n_in; k++) {
        if (!is_floating(operand_dtype(s, k, real))) continue;
        p->x_value[p->n] = &p->in.fed[k];
        p->x[p->n++] = p->in.input[k];
    }
    hebb_gradients(&p->in.result, 1, p->x, (size_t)p->n, &p->cotangent, p->gradient);
    if (hebb_failed(g)) job_fail(j, s, "%s", hebb_message(g));
    return !hebb_failed(g);
}

static hebb_tensor *weighted_sum(hebb_tensor *weight, hebb_tensor *y) {
    return hebb_sum(hebb_mul(weight, y), HEBB_ALL_AXES, false);
}

bool problem_differentiate_again(problem *p, job *j) {
    hebb_graph *g = hebb_tensor_graph(p->in.result);
    hebb_tensor *xs[MAX_INPUTS + 1], *claimed[MAX_INPUTS + 1];
    rng r = {99};
    for (int k = 0; k < p->n; k++) {
        hebb_dtype dtype = hebb_tensor_dtype(p->gradient[k]);
        p->weight[k] = hebb_input(g, NULL, dtype, p->x_value[k]->shape);
        p->weight_value[k] = drawn(dtype, p->x_value[k]->shape, &r);
        hebb_tensor *term = weighted_sum(p->weight[k], p->gradient[k]);
        p->objective = k == 0 ? term : hebb_add(p->objective, term);
        xs[k] = p->x[k];
    }
    xs[p->n] = p->cotangent;
    hebb_gradients(&p->objective, 1, xs, (size_t)p->n + 1, NULL, claimed);
    if (hebb_failed(g)) {
        job_fail(j, &p->in.s, "%s", hebb_message(g));
        return false;
    }
    for (int k = 0; k <= p->n; k++) p->second[k] = claimed[k];
    return true;
}

static hebb_tensor *claim(const problem *p, const hebb_tensor *x, bool second) {
    for (int i = 0; i < p->n; i++)
        if (p->x[i] == x) return second ? p->second[i] : p->gradient[i];
    return NULL;
}

size_t problem_inputs(problem *p, bool second, gradcheck_input *list) {
    size_t n = 0;
    for (int k = 0; k < p->in.s.n_in; k++)
        list[n++] =
            (gradcheck_input){p->in.input[k], &p->in.fed[k], claim(p, p->in.input[k], second)};
    list[n++] =
        (gradcheck_input){p->cotangent, &p->cotangent_value, second ? p->second[p->n] : NULL};
    for (int k = 0; second && k < p->n; k++)
        list[n++] = (gradcheck_input){p->weight[k], &p->weight_value[k], NULL};
    return n;
}
