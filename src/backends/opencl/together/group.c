/* Finds LOOPs that follow each other and makes one program of them, for a kernel that does them row
   by row (group.h). Every member's space is written as [rows..., points of a row...], in the same
   dimensions; what a member reads of another's results it must read at the point where they were
   written, so that they need not pass through memory. Looks at operands only. */
#include <stdlib.h>

#include "group_members.h"

enum { LEAD = 4 }; /* among so many first steps, one must reduce */

/* ---- dimensions ---- */

/* The coarsest dimensions into which both can be cut. */
static bool refine(const dims *a, const dims *b, dims *to) {
    int64_t reversed[HEBB_MAX_RANK], x = 1, y = 1;
    int n = 0, i = a->n, j = b->n;
    for (;;) {
        if (x == 1 && i > 0) x = a->size[--i];
        if (y == 1 && j > 0) y = b->size[--j];
        if (x == 1 && y == 1) break;
        const int64_t size = x < y ? x : y;
        if (size == 1 || x % size != 0 || y % size != 0 || n == HEBB_MAX_RANK) return false;
        x /= size;
        y /= size;
        reversed[n++] = size;
    }
    to->n = n;
    for (int k = 0; k < n; k++) to->size[k] = reversed[n - 1 - k];
    return true;
}

static int64_t count(const dims *d) {
    int64_t n = 1;
    for (int k = 0; k < d->n; k++) n *= d->size[k];
    return n;
}

/* Dimensions of size 1 are left out everywhere. */
static void select_dims(const hb_loop *loop, const bool *is_row, dims *row, dims *column) {
    row->n = column->n = 0;
    for (int k = 0; k < loop->rank; k++) {
        dims *to = is_row[k] ? row : column;
        if (loop->dim[k] != 1) to->size[to->n++] = loop->dim[k];
    }
}

static bool same_dims(const hb_loop *a, const hb_loop *b) {
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

/* Which of a loop's dimensions number rows. */
static bool find_rows(const maker *m, const hb_loop *loop, bool *is_row) {
    const hb_loop *like = same_dims(loop, m->anchor) ? m->anchor : loop;
    if (like == m->anchor || hb_reduces(loop)) {
        for (int k = 0; k < loop->rank; k++) {
            is_row[k] = !like->reduce[k];
            if (hb_reduces(loop) && loop->reduce[k] != like->reduce[k]) return false;
        }
        return true;
    }
    int64_t n = 1;
    for (int k = 0; k < loop->rank; k++) {
        is_row[k] = n < m->rows || loop->dim[k] == 1;
        if (is_row[k]) n *= loop->dim[k];
    }
    return n == m->rows;
}

static void place_part(const dims *own, const int64_t *strides, const dims *common, int64_t *to) {
    int k = own->n;
    int64_t left = 1, stride = 0;
    for (int c = common->n - 1; c >= 0; c--) {
        if (left == 1 && k > 0) {
            left = own->size[--k];
            stride = strides[k];
        } else if (left == 1) stride = 0;
        to[c] = stride;
        stride *= common->size[c];
        if (left > 1) left /= common->size[c];
    }
}

/* An operand's strides over the common dimensions: those of rows, then those of points. */
static void place(const maker *m, const member *of, const bool *is_row, const hb_operand *from,
                  hb_operand *to) {
    int64_t row[HEBB_MAX_RANK], column[HEBB_MAX_RANK];
    int n_row = 0, n_column = 0;
    for (int k = 0; k < of->loop->rank; k++) {
        if (of->loop->dim[k] == 1) continue;
        if (is_row[k]) row[n_row++] = from->stride[k];
        else column[n_column++] = from->stride[k];
    }
    *to = *from;
    memset(to->stride, 0, sizeof to->stride);
    place_part(&of->row, row, &m->row, to->stride);
    place_part(&of->column, column, &m->column, to->stride + m->row.n);
}

/* ---- members ---- */

static void free_members(maker *m) {
    for (int k = 0; k < m->n; k++) {
        free(m->member[k].in);
        free(m->member[k].to);
        free(m->member[k].source);
        free(m->member[k].dropped);
        free(m->member[k].value);
    }
    m->n = m->row.n = m->column.n = 0;
    free(m->points.out);
    m->points.out = NULL;
    m->across = NULL;
}

static bool is_candidate(const hb_step *step) {
    const hb_loop *loop = &step->u.loop;
    if (step->kind != HB_LOOP) return false;
    for (int k = 0; k < loop->rank; k++)
        if (loop->dim[k] == 0) return false;
    return true;
}

/* Adds a step if its space is one of these rows, or one of a point a row. */
static bool add_member(maker *m, const hb_loop *loop) {
    member *of = &m->member[m->n];
    bool is_row[HEBB_MAX_RANK];
    if (!find_rows(m, loop, is_row)) return false;
    *of = (member){.loop = loop};
    select_dims(loop, is_row, &of->row, &of->column);
    const int64_t columns = count(&of->column);
    if (count(&of->row) != m->rows || (columns != m->columns && (columns != 1 || hb_reduces(loop))))
        return false;
    dims row = of->row, column = m->column;
    if (m->n > 0 && !refine(&of->row, &m->row, &row)) return false;
    if (m->column.n == 0) column = of->column;
    else if (columns > 1 && !refine(&of->column, &m->column, &column)) return false;
    if (row.n + column.n > HEBB_MAX_RANK) return false;
    m->row = row;
    m->column = column;
    m->n++;
    return true;
}

/* Whether a loop reduces over the rows, and over nothing else. */
static bool is_across(const maker *m, const hb_step *step) {
    const hb_loop *loop = &step->u.loop;
    if (!is_candidate(step) || !hb_reduces(loop) || !same_dims(loop, m->anchor)) return false;
    for (int k = 0; k < loop->rank; k++)
        if (loop->dim[k] > 1 && loop->reduce[k] == m->anchor->reduce[k]) return false;
    return true;
}

/* Adds what such a loop does at every point. */
static bool add_across(maker *m, const hb_loop *loop) {
    m->points = *loop;
    m->points.n_instr = loop->n_pre;
    m->points.n_out = 0;
    m->points.out = calloc((size_t)loop->n_out + 1, sizeof *m->points.out);
    if (m->points.out == NULL) return false;
    for (int i = 0; i < loop->n_out; i++)
        if (loop->out[i].value < loop->n_pre) m->points.out[m->points.n_out++] = loop->out[i];
    memcpy(m->points.reduce, m->anchor->reduce, sizeof m->points.reduce);
    m->across = loop;
    return add_member(m, &m->points);
}

static bool place_members(maker *m) {
    for (int k = 0; k < m->n; k++) {
        member *of = &m->member[k];
        const hb_loop *loop = of->loop;
        bool is_row[HEBB_MAX_RANK];
        of->in = calloc((size_t)loop->n_in + 1, sizeof *of->in);
        of->to = calloc((size_t)loop->n_out + 1, sizeof *of->to);
        of->source = calloc((size_t)loop->n_in + 1, sizeof *of->source);
        of->dropped = calloc((size_t)loop->n_out + 1, sizeof *of->dropped);
        of->value = calloc((size_t)loop->n_instr + 1, sizeof *of->value);
        if (!of->in || !of->to || !of->source || !of->dropped || !of->value) return false;
        (void)find_rows(m, loop, is_row);
        for (int i = 0; i < loop->n_in; i++) place(m, of, is_row, &loop->in[i], &of->in[i]);
        for (int i = 0; i < loop->n_out; i++) place(m, of, is_row, &loop->out[i].to, &of->to[i]);
    }
    return true;
}

/* ---- what members do to memory ---- */

static void find_span(const maker *m, const hb_operand *o, int64_t *low, int64_t *high) {
    *low = o->offset;
    *high = o->offset + 1;
    for (int k = 0; k < rank_of(m); k++) {
        const int64_t size = k < m->row.n ? m->row.size[k] : m->column.size[k - m->row.n];
        const int64_t reach = o->stride[k] * (size - 1);
        if (reach < 0) *low += reach;
        else *high += reach;
    }
    *low *= size_of(o);
    *high *= size_of(o);
}

bool hb_cl_members_meet(const maker *m, const hb_operand *a, const hb_operand *b) {
    if (a->buffer < 0 || a->buffer != b->buffer) return false;
    int64_t a_low, a_high, b_low, b_high;
    find_span(m, a, &a_low, &a_high);
    find_span(m, b, &b_low, &b_high);
    return a_low < b_high && b_low < a_high;
}

/* The last member that writes what an input reads, before the input's own. */
static source find_source(const maker *m, int reader, const hb_operand *in) {
    for (int k = reader - 1; k >= 0 && in->buffer >= 0; k--)
        for (int i = 0; i < m->member[k].loop->n_out; i++)
            if (same_element(m, in, &m->member[k].to[i])) return (source){k, i};
    return (source){-1, -1};
}

/* Whether an output's memory is read by nobody after the group: its last reader is in the group, or
   another member writes there. */
static bool is_dropped(const maker *m, int writer, const hb_operand *to) {
    for (int k = writer + 1; k < m->n; k++) {
        const member *of = &m->member[k];
        bool last = false;
        for (int i = 0; i < of->loop->n_in; i++) {
            if (!hb_cl_members_meet(m, to, &of->in[i])) continue;
            if (!same_element(m, to, &of->in[i])) return false;
            last = last || of->in[i].last;
        }
        if (last) return true;
        for (int i = 0; i < of->loop->n_out; i++)
            if (hb_cl_members_meet(m, to, &of->to[i])) return same_place(m, to, &of->to[i]);
    }
    return false;
}

static void find_flow(maker *m) {
    for (int k = 0; k < m->n; k++) {
        member *of = &m->member[k];
        for (int i = 0; i < of->loop->n_in; i++) of->source[i] = find_source(m, k, &of->in[i]);
        for (int i = 0; i < of->loop->n_out; i++) of->dropped[i] = is_dropped(m, k, &of->to[i]);
    }
}

/* Whether what `later` writes meets what `earlier` reads or writes at other points than its own. */
static bool writes_across(const maker *m, const member *earlier, const member *later) {
    for (int j = 0; j < later->loop->n_out; j++) {
        if (later->dropped[j]) continue;
        const hb_operand *to = &later->to[j];
        for (int i = 0; i < earlier->loop->n_in; i++)
            if (earlier->source[i].member < 0 && hb_cl_members_meet(m, &earlier->in[i], to) &&
                !same_place(m, &earlier->in[i], to))
                return true;
        for (int i = 0; i < earlier->loop->n_out; i++)
            if (!earlier->dropped[i] && hb_cl_members_meet(m, &earlier->to[i], to) &&
                !same_place(m, &earlier->to[i], to))
                return true;
    }
    return false;
}

/* Whether `later` would have to read from memory what `earlier` writes. */
static bool reads_across(const maker *m, const member *earlier, const member *later) {
    for (int j = 0; j < later->loop->n_in; j++)
        for (int i = 0; i < earlier->loop->n_out; i++)
            if (later->source[j].member < 0 &&
                hb_cl_members_meet(m, &earlier->to[i], &later->in[j]))
                return true;
    return false;
}

static bool are_independent(const maker *m) {
    for (int k = 1; k < m->n; k++)
        for (int e = 0; e < k; e++)
            if (writes_across(m, &m->member[e], &m->member[k]) ||
                reads_across(m, &m->member[e], &m->member[k]))
                return false;
    return true;
}

/* Whether an operand's memory meets the scratch memory of the step that reduces over the rows,
   where items leave their results while others still work. */
static bool meets_scratch(const maker *m, const hb_operand *o, const hb_step *last) {
    int64_t low, high;
    find_span(m, o, &low, &high);
    return o->buffer == last->scratch_buffer &&
           low < last->scratch_offset + (int64_t)last->scratch_bytes && high > last->scratch_offset;
}

/* What the second kernel reads beside those results must be in memory by then. */
static bool may_end(const maker *m, const hb_step *last) {
    for (int k = 0; k < m->n; k++) {
        const member *of = &m->member[k];
        for (int i = 0; i < of->loop->n_in; i++)
            if (of->source[i].member < 0 && meets_scratch(m, &of->in[i], last)) return false;
        for (int i = 0; i < of->loop->n_out; i++)
            if (!of->dropped[i] && meets_scratch(m, &of->to[i], last)) return false;
    }
    const member *end = &m->member[m->n - 1];
    for (int i = m->across->n_pre; i < m->across->n_instr; i++)
        for (int k = 0; k < m->n && m->across->instr[i].code == HB_LOAD; k++)
            for (int n = 0; n < m->member[k].loop->n_out; n++)
                if (hb_cl_members_meet(m, &end->in[m->across->instr[i].a], &m->member[k].to[n]))
                    return false;
    return true;
}

/* ---- all of it ---- */

/* Tries the first n steps, the last of which reduces over the rows or does not. */
static bool make_group(maker *m, const hb_step *steps, int n, bool across, hb_cl_group *group) {
    memset(group, 0, sizeof *group);
    const hb_step *last = &steps[n - 1];
    bool made = true;
    for (int k = 0; k < n - across && made; k++) made = add_member(m, &steps[k].u.loop);
    if (across) made = made && add_across(m, &last->u.loop);
    made = made && place_members(m);
    if (made) find_flow(m);
    made = made && are_independent(m) && (!across || may_end(m, last)) &&
           hb_cl_group_program(m, group);
    free_members(m);
    if (made) group->n_steps = n;
    else hb_cl_group_free(group);
    return made;
}

static bool find_anchor(maker *m, const hb_step *steps, size_t n_steps) {
    for (size_t k = 0; k < n_steps && k < LEAD && is_candidate(&steps[k]); k++) {
        const hb_loop *loop = &steps[k].u.loop;
        if (!hb_reduces(loop)) continue;
        m->anchor = loop;
        m->rows = m->columns = 1;
        for (int d = 0; d < loop->rank; d++)
            if (loop->reduce[d]) m->columns *= loop->dim[d];
            else m->rows *= loop->dim[d];
        return m->columns > 1;
    }
    return false;
}

void hb_cl_group_find(const hb_step *steps, size_t n_steps, bool across, hb_cl_group *group) {
    memset(group, 0, sizeof *group);
    if (n_steps < 2 || !is_candidate(&steps[0]) || !is_candidate(&steps[1])) return;
    maker *m = calloc(1, sizeof *m);
    if (m == NULL) return;
    int most = 0;
    if (find_anchor(m, steps, n_steps))
        while (most < MOST_STEPS && (size_t)most < n_steps && is_candidate(&steps[most]) &&
               add_member(m, &steps[most].u.loop))
            most++;
    free_members(m);
    const bool made = across && most > 0 && most < MOST_STEPS && (size_t)most < n_steps &&
                      is_across(m, &steps[most]) && make_group(m, steps, most + 1, true, group);
    while (!made && most > 1 && !make_group(m, steps, most, false, group)) most--;
    free(m);
}

void hb_cl_group_free(hb_cl_group *group) {
    free(group->loop.in);
    free(group->loop.out);
    free(group->loop.instr);
    free(group->stays);
    memset(group, 0, sizeof *group);
}
