/* The simulated pole of dqn and reinforce. */
#include <math.h>

#include "cartpole.h"

static const float GRAVITY = 9.8f, CART = 1, POLE = 0.1f, HALF_LENGTH = 0.5f, FORCE = 10,
                   SECONDS = 0.02f, FARTHEST = 2.4f, STEEPEST = 12 * 3.14159265f / 180;

static uint64_t dice_next(dice *d) {
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double dice_uniform(dice *d) { return (double)(dice_next(d) >> 11) * 0x1p-53; }

int64_t dice_below(dice *d, int64_t n) { return (int64_t)(dice_uniform(d) * (double)n); }

void cartpole_start(cartpole *c, dice *d) {
    *c = (cartpole){.steps = 0};
    for (int k = 0; k < CARTPOLE_STATE; k++) c->state[k] = (float)(0.1 * dice_uniform(d) - 0.05);
}

bool cartpole_push(cartpole *c, int action) {
    float *x = &c->state[0], *speed = &c->state[1], *angle = &c->state[2], *turn = &c->state[3];
    float force = action == 1 ? FORCE : -FORCE, sine = sinf(*angle), cosine = cosf(*angle);
    float push = (force + POLE * HALF_LENGTH * *turn * *turn * sine) / (CART + POLE);
    float turning = (GRAVITY * sine - cosine * push) /
                    (HALF_LENGTH * (4.0f / 3 - POLE * cosine * cosine / (CART + POLE)));
    float speeding = push - POLE * HALF_LENGTH * turning * cosine / (CART + POLE);
    *x += SECONDS * *speed;
    *speed += SECONDS * speeding;
    *angle += SECONDS * *turn;
    *turn += SECONDS * turning;
    c->steps++;
    c->fallen = fabsf(*x) > FARTHEST || fabsf(*angle) > STEEPEST;
    return !c->fallen && c->steps < CARTPOLE_LONGEST;
}
