/* Compiles the instructions of a LOOP to a program: which values are constant, which operands are
   read in place, how results are stored. chain.c and links.c find and write the chains, slots.c
   allocates scratch memory. Called by loop.c and reduce.c when a loop is prepared; tile.c runs the
   program. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../../costs.h"
#include "../code/code.h"
#include "maker.h"

enum {
    SECOND_LEVEL = 1 << 20, /* traffic from which memory is asked for ahead */
    LAST_LEVEL = 6 << 20,   /* traffic from which stores go past the caches */
    ALL_LEVELS = 64 << 20,  /* traffic from which nothing is asked for: the hardware does better */
};

/* ---- the space and what it sees ---- */

static bool reads(const hb_cpu_part *part, int in) {
    for (int i = part->first; i < part->last; i++)
        if (part->loop->instr[i].code == HB_LOAD && part->loop->instr[i].a == in) return true;
    return false;
}

static bool writes(const hb_cpu_part *part, int out) {
    const int v = part->loop->out[out].value;
    return v >= part->first && v < part->last;
}

static bool agrees(const hb_operand *o, int outer, int inner, int64_t size) {
    return o->stride[outer] == o->stride[inner] * size;
}

/* Whether dimension dim[k] continues dim[k + 1] for all operands of the part. */
static bool merges(const hb_cpu_part *part, int k) {
    const hb_loop *loop = part->loop;
    const int outer = part->dim[k], inner = part->dim[k + 1];
    if (part->boxes || loop->reduce[outer] != loop->reduce[inner]) return false;
    for (int i = 0; i < loop->n_in; i++)
        if (reads(part, i) && !agrees(&loop->in[i], outer, inner, loop->dim[inner])) return false;
    for (int i = 0; i < loop->n_out; i++)
        if (writes(part, i) && !agrees(&loop->out[i].to, outer, inner, loop->dim[inner]))
            return false;
    return true;
}

/* Fills the space; from[k] becomes the loop's dimension that gives the strides of the space's. */
static void make_space(const hb_cpu_part *part, hb_cpu_space *space, int *from) {
    int rank = 0;
    for (int k = 0; k < part->rank; k++) {
        const int64_t size = part->loop->dim[part->dim[k]];
        if (k > 0 && merges(part, k - 1)) {
            space->dim[rank - 1] *= size;
            from[rank - 1] = part->dim[k];
        } else {
            space->dim[rank] = size;
            from[rank++] = part->dim[k];
        }
    }
    if (rank == 0) {
        space->dim[0] = 1;
        from[rank++] = -1;
    }
    space->rank = rank;
    space->columns = space->dim[rank - 1];
    space->rows = 1;
    for (int k = 0; k < rank - 1; k++) space->rows *= space->dim[k];
}

static hb_cpu_view make_view(const hb_cpu_space *space, const int *from, const hb_operand *o) {
    const int size = o->buffer == HB_BUFFER_INDEX ? 1 : (int)hebb_dtype_size(o->dtype);
    hb_cpu_view view = {.buffer = o->buffer, .size = size, .offset = o->offset * size};
    view.scalar = view.flat = view.even = true;
    int64_t next = size; /* the stride that makes dimension k continue what is inside it */
    for (int k = space->rank - 1; k >= 0; k--) {
        const bool moves = space->dim[k] != 1;
        view.stride[k] = moves ? o->stride[from[k]] * size : next;
        view.scalar &= !moves || view.stride[k] == 0;
        view.flat &= view.stride[k] == next;
        if (k == space->rank - 1) view.unit = view.stride[k] == size;
        if (k < space->rank - 2)
            view.even &= view.stride[k] == view.stride[k + 1] * space->dim[k + 1];
        next = view.stride[k] * space->dim[k];
    }
    return view;
}

static bool is_periodic(const hb_cpu_space *space, const hb_cpu_view *view) {
    for (int k = 0; k < space->rank - 1; k++)
        if (space->dim[k] != 1 && view->stride[k] != 0) return false;
    return space->rank > 1;
}

/* ---- actions ---- */

static hb_cpu_map *map_of(const hb_cpu_maker *m, const hb_instr *instr) {
    const hb_cpu_vector *vector = m->device->isa->vector;
    const hb_instr *all = m->part->loop->instr;
    switch (instr->code) {
    case HB_CAST: return vector->cast[all[instr->a].dtype][instr->dtype];
    case HB_SELECT:
    case HB_BITS:
    case HB_UNIFORM:
    case HB_NORMAL: return vector->map[instr->code][instr->dtype];
    case HB_SUM:
    case HB_REDMAX:
    case HB_REDMIN:
    case HB_PROD: return vector->narrow[instr->dtype];
    case HB_LOAD:
    case HB_CONST:
    case HB_ACC: return NULL;
    case HB_USER: return NULL;
    default: return vector->map[instr->code][all[instr->a].dtype];
    }
}

static hb_cpu_action_kind kind_of(const hb_cpu_maker *m, const hb_instr *instr) {
    if (instr->code == HB_LOAD)
        return m->part->loop->in[instr->a].buffer == HB_BUFFER_INDEX ? HB_CPU_INDEX : HB_CPU_LOAD;
    if (instr->code == HB_ACC) return HB_CPU_PRODUCT;
    if (instr->code >= HB_BITS && instr->code <= HB_NORMAL) return HB_CPU_RANDOM;
    return hb_is_reduction(instr->code) ? HB_CPU_REDUCED : HB_CPU_MAP;
}

/* Nanoseconds for an element: about what the AVX2 functions take of the first-level cache. */
static double cost_of(const hb_cpu_maker *m, int v) {
    const hb_instr *instr = hb_cpu_instruction(m, v);
    const int cost = hb_instr_cost((hb_code)instr->code);
    const double each = instr->dtype == HEBB_F64 && cost > 8 ? 0.4 : 0.03;
    return 0.08 + each * cost;
}

static void use(hb_cpu_value *values, int v, int at) {
    if (v < 0) return;
    values[v].used = true;
    if (values[v].last_use < at) values[v].last_use = at;
}

/* Backwards from what is stored or reduced: which values are used, and until when. */
static void find_uses(hb_cpu_maker *m) {
    const hb_cpu_part *part = m->part;
    const hb_loop *loop = part->loop;
    const int n = m->program->n_values;
    for (int v = 0; v < n; v++) m->values[v].last_use = -1;
    for (int i = 0; i < loop->n_out; i++)
        if (writes(part, i)) use(m->values, hb_cpu_number(m, loop->out[i].value), INT_MAX);
    for (int i = part->last; i < loop->n_instr; i++)
        if (hb_is_reduction(loop->instr[i].code))
            use(m->values, hb_cpu_number(m, loop->instr[i].a), INT_MAX);
    for (int v = n - 1; v >= 0; v--) {
        const hb_instr *instr = hb_cpu_instruction(m, v);
        m->values[v].size = (int)hebb_dtype_size((hebb_dtype)instr->dtype);
        if (!m->values[v].used || instr->code == HB_LOAD || hb_is_reduction(instr->code)) continue;
        use(m->values, hb_cpu_number(m, instr->a), v);
        use(m->values, hb_cpu_number(m, instr->b), v);
        use(m->values, hb_cpu_number(m, instr->c), v);
        use(m->values, hb_cpu_number(m, hb_fourth(instr)), v);
    }
}

static bool all_single(const hb_cpu_maker *m, const hb_instr *instr) {
    const int operands[4] = {hb_cpu_number(m, instr->a), hb_cpu_number(m, instr->b),
                             hb_cpu_number(m, instr->c), hb_cpu_number(m, hb_fourth(instr))};
    for (int i = 0; i < 4; i++)
        if (operands[i] >= 0 && !m->values[operands[i]].single) return false;
    return true;
}

/* Which values are one element for the whole space, or alike in all tiles. */
static void find_invariants(hb_cpu_maker *m) {
    const hb_cpu_space *space = &m->program->space;
    const bool one_point = space->rows == 1 && space->columns == 1;
    for (int v = 0; v < m->program->n_values; v++) {
        const hb_instr *instr = hb_cpu_instruction(m, v);
        const hb_cpu_action *action = &m->actions[v];
        hb_cpu_value *it = &m->values[v];
        if (!it->used) continue;
        if (instr->code == HB_CONST) it->single = true;
        else if (action->kind == HB_CPU_LOAD) {
            it->single = action->view.scalar && !one_point;
            it->early = m->periodic && !hb_cpu_always_in_place(m, &action->view) &&
                        is_periodic(space, &action->view);
        } else if (action->kind == HB_CPU_MAP) it->single = all_single(m, instr);
        it->early |= it->single;
    }
}

/* Which single values are repeated over a tile: not those that only links read. */
static void find_spread(hb_cpu_maker *m) {
    for (int s = 0; s < m->n_sequence; s++) {
        int operands[4] = {-1, -1, -1, -1};
        if (m->sequence[s] >= 0) hb_cpu_operands(m, m->sequence[s], operands);
        for (int i = 0; i < 4; i++)
            if (operands[i] >= 0) m->values[operands[i]].spread = true;
    }
    for (int v = 0; v < m->program->n_values; v++)
        if (m->values[v].last_use == INT_MAX) m->values[v].spread = true;
}

/* ---- stores, and outputs in the memory of inputs ---- */

static bool same_memory(const hb_cpu_space *space, const hb_cpu_view *a, const hb_cpu_view *b) {
    if (a->buffer != b->buffer || a->offset != b->offset) return false;
    for (int k = 0; k < space->rank; k++)
        if (space->dim[k] > 1 && a->stride[k] != b->stride[k]) return false;
    return true;
}

/* An output may be written early, by the action that makes its value, if no load of the same memory
   is read after that. A load of that memory that is itself stored is copied first. */
static bool may_be_direct(hb_cpu_maker *m, const hb_cpu_store *store) {
    bool direct = m->actions[store->value].kind == HB_CPU_MAP ||
                  m->actions[store->value].kind == HB_CPU_RANDOM ||
                  m->actions[store->value].kind == HB_CPU_REDUCED;
    if (m->values[store->value].early || m->values[store->value].direct) direct = false;
    for (int v = 0; v < m->program->n_values; v++) {
        if (!m->values[v].used || m->actions[v].kind != HB_CPU_LOAD) continue;
        if (!same_memory(&m->program->space, &m->actions[v].view, &store->view)) continue;
        if (m->values[v].last_use == INT_MAX) m->actions[v].copy = true;
        const int last_read = m->actions[v].copy ? v : m->values[v].last_use;
        if (last_read > store->value) direct = false;
    }
    return direct;
}

/* Bytes that all loads and stores of varying values move. */
static double traffic(const hb_cpu_maker *m) {
    const hb_cpu_space *space = &m->program->space;
    double bytes = 0;
    for (int v = 0; v < m->program->n_values; v++)
        if (m->values[v].used && m->actions[v].kind == HB_CPU_LOAD && !m->values[v].single)
            bytes += m->values[v].size;
    for (int i = 0; i < m->program->n_stores; i++) bytes += m->program->store[i].view.size;
    if (m->part->repeat.times > 0) bytes *= (double)m->part->repeat.times;
    return bytes * (double)space->rows * (double)space->columns;
}

/* Beyond the last-level cache, a store that reads what it overwrites wastes bandwidth. Not for
   memory that was just read, which is in the cache, or will be read soon. */
static bool may_stream(const hb_cpu_maker *m, const hb_cpu_store *store) {
    for (int v = 0; v < m->program->n_values; v++) {
        if (!m->values[v].used || m->actions[v].kind != HB_CPU_LOAD) continue;
        if (same_memory(&m->program->space, &m->actions[v].view, &store->view)) return false;
    }
    return hb_cpu_always_in_place(m, &store->view) && traffic(m) > LAST_LEVEL;
}

static void make_stores(hb_cpu_maker *m, const int *from) {
    hb_cpu_program *p = m->program;
    const hb_loop *loop = m->part->loop;
    for (int i = 0; i < loop->n_out; i++)
        if (writes(m->part, i))
            p->store[p->n_stores++] =
                (hb_cpu_store){.value = hb_cpu_number(m, loop->out[i].value),
                               .stream = m->part->repeat.times == 0 || loop->out[i].to.last,
                               .view = make_view(&p->space, from, &loop->out[i].to)};
    for (int i = 0; i < p->n_stores; i++) {
        hb_cpu_store *store = &p->store[i];
        store->direct = may_be_direct(m, store);
        store->stream = store->stream && may_stream(m, store);
        if (store->stream) store->direct = false;
        p->streams |= store->stream;
        if (store->direct) m->values[store->value].direct = true;
    }
    p->far = traffic(m) > SECOND_LEVEL;
    p->beyond = traffic(m) > ALL_LEVELS;
}

/* ---- all of it ---- */

static hebb_status take_user(const hb_instr *instr, hb_cpu_action *action, hb_error *error) {
    const hebb_elementwise *user = instr->imm.user;
    if (instr->dtype == HEBB_F32 ? !user->f32 : !user->f64)
        return hb_fail(error, HEBB_E_UNSUPPORTED, "cpu: the op %s has no C function for %s",
                       user->name, hebb_dtype_name((hebb_dtype)instr->dtype));
    action->user = user;
    return HEBB_OK;
}

static hebb_status make_actions(hb_cpu_maker *m, const int *from, hb_error *error) {
    for (int v = 0; v < m->program->n_values; v++) {
        const hb_instr *instr = hb_cpu_instruction(m, v);
        hb_cpu_action *action = &m->actions[v];
        *action = (hb_cpu_action){
            .kind = kind_of(m, instr),
            .value = v,
            .a = hb_cpu_number(m, instr->a),
            .b = hb_cpu_number(m, instr->b),
            .c = hb_cpu_number(m, instr->c),
            .d = hb_cpu_number(m, hb_fourth(instr)),
            .size = m->values[v].size,
            .op = (uint32_t)instr->imm.i,
            .map = map_of(m, instr),
        };
        if (instr->code == HB_LOAD)
            action->view = make_view(&m->program->space, from, &m->part->loop->in[instr->a]);
        if (action->kind == HB_CPU_REDUCED) action->a = v; /* reductions come first */
        const bool computes = action->kind == HB_CPU_MAP || action->kind == HB_CPU_RANDOM;
        if (instr->code == HB_USER) {
            hebb_status status = take_user(instr, action, error);
            if (status) return status;
        } else if (computes && instr->code != HB_CONST && !action->map)
            return hb_fail(error, HEBB_E_UNSUPPORTED, "instruction %d: no function %d of %s",
                           m->part->first + v, instr->code,
                           hebb_dtype_name((hebb_dtype)instr->dtype));
        /* Operands that are not there are never read, but must be values. */
        if (action->a < 0 || instr->code == HB_LOAD) action->a = v;
        if (action->b < 0) action->b = v;
        if (action->c < 0) action->c = v;
        if (action->d < 0) action->d = v;
    }
    return HEBB_OK;
}

static void gather(hb_cpu_maker *m, int v) {
    hb_cpu_program *p = m->program;
    hb_cpu_action *action = &p->action[p->n_actions++];
    *action = m->actions[v];
    action->single = m->values[v].single;
    action->spread = m->values[v].spread;
    if (action->kind == HB_CPU_PRODUCT) p->product_size = action->size;
}

/* Compiling a chain takes as long as running it for some thousand points. */
static hb_cpu_code *code_of(const hb_cpu_maker *m, const hb_cpu_planned *chain) {
    enum { FEWEST_POINTS = 4096 };
    const hb_cpu_space *space = &m->program->space;
    const int64_t times = hb_max(1, m->part->repeat.times);
    return space->rows * space->columns * times < FEWEST_POINTS
               ? NULL
               : hb_cpu_code_make(m->device, chain);
}

/* Early actions first, in the order of their values; then those of each tile. */
static void gather_actions(hb_cpu_maker *m, const int *first_link) {
    hb_cpu_program *p = m->program;
    for (int v = 0; v < p->n_values; v++)
        if (m->values[v].used && m->values[v].early && hb_cpu_instruction(m, v)->code != HB_CONST)
            gather(m, v);
    p->n_first = p->n_actions;
    for (int s = 0; s < m->n_sequence; s++)
        if (m->sequence[s] >= 0) {
            if (!m->values[m->sequence[s]].follows) gather(m, m->sequence[s]);
        } else {
            const int first = first_link[~m->sequence[s]];
            p->action[p->n_actions++] = (hb_cpu_action){
                .kind = HB_CPU_CHAIN, .a = first, .code = code_of(m, &p->link[first])};
        }
    for (int v = 0; v < p->n_values; v++) {
        if (m->values[v].used && !m->values[v].early) p->ns += cost_of(m, v);
        if (m->actions[v].kind == HB_CPU_PRODUCT) p->product_size = m->actions[v].size;
    }
}

static hebb_status compose(hb_cpu_maker *m, int *first_link, hb_error *error) {
    hb_cpu_find_chains(m);
    find_spread(m);
    if (!hb_cpu_write_links(m, first_link))
        return hb_fail_memory(error, "links", (size_t)m->program->n_links * sizeof(hb_cpu_planned));
    hb_cpu_make_slots(m);
    hb_cpu_choose_tile(m);
    return HEBB_OK;
}

static hebb_status make(hb_cpu_maker *m, int32_t *offset, int *first_link, hb_error *error) {
    hb_cpu_program *p = m->program;
    int from[HEBB_MAX_RANK];
    make_space(m->part, &p->space, from);
    find_uses(m);
    hebb_status status = make_actions(m, from, error);
    if (status) return status;
    /* Loads that are alike in all tiles are so only in tiles of whole rows. */
    m->periodic = m->part->boxes || p->space.columns < HB_CPU_WIDE;
    find_invariants(m);
    make_stores(m, from);
    status = compose(m, first_link, error);
    if (!status && m->periodic && !m->part->boxes && p->tile < p->space.columns) {
        m->periodic = false;
        for (int v = 0; v < p->n_values; v++) m->values[v].early = m->values[v].single;
        status = compose(m, first_link, error);
    }
    if (status) return status;
    if (hb_cpu_scratch_bytes(m, p->tile) > m->part->scratch)
        return hb_fail(error, HEBB_E_UNSUPPORTED, "a program with %d values at once is too large",
                       m->n_slots);
    hb_cpu_place_slots(m, offset);
    gather_actions(m, first_link);
    status = hb_cpu_make_constants(m, error);
    return !status && m->part->results ? hb_cpu_make_post(m, error) : status;
}

hebb_status hb_cpu_program_make(const hb_device *device, const hb_cpu_part *part,
                                hb_cpu_program *program, hb_error *error) {
    const int n = part->last - part->first, n_out = part->loop->n_out;
    *program = (hb_cpu_program){.n_values = n};
    hb_cpu_maker m = {.device = device, .part = part, .program = program};
    const size_t count = (size_t)n + 1;
    program->home = malloc(count * sizeof *program->home);
    program->in_scratch = malloc(count * sizeof *program->in_scratch);
    program->action = malloc(count * sizeof *program->action);
    program->store = malloc(((size_t)n_out + 1) * sizeof *program->store);
    m.actions = malloc(count * sizeof *m.actions);
    m.values = calloc(count, sizeof *m.values);
    m.sequence = malloc(count * sizeof *m.sequence);
    m.slot_size = malloc(count * sizeof *m.slot_size);
    m.slot_free = malloc(count * sizeof *m.slot_free);
    int32_t *offset = malloc(count * sizeof *offset);
    int *first_link = malloc(count * sizeof *first_link);
    hebb_status status;
    if (program->home && program->in_scratch && program->action && program->store && m.actions &&
        m.values && m.sequence && m.slot_size && m.slot_free && offset && first_link)
        status = make(&m, offset, first_link, error);
    else status = hb_fail_memory(error, "a program", count * sizeof *m.actions);
    free(m.actions);
    free(m.values);
    free(m.sequence);
    free(m.slot_size);
    free(m.slot_free);
    free(offset);
    free(first_link);
    if (status) hb_cpu_program_free(program);
    return status;
}

void hb_cpu_program_free(hb_cpu_program *program) {
    free(program->home);
    free(program->in_scratch);
    free(program->constants);
    free(program->action);
    free(program->store);
    free(program->link);
    free(program->list);
    *program = (hb_cpu_program){0};
}
