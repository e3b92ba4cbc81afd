/* What the rows of the table of random ops share: choosing operands that suit, and bringing values
   to where a function is safe. */
#ifndef TESTS_RANDOM_DRAW_H
#define TESTS_RANDOM_DRAW_H

#include "random_ops.h"

/* ---- choosing operands; -1 if there is none ---- */

const random_node *node_at(const random_drawing *d, int i);
int64_t below(random_drawing *d, int64_t n);
/* Later nodes more often, so that graphs get deep. */
int pick(random_drawing *d, random_kind kind, bool exact, int least_rank);
/* Of the op's kind, exact if it must be. */
int pick_for(random_drawing *d, const random_op *op, int least_rank);
/* Of any kind, floating ones more often. */
int pick_any(random_drawing *d, int least_rank);
/* One that broadcasts with node a, for every batch size. */
int pick_fitting(random_drawing *d, int a, random_kind kind, bool exact);

int rank_of(const random_drawing *d, int i);
bool shapes_fit(hebb_shape a, hebb_shape b);
/* The smallest size along an axis that any batch but the empty one gives. */
int64_t least_size(const random_drawing *d, const random_node *node, int axis);
/* Whether it is the same for all batches. */
bool fixed_size(const random_node *node, int axis);

/* ---- common ways to draw ---- */

bool draw_one(random_drawing *d, random_node *node, const random_op *op); /* n[0] is below 3 */
bool draw_pair(random_drawing *d, random_node *node,
               const random_op *op); /* and a second one that broadcasts with it */
/* n[0] is an axis, counted from the front or the back; n[1] a number below 4. */
bool draw_axis(random_drawing *d, random_node *node, const random_op *op);
/* n[0] is a set of axes, n[1] whether to keep them. */
bool draw_axes(random_drawing *d, random_node *node, const random_op *op);
/* As draw_one and draw_axis, but of any kind. */
bool draw_any(random_drawing *d, random_node *node, const random_op *op);
bool draw_any_axis(random_drawing *d, random_node *node, const random_op *op);

/* ---- common ways to build ---- */

hebb_tensor *number(hebb_tensor *x, double value);
hebb_tensor *scaled(hebb_tensor *x, double factor, double offset); /* factor x + offset */
hebb_tensor *brought(hebb_tensor *x, random_domain to);
/* The row's function of one operand, or two, brought to its domain. */
hebb_tensor *build_unary(const random_node *node, hebb_tensor *const *x);
hebb_tensor *build_binary(const random_node *node, hebb_tensor *const *x);

/* ---- rows: what is not a matter of course comes at the end ---- */

#define ROW(called, of_family, has, by, made, ...)                                                 \
    {                                                                                              \
        .name = called, .family = RANDOM_##of_family, .traits = has, .draw = by, .build = made,    \
        __VA_ARGS__                                                                                \
    }
#define KINKED RANDOM_KINKED
#define JUMPS  RANDOM_JUMPS
#define KEEPS  RANDOM_KEEPS
#define SUMS   RANDOM_SUMS

#endif
