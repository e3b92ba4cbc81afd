/* The table of ops that random graphs are made of. A new op is a row in random_ops_scalar.c,
   random_ops_array.c, random_ops_axis.c or random_ops_control.c. */
#ifndef TESTS_RANDOM_OPS_H
#define TESTS_RANDOM_OPS_H

#include "random_graph.h"

/* Families are drawn evenly, and rows of a family. */
typedef enum random_family {
    RANDOM_UNARY,
    RANDOM_BINARY,
    RANDOM_CHOICE,
    RANDOM_EXACT,
    RANDOM_REDUCTION,
    RANDOM_MOVEMENT,
    RANDOM_PRODUCT,
    RANDOM_INDEX,
    RANDOM_ALONG,
    RANDOM_SPATIAL,
    RANDOM_CONTROL,
    RANDOM_FAMILIES,
} random_family;

/* Where a function is safe: floating operands are brought there first, smoothly. */
typedef enum random_domain {
    RANDOM_ANYWHERE,
    RANDOM_TAME,     /* -1 to 1 */
    RANDOM_INSIDE,   /* -0.9 to 0.9 */
    RANDOM_POSITIVE, /* 0.4 to 1.9 */
    RANDOM_BEYOND,   /* 1.2 to 2.2 */
} random_domain;

#define RANDOM_KINKED 1u /* not for central differences */
#define RANDOM_JUMPS  2u /* wants exact operands, or rounding could change its result a lot */
#define RANDOM_KEEPS  4u /* its result is exact if the operands are */
#define RANDOM_SUMS                                                                                \
    8u /* adds up: how it rounds depends on the order, which views and passes change */

typedef struct random_drawing {
    random_recipe *recipe;
    rng r;
} random_drawing;

typedef struct random_op {
    const char *name;
    random_family family;
    unsigned traits;
    /* Chooses operands and numbers; false if nothing suits. What it chooses need not fit yet: what
       does not build for every batch size is thrown away. */
    bool (*draw)(random_drawing *d, random_node *node, const struct random_op *op);
    hebb_tensor *(*build)(const random_node *node, hebb_tensor *const *x);
    /* for rows that are one function of one or two operands */
    hebb_tensor *(*unary)(hebb_tensor *);
    hebb_tensor *(*binary)(hebb_tensor *, hebb_tensor *);
    random_domain domain[2];
    random_kind kind; /* of the operands */
} random_op;

/* The table is in parts. */
typedef struct random_table {
    const random_op *row;
    int count;
} random_table;
extern const random_table random_scalar_ops, random_array_ops, random_axis_ops, random_control_ops;

int random_op_count(void);
const random_op *random_op_at(int index);

/* Appends an input of that fixed shape; -1 if there is no room. */
int random_fresh(random_drawing *d, random_kind kind, hebb_shape shape);
/* Leaves out the inputs that nothing uses. */
void random_compact(random_recipe *r);

#endif
