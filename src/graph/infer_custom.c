/* Shape rules of users' ops. */
#include "infer.h"

RULE(apply) {
    if (in[0].dtype != HEBB_F32 && in[0].dtype != HEBB_F64)
        return hb_fail(error, HEBB_E_DTYPE, "%s is not f32 or f64", hebb_dtype_name(in[0].dtype));
    TRY(hb_same_dtype(in, n_in, error));
    *result = in[0];
    for (int k = 1; k < n_in; k++)
        TRY(hb_broadcast_shapes(result->shape, in[k].shape, &result->shape, error));
    return HEBB_OK;
}
