/* What shape rules are written with. A rule gets its inputs' signatures, some sizes of which may be
   HEBB_ANY, and gives the result's or an error, whose message names what does not fit but neither
   the op nor its inputs. Rules are in infer.c and infer_*.c; ops.def names them. */
#ifndef HB_INFER_H
#define HB_INFER_H

#include <inttypes.h>

#include "graph.h"

#define RULE(name)                                                                                 \
    hebb_status infer_##name(hb_op op, const hb_attrs *attrs, const hb_signature *in, int n_in,    \
                             hb_signature *result, hb_error *error)

#define OP(ID, name, from, to, shape, gradient, lowering, code) RULE(shape);
#include "ops.def"
#undef OP

#define TRY(call)                                                                                  \
    do {                                                                                           \
        hebb_status status_ = (call);                                                              \
        if (status_ != HEBB_OK) return status_;                                                    \
    } while (0)

/* Whether two sizes may be equal, and the one that is known. */
static inline bool fits(int64_t a, int64_t b) { return a == b || a == HEBB_ANY || b == HEBB_ANY; }
static inline int64_t known(int64_t a, int64_t b) { return a == HEBB_ANY ? b : a; }

hebb_status hb_no_axis(hb_error *error, int axis, int rank);
/* The shape that a and b broadcast to together. */
hebb_status hb_broadcast_shapes(hebb_shape a, hebb_shape b, hebb_shape *result, hb_error *error);
/* Whether x broadcasts to exactly `to`; sizes of `to` that are open take x's. */
hebb_status hb_broadcasts_to(hebb_shape x, hebb_shape *to, hb_error *error);
/* Sizes must be HEBB_ANY (if open is allowed) or 0 and more. */
hebb_status hb_valid_shape(hebb_shape shape, bool open, hb_error *error);
hebb_status hb_same_dtype(const hb_signature *in, int n, hb_error *error);
hebb_status hb_want_floating(hebb_dtype dtype, hb_error *error);
hebb_status hb_want_numeric(hebb_dtype dtype, hb_error *error);
hebb_status hb_want_index(hebb_dtype dtype, hb_error *error);
/* infer_conv.c: how many windows there are along axis d of the window; none is an error. */
hebb_status hb_window_count(const hb_window *window, int d, int64_t size, int64_t kernel,
                            int64_t *count, hb_error *error);
/* Whether attrs->axes exist and differ. */
hebb_status hb_check_axes(const hb_attrs *attrs, int rank, hb_error *error);

#endif
