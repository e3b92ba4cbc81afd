/* What instructions cost on processors, as backends weigh them against memory and against starting
   threads: relative to an addition. (What the executor counts as FLOPs is in ir.c.) */
#ifndef HB_COSTS_H
#define HB_COSTS_H

#include "step.h"

static inline int hb_instr_cost(hb_code code) {
    static const uint8_t costs[HB_CODES] = {
#define SCALAR(CODE, name, arity, types, result, cost) [HB_##CODE] = cost,
#include "../../kernels/scalar.def"
#undef SCALAR
        [HB_BITS] = 40, [HB_UNIFORM] = 40, [HB_NORMAL] = 80, [HB_USER] = 60, /* who knows */
    };
    return costs[code];
}

#endif
