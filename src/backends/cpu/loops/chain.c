/* Decides which instructions of a program become chains (chain_kernel.h); links.c then writes their
   links. Called by program.c when a program is made; nothing here runs.

   Instructions stay in their order, but one that cannot be a link goes before the chain that is
   being collected if dependences allow, so that chains become long. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "maker.h"

enum {
    LONGEST_ROW = 4096, /* that is summed in one strip */
    SHORT_SPACE = 64,   /* below this, aiming links costs more than the tiles that they save */
    SHORT_ROW = 64,     /* below this, elements are moved to tiles, which are one long row */
    SHORT_RUN = 512,    /* of elements in rows that are equally far apart */
    FOLD_POINTS = 8192, /* in rows that are summed at once, */
    FOLD_VECTORS = 192, /* and vectors for their sums */
};

/* ---- what can be a link ---- */

static const hb_cpu_form forms[HB_CODES] = {
    [HB_ADD] = {HB_CPU_BINARY, HB_CHAIN_ADD, HB_CHAIN_ADD},
    [HB_SUB] = {HB_CPU_BINARY, HB_CHAIN_SUB, HB_CHAIN_FROM},
    [HB_MUL] = {HB_CPU_BINARY, HB_CHAIN_MUL, HB_CHAIN_MUL},
    [HB_DIV] = {HB_CPU_BINARY, HB_CHAIN_DIV, HB_CHAIN_INTO},
    [HB_MAX] = {HB_CPU_BINARY, HB_CHAIN_MAX, HB_CHAIN_MAX_OF},
    [HB_MIN] = {HB_CPU_BINARY, HB_CHAIN_MIN, HB_CHAIN_MIN_OF},
    [HB_EQ] = {HB_CPU_BINARY, HB_CHAIN_EQ, HB_CHAIN_EQ},
    [HB_NE] = {HB_CPU_BINARY, HB_CHAIN_NE, HB_CHAIN_NE},
    [HB_LT] = {HB_CPU_BINARY, HB_CHAIN_LT, HB_CHAIN_GT},
    [HB_LE] = {HB_CPU_BINARY, HB_CHAIN_LE, HB_CHAIN_GE},
    [HB_GT] = {HB_CPU_BINARY, HB_CHAIN_GT, HB_CHAIN_LT},
    [HB_GE] = {HB_CPU_BINARY, HB_CHAIN_GE, HB_CHAIN_LE},
    [HB_AND] = {HB_CPU_BINARY, HB_CHAIN_AND, HB_CHAIN_AND},
    [HB_OR] = {HB_CPU_BINARY, HB_CHAIN_OR, HB_CHAIN_OR},
    [HB_NEG] = {HB_CPU_UNARY, HB_CHAIN_NEG, 0},
    [HB_ABS] = {HB_CPU_UNARY, HB_CHAIN_ABS, 0},
    [HB_NOT] = {HB_CPU_UNARY, HB_CHAIN_NOT, 0},
    [HB_SQRT] = {HB_CPU_UNARY, HB_CHAIN_SQRT, 0},
    [HB_EXP] = {HB_CPU_UNARY, HB_CHAIN_EXP, 0},
    [HB_TANH] = {HB_CPU_UNARY, HB_CHAIN_TANH, 0},
    [HB_SIGMOID] = {HB_CPU_UNARY, HB_CHAIN_SIGMOID, 0},
};

hb_cpu_form hb_cpu_form_of_code(hb_code code) { return forms[code]; }

static hebb_dtype dtype_of(const hb_cpu_maker *m, int v) {
    return (hebb_dtype)hb_cpu_instruction(m, v)->dtype;
}

/* Whether links get far before a row ends. */
static bool is_walkable(const hb_cpu_maker *m, const hb_cpu_view *view) {
    const hb_cpu_space *space = &m->program->space;
    if (view->flat && !m->part->boxes) return true;
    if (space->columns < SHORT_ROW) return false;
    return view->even || space->dim[space->rank - 2] * space->columns >= SHORT_RUN;
}

bool hb_cpu_is_viewable(const hb_cpu_maker *m, int v) {
    const hb_cpu_action *action = &m->actions[v];
    if (action->kind == HB_CPU_PRODUCT)
        return dtype_of(m, v) == HEBB_F32 && m->program->space.columns >= SHORT_ROW;
    if (action->kind != HB_CPU_LOAD || action->copy || m->values[v].single) return false;
    if (!is_walkable(m, &action->view)) return false;
    if (dtype_of(m, v) == HEBB_BOOL) return action->view.unit;
    const int inner = m->program->space.rank - 1;
    return dtype_of(m, v) == HEBB_F32 && (action->view.unit || action->view.stride[inner] == 0);
}

/* Whether a link can read it, wherever it is. A truth is one of many. */
static bool readable(const hb_cpu_maker *m, int v, hebb_dtype dtype) {
    return v < 0 || (dtype_of(m, v) == dtype && (dtype == HEBB_F32 || !m->values[v].early));
}

static bool reduced(const hb_cpu_maker *m, int v) {
    const hb_instr *instr;
    for (int i = 0; (instr = hb_cpu_reduction_at(m, i)) != NULL; i++)
        if (hb_cpu_number(m, instr->a) == v) return true;
    return false;
}

static hb_cpu_form form_of_map(const hb_cpu_maker *m, int v, const int operands[4]) {
    const hb_instr *instr = hb_cpu_instruction(m, v);
    const hebb_dtype from = dtype_of(m, operands[0]), to = dtype_of(m, v);
    const hb_cpu_form none = {HB_CPU_NOT_A_LINK, 0, 0};
    if (instr->code == HB_USER) return none;
    if (instr->code == HB_CAST)
        return from == HEBB_BOOL && to == HEBB_F32   ? (hb_cpu_form){HB_CPU_TRUTHS_AS_NUMBERS, 0, 0}
               : from == HEBB_F32 && to == HEBB_BOOL ? (hb_cpu_form){HB_CPU_NUMBERS_AS_TRUTHS, 0, 0}
                                                     : none;
    if (instr->code == HB_SELECT)
        return to == HEBB_F32 && readable(m, operands[0], HEBB_BOOL)
                   ? (hb_cpu_form){HB_CPU_CHOICE, 0, 0}
                   : none;
    const bool logical = instr->code == HB_AND || instr->code == HB_OR || instr->code == HB_NOT;
    if (from != (logical ? HEBB_BOOL : HEBB_F32)) return none;
    if (forms[instr->code].kind != HB_CPU_NOT_A_LINK) return forms[instr->code];
    if (to != HEBB_F32 || operands[2] >= 0) return none;
    return (hb_cpu_form){operands[1] < 0 ? HB_CPU_CALL_ONE : HB_CPU_CALL_TWO, 0, 0};
}

hb_cpu_form hb_cpu_form_of(const hb_cpu_maker *m, int v) {
    const hb_cpu_form none = {HB_CPU_NOT_A_LINK, 0, 0};
    const hb_cpu_value *it = &m->values[v];
    int operands[4];
    hb_cpu_operands(m, v, operands);
    if (!it->used || it->single) return none;
    if (m->actions[v].kind == HB_CPU_LOAD && m->program->fold != HB_CPU_FOLD_NONE &&
        dtype_of(m, v) == HEBB_F32 && hb_cpu_is_viewable(m, v) && reduced(m, v))
        return (hb_cpu_form){HB_CPU_LOADED, 0, 0};
    if (it->early || m->actions[v].kind != HB_CPU_MAP || operands[0] < 0) return none;
    const hb_cpu_form form = form_of_map(m, v, operands);
    if (form.kind == HB_CPU_NOT_A_LINK) return none;
    for (int i = form.kind == HB_CPU_CHOICE; i < 4; i++)
        if (!readable(m, operands[i],
                      form.kind == HB_CPU_CHOICE ? HEBB_F32 : dtype_of(m, operands[0])))
            return none;
    return form;
}

/* ---- which chain ---- */

/* Short rows are summed more at once: getting ready takes as long for many rows as for one. */
static int rows_folded_at_once(int64_t columns, int n_reductions) {
    const int64_t rows = hb_min(FOLD_POINTS / columns, FOLD_VECTORS / n_reductions);
    return (int)hb_max(rows / HB_CPU_STRIP_VECTORS, 1) * HB_CPU_STRIP_VECTORS;
}

static void decide_fold(hb_cpu_maker *m) {
    hb_cpu_program *p = m->program;
    const hb_instr *instr;
    int n = 0;
    p->fold = m->part->fold;
    /* Tiles of several results are folded by the caller. */
    if (p->fold == HB_CPU_FOLD_ROWS && p->space.columns < HB_CPU_WIDE &&
        m->part->points <= HB_CPU_TILE)
        p->fold = HB_CPU_FOLD_NONE;
    if (p->fold == HB_CPU_FOLD_COLUMNS && p->space.columns < SHORT_ROW) p->fold = HB_CPU_FOLD_NONE;
    for (; p->fold != HB_CPU_FOLD_NONE && (instr = hb_cpu_reduction_at(m, n)) != NULL; n++)
        if (n == HB_CPU_MOST_REDUCTIONS || instr->dtype != HEBB_F32 ||
            dtype_of(m, hb_cpu_number(m, instr->a)) != HEBB_F32 ||
            hb_cpu_form_of(m, hb_cpu_number(m, instr->a)).kind == HB_CPU_NOT_A_LINK)
            p->fold = HB_CPU_FOLD_NONE;
    p->fold_rows = 1;
    if (p->fold == HB_CPU_FOLD_ROWS && p->space.columns == m->part->points &&
        p->space.columns <= LONGEST_ROW)
        p->fold_rows = rows_folded_at_once(p->space.columns, n);
}

static bool needs_chain(const hb_cpu_maker *m, int v, int chain) {
    int operands[4];
    hb_cpu_operands(m, v, operands);
    for (int i = 0; i < 4; i++)
        if (operands[i] >= 0 && m->values[operands[i]].chain == chain) return true;
    return false;
}

static void close_chain(hb_cpu_maker *m, int *open) {
    if (*open >= 0) m->sequence[m->n_sequence++] = ~*open;
    *open = -1;
}

/* Something else than a link comes before the chain that is being made, unless it needs it, or
   writes to memory that the chain may read. */
static void put_values_into_chains(hb_cpu_maker *m) {
    int open = -1;
    for (int v = 0; v < m->program->n_values; v++) {
        hb_cpu_value *it = &m->values[v];
        if (!it->used || hb_cpu_instruction(m, v)->code == HB_CONST) continue;
        if (hb_cpu_form_of(m, v).kind != HB_CPU_NOT_A_LINK) {
            if (open < 0) open = m->n_chains++;
            it->chain = open;
        } else if (!it->early) {
            if (open >= 0 && (it->direct || needs_chain(m, v, open))) close_chain(m, &open);
            m->sequence[m->n_sequence++] = v;
        }
    }
    close_chain(m, &open);
}

static bool is_stored_by_link(const hb_cpu_maker *m, int v) {
    for (int i = 0; i < m->program->n_stores; i++) {
        const hb_cpu_store *store = &m->program->store[i];
        if (store->value == v && store->view.unit && is_walkable(m, &store->view)) return true;
    }
    return m->program->fold != HB_CPU_FOLD_NONE && reduced(m, v);
}

/* What a chain saves: tiles of values between its members, of its operands, and of its results. A
   function of its own that is all there is to do is better called for whole tiles. */
static bool is_worthwhile(const hb_cpu_maker *m, int chain) {
    int members = 0, last = -1;
    bool saves = false;
    const hb_cpu_space *space = &m->program->space;
    if (space->rows * space->columns < SHORT_SPACE && m->program->fold == HB_CPU_FOLD_NONE)
        return false;
    for (int v = 0; v < m->program->n_values; v++) {
        if (m->values[v].chain != chain) continue;
        int operands[4];
        hb_cpu_operands(m, v, operands);
        members++;
        last = v;
        saves = saves || is_stored_by_link(m, v) || needs_chain(m, v, chain);
        for (int i = 0; i < 4; i++)
            saves = saves || (operands[i] >= 0 && hb_cpu_is_viewable(m, operands[i]) &&
                              !hb_cpu_always_in_place(m, &m->actions[operands[i]].view));
    }
    if (members == 1 && hb_cpu_form_of(m, last).kind >= HB_CPU_CALL_ONE)
        return m->program->fold != HB_CPU_FOLD_NONE && reduced(m, last);
    return saves;
}

/* The members in place of a chain in the sequence. */
static void dissolve(hb_cpu_maker *m, int position) {
    const int chain = ~m->sequence[position];
    int members = 0;
    for (int v = 0; v < m->program->n_values; v++) members += m->values[v].chain == chain;
    memmove(m->sequence + position + members, m->sequence + position + 1,
            (size_t)(m->n_sequence - position - 1) * sizeof *m->sequence);
    m->n_sequence += members - 1;
    for (int v = 0; v < m->program->n_values; v++)
        if (m->values[v].chain == chain) {
            m->values[v].chain = -1;
            m->sequence[position++] = v;
        }
}

static void dissolve_chains(hb_cpu_maker *m) {
    for (int s = 0; s < m->n_sequence; s++)
        if (m->sequence[s] < 0 && !is_worthwhile(m, ~m->sequence[s])) dissolve(m, s);
}

static void mark_tiled(hb_cpu_maker *m, int v, int position) {
    hb_cpu_value *it = &m->values[v];
    it->tiled = true;
    if (it->last_position < position) it->last_position = position;
}

static void mark_operands(hb_cpu_maker *m, int v, int position) {
    int operands[4];
    hb_cpu_operands(m, v, operands);
    for (int i = 0; i < 4; i++) {
        if (operands[i] < 0) continue;
        const hb_cpu_value *it = &m->values[operands[i]];
        const int chain = m->values[v].chain;
        if (chain >= 0 && (it->chain == chain || hb_cpu_is_viewable(m, operands[i]))) continue;
        mark_tiled(m, operands[i], position);
    }
}

/* Stores of a chain's values are links if memory is consecutive; the others need a tile. */
static void link_stores(hb_cpu_maker *m) {
    for (int i = 0; i < m->program->n_stores; i++) {
        hb_cpu_store *store = &m->program->store[i];
        const int v = store->value;
        const bool made = m->values[v].chain >= 0;
        store->linked = made && (store->direct || store->stream) && store->view.unit &&
                        is_walkable(m, &store->view);
        if (made && !store->linked) store->direct = false;
        if (!store->linked) mark_tiled(m, v, INT_MAX);
    }
}

/* Values that something else than their chain's links reads, and until when. */
static void find_tiled(hb_cpu_maker *m) {
    for (int v = 0; v < m->program->n_values; v++) {
        m->values[v].tiled = false;
        m->values[v].last_position = -1;
    }
    for (int v = 0; v < m->program->n_values; v++)
        if (m->values[v].used && m->values[v].early) mark_operands(m, v, -1);
    for (int s = 0; s < m->n_sequence; s++)
        if (m->sequence[s] >= 0) mark_operands(m, m->sequence[s], s);
        else
            for (int v = 0; v < m->program->n_values; v++)
                if (m->values[v].chain == ~m->sequence[s]) mark_operands(m, v, s);
    link_stores(m);
    const hb_instr *instr;
    for (int i = 0; (instr = hb_cpu_reduction_at(m, i)) != NULL; i++)
        if (m->program->fold == HB_CPU_FOLD_NONE)
            mark_tiled(m, hb_cpu_number(m, instr->a), INT_MAX);
}

/* Loads that nobody needs but links, which read them where they are. */
static void drop_loads(hb_cpu_maker *m) {
    int n = 0;
    for (int v = 0; v < m->program->n_values; v++)
        if (m->values[v].used && hb_cpu_is_viewable(m, v) && !m->values[v].tiled)
            m->values[v].early = false;
    for (int s = 0; s < m->n_sequence; s++) {
        const int v = m->sequence[s];
        if (v < 0 || m->values[v].tiled || !hb_cpu_is_viewable(m, v)) m->sequence[n++] = v;
    }
    m->n_sequence = n;
}

void hb_cpu_find_chains(hb_cpu_maker *m) {
    for (int v = 0; v < m->program->n_values; v++) {
        hb_cpu_value *it = &m->values[v];
        it->chain = it->strip = -1;
        it->kept = it->spread = false;
    }
    m->n_sequence = m->n_chains = 0;
    decide_fold(m);
    put_values_into_chains(m);
    dissolve_chains(m);
    hb_cpu_group_loads(m);
    find_tiled(m);
    drop_loads(m);
    find_tiled(m); /* positions are others without them */
    hb_cpu_group_stores(m);
}
