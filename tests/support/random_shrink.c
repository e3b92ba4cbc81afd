/* Shrinking a recipe that fails: see random_graph.h. */
#include "random_ops.h"

static random_recipe ancestors_of(const random_recipe *r, int node) {
    random_recipe out = *r;
    bool needed[RANDOM_NODES] = {false};
    int moved[RANDOM_NODES];
    needed[node] = true;
    for (int i = node; i >= 0; i--)
        for (int k = 0; k < RANDOM_OPERANDS && needed[i]; k++)
            if (r->node[i].x[k] >= 0) needed[r->node[i].x[k]] = true;
    out.count = 0;
    for (int i = 0; i <= node; i++) {
        moved[i] = out.count;
        if (!needed[i]) continue;
        random_node *copy = &out.node[out.count++];
        *copy = r->node[i];
        for (int k = 0; k < RANDOM_OPERANDS; k++)
            if (copy->x[k] >= 0) copy->x[k] = moved[copy->x[k]];
    }
    return out;
}

static bool is_used(const random_recipe *r, int node) {
    for (int i = node + 1; i < r->count; i++)
        for (int k = 0; k < RANDOM_OPERANDS; k++)
            if (r->node[i].x[k] == node) return true;
    return false;
}

/* Without node i, whose uses become uses of `instead`, a node before it. */
static random_recipe without_node(const random_recipe *r, int i, int instead) {
    random_recipe out = *r;
    for (int j = i; j + 1 < r->count; j++) {
        out.node[j] = r->node[j + 1];
        for (int k = 0; k < RANDOM_OPERANDS; k++) {
            int *x = &out.node[j].x[k];
            *x = *x == i ? instead : *x > i ? *x - 1 : *x;
        }
    }
    out.count--;
    random_compact(&out);
    return out;
}

static random_recipe with_input(const random_recipe *r, int i) {
    random_recipe out = *r;
    random_node *node = &out.node[i];
    node->op = NULL;
    node->exact = true;
    node->fetched = false;
    node->n[0] = 0; /* the number of its values: unlike those of the inputs that there are */
    for (int j = 0; j < r->count; j++)
        if (r->node[j].op == NULL && r->node[j].n[0] >= node->n[0])
            node->n[0] = r->node[j].n[0] + 1;
    for (int k = 0; k < RANDOM_OPERANDS; k++) node->x[k] = -1;
    random_compact(&out);
    return out;
}

static bool stands_in(const random_node *node, const random_node *operand) {
    bool same = node->kind == operand->kind && (operand->exact || !node->exact);
    for (int b = 0; b < RANDOM_BATCHES && same; b++)
        same = hebb_shape_equal(node->shape[b], operand->shape[b]);
    return same;
}

/* Takes the candidate if it fails too. */
static bool take(random_recipe *r, random_recipe candidate, random_failure *fails, void *user) {
    if (random_recipe_ops(&candidate) == 0 || !fails(&candidate, user)) return false;
    *r = candidate;
    return true;
}

static bool shrink_node(random_recipe *r, int i, random_failure *fails, void *user) {
    const random_node node = r->node[i];
    if (!is_used(r, i)) return take(r, without_node(r, i, -1), fails, user);
    for (int k = 0; k < RANDOM_OPERANDS; k++)
        if (node.x[k] >= 0 && stands_in(&node, &r->node[node.x[k]]) &&
            take(r, without_node(r, i, node.x[k]), fails, user))
            return true;
    if (take(r, with_input(r, i), fails, user)) return true;
    random_recipe quiet = *r;
    quiet.node[i].fetched = false;
    return node.fetched && take(r, quiet, fails, user);
}

random_recipe random_shrink(const random_recipe *recipe, random_failure *fails, void *user) {
    random_recipe r = *recipe;
    for (int i = 0; i < r.count; i++)
        if (r.node[i].op != NULL && take(&r, ancestors_of(&r, i), fails, user)) break;
    for (bool again = true; again;) {
        again = false;
        for (int i = r.count - 1; i >= 0; i--) {
            if (i >= r.count || r.node[i].op == NULL) continue;
            if (shrink_node(&r, i, fails, user)) again = true;
        }
    }
    return r;
}
