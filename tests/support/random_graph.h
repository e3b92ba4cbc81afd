/* Graphs drawn from a seed: up to 40 ops of all families over a few inputs, with broadcasting,
   shared and repeated subexpressions, views, loops and boundaries, and sizes that are open. Values
   stay moderate, so that they can be compared.

   What is drawn is a recipe: a list of nodes, each a row of the table (random_ops.h) with its
   operands and numbers. It can be built for any dtype and batch size, or with open sizes, and it
   can be shrunk: see random_shrink(). */
#ifndef TESTS_RANDOM_GRAPH_H
#define TESTS_RANDOM_GRAPH_H

#include <hebb/hebb.h>

#include "../../checks/values.h"

#define RANDOM_OPS      40 /* at most, without inputs */
#define RANDOM_NODES    64
#define RANDOM_OPERANDS 3
#define RANDOM_NUMBERS  6
#define RANDOM_BATCHES  4
#define RANDOM_OPEN     (-1) /* no batch: sizes that depend on it are HEBB_ANY */

typedef enum random_kind {
    RANDOM_REAL, /* of the graph's floating dtype */
    RANDOM_WHOLE,
    RANDOM_TRUTH,
} random_kind;

struct random_op;

typedef struct random_node {
    const struct random_op *op; /* NULL: an input */
    int x[RANDOM_OPERANDS];     /* nodes before this one; -1: none */
    int64_t n[RANDOM_NUMBERS];  /* what the op was drawn with: axes, sizes, choices */
    random_kind kind;
    bool exact;  /* the same bits whatever computes it: a rounding error cannot flip a comparison */
    bool summed; /* depends on sums, whose last bits are open; all else has the same bits always */
    bool variable; /* an input that is a variable: set before each run, maybe assigned */
    bool fetched;  /* although others use it */
    hebb_shape shape[RANDOM_BATCHES]; /* for each batch size */
} random_node;

typedef struct random_recipe {
    uint64_t seed;
    int64_t batch[RANDOM_BATCHES]; /* the sizes; the third is 1, the fourth 0 */
    int count;
    random_node node[RANDOM_NODES];
} random_recipe;

/* `smooth` leaves out abs, maximum and the like, whose kinks a central difference may straddle, and
   gradients that are none; `large` graphs have batches of 67 and 261 instead of 3 and 5; `most` ops
   at the most. */
random_recipe random_recipe_draw(uint64_t seed, bool smooth, bool large, int most);
int random_recipe_ops(const random_recipe *r); /* without inputs */

#define RANDOM_FETCHES (2 * RANDOM_NODES + 1)

typedef struct random_graph {
    hebb_graph *graph;
    hebb_tensor *node[RANDOM_NODES];
    hebb_tensor *objective;              /* a scalar of all results; NULL if none is floating */
    hebb_tensor *gradient[RANDOM_NODES]; /* of the inputs among the nodes, or NULL */
    /* All there is to compare: what no node uses, what is `fetched`, objective and gradients. */
    hebb_tensor *fetch[RANDOM_FETCHES];
    bool same_bits[RANDOM_FETCHES];
    int n_fetches;
} random_graph;

/* For batch size number `batch`, or RANDOM_OPEN. Errors are in the graph. */
random_graph random_graph_build(const random_recipe *r, hebb_dtype dtype, int batch,
                                bool gradients);

/* The value of input `node` for a batch size. `nudge` moves all floating elements by about this
   much, relative to them, each time another way for another `way`. */
hebb_array random_value(const random_recipe *r, int node, hebb_dtype dtype, int batch, double nudge,
                        int way);

/* The smallest recipe found for which `fails` still holds, as it must for r: results are dropped,
   and nodes replaced by an operand or by an input of the same shape and dtype. */
typedef bool random_failure(const random_recipe *r, void *user);
random_recipe random_shrink(const random_recipe *r, random_failure *fails, void *user);

#endif
