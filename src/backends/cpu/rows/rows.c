/* Finds consecutive LOOPs that may be run row by row: each is rewritten so that its first dimension
   is the row (its "form"), and no dependence between two of them, through memory that one writes,
   may cross from row to row. Called by cpu.c when a plan is prepared; looks at operands only. */
#include <stdlib.h>
#include <string.h>

#include "rows.h"

enum {
    FEWEST_ROWS = 8,
    MOST_ROW_BYTES = 512 << 10, /* that the second-level cache holds */
    FEWEST_BYTES = 1 << 20,     /* of all rows: less stays in that cache anyway */
    FOUND_SHARE = 32,           /* one of so many bytes must be found in the cache, at least */
    MOST_STRANGERS = 6,         /* in turn, that share no memory with members before them */
    LINE = 64,                  /* bytes that memory comes in */
};

/* ---- forms ---- */

static void free_member(hb_cpu_member *m) {
    free(m->form.in);
    free(m->form.out);
    free(m->access);
    *m = (hb_cpu_member){0};
}

static hb_operand *operand_of(const hb_loop *loop, int i) {
    return i < loop->n_in ? &loop->in[i] : &loop->out[i - loop->n_in].to;
}

/* Whether dimension k continues in the one that follows it. */
static bool continues(const hb_loop *loop, int k) {
    if (loop->reduce[k] != loop->reduce[k + 1]) return false;
    for (int i = 0; i < loop->n_in + loop->n_out; i++) {
        const int64_t *stride = operand_of(loop, i)->stride;
        if (stride[k] != stride[k + 1] * loop->dim[k + 1]) return false;
    }
    return true;
}

/* The row: dimensions [first, last], of the last one only the outer part if `inner` is not 1; the
   first `around` of the others are left out. */
typedef struct row_part {
    int first, last;
    int64_t inner;
    int around;
} row_part;

/* Whether `rows` rows can be had from dimension `first` on. */
static bool find_part(const hb_loop *loop, int first, int64_t rows, row_part *part) {
    int64_t n = loop->dim[first];
    *part = (row_part){first, first, 1, 0};
    while (n < rows && part->last + 1 < loop->rank && continues(loop, part->last))
        n *= loop->dim[++part->last];
    if (n < rows || n % rows != 0) return false;
    part->inner = n / rows;
    return loop->dim[part->last] % part->inner == 0;
}

static void form_strides(const hb_loop *loop, const row_part *part, const hb_operand *from,
                         hb_operand *to) {
    int rank = 1;
    *to = *from;
    to->stride[0] = from->stride[part->last] * part->inner;
    for (int k = part->around; k < loop->rank; k++)
        if (k < part->first || k > part->last) to->stride[rank++] = from->stride[k];
        else if (k == part->last && part->inner > 1) to->stride[rank++] = from->stride[k];
}

static bool make_form(const hb_loop *loop, const row_part *part, int64_t rows, hb_loop *form) {
    const int rank = loop->rank - part->around - (part->last - part->first) + (part->inner > 1);
    if (rank > HEBB_MAX_RANK) return false;
    *form = *loop;
    form->in = malloc((size_t)(loop->n_in + 1) * sizeof *form->in);
    form->out = malloc((size_t)(loop->n_out + 1) * sizeof *form->out);
    if (!form->in || !form->out) return false;
    form->rank = 1;
    form->dim[0] = rows;
    form->reduce[0] = loop->reduce[part->first];
    for (int k = part->around; k < loop->rank; k++) {
        const bool inside = k >= part->first && k <= part->last;
        if (inside && (k < part->last || part->inner == 1)) continue;
        form->reduce[form->rank] = loop->reduce[k];
        form->dim[form->rank++] = inside ? part->inner : loop->dim[k];
    }
    for (int i = 0; i < loop->n_in; i++) form_strides(loop, part, &loop->in[i], &form->in[i]);
    for (int i = 0; i < loop->n_out; i++) {
        form->out[i].value = loop->out[i].value;
        form_strides(loop, part, &loop->out[i].to, &form->out[i].to);
    }
    return true;
}

/* ---- what a member does to memory ---- */

static void describe(const hb_loop *form, hb_operand *o, hb_cpu_access *a) {
    const int64_t size = (int64_t)hebb_dtype_size(o->dtype);
    *a = (hb_cpu_access){.operand = o,
                         .at = o->offset * size,
                         .size = size,
                         .bytes = size,
                         .step = o->stride[0] * size,
                         .local = -1};
    for (int k = 1; k < form->rank; k++) {
        const int64_t reach = o->stride[k] * size * (form->dim[k] - 1);
        if (reach < 0) a->at += reach;
        a->size += llabs(reach);
        if (o->stride[k] != 0) a->bytes *= form->dim[k];
    }
}

/* When an input is loaded. */
static void find_loads(const hb_cpu_member *m, int in, hb_cpu_access *a) {
    for (int i = 0; i < m->form.n_instr; i++)
        if (m->form.instr[i].code == HB_LOAD && m->form.instr[i].a == in) {
            if (m->collapses && i >= m->form.n_pre) a->late = true;
            else a->early = true;
        }
}

static bool describe_all(hb_cpu_member *m) {
    const hb_loop *form = &m->form;
    m->access = malloc((size_t)(form->n_in + form->n_out + 1) * sizeof *m->access);
    if (!m->access) return false;
    for (int i = 0; i < form->n_in; i++) {
        describe(form, &form->in[i], &m->access[i]);
        find_loads(m, i, &m->access[i]);
    }
    for (int i = 0; i < form->n_out; i++) {
        hb_cpu_access *a = &m->access[form->n_in + i];
        describe(form, &form->out[i].to, a);
        a->written = true;
        a->late = m->collapses && form->out[i].value >= form->n_pre;
        a->early = !a->late;
    }
    return true;
}

bool hb_cpu_meet(const hb_cpu_access *a, const hb_cpu_access *b, int64_t rows) {
    if (a->operand->buffer == HB_BUFFER_INDEX || a->operand->buffer != b->operand->buffer)
        return false;
    const int64_t a_span = a->step * (rows - 1), b_span = b->step * (rows - 1);
    const int64_t a_low = a->at + (a_span < 0 ? a_span : 0), a_high = a_low + llabs(a_span);
    const int64_t b_low = b->at + (b_span < 0 ? b_span : 0), b_high = b_low + llabs(b_span);
    return a_low < b_high + b->size && b_low < a_high + a->size;
}

/* The dimensions of a row that the access moves along, merged where they can be. */
static int moving(const hb_cpu_access *a, const hb_loop *form, int64_t *dim, int64_t *stride) {
    int n = 0;
    for (int k = 1; k < form->rank; k++) {
        const int64_t step = a->operand->stride[k];
        if (step == 0 || form->dim[k] == 1) continue;
        if (n > 0 && stride[n - 1] == step * form->dim[k]) dim[n - 1] *= form->dim[k];
        else dim[n++] = form->dim[k];
        stride[n - 1] = step;
    }
    return n;
}

/* The same elements at every point, but for how dimensions are cut. */
static bool same_elements(const hb_cpu_access *a, const hb_loop *a_form, const hb_cpu_access *b,
                          const hb_loop *b_form) {
    if (a->at != b->at || a->step != b->step || a->size != b->size || a->bytes != b->bytes ||
        a->operand->dtype != b->operand->dtype || a->operand->offset != b->operand->offset)
        return false;
    int64_t a_dim[HEBB_MAX_RANK], a_stride[HEBB_MAX_RANK];
    int64_t b_dim[HEBB_MAX_RANK], b_stride[HEBB_MAX_RANK];
    const int n = moving(a, a_form, a_dim, a_stride);
    if (moving(b, b_form, b_dim, b_stride) != n) return false;
    for (int k = 0; k < n; k++)
        if (a_dim[k] != b_dim[k] || a_stride[k] != b_stride[k]) return false;
    return true;
}

/* Whether they meet in the same rows only. */
static bool row_by_row(const hb_cpu_access *a, const hb_loop *a_form, const hb_cpu_access *b,
                       const hb_loop *b_form) {
    if (a->step != b->step || a->step <= 0) return false;
    const int64_t low = a->at < b->at ? a->at : b->at;
    const int64_t a_end = a->at + a->size, b_end = b->at + b->size;
    if ((a_end > b_end ? a_end : b_end) - low <= a->step) return true;
    return same_elements(a, a_form, b, b_form);
}

static bool allows(const hb_cpu_access *a, const hb_loop *a_form, const hb_cpu_access *b,
                   const hb_loop *b_form, int64_t rows) {
    if ((!a->written && !b->written) || !hb_cpu_meet(a, b, rows)) return true;
    if (a->late && b->early) return false;
    return !a->early || !b->early || row_by_row(a, a_form, b, b_form);
}

/* What lives within a block is not in the plan's memory, and meets nobody there. What b writes in
   the way of a is well if that will turn out to live so: until then it is marked as pending. */
static bool members_allow(const hb_cpu_member *a, const hb_cpu_member *b, int64_t rows) {
    for (int i = 0; i < a->form.n_in + a->form.n_out; i++)
        for (int j = 0; a->access[i].local < 0 && j < b->form.n_in + b->form.n_out; j++) {
            if (allows(&a->access[i], &a->form, &b->access[j], &b->form, rows)) continue;
            if (!b->access[j].written || b->access[j].late) return false;
            b->access[j].pending = true;
        }
    return true;
}

/* ---- values that live within a block ---- */

static bool within(const hb_cpu_access *inner, const hb_cpu_access *outer) {
    return inner->step == outer->step && inner->at >= outer->at &&
           inner->at + inner->size <= outer->at + outer->size;
}

/* Readers of what member `number` writes at `w`, up to the member that overwrites it. Marks them
   with `local`, or, with -1, only says whether all of them may be and nobody reads it later. */
static bool mark_readers(hb_cpu_rows *rows, int number, const hb_cpu_access *w, int local) {
    bool last = false, overwritten = false;
    for (int k = number + 1; k < rows->n && !overwritten; k++) {
        hb_cpu_member *m = &rows->member[k];
        for (int i = 0; i < m->form.n_in + m->form.n_out; i++) {
            hb_cpu_access *a = &m->access[i];
            if (!hb_cpu_meet(a, w, rows->rows)) continue;
            if (a->written) {
                overwritten = true;
                continue;
            }
            if (a->late || !within(a, w)) return false;
            last = last || a->operand->last;
            if (local >= 0) a->local = local;
        }
    }
    return last;
}

static void find_locals(hb_cpu_rows *rows) {
    rows->n_locals = 0;
    for (int k = 0; k < rows->n; k++)
        for (int i = 0; i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++)
            rows->member[k].access[i].local = -1;
    for (int k = 0; k < rows->n; k++) {
        hb_cpu_member *m = &rows->member[k];
        for (int i = m->form.n_in; i < m->form.n_in + m->form.n_out; i++) {
            hb_cpu_access *w = &m->access[i];
            const bool dense = w->bytes == w->size && w->step >= w->size;
            if (w->late || !dense || rows->n_locals == HB_CPU_MOST_MEMBERS ||
                !mark_readers(rows, k, w, -1))
                continue;
            w->local = rows->n_locals++;
            rows->local[w->local] = (hb_cpu_local){w->at, w->step, w->size};
            mark_readers(rows, k, w, w->local);
        }
    }
}

/* Whether a member from `first` on meets what another does there; or, with `writers`, writes it. */
static bool is_met(const hb_cpu_rows *rows, int first, const hb_cpu_access *a, bool writers) {
    for (int n = first; n < rows->n; n++)
        for (int j = 0; j < rows->member[n].form.n_in + rows->member[n].form.n_out; j++) {
            const hb_cpu_access *b = &rows->member[n].access[j];
            if ((b->written || !writers) && b->local < 0 && hb_cpu_meet(a, b, rows->rows))
                return true;
        }
    return false;
}

static void find_quiet(hb_cpu_rows *rows) {
    for (int k = 0; k < rows->n; k++) {
        hb_cpu_member *m = &rows->member[k];
        for (int i = 0; i < m->form.n_in + m->form.n_out; i++) {
            hb_cpu_access *a = &m->access[i];
            a->quiet = a->local < 0 && !is_met(rows, k + 1, a, false);
            if (!a->written && (a->late || a->step == 0 || is_met(rows, 0, a, true)))
                a->quiet = false;
        }
    }
}

/* The first member that writes in the way of others after all; rows->n if there is none. */
static int first_pending(const hb_cpu_rows *rows) {
    for (int k = 0; k < rows->n; k++)
        for (int i = 0; i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++)
            if (rows->member[k].access[i].pending && rows->member[k].access[i].local < 0) return k;
    return rows->n;
}

/* Whether the last member meets what others write: only then may other values be local. */
static bool is_met_by_last(const hb_cpu_rows *rows) {
    const hb_cpu_member *last = &rows->member[rows->n - 1];
    for (int k = 0; k < rows->n - 1; k++)
        for (int i = rows->member[k].form.n_in;
             i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++)
            for (int j = 0; j < last->form.n_in + last->form.n_out; j++)
                if (hb_cpu_meet(&rows->member[k].access[i], &last->access[j], rows->rows))
                    return true;
    return false;
}

/* ---- members ---- */

/* Where indices are read from has no memory that could begin elsewhere in another row. */
static bool has_moving_index(const hb_loop *form) {
    for (int i = 0; i < form->n_in; i++)
        if (form->in[i].buffer == HB_BUFFER_INDEX && form->in[i].stride[0] != 0) return true;
    return false;
}

/* What is made again to save memory stays by itself, so that the others are grouped as they would
   be without it, and round as they would. */
static bool is_candidate(const hb_step *step) {
    const hb_loop *loop = &step->u.loop;
    if (step->kind != HB_LOOP || loop->rank == 0 || step->again) return false;
    for (int k = 0; k < loop->rank; k++)
        if (loop->dim[k] == 0) return false;
    return true;
}

/* Adds the step with its rows from dimension `first` on, if that is possible beside the others. */
static bool add_at(hb_cpu_rows *rows, const hb_loop *loop, int first) {
    row_part part;
    hb_cpu_member *m = &rows->member[rows->n];
    *m = (hb_cpu_member){0};
    if (!find_part(loop, first, rows->rows, &part)) return false;
    part.around = rows->around;
    bool added = make_form(loop, &part, rows->rows, &m->form) && !has_moving_index(&m->form);
    m->collapses = added && m->form.reduce[0];
    added = added && describe_all(m);
    for (int i = 0; added && i < loop->n_in + loop->n_out; i++)
        m->access[i].whole = operand_of(loop, i);
    for (int k = 0; added && k < rows->n; k++)
        added = members_allow(&rows->member[k], m, rows->rows);
    if (!added) {
        free_member(m);
        return false;
    }
    rows->n++;
    if (is_met_by_last(rows)) find_locals(rows);
    return true;
}

static bool add_member(hb_cpu_rows *rows, const hb_step *step) {
    if (rows->n == HB_CPU_MOST_MEMBERS || !is_candidate(step)) return false;
    for (int first = 0; first < step->u.loop.rank; first++)
        if (add_at(rows, &step->u.loop, first)) return true;
    return false;
}

/* Bytes of a row that the member finds in the cache because another one has had them. */
static double found_bytes(const hb_cpu_rows *rows, int number) {
    const hb_cpu_member *m = &rows->member[number];
    double bytes = 0;
    for (int i = 0; i < m->form.n_in + m->form.n_out; i++) {
        const hb_cpu_access *a = &m->access[i];
        bool found = false;
        for (int k = 0; k < number && !found && a->early && a->step != 0; k++)
            for (int j = 0; j < rows->member[k].form.n_in + rows->member[k].form.n_out; j++)
                found = found || (rows->member[k].access[j].early &&
                                  hb_cpu_meet(a, &rows->member[k].access[j], rows->rows));
        if (found) bytes += (double)a->bytes;
    }
    return bytes;
}

static void cut_members(hb_cpu_rows *rows, int n) {
    while (rows->n > n) free_member(&rows->member[--rows->n]);
}

/* Takes members, but not many in turn that find nothing in the cache; how many bytes those find
   that do, for a row. */
static double collect_some(hb_cpu_rows *rows, const hb_step *steps, size_t n_steps) {
    double found = 0;
    int useful = 0;
    cut_members(rows, 0);
    for (size_t k = 0; k < n_steps && rows->n - useful <= MOST_STRANGERS; k++) {
        if (!add_member(rows, &steps[k])) break;
        const double more = found_bytes(rows, rows->n - 1);
        if (more > 0) useful = rows->n;
        found += more;
    }
    cut_members(rows, useful);
    find_locals(rows);
    return found;
}

/* Whether each line of what the access moves over has elements of several rows: a block of rows
   would go through memory an element here, an element there. */
static bool interleaves(const hb_cpu_access *a) { return a->step < LINE && a->size > a->step; }

/* Bytes that the members move in a row: all of them, or those of rows that interleave. */
static double row_bytes(const hb_cpu_rows *rows, bool interleaved) {
    double bytes = 0;
    for (int k = 0; k < rows->n; k++)
        for (int i = 0; i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++) {
            const hb_cpu_access *a = &rows->member[k].access[i];
            if (a->step != 0 && (!interleaved || interleaves(a))) bytes += (double)a->bytes;
        }
    return bytes;
}

/* Bytes that are found in the cache, over all rows; 0 if it is not worth it. */
static double collect(hb_cpu_rows *rows, const hb_step *steps, size_t n_steps) {
    double found = collect_some(rows, steps, n_steps);
    for (int n; (n = first_pending(rows)) < rows->n;) found = collect_some(rows, steps, (size_t)n);
    rows->bytes = row_bytes(rows, false);
    if (rows->bytes > MOST_ROW_BYTES || rows->bytes * (double)rows->rows < FEWEST_BYTES ||
        FOUND_SHARE * found < rows->bytes || row_bytes(rows, true) > rows->bytes / 2)
        cut_members(rows, 0);
    return rows->n > 1 ? found * (double)rows->rows : 0;
}

/* ---- all of it ---- */

/* The number of rows with which most is found in the cache. */
static int64_t best_rows(hb_cpu_rows *rows, const hb_step *steps, size_t n_steps) {
    const hb_loop *loop = &steps[0].u.loop;
    int64_t best = 0;
    double most = 0;
    for (int first = 0; first < loop->rank; first++) {
        int64_t n = 1;
        for (int k = first; k < loop->rank; k++) {
            n *= loop->dim[k];
            if (n < FEWEST_ROWS || loop->dim[k] == 1) continue;
            rows->rows = n;
            const double found = collect(rows, steps, n_steps);
            cut_members(rows, 0);
            if (found > most) best = n;
            if (found > most) most = found;
            if (first > 0) break; /* of inner dimensions only single ones */
        }
    }
    return best;
}

void hb_cpu_rows_find(const hb_step *steps, size_t n_steps, hb_cpu_rows *rows) {
    memset(rows, 0, sizeof *rows);
    if (n_steps < 2 || !is_candidate(&steps[0]) || !is_candidate(&steps[1])) return;
    const int64_t best = best_rows(rows, steps, n_steps);
    if (best == 0) return;
    rows->rows = best;
    (void)collect(rows, steps, n_steps);
    find_quiet(rows);
}

/* Whether the loop has these dimensions around its rows, and reduces none of them. */
static bool goes_over(const hb_loop *loop, int around, const int64_t *dim) {
    if (loop->rank <= around) return false;
    for (int k = 0; k <= around; k++)
        if (loop->dim[k] != dim[k] || loop->reduce[k]) return false;
    for (int i = 0; i < loop->n_in; i++)
        for (int k = 0; k < around; k++)
            if (loop->in[i].buffer == HB_BUFFER_INDEX && loop->in[i].stride[k] != 0) return false;
    return true;
}

bool hb_cpu_rows_take(const hb_step *steps, size_t n_steps, int around, const int64_t *dim,
                      hb_cpu_rows *rows) {
    memset(rows, 0, sizeof *rows);
    rows->rows = dim[around];
    rows->around = around;
    for (size_t k = 0; k < n_steps; k++)
        if (rows->n == HB_CPU_MOST_MEMBERS || !is_candidate(&steps[k]) ||
            !goes_over(&steps[k].u.loop, around, dim) || !add_at(rows, &steps[k].u.loop, around))
            return false;
    find_locals(rows);
    find_quiet(rows);
    return first_pending(rows) == rows->n;
}

void hb_cpu_rows_free(hb_cpu_rows *rows) { cut_members(rows, 0); }
