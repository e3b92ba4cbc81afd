/* Which small dimensions of a loop are better unrolled (../unroll.h). Called by loop.c when a loop
   is prepared. */
#include <string.h>

#include "../../unroll.h"
#include "program.h"

enum {
    SMALL = 4, /* sizes along which a loop without reductions is unrolled, */
    LONG = 8   /* if another one is at least so large */
};

/* Elements one after the other, or alike in all rows: nothing that short rows make slower. */
static bool is_simple(const hb_loop *loop, const hb_operand *o, int inner) {
    bool flat = true, periodic = true;
    int64_t next = 1;
    for (int k = loop->rank - 1; k >= 0; k--) {
        flat = flat && o->stride[k] == next;
        periodic = periodic && (k == inner || o->stride[k] == 0);
        next *= loop->dim[k];
    }
    return flat || periodic;
}

/* Without reductions: the small dimensions, if memory would be walked along one of them. Those
   outside of all larger ones, such as a small batch, only make tiles few. */
static bool short_rows(const hb_loop *loop, bool *small) {
    const hb_cpu_order order = hb_cpu_order_of(loop);
    const int inner = order.dim[order.rank - 1];
    int64_t longest = 0;
    bool simple = true;
    for (int i = 0; i < order.rank; i++) {
        const int k = order.dim[i];
        small[k] = longest > 0 && loop->dim[k] <= SMALL;
        if (loop->dim[k] > SMALL && loop->dim[k] > longest) longest = loop->dim[k];
    }
    for (int i = 0; i < loop->n_in; i++) simple = simple && is_simple(loop, &loop->in[i], inner);
    for (int i = 0; i < loop->n_out; i++)
        simple = simple && is_simple(loop, &loop->out[i].to, inner);
    return small[inner] && longest >= LONG && !simple;
}

bool hb_cpu_can_unroll(const hb_loop *loop, bool *small) {
    if (loop->rank == 0) return false;
    if (!hb_reduces(loop)) {
        if (loop->rank < 2 || !short_rows(loop, small)) return false;
    } else memcpy(small, loop->reduce, sizeof loop->reduce);
    return hb_can_unroll(loop, small);
}
