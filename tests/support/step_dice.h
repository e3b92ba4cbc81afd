/* Chance for random steps: numbers that follow from a seed. */
#ifndef HB_STEP_DICE_H
#define HB_STEP_DICE_H

#include <stdbool.h>
#include <stdint.h>

#include <hebb/base.h>

typedef struct dice {
    uint64_t state;
} dice;

static inline uint64_t dice_next(dice *d) { /* splitmix64 */
    uint64_t z = (d->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* In 0...n-1. */
static inline int64_t dice_below(dice *d, int64_t n) {
    return (int64_t)(dice_next(d) % (uint64_t)n);
}
static inline bool dice_one_in(dice *d, int64_t n) { return dice_below(d, n) == 0; }
static inline bool dice_chance(dice *d, double p) {
    return (double)(dice_next(d) >> 11) * 0x1p-53 < p;
}

/* Half of them HEBB_F32; HEBB_F64 only if `f64`. */
static inline hebb_dtype dice_dtype(dice *d, bool f64) {
    if (dice_chance(d, 0.5)) return HEBB_F32;
    const hebb_dtype dtype = (hebb_dtype)dice_below(d, HEBB_DTYPES);
    return dtype == HEBB_F64 && !f64 ? HEBB_F32 : dtype;
}

#endif
