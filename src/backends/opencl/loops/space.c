/* The index space of a LOOP made simple, so that most elementwise steps become one contiguous
   dimension. Called by loop.c and, for merging dimensions alone, by the GEMM solvers. */
#include <stdlib.h>
#include <string.h>

#include "../opencl.h"

/* Sums are formed in 64 bits; a margin is left for ranges that are rounded up. */
bool hb_cl_is_wide(const hb_operand *operand, int rank, const int64_t *dim) {
    const int64_t limit = INT32_MAX - (1 << 20);
    int64_t low = operand->offset, high = operand->offset, count = 1;
    for (int k = 0; k < rank; k++) {
        if (dim[k] == 0) return false;
        int64_t reach = operand->stride[k] * (dim[k] - 1);
        if (reach < 0) low += reach;
        else high += reach;
        count *= dim[k];
        if (operand->stride[k] > limit || operand->stride[k] < -limit) return true;
    }
    return low < -limit || high > limit || count > limit;
}

/* ---- operands ---- */

static int n_operands(const hb_loop *loop) { return loop->n_in + loop->n_out; }

static hb_operand *operand_at(hb_loop *loop, int k) {
    return k < loop->n_in ? &loop->in[k] : &loop->out[k - loop->n_in].to;
}

static bool copy_operands(hb_loop *to, const hb_loop *from) {
    to->in = calloc((size_t)from->n_in + 1, sizeof *to->in);
    to->out = calloc((size_t)from->n_out + 1, sizeof *to->out);
    if (to->in == NULL || to->out == NULL) return false;
    if (from->n_in > 0) memcpy(to->in, from->in, (size_t)from->n_in * sizeof *to->in);
    if (from->n_out > 0) memcpy(to->out, from->out, (size_t)from->n_out * sizeof *to->out);
    return true;
}

/* Makes dimension k of the result be dimension order[k] of the source, for all k < rank. */
static void permute(hb_loop *loop, const int *order, int rank) {
    hb_loop old = *loop;
    for (int k = 0; k < rank; k++) {
        loop->dim[k] = old.dim[order[k]];
        loop->reduce[k] = old.reduce[order[k]];
    }
    for (int n = 0; n < n_operands(loop); n++) {
        hb_operand *operand = operand_at(loop, n);
        hb_operand before = *operand;
        for (int k = 0; k < rank; k++) operand->stride[k] = before.stride[order[k]];
    }
    loop->rank = rank;
}

static void order_dims(hb_cl_space *space) {
    int order[HEBB_MAX_RANK], n = 0;
    const hb_loop *loop = &space->loop;
    for (int k = 0; k < loop->rank; k++)
        if (loop->dim[k] != 1 && !loop->reduce[k]) order[n++] = k;
    space->n_kept = n;
    for (int k = 0; k < loop->rank; k++)
        if (loop->dim[k] != 1 && loop->reduce[k]) order[n++] = k;
    space->n_reduced = n - space->n_kept;
    permute(&space->loop, order, n);
}

/* ---- merging ---- */

static bool mergeable(const int64_t *dim, hb_operand *const *operands, int n, int k) {
    for (int i = 0; i < n; i++)
        if (operands[i]->stride[k] != operands[i]->stride[k + 1] * dim[k + 1]) return false;
    return true;
}

static void merge_pair(int64_t *dim, hb_operand *const *operands, int n, int k, int rank) {
    dim[k] *= dim[k + 1];
    for (int d = k + 1; d + 1 < rank; d++) dim[d] = dim[d + 1];
    for (int i = 0; i < n; i++) {
        int64_t *stride = operands[i]->stride;
        for (int d = k; d + 1 < rank; d++) stride[d] = stride[d + 1];
        stride[rank - 1] = 0;
    }
}

void hb_cl_merge(int64_t *dim, hb_operand *const *operands, int n, int from, int *to, int *rank) {
    for (int k = from; k + 1 < *to;) {
        if (!mergeable(dim, operands, n, k)) {
            k++;
            continue;
        }
        merge_pair(dim, operands, n, k, *rank);
        (*to)--;
        (*rank)--;
    }
}

static bool merge(hb_cl_space *space) {
    hb_loop *loop = &space->loop;
    int n = n_operands(loop);
    hb_operand **operands = malloc(((size_t)n + 1) * sizeof *operands);
    if (operands == NULL) return false;
    for (int i = 0; i < n; i++) operands[i] = operand_at(loop, i);
    int to = loop->rank;
    hb_cl_merge(loop->dim, operands, n, space->n_kept, &to, &loop->rank);
    space->n_reduced = loop->rank - space->n_kept;
    hb_cl_merge(loop->dim, operands, n, 0, &space->n_kept, &loop->rank);
    for (int k = 0; k < loop->rank; k++) loop->reduce[k] = k >= space->n_kept;
    free(operands);
    return true;
}

/* ---- the lane dimension ---- */

/* The part of the points that have an element of their own: what a channel has once is read all
   over again by its points, but from the cache. */
static double share_of(const hb_loop *loop, const hb_operand *operand) {
    double share = 1;
    for (int k = 0; k < loop->rank; k++)
        if (operand->stride[k] == 0 && loop->dim[k] > 1) share /= (double)loop->dim[k];
    return share;
}

/* How well memory lies along a dimension: bytes that a contiguous run saves. */
static double contiguity(hb_loop *loop, int k) {
    double score = 0;
    for (int n = 0; n < n_operands(loop); n++) {
        const hb_operand *operand = operand_at(loop, n);
        if (operand->buffer == HB_BUFFER_INDEX) continue;
        double bytes = (double)hebb_dtype_size(operand->dtype) * share_of(loop, operand);
        if (operand->stride[k] == 1) score += 4 * bytes;
        else if (operand->stride[k] == 0) score += bytes;
    }
    return score * (loop->dim[k] >= 16 ? 4 : (loop->dim[k] >= 4 ? 2 : 1));
}

static void insert_unit(hb_loop *loop, int at) {
    for (int d = loop->rank; d > at; d--) {
        loop->dim[d] = loop->dim[d - 1];
        loop->reduce[d] = loop->reduce[d - 1];
    }
    for (int n = 0; n < n_operands(loop); n++) {
        int64_t *stride = operand_at(loop, n)->stride;
        for (int d = loop->rank; d > at; d--) stride[d] = stride[d - 1];
        stride[at] = 0;
    }
    loop->dim[at] = 1;
    loop->rank++;
}

/* There is always a dimension to be the lane: of size 1 if need be, kept or reduced. */
static void ensure_lane(hb_cl_space *space, bool reduces) {
    if (reduces ? space->n_reduced > 0 : space->n_kept > 0) return;
    insert_unit(&space->loop, space->loop.rank);
    space->loop.reduce[space->loop.rank - 1] = reduces;
    if (reduces) space->n_reduced = 1;
    else space->n_kept = 1;
}

static void choose_lane(hb_cl_space *space) {
    hb_loop *loop = &space->loop;
    int best = loop->rank - 1;
    for (int k = loop->rank - 2; k >= 0; k--)
        if (contiguity(loop, k) > contiguity(loop, best)) best = k;
    int order[HEBB_MAX_RANK], n = 0, end = best < space->n_kept ? space->n_kept : loop->rank;
    for (int k = 0; k < end; k++)
        if (k != best) order[n++] = k;
    order[n++] = best;
    for (int k = end; k < loop->rank; k++) order[n++] = k;
    permute(loop, order, n);
    space->lane = end - 1;
}

/* The dimension along which a large operand is contiguous whose elements along the lane are a line
   of memory or more from each other; -1 without one. */
static int across(hb_cl_space *space) {
    enum { LARGE = 65536, APART = 16, SIDE = 16 };
    hb_loop *loop = &space->loop;
    for (int n = 0; n < n_operands(loop); n++) {
        const hb_operand *operand = operand_at(loop, n);
        int64_t elements = 1;
        int along = -1;
        for (int k = 0; k < loop->rank; k++) {
            if (operand->stride[k] != 0) elements *= loop->dim[k];
            if (operand->stride[k] == 1 && loop->dim[k] >= SIDE) along = k;
        }
        if (operand->buffer >= 0 && along >= 0 && along != space->lane && elements >= LARGE &&
            llabs(operand->stride[space->lane]) >= APART)
            return along;
    }
    return -1;
}

bool hb_cl_space_lies_across(hb_cl_space *space) {
    if (space->n_reduced > 0) return false;
    const int along = across(space);
    int order[HEBB_MAX_RANK], n = 0;
    if (along < 0) return false;
    for (int k = 0; k < space->lane; k++)
        if (k != along) order[n++] = k;
    order[n++] = along;
    order[n++] = space->lane;
    permute(&space->loop, order, n);
    return true;
}

static int64_t product(const hb_loop *loop, int from, int to) {
    int64_t count = 1;
    for (int k = from; k < to; k++) count *= loop->dim[k];
    return count;
}

bool hb_cl_space_make(hb_cl_space *space, const hb_loop *loop) {
    memset(space, 0, sizeof *space);
    space->loop = *loop;
    bool reduces = hb_reduces(loop);
    if (!copy_operands(&space->loop, loop)) {
        hb_cl_space_free(space);
        return false;
    }
    order_dims(space);
    if (!merge(space)) {
        hb_cl_space_free(space);
        return false;
    }
    ensure_lane(space, reduces);
    choose_lane(space);
    space->kept = product(&space->loop, 0, space->n_kept);
    space->reduced = product(&space->loop, space->n_kept, space->loop.rank);
    for (int n = 0; n < n_operands(&space->loop); n++)
        if (hb_cl_is_wide(operand_at(&space->loop, n), space->loop.rank, space->loop.dim))
            space->wide = true;
    return true;
}

void hb_cl_space_free(hb_cl_space *space) {
    free(space->loop.in);
    free(space->loop.out);
    space->loop.in = NULL;
    space->loop.out = NULL;
}
