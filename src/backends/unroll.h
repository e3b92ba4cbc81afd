/* LOOPs without their small dimensions: what backends share in preparing them. */
#ifndef HB_UNROLL_H
#define HB_UNROLL_H

#include "../base/error.h"
#include "step.h"

/* Whether the loop can do without the dimensions that are marked: those that it reduces among them,
   not too many points, and nothing that cannot be combined by an instruction. */
bool hb_can_unroll(const hb_loop *loop, const bool *small);
/* The loop without those dimensions and without reductions. It owns its operands and instructions;
   freed with hb_unrolled_free(). */
hebb_status hb_unroll(const hb_loop *loop, const bool *small, hb_loop *unrolled, hb_error *error);
void hb_unrolled_free(hb_loop *unrolled);

#endif
