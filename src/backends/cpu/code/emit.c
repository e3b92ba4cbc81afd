/* Nodes to instructions: see shape.h. A strip of 8 vectors goes through the nodes `width` vectors
   at a time, each node for all of them: the fewer, the more values fit in the 32 registers, but
   some are enough for the processor to find work in while others wait. Sums across vectors need
   registers too: for what has been joined of the strip's earlier vectors, and for the row's.

   Registers are given out as nodes are emitted. What runs out of them is emitted again, narrower.
 */
#include <stddef.h>
#include <string.h>

#include "shape.h"

enum {
    VECTOR = 64,
    STRIP = HB_CPU_STRIP_VECTORS * VECTOR,
    WIDEST = 4,
    REGISTERS = 32,
    MOST_LEVELS = 3, /* of a tree over the vectors of a strip */
    NONE = -1,
};

/* Of the function's arguments, which are where the System V ABI has them; and for addresses that
   have no register of their own. */
static const hb_x86_general LINKS = HB_X86_RDI, FROM = HB_X86_RSI, TO = HB_X86_RDX,
                            SPARE = HB_X86_RAX;
enum { TRUTHS_MASK = 1, UNORDERED = 3 };

/* For addresses; the first are the caller's to lose. */
static const hb_x86_general address_registers[] = {HB_X86_RCX, HB_X86_R8,  HB_X86_R9,  HB_X86_R10,
                                                   HB_X86_R11, HB_X86_RBX, HB_X86_RBP, HB_X86_R12,
                                                   HB_X86_R13, HB_X86_R14, HB_X86_R15};
enum {
    ADDRESS_REGISTERS = sizeof address_registers / sizeof *address_registers,
    FREE_TO_USE = 5,
};

/* What a node across vectors has gathered: of the row; and of vectors of this strip, by how many
   times two have become one. */
typedef struct gathered {
    int row, level[MOST_LEVELS];
} gathered;

typedef struct emitter {
    hb_x86_text *text;
    const hb_code_link *links;
    const hb_code_nodes *nodes;
    int width;
    int to_keep; /* so many single elements may stay in registers */
    uint32_t taken;
    int most; /* registers that were taken at once */
    bool failed;
    int8_t at[HB_CODE_MOST_NODES][WIDEST]; /* by node; of single elements, only the first */
    gathered gathered[HB_CODE_MOST_NODES];
    int8_t address[HB_CODE_MOST_LINKS]; /* by memory: its register, or NONE */
    int n_addresses;
} emitter;

typedef hb_x86_operand operand;

static const hb_code_node *node_at(const emitter *e, int i) { return &e->nodes->node[i]; }

static bool is_wanted(const hb_code_node *node) {
    return node->uses > 0 || hb_code_is_effect(node);
}

/* The same for all vectors. */
static bool is_single(const hb_code_node *node) {
    return node->kind == HB_CODE_ONE || node->kind == HB_CODE_LITERAL;
}

/* ---- registers ---- */

static int take(emitter *e) {
    if (e->taken == UINT32_MAX) {
        e->failed = true;
        return 0;
    }
    const int r = __builtin_ctz(~e->taken);
    e->taken |= 1u << r;
    const int n = __builtin_popcount(e->taken);
    if (n > e->most) e->most = n;
    return r;
}

static void give_back(emitter *e, int r) { e->taken &= ~(1u << r); }

static bool ends(const emitter *e, int x, int i) {
    return x >= 0 && node_at(e, x)->last == i && !is_single(node_at(e, x)) &&
           !node_at(e, x)->in_memory;
}

/* A register for the result of node i, vector k: that of `over`, if that is not read later. */
static int take_over(emitter *e, int i, int over, int k) {
    e->at[i][k] = ends(e, over, i) ? e->at[over][k] : (int8_t)take(e);
    return e->at[i][k];
}

/* Gives back registers of operands that node i was the last to read and did not take over. */
static void release_operands(emitter *e, int i) {
    const hb_code_node *node = node_at(e, i);
    for (int o = 0; o < 3; o++)
        for (int k = 0; k < e->width && ends(e, node->operand[o], i); k++) {
            const int r = e->at[node->operand[o]][k];
            if (hb_code_is_effect(node) || r != e->at[i][k]) give_back(e, r);
        }
}

static void copy(emitter *e, int to, int from) {
    hb_x86_vector(e->text, HB_X86_VMOVUPS, to, 0, hb_x86_register(from), 0);
}

/* ---- memory ---- */

static operand link_at(int link) {
    return (operand){.kind = HB_X86_IN_MEMORY,
                     .number = (int)LINKS,
                     .index = HB_X86_NO_INDEX,
                     .at =
                         (int32_t)((size_t)link * sizeof(hb_cpu_link) + offsetof(hb_cpu_link, at))};
}

/* The register that has the address of the link's memory. */
static int address(emitter *e, int link) {
    const int memory = e->links[link].memory;
    if (e->address[memory] != NONE) return e->address[memory];
    hb_x86_load(e->text, SPARE, link_at(link));
    return (int)SPARE;
}

static operand one_at(emitter *e, int link) {
    return (operand){.kind = HB_X86_REPEATED, .number = address(e, link), .index = HB_X86_NO_INDEX};
}

static operand vector_at(int base, int vector) {
    return (operand){
        .kind = HB_X86_IN_MEMORY, .number = base, .index = (int)FROM, .at = vector * VECTOR};
}

static void load_single(emitter *e, const hb_code_node *node, int to) {
    if (node->kind == HB_CODE_LITERAL) {
        hb_x86_set(e->text, SPARE, node->literal);
        hb_x86_vector(e->text, HB_X86_VPBROADCASTD, to, 0, hb_x86_register((int)SPARE), 0);
        return;
    }
    operand one = one_at(e, node->link);
    one.kind = HB_X86_IN_MEMORY;
    hb_x86_vector(e->text, HB_X86_VBROADCASTSS, to, 0, one, 0);
}

/* ---- operands of a node ---- */

/* Which of its operands an instruction may have in memory. */
static int last_operand(const emitter *e, const hb_code_node *node) {
    const int n = node->kind == HB_CODE_CHOICE ? 3 : node->kind == HB_CODE_UNARY ? 1 : 2;
    for (int o = n - 1; o > 0; o--)
        if (node_at(e, node->operand[o])->in_memory) return o;
    for (int o = n - 1; o > 0; o--) {
        const hb_code_node *x = node_at(e, node->operand[o]);
        if (x->kind == HB_CODE_ONE && e->at[node->operand[o]][0] == NONE) return o;
    }
    return n - 1;
}

/* Single elements that are not in registers and cannot be read from memory, for this node alone.
   Returns what was taken. */
static uint32_t load_singles(emitter *e, const hb_code_node *node, int last) {
    const uint32_t before = e->taken;
    for (int o = 0; o < 3; o++) {
        const int x = node->operand[o];
        if (x < 0 || !is_single(node_at(e, x)) || e->at[x][0] != NONE) continue;
        if (o == last && node_at(e, x)->kind == HB_CODE_ONE) continue;
        e->at[x][0] = (int8_t)take(e);
        load_single(e, node_at(e, x), e->at[x][0]);
    }
    return e->taken & ~before;
}

static void drop_singles(emitter *e, const hb_code_node *node, uint32_t loaded) {
    for (int o = 0; o < 3; o++) {
        const int x = node->operand[o];
        if (x >= 0 && is_single(node_at(e, x)) && e->at[x][0] != NONE &&
            (loaded >> e->at[x][0] & 1))
            e->at[x][0] = NONE;
    }
    e->taken &= ~loaded;
}

static int register_of(const emitter *e, int x, int k) {
    return e->at[x][is_single(node_at(e, x)) ? 0 : k];
}

/* The last operand, as vector k of those that begin at `first`; `base` is the address of its
   memory, if it is there. */
static operand last_of(const emitter *e, int x, int base, int first, int k) {
    const hb_code_node *node = node_at(e, x);
    if (node->in_memory) return vector_at(base, first + k);
    if (node->kind == HB_CODE_ONE && e->at[x][0] == NONE)
        return (operand){.kind = HB_X86_REPEATED, .number = base, .index = HB_X86_NO_INDEX};
    return hb_x86_register(register_of(e, x, k));
}

static int base_of(emitter *e, int x) {
    const hb_code_node *node = node_at(e, x);
    const bool needed = node->in_memory || (node->kind == HB_CODE_ONE && e->at[x][0] == NONE);
    return needed ? address(e, node->link) : NONE;
}

/* ---- values ---- */

/* to = the larger or smaller of x and y, x if that is NaN: of two values of which one is NaN, the
   instruction gives the second. `to` is not x's register. */
static void limit(emitter *e, hb_x86_vector_instruction instruction, int to, int x, operand y) {
    hb_x86_vector(e->text, instruction, to, x, y, 0);
    hb_x86_vector(e->text, HB_X86_VCMPPS, TRUTHS_MASK, x, hb_x86_register(x), UNORDERED);
    hb_x86_vector_masked(e->text, HB_X86_VMOVUPS, to, 0, hb_x86_register(x), TRUTHS_MASK, false);
}

static void make_binary(emitter *e, int i, int k, operand b) {
    const hb_code_node *node = node_at(e, i);
    const int x = node->operand[0], y = node->operand[1], a = register_of(e, x, k);
    switch (node->kind) {
    case HB_CODE_LIMIT:
        limit(e, node->instruction, take_over(e, i, x == y ? NONE : y, k), a, b);
        break;
    case HB_CODE_COMPARE:
        hb_x86_vector(e->text, HB_X86_VCMPPS, TRUTHS_MASK, a, b, (int)node->literal);
        hb_x86_vector(e->text, HB_X86_VPMOVM2D, take_over(e, i, ends(e, x, i) ? x : y, k), 0,
                      hb_x86_register(TRUTHS_MASK), 0);
        break;
    default:
        hb_x86_vector(e->text, node->instruction, take_over(e, i, ends(e, x, i) ? x : y, k), a, b,
                      0);
    }
}

/* The immediate byte of a ? b : c, where the instruction's operands are those of these numbers. */
static int choice_of(const int order[3]) {
    int imm = 0;
    for (int bits = 0; bits < 8; bits++) {
        int value[3];
        for (int o = 0; o < 3; o++) value[order[o]] = bits >> (2 - o) & 1;
        imm |= (value[0] ? value[1] : value[2]) << bits;
    }
    return imm;
}

/* The instruction's first operand is also its result. */
static void make_choice(emitter *e, int i, int k, int last, operand b) {
    const hb_code_node *node = node_at(e, i);
    int order[3] = {0, 3 - last, last};
    if (!ends(e, node->operand[order[0]], i)) {
        const int swapped = order[0];
        order[0] = order[1];
        order[1] = swapped;
    }
    const int first = node->operand[order[0]], r = take_over(e, i, first, k);
    if (r != register_of(e, first, k)) copy(e, r, register_of(e, first, k));
    hb_x86_vector(e->text, HB_X86_VPTERNLOGD, r, register_of(e, node->operand[order[1]], k), b,
                  choice_of(order));
}

static void make_value(emitter *e, int i, int first) {
    const hb_code_node *node = node_at(e, i);
    const int last = last_operand(e, node);
    const uint32_t loaded = load_singles(e, node, last);
    const int base = base_of(e, node->operand[last]);
    for (int k = 0; k < e->width; k++) {
        const operand b = last_of(e, node->operand[last], base, first, k);
        if (node->kind == HB_CODE_CHOICE) make_choice(e, i, k, last, b);
        else if (node->kind == HB_CODE_UNARY)
            hb_x86_vector(e->text, node->instruction, take_over(e, i, node->operand[0], k), 0, b,
                          0);
        else make_binary(e, i, k, b);
    }
    drop_singles(e, node, loaded);
}

static void make_load(emitter *e, int i, int first) {
    const int base = address(e, node_at(e, i)->link);
    for (int k = 0; k < e->width; k++) {
        e->at[i][k] = (int8_t)take(e);
        hb_x86_vector(e->text, HB_X86_VMOVUPS, e->at[i][k], 0, vector_at(base, first + k), 0);
    }
}

/* The bytes for vectors from `first` on are at address + from / 4 + first * 16. */
static operand truths_at(emitter *e, int link, int first) {
    hb_x86_copy(e->text, SPARE, FROM);
    hb_x86_shift_right(e->text, SPARE, 2);
    hb_x86_add(e->text, SPARE, link_at(link));
    return (operand){.kind = HB_X86_IN_MEMORY,
                     .number = (int)SPARE,
                     .index = HB_X86_NO_INDEX,
                     .at = first * (VECTOR / 4)};
}

static void make_truths(emitter *e, int i, int first) {
    operand bytes = truths_at(e, node_at(e, i)->link, first);
    for (int k = 0; k < e->width; k++, bytes.at += VECTOR / 4) {
        const int r = e->at[i][k] = (int8_t)take(e);
        hb_x86_vector(e->text, HB_X86_VMOVUPS_16, r, 0, bytes, 0);
        hb_x86_vector(e->text, HB_X86_VPTESTMB_16, TRUTHS_MASK, r, hb_x86_register(r), 0);
        hb_x86_vector(e->text, HB_X86_VPMOVM2D, r, 0, hb_x86_register(TRUTHS_MASK), 0);
    }
}

/* ---- effects ---- */

static void store(emitter *e, int i, int first) {
    const hb_code_node *node = node_at(e, i);
    const uint32_t loaded = load_singles(e, node, NONE);
    const int base = address(e, node->link);
    for (int k = 0; k < e->width; k++)
        hb_x86_vector(e->text, node->instruction, register_of(e, node->operand[0], k), 0,
                      vector_at(base, first + k), 0);
    drop_singles(e, node, loaded);
}

static void store_truths(emitter *e, int i, int first) {
    const hb_code_node *node = node_at(e, i);
    const hb_x86_general one = HB_X86_RCX;
    const int bytes = take(e);
    operand to = truths_at(e, node->link, first);
    hb_x86_push(e->text, one);
    hb_x86_set(e->text, one, 1);
    for (int k = 0; k < e->width; k++, to.at += VECTOR / 4) {
        hb_x86_vector(e->text, HB_X86_VPMOVD2M, TRUTHS_MASK, 0,
                      hb_x86_register(register_of(e, node->operand[0], k)), 0);
        hb_x86_vector_masked(e->text, HB_X86_VPBROADCASTB_16, bytes, 0, hb_x86_register((int)one),
                             TRUTHS_MASK, true);
        hb_x86_vector(e->text, HB_X86_VMOVUPS_16_TO, bytes, 0, to, 0);
    }
    hb_x86_pop(e->text, one);
    give_back(e, bytes);
}

/* Memory gathers the node's operand, element by element. */
static void fold(emitter *e, int i, int first) {
    const hb_code_node *node = node_at(e, i);
    const uint32_t loaded = load_singles(e, node, NONE);
    const int base = address(e, node->link), sum = take(e), y = take(e);
    for (int k = 0; k < e->width; k++) {
        const operand memory = vector_at(base, first + k);
        const int x = register_of(e, node->operand[0], k);
        if (node->kind == HB_CODE_FOLD_LIMIT) {
            hb_x86_vector(e->text, HB_X86_VMOVUPS, y, 0, memory, 0);
            limit(e, node->instruction, sum, y, hb_x86_register(x));
        } else hb_x86_vector(e->text, node->instruction, sum, x, memory, 0);
        hb_x86_vector(e->text, HB_X86_VMOVUPS_TO, sum, 0, memory, 0);
    }
    give_back(e, y);
    give_back(e, sum);
    drop_singles(e, node, loaded);
}

static void ask(emitter *e, int i, int first) {
    const int base = address(e, node_at(e, i)->link);
    for (int k = 0; k < e->width; k++) hb_x86_prefetch(e->text, vector_at(base, first + k));
}

/* ---- one vector that gathers all ---- */

/* y joined with x, in a register that the caller gives back. Those of y and x that were taken for
   joining are given back, or taken over. */
static int join(emitter *e, const hb_code_node *node, int y, int x, bool y_taken, bool x_taken) {
    if (node->kind == HB_CODE_ACROSS_BINARY) {
        const int to = y_taken ? y : x_taken ? x : take(e);
        hb_x86_vector(e->text, node->instruction, to, y, hb_x86_register(x), 0);
        if (y_taken && x_taken) give_back(e, x);
        return to;
    }
    const int to = x_taken ? x : take(e);
    limit(e, node->instruction, to, y, hb_x86_register(x));
    if (y_taken) give_back(e, y);
    return to;
}

/* The operand's vectors, joined in pairs, pairs of pairs and so on. */
static int join_all(emitter *e, int i, int first, int n, bool *taken) {
    const hb_code_node *node = node_at(e, i);
    *taken = false;
    if (n == 1) return register_of(e, node->operand[0], first);
    bool a_taken, b_taken;
    const int a = join_all(e, i, first, n / 2, &a_taken);
    const int b = join_all(e, i, first + n / 2, n / 2, &b_taken);
    *taken = true;
    return join(e, node, a, b, a_taken, b_taken);
}

/* The row's register stays the same from strip to strip. Of two NaN, a sum is the first, which in
   the interpreter's is that of the strip. */
static void join_row(emitter *e, const hb_code_node *node, int row, int now, bool taken) {
    if (node->kind == HB_CODE_ACROSS_BINARY) {
        hb_x86_vector(e->text, node->instruction, row, now, hb_x86_register(row), 0);
        if (taken) give_back(e, now);
        return;
    }
    const int joined = join(e, node, row, now, false, taken);
    copy(e, row, joined);
    give_back(e, joined);
}

/* Counts in binary: what has been joined of as many vectors before is joined with these. */
static void gather(emitter *e, int i, int first) {
    const hb_code_node *node = node_at(e, i);
    const uint32_t loaded = load_singles(e, node, NONE);
    gathered *g = &e->gathered[i];
    bool taken;
    int now = join_all(e, i, 0, e->width, &taken), level = 0;
    for (int done = first / e->width; done & 1; done >>= 1, level++) {
        now = join(e, node, g->level[level], now, true, taken);
        taken = true;
    }
    if (first + e->width == HB_CPU_STRIP_VECTORS) join_row(e, node, g->row, now, taken);
    else {
        g->level[level] = taken ? now : take(e);
        if (!taken) copy(e, g->level[level], now);
    }
    drop_singles(e, node, loaded);
}

/* ---- the function ---- */

static void emit_node(emitter *e, int i, int first) {
    const hb_code_node *node = node_at(e, i);
    if (!is_wanted(node) || is_single(node) || node->in_memory) return;
    switch (node->kind) {
    case HB_CODE_LOAD: make_load(e, i, first); break;
    case HB_CODE_TRUTHS: make_truths(e, i, first); break;
    case HB_CODE_STORE: store(e, i, first); break;
    case HB_CODE_STORE_TRUTHS: store_truths(e, i, first); break;
    case HB_CODE_FOLD_BINARY:
    case HB_CODE_FOLD_LIMIT: fold(e, i, first); break;
    case HB_CODE_ACROSS_BINARY:
    case HB_CODE_ACROSS_LIMIT: gather(e, i, first); break;
    case HB_CODE_ASK: ask(e, i, first); break;
    default: make_value(e, i, first);
    }
    release_operands(e, i);
}

static bool needs_address(const emitter *e, int i) {
    const hb_code_node *node = node_at(e, i);
    switch (node->kind) {
    case HB_CODE_LOAD:
    case HB_CODE_STORE:
    case HB_CODE_FOLD_BINARY:
    case HB_CODE_FOLD_LIMIT:
    case HB_CODE_ASK: return is_wanted(node);
    case HB_CODE_ONE: return is_wanted(node) && e->at[i][0] == NONE;
    default: return false;
    }
}

/* Addresses to registers, as far as there are some. */
static void load_addresses(emitter *e) {
    for (int i = 0; i < e->nodes->n; i++) {
        const int memory = e->links[node_at(e, i)->link].memory;
        if (!needs_address(e, i) || e->address[memory] != NONE) continue;
        if (e->n_addresses == ADDRESS_REGISTERS) return;
        const hb_x86_general to = address_registers[e->n_addresses++];
        if (e->n_addresses > FREE_TO_USE) hb_x86_push(e->text, to);
        hb_x86_load(e->text, to, link_at(memory));
        e->address[memory] = (int8_t)to;
    }
}

static void restore_registers(emitter *e) {
    for (int n = e->n_addresses; n > FREE_TO_USE; n--)
        hb_x86_pop(e->text, address_registers[n - 1]);
}

/* What stays in registers for the whole row. */
static void keep_singles(emitter *e) {
    for (int i = 0; i < e->nodes->n && e->to_keep > 0; i++) {
        const hb_code_node *node = node_at(e, i);
        if (!is_single(node) || !is_wanted(node)) continue;
        e->at[i][0] = (int8_t)take(e);
        load_single(e, node, e->at[i][0]);
        e->to_keep--;
    }
}

static void begin_gathering(emitter *e) {
    for (int i = 0; i < e->nodes->n; i++) {
        if (!hb_code_is_across(node_at(e, i))) continue;
        e->gathered[i].row = take(e);
        operand memory = {.kind = HB_X86_IN_MEMORY, .index = HB_X86_NO_INDEX};
        memory.number = address(e, node_at(e, i)->link);
        hb_x86_vector(e->text, HB_X86_VMOVUPS, e->gathered[i].row, 0, memory, 0);
    }
}

static void end_gathering(emitter *e) {
    for (int i = 0; i < e->nodes->n; i++) {
        if (!hb_code_is_across(node_at(e, i))) continue;
        operand memory = {.kind = HB_X86_IN_MEMORY, .index = HB_X86_NO_INDEX};
        memory.number = address(e, node_at(e, i)->link);
        hb_x86_vector(e->text, HB_X86_VMOVUPS_TO, e->gathered[i].row, 0, memory, 0);
    }
}

static void emit_function(emitter *e) {
    begin_gathering(e);
    keep_singles(e);
    load_addresses(e);
    const int loop = e->text->n;
    for (int first = 0; first < HB_CPU_STRIP_VECTORS; first += e->width)
        for (int i = 0; i < e->nodes->n && !e->failed; i++) emit_node(e, i, first);
    hb_x86_add_constant(e->text, FROM, STRIP);
    hb_x86_jump_back_if_less(e->text, FROM, TO, loop);
    end_gathering(e);
    restore_registers(e);
    hb_x86_return(e->text);
}

/* With room for so many single elements. Returns how many registers were left, or NONE. */
static int try_width(emitter *e, int width, int to_keep) {
    e->text->n = 0;
    e->text->full = e->failed = false;
    e->width = width;
    e->to_keep = to_keep;
    e->taken = 0;
    e->most = e->n_addresses = 0;
    memset(e->at, NONE, sizeof e->at);
    memset(e->address, NONE, sizeof e->address);
    emit_function(e);
    return e->failed || e->text->full ? NONE : REGISTERS - e->most;
}

static int count_singles(const hb_code_nodes *nodes) {
    int n = 0;
    for (int i = 0; i < nodes->n; i++)
        n += is_single(&nodes->node[i]) && is_wanted(&nodes->node[i]);
    return n;
}

bool hb_code_emit(const hb_code_link *links, const hb_code_nodes *nodes, hb_x86_text *text) {
    emitter e = {.text = text, .links = links, .nodes = nodes};
    const int singles = count_singles(nodes);
    for (int width = WIDEST; width > 0; width /= 2) {
        const int left = try_width(&e, width, 0);
        if (left == NONE) continue;
        const bool all = left >= singles;
        if (!all && width > 1) continue; /* narrower, they may stay in registers */
        return try_width(&e, width, all ? singles : left) != NONE;
    }
    return false;
}
