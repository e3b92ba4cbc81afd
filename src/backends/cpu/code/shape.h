/* The stages between links and machine code, which only the files of this directory see: see
   code.h. */
#ifndef HB_CPU_CODE_SHAPE_H
#define HB_CPU_CODE_SHAPE_H

#include "../loops/chain_kernel.h"
#include "x86.h"

/* ---- a chain's shape (code.c) ---- */

enum { HB_CODE_MOST_LINKS = 256 };

typedef enum hb_code_where {
    HB_CODE_NOWHERE,
    HB_CODE_MOVES, /* along columns */
    HB_CODE_STAYS, /* one element, or one vector that gathers */
    HB_CODE_STRIP, /* scratch memory of the chain's own */
} hb_code_where;

/* A link without addresses. */
typedef struct hb_code_link {
    uint8_t code, where;
    uint16_t memory; /* the first link with the same memory */
} hb_code_link;

/* ---- nodes (nodes.c) ---- */

typedef enum hb_code_kind {
    /* values that something else is made of */
    HB_CODE_LOAD,    /* elements */
    HB_CODE_ONE,     /* one element, again and again */
    HB_CODE_LITERAL, /* 32 bits, again and again */
    HB_CODE_TRUTHS,  /* bytes, as truth values */
    /* values made of a; of a and b; of a, b and c */
    HB_CODE_UNARY,
    HB_CODE_BINARY,
    HB_CODE_LIMIT,   /* the larger or the smaller one; a, if that is NaN */
    HB_CODE_COMPARE, /* a truth value */
    HB_CODE_CHOICE,  /* a ? b : c */
    /* what is done with a */
    HB_CODE_STORE,
    HB_CODE_STORE_TRUTHS,
    HB_CODE_FOLD_BINARY, /* memory = memory and a */
    HB_CODE_FOLD_LIMIT,
    HB_CODE_ACROSS_BINARY, /* all vectors are joined in one, of memory */
    HB_CODE_ACROSS_LIMIT,
    HB_CODE_ASK, /* for memory that will be read soon */
} hb_code_kind;

typedef struct hb_code_node {
    hb_code_kind kind;
    hb_x86_vector_instruction instruction;
    uint32_t literal; /* or which comparison it is */
    int link;         /* whose memory it is about */
    int operand[3];   /* nodes, or -1 */
    int uses, last;   /* the last node that has it as an operand */
    bool in_memory;   /* a LOAD that its only reader does */
} hb_code_node;

enum { HB_CODE_MOST_NODES = 3 * HB_CODE_MOST_LINKS };
typedef struct hb_code_nodes {
    int n;
    hb_code_node node[HB_CODE_MOST_NODES];
} hb_code_nodes;

/* What a chain does with one vector. False if some link is not compiled. */
bool hb_code_make_nodes(const hb_code_link *links, int n, hb_code_nodes *nodes);

static inline bool hb_code_is_effect(const hb_code_node *node) {
    return node->kind >= HB_CODE_STORE;
}
static inline bool hb_code_is_across(const hb_code_node *node) {
    return node->kind == HB_CODE_ACROSS_BINARY || node->kind == HB_CODE_ACROSS_LIMIT;
}

/* ---- instructions (emit.c) ---- */

/* A function (hb_cpu_code) for the nodes. False if there are more values at once than registers. */
bool hb_code_emit(const hb_code_link *links, const hb_code_nodes *nodes, hb_x86_text *text);

#endif
