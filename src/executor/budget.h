/* Rematerialization: a plan is made to fit into less memory by dropping values after a use and
   computing them again before the next one. recipes.c finds how each value could be recomputed,
   budget.c decides which ones are, again.c writes the steps that do; plan.c calls hb_fit(). */
#ifndef HB_BUDGET_H
#define HB_BUDGET_H

#include "../backends/backend.h"
#include "fusion.h"

/* A step that would make a value again, of values in the arena. */
typedef struct hb_recipe {
    const hb_group *group; /* the step as it was; NULL if there is no such way */
    int n_members;         /* the roots that are computed, and ... */
    int *members;
    bool whole; /* ... all that the step makes, or only the value itself */
    int n_in, n_out;
    int *in, *out; /* nodes */
    int until;     /* the step of the order that overwrites a variable that is read */
    double cost;
} hb_recipe;

typedef struct hb_value {
    size_t bytes; /* 0: of no interest */
    bool pinned;  /* cannot be made again */
    int made_at;  /* step of the order */
    int n_uses;
    int *uses; /* steps that read it, in order; the number of steps for a fetched value */
    hb_recipe alone, whole;
    int n_readers;
    int *readers; /* values with a recipe that reads it */
} hb_value;

/* What happens one after the other: a step of the order, or a value made again. */
typedef struct hb_event {
    int step; /* -1 if it is a value */
    int node;
    const hb_recipe *recipe;
} hb_event;

typedef struct hb_budget {
    hb_fusion *fusion;
    hb_ir *ir;
    const hb_backend *backend;
    hb_device *device;
    const int *order;
    int n_steps;
    int *unit_end;         /* by step of the order: the last step that is run together with it */
    int n_groups, n_nodes; /* before anything was made again */
    hb_value *values;      /* by node */
    int *overwritten_at;   /* by buffer: the step that does; n_steps if none */
    int n_list;
    int *list; /* nodes with values, from what is made first on */
    /* what budget.c decided */
    int n_events, room;
    hb_event *events;
} hb_budget;

/* recipes.c: false for want of memory, which is in the ir's error then. */
bool hb_find_recipes(hb_budget *b);
/* The recipe's step in the group after the last one; `node` is what it is for. */
bool hb_lower_again(hb_budget *b, const hb_recipe *recipe, int node);

/* budget.c: writes the events; false if `bytes` are not enough, or memory is short. */
typedef struct hb_shortage {
    size_t bytes; /* what it would have taken there */
    int step;     /* of the order */
    int n_held;   /* the largest values that were held, in `held` */
    int held[4];
    size_t held_bytes[4];
} hb_shortage;
bool hb_spend(hb_budget *b, size_t bytes, hb_shortage *shortage);

/* again.c: replaces the order by one that takes at most `limit` bytes of the arena, if the given
   one takes more. HEBB_E_MEMORY if there is none, with the least that was found. */
hebb_status hb_fit(hb_fusion *fusion, const hb_backend *backend, hb_device *device, size_t limit,
                   bool reuse, int **order, int *n_steps, hb_error *error);

#endif
