/* Makes the list of operations of what follows a reduction: see post.h. Called by program.c when
   the program has been made; one that has other dtypes or users' functions, or is long, has no
   list. */
#include <stdlib.h>

#include "maker.h"

typedef struct writer {
    const hb_cpu_maker *m;
    hb_cpu_post *post;
    int n;       /* steps so far */
    int at_hand; /* the value that x is */
    bool kept[HB_CPU_POST_VALUES];
} writer;

/* ---- what a list can have ---- */

static const uint8_t codes[HB_CODES] = {
    [HB_SQRT] = HB_POST_SQRT,     [HB_RECIPROCAL] = HB_POST_RECIPROCAL, [HB_SUM] = HB_POST_SUM,
    [HB_REDMAX] = HB_POST_REDMAX, [HB_REDMIN] = HB_POST_REDMIN,         [HB_PROD] = HB_POST_PROD,
};

/* The same of a chain's link; 0 for those that are called. */
static const uint8_t code_of_link[HB_CHAIN_CALL_ON_ONE + 1] = {
#define SAME(CODE, expression) [HB_CHAIN_##CODE] = HB_POST_##CODE,
    HB_CHAIN_BINARY(SAME) HB_CHAIN_UNARY(SAME)
#undef SAME
};

static bool is_left_out(const hb_cpu_maker *m, int v) {
    return !m->values[v].used || m->values[v].single;
}

static bool can_make(const hb_cpu_maker *m, int v) {
    const bool is_float = hb_cpu_instruction(m, v)->dtype == HEBB_F32;
    switch (m->actions[v].kind) {
    case HB_CPU_LOAD:
    case HB_CPU_REDUCED: return is_float;
    case HB_CPU_MAP: break;
    default: return false;
    }
    const hb_cpu_form_kind kind = hb_cpu_form_of(m, v).kind;
    return kind != HB_CPU_NOT_A_LINK && kind != HB_CPU_TRUTHS_AS_NUMBERS &&
           kind != HB_CPU_NUMBERS_AS_TRUTHS;
}

static bool can_store(const hb_cpu_maker *m, const hb_cpu_store *store) {
    return hb_cpu_instruction(m, store->value)->dtype == HEBB_F32 && !m->values[store->value].early;
}

static bool can_list(const hb_cpu_maker *m) {
    const hb_cpu_program *p = m->program;
    int memories = p->n_stores;
    if (p->n_values > HB_CPU_POST_VALUES || p->space.rank != 1) return false;
    for (int v = 0; v < p->n_values; v++) {
        if (is_left_out(m, v)) continue;
        if (!can_make(m, v)) return false;
        memories += m->actions[v].kind == HB_CPU_LOAD;
    }
    for (int i = 0; i < p->n_stores; i++)
        if (!can_store(m, &p->store[i])) return false;
    return memories <= HB_CPU_POST_MEMORIES;
}

/* ---- writing it ---- */

static hb_cpu_post_step *append(writer *w, int code, int v) {
    hb_cpu_post_step *step = &w->post->step[w->n++];
    *step = (hb_cpu_post_step){.code = (uint8_t)code, .value = (uint8_t)v};
    w->at_hand = v;
    w->kept[v] = true;
    return step;
}

/* A binary operation that makes v of x and of value y. */
static void append_binary(writer *w, int code, int v, int y) {
    append(w, code + w->m->values[y].single, v)->a = (uint8_t)y;
}

static void bring(writer *w, int v) {
    if (w->at_hand != v) append_binary(w, HB_POST_LOAD, v, v);
}

/* In a vector of its own. */
static void keep(writer *w, int v) {
    if (!w->kept[v]) bring(w, v);
}

static void append_memory(writer *w, int code, int v, const hb_cpu_view *view) {
    hb_cpu_post *post = w->post;
    append(w, code, v)->a = (uint8_t)post->n_memories;
    post->memory[post->n_memories++] = (hb_cpu_post_memory){
        .buffer = view->buffer, .offset = view->offset, .stride = view->stride[0]};
}

static void write_binary(writer *w, const hb_cpu_form *form, int v, int a, int b) {
    if (w->at_hand == b && a != b) {
        append_binary(w, code_of_link[form->turned], v, a);
        return;
    }
    bring(w, a);
    if (a == b && form->code == HB_CHAIN_MUL) append(w, HB_POST_SQUARE, v);
    else append_binary(w, code_of_link[form->code], v, b);
}

static void write_choice(writer *w, int v, const int operands[4]) {
    for (int i = 0; i < 3; i++) keep(w, operands[i]);
    hb_cpu_post_step *step = append(w, HB_POST_CHOOSE, v);
    step->a = (uint8_t)operands[0];
    step->b = (uint8_t)operands[1];
    step->c = (uint8_t)operands[2];
}

static void write_call(writer *w, int v, int a, int b) {
    keep(w, a);
    if (b >= 0) keep(w, b);
    hb_cpu_post_step *step = append(w, HB_POST_CALL, v);
    step->a = (uint8_t)a;
    step->b = (uint8_t)(b >= 0 ? b : a);
    step->map = w->m->actions[v].map;
}

static void write_map(writer *w, int v) {
    const int own = codes[hb_cpu_instruction(w->m, v)->code];
    const hb_cpu_form form = hb_cpu_form_of(w->m, v);
    int operands[4];
    hb_cpu_operands(w->m, v, operands);
    if (form.kind == HB_CPU_BINARY) write_binary(w, &form, v, operands[0], operands[1]);
    else if (form.kind == HB_CPU_CHOICE) write_choice(w, v, operands);
    else if (own || code_of_link[form.code]) {
        bring(w, operands[0]);
        append(w, own ? own : code_of_link[form.code], v);
    } else write_call(w, v, operands[0], operands[1]);
}

static void write_value(writer *w, int v) {
    const hb_cpu_action *action = &w->m->actions[v];
    if (action->kind == HB_CPU_REDUCED)
        append(w, codes[hb_cpu_instruction(w->m, v)->code], v)->a = (uint8_t)action->a;
    else write_map(w, v);
}

static void write_stores(writer *w, int v) {
    const hb_cpu_program *p = w->m->program;
    for (int i = 0; i < p->n_stores; i++)
        if (p->store[i].value == v) {
            bring(w, v);
            append_memory(w, HB_POST_WRITE, v, &p->store[i].view);
        }
}

/* What is loaded comes first: it may be overwritten. */
static void write_list(writer *w) {
    const hb_cpu_maker *m = w->m;
    const int n = m->program->n_values;
    for (int v = 0; v < n; v++)
        if (!is_left_out(m, v) && m->actions[v].kind == HB_CPU_LOAD)
            append_memory(w, HB_POST_READ, v, &m->actions[v].view);
    for (int v = 0; v < n; v++) {
        if (is_left_out(m, v)) continue;
        if (m->actions[v].kind != HB_CPU_LOAD) write_value(w, v);
        write_stores(w, v);
    }
    append(w, HB_POST_END, 0);
}

hebb_status hb_cpu_make_post(hb_cpu_maker *m, hb_error *error) {
    hb_cpu_program *p = m->program;
    /* A value is made by a step after at most three that bring its operands; stores as well. */
    const size_t most = (size_t)(4 * p->n_values + 2 * p->n_stores + 1);
    const size_t bytes = sizeof *p->list + most * sizeof *p->list->step;
    if (!can_list(m)) return HEBB_OK;
    p->list = calloc(1, bytes);
    if (!p->list) return hb_fail_memory(error, "what follows a reduction", bytes);
    writer w = {.m = m, .post = p->list, .at_hand = -1};
    write_list(&w);
    return HEBB_OK;
}
