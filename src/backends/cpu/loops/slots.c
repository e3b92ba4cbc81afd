/* The scratch memory of a program: which values need a tile there, which may share one because
   their live ranges do not overlap, and how large tiles may be; and its constants. Called by
   program.c when a program is made. */
#include <stdlib.h>

#include "maker.h"
#include "../../../../kernels/scalar.h"

enum {
    FIRST_LEVEL = 24 << 10, /* bytes of the first-level cache that tiles may fill */
    TIGHT_TILE = 2048,      /* points of values in tiles, at most */
    SINGLE_BYTES = 64,      /* of a scalar that is not spread */
    POINTER = (int)sizeof(char *),
};

bool hb_cpu_always_in_place(const hb_cpu_maker *m, const hb_cpu_view *view) {
    if (m->part->boxes) return false;
    return view->flat || (view->unit && m->program->space.columns >= HB_CPU_WIDE);
}

/* ---- scratch memory ---- */

static int take_slot(hb_cpu_maker *m, int size) {
    for (int s = 0; s < m->n_slots; s++)
        if (m->slot_free[s] && m->slot_size[s] == size) {
            m->slot_free[s] = false;
            return s;
        }
    m->slot_size[m->n_slots] = size;
    m->slot_free[m->n_slots] = false;
    return m->n_slots++;
}

static bool needs_slot(const hb_cpu_maker *m, int v) {
    const hb_cpu_action *action = &m->actions[v];
    if (m->values[v].chain >= 0) return true;
    if (action->kind == HB_CPU_LOAD && !m->values[v].single)
        return action->copy || !hb_cpu_always_in_place(m, &action->view);
    for (int i = 0; i < m->program->n_stores; i++) {
        const hb_cpu_store *store = &m->program->store[i];
        if (store->value == v && store->direct && hb_cpu_always_in_place(m, &store->view))
            return false;
    }
    return action->kind != HB_CPU_PRODUCT || m->part->boxes;
}

static void release_operands(hb_cpu_maker *m, int v, int position) {
    int operands[4];
    hb_cpu_operands(m, v, operands);
    for (int i = 0; i < 4; i++) {
        if (operands[i] < 0) continue;
        hb_cpu_value *it = &m->values[operands[i]];
        if (it->early || it->last_position != position || it->slot < 0 || it->freed) continue;
        it->freed = true;
        m->slot_free[it->slot] = true;
    }
}

static void give_slot(hb_cpu_maker *m, int v) {
    hb_cpu_value *it = &m->values[v];
    if (needs_slot(m, v))
        it->slot = take_slot(m, it->single && !it->spread ? -SINGLE_BYTES : it->size);
}

/* A result may take the place of an operand, but not in a chain, which reads some of its operands
   after it has written results. */
static void make_slots_at(hb_cpu_maker *m, int position) {
    const int v = m->sequence[position];
    if (v >= 0) {
        const hb_cpu_action_kind kind = m->actions[v].kind;
        if (kind == HB_CPU_MAP || kind == HB_CPU_RANDOM) release_operands(m, v, position);
        give_slot(m, v);
        return;
    }
    for (int u = 0; u < m->program->n_values; u++)
        if (m->values[u].chain == ~v && m->values[u].tiled) give_slot(m, u);
    for (int u = 0; u < m->program->n_values; u++)
        if (m->values[u].chain == ~v) release_operands(m, u, position);
}

/* Early values live through all tiles, so they come first and never give their slots back. */
void hb_cpu_make_slots(hb_cpu_maker *m) {
    m->n_slots = 0;
    for (int v = 0; v < m->program->n_values; v++) {
        m->values[v].slot = -1;
        m->values[v].freed = false;
    }
    for (int v = 0; v < m->program->n_values; v++)
        if (m->values[v].used && m->values[v].early && hb_cpu_instruction(m, v)->code != HB_CONST)
            give_slot(m, v);
    for (int s = 0; s < m->n_sequence; s++)
        if (m->sequence[s] < 0 || !m->values[m->sequence[s]].early) make_slots_at(m, s);
}

static int64_t slot_bytes(int size, int64_t tile) {
    return size < 0 ? SINGLE_BYTES : (size * tile + 63) / 64 * 64;
}

static size_t up(size_t bytes) { return hb_round_up(bytes, 64); }

/* In this order: pointers to values, slots, strips, links made ready. */
size_t hb_cpu_scratch_bytes(const hb_cpu_maker *m, int64_t tile) {
    const hb_cpu_program *p = m->program;
    size_t bytes = up((size_t)p->n_values * POINTER);
    for (int s = 0; s < m->n_slots; s++) bytes += (size_t)slot_bytes(m->slot_size[s], tile);
    return bytes + (size_t)p->n_strips * p->strip_bytes +
           up((size_t)p->longest * sizeof(hb_cpu_link));
}

void hb_cpu_place_slots(hb_cpu_maker *m, int32_t *offset) {
    hb_cpu_program *p = m->program;
    p->scratch = hb_cpu_scratch_bytes(m, p->tile);
    size_t at = up((size_t)p->n_values * POINTER);
    for (int s = 0; s < m->n_slots; s++) {
        offset[s] = (int32_t)at;
        at += (size_t)slot_bytes(m->slot_size[s], p->tile);
    }
    for (int v = 0; v < p->n_values; v++) {
        const int slot = m->values[v].slot;
        p->home[v] = slot < 0 ? 0 : (uintptr_t)offset[slot];
        p->in_scratch[v] = slot < 0 ? 0 : UINTPTR_MAX;
    }
    p->strips_at = at;
    p->links_at = at + (size_t)p->n_strips * p->strip_bytes;
}

/* Bytes a point that a tile keeps in the cache: slots, constants, and memory in place. */
static int64_t point_bytes(const hb_cpu_maker *m) {
    int64_t bytes = 0;
    for (int s = 0; s < m->n_slots; s++) bytes += m->slot_size[s] > 0 ? m->slot_size[s] : 0;
    for (int v = 0; v < m->program->n_values; v++) {
        const hb_cpu_value *it = &m->values[v];
        if (it->used && it->slot < 0) bytes += it->size;
    }
    return bytes;
}

static int64_t largest_element(const hb_cpu_maker *m) {
    int64_t largest = 1;
    for (int v = 0; v < m->program->n_values; v++)
        if (m->values[v].size > largest) largest = m->values[v].size;
    return largest;
}

/* Nothing is in a tile, so that it may have any size. */
static bool is_loose(const hb_cpu_maker *m) {
    for (int s = 0; s < m->n_slots; s++)
        if (m->slot_size[s] > 0) return false;
    for (int s = 0; s < m->n_sequence; s++)
        if (m->sequence[s] >= 0) return false;
    return m->n_sequence > 0;
}

/* Points. */
static int64_t wanted_tile(const hb_cpu_maker *m) {
    if (is_loose(m)) return HB_CPU_TILE;
    const int64_t bytes = point_bytes(m), apart = m->part->tile_bytes / largest_element(m);
    int64_t tile = bytes > 0 ? FIRST_LEVEL / bytes : TIGHT_TILE;
    if (tile > TIGHT_TILE) tile = TIGHT_TILE;
    return apart > 0 && tile > apart ? apart : tile;
}

void hb_cpu_choose_tile(hb_cpu_maker *m) {
    const hb_cpu_space *space = &m->program->space;
    int64_t tile = wanted_tile(m);
    if (space->rows <= tile && space->columns <= tile && space->rows * space->columns < tile)
        tile = space->rows * space->columns;
    tile = tile < 64 ? 64 : (tile + 63) / 64 * 64;
    if (tile > m->part->tile) tile = m->part->tile;
    while (tile > 8 && hb_cpu_scratch_bytes(m, tile) > m->part->scratch) tile -= 8;
    m->program->tile = tile;
    m->program->loose = is_loose(m);
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

/* Links read the first element; others a whole tile. */
static int64_t constant_points(const hb_cpu_maker *m, int v) {
    return m->values[v].spread ? m->program->tile : 1;
}

static bool is_constant(const hb_cpu_maker *m, int v) {
    return m->values[v].used && hb_cpu_instruction(m, v)->code == HB_CONST;
}

hebb_status hb_cpu_make_constants(hb_cpu_maker *m, hb_error *error) {
    hb_cpu_program *p = m->program;
    size_t bytes = 0;
    for (int v = 0; v < p->n_values; v++)
        if (is_constant(m, v))
            bytes += (size_t)slot_bytes(m->values[v].size, constant_points(m, v));
    p->constants = hb_cpu_allocate(bytes);
    if (!p->constants) return hb_fail_memory(error, "constants", bytes);
    bytes = 0;
    for (int v = 0; v < p->n_values; v++) {
        if (!is_constant(m, v)) continue;
        fill_constant(p->constants + bytes, hb_cpu_instruction(m, v), constant_points(m, v));
        p->home[v] = (uintptr_t)(p->constants + bytes);
        bytes += (size_t)slot_bytes(m->values[v].size, constant_points(m, v));
    }
    return HEBB_OK;
}
