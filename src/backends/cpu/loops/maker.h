/* What program.c, chain.c, links.c, turns.c and slots.c share while they compile a program
   (program.h). */
#ifndef HB_CPU_MAKER_H
#define HB_CPU_MAKER_H

#include "program.h"

/* What is known of a value. Values are numbered from the part's first. */
typedef struct hb_cpu_value {
    bool used, single, early, spread;
    int size;
    int last_use; /* the last instruction that reads it; INT_MAX if it is stored or reduced */
    int slot;     /* -1 for none */
    bool freed;
    bool direct;          /* stored by its action */
    bool follows;         /* loaded by another one's action, which is ahead of it */
    int chain;            /* that makes it, or -1 */
    bool tiled;           /* it is needed in a tile, or in place: not only by links of its chain */
    bool kept;            /* spilled: links of its chain read it from memory */
    int last_position;    /* of those that need it so, the last in the sequence; or INT_MAX */
    int strip, last_link; /* its strip, or -1; the last member of the chain that reads that */
} hb_cpu_value;

typedef struct hb_cpu_maker {
    const hb_device *device;
    const hb_cpu_part *part;
    hb_cpu_program *program;
    hb_cpu_action *actions; /* by value */
    bool periodic;          /* loads that are alike in all tiles are made early */
    hb_cpu_value *values;
    int *sequence; /* what is done in each tile, in order: values v, chains ~c */
    int n_sequence, n_chains;
    int *slot_size; /* bytes of an element, or -SINGLE_BYTES; by slot */
    bool *slot_free;
    int n_slots;
} hb_cpu_maker;

static inline const hb_instr *hb_cpu_instruction(const hb_cpu_maker *m, int v) {
    return &m->part->loop->instr[m->part->first + v];
}

/* The number of an instruction's operand as a value; -1 for none. */
static inline int hb_cpu_number(const hb_cpu_maker *m, int absolute) {
    return absolute < 0 ? -1 : absolute - m->part->first;
}

/* All operands of the instruction that makes v; -1 where there is none. */
static inline void hb_cpu_operands(const hb_cpu_maker *m, int v, int operands[4]) {
    const hb_instr *instr = hb_cpu_instruction(m, v);
    const bool none = instr->code == HB_LOAD || hb_is_reduction(instr->code);
    operands[0] = none ? -1 : hb_cpu_number(m, instr->a);
    operands[1] = none ? -1 : hb_cpu_number(m, instr->b);
    operands[2] = none ? -1 : hb_cpu_number(m, instr->c);
    operands[3] = none ? -1 : hb_cpu_number(m, hb_fourth(instr));
}

/* Reduction i of value v; NULL past the last. */
static inline const hb_instr *hb_cpu_reduction_at(const hb_cpu_maker *m, int i) {
    const hb_loop *loop = m->part->loop;
    const int at = m->part->last + i;
    return at < loop->n_instr && hb_is_reduction(loop->instr[at].code) ? &loop->instr[at] : NULL;
}

/* ---- chain.c ---- */

/* How links make a value. */
typedef enum hb_cpu_form_kind {
    HB_CPU_NOT_A_LINK,
    HB_CPU_LOADED, /* a load that is reduced immediately */
    HB_CPU_UNARY,
    HB_CPU_BINARY,
    HB_CPU_TRUTHS_AS_NUMBERS,
    HB_CPU_NUMBERS_AS_TRUTHS,
    HB_CPU_CHOICE,
    HB_CPU_CALL_ONE,
    HB_CPU_CALL_TWO,
} hb_cpu_form_kind;

typedef struct hb_cpu_form {
    hb_cpu_form_kind kind;
    uint8_t code, turned; /* turned: for operands that change places */
} hb_cpu_form;

hb_cpu_form hb_cpu_form_of(const hb_cpu_maker *m, int v);
/* Of links of their own; other codes may be links that call a function. */
hb_cpu_form hb_cpu_form_of_code(hb_code code);

/* Puts values into chains, and all that is done in a tile into a sequence. */
void hb_cpu_find_chains(hb_cpu_maker *m);
/* Whether links read the load's memory where it is. */
bool hb_cpu_is_viewable(const hb_cpu_maker *m, int v);

/* ---- turns.c ---- */

/* Puts loads that are to be done together one after the other in the sequence, before anybody asks
   where something is in it. */
void hb_cpu_group_loads(hb_cpu_maker *m);
/* Finds stores that are to be done together, when it is known which of them links do. */
void hb_cpu_group_stores(hb_cpu_maker *m);

/* ---- links.c ---- */

/* Writes the links of all chains; first[c] is where those of chain c begin. False if there is no
   memory for them. */
bool hb_cpu_write_links(hb_cpu_maker *m, int *first);

/* ---- post.c ---- */

/* Makes program->list, if a list can have all of it. */
hebb_status hb_cpu_make_post(hb_cpu_maker *m, hb_error *error);

/* ---- slots.c ---- */

/* Whether the elements of every tile are consecutive. */
bool hb_cpu_always_in_place(const hb_cpu_maker *m, const hb_cpu_view *view);
void hb_cpu_make_slots(hb_cpu_maker *m);
void hb_cpu_choose_tile(hb_cpu_maker *m);
size_t hb_cpu_scratch_bytes(const hb_cpu_maker *m, int64_t tile);
void hb_cpu_place_slots(hb_cpu_maker *m, int32_t *offset);
hebb_status hb_cpu_make_constants(hb_cpu_maker *m, hb_error *error);

#endif
