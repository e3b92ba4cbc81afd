/* The assembler: see x86.h. */
#include "x86.h"

enum { PREFIX_NONE, PREFIX_66, PREFIX_F3, PREFIX_F2 };
enum { MAP_0F = 1, MAP_0F38, MAP_0F3A };

typedef struct encoding {
    uint8_t prefix, map, opcode, bytes;
} encoding;

static const encoding encodings[] = {
#define ENCODING(NAME, prefix, map, opcode, bytes) {PREFIX_##prefix, MAP_##map, opcode, bytes},
    HB_X86_VECTOR_INSTRUCTIONS(ENCODING)
#undef ENCODING
};

/* ---- bytes ---- */

static void put(hb_x86_text *text, int byte) {
    if (text->n < HB_X86_MOST_BYTES) text->byte[text->n++] = (uint8_t)byte;
    else text->full = true;
}

static void put_32(hb_x86_text *text, uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) put(text, (int)(value >> shift & 0xff));
}

static int low(int number) { return number & 7; }
static int bit(int number, int k) { return number >> k & 1; }

/* The bytes that say which register and which operand. Short displacements count units of `unit`
   bytes. */
static void put_operands(hb_x86_text *text, int reg, hb_x86_operand b, int unit) {
    enum { NO_DISPLACEMENT = 0, SHORT = 1 << 6, LONG = 2 << 6, REGISTER = 3 << 6, SIB = 4 };
    const int middle = low(reg) << 3;
    if (b.kind == HB_X86_IN_REGISTER) {
        put(text, REGISTER | middle | low(b.number));
        return;
    }
    const bool is_short = b.at % unit == 0 && b.at / unit >= INT8_MIN && b.at / unit <= INT8_MAX;
    /* RBP and R13 without a displacement would mean something else. */
    const int mode = b.at == 0 && low(b.number) != HB_X86_RBP ? NO_DISPLACEMENT
                     : is_short                               ? SHORT
                                                              : LONG;
    if (b.index == HB_X86_NO_INDEX && low(b.number) != HB_X86_RSP)
        put(text, mode | middle | low(b.number));
    else {
        put(text, mode | middle | SIB);
        put(text, low(b.index == HB_X86_NO_INDEX ? HB_X86_RSP : b.index) << 3 | low(b.number));
    }
    if (mode == SHORT) put(text, b.at / unit);
    if (mode == LONG) put_32(text, (uint32_t)b.at);
}

/* ---- vectors ---- */

/* The EVEX prefix, whose register bits are inverted. */
static void put_prefix(hb_x86_text *text, const encoding *e, int to, int a, hb_x86_operand b,
                       int mask, bool zero) {
    const bool in_register = b.kind == HB_X86_IN_REGISTER;
    const int index = b.index == HB_X86_NO_INDEX ? 0 : b.index;
    const int x = in_register ? bit(b.number, 4) : bit(index, 3);
    const int length = e->bytes == 16 || e->bytes == 1 ? 0 : 2;
    put(text, 0x62);
    put(text, (!bit(to, 3) << 7 | !x << 6 | !bit(b.number, 3) << 5 | !bit(to, 4) << 4) | e->map);
    put(text, (~a & 15) << 3 | 4 | e->prefix);
    put(text, zero << 7 | length << 5 | (b.kind == HB_X86_REPEATED) << 4 | !bit(a, 4) << 3 | mask);
}

static void put_vector(hb_x86_text *text, hb_x86_vector_instruction instruction, int to, int a,
                       hb_x86_operand b, int mask, bool zero) {
    const encoding *e = &encodings[instruction];
    put_prefix(text, e, to, a, b, mask, zero);
    put(text, e->opcode);
    put_operands(text, to, b, b.kind == HB_X86_REPEATED ? 4 : e->bytes);
}

void hb_x86_vector(hb_x86_text *text, hb_x86_vector_instruction instruction, int to, int a,
                   hb_x86_operand b, int imm) {
    put_vector(text, instruction, to, a, b, 0, false);
    if (encodings[instruction].map == MAP_0F3A || instruction == HB_X86_VCMPPS) put(text, imm);
}

void hb_x86_vector_masked(hb_x86_text *text, hb_x86_vector_instruction instruction, int to, int a,
                          hb_x86_operand b, int mask, bool zero) {
    put_vector(text, instruction, to, a, b, mask, zero);
}

/* ---- general registers ---- */

/* The prefix of an instruction on `reg` and b; `wide`: of 64 bits. */
static void put_rex(hb_x86_text *text, bool wide, int reg, hb_x86_operand b) {
    const bool indexed = b.kind != HB_X86_IN_REGISTER && b.index != HB_X86_NO_INDEX;
    const int rex =
        wide << 3 | bit(reg, 3) << 2 | (indexed && bit(b.index, 3)) << 1 | bit(b.number, 3);
    if (rex) put(text, 0x40 | rex);
}

static void put_wide(hb_x86_text *text, int opcode, int reg, hb_x86_operand b) {
    put_rex(text, true, reg, b);
    put(text, opcode);
    put_operands(text, reg, b, 1);
}

void hb_x86_load(hb_x86_text *text, hb_x86_general to, hb_x86_operand memory) {
    put_wide(text, 0x8b, (int)to, memory);
}

void hb_x86_add(hb_x86_text *text, hb_x86_general to, hb_x86_operand b) {
    put_wide(text, 0x03, (int)to, b);
}

void hb_x86_set(hb_x86_text *text, hb_x86_general to, uint32_t value) {
    put_rex(text, false, 0, hb_x86_register((int)to));
    put(text, 0xb8 + low((int)to));
    put_32(text, value);
}

void hb_x86_add_constant(hb_x86_text *text, hb_x86_general to, int32_t value) {
    put_wide(text, 0x81, 0, hb_x86_register((int)to));
    put_32(text, (uint32_t)value);
}

void hb_x86_copy(hb_x86_text *text, hb_x86_general to, hb_x86_general from) {
    put_wide(text, 0x8b, (int)to, hb_x86_register((int)from));
}

void hb_x86_shift_right(hb_x86_text *text, hb_x86_general to, int by) {
    put_wide(text, 0xc1, 5, hb_x86_register((int)to));
    put(text, by);
}

void hb_x86_push(hb_x86_text *text, hb_x86_general from) {
    put_rex(text, false, 0, hb_x86_register((int)from));
    put(text, 0x50 + low((int)from));
}

void hb_x86_pop(hb_x86_text *text, hb_x86_general to) {
    put_rex(text, false, 0, hb_x86_register((int)to));
    put(text, 0x58 + low((int)to));
}

void hb_x86_prefetch(hb_x86_text *text, hb_x86_operand memory) {
    put_rex(text, false, 0, memory);
    put(text, 0x0f);
    put(text, 0x18);
    put_operands(text, 2, memory, 1);
}

void hb_x86_jump_back_if_less(hb_x86_text *text, hb_x86_general a, hb_x86_general b, int target) {
    put_wide(text, 0x3b, (int)a, hb_x86_register((int)b));
    put(text, 0x0f);
    put(text, 0x8c);
    put_32(text, (uint32_t)(target - (text->n + 4)));
}

void hb_x86_return(hb_x86_text *text) {
    put(text, 0xc5);
    put(text, 0xf8);
    put(text, 0x77);
    put(text, 0xc3);
}
