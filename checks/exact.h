/* Functions that C's library lacks, in float64, for references: slow, and by other formulas than
   kernels/scalar_special.h. */
#ifndef TESTS_EXACT_H
#define TESTS_EXACT_H

#include <stdint.h>

double exact_digamma(double x);
double exact_erfinv(double x);
/* Hurwitz' zeta function; NaN for q < -1e5 too, where the sum would be too long. */
double exact_zeta(double s, double q);
/* As Python has // and %. */
double exact_floor_div(double a, double b);
double exact_mod(double a, double b);
/* 0 for b = 0; the smallest integer by -1 is itself. */
int64_t exact_floor_div_whole(int64_t a, int64_t b);
int64_t exact_mod_whole(int64_t a, int64_t b);
/* For integers of that many bits: what is shifted out is lost, and all is if n is not in
   0...bits-1. */
int64_t exact_shift_left(int64_t a, int64_t n, int bits);
int64_t exact_shift_right(int64_t a, int64_t n, int bits);

#endif
