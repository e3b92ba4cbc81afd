/* Shape rules of loops and boundaries: see infer.h, and hb_scan_info in graph.h. */
#include "infer.h"

RULE(scan_slot) {
    *result = in[0];
    if (!attrs->element) return HEBB_OK;
    hebb_shape *shape = &result->shape;
    if (shape->rank < 1) return hb_fail(error, HEBB_E_SHAPE, "a scalar is no sequence");
    shape->rank--;
    for (int k = 0; k < shape->rank; k++) shape->dim[k] = in[0].shape.dim[k + 1];
    return HEBB_OK;
}

static hebb_status check_lengths(const hb_scan_info *scan, const hb_signature *sequence,
                                 hb_error *error) {
    int64_t length = scan->like ? HEBB_ANY : scan->length;
    for (int k = 0; k < scan->n_sequences; k++) {
        int64_t size = sequence[k].shape.dim[0];
        if (!fits(length, size))
            return hb_fail(error, HEBB_E_SHAPE,
                           "sequence %d has %" PRId64 " elements where others have %" PRId64, k,
                           size, length);
        length = known(length, size);
    }
    return HEBB_OK;
}

static hebb_status check_state(int k, const hb_signature *first, const hb_signature *next,
                               hb_error *error) {
    char sf[160], sn[160];
    bool same = first->shape.rank == next->shape.rank && first->dtype == next->dtype;
    for (int i = 0; same && i < first->shape.rank; i++)
        same = fits(first->shape.dim[i], next->shape.dim[i]);
    if (same) return HEBB_OK;
    return hb_fail(error, first->dtype != next->dtype ? HEBB_E_DTYPE : HEBB_E_SHAPE,
                   "state %d is %s %s before an iteration and %s %s after it", k,
                   hebb_dtype_name(first->dtype), hebb_shape_text(first->shape, sf, sizeof sf),
                   hebb_dtype_name(next->dtype), hebb_shape_text(next->shape, sn, sizeof sn));
}

/* It has no value of its own; as far as gradients go it is floating. */
RULE(scan) {
    const hb_scan_info *scan = attrs->scan;
    TRY(check_lengths(scan, in + scan->n_states, error));
    const hb_signature *next = in + scan->n_states + scan->n_sequences + scan->n_captures;
    for (int k = 0; k < scan->n_states; k++) TRY(check_state(k, &in[k], &next[k], error));
    *result = (hb_signature){HEBB_F32, {.rank = -1}};
    return HEBB_OK;
}

RULE(scan_stack) {
    hebb_shape x = in[1].shape;
    if (x.rank == HEBB_MAX_RANK)
        return hb_fail(error, HEBB_E_SHAPE, "the rank would pass %d", HEBB_MAX_RANK);
    result->dtype = in[1].dtype;
    result->shape.rank = x.rank + 1;
    result->shape.dim[0] = n_in == 3 ? in[2].shape.dim[0] : attrs->shape.dim[0];
    for (int k = 0; k < x.rank; k++) result->shape.dim[k + 1] = x.dim[k];
    return HEBB_OK;
}

RULE(scan_last) {
    *result = in[1];
    return HEBB_OK;
}

RULE(last) {
    *result = in[n_in - 1];
    return HEBB_OK;
}
