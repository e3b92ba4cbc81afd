/* A pole on a cart, to be kept upright by pushing the cart left or right: the equations of A.
   Barto, R. Sutton and C. Anderson, "Neuronlike adaptive elements that can solve difficult learning
   control problems" (1983), in steps of 0.02 s by Euler's method. A reward of 1 for every step
   until the pole leans by more than 12 degrees or the cart is more than 2.4 m away, 200 at most.
   Knows nothing of Hebb. */
#ifndef EXAMPLES_CARTPOLE_H
#define EXAMPLES_CARTPOLE_H

#include <stdbool.h>
#include <stdint.h>

enum { CARTPOLE_STATE = 4, CARTPOLE_ACTIONS = 2, CARTPOLE_LONGEST = 200 };

typedef struct cartpole {
    float state[CARTPOLE_STATE]; /* position (m), speed, angle (rad), its speed */
    int steps;
    bool fallen; /* the pole, or the cart went too far: not set when time is up */
} cartpole;

/* Random numbers of a program of its own: the same for the same seed everywhere (S. Vigna's
   splitmix64). */
typedef struct dice {
    uint64_t state;
} dice;
double dice_uniform(dice *d);           /* in [0, 1) */
int64_t dice_below(dice *d, int64_t n); /* in 0 ... n - 1 */

/* Upright and still, but for +-0.05. */
void cartpole_start(cartpole *c, dice *d);
/* Pushes left (0) or right (1) for one step; false when the episode is over. */
bool cartpole_push(cartpole *c, int action);

#endif
