/* From instructions to a program: what is constant, what stays in place, what needs a tile of
   scratch memory, and how large a tile may be. Called by loop.c and reduce.c when a loop is
   prepared; nothing here runs. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "../../../kernels/scalar.h"

enum {
    FIRST_LEVEL = 24 << 10, /* bytes of the first-level cache that tiles may fill */
    SECOND_LEVEL = 1 << 20, /* traffic from which memory is asked for ahead */
    LAST_LEVEL = 16 << 20,  /* traffic from which stores go past the caches */
    SINGLE_BYTES = 64,      /* of a scalar that is not spread */
    POINTER = (int)sizeof(char *),
};

/* What is known of a value while the program is made. Values are numbered from the part's first. */
typedef struct value {
    bool used, single, early, spread;
    int size;
    int last_use;  /* the last instruction that reads it; INT_MAX if it is stored or reduced */
    int last_read; /* the last time its memory is read, where it is a load */
    int slot;      /* -1 for none */
    bool freed;
    bool direct; /* stored by its action */
} value;

typedef struct maker {
    const hb_device *device;
    const hb_cpu_part *part;
    hb_cpu_program *program;
    bool periodic; /* loads that are alike in all tiles are made early */
    value *values;
    int *slot_size; /* bytes of an element, or -SINGLE_BYTES; by slot */
    bool *slot_free;
    int n_slots;
} maker;

static const hb_instr *instruction(const maker *m, int v) {
    return &m->part->loop->instr[m->part->first + v];
}

static int operand(const maker *m, int absolute) {
    return absolute < 0 ? -1 : absolute - m->part->first;
}

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

/* Whether the elements of every tile are consecutive. */
static bool always_in_place(const maker *m, const hb_cpu_view *view) {
    if (m->part->boxes) return false;
    return view->flat || (view->unit && m->program->space.columns >= HB_CPU_WIDE);
}

/* ---- actions ---- */

static hb_cpu_map *map_of(const maker *m, const hb_instr *instr) {
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

static bool is_reduction(int code) { return code >= HB_SUM && code <= HB_PROD; }

static hb_cpu_action_kind kind_of(const maker *m, const hb_instr *instr) {
    if (instr->code == HB_LOAD)
        return m->part->loop->in[instr->a].buffer == HB_BUFFER_INDEX ? HB_CPU_INDEX : HB_CPU_LOAD;
    if (instr->code == HB_ACC) return HB_CPU_PRODUCT;
    if (instr->code >= HB_BITS && instr->code <= HB_NORMAL) return HB_CPU_RANDOM;
    return is_reduction(instr->code) ? HB_CPU_REDUCED : HB_CPU_MAP;
}

/* Nanoseconds for an element: about what the AVX2 functions take of the first-level cache. */
static double cost_of(const hb_instr *instr) {
    static const uint8_t flops[HB_CODES] = {
#define SCALAR(CODE, name, arity, types, result, cost) [HB_##CODE] = cost,
#include "../../../kernels/scalar.def"
#undef SCALAR
        [HB_BITS] = 40, [HB_UNIFORM] = 40, [HB_NORMAL] = 80, [HB_USER] = 60, /* who knows */
    };
    const double each = instr->dtype == HEBB_F64 && flops[instr->code] > 8 ? 0.4 : 0.03;
    return 0.08 + each * flops[instr->code];
}

static void use(value *values, int v, int at) {
    if (v < 0) return;
    values[v].used = true;
    if (values[v].last_use < at) values[v].last_use = at;
}

/* Backwards from what is stored or reduced: which values are used, and until when. */
static void find_uses(maker *m) {
    const hb_cpu_part *part = m->part;
    const hb_loop *loop = part->loop;
    const int n = m->program->n_values;
    for (int v = 0; v < n; v++) m->values[v].last_use = -1;
    for (int i = 0; i < loop->n_out; i++)
        if (writes(part, i)) use(m->values, operand(m, loop->out[i].value), INT_MAX);
    for (int i = part->last; i < loop->n_instr; i++)
        if (is_reduction(loop->instr[i].code))
            use(m->values, operand(m, loop->instr[i].a), INT_MAX);
    for (int v = n - 1; v >= 0; v--) {
        const hb_instr *instr = instruction(m, v);
        m->values[v].size = (int)hebb_dtype_size((hebb_dtype)instr->dtype);
        if (!m->values[v].used || instr->code == HB_LOAD || is_reduction(instr->code)) continue;
        use(m->values, operand(m, instr->a), v);
        use(m->values, operand(m, instr->b), v);
        use(m->values, operand(m, instr->c), v);
        use(m->values, operand(m, hb_fourth(instr)), v);
    }
}

static bool all_single(const maker *m, const hb_instr *instr) {
    const int operands[4] = {operand(m, instr->a), operand(m, instr->b), operand(m, instr->c),
                             operand(m, hb_fourth(instr))};
    for (int i = 0; i < 4; i++)
        if (operands[i] >= 0 && !m->values[operands[i]].single) return false;
    return true;
}

/* Which values are one element for the whole space, or alike in all tiles. */
static void find_invariants(maker *m, const hb_cpu_action *actions) {
    const hb_cpu_space *space = &m->program->space;
    const bool one_point = space->rows == 1 && space->columns == 1;
    for (int v = 0; v < m->program->n_values; v++) {
        const hb_instr *instr = instruction(m, v);
        const hb_cpu_action *action = &actions[v];
        value *it = &m->values[v];
        if (!it->used) continue;
        if (instr->code == HB_CONST) it->single = true;
        else if (action->kind == HB_CPU_LOAD) {
            it->single = action->view.scalar && !one_point;
            it->early = m->periodic && !always_in_place(m, &action->view) &&
                        is_periodic(space, &action->view);
        } else if (action->kind == HB_CPU_MAP) it->single = all_single(m, instr);
        it->early |= it->single;
    }
    for (int v = 0; v < m->program->n_values; v++) {
        const hb_instr *instr = instruction(m, v);
        if (!m->values[v].used || m->values[v].single || actions[v].kind == HB_CPU_LOAD ||
            actions[v].kind == HB_CPU_INDEX || actions[v].kind == HB_CPU_REDUCED)
            continue;
        if (instr->a >= 0) m->values[operand(m, instr->a)].spread = true;
        if (instr->b >= 0) m->values[operand(m, instr->b)].spread = true;
        if (instr->c >= 0) m->values[operand(m, instr->c)].spread = true;
        if (hb_fourth(instr) >= 0) m->values[operand(m, instr->d)].spread = true;
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
static bool may_be_direct(maker *m, hb_cpu_action *actions, const hb_cpu_store *store) {
    bool direct = actions[store->value].kind == HB_CPU_MAP ||
                  actions[store->value].kind == HB_CPU_RANDOM ||
                  actions[store->value].kind == HB_CPU_REDUCED;
    if (m->values[store->value].early || m->values[store->value].direct) direct = false;
    for (int v = 0; v < m->program->n_values; v++) {
        if (!m->values[v].used || actions[v].kind != HB_CPU_LOAD) continue;
        if (!same_memory(&m->program->space, &actions[v].view, &store->view)) continue;
        if (m->values[v].last_use == INT_MAX) actions[v].copy = true;
        const int last_read = actions[v].copy ? v : m->values[v].last_use;
        if (last_read > store->value) direct = false;
    }
    return direct;
}

/* Bytes that all loads and stores of varying values move. */
static double traffic(const maker *m, const hb_cpu_action *actions) {
    const hb_cpu_space *space = &m->program->space;
    double bytes = 0;
    for (int v = 0; v < m->program->n_values; v++)
        if (m->values[v].used && actions[v].kind == HB_CPU_LOAD && !m->values[v].single)
            bytes += m->values[v].size;
    for (int i = 0; i < m->program->n_stores; i++) bytes += m->program->store[i].view.size;
    if (m->part->times > 0) bytes *= (double)m->part->times;
    return bytes * (double)space->rows * (double)space->columns;
}

/* Beyond the last-level cache, a store that reads what it overwrites wastes bandwidth. Not for
   memory that was just read, which is in the cache, or will be read soon. */
static bool may_stream(const maker *m, const hb_cpu_action *actions, const hb_cpu_store *store) {
    for (int v = 0; v < m->program->n_values; v++) {
        if (!m->values[v].used || actions[v].kind != HB_CPU_LOAD) continue;
        if (same_memory(&m->program->space, &actions[v].view, &store->view)) return false;
    }
    return always_in_place(m, &store->view) && traffic(m, actions) > LAST_LEVEL;
}

static void make_stores(maker *m, hb_cpu_action *actions, const int *from) {
    hb_cpu_program *p = m->program;
    const hb_loop *loop = m->part->loop;
    for (int i = 0; i < loop->n_out; i++)
        if (writes(m->part, i))
            p->store[p->n_stores++] =
                (hb_cpu_store){.value = operand(m, loop->out[i].value),
                               .stream = m->part->times == 0 || loop->out[i].to.last,
                               .view = make_view(&p->space, from, &loop->out[i].to)};
    for (int i = 0; i < p->n_stores; i++) {
        hb_cpu_store *store = &p->store[i];
        store->direct = may_be_direct(m, actions, store);
        store->stream = store->stream && may_stream(m, actions, store);
        if (store->stream) store->direct = false;
        p->streams |= store->stream;
        if (store->direct) m->values[store->value].direct = true;
    }
    p->far = traffic(m, actions) > SECOND_LEVEL;
}

/* ---- scratch memory ---- */

static int take_slot(maker *m, int size) {
    for (int s = 0; s < m->n_slots; s++)
        if (m->slot_free[s] && m->slot_size[s] == size) {
            m->slot_free[s] = false;
            return s;
        }
    m->slot_size[m->n_slots] = size;
    m->slot_free[m->n_slots] = false;
    return m->n_slots++;
}

static void release_operand(maker *m, int v, int at) {
    if (v < 0 || m->values[v].early || m->values[v].last_use != at) return;
    if (m->values[v].slot < 0 || m->values[v].freed) return;
    m->values[v].freed = true;
    m->slot_free[m->values[v].slot] = true;
}

static bool needs_slot(const maker *m, const hb_cpu_action *actions, int v) {
    if (actions[v].kind == HB_CPU_LOAD && !m->values[v].single)
        return actions[v].copy || !always_in_place(m, &actions[v].view);
    for (int i = 0; i < m->program->n_stores; i++) {
        const hb_cpu_store *store = &m->program->store[i];
        if (store->value == v && store->direct && always_in_place(m, &store->view)) return false;
    }
    return actions[v].kind != HB_CPU_PRODUCT || m->part->boxes;
}

static void make_slot(maker *m, const hb_cpu_action *actions, int v) {
    value *it = &m->values[v];
    const hb_instr *instr = instruction(m, v);
    const bool computes = actions[v].kind == HB_CPU_MAP || actions[v].kind == HB_CPU_RANDOM;
    if (computes && !it->early) {
        release_operand(m, operand(m, instr->a), v);
        release_operand(m, operand(m, instr->b), v);
        release_operand(m, operand(m, instr->c), v);
        release_operand(m, operand(m, hb_fourth(instr)), v);
    }
    if (needs_slot(m, actions, v))
        it->slot = take_slot(m, it->single && !it->spread ? -SINGLE_BYTES : it->size);
}

/* Early values live through all tiles, so they come first and never give their slots back. */
static void make_slots(maker *m, const hb_cpu_action *actions) {
    m->n_slots = 0;
    for (int v = 0; v < m->program->n_values; v++) {
        m->values[v].slot = -1;
        m->values[v].freed = false;
    }
    for (int early = 1; early >= 0; early--)
        for (int v = 0; v < m->program->n_values; v++)
            if (m->values[v].used && m->values[v].early == early &&
                instruction(m, v)->code != HB_CONST)
                make_slot(m, actions, v);
}

static int64_t slot_bytes(int size, int64_t tile) {
    return size < 0 ? SINGLE_BYTES : (size * tile + 63) / 64 * 64;
}

static size_t scratch_bytes(const maker *m, int64_t tile) {
    size_t bytes = ((size_t)m->program->n_values * POINTER + 63) / 64 * 64;
    for (int s = 0; s < m->n_slots; s++) bytes += (size_t)slot_bytes(m->slot_size[s], tile);
    return bytes;
}

/* Bytes a point that a tile keeps in the cache: slots, constants, and memory in place. */
static int64_t point_bytes(const maker *m) {
    int64_t bytes = 0;
    for (int s = 0; s < m->n_slots; s++) bytes += m->slot_size[s] > 0 ? m->slot_size[s] : 0;
    for (int v = 0; v < m->program->n_values; v++) {
        const value *it = &m->values[v];
        if (it->used && it->slot < 0) bytes += it->size;
    }
    return bytes;
}

static int64_t largest_element(const maker *m) {
    int64_t largest = 1;
    for (int v = 0; v < m->program->n_values; v++)
        if (m->values[v].size > largest) largest = m->values[v].size;
    return largest;
}

static int64_t choose_tile(const maker *m) {
    const hb_cpu_space *space = &m->program->space;
    const int64_t bytes = point_bytes(m);
    int64_t tile = bytes > 0 ? FIRST_LEVEL / bytes : HB_CPU_TILE;
    if (tile > HB_CPU_TILE) tile = HB_CPU_TILE;
    const int64_t apart = m->part->tile_bytes / largest_element(m);
    if (apart > 0 && tile > apart) tile = apart;
    if (space->rows <= tile && space->columns <= tile && space->rows * space->columns < tile)
        tile = space->rows * space->columns;
    tile = tile < 64 ? 64 : (tile + 63) / 64 * 64;
    if (tile > m->part->tile) tile = m->part->tile;
    while (tile > 8 && scratch_bytes(m, tile) > m->part->scratch) tile -= 8;
    return tile;
}

/* ---- constants ---- */

static void fill_constant(char *to, const hb_instr *instr, int64_t n) {
    for (int64_t i = 0; i < n; i++) switch ((hebb_dtype)instr->dtype) {
        case HEBB_F32: ((float *)(void *)to)[i] = (float)instr->imm.f; break;
        case HEBB_F64: ((double *)(void *)to)[i] = instr->imm.f; break;
        case HEBB_I32: ((int32_t *)(void *)to)[i] = (int32_t)instr->imm.i; break;
        case HEBB_I64: ((int64_t *)(void *)to)[i] = instr->imm.i; break;
        case HEBB_U8: ((uint8_t *)to)[i] = (uint8_t)instr->imm.i; break;
        case HEBB_BOOL: ((uint8_t *)to)[i] = instr->imm.i != 0; break;
        case HEBB_F16: ((uint16_t *)(void *)to)[i] = hb_f16_of_f32((float)instr->imm.f); break;
        case HEBB_BF16: ((uint16_t *)(void *)to)[i] = hb_bf16_of_f32((float)instr->imm.f); break;
        case HEBB_I8: ((int8_t *)to)[i] = (int8_t)instr->imm.i; break;
        }
}

static hebb_status make_constants(maker *m, hb_error *error) {
    hb_cpu_program *p = m->program;
    size_t bytes = 0;
    for (int v = 0; v < p->n_values; v++)
        if (m->values[v].used && instruction(m, v)->code == HB_CONST)
            bytes += (size_t)slot_bytes(m->values[v].size, p->tile);
    p->constants = hb_cpu_allocate(bytes);
    if (!p->constants) return hb_fail_memory(error, "constants", bytes);
    bytes = 0;
    for (int v = 0; v < p->n_values; v++) {
        if (!m->values[v].used || instruction(m, v)->code != HB_CONST) continue;
        p->constant[v] = p->constants + bytes;
        fill_constant(p->constant[v], instruction(m, v), p->tile);
        bytes += (size_t)slot_bytes(m->values[v].size, p->tile);
    }
    return HEBB_OK;
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

static hebb_status make_actions(maker *m, hb_cpu_action *actions, const int *from,
                                hb_error *error) {
    for (int v = 0; v < m->program->n_values; v++) {
        const hb_instr *instr = instruction(m, v);
        hb_cpu_action *action = &actions[v];
        *action = (hb_cpu_action){
            .kind = kind_of(m, instr),
            .value = v,
            .a = operand(m, instr->a),
            .b = operand(m, instr->b),
            .c = operand(m, instr->c),
            .d = operand(m, hb_fourth(instr)),
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

/* Early actions first, then those of each tile, each in their order. */
static void gather_actions(maker *m, const hb_cpu_action *actions) {
    hb_cpu_program *p = m->program;
    for (int early = 1; early >= 0; early--) {
        for (int v = 0; v < p->n_values; v++) {
            const value *it = &m->values[v];
            if (!it->used || it->early != early || instruction(m, v)->code == HB_CONST) continue;
            hb_cpu_action *action = &p->action[p->n_actions++];
            *action = actions[v];
            action->single = it->single;
            action->spread = it->spread;
            p->ns += early ? 0 : cost_of(instruction(m, v));
            if (action->kind == HB_CPU_PRODUCT) p->product_size = action->size;
        }
        if (early) p->n_first = p->n_actions;
    }
}

static void place_slots(maker *m, int32_t *offset) {
    hb_cpu_program *p = m->program;
    p->scratch = scratch_bytes(m, p->tile);
    int32_t at = (p->n_values * POINTER + 63) / 64 * 64;
    for (int s = 0; s < m->n_slots; s++) {
        offset[s] = at;
        at += (int32_t)slot_bytes(m->slot_size[s], p->tile);
    }
    for (int v = 0; v < p->n_values; v++)
        p->slot[v] = m->values[v].slot < 0 ? -1 : offset[m->values[v].slot];
}

static hebb_status make(maker *m, hb_cpu_action *actions, int32_t *offset, hb_error *error) {
    hb_cpu_program *p = m->program;
    int from[HEBB_MAX_RANK];
    make_space(m->part, &p->space, from);
    find_uses(m);
    hebb_status status = make_actions(m, actions, from, error);
    if (status) return status;
    /* Loads that are alike in all tiles are so only in tiles of whole rows. */
    m->periodic = m->part->boxes || p->space.columns < HB_CPU_WIDE;
    find_invariants(m, actions);
    make_stores(m, actions, from);
    make_slots(m, actions);
    p->tile = choose_tile(m);
    if (m->periodic && !m->part->boxes && p->tile < p->space.columns) {
        m->periodic = false;
        for (int v = 0; v < p->n_values; v++) m->values[v].early = m->values[v].single;
        make_slots(m, actions);
        p->tile = choose_tile(m);
    }
    if (scratch_bytes(m, p->tile) > m->part->scratch)
        return hb_fail(error, HEBB_E_UNSUPPORTED, "a program with %d values at once is too large",
                       m->n_slots);
    place_slots(m, offset);
    gather_actions(m, actions);
    return make_constants(m, error);
}

hebb_status hb_cpu_program_make(const hb_device *device, const hb_cpu_part *part,
                                hb_cpu_program *program, hb_error *error) {
    const int n = part->last - part->first, n_out = part->loop->n_out;
    *program = (hb_cpu_program){.n_values = n};
    maker m = {.device = device, .part = part, .program = program};
    const size_t count = (size_t)n + 1;
    program->slot = malloc(count * sizeof *program->slot);
    program->constant = calloc(count, sizeof *program->constant);
    program->action = malloc(count * sizeof *program->action);
    program->store = malloc(((size_t)n_out + 1) * sizeof *program->store);
    m.values = calloc(count, sizeof *m.values);
    m.slot_size = malloc(count * sizeof *m.slot_size);
    m.slot_free = malloc(count * sizeof *m.slot_free);
    hb_cpu_action *actions = malloc(count * sizeof *actions);
    int32_t *offset = malloc(count * sizeof *offset);
    hebb_status status;
    if (program->slot && program->constant && program->action && program->store && m.values &&
        m.slot_size && m.slot_free && actions && offset)
        status = make(&m, actions, offset, error);
    else status = hb_fail_memory(error, "a program", count * sizeof *actions);
    free(m.values);
    free(m.slot_size);
    free(m.slot_free);
    free(actions);
    free(offset);
    if (status) hb_cpu_program_free(program);
    return status;
}

void hb_cpu_program_free(hb_cpu_program *program) {
    free(program->slot);
    free(program->constant);
    free(program->constants);
    free(program->action);
    free(program->store);
    *program = (hb_cpu_program){0};
}
