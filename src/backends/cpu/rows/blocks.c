/* Runs steps that rows.c has found, a block of rows at a time: each step's loop is prepared for one
   block, with operands whose memory moves from block to block. A loop that reduces the rows writes
   partial results, and another loop, after all blocks, combines them. Where all loops are chains, a
   block is run staggered (stagger.h): some rows at a time, each loop that many rows behind the one
   before it. Rows of few elements are turned around (turned_rows.h). Blocks are cut by sizes alone,
   so results do not depend on the number of threads. */
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "../code/code.h"

enum {
    /* That a block moves, about; what several members read counts for each of them, so that the
       second-level cache holds less, and the first-level cache much less. */
    BLOCK_BYTES = 1 << 20,
    SMALL_BLOCK_BYTES = 96 << 10,
    FEW_BYTES = 48 << 10,       /* below this, starting the loops costs more than memory */
    BLOCKS = 32,                /* wanted, if they are not that small */
    STAGGERED_ROWS = 128,       /* of a block: so many that it is mostly run by all loops */
    STAGGERED_BYTES = 32 << 10, /* of a value, at once; longer rows are not staggered */
    COMPILED_BYTES = 4 << 10,   /* of a value's row, where compiled loops are not staggered; */
    LINKS_A_BYTE = 7,           /* and links for each one that memory moves: interpreted, a link */
                                /* takes a seventh of what memory does (Zen 4) */
    TURNED_BYTES = 256 << 10,   /* of a block whose rows are turned: shorter loops cost more */
    TURNED_ROWS = 1024,         /* of it, at most, */
    ALONG = 64,                 /* a multiple of this many */
    SKEW = 16,                  /* elements of a row are not a power of two apart */
};

typedef struct maker {
    hb_device *device;
    const hb_cpu_rows *rows;
    hb_cpu_blocks *blocks;
    bool staggered; /* what is made, if it can be */
    bool compiled;  /* all of the loops: none is run with others as one chain */
    bool turned;
    const hb_cpu_joining *joining; /* NULL: these steps are run by themselves */
    hb_error *error;
} maker;

/* That staggered loops are run for at once. */
static int64_t rows_within(int64_t row_bytes) {
    return hb_max(STAGGERED_BYTES / hb_max(row_bytes, 1), 1);
}

/* ---- slots ---- */

/* -1 if there are too many. */
static int take_slot(hb_cpu_blocks *b, hb_cpu_slot wanted) {
    for (int k = 0; k < b->n_slots && !wanted.memory; k++)
        if (b->slot[k].buffer == wanted.buffer && b->slot[k].local == wanted.local &&
            !b->slot[k].memory && b->slot[k].step == wanted.step &&
            b->slot[k].value == wanted.value &&
            memcmp(b->slot[k].around, wanted.around, sizeof wanted.around) == 0)
            return k;
    if (b->n_slots == HB_CPU_MOST_SLOTS) return -1;
    b->slot[b->n_slots] = wanted;
    return b->n_slots++;
}

/* The scratch memory's number that an access is to, -1 for none; *at: where that begins in the
   plan's memory. */
static int scratch_of(const maker *m, const hb_cpu_access *a, int64_t *at) {
    const hb_cpu_turned_array *array =
        m->turned ? hb_cpu_turned_array_of(&m->blocks->turned, a) : NULL;
    if (array) *at = array->at;
    else if (a->local >= 0) *at = m->rows->local[a->local].at;
    return array ? array->local : a->local;
}

/* Elements of one row are far apart, those of neighboring rows side by side. */
static void turn_strides(const maker *m, hb_operand *o) {
    o->offset *= m->blocks->across;
    for (int k = 1; k < HEBB_MAX_RANK; k++) o->stride[k] *= m->blocks->across;
    o->stride[0] = 1;
}

/* A value's memory is the block's. */
static bool aim_at_value(maker *m, hb_operand *o) {
    const int value = HB_BUFFER_JOINED - o->buffer;
    const int64_t size = (int64_t)hebb_dtype_size(o->dtype);
    o->buffer = take_slot(m->blocks, (hb_cpu_slot){.buffer = -1, .local = -1, .value = value});
    o->stride[0] = m->joining->value_bytes[value] / size;
    o->last = false;
    return o->buffer >= 0;
}

static bool aim_at_memory(maker *m, const hb_cpu_access *a, hb_operand *o) {
    const int64_t size = (int64_t)hebb_dtype_size(o->dtype);
    hb_cpu_slot slot = {.buffer = o->buffer, .local = -1, .value = -1, .step = a->step};
    for (int k = 0; k < m->rows->around; k++) slot.around[k] = a->whole->stride[k] * size;
    o->buffer = take_slot(m->blocks, slot);
    o->last = a->quiet;
    return o->buffer >= 0;
}

/* Points an operand at its slot; operands of one loop in the same memory stay so. */
static bool aim(maker *m, const hb_cpu_access *a, hb_operand *o) {
    const int64_t size = (int64_t)hebb_dtype_size(o->dtype);
    int64_t begin = 0;
    if (o->buffer == HB_BUFFER_INDEX) return true;
    const int local = scratch_of(m, a, &begin);
    if (local < 0)
        return o->buffer <= HB_BUFFER_JOINED ? aim_at_value(m, o) : aim_at_memory(m, a, o);
    const int at = take_slot(m->blocks, (hb_cpu_slot){.buffer = -1, .local = local, .value = -1});
    o->buffer = at;
    o->last = false;
    o->offset -= begin / size;
    if (at >= 0) m->blocks->local_slot[local] = at;
    if (m->turned && hb_cpu_is_wide(a)) turn_strides(m, o);
    return at >= 0;
}

/* ---- loops ---- */

static bool copy_operands(const hb_loop *from, int more_out, hb_loop *to) {
    *to = *from;
    to->in = malloc((size_t)(from->n_in + 1) * sizeof *to->in);
    to->out = malloc((size_t)(from->n_out + more_out + 1) * sizeof *to->out);
    if (!to->in || !to->out) return false;
    memcpy(to->in, from->in, (size_t)from->n_in * sizeof *to->in);
    memcpy(to->out, from->out, (size_t)from->n_out * sizeof *to->out);
    return true;
}

static int64_t kept_of(const hb_loop *form) {
    int64_t kept = 1;
    for (int k = 1; k < form->rank; k++)
        if (!form->reduce[k]) kept *= form->dim[k];
    return kept;
}

/* Partial results of reduction i: [blocks][kept...], with strides for the form's dimensions. */
static bool partial(maker *m, const hb_loop *form, int i, hb_operand *o) {
    const hebb_dtype dtype = (hebb_dtype)form->instr[form->n_pre + i].dtype;
    const int64_t size = (int64_t)hebb_dtype_size(dtype);
    int64_t stride = 1;
    *o = (hb_operand){.dtype = dtype};
    for (int k = form->rank - 1; k > 0; k--) {
        o->stride[k] = form->reduce[k] ? 0 : stride;
        if (!form->reduce[k]) stride *= form->dim[k];
    }
    const int64_t bytes = stride * size;
    hb_cpu_slot s = {.buffer = -1, .local = -1, .value = -1, .step = bytes};
    s.memory = hb_cpu_allocate((size_t)(bytes * m->blocks->blocks));
    o->buffer = s.memory ? take_slot(m->blocks, s) : -1;
    if (o->buffer < 0) free(s.memory);
    return o->buffer >= 0;
}

/* A loop that collapses: its block stops at the reductions. */
static bool make_partial_outputs(maker *m, const hb_cpu_member *member, hb_loop *block) {
    const hb_loop *form = &member->form;
    const int n = hb_count_reductions(form);
    block->n_instr = form->n_pre + n;
    block->n_out = 0;
    for (int i = 0; i < form->n_out; i++)
        if (form->out[i].value < form->n_pre) block->out[block->n_out++] = block->out[i];
    for (int i = 0; i < n; i++) {
        hb_output *out = &block->out[block->n_out++];
        out->value = form->n_pre + i;
        if (!partial(m, form, i, &out->to)) return false;
    }
    return true;
}

/* The instructions after the blocks: load partial results, reduce them, and go on as the form. */
static bool make_end_instructions(const hb_loop *form, hb_cpu_block_part *p) {
    const int n = hb_count_reductions(form), shift = n - form->n_pre;
    p->instr = malloc((size_t)(form->n_instr - form->n_pre + n + 1) * sizeof *p->instr);
    if (!p->instr) return false;
    for (int i = 0; i < n; i++) {
        const hb_instr *reduction = &form->instr[form->n_pre + i];
        p->instr[i] = (hb_instr){
            .code = HB_LOAD, .dtype = reduction->dtype, .a = (int16_t)i, .b = -1, .c = -1};
        p->instr[n + i] = *reduction;
        p->instr[n + i].a = (int16_t)i;
    }
    for (int i = form->n_pre + n; i < form->n_instr; i++) {
        hb_instr instr = form->instr[i];
        if (instr.code == HB_LOAD) instr.a = (int16_t)(instr.a + n);
        else {
            if (instr.a >= 0) instr.a = (int16_t)(instr.a + shift);
            if (instr.b >= 0) instr.b = (int16_t)(instr.b + shift);
            if (instr.c >= 0) instr.c = (int16_t)(instr.c + shift);
            if (instr.code == HB_USER && instr.d >= 0) instr.d = (int16_t)(instr.d + shift);
        }
        p->instr[i + shift] = instr;
    }
    return true;
}

/* Inputs of the end: the partial results, then those of the form. */
static bool make_end(maker *m, const hb_cpu_member *member, hb_cpu_block_part *p) {
    const hb_loop *form = &member->form;
    const int n = hb_count_reductions(form);
    hb_loop *end = &p->end;
    *end = *form;
    end->in = malloc((size_t)(form->n_in + n + 1) * sizeof *end->in);
    end->out = malloc((size_t)(form->n_out + 1) * sizeof *end->out);
    if (!end->in || !end->out || !make_end_instructions(form, p)) return false;
    end->dim[0] = m->blocks->blocks;
    for (int k = 1; k < form->rank; k++)
        if (form->reduce[k]) end->dim[k] = 1;
    end->instr = p->instr;
    end->n_pre = n;
    end->n_instr = form->n_instr - form->n_pre + n;
    end->n_in = n + form->n_in;
    for (int i = 0; i < n; i++) {
        end->in[i] = p->block.out[p->block.n_out - n + i].to;
        end->in[i].stride[0] = kept_of(form);
    }
    for (int i = 0; i < form->n_in; i++) {
        end->in[n + i] = form->in[i];
        if (!aim(m, &member->access[i], &end->in[n + i])) return false;
        end->in[n + i].stride[0] = 0; /* what is loaded after the reductions */
    }
    end->n_out = 0;
    for (int i = 0; i < form->n_out; i++) {
        if (form->out[i].value < form->n_pre) continue;
        hb_output *out = &end->out[end->n_out++];
        *out = (hb_output){.to = form->out[i].to, .value = form->out[i].value - form->n_pre + n};
        if (!aim(m, &member->access[form->n_in + i], &out->to)) return false;
    }
    return true;
}

static bool make_block(maker *m, const hb_cpu_member *member, hb_cpu_block_part *p) {
    const hb_loop *form = &member->form;
    const int more = member->collapses ? hb_count_reductions(form) : 0;
    if (!copy_operands(form, more, &p->block)) return false;
    for (int i = 0; i < form->n_in; i++)
        if (!aim(m, &member->access[i], &p->block.in[i])) return false;
    for (int i = 0; i < form->n_out; i++)
        if (!aim(m, &member->access[form->n_in + i], &p->block.out[i].to)) return false;
    p->block.dim[0] = m->blocks->block_rows;
    if (member->collapses && !make_partial_outputs(m, member, &p->block)) return false;
    if (member->collapses && !make_end(m, member, p)) return false;
    p->rest = p->block; /* shares its operands */
    p->rest.dim[0] = m->blocks->rows - m->blocks->whole * m->blocks->block_rows;
    if (m->staggered) p->rest.dim[0] = 0; /* the block's loop can be run for some of its rows */
    return true;
}

/* The first member that has the same memory, at most this one. */
static int first_with(const maker *m, int number, const hb_cpu_access *a) {
    for (int k = 0; k < number; k++) {
        const hb_cpu_member *member = &m->rows->member[k];
        for (int i = 0; i < member->form.n_in + member->form.n_out; i++)
            if (hb_cpu_meet(a, &member->access[i], m->rows->rows)) return k;
    }
    return number;
}

/* Loops that are run as one chain are a turn apart. */
static int behind_of(const hb_cpu_blocks *b, int number, bool alone) {
    if (number == 0) return 0;
    return b->behind[number - 1] + (!alone && !b->alone[number - 1]);
}

/* What no member reads after this one is asked for for the next block; where they are staggered,
   for the rows that the first member that reads it comes to next. */
static void find_ahead(const maker *m, int number, int64_t *ahead) {
    const hb_cpu_blocks *b = m->blocks;
    const hb_cpu_member *member = &m->rows->member[number];
    for (int i = 0; i < member->form.n_in; i++) {
        const hb_cpu_access *a = &member->access[i];
        int64_t rows = b->block_rows;
        if (m->staggered && a->quiet)
            rows = (b->behind[number] - b->behind[first_with(m, number, a)] + 1) *
                   rows_within(a->bytes);
        ahead[i] = a->quiet && !(m->turned && hb_cpu_is_wide(a)) ? a->step * rows : 0;
    }
}

static hebb_status prepare_loops(maker *m, int number, hb_cpu_block_part *p, int64_t *ahead) {
    hb_cpu_blocks *b = m->blocks;
    const hb_cpu_repeat repeat = {m->joining ? m->joining->times : b->blocks, ahead};
    b->behind[number] = behind_of(b, number, m->compiled);
    find_ahead(m, number, ahead);
    hebb_status status =
        hb_cpu_loop_prepare_block(m->device, &p->block, repeat, &p->block_loop, m->error);
    if (!status && m->staggered)
        b->alone[number] = m->compiled || hb_cpu_stagger_alone(p->block_loop);
    b->behind[number] = behind_of(b, number, b->alone[number]);
    if (!status && p->rest.dim[0] > 0)
        status = hb_cpu_loop_prepare_block(m->device, &p->rest, repeat, &p->rest_loop, m->error);
    return status;
}

static hebb_status prepare_part(maker *m, int number, hb_cpu_block_part *p) {
    const hb_cpu_member *member = &m->rows->member[number];
    int64_t *ahead = malloc((size_t)(member->form.n_in + 1) * sizeof *ahead);
    hebb_status status = HEBB_OK;
    if (!ahead || !make_block(m, member, p)) status = hb_fail_memory(m->error, "blocks", sizeof *p);
    if (!status) status = prepare_loops(m, number, p, ahead);
    free(ahead);
    if (!status && member->collapses)
        status = hb_cpu_loop_prepare(m->device, &p->end, &p->end_loop, m->error);
    if (!status) m->blocks->ns += hb_cpu_loop_ns(p->block_loop) * (double)m->blocks->blocks;
    return status;
}

/* ---- sizes ---- */

/* Each block of a loop that reduces the rows leaves partial results to combine. */
static double wanted_bytes(const maker *m) {
    const hb_cpu_rows *rows = m->rows;
    for (int k = 0; k < rows->n; k++)
        if (rows->member[k].collapses) return BLOCK_BYTES;
    return m->turned ? TURNED_BYTES : SMALL_BLOCK_BYTES;
}

static void cut_rows(const maker *m) {
    const hb_cpu_rows *rows = m->rows;
    hb_cpu_blocks *b = m->blocks;
    const double row_bytes = rows->bytes > 1 ? rows->bytes : 1;
    int64_t n = hb_min((int64_t)(wanted_bytes(m) / row_bytes), rows->rows / BLOCKS);
    n = hb_max(n, (int64_t)(FEW_BYTES / row_bytes));
    if (m->staggered) n = hb_min(STAGGERED_ROWS, rows->rows / BLOCKS);
    if (m->turned) n = hb_max(hb_min(n, TURNED_ROWS), ALONG) / ALONG * ALONG;
    b->rows = rows->rows;
    b->around = rows->around;
    b->block_rows = hb_max(hb_min(n, rows->rows), 1);
    if (m->joining) b->block_rows = m->joining->block_rows;
    if (m->turned) b->across = (int64_t)hb_round_up((size_t)b->block_rows, ALONG) + SKEW;
    b->whole = b->rows / b->block_rows;
    b->blocks = b->whole + (b->rows % b->block_rows > 0);
}

/* For how many turns local memory is in use at once: from the writer to the last reader. */
static int64_t turns_with(const hb_cpu_rows *rows, const hb_cpu_blocks *b, int local) {
    int first = rows->n, last = 0;
    for (int k = 0; k < rows->n; k++)
        for (int i = 0; i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++)
            if (rows->member[k].access[i].local == local) {
                if (k < first) first = k;
                last = k;
            }
    return b->behind[last] - b->behind[first] + 1;
}

/* Memory of a local for a turn. */
static int64_t local_bytes(const hb_cpu_blocks *b, const hb_cpu_local *l, bool wide) {
    const int64_t n = b->together > 0 ? b->together : b->block_rows;
    return wide ? l->size * b->across : (n - 1) * l->step + l->size;
}

static void place_local(hb_cpu_blocks *b, int k, int64_t bytes) {
    b->local_at[k] = (int64_t)b->thread_bytes;
    /* Not a multiple of 4 KiB apart: loads would wait for stores that look like theirs. */
    b->turn_bytes[k] = (int64_t)hb_round_up((size_t)bytes, 64) + 576;
    b->thread_bytes += (size_t)(b->turn_bytes[k] * b->turns[k]);
}

static void place_locals(const hb_cpu_rows *rows, hb_cpu_blocks *b) {
    b->n_locals = rows->n_locals + b->turned.n;
    for (int k = 0; k < rows->n_locals; k++) {
        const bool wide = b->across > 0 && b->turned.wide[k];
        b->turns[k] = b->together > 0 ? turns_with(rows, b, k) : 1;
        b->local_step[k] = rows->local[k].step;
        place_local(b, k, local_bytes(b, &rows->local[k], wide));
    }
    for (int k = 0; k < b->turned.n; k++) {
        const hb_cpu_turned_array *t = &b->turned.array[k];
        b->turns[t->local] = 1;
        place_local(b, t->local, t->elements * (int64_t)hebb_dtype_size(t->dtype) * b->across);
    }
}

static void place_walkers(hb_cpu_blocks *b) {
    size_t links = 1;
    for (int k = 0; k < b->n && b->together > 0; k++) {
        b->walker_at[k] = (int64_t)b->thread_bytes;
        b->thread_bytes +=
            hb_cpu_walker_bytes(b->part[k].block_loop, b->block_rows, b->together, &links);
    }
    b->links_at = (int64_t)b->thread_bytes;
    b->thread_bytes += hb_round_up(links * sizeof(hb_cpu_link), 64);
}

static bool make_scratch(const maker *m) {
    hb_cpu_blocks *b = m->blocks;
    place_locals(m->rows, b);
    place_walkers(b);
    b->threads = m->device->threads;
    b->scratch = hb_cpu_allocate(b->thread_bytes * (size_t)b->threads);
    return b->scratch != NULL;
}

/* How many rows all loops can be run for at once, all of the same length; 0 if they cannot. */
static int64_t rows_at_once(hb_cpu_blocks *b) {
    int64_t rows = b->block_rows;
    for (int k = 0; k < b->n; k++) {
        int64_t columns;
        const int64_t n = hb_cpu_stagger_rows(b->part[k].block_loop, b->block_rows, &columns);
        if (n == 0 || (k > 0 && columns != b->columns)) return 0;
        b->columns = columns;
        rows = hb_min(rows, n);
    }
    const int64_t row_bytes = b->columns * (int64_t)sizeof(float);
    return row_bytes > STAGGERED_BYTES ? 0 : hb_min(rows, rows_within(row_bytes));
}

/* Where the arrays that are turned lie. */
static bool aim_turned(maker *m) {
    hb_cpu_blocks *b = m->blocks;
    for (int k = 0; k < b->turned.n; k++) {
        hb_cpu_turned_array *t = &b->turned.array[k];
        t->slot = take_slot(
            b, (hb_cpu_slot){.buffer = t->buffer, .local = -1, .value = -1, .step = t->step});
        if (t->slot < 0) return false;
    }
    return true;
}

/* Bytes that a row of the loop's brings from memory and takes there, each once. */
static int64_t far_bytes(const maker *m, int number) {
    const hb_cpu_member *member = &m->rows->member[number];
    int64_t bytes = 0;
    for (int i = 0; i < member->form.n_in + member->form.n_out; i++) {
        const hb_cpu_access *a = &member->access[i];
        if (a->local < 0 && a->step != 0 && first_with(m, number, a) == number) bytes += a->bytes;
    }
    return bytes;
}

/* Links that the chain of a loop has, about: what is made, gathered and stored. */
static int64_t links_of(const hb_loop *form) {
    int64_t n = hb_count_reductions(form) + form->n_out;
    for (int i = 0; i < form->n_pre; i++)
        n += form->instr[i].code != HB_LOAD && form->instr[i].code != HB_CONST;
    return n;
}

/* Whether it is better to run the loops compiled, one after the other: if all of them are compiled,
   a row of each value leaves most of the first-level cache free, and memory would have to wait for
   the interpreter. Staggered loops are better where they wait for memory. */
static bool are_better_compiled(const maker *m) {
    int64_t links = 0, bytes = 0, row = 0;
    for (int k = 0; k < m->rows->n; k++) {
        const hb_cpu_member *member = &m->rows->member[k];
        if (!hb_cpu_code_is_for(m->device, &member->form)) return false;
        for (int i = 0; i < member->form.n_in + member->form.n_out; i++)
            row = hb_max(row, member->access[i].bytes);
        links += links_of(&member->form);
        bytes += far_bytes(m, k);
    }
    return row <= COMPILED_BYTES && links * row >= LINKS_A_BYTE * bytes;
}

/* *blocks becomes NULL, without an error, if they cannot be run staggered but should. */
static hebb_status make(maker *m, hb_cpu_blocks **blocks) {
    *blocks = NULL;
    hb_cpu_blocks *b = m->blocks = calloc(1, sizeof *b);
    if (!b) return hb_fail_memory(m->error, "blocks", sizeof *b);
    if (m->turned) m->turned = hb_cpu_turn_rows(m->rows, &b->turned);
    if (!m->turned) b->turned.n = 0;
    m->staggered = m->staggered && !m->turned;
    cut_rows(m);
    hebb_status status = aim_turned(m) ? HEBB_OK : hb_fail_memory(m->error, "blocks", sizeof *b);
    for (; b->n < m->rows->n && !status; b->n++) status = prepare_part(m, b->n, &b->part[b->n]);
    if (!status && m->staggered) b->together = rows_at_once(b);
    if (!status && b->together == 0 && m->staggered) {
        hb_cpu_blocks_free(b);
        return HEBB_OK;
    }
    if (!status && !make_scratch(m)) status = hb_fail_memory(m->error, "blocks", b->thread_bytes);
    if (status) hb_cpu_blocks_free(b);
    else *blocks = b;
    return status;
}

static hebb_status make_staggered_or_not(maker *m, hb_cpu_blocks **blocks) {
    m->staggered = true;
    m->compiled = are_better_compiled(m);
    const hebb_status status = make(m, blocks);
    if (status || *blocks) return status;
    m->staggered = m->compiled = false;
    return make(m, blocks);
}

hebb_status hb_cpu_blocks_make(hb_device *device, const hb_cpu_rows *rows, hb_cpu_blocks **blocks,
                               hb_error *error) {
    maker m = {.device = device, .rows = rows, .turned = true, .error = error};
    return make_staggered_or_not(&m, blocks);
}

hebb_status hb_cpu_blocks_make_joined(hb_device *device, const hb_cpu_rows *rows,
                                      const hb_cpu_joining *joining, hb_cpu_blocks **blocks,
                                      hb_error *error) {
    maker m = {.device = device, .rows = rows, .joining = joining, .error = error};
    return make_staggered_or_not(&m, blocks);
}

static void free_part(hb_cpu_block_part *p) {
    hb_cpu_loop_release(p->block_loop);
    hb_cpu_loop_release(p->rest_loop);
    hb_cpu_loop_release(p->end_loop);
    free(p->block.in);
    free(p->block.out);
    free(p->end.in);
    free(p->end.out);
    free(p->instr);
}

void hb_cpu_blocks_free(hb_cpu_blocks *b) {
    if (!b) return;
    for (int k = 0; k < b->n; k++) free_part(&b->part[k]);
    for (int k = 0; k < b->n_slots; k++) free(b->slot[k].memory);
    free(b->scratch);
    free(b);
}
