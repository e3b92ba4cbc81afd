/* What follows the reductions of a loop, its "post" program (reduce.h), as a list of operations for
   a few results at a time: for rows that are reduced some at a time, where getting the program's
   own actions and links ready takes longer than the arithmetic. post.c makes the list,
   post_kernel.c, compiled once per instruction set, runs it for as many results as a vector has
   lanes.

   As in a chain (chain_kernel.h), an operation works on the vector made last, x, and on one more
   operand, y; what it makes is kept in a vector of its own, for others to read. All of them are
   float32, or truth values of 32 bits. */
#ifndef HB_CPU_POST_H
#define HB_CPU_POST_H

#include "chain_kernel.h"

enum { HB_CPU_POST_VALUES = 64, HB_CPU_POST_MEMORIES = 16 }; /* of one list, at most */

/* All codes, as HB_POST_CODE(CODE), which whoever wants them defines. Of binary ones, y is the
   vector of value a or, for CODE_ONE, its single element. */
#define HB_POST_EACH_BINARY(CODE, expression) HB_POST_CODE(CODE) HB_POST_CODE(CODE##_ONE)
#define HB_POST_EACH(CODE, expression)        HB_POST_CODE(CODE)
#define HB_POST_CODES                                                                              \
    HB_POST_CODE(END)                                                                              \
    HB_CHAIN_BINARY(HB_POST_EACH_BINARY)                                                           \
    HB_CHAIN_UNARY(HB_POST_EACH)                                                                   \
    HB_CHAIN_FOLD(HB_POST_EACH) /* x = result of reduction a */                                    \
    HB_POST_CODE(SQRT)                                                                             \
    HB_POST_CODE(RECIPROCAL)                                                                       \
    HB_POST_CODE(CHOOSE) /* x = a ? b : c */                                                       \
    HB_POST_CODE(CALL)   /* x = map(a, b) */                                                       \
    HB_POST_CODE(READ)   /* x = memory a */                                                        \
    HB_POST_CODE(WRITE)  /* memory a = x */

typedef enum hb_cpu_post_code {
#define HB_POST_CODE(CODE) HB_POST_##CODE,
    HB_POST_CODES
#undef HB_POST_CODE
} hb_cpu_post_code;

typedef struct hb_cpu_post_step {
    uint8_t code, value, a, b, c; /* value: that x becomes */
    hb_cpu_map *map;
} hb_cpu_post_step;

/* Where a value of the results is loaded from or stored. */
typedef struct hb_cpu_post_memory {
    int buffer;
    int64_t offset, stride; /* bytes; stride: from result to result */
} hb_cpu_post_memory;

typedef struct hb_cpu_post {
    int n_memories;
    hb_cpu_post_memory memory[HB_CPU_POST_MEMORIES];
    hb_cpu_post_step step[]; /* the last one is END */
} hb_cpu_post;

/* What a list is run with. */
typedef struct hb_cpu_post_frame {
    char *vectors;    /* what the first result is reduced to (HB_CPU_FOLD_ROWS), then the next, */
    int64_t apart;    /* bytes from reduction to reduction */
    char *const *one; /* by value, those that are single elements */
    char *memory[HB_CPU_POST_MEMORIES]; /* of the first result */
} hb_cpu_post_frame;

/* Of n results. Leaves their vectors cleared for the next ones. */
typedef void hb_cpu_run_post(const hb_cpu_post *post, const hb_cpu_post_frame *frame, int64_t n);

#endif
