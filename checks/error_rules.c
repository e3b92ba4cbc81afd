/* Error samples that follow from a descriptor's family and dtypes, so that no elementwise op has to
   spell them out: see samples.h. */
#include <string.h>

#include "samples.h"

static void push(error_list *list, const error_sample *e) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        error_sample *at = test_memory(capacity * sizeof *at);
        if (list->count > 0) memcpy(at, list->at, list->count * sizeof *at);
        list->at = at;
        list->capacity = capacity;
    }
    list->at[list->count++] = *e;
}

static error_sample of_shapes(const descriptor *d, hebb_dtype dtype, hebb_status status,
                              const char *message) {
    error_sample e = {.n_in = d->arity, .dtype = dtype, .status = status, .message = message};
    for (int k = 0; k < d->arity; k++) e.in[k].shape = (hebb_shape){2, {2, 3}};
    return e;
}

/* One dtype for each kind that the op does not take; the message names it. */
static void push_dtypes(const descriptor *d, error_list *list) {
    static const struct {
        unsigned kind;
        hebb_dtype dtype;
    } kinds[] = {{TAKES_REAL, HEBB_F32}, {TAKES_INTEGERS, HEBB_I32}, {TAKES_BOOL, HEBB_BOOL}};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (d->dtypes & kinds[i].kind) continue;
        error_sample e =
            of_shapes(d, kinds[i].dtype, HEBB_E_DTYPE, hebb_dtype_name(kinds[i].dtype));
        push(list, &e);
    }
}

static hebb_dtype taken_dtype(const descriptor *d) {
    if (d->dtypes & TAKES_REAL) return HEBB_F32;
    return d->dtypes & TAKES_INTEGERS ? HEBB_I32 : HEBB_BOOL;
}

static void push_pairs(const descriptor *d, error_list *list) {
    hebb_dtype dtype = taken_dtype(d);
    error_sample mixed = of_shapes(d, dtype, HEBB_E_DTYPE, "differ");
    mixed.in[1].dtype = dtype == HEBB_I32 ? HEBB_I64 : HEBB_I32;
    push(list, &mixed);
    error_sample sizes = of_shapes(d, dtype, HEBB_E_SHAPE, "do not broadcast");
    sizes.in[1].shape = (hebb_shape){2, {4, 3}};
    push(list, &sizes);
    sizes.in[1].shape = (hebb_shape){1, {2}};
    push(list, &sizes);
}

error_list descriptor_errors(const descriptor *d) {
    error_list list = {0};
    if (d->family == unary_family || d->family == binary_family) push_dtypes(d, &list);
    if (d->family == binary_family) push_pairs(d, &list);
    for (size_t i = 0; i < d->n_errors; i++) push(&list, &d->errors[i]);
    return list;
}
