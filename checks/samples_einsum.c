/* Descriptors of dot, outer and einsum (hebb/einsum.h): see samples.h. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "samples.h"

/* ---- the reference: every combination of all indices, one after the other ---- */

enum { MOST_AXES = 16 };

/* One term: for each axis of the operand a character; axes under "..." are '0', '1', ... counted
   from the last. */
typedef struct names {
    int n;
    char at[MOST_AXES];
} names;

static names read_term(const char **f, int rank) {
    const char *end = *f + strcspn(*f, ",-");
    names t = {0};
    int letters = 0;
    for (const char *c = *f; c < end; c++) letters += isalpha((unsigned char)*c) != 0;
    for (const char *c = *f; c < end; c++) {
        if (isalpha((unsigned char)*c)) t.at[t.n++] = *c;
        if (*c != '.') continue;
        for (int k = rank - letters; k > 0; k--) t.at[t.n++] = (char)('0' + k - 1);
        c += 2;
    }
    *f = *end == ',' ? end + 1 : end;
    return t;
}

static names default_result(const names *in, int n_in, int dots) {
    names t = {0};
    for (int k = dots; k > 0; k--) t.at[t.n++] = (char)('0' + k - 1);
    for (int c = 'A'; c <= 'z'; c++) {
        int times = 0;
        for (int k = 0; k < n_in; k++)
            for (int i = 0; i < in[k].n; i++) times += in[k].at[i] == c;
        if (times == 1) t.at[t.n++] = (char)c;
    }
    return t;
}

static int64_t element(const names *t, hebb_shape shape, const int64_t *index) {
    int64_t at = 0;
    for (int k = 0; k < t->n; k++)
        at = at * shape.dim[k] + (shape.dim[k] == 1 ? 0 : index[(int)t->at[k]]);
    return at;
}

static void add_product(values *y, int64_t to, const values *in, const names *t, int n_in,
                        const int64_t *index) {
    const scalar a = in[0].at[element(&t[0], in[0].shape, index)];
    const scalar b =
        n_in > 1 ? in[1].at[element(&t[1], in[1].shape, index)] : scalar_from_real(1, y->dtype);
    if (is_floating(y->dtype)) {
        y->at[to].f += a.f * b.f;
        y->scale[to] += fabs(a.f * b.f);
    } else y->at[to].i = (int64_t)((uint64_t)y->at[to].i + (uint64_t)a.i * (uint64_t)b.i);
}

static values reference_einsum(const descriptor *d, const values *in, const params *p) {
    const char *f = p->formula;
    const int n_in = strchr(f, ',') != NULL ? 2 : 1;
    int64_t size[128] = {0}, index[128] = {0}, total = 1;
    names t[2], out;
    int dots = 0;
    for (int k = 0; k < n_in; k++) {
        t[k] = read_term(&f, in[k].shape.rank);
        for (int i = 0; i < t[k].n; i++) {
            int64_t *s = &size[(int)t[k].at[i]];
            *s = in[k].shape.dim[i] == 1 && *s > 0 ? *s : in[k].shape.dim[i];
            if (isdigit((unsigned char)t[k].at[i]) && t[k].at[i] - '0' >= dots)
                dots = t[k].at[i] - '0' + 1;
        }
    }
    if (*f == '-') {
        int letters = 0;
        f += 2;
        for (const char *c = f; *c != 0; c++) letters += isalpha((unsigned char)*c) != 0;
        out = read_term(&f, letters + dots);
    } else out = default_result(t, n_in, dots);
    hebb_shape shape = {.rank = out.n};
    for (int k = 0; k < out.n; k++) shape.dim[k] = size[(int)out.at[k]];
    values y = values_make(in[0].dtype, shape);
    y.scale = test_memory((size_t)y.count * sizeof *y.scale);
    bool used[128] = {0};
    for (int k = 0; k < n_in; k++)
        for (int i = 0; i < t[k].n; i++) used[(int)t[k].at[i]] = true;
    for (int c = 0; c < 128; c++)
        if (used[c]) total *= size[c];
    for (int64_t i = 0; i < total; i++) {
        int64_t rest = i;
        for (int c = 0; c < 128; c++)
            if (used[c]) {
                index[c] = rest % size[c];
                rest /= size[c];
            }
        add_product(&y, element(&out, shape, index), in, t, n_in, index);
    }
    for (int64_t i = 0; i < y.count; i++) y.at[i] = scalar_held(y.at[i], y.dtype);
    return y;
}

static values reference_dot(const descriptor *d, const values *in, const params *p) {
    const params inner = {.formula = "i,i->"};
    return reference_einsum(d, in, &inner);
}

static values reference_outer(const descriptor *d, const values *in, const params *p) {
    hebb_shape shape = in[0].shape;
    for (int k = 0; k < in[1].shape.rank; k++) shape.dim[shape.rank++] = in[1].shape.dim[k];
    values y = values_make(in[0].dtype, shape);
    for (int64_t i = 0; i < y.count; i++) {
        const scalar a = in[0].at[i / in[1].count], b = in[1].at[i % in[1].count];
        if (is_floating(y.dtype)) y.at[i].f = a.f * b.f;
        else y.at[i] = scalar_held((scalar){.i = a.i * b.i}, y.dtype);
    }
    return y;
}

/* ---- builders ---- */

static hebb_tensor *build_einsum(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    return hebb_einsum(p->formula, in[0], in[1]);
}
static hebb_tensor *build_dot(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    return hebb_dot(in[0], in[1]);
}
static hebb_tensor *build_outer(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    return hebb_outer(in[0], in[1]);
}

/* ---- samples ---- */

#define X(...)                                                                                     \
    { .shape = DIMS(__VA_ARGS__) }
#define VIEWED(VIEW, ...)                                                                          \
    { .shape = DIMS(__VA_ARGS__), .view = VIEW }
#define ONE(FORMULA, A)    .n_in = 1, .in = {A}, .p.formula = FORMULA
#define TWO(FORMULA, A, B) .n_in = 2, .in = {A, B}, .p.formula = FORMULA
static const sample einsum_samples[] = {
    {TWO("bij,bjk->bik", X(2, 3, 4), X(2, 4, 2))},
    {TWO("ij,jk", X(3, 4), X(4, 2))},
    {TWO("ij,kj->ki", X(3, 4), X(2, 4))},
    {TWO("ba,ac", X(3, 4), X(4, 2))},
    {TWO("i,i->", X(5), X(5))},
    {TWO("i,i", X(5), X(5))},
    {TWO("i,j->ij", X(3), X(4))},
    {TWO("i,j->ji", X(3), X(4))},
    {TWO("ij,j->i", X(3, 4), X(4))},
    {TWO("j,ij->i", X(4), X(3, 4))},
    {TWO("bi,bi->b", X(3, 4), X(3, 4))},
    {TWO("ij,ij->ij", X(3, 4), X(3, 4))},
    {TWO("abk,kcd->abcd", X(2, 3, 4), X(4, 2, 2))},
    {TWO("abk,kcd->dacb", X(2, 3, 4), X(4, 2, 2))},
    {TWO("abkl,lkc->bca", X(2, 3, 4, 2), X(2, 4, 2))},
    {TWO("bhqd,bhkd->bhqk", X(2, 2, 3, 4), X(2, 2, 3, 4))},
    {TWO("...ij,...jk->...ik", X(2, 3, 4), X(4, 2))},
    {TWO("...ij,...jk", X(2, 1, 3, 4), X(3, 4, 2))},
    {TWO("...i,...i->...", X(2, 3, 4), X(2, 3, 4))},
    {TWO("i...,i...->...", X(4, 2, 3), X(4, 1, 3))},
    {TWO("iij,jk->ik", X(3, 3, 4), X(4, 2))},
    {TWO("aij,jb->i", X(2, 3, 4), X(4, 2))},
    {TWO("ij,jk->", X(3, 4), X(4, 2))},
    {TWO(" b i j , b j k -> b i k ", X(2, 3, 4), X(2, 4, 2))},
    {ONE("ij->ji", X(3, 4))},
    {ONE("ij->", X(3, 4))},
    {ONE("ij->j", X(3, 4))},
    {ONE("ii", X(4, 4))},
    {ONE("ii->i", X(4, 4))},
    {ONE("iji->j", X(3, 2, 3))},
    {ONE("iii->i", X(3, 3, 3))},
    {ONE("...ij->...ji", X(2, 3, 4))},
    {ONE("ba", X(3, 4))},
    {ONE("...->...", X(3, 4))},
    {ONE("i...->...", X(3, 4, 2))},
    {ONE("...i->i...", X(3, 4, 2))},
    {ONE("ij->ij", X(3, 0))},
    {TWO("ij,jk->ik", X(3, 0), X(0, 2))},
    {TWO("ij,jk->ik", X(HEBB_ANY, 4), X(4, 2))},
    {TWO("bij,bjk->bik", X(HEBB_ANY, 3, 4), X(HEBB_ANY, 4, 2))},
    {TWO("bik,kcd->bicd", X(HEBB_ANY, 3, 4), X(4, 2, 2))},
    {TWO("bik,bkl->il", X(HEBB_ANY, 3, 4), X(HEBB_ANY, 4, 2))},
    {TWO("...d,dh->...h", X(HEBB_ANY, 3, 4), X(4, 2))},
    {ONE("bij->bji", X(HEBB_ANY, 3, 4))},
    {TWO("ij,jk->ik", VIEWED(TRANSPOSED, 4, 6), VIEWED(SLICED, 6, 4))},
    {TWO("ij,jk->ik", VIEWED(FLIPPED, 4, 6), VIEWED(STRETCHED, 6, 4))},
    {TWO("bij,kj->bik", X(7, 33, 65), X(31, 65))},
};
static const sample dot_samples[] = {
    {.n_in = 2, .in = {X(5), X(5)}},
    {.n_in = 2, .in = {X(1), X(1)}},
    {.n_in = 2, .in = {X(0), X(0)}},
    {.n_in = 2, .in = {X(HEBB_ANY), X(HEBB_ANY)}},
    {.n_in = 2, .in = {VIEWED(FLIPPED, 6), VIEWED(SLICED, 6)}},
    {.n_in = 2, .in = {X(10007), X(10007)}},
};
static const sample outer_samples[] = {
    {.n_in = 2, .in = {X(3), X(4)}},
    {.n_in = 2, .in = {X(2, 3), X(4)}},
    {.n_in = 2, .in = {{.shape = DIMS0}, X(4)}},
    {.n_in = 2, .in = {X(3), {.shape = DIMS0}}},
    {.n_in = 2, .in = {X(0), X(4)}},
    {.n_in = 2, .in = {X(HEBB_ANY), X(2, 2)}},
    {.n_in = 2, .in = {VIEWED(TRANSPOSED, 3, 4), VIEWED(SLICED, 6)}},
    {.n_in = 2, .in = {X(301), X(67)}},
};

/* ---- error samples ---- */

#define FAILS(E, WORDS) .status = HEBB_E_##E, .message = WORDS
static const error_sample einsum_errors[] = {
    {ONE("i1", X(2, 3)), FAILS(ARGUMENT, "einsum \"i1\", at 1: not a letter")},
    {ONE("i..", X(2, 3)), FAILS(ARGUMENT, "at 1: an ellipsis has three dots")},
    {ONE("...i...", X(2, 3)), FAILS(ARGUMENT, "at 4: a second ellipsis")},
    {ONE("ij,jk", X(2, 3)), FAILS(ARGUMENT, "at 2: there are more terms than operands")},
    {TWO("ij", X(2, 3), X(2)), FAILS(ARGUMENT, "at 2: there are two operands, and one term")},
    {ONE("ij-ji", X(2, 3)), FAILS(ARGUMENT, "at 2: an arrow is ->")},
    {ONE("ij->ji,", X(2, 3)), FAILS(ARGUMENT, "at 6: what the result has ends here")},
    {ONE("ij->ijj", X(2, 3)), FAILS(ARGUMENT, "at 4: the result names an axis twice")},
    {ONE("ij->ik", X(2, 3)), FAILS(ARGUMENT, "the result has an axis that no operand has")},
    {ONE("...i->i", X(2, 3)), FAILS(ARGUMENT, "the result must have the ellipsis, too")},
    {ONE("ijk", X(2, 3)), FAILS(SHAPE, "at 0: the term names 3 axes, and the operand is [2, 3]")},
    {TWO("ij,j", X(2, 3), X(2, 3)), FAILS(SHAPE, "at 3: the term names 1 axes")},
    {TWO("ij,jk", X(2, 3), X(4, 2)), FAILS(SHAPE, "at 3: axis 0 of [4, 2] is 4")},
    {ONE("ii", X(2, 3)), FAILS(SHAPE, "at 0: axis 1 of [2, 3] is 3")},
    {ONE("ij", X(2, 3)), .dtype = HEBB_BOOL, FAILS(DTYPE, "operands are numeric, of one dtype")},
};
static const error_sample dot_errors[] = {
    {.n_in = 2, .in = {X(2, 3), X(3)}, FAILS(SHAPE, "are 2 and 1, not 1")},
    {.n_in = 2, .in = {X(3), X(1)}, FAILS(SHAPE, "the shapes [1] and [3] differ")},
    {.n_in = 2, .in = {X(3), X(3)}, .dtype = HEBB_BOOL, FAILS(DTYPE, "bool is not numeric")},
};
static const error_sample outer_errors[] = {
    {.n_in = 2, .in = {X(3), {.shape = DIMS(3), .dtype = HEBB_I32}}, FAILS(DTYPE, "differ")},
    {.n_in = 2, .in = {X(1, 1, 1, 1, 1), X(1, 1, 1, 1)}, FAILS(SHAPE, "the rank would pass 8")},
};

/* ---- the table ---- */

#define ROW(NAME, OP)                                                                              \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_##NAME, .arity = 2,     \
    .extra = NAME##_samples, .n_extra = COUNT(NAME##_samples), ERRORS(NAME##_errors),              \
    .dtypes = TAKES_INTEGERS, .differentiable = true
#define SUMS .f32 = {3e-6, 1.2e-38}, .reason = "products are summed in float32"

static const descriptor table[] = {
    {ROW(einsum, NULL), SUMS},
    {ROW(dot, "sum"), SUMS},
    {ROW(outer, "mul")},
};

const descriptor_table einsum_table = {table, COUNT(table)};
