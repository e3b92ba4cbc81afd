/* Writes the links of a program's chains, which chain.c has found: code for a machine with one
   accumulator. Called by program.c when a program is made.

   The accumulator holds the value made last (`at_hand`). A value that is read later is spilled to a
   strip of scratch memory, unless it is stored anyway, in its tile or an output, and can be read
   from there. All links are written twice: the first pass finds what has to be spilled, and for how
   long. */
#include <stdlib.h>

#include "maker.h"

typedef struct writer {
    hb_cpu_maker *m;
    bool counting; /* the first time */
    int n;         /* links so far */
    int first;     /* of the chain */
    int at_hand;   /* the value in the registers, or -1 */
    int chain, member;
    bool *strip_free;
    int n_strips, n_fold_strips;
    hb_cpu_planned counted;
} writer;

static const float zero = 0, one = 1;

/* ---- one link ---- */

static hb_cpu_planned *append(writer *w, int code) {
    hb_cpu_planned *link = w->counting ? &w->counted : &w->m->program->link[w->n];
    *link = (hb_cpu_planned){.code = (uint8_t)code};
    w->n++;
    return link;
}

static bool is_truth(const writer *w, int v) {
    return hb_cpu_instruction(w->m, v)->dtype == HEBB_BOOL;
}

/* Where a link of the chain has stored the value, to be read again; or NULL. */
static const hb_cpu_view *stored_at(const writer *w, int v) {
    const hb_cpu_program *p = w->m->program;
    if (is_truth(w, v) || w->m->values[v].chain != w->chain) return NULL;
    for (int i = 0; i < p->n_stores; i++)
        if (p->store[i].value == v && p->store[i].linked && !p->store[i].stream)
            return &p->store[i].view;
    return NULL;
}

/* Links read values of their own chain, and truths that come from elsewhere, from strips. */
static bool from_strip(const writer *w, int v) {
    const hb_cpu_value *it = &w->m->values[v];
    if (is_truth(w, v)) return true;
    return it->chain == w->chain && !it->tiled && w->m->actions[v].kind != HB_CPU_LOAD &&
           !stored_at(w, v);
}

/* Says where the link finds v. Whether that is one element for a whole row. */
static bool find(writer *w, hb_cpu_planned *link, int v) {
    hb_cpu_maker *m = w->m;
    hb_cpu_value *it = &m->values[v];
    const int inner = m->program->space.rank - 1;
    const hb_cpu_view *stored = stored_at(w, v);
    link->number = v;
    if (it->single) link->place = HB_CPU_AT_ONE;
    else if (stored && !it->tiled) {
        link->place = HB_CPU_AT_VIEW;
        link->view = *stored;
    } else if (from_strip(w, v)) {
        it->kept = true;
        if (w->counting) it->last_link = w->member;
        link->place = HB_CPU_AT_STRIP;
        link->number = it->strip;
    } else if (!hb_cpu_is_viewable(m, v)) link->place = HB_CPU_AT_TILE;
    else if (m->actions[v].kind == HB_CPU_PRODUCT) link->place = HB_CPU_AT_PRODUCT;
    else {
        link->place = HB_CPU_AT_VIEW;
        link->view = m->actions[v].view;
        return !link->view.unit && link->view.stride[inner] == 0;
    }
    return it->single;
}

/* Whether the chain has asked for that memory already. */
static bool asked(const writer *w, const hb_cpu_view *view) {
    const hb_cpu_planned *link = w->m->program->link;
    for (int i = w->first; i < w->n; i++)
        if (link[i].code == HB_CHAIN_ASK && link[i].view.buffer == view->buffer &&
            link[i].view.offset == view->offset)
            return true;
    return false;
}

/* How far ahead memory should be asked for; 0 for not. Sums of columns go down a panel of them: the
   next row comes next, not what follows in this one. What comes from memory from end to end the
   hardware asks for by itself, and earlier. */
static int64_t ahead_of(const hb_cpu_maker *m, int v) {
    enum { AHEAD = 2 << 10 };
    const hb_cpu_repeat *repeat = &m->part->repeat;
    const hb_cpu_program *p = m->program;
    if (repeat->times > 0) return repeat->ahead ? repeat->ahead[hb_cpu_instruction(m, v)->a] : 0;
    if (!p->far) return 0;
    if (p->fold == HB_CPU_FOLD_COLUMNS && p->space.rank > 1)
        return m->actions[v].view.stride[p->space.rank - 2];
    return p->beyond ? 0 : AHEAD;
}

static void ask(writer *w, int v) {
    const hb_cpu_maker *m = w->m;
    if (v < 0 || m->actions[v].kind != HB_CPU_LOAD || is_truth(w, v) || !hb_cpu_is_viewable(m, v))
        return;
    const hb_cpu_view *view = &m->actions[v].view;
    const int64_t ahead = ahead_of(m, v);
    if (ahead == 0 || !view->unit || (!w->counting && asked(w, view))) return;
    hb_cpu_planned *link = append(w, HB_CHAIN_ASK);
    link->place = HB_CPU_AT_VIEW;
    link->view = *view;
    link->ahead = ahead;
}

static void ask_for_operands(writer *w, int v) {
    int operands[4];
    hb_cpu_operands(w->m, v, operands);
    ask(w, v);
    for (int i = 0; i < 4; i++) ask(w, operands[i]);
}

/* A link of code `code` with one operand in memory, which may be one element. */
static hb_cpu_planned *append_reader(writer *w, int code, int v) {
    hb_cpu_planned *link = append(w, code);
    link->code = (uint8_t)(code + find(w, link, v));
    return link;
}

static void bring(writer *w, int v) {
    if (w->at_hand != v) append_reader(w, HB_CHAIN_LOAD, v);
    w->at_hand = v;
}

/* ---- making a value ---- */

static void write_binary(writer *w, const hb_cpu_form *form, int a, int b) {
    if (w->at_hand == b && a != b) append_reader(w, form->turned, a);
    else {
        bring(w, a);
        if (a == b && form->code == HB_CHAIN_ADD) append(w, HB_CHAIN_TWICE);
        else if (a == b && form->code == HB_CHAIN_MUL) append(w, HB_CHAIN_SQUARE);
        else append_reader(w, form->code, b);
    }
}

static void write_choice(writer *w, int condition, int x, int y) {
    hb_cpu_planned *link, *next;
    if (w->at_hand != condition && x != y && (w->at_hand == x || w->at_hand == y)) {
        append_reader(w, w->at_hand == x ? HB_CHAIN_THEN : HB_CHAIN_ELSE, condition);
        const int at = w->n - 1;
        const bool is_one = find(w, append(w, HB_CHAIN_LOAD), w->at_hand == x ? y : x);
        if (!w->counting) w->m->program->link[at].code += is_one;
        return;
    }
    bring(w, condition);
    link = append(w, HB_CHAIN_IF);
    const bool x_one = find(w, link, x);
    next = append(w, HB_CHAIN_LOAD);
    const bool y_one = find(w, next, y);
    if (!w->counting) link->code = (uint8_t)(HB_CHAIN_IF + y_one + 2 * x_one);
}

static void write_call(writer *w, int v, int a, int b) {
    hb_cpu_planned *link;
    if (b < 0) {
        bring(w, a);
        link = append(w, HB_CHAIN_CALL);
    } else if (w->at_hand == b && a != b) link = append_reader(w, HB_CHAIN_CALL_ON, a);
    else {
        bring(w, a);
        link = append_reader(w, HB_CHAIN_CALL_OF, b);
    }
    link->map = w->m->actions[v].map;
}

static void write_fixed(writer *w, int code, const float *value) {
    hb_cpu_planned *link = append(w, code);
    link->place = HB_CPU_AT_FIXED;
    link->fixed = value;
}

static void write_value(writer *w, int v) {
    const hb_cpu_form form = hb_cpu_form_of(w->m, v);
    int operands[4];
    hb_cpu_operands(w->m, v, operands);
    const int a = operands[0], b = operands[1], c = operands[2];
    switch (form.kind) {
    case HB_CPU_NOT_A_LINK: break;
    case HB_CPU_LOADED: bring(w, v); break;
    case HB_CPU_BINARY: write_binary(w, &form, a, b); break;
    case HB_CPU_CHOICE: write_choice(w, a, b, c); break;
    case HB_CPU_CALL_ONE:
    case HB_CPU_CALL_TWO: write_call(w, v, a, b); break;
    case HB_CPU_UNARY:
        bring(w, a);
        append(w, form.code);
        break;
    case HB_CPU_TRUTHS_AS_NUMBERS:
        bring(w, a);
        write_fixed(w, HB_CHAIN_AND_ONE, &one);
        break;
    case HB_CPU_NUMBERS_AS_TRUTHS:
        bring(w, a);
        write_fixed(w, HB_CHAIN_NE_ONE, &zero);
        break;
    }
    w->at_hand = v;
}

/* ---- where it goes ---- */

static void take_strip(writer *w, int v) {
    int s = 0;
    if (w->counting) return;
    while (s < w->n_strips && !w->strip_free[s]) s++;
    if (s == w->n_strips) w->n_strips++;
    w->strip_free[s] = false;
    w->m->values[v].strip = s;
}

static void release_strips(writer *w) {
    for (int v = 0; v < w->m->program->n_values && !w->counting; v++) {
        hb_cpu_value *it = &w->m->values[v];
        if (it->strip < 0 || it->last_link != w->member) continue;
        w->strip_free[it->strip] = true;
        it->strip = -1;
    }
}

static void keep(writer *w, int v) {
    take_strip(w, v);
    hb_cpu_planned *link = append(w, HB_CHAIN_STORE);
    link->place = HB_CPU_AT_STRIP;
    link->number = w->m->values[v].strip;
}

static void write_folds(writer *w, int v) {
    const hb_cpu_program *p = w->m->program;
    const hb_instr *instr;
    for (int i = 0; (instr = hb_cpu_reduction_at(w->m, i)) != NULL; i++) {
        if (p->fold == HB_CPU_FOLD_NONE || hb_cpu_number(w->m, instr->a) != v) continue;
        const bool across = p->fold == HB_CPU_FOLD_ROWS;
        hb_cpu_planned *link = append(w, HB_CHAIN_SUM + 2 * (instr->code - HB_SUM) + across);
        link->place = p->fold == HB_CPU_FOLD_ROWS ? HB_CPU_AT_FOLD : HB_CPU_AT_SUMS;
        link->number = i;
    }
}

static void write_stores(writer *w, int v) {
    const hb_cpu_program *p = w->m->program;
    for (int i = 0; i < p->n_stores; i++) {
        const hb_cpu_store *store = &p->store[i];
        if (store->value != v || !store->linked) continue;
        hb_cpu_planned *link = append(w, is_truth(w, v)  ? HB_CHAIN_STORE_TRUTHS
                                         : store->stream ? HB_CHAIN_STREAM
                                                         : HB_CHAIN_STORE);
        link->place = HB_CPU_AT_VIEW;
        link->view = store->view;
    }
    if (!w->m->values[v].tiled) return;
    hb_cpu_planned *link = append(w, is_truth(w, v) ? HB_CHAIN_STORE_TRUTHS : HB_CHAIN_STORE);
    link->place = HB_CPU_AT_TILE;
    link->number = v;
}

/* ---- a chain ---- */

/* Truths that come from elsewhere are bytes; links want them in strips. */
static void write_truths(writer *w, int v) {
    int operands[4];
    hb_cpu_operands(w->m, v, operands);
    for (int i = 0; i < 4; i++) {
        const int u = operands[i];
        if (u < 0 || !is_truth(w, u) || w->m->values[u].chain == w->chain) continue;
        if (!w->counting && w->m->values[u].strip >= 0) continue;
        hb_cpu_planned *link = append(w, HB_CHAIN_LOAD_TRUTHS);
        link->number = u;
        link->place = HB_CPU_AT_TILE;
        if (hb_cpu_is_viewable(w->m, u)) {
            link->place = HB_CPU_AT_VIEW;
            link->view = w->m->actions[u].view;
        }
        keep(w, u);
        w->at_hand = -1;
    }
}

static void write_member(writer *w, int v) {
    w->member = v;
    /* Asked for behind the operands' loads, where long arithmetic may follow. A chain that only
       gathers begins with it (chain_kernel.c). */
    const bool gathers = hb_cpu_form_of(w->m, v).kind == HB_CPU_LOADED;
    if (gathers) ask_for_operands(w, v);
    write_value(w, v);
    if (!gathers) ask_for_operands(w, v);
    write_folds(w, v);
    write_stores(w, v);
    if (w->m->values[v].kept && from_strip(w, v)) keep(w, v);
    release_strips(w);
}

static void write_chain(writer *w, int chain) {
    hb_cpu_program *p = w->m->program;
    w->first = w->n;
    w->chain = chain;
    w->at_hand = -1;
    for (int v = 0; v < p->n_values; v++) w->m->values[v].strip = -1;
    for (int s = w->n_fold_strips; s < w->n_strips; s++) w->strip_free[s] = true;
    for (int v = 0; v < p->n_values; v++)
        if (w->m->values[v].chain == chain) write_truths(w, v);
    for (int v = 0; v < p->n_values; v++)
        if (w->m->values[v].chain == chain) write_member(w, v);
    append(w, HB_CHAIN_END);
    if (w->n - w->first > p->longest) p->longest = w->n - w->first;
}

static void take_fold_strips(writer *w) {
    hb_cpu_program *p = w->m->program;
    if (p->fold != HB_CPU_FOLD_ROWS) return;
    for (int i = 0; hb_cpu_reduction_at(w->m, i) != NULL; i++) {
        p->fold_strip[i] = w->n_strips;
        for (int row = 0; row < p->fold_rows; row += HB_CPU_STRIP_VECTORS)
            w->strip_free[w->n_strips++] = false;
    }
    w->n_fold_strips = w->n_strips;
}

static void write_all(writer *w, int *first) {
    w->n = 0;
    for (int c = 0; c < w->m->n_chains; c++) {
        first[c] = w->n;
        write_chain(w, c);
    }
}

/* Whether all that the links do is to gather what they load. */
static bool only_gather(const hb_cpu_program *p) {
    const hb_cpu_planned *link = p->link;
    const hb_cpu_planned *load = link + (p->n_links > 0 && link->code == HB_CHAIN_ASK);
    return p->fold != HB_CPU_FOLD_NONE && p->n_links == load - link + 3 &&
           load[0].code == HB_CHAIN_LOAD &&
           (load[1].place == HB_CPU_AT_FOLD || load[1].place == HB_CPU_AT_SUMS);
}

bool hb_cpu_write_links(hb_cpu_maker *m, int *first) {
    hb_cpu_program *p = m->program;
    writer w = {.m = m, .counting = true};
    write_all(&w, first);
    free(p->link);
    /* And a link for each value that turns out to be kept. */
    p->link = malloc((size_t)(w.n + p->n_values + 1) * sizeof *p->link);
    w.strip_free = malloc(((size_t)p->n_values + HB_CPU_MOST_REDUCTIONS) * sizeof *w.strip_free);
    w.counting = false;
    if (p->link && w.strip_free) {
        take_fold_strips(&w);
        write_all(&w, first);
    }
    p->n_links = w.n;
    p->n_strips = w.n_strips;
    p->strip_bytes = (size_t)m->device->isa->vector_bytes * HB_CPU_STRIP_VECTORS;
    p->gathers = p->link && w.strip_free && only_gather(p);
    free(w.strip_free);
    p->even = true;
    for (int i = 0; i < p->n_links && p->link; i++)
        p->even = p->even && (p->link[i].place != HB_CPU_AT_VIEW || p->link[i].view.even);
    return p->link && w.strip_free;
}
