/* Shape rules: the dtype and shape that each op makes of those of its inputs. Used when a node is
   built (sizes may be HEBB_ANY, which fits anything) and again when a plan binds the sizes. */
#include <math.h>
#include <string.h>

#include "infer.h"
#include "../../kernels/scalar.h"

/* ---- what the rules are made of ---- */

int hb_axis(int axis, int rank) {
    if (axis < -rank || axis >= rank) return -1;
    return axis < 0 ? axis + rank : axis;
}

hebb_status hb_no_axis(hb_error *error, int axis, int rank) {
    return hb_fail(error, HEBB_E_ARGUMENT, "axis %d does not exist: the rank is %d", axis, rank);
}

void hb_reduced_axes(const hb_attrs *attrs, int rank, bool reduced[HEBB_MAX_RANK]) {
    memset(reduced, attrs->n_axes < 0, HEBB_MAX_RANK * sizeof *reduced);
    for (int k = 0; k < attrs->n_axes; k++) reduced[hb_axis(attrs->axes[k], rank)] = true;
}

static int64_t broadcast_size(int64_t a, int64_t b) {
    if (a == 1) return b;
    if (b == 1) return a;
    return known(a, b);
}

/* The shape that a and b broadcast to together. */
hebb_status hb_broadcast_shapes(hebb_shape a, hebb_shape b, hebb_shape *result, hb_error *error) {
    hebb_shape r = {.rank = a.rank > b.rank ? a.rank : b.rank};
    for (int k = 1; k <= r.rank; k++) {
        int64_t da = k <= a.rank ? a.dim[a.rank - k] : 1, db = k <= b.rank ? b.dim[b.rank - k] : 1;
        if (!fits(da, db) && da != 1 && db != 1)
            return hb_fail(error, HEBB_E_SHAPE,
                           "sizes %" PRId64 " and %" PRId64 " at axis %d do not broadcast", da, db,
                           r.rank - k);
        r.dim[r.rank - k] = broadcast_size(da, db);
    }
    *result = r;
    return HEBB_OK;
}

hebb_status hb_broadcasts_to(hebb_shape x, hebb_shape *to, hb_error *error) {
    char sx[160], st[160];
    if (x.rank > to->rank)
        return hb_fail(error, HEBB_E_SHAPE, "%s does not broadcast to the lower rank of %s",
                       hebb_shape_text(x, sx, sizeof sx), hebb_shape_text(*to, st, sizeof st));
    for (int k = 1; k <= x.rank; k++) {
        int64_t d = x.dim[x.rank - k], *t = &to->dim[to->rank - k];
        if (d != 1 && !fits(d, *t))
            return hb_fail(error, HEBB_E_SHAPE, "%s does not broadcast to %s",
                           hebb_shape_text(x, sx, sizeof sx), hebb_shape_text(*to, st, sizeof st));
        if (d != 1) *t = known(*t, d);
    }
    return HEBB_OK;
}

hebb_status hb_same_dtype(const hb_signature *in, int n, hb_error *error) {
    for (int k = 1; k < n; k++)
        if (in[k].dtype != in[0].dtype)
            return hb_fail(error, HEBB_E_DTYPE, "dtypes %s and %s differ; convert with hebb_cast()",
                           hebb_dtype_name(in[0].dtype), hebb_dtype_name(in[k].dtype));
    return HEBB_OK;
}

bool hb_representable(hebb_dtype dtype, double value) {
    switch (dtype) {
    case HEBB_I32: return value > -2147483649.0 && value < 2147483648.0;
    case HEBB_I64: return value >= -9223372036854775808.0 && value < 9223372036854775808.0;
    case HEBB_U8: return value > -1 && value < 256;
    case HEBB_I8: return value > -129 && value < 128;
    default: return true;
    }
}

double hb_rounded(hebb_dtype dtype, double value) {
    switch (dtype) {
    case HEBB_F32: return (double)(float)value;
    case HEBB_F64: return value;
    case HEBB_F16: return hb_f32_of_f16(hb_f16_of_f32((float)value));
    case HEBB_BF16: return hb_f32_of_bf16(hb_bf16_of_f32((float)value));
    case HEBB_BOOL: return value != 0;
    default: return trunc(value);
    }
}

hebb_status hb_want_floating(hebb_dtype dtype, hb_error *error) {
    if (hb_floating(dtype)) return HEBB_OK;
    return hb_fail(error, HEBB_E_DTYPE, "%s is not floating (f32, f64, f16 or bf16)",
                   hebb_dtype_name(dtype));
}

hebb_status hb_want_numeric(hebb_dtype dtype, hb_error *error) {
    if (dtype != HEBB_BOOL) return HEBB_OK;
    return hb_fail(error, HEBB_E_DTYPE, "bool is not numeric");
}

hebb_status hb_want_index(hebb_dtype dtype, hb_error *error) {
    if (dtype == HEBB_I32) return HEBB_OK;
    return hb_fail(error, HEBB_E_DTYPE, "indices must be i32, not %s", hebb_dtype_name(dtype));
}

static hebb_status valid_dtype(hebb_dtype dtype, hb_error *error) {
    if (hebb_dtype_size(dtype) > 0) return HEBB_OK;
    return hb_fail(error, HEBB_E_DTYPE, "%d is no dtype", (int)dtype);
}

hebb_status hb_valid_shape(hebb_shape shape, bool open, hb_error *error) {
    if (shape.rank < 0 || shape.rank > HEBB_MAX_RANK)
        return hb_fail(error, HEBB_E_SHAPE, "the rank must be 0 to %d", HEBB_MAX_RANK);
    char text[160];
    hebb_shape closed = shape;
    for (int k = 0; k < shape.rank; k++) {
        if (shape.dim[k] < 0 && (!open || shape.dim[k] != HEBB_ANY))
            return hb_fail(error, HEBB_E_SHAPE,
                           "size %" PRId64 " at axis %d of %s is negative or open", shape.dim[k], k,
                           hebb_shape_text(shape, text, sizeof text));
        if (closed.dim[k] == HEBB_ANY) closed.dim[k] = 1;
    }
    if (hebb_shape_count(closed) < 0)
        return hb_fail(error, HEBB_E_SHAPE, "%s has 2^57 elements or more",
                       hebb_shape_text(shape, text, sizeof text));
    return HEBB_OK;
}

/* Every rule has this signature. */

/* ---- sources ---- */

RULE(source) {
    *result = (hb_signature){attrs->dtype, n_in > 0 ? in[0].shape : attrs->shape};
    TRY(valid_dtype(attrs->dtype, error));
    if (op == HB_OP_RANDOM_UNIFORM || op == HB_OP_RANDOM_NORMAL)
        TRY(hb_want_floating(attrs->dtype, error));
    if (op == HB_OP_RANDOM_BITS && attrs->dtype != HEBB_I64)
        return hb_fail(error, HEBB_E_DTYPE, "random bits are i64");
    if (op == HB_OP_IOTA) {
        TRY(hb_want_numeric(attrs->dtype, error));
        if (hb_axis(attrs->axis, in[0].shape.rank) < 0)
            return hb_no_axis(error, attrs->axis, in[0].shape.rank);
    }
    return hb_valid_shape(result->shape, op == HB_OP_INPUT || n_in > 0, error);
}

hebb_status hb_check_axes(const hb_attrs *attrs, int rank, hb_error *error) {
    unsigned seen = 0;
    for (int k = 0; k < attrs->n_axes; k++) {
        int axis = hb_axis(attrs->axes[k], rank);
        if (axis < 0) return hb_no_axis(error, attrs->axes[k], rank);
        if (seen & 1u << axis)
            return hb_fail(error, HEBB_E_ARGUMENT, "axis %d is named twice", attrs->axes[k]);
        seen |= 1u << axis;
    }
    return HEBB_OK;
}

RULE(size) {
    *result = (hb_signature){attrs->dtype, {.rank = 0}};
    TRY(valid_dtype(attrs->dtype, error));
    TRY(hb_want_numeric(attrs->dtype, error));
    return hb_check_axes(attrs, in[0].shape.rank, error);
}

/* ---- elementwise ---- */

/* What dtypes each op takes and gives, from the table of scalar functions. */
enum { TAKES_NONE, TAKES_R, TAKES_N, TAKES_B, TAKES_A, TAKES_I, TAKES_W };
enum { GIVES_T, GIVES_B };
enum {
#define SCALAR(CODE, name, arity, types, result, flops)                                            \
    TAKES_##CODE = TAKES_##types, GIVES_##CODE = GIVES_##result,
#include "../../kernels/scalar.def"
#undef SCALAR
    TAKES_SELECT = TAKES_A,
    GIVES_SELECT = GIVES_T,
    TAKES_CAST = TAKES_A,
    GIVES_CAST = GIVES_T,
    TAKES_BITS = TAKES_NONE,
    GIVES_BITS = GIVES_T,
    TAKES_UNIFORM = TAKES_NONE,
    GIVES_UNIFORM = GIVES_T,
    TAKES_NORMAL = TAKES_NONE,
    GIVES_NORMAL = GIVES_T,
    TAKES_SUM = TAKES_N,
    GIVES_SUM = GIVES_T,
    TAKES_REDMAX = TAKES_N,
    GIVES_REDMAX = GIVES_T,
    TAKES_REDMIN = TAKES_N,
    GIVES_REDMIN = GIVES_T,
    TAKES_PROD = TAKES_N,
    GIVES_PROD = GIVES_T,
    GIVES_NONE = GIVES_T,
};
static const struct {
    uint8_t takes, gives;
} dtype_rules[HB_OPS] = {
#define OP(ID, name, from, to, shape, gradient, lowering, code) {TAKES_##code, GIVES_##code},
#include "ops.def"
#undef OP
};

static hebb_status check_dtype(hb_op op, hebb_dtype dtype, hb_error *error) {
    switch (dtype_rules[op].takes) {
    case TAKES_R: return hb_want_floating(dtype, error);
    case TAKES_N: return hb_want_numeric(dtype, error);
    case TAKES_I:
        if (!hb_floating(dtype) && dtype != HEBB_BOOL) return HEBB_OK;
        return hb_fail(error, HEBB_E_DTYPE, "%s is no integer", hebb_dtype_name(dtype));
    case TAKES_W:
        if (!hb_floating(dtype)) return HEBB_OK;
        return hb_fail(error, HEBB_E_DTYPE, "%s is neither an integer nor bool",
                       hebb_dtype_name(dtype));
    case TAKES_B:
        if (dtype == HEBB_BOOL) return HEBB_OK;
        return hb_fail(error, HEBB_E_DTYPE, "%s is not bool", hebb_dtype_name(dtype));
    default: return HEBB_OK;
    }
}

RULE(elementwise) {
    TRY(hb_same_dtype(in, n_in, error));
    TRY(check_dtype(op, in[0].dtype, error));
    result->dtype = dtype_rules[op].gives == GIVES_B ? HEBB_BOOL : in[0].dtype;
    result->shape = in[0].shape;
    return n_in == 2 ? hb_broadcast_shapes(in[0].shape, in[1].shape, &result->shape, error)
                     : HEBB_OK;
}

RULE(select) {
    if (in[0].dtype != HEBB_BOOL)
        return hb_fail(error, HEBB_E_DTYPE, "the condition is %s, not bool",
                       hebb_dtype_name(in[0].dtype));
    TRY(hb_same_dtype(in + 1, 2, error));
    result->dtype = in[1].dtype;
    TRY(hb_broadcast_shapes(in[1].shape, in[2].shape, &result->shape, error));
    return hb_broadcast_shapes(in[0].shape, result->shape, &result->shape, error);
}

RULE(cast) {
    *result = (hb_signature){attrs->dtype, in[0].shape};
    return valid_dtype(attrs->dtype, error);
}

RULE(same) {
    *result = in[0];
    return HEBB_OK;
}

/* ---- reductions ---- */

RULE(reduce) {
    const bool truth = op == HB_OP_ANY || op == HB_OP_ALL;
    if (truth && in[0].dtype != HEBB_BOOL)
        return hb_fail(error, HEBB_E_DTYPE, "%s is not bool", hebb_dtype_name(in[0].dtype));
    if (!truth) TRY(hb_want_numeric(in[0].dtype, error));
    TRY(hb_check_axes(attrs, in[0].shape.rank, error));
    bool reduced[HEBB_MAX_RANK];
    hb_reduced_axes(attrs, in[0].shape.rank, reduced);
    *result = (hb_signature){in[0].dtype, {.rank = 0}};
    for (int k = 0; k < in[0].shape.rank; k++)
        if (!reduced[k] || attrs->keep)
            result->shape.dim[result->shape.rank++] = reduced[k] ? 1 : in[0].shape.dim[k];
    return HEBB_OK;
}

RULE(sum_like) {
    TRY(hb_want_numeric(in[0].dtype, error));
    *result = (hb_signature){in[0].dtype, in[1].shape};
    hebb_shape x = in[0].shape;
    return hb_broadcasts_to(in[1].shape, &x, error);
}

/* ---- linear algebra and indexing ---- */

RULE(matmul) {
    TRY(hb_same_dtype(in, 2, error));
    TRY(hb_want_floating(in[0].dtype, error));
    hebb_shape a = in[0].shape, b = in[1].shape;
    if (a.rank < 2 || b.rank < 2)
        return hb_fail(error, HEBB_E_SHAPE, "both ranks must be 2 or more");
    int64_t ka = a.dim[a.rank - 1], kb = b.dim[b.rank - 2], m = a.dim[a.rank - 2],
            n = b.dim[b.rank - 1];
    if (!fits(ka, kb))
        return hb_fail(error, HEBB_E_SHAPE, "the inner sizes %" PRId64 " and %" PRId64 " differ",
                       ka, kb);
    a.rank -= 2;
    b.rank -= 2;
    result->dtype = in[0].dtype;
    TRY(hb_broadcast_shapes(a, b, &result->shape, error));
    result->shape.dim[result->shape.rank++] = m;
    result->shape.dim[result->shape.rank++] = n;
    return HEBB_OK;
}

/* indices' shape, then x's without its first size. */
static hebb_status rows_shape(hebb_shape x, hebb_shape indices, hebb_shape *rows, hb_error *error) {
    if (x.rank < 1) return hb_fail(error, HEBB_E_SHAPE, "a scalar has no rows");
    if (x.rank - 1 + indices.rank > HEBB_MAX_RANK)
        return hb_fail(error, HEBB_E_SHAPE, "the rank would pass %d", HEBB_MAX_RANK);
    *rows = indices;
    for (int k = 1; k < x.rank; k++) rows->dim[rows->rank++] = x.dim[k];
    return HEBB_OK;
}

RULE(gather) {
    TRY(hb_want_index(in[1].dtype, error));
    result->dtype = in[0].dtype;
    return rows_shape(in[0].shape, in[1].shape, &result->shape, error);
}

RULE(scatter_add) {
    TRY(hb_want_index(in[1].dtype, error));
    if (in[0].dtype != in[2].dtype)
        return hb_fail(error, HEBB_E_DTYPE, "dtypes %s and %s differ", hebb_dtype_name(in[0].dtype),
                       hebb_dtype_name(in[2].dtype));
    if (op == HB_OP_SCATTER_ADD) TRY(hb_want_numeric(in[0].dtype, error));
    hebb_shape rows;
    TRY(rows_shape(in[0].shape, in[1].shape, &rows, error));
    bool same = rows.rank == in[2].shape.rank;
    for (int k = 0; same && k < rows.rank; k++) same = fits(rows.dim[k], in[2].shape.dim[k]);
    char sr[160];
    if (!same)
        return hb_fail(error, HEBB_E_SHAPE, "the rows %s must be %s",
                       op == HB_OP_SCATTER_ADD ? "added" : "set",
                       hebb_shape_text(rows, sr, sizeof sr));
    *result = in[0];
    return HEBB_OK;
}

/* ---- the rest ---- */

RULE(assign) {
    char sv[160], sx[160];
    TRY(hb_same_dtype(in, 2, error));
    *result = in[0];
    bool same = in[0].shape.rank == in[1].shape.rank;
    for (int k = 0; same && k < in[0].shape.rank; k++)
        same = fits(in[0].shape.dim[k], in[1].shape.dim[k]);
    if (same) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "a variable of shape %s cannot become %s",
                   hebb_shape_text(in[0].shape, sv, sizeof sv),
                   hebb_shape_text(in[1].shape, sx, sizeof sx));
}

RULE(group) {
    *result = (hb_signature){HEBB_F32, {.rank = -1}};
    return HEBB_OK;
}

hebb_status hb_infer(hb_op op, const hb_attrs *attrs, const hb_signature *in, int n_in,
                     hb_signature *result, hb_error *error) {
    static const struct {
        hebb_status (*rule)(hb_op, const hb_attrs *, const hb_signature *, int, hb_signature *,
                            hb_error *);
        int from, to;
    } rules[HB_OPS] = {
#define OP(ID, name, from, to, shape, gradient, lowering, code) {infer_##shape, from, to},
#include "ops.def"
#undef OP
    };
    if (n_in < rules[op].from || n_in > rules[op].to)
        return hb_fail(error, HEBB_E_ARGUMENT, "%d operands where %d to %d are wanted", n_in,
                       rules[op].from, rules[op].to);
    TRY(rules[op].rule(op, attrs, in, n_in, result, error));
    return op == HB_OP_GROUP || op == HB_OP_SCAN ? HEBB_OK
                                                 : hb_valid_shape(result->shape, true, error);
}
