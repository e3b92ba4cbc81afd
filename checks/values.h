/* Arrays of the tests' own: float64 for floating dtypes, int64 for the others, always contiguous.
   References compute with them, generators fill them, and one function compares them with what the
   library gave. Nothing here calls the library but for hebb_array and hebb_shape. */
#ifndef CHECKS_VALUES_H
#define CHECKS_VALUES_H

#include <hebb/array.h>

/* ---- memory that lives until the test process ends: tests do not free what they compare ---- */
void *test_memory(size_t bytes);

/* ---- random numbers: splitmix64 ---- */
typedef struct rng {
    uint64_t state;
} rng;
uint64_t rng_next(rng *r);
int64_t rng_below(rng *r, int64_t n);
double rng_real(rng *r, double low, double high);

/* ---- values ---- */
typedef union scalar {
    double f;  /* f32, f64, f16, bf16 */
    int64_t i; /* i32, i64, u8, i8, bool */
} scalar;

typedef struct values {
    hebb_dtype dtype;
    hebb_shape shape;
    int64_t count;
    scalar *at;
    double *scale; /* NULL, or per element the magnitude that an error is relative to */
} values;

bool is_floating(hebb_dtype dtype);
values values_make(hebb_dtype dtype, hebb_shape shape); /* zeros */
/* The element as the dtype holds it: rounded, wrapped around, or 0 and 1. */
scalar scalar_held(scalar x, hebb_dtype dtype);
double scalar_real(scalar x, hebb_dtype dtype);
scalar scalar_from_real(double x, hebb_dtype dtype);

/* The ends of an integer dtype's range. */
int64_t integer_lowest(hebb_dtype dtype);
int64_t integer_highest(hebb_dtype dtype);

/* The values as a host array; both copy. */
hebb_array values_to_array(const values *v);
values values_from_array(const hebb_array *array);
/* The same numbers in another dtype. */
values values_cast(const values *v, hebb_dtype dtype);

/* ---- index arithmetic ---- */
/* Coordinates of row-major element `index`. */
void index_split(int64_t index, hebb_shape shape, int64_t *at);
int64_t index_join(const int64_t *at, hebb_shape shape);
/* The shape that both stretch to; the caller knows that they fit. */
hebb_shape broadcast_shapes(hebb_shape a, hebb_shape b);
/* Element of an array of shape `from` that element `index` of the stretched shape `to` reads. */
int64_t broadcast_index(int64_t index, hebb_shape to, hebb_shape from);

/* ---- what numbers an operand is filled with ---- */
typedef enum domain {
    REALS,     /* -2 to 2 */
    POSITIVE,  /* 0.3 to 3 */
    NONZERO,   /* 0.3 to 2 with either sign: away from a kink or pole at 0 */
    DISTINCT,  /* no two alike, nor like those of another operand: for max, min and comparisons */
    INSIDE,    /* -0.9 to 0.9 */
    BEYOND,    /* 1.2 to 4 */
    HALVES,    /* -4 to 4 in steps of a half: ties of rounding */
    OFF_GRID,  /* 0.2 to 0.8 beyond an integer: away from the steps of floor */
    SMALL,     /* whole numbers -3 to 3: full of ties */
    TAILS,     /* -1e4 to 1e4, denser around 0 */
    SPECIAL,   /* infinities, NaN, signed zeros, denormals, the largest numbers */
    NONFINITE, /* infinities and NaN among small whole numbers */
    EXTREME,   /* integers at the ends of their range, and around 0 */
    TRUTH,     /* 0 and 1 */
    INDICES,   /* -2 to limit + 1: some out of range */
    LABELS,    /* 0 to limit - 1 */
} domain;
/* `number` tells operands of one sample apart. */
void values_fill(values *v, domain d, int64_t limit, int number, rng *r);

/* ---- comparison ---- */
typedef struct tolerance {
    double relative, absolute;
} tolerance;
/* Whether |got - expected| <= absolute + relative * max(|expected|, scale) for every element; NaN
   equals only NaN, infinity only itself, integers must be the same, and so must dtype and shape.
   `why` gets the first element that differs and how many do. */
bool values_match(const values *expected, const hebb_array *got, tolerance t, char *why,
                  size_t size);

#endif
