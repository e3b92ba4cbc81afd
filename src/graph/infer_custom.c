/* Shape rules of users' ops. */
#include "infer.h"

RULE(apply) {
    TRY(hb_want_floating(in[0].dtype, error));
    TRY(hb_same_dtype(in, n_in, error));
    *result = in[0];
    for (int k = 1; k < n_in; k++)
        TRY(hb_broadcast_shapes(result->shape, in[k].shape, &result->shape, error));
    return HEBB_OK;
}

static bool is_open(hebb_shape shape) {
    for (int k = 0; k < shape.rank; k++)
        if (shape.dim[k] == HEBB_ANY) return true;
    return false;
}

/* The rule is a user's: what it gives is looked at. hb_infer() sees to the shape. */
RULE(custom) {
    char message[HEBB_OP_MESSAGE] = "";
    *result = (hb_signature){HEBB_F32, {.rank = 0}};
    hebb_status status = attrs->custom->shape(in, attrs->options, result, message);
    message[sizeof message - 1] = '\0';
    if (status != HEBB_OK)
        return hb_fail(error, status, "%s",
                       message[0] != '\0' ? message : "the op's shape rule says no");
    if (hebb_dtype_size(result->dtype) == 0)
        return hb_fail(error, HEBB_E_DTYPE, "the op's shape rule gives %d, which is no dtype",
                       (int)result->dtype);
    if (result->shape.rank < 0 || result->shape.rank > HEBB_MAX_RANK)
        return hb_fail(error, HEBB_E_SHAPE,
                       "the op's shape rule gives the rank %d: the rank must be 0 to %d",
                       result->shape.rank, HEBB_MAX_RANK);
    for (int k = 0; k < n_in; k++)
        if (is_open(in[k].shape)) return HEBB_OK;
    if (is_open(result->shape))
        return hb_fail(error, HEBB_E_SHAPE,
                       "the op's shape rule leaves a size open where all sizes are known");
    return HEBB_OK;
}
