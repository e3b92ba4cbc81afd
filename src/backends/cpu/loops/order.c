/* The dimensions of a LOOP: collapsed where all operands allow it, and interchanged into the order
   in which memory is best walked. Called by loop.c and reduce.c when a loop is prepared. Looks at
   strides only, never at programs or memory. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* Applies f to every operand of the loop. */
#define EACH_OPERAND(loop, o, ...)                                                                 \
    do {                                                                                           \
        for (int each = 0; each < (loop)->n_in + (loop)->n_out; each++) {                          \
            hb_operand *o =                                                                        \
                each < (loop)->n_in ? &(loop)->in[each] : &(loop)->out[each - (loop)->n_in].to;    \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
    } while (0)

static bool mergeable(const hb_loop *loop, int k) {
    if (loop->reduce[k] != loop->reduce[k + 1]) return false;
    EACH_OPERAND(loop, o, if (o->stride[k] != o->stride[k + 1] * loop->dim[k + 1]) return false);
    return true;
}

/* Removes dimension k; its size must have become another's, or be 1. */
static void remove_dimension(hb_loop *loop, int k) {
    const size_t after = (size_t)(loop->rank - k - 1);
    memmove(loop->dim + k, loop->dim + k + 1, after * sizeof *loop->dim);
    memmove(loop->reduce + k, loop->reduce + k + 1, after * sizeof *loop->reduce);
    EACH_OPERAND(loop, o, memmove(o->stride + k, o->stride + k + 1, after * sizeof *o->stride));
    loop->rank--;
}

/* Reductions need a dimension to run over, be it of size 1. */
static void keep_one_reduced(hb_loop *loop) {
    if (!hb_reduces(loop)) return;
    for (int k = 0; k < loop->rank; k++)
        if (loop->reduce[k]) return;
    const int k = loop->rank++;
    loop->dim[k] = 1;
    loop->reduce[k] = true;
    EACH_OPERAND(loop, o, o->stride[k] = 0);
}

hebb_status hb_cpu_simplify(const hb_loop *loop, hb_loop *simple, hb_error *error) {
    const size_t in_bytes = (size_t)loop->n_in * sizeof *loop->in;
    const size_t out_bytes = (size_t)loop->n_out * sizeof *loop->out;
    *simple = *loop;
    simple->in = malloc(in_bytes + 1);
    simple->out = malloc(out_bytes + 1);
    if (!simple->in || !simple->out) {
        hb_cpu_simple_free(simple);
        return hb_fail_memory(error, "a loop's operands", in_bytes + out_bytes);
    }
    if (in_bytes) memcpy(simple->in, loop->in, in_bytes);
    if (out_bytes) memcpy(simple->out, loop->out, out_bytes);
    for (int k = simple->rank - 1; k >= 0; k--)
        if (simple->dim[k] == 1) remove_dimension(simple, k);
    for (int k = simple->rank - 2; k >= 0; k--)
        if (mergeable(simple, k)) {
            simple->dim[k + 1] *= simple->dim[k];
            remove_dimension(simple, k);
        }
    keep_one_reduced(simple);
    return HEBB_OK;
}

void hb_cpu_simple_free(hb_loop *simple) {
    free(simple->in);
    free(simple->out);
    simple->in = NULL;
    simple->out = NULL;
}

int64_t hb_cpu_elements(const hb_loop *loop, const hb_operand *o) {
    int64_t count = 1;
    for (int k = 0; k < loop->rank; k++)
        if (o->stride[k] != 0) count *= loop->dim[k];
    return count;
}

/* How much memory is consecutive along dimension k: elements, so that a vector with a number for
   each channel does not count as much as the images. A scattered write costs more than a scattered
   read. */
static double consecutive(const hb_loop *loop, int k) {
    double count = 0;
    for (int i = 0; i < loop->n_in; i++)
        if (loop->in[i].stride[k] == 1) count += 2 * (double)hb_cpu_elements(loop, &loop->in[i]);
    for (int i = 0; i < loop->n_out; i++)
        if (loop->out[i].to.stride[k] == 1 && loop->out[i].value < loop->n_pre)
            count += 3 * (double)hb_cpu_elements(loop, &loop->out[i].to);
    return count;
}

static int best_inner(const hb_loop *loop) {
    int best = loop->rank - 1;
    for (int k = loop->rank - 2; k >= 0; k--)
        if (consecutive(loop, k) > consecutive(loop, best)) best = k;
    return best;
}

/* Distance in memory that a step along k makes: what an outer loop should have most of. */
static int64_t distance(const hb_loop *loop, int k) {
    const hb_operand *o = loop->n_out > 0 ? &loop->out[0].to : NULL;
    return o ? llabs(o->stride[k]) : 0;
}

/* Stable insertion sort of dim[begin, end), the farthest first. */
static void farthest_first(const hb_loop *loop, int *dim, int begin, int end) {
    for (int i = begin + 1; i < end; i++)
        for (int j = i; j > begin && distance(loop, dim[j]) > distance(loop, dim[j - 1]); j--) {
            const int swapped = dim[j];
            dim[j] = dim[j - 1];
            dim[j - 1] = swapped;
        }
}

hb_cpu_order hb_cpu_order_of(const hb_loop *loop) {
    hb_cpu_order order = {.rank = loop->rank};
    if (loop->rank == 0) return order;
    const int inner = best_inner(loop);
    int n = 0;
    for (int k = 0; k < loop->rank; k++)
        if (!loop->reduce[k] && k != inner) order.dim[n++] = k;
    order.kept = n;
    farthest_first(loop, order.dim, 0, n);
    for (int k = 0; k < loop->rank; k++)
        if (loop->reduce[k] && k != inner) order.dim[n++] = k;
    order.dim[n] = inner;
    order.by_columns = !loop->reduce[inner] && n > order.kept;
    if (!loop->reduce[inner] && !order.by_columns) order.kept++;
    return order;
}
