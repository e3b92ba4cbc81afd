/* Links to nodes: see shape.h. A link works on the accumulator, and leaves other values in strips
   of scratch memory; here these are names for nodes, and no memory. The same elements are loaded
   once, unless something is stored meanwhile: other memory may be the same, but then it is so
   element by element. One element that is repeated is never what a chain stores. */
#include <string.h>

#include "shape.h"

typedef struct builder {
    hb_code_nodes *nodes;
    const hb_code_link *links;
    int accumulator; /* a node, or -1 */
    /* By memory, the node of what is there, or -1 if that is not known. */
    int known[HB_CODE_MOST_LINKS];
    int ones[HB_CODE_MOST_LINKS];
    bool failed;
} builder;

/* ---- nodes ---- */

static int add(builder *b, hb_code_node node) {
    hb_code_nodes *all = b->nodes;
    if (all->n == HB_CODE_MOST_NODES) b->failed = true;
    if (b->failed) return -1;
    all->node[all->n] = node;
    return all->n++;
}

static int add_of(builder *b, hb_code_kind kind, int instruction, int x, int y) {
    if (x < 0 || y < 0) b->failed = true;
    return add(b, (hb_code_node){.kind = kind,
                                 .instruction = (hb_x86_vector_instruction)instruction,
                                 .operand = {x, y, -1}});
}

static int literal(builder *b, uint32_t bits) {
    for (int i = 0; i < b->nodes->n; i++)
        if (b->nodes->node[i].kind == HB_CODE_LITERAL && b->nodes->node[i].literal == bits)
            return i;
    return add(b,
               (hb_code_node){.kind = HB_CODE_LITERAL, .literal = bits, .operand = {-1, -1, -1}});
}

static int source(builder *b, hb_code_kind kind, int link) {
    return add(b, (hb_code_node){.kind = kind, .link = link, .operand = {-1, -1, -1}});
}

/* ---- memory ---- */

/* What link i reads: one element if `one`. */
static int read(builder *b, int i, bool one) {
    const hb_code_link *link = &b->links[i];
    const hb_code_where wanted = one ? HB_CODE_STAYS : HB_CODE_MOVES;
    int *known = one ? &b->ones[link->memory] : &b->known[link->memory];
    if (*known < 0) {
        if (link->where != wanted) b->failed = true; /* a strip that nothing is in, too */
        *known = source(b, one ? HB_CODE_ONE : HB_CODE_LOAD, i);
    }
    return *known;
}

static void forget_memory(builder *b, int n) {
    for (int i = 0; i < n; i++)
        if (b->links[i].where != HB_CODE_STRIP) b->known[b->links[i].memory] = -1;
}

/* Node x to the memory of link i. */
static void write(builder *b, int i, int n, hb_x86_vector_instruction instruction) {
    const int x = b->accumulator;
    if (x < 0 || b->links[i].where == HB_CODE_STAYS) b->failed = true;
    if (b->links[i].where == HB_CODE_MOVES) {
        forget_memory(b, n);
        add(b, (hb_code_node){.kind = HB_CODE_STORE,
                              .instruction = instruction,
                              .link = i,
                              .operand = {x, -1, -1}});
    }
    b->known[b->links[i].memory] = x;
}

static void write_truths(builder *b, int i, int n) {
    if (b->accumulator < 0 || b->links[i].where != HB_CODE_MOVES) b->failed = true;
    forget_memory(b, n);
    add(b, (hb_code_node){
               .kind = HB_CODE_STORE_TRUTHS, .link = i, .operand = {b->accumulator, -1, -1}});
}

/* ---- links ---- */

/* Comparisons as the instruction numbers them. */
enum { EQUAL = 0, LESS = 1, AT_MOST = 2, NOT_EQUAL = 4, AT_LEAST = 13, GREATER = 14 };

/* How nodes of a binary link's x and y are made; `turned`: of y and x. */
typedef struct form {
    uint8_t kind, instruction, comparison;
    bool turned;
} form;

static const form binary_forms[] = {
    [HB_CHAIN_ADD] = {HB_CODE_BINARY, HB_X86_VADDPS, 0, false},
    [HB_CHAIN_SUB] = {HB_CODE_BINARY, HB_X86_VSUBPS, 0, false},
    [HB_CHAIN_FROM] = {HB_CODE_BINARY, HB_X86_VSUBPS, 0, true},
    [HB_CHAIN_MUL] = {HB_CODE_BINARY, HB_X86_VMULPS, 0, false},
    [HB_CHAIN_DIV] = {HB_CODE_BINARY, HB_X86_VDIVPS, 0, false},
    [HB_CHAIN_INTO] = {HB_CODE_BINARY, HB_X86_VDIVPS, 0, true},
    [HB_CHAIN_MAX] = {HB_CODE_LIMIT, HB_X86_VMAXPS, 0, false},
    [HB_CHAIN_MAX_OF] = {HB_CODE_LIMIT, HB_X86_VMAXPS, 0, true},
    [HB_CHAIN_MIN] = {HB_CODE_LIMIT, HB_X86_VMINPS, 0, false},
    [HB_CHAIN_MIN_OF] = {HB_CODE_LIMIT, HB_X86_VMINPS, 0, true},
    [HB_CHAIN_EQ] = {HB_CODE_COMPARE, HB_X86_VCMPPS, EQUAL, false},
    [HB_CHAIN_NE] = {HB_CODE_COMPARE, HB_X86_VCMPPS, NOT_EQUAL, false},
    [HB_CHAIN_LT] = {HB_CODE_COMPARE, HB_X86_VCMPPS, LESS, false},
    [HB_CHAIN_LE] = {HB_CODE_COMPARE, HB_X86_VCMPPS, AT_MOST, false},
    [HB_CHAIN_GT] = {HB_CODE_COMPARE, HB_X86_VCMPPS, GREATER, false},
    [HB_CHAIN_GE] = {HB_CODE_COMPARE, HB_X86_VCMPPS, AT_LEAST, false},
    [HB_CHAIN_AND] = {HB_CODE_BINARY, HB_X86_VANDPS, 0, false},
    [HB_CHAIN_OR] = {HB_CODE_BINARY, HB_X86_VORPS, 0, false},
};

/* By code, every second one of FOLD. */
static const uint8_t fold_instructions[] = {HB_X86_VADDPS, HB_X86_VMAXPS, HB_X86_VMINPS,
                                            HB_X86_VMULPS};

static int make_binary(builder *b, int i) {
    const int code = b->links[i].code, one = (code - HB_CHAIN_LOAD) % 2;
    const int x = b->accumulator, y = read(b, i, one);
    if (code - one == HB_CHAIN_LOAD) return y;
    const form *f = &binary_forms[code - one];
    const int made =
        add_of(b, (hb_code_kind)f->kind, f->instruction, f->turned ? y : x, f->turned ? x : y);
    if (made >= 0) b->nodes->node[made].literal = f->comparison;
    return made;
}

/* What the interpreter calls x, y and z in the link and the next one. */
static int make_choice(builder *b, int i) {
    const int ones = (b->links[i].code - HB_CHAIN_IF) % 4, code = b->links[i].code - ones;
    const int x = b->accumulator, y = read(b, i, ones & 2), z = read(b, i + 1, ones & 1);
    if (x < 0) b->failed = true;
    hb_code_node node = {.kind = HB_CODE_CHOICE, .operand = {x, y, z}};
    if (code == HB_CHAIN_THEN) node = (hb_code_node){.kind = node.kind, .operand = {y, x, z}};
    if (code == HB_CHAIN_ELSE) node = (hb_code_node){.kind = node.kind, .operand = {y, z, x}};
    return add(b, node);
}

static void make_fold(builder *b, int i, int n) {
    const int which = b->links[i].code - HB_CHAIN_SUM, across = which % 2;
    const hb_x86_vector_instruction instruction = fold_instructions[which / 2];
    const bool limit = instruction == HB_X86_VMAXPS || instruction == HB_X86_VMINPS;
    const hb_code_kind kind = across  ? limit ? HB_CODE_ACROSS_LIMIT : HB_CODE_ACROSS_BINARY
                              : limit ? HB_CODE_FOLD_LIMIT
                                      : HB_CODE_FOLD_BINARY;
    if (b->accumulator < 0 || b->links[i].where != (across ? HB_CODE_STAYS : HB_CODE_MOVES))
        b->failed = true;
    if (!across) forget_memory(b, n);
    add(b, (hb_code_node){.kind = kind,
                          .instruction = instruction,
                          .link = i,
                          .operand = {b->accumulator, -1, -1}});
}

static int make_unary(builder *b, int code) {
    const int x = b->accumulator;
    switch (code) {
    case HB_CHAIN_NEG: return add_of(b, HB_CODE_BINARY, HB_X86_VXORPS, x, literal(b, 1u << 31));
    case HB_CHAIN_ABS: return add_of(b, HB_CODE_BINARY, HB_X86_VANDPS, x, literal(b, INT32_MAX));
    case HB_CHAIN_NOT: return add_of(b, HB_CODE_BINARY, HB_X86_VXORPS, x, literal(b, UINT32_MAX));
    case HB_CHAIN_TWICE: return add_of(b, HB_CODE_BINARY, HB_X86_VADDPS, x, x);
    case HB_CHAIN_SQUARE: return add_of(b, HB_CODE_BINARY, HB_X86_VMULPS, x, x);
    case HB_CHAIN_SQRT:
        if (x < 0) b->failed = true;
        return add(b, (hb_code_node){.kind = HB_CODE_UNARY,
                                     .instruction = HB_X86_VSQRTPS,
                                     .operand = {x, -1, -1}});
    default: b->failed = true; return -1;
    }
}

/* Link i of n, which may take the next one with it. Returns how many it was. */
static int make(builder *b, int i, int n) {
    const int code = b->links[i].code;
    if (code >= HB_CHAIN_LOAD && code <= HB_CHAIN_OR_ONE) b->accumulator = make_binary(b, i);
    else if (code >= HB_CHAIN_SUM && code <= HB_CHAIN_PROD_ACROSS) make_fold(b, i, n);
    else if (code >= HB_CHAIN_IF && code <= HB_CHAIN_ELSE_OF_ONES) {
        b->accumulator = make_choice(b, i);
        return 2;
    } else if (code == HB_CHAIN_STORE) write(b, i, n, HB_X86_VMOVUPS_TO);
    else if (code == HB_CHAIN_STREAM) write(b, i, n, HB_X86_VMOVNTPS_TO);
    else if (code == HB_CHAIN_ASK) source(b, HB_CODE_ASK, i);
    else if (code == HB_CHAIN_LOAD_TRUTHS) {
        if (b->links[i].where != HB_CODE_MOVES) b->failed = true;
        b->accumulator = source(b, HB_CODE_TRUTHS, i);
    } else if (code == HB_CHAIN_STORE_TRUTHS) write_truths(b, i, n);
    else b->accumulator = make_unary(b, code);
    return 1;
}

/* ---- uses ---- */

static void find_uses(hb_code_nodes *nodes) {
    for (int i = nodes->n - 1; i >= 0; i--) {
        const hb_code_node *node = &nodes->node[i];
        if (node->uses == 0 && !hb_code_is_effect(node)) continue;
        for (int k = 0; k < 3; k++) {
            if (node->operand[k] < 0) continue;
            hb_code_node *operand = &nodes->node[node->operand[k]];
            if (operand->uses++ == 0) operand->last = i;
        }
    }
}

/* An instruction may have its last operand in memory: one that is loaded for it alone, right before
   it, so that nothing is stored in between. */
static void leave_in_memory(hb_code_nodes *nodes) {
    for (int i = 0; i < nodes->n; i++) {
        const hb_code_node *node = &nodes->node[i];
        if (node->kind < HB_CODE_BINARY || node->kind > HB_CODE_CHOICE || node->uses == 0) continue;
        for (int k = 2; k > 0; k--) {
            const int x = node->operand[k];
            if (x < 0 || x < i - 2 || nodes->node[x].kind != HB_CODE_LOAD) continue;
            if (nodes->node[x].uses > 1 || (x == i - 2 && hb_code_is_effect(&nodes->node[i - 1])))
                continue;
            nodes->node[x].in_memory = true;
            break;
        }
    }
}

bool hb_code_make_nodes(const hb_code_link *links, int n, hb_code_nodes *nodes) {
    builder b = {.nodes = nodes, .links = links, .accumulator = -1};
    nodes->n = 0;
    memset(b.known, -1, sizeof b.known);
    memset(b.ones, -1, sizeof b.ones);
    for (int i = 0; i < n && !b.failed;) i += make(&b, i, n);
    if (b.failed) return false;
    find_uses(nodes);
    leave_in_memory(nodes);
    return true;
}
