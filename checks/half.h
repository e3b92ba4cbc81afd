/* f16 and bf16 as the checks see them: decoded and rounded in double, by their definition. Shares
   nothing with the library. */
#ifndef CHECKS_HALF_H
#define CHECKS_HALF_H

#include <hebb/base.h>

bool is_half(hebb_dtype dtype);
/* The nearest number of the dtype, ties to even: of the numbers that it has, or infinity. */
double half_round(double x, hebb_dtype dtype);
/* The number that a bit pattern stands for. */
double half_value(uint16_t bits, hebb_dtype dtype);
/* The bit pattern of the nearest number. */
uint16_t half_bits(double x, hebb_dtype dtype);

/* The distance from 1 to the next number, the smallest normal one, the largest finite one. */
double half_epsilon(hebb_dtype dtype);
double half_smallest(hebb_dtype dtype);
double half_largest(hebb_dtype dtype);

#endif
