/* Chains: several instructions of a LOOP program in one pass over a tile. links.c writes a chain as
   direct threaded code for a machine with one accumulator, a strip of a few vectors in registers;
   chain_kernel.c, compiled once per instruction set, interprets its instructions, the links. For
   AVX-512, most chains are compiled instead (code/code.h), for whole strips of a row.

   A link works on the accumulator, called x here, and on a strip y of memory. All values are
   float32; truth values are 32 bits, all ones or none, and bytes of 0 or 1 in memory. */
#ifndef HB_CPU_CHAIN_KERNEL_H
#define HB_CPU_CHAIN_KERNEL_H

#include <stdint.h>

/* X(CODE, x from x and y), y being consecutive elements or, for CODE_ONE, one that is repeated. */
#define HB_CHAIN_BINARY(X)                                                                         \
    X(LOAD, y)                                                                                     \
    X(ADD, x + y)                                                                                  \
    X(SUB, x - y)                                                                                  \
    X(FROM, y - x)                                                                                 \
    X(MUL, x *y)                                                                                   \
    X(DIV, x / y)                                                                                  \
    X(INTO, y / x)                                                                                 \
    X(MAX, LARGER(x, y))                                                                           \
    X(MAX_OF, LARGER(y, x))                                                                        \
    X(MIN, SMALLER(x, y))                                                                          \
    X(MIN_OF, SMALLER(y, x))                                                                       \
    X(EQ, AS_FLOATS(x == y))                                                                       \
    X(NE, AS_FLOATS(x != y))                                                                       \
    X(LT, AS_FLOATS(x < y))                                                                        \
    X(LE, AS_FLOATS(x <= y))                                                                       \
    X(GT, AS_FLOATS(x > y))                                                                        \
    X(GE, AS_FLOATS(x >= y))                                                                       \
    X(AND, AS_FLOATS(AS_BITS(x) & AS_BITS(y)))                                                     \
    X(OR, AS_FLOATS(AS_BITS(x) | AS_BITS(y)))

/* X(CODE, x from x). */
#define HB_CHAIN_UNARY(X)                                                                          \
    X(NEG, -x)                                                                                     \
    X(ABS, AS_FLOATS(AS_BITS(x) & INT32_MAX))                                                      \
    X(NOT, AS_FLOATS(~AS_BITS(x)))                                                                 \
    X(TWICE, x + x)                                                                                \
    X(SQUARE, x *x)

/* X(CODE, function of kernels/scalar.h), x from x. Those most wanted; others are called. */
#define HB_CHAIN_MATH(X)                                                                           \
    X(SQRT, sqrt)                                                                                  \
    X(EXP, exp)                                                                                    \
    X(TANH, tanh)                                                                                  \
    X(SIGMOID, sigmoid)

/* X(CODE, x from x, y and the strip z of the link that follows). */
#define HB_CHAIN_TERNARY(X)                                                                        \
    X(IF, CHOOSE(AS_BITS(x), y, z))   /* x is the condition */                                     \
    X(THEN, CHOOSE(AS_BITS(y), x, z)) /* y is */                                                   \
    X(ELSE, CHOOSE(AS_BITS(y), z, x)) /* y is */

/* X(CODE, y from y and x): y is memory that gathers all strips; for CODE_ACROSS, one vector that
   gathers all vectors of all strips. */
#define HB_CHAIN_FOLD(X)                                                                           \
    X(SUM, y + x)                                                                                  \
    X(REDMAX, LARGER(y, x))                                                                        \
    X(REDMIN, SMALLER(y, x))                                                                       \
    X(PROD, y *x)

/* All codes, as HB_CHAIN_CODE(CODE), which whoever wants them defines. Of a ternary link, ONE: z is
   one element; OF_ONE: y is; OF_ONES: both are. */
#define HB_CHAIN_EACH_BINARY(CODE, expression) HB_CHAIN_CODE(CODE) HB_CHAIN_CODE(CODE##_ONE)
#define HB_CHAIN_EACH_UNARY(CODE, expression)  HB_CHAIN_CODE(CODE)
#define HB_CHAIN_EACH_FOLD(CODE, expression)   HB_CHAIN_CODE(CODE) HB_CHAIN_CODE(CODE##_ACROSS)
#define HB_CHAIN_EACH_TERNARY(CODE, expression)                                                    \
    HB_CHAIN_CODE(CODE)                                                                            \
    HB_CHAIN_CODE(CODE##_ONE) HB_CHAIN_CODE(CODE##_OF_ONE) HB_CHAIN_CODE(CODE##_OF_ONES)
#define HB_CHAIN_CODES                                                                             \
    HB_CHAIN_CODE(END)                                                                             \
    HB_CHAIN_BINARY(HB_CHAIN_EACH_BINARY)                                                          \
    HB_CHAIN_UNARY(HB_CHAIN_EACH_UNARY)                                                            \
    HB_CHAIN_MATH(HB_CHAIN_EACH_UNARY)                                                             \
    HB_CHAIN_FOLD(HB_CHAIN_EACH_FOLD)                                                              \
    HB_CHAIN_TERNARY(HB_CHAIN_EACH_TERNARY)                                                        \
    HB_CHAIN_CODE(STORE)        /* y = x */                                                        \
    HB_CHAIN_CODE(STREAM)       /* the same past the caches, where y is aligned */                 \
    HB_CHAIN_CODE(ASK)          /* for y, which will be read soon */                               \
    HB_CHAIN_CODE(LOAD_TRUTHS)  /* x = bytes y */                                                  \
    HB_CHAIN_CODE(STORE_TRUTHS) /* bytes y = x */                                                  \
    HB_CHAIN_CODE(CALL)         /* x = map(x) */                                                   \
    HB_CHAIN_CODE(CALL_OF)      /* x = map(x, y) */                                                \
    HB_CHAIN_CODE(CALL_OF_ONE)                                                                     \
    HB_CHAIN_CODE(CALL_ON) /* x = map(y, x) */                                                     \
    HB_CHAIN_CODE(CALL_ON_ONE)

typedef enum hb_cpu_chain_code {
#define HB_CHAIN_CODE(CODE) HB_CHAIN_##CODE,
    HB_CHAIN_CODES
#undef HB_CHAIN_CODE
} hb_cpu_chain_code;

enum {
    HB_CPU_STRIP_VECTORS = 8,
    HB_CPU_MOST_VECTOR = 64, /* bytes */
};

/* out[i] = f(a[i], b[i], c[i]); see vector.h. */
typedef void hb_cpu_map(void *out, const void *a, const void *b, const void *c, int64_t n);

/* A link made ready to run. In row r, y begins at `at` + r `row`; along columns it moves, or `mask`
   is 0 and it is the same strip again and again. The last link of a chain is END. */
typedef struct hb_cpu_link {
    char *at;
    int64_t row, mask;
    hb_cpu_map *map;
    int code;
} hb_cpu_link;

/* What a chain's links do to bytes [from, to) of a row, whole strips of 8 vectors, as machine code
   (code/code.h). */
typedef void hb_cpu_code(const hb_cpu_link *links, int64_t from, int64_t to);

/* Runs links over a box; by `code`, the links' own, as far as it goes, unless it is NULL. Changes
   `at`. */
typedef void hb_cpu_run_chain(hb_cpu_link *links, int64_t rows, int64_t columns, hb_cpu_code *code);

#endif
