/* See half.h. */
#include <math.h>

#include "half.h"

typedef struct format {
    int fraction; /* bits */
    int lowest;   /* exponent of the smallest normal number */
    double largest;
} format;

static format format_of(hebb_dtype dtype) {
    if (dtype == HEBB_F16) return (format){10, -14, 65504};
    return (format){7, -126, 0x1.FEp127};
}

bool is_half(hebb_dtype dtype) { return dtype == HEBB_F16 || dtype == HEBB_BF16; }
double half_epsilon(hebb_dtype dtype) { return ldexp(1, -format_of(dtype).fraction); }
double half_smallest(hebb_dtype dtype) { return ldexp(1, format_of(dtype).lowest); }
double half_largest(hebb_dtype dtype) { return format_of(dtype).largest; }

double half_round(double x, hebb_dtype dtype) {
    const format f = format_of(dtype);
    int exponent;
    if (!isfinite(x) || x == 0) return x;
    frexp(x, &exponent); /* |x| in [2^(exponent - 1), 2^exponent) */
    if (exponent - 1 < f.lowest) exponent = f.lowest + 1;
    const double unit = ldexp(1, exponent - 1 - f.fraction);
    const double rounded = nearbyint(x / unit) * unit;
    return fabs(rounded) > f.largest ? copysign(INFINITY, x) : rounded;
}

double half_value(uint16_t bits, hebb_dtype dtype) {
    const format f = format_of(dtype);
    const int fraction = bits & ((1 << f.fraction) - 1);
    const int exponent = (bits & 0x7FFF) >> f.fraction, last = 0x7FFF >> f.fraction;
    double x;
    if (exponent == last) x = fraction != 0 ? NAN : INFINITY;
    else if (exponent == 0) x = ldexp(fraction, f.lowest - f.fraction);
    else x = ldexp(fraction + (1 << f.fraction), f.lowest + exponent - 1 - f.fraction);
    return copysign(x, bits & 0x8000 ? -1 : 1);
}

uint16_t half_bits(double x, hebb_dtype dtype) {
    const format f = format_of(dtype);
    const int sign = signbit(x) ? 0x8000 : 0, last = 0x7FFF >> f.fraction;
    const double y = fabs(half_round(x, dtype));
    int exponent;
    if (isnan(x)) return (uint16_t)(sign | last << f.fraction | 1 << (f.fraction - 1));
    if (isinf(y)) return (uint16_t)(sign | last << f.fraction);
    frexp(y, &exponent);
    if (y < ldexp(1, f.lowest)) return (uint16_t)(sign | (int)ldexp(y, f.fraction - f.lowest));
    const int fraction = (int)ldexp(y, f.fraction - (exponent - 1)) - (1 << f.fraction);
    return (uint16_t)(sign | (exponent - f.lowest) << f.fraction | fraction);
}
