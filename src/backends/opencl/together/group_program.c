/* One program of what the members of a group do: values go from one to the next without memory,
   what several load is loaded once, and instructions are sorted by when they are done. Called by
   group.c.
 */
#include <stdlib.h>

#include "group_members.h"

static bool moves(const maker *m, const hb_operand *o, bool along_row) {
    const int from = along_row ? m->row.n : 0, to = along_row ? rank_of(m) : m->row.n;
    for (int k = from; k < to; k++)
        if (o->stride[k] != 0) return true;
    return false;
}

/* Appends an instruction, whose operands are the program's, and says when it is done. -1: no room.
 */
static int append(maker *m, hb_instr instr) {
    hb_loop *p = m->program;
    const int at = p->n_instr;
    if (at == MOST_INSTRUCTIONS) return -1;
    const int operands[] = {instr.code == HB_LOAD ? -1 : instr.a, instr.b, instr.c,
                            hb_fourth(&instr)};
    uint8_t level = HB_CL_ROW, phase = 0;
    if (instr.code == HB_LOAD && moves(m, &p->in[instr.a], true)) level = HB_CL_POINT;
    for (int k = 0; k < 4; k++) {
        if (operands[k] < 0) continue;
        if (m->level[operands[k]] == HB_CL_POINT) level = HB_CL_POINT;
        if (m->phase[operands[k]] > phase) phase = m->phase[operands[k]];
    }
    if (hb_is_reduction(instr.code)) {
        level = HB_CL_REDUCTIONS;
        if (++phase == HB_CL_MOST_PHASES) return -1;
    }
    m->level[at] = level;
    m->phase[at] = phase;
    p->instr[p->n_instr++] = instr;
    return at;
}

/* An input of the program. What stays as it is from row to row is in the cache: each phase loads it
   anew, others find what the first one loaded. */
static int append_load(maker *m, const hb_operand *in) {
    hb_loop *p = m->program;
    const bool again = moves(m, in, true) && !moves(m, in, false);
    for (int i = 0; i < p->n_instr && !again; i++)
        if (p->instr[i].code == HB_LOAD && same_element(m, &p->in[p->instr[i].a], in)) {
            m->found += in->buffer >= 0 && moves(m, in, true);
            return i;
        }
    p->in[p->n_in] = *in;
    return append(m, (hb_instr){.code = HB_LOAD,
                                .dtype = (uint8_t)in->dtype,
                                .a = (int16_t)p->n_in++,
                                .b = -1,
                                .c = -1,
                                .d = -1});
}

static int append_instruction(maker *m, const member *of, const hb_instr *from) {
    hb_instr instr = *from;
    if (instr.code == HB_LOAD) {
        const source *s = &of->source[instr.a];
        if (s->member < 0) return append_load(m, &of->in[instr.a]);
        m->found++;
        return m->member[s->member].value[m->member[s->member].loop->out[s->output].value];
    }
    if (instr.a >= 0) instr.a = of->value[instr.a];
    if (instr.b >= 0) instr.b = of->value[instr.b];
    if (instr.c >= 0) instr.c = of->value[instr.c];
    if (hb_fourth(&instr) >= 0) instr.d = of->value[instr.d];
    return append(m, instr);
}

/* The value at points: of one that is the same along a row, a copy made there. -1: no room. */
static int at_points(maker *m, int value) {
    if (m->level[value] == HB_CL_POINT) return value;
    const int dtype = m->program->instr[value].dtype;
    if (hb_cl_is_half(dtype)) return -1;
    const int copy = append(m, (hb_instr){.code = HB_CAST,
                                          .dtype = (uint8_t)dtype,
                                          .a = (int16_t)value,
                                          .b = -1,
                                          .c = -1,
                                          .d = -1});
    if (copy >= 0) m->level[copy] = HB_CL_POINT;
    return copy;
}

static bool append_output(maker *m, int value, const hb_operand *to) {
    hb_loop *p = m->program;
    if (moves(m, to, true)) value = at_points(m, value);
    else if (m->level[value] == HB_CL_POINT) return false;
    if (value < 0) return false;
    p->out[p->n_out++] = (hb_output){.to = *to, .value = value};
    return true;
}

/* The reductions over the rows of the last member's step. */
static bool append_across(maker *m, hb_cl_group *group) {
    const member *last = &m->member[m->n - 1];
    for (int i = m->across->n_pre; i < m->across->n_instr; i++) {
        if (!hb_is_reduction(m->across->instr[i].code)) continue;
        if (group->n_across == HB_CL_MOST_ACROSS) return false;
        const int of = at_points(m, last->value[m->across->instr[i].a]);
        if (of < 0) return false;
        group->across[group->n_across] = i;
        group->of[group->n_across++] = of;
    }
    return true;
}

static bool append_member(maker *m, member *of) {
    for (int i = 0; i < of->loop->n_instr; i++) {
        const int at = append_instruction(m, of, &of->loop->instr[i]);
        if (at < 0) return false;
        of->value[i] = (int16_t)at;
    }
    for (int i = 0; i < of->loop->n_out; i++)
        if (!of->dropped[i] && !append_output(m, of->value[of->loop->out[i].value], &of->to[i]))
            return false;
    return true;
}

/* ---- phases ---- */

static bool is_overwritten(const maker *m, const hb_operand *in) {
    for (int i = 0; i < m->program->n_out; i++)
        if (hb_cl_members_meet(m, in, &m->program->out[i].to)) return true;
    return false;
}

/* A load is done in the first phase that needs it, unless something is stored there meanwhile. */
static void delay_loads(maker *m) {
    hb_loop *p = m->program;
    for (int i = 0; i < p->n_instr; i++) {
        if (p->instr[i].code != HB_LOAD || m->level[i] != HB_CL_POINT ||
            is_overwritten(m, &p->in[p->instr[i].a]))
            continue;
        int phase = HB_CL_MOST_PHASES;
        for (int k = i + 1; k < p->n_instr; k++) {
            const int at = m->level[k] == HB_CL_REDUCTIONS ? m->phase[k] - 1 : m->phase[k];
            if (hb_uses(&p->instr[k], i) && at < phase) phase = at;
        }
        for (int k = 0; k < p->n_out; k++)
            if (p->out[k].value == i) phase = 0;
        m->phase[i] = phase == HB_CL_MOST_PHASES ? 0 : (uint8_t)phase;
    }
}

/* Sorts instructions by phase and level. */
static bool sort_program(const maker *m, hb_cl_group *group) {
    hb_loop *p = m->program;
    int16_t to[MOST_INSTRUCTIONS];
    hb_instr *sorted = calloc((size_t)p->n_instr + 1, sizeof *sorted);
    if (sorted == NULL) return false;
    int n = 0;
    for (int key = 0; key < HB_CL_LEVELS * HB_CL_MOST_PHASES; key++) {
        group->first[key] = n;
        for (int i = 0; i < p->n_instr; i++)
            if (m->phase[i] * HB_CL_LEVELS + m->level[i] == key) {
                group->n_phases = m->phase[i] + 1;
                to[i] = (int16_t)n++;
            }
    }
    group->first[HB_CL_LEVELS * HB_CL_MOST_PHASES] = n;
    for (int i = 0; i < p->n_instr; i++) {
        hb_instr instr = p->instr[i];
        if (instr.code != HB_LOAD && instr.a >= 0) instr.a = to[instr.a];
        if (instr.b >= 0) instr.b = to[instr.b];
        if (instr.c >= 0) instr.c = to[instr.c];
        if (hb_fourth(&instr) >= 0) instr.d = to[instr.d];
        sorted[to[i]] = instr;
    }
    for (int i = 0; i < p->n_out; i++) p->out[i].value = to[p->out[i].value];
    for (int i = 0; i < group->n_across; i++) group->of[i] = to[group->of[i]];
    free(p->instr);
    p->instr = sorted;
    return true;
}

static bool find_rewrites(const maker *m, hb_cl_group *group) {
    const hb_loop *p = m->program;
    group->stays = calloc((size_t)p->n_in + 1, sizeof *group->stays);
    if (group->stays == NULL) return false;
    for (int i = 0; i < p->n_in; i++) group->stays[i] = !is_overwritten(m, &p->in[i]);
    for (int i = 0; i < p->n_in; i++)
        for (int k = 0; k < p->n_out; k++)
            if (!moves(m, &p->in[i], true) && hb_cl_members_meet(m, &p->in[i], &p->out[k].to))
                group->rewrites = true;
    return true;
}

static bool allocate_program(maker *m) {
    size_t n_in = 1, n_out = 1;
    for (int k = 0; k < m->n; k++) {
        n_in += (size_t)m->member[k].loop->n_in;
        n_out += (size_t)m->member[k].loop->n_out;
    }
    hb_loop *p = m->program;
    p->in = calloc(n_in, sizeof *p->in);
    p->out = calloc(n_out, sizeof *p->out);
    p->instr = calloc(MOST_INSTRUCTIONS, sizeof *p->instr);
    for (int k = 0; k < rank_of(m); k++) {
        p->reduce[k] = k >= m->row.n;
        p->dim[k] = p->reduce[k] ? m->column.size[k - m->row.n] : m->row.size[k];
    }
    p->rank = rank_of(m);
    return p->in && p->out && p->instr;
}

bool hb_cl_group_program(maker *m, hb_cl_group *group) {
    m->program = &group->loop;
    m->found = 0;
    if (!allocate_program(m)) return false;
    for (int k = 0; k < m->n; k++)
        if (!append_member(m, &m->member[k])) return false;
    if (m->across != NULL && !append_across(m, group)) return false;
    if (m->found == 0) return false;
    delay_loads(m);
    return find_rewrites(m, group) && sort_program(m, group);
}
