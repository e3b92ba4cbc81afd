/* An assembler for the few x86-64 instructions that compiled chains consist of (emit.c): vectors of
   512 bits, whole or as 16 repetitions of one element in memory, and what loops and addresses need.
   It writes bytes and knows nothing about chains. Encodings are those of Intel's manual, volume 2.

   Text that does not fit is dropped and `full` says so at the end. */
#ifndef HB_CPU_X86_H
#define HB_CPU_X86_H

#include <stdbool.h>
#include <stdint.h>

enum { HB_X86_MOST_BYTES = 24 << 10 };

typedef struct hb_x86_text {
    uint8_t byte[HB_X86_MOST_BYTES];
    int n;
    bool full;
} hb_x86_text;

/* General registers, by the numbers that the processor gives them. */
typedef enum hb_x86_general {
    HB_X86_RAX,
    HB_X86_RCX,
    HB_X86_RDX,
    HB_X86_RBX,
    HB_X86_RSP,
    HB_X86_RBP,
    HB_X86_RSI,
    HB_X86_RDI,
    HB_X86_R8,
    HB_X86_R9,
    HB_X86_R10,
    HB_X86_R11,
    HB_X86_R12,
    HB_X86_R13,
    HB_X86_R14,
    HB_X86_R15,
    HB_X86_NO_INDEX = -1,
} hb_x86_general;

/* The last operand of an instruction: a register; or memory at base + index + at, which may be one
   element that is repeated. */
typedef enum hb_x86_kind { HB_X86_IN_REGISTER, HB_X86_IN_MEMORY, HB_X86_REPEATED } hb_x86_kind;
typedef struct hb_x86_operand {
    hb_x86_kind kind;
    int number; /* of the register, or the base's */
    int index;  /* never RSP; or HB_X86_NO_INDEX */
    int32_t at;
} hb_x86_operand;

static inline hb_x86_operand hb_x86_register(int number) {
    return (hb_x86_operand){.kind = HB_X86_IN_REGISTER, .number = number};
}

/* X(NAME, prefix, map, opcode, bytes of memory): vector instructions by their names in the manual.
   The prefix is one of none, 66, F3, F2; the map one of 0F, 0F38, 0F3A. Those of map 0F3A and
   comparisons have an immediate byte. */
#define HB_X86_VECTOR_INSTRUCTIONS(X)                                                              \
    X(VMOVUPS, NONE, 0F, 0x10, 64)                                                                 \
    X(VMOVUPS_TO, NONE, 0F, 0x11, 64) /* the operand in memory is written */                       \
    X(VMOVNTPS_TO, NONE, 0F, 0x2b, 64)                                                             \
    X(VADDPS, NONE, 0F, 0x58, 64)                                                                  \
    X(VSUBPS, NONE, 0F, 0x5c, 64)                                                                  \
    X(VMULPS, NONE, 0F, 0x59, 64)                                                                  \
    X(VDIVPS, NONE, 0F, 0x5e, 64)                                                                  \
    X(VMAXPS, NONE, 0F, 0x5f, 64)                                                                  \
    X(VMINPS, NONE, 0F, 0x5d, 64)                                                                  \
    X(VSQRTPS, NONE, 0F, 0x51, 64)                                                                 \
    X(VANDPS, NONE, 0F, 0x54, 64)                                                                  \
    X(VORPS, NONE, 0F, 0x56, 64)                                                                   \
    X(VXORPS, NONE, 0F, 0x57, 64)                                                                  \
    X(VCMPPS, NONE, 0F, 0xc2, 64) /* to a mask */                                                  \
    X(VPTERNLOGD, 66, 0F3A, 0x25, 64)                                                              \
    X(VBROADCASTSS, 66, 0F38, 0x18, 4)                                                             \
    X(VPBROADCASTD, 66, 0F38, 0x7c, 4) /* from a general register */                               \
    X(VPMOVM2D, F3, 0F38, 0x38, 64)    /* from a mask */                                           \
    X(VPMOVD2M, F3, 0F38, 0x39, 64)    /* to a mask */                                             \
    X(VMOVUPS_16, NONE, 0F, 0x10, 16)                                                              \
    X(VMOVUPS_16_TO, NONE, 0F, 0x11, 16)                                                           \
    X(VPTESTMB_16, 66, 0F38, 0x26, 16)    /* to a mask */                                          \
    X(VPBROADCASTB_16, 66, 0F38, 0x7a, 1) /* from a general register */

typedef enum hb_x86_vector_instruction {
#define HB_X86_NAME(NAME, prefix, map, opcode, bytes) HB_X86_##NAME,
    HB_X86_VECTOR_INSTRUCTIONS(HB_X86_NAME)
#undef HB_X86_NAME
} hb_x86_vector_instruction;

/* instruction to, a, b: of instructions with one operand, a is 0. Of those that write to memory,
   `to` is the register that is written there. The immediate byte is `imm`, where there is one. */
void hb_x86_vector(hb_x86_text *text, hb_x86_vector_instruction instruction, int to, int a,
                   hb_x86_operand b, int imm);
/* The same for the lanes that mask register `mask` (1 to 7) has; others stay, or become 0. */
void hb_x86_vector_masked(hb_x86_text *text, hb_x86_vector_instruction instruction, int to, int a,
                          hb_x86_operand b, int mask, bool zero);

void hb_x86_load(hb_x86_text *text, hb_x86_general to, hb_x86_operand memory); /* 64 bits */
void hb_x86_add(hb_x86_text *text, hb_x86_general to, hb_x86_operand b);
void hb_x86_set(hb_x86_text *text, hb_x86_general to, uint32_t value);
void hb_x86_add_constant(hb_x86_text *text, hb_x86_general to, int32_t value);
void hb_x86_copy(hb_x86_text *text, hb_x86_general to, hb_x86_general from);
void hb_x86_shift_right(hb_x86_text *text, hb_x86_general to, int by);
void hb_x86_push(hb_x86_text *text, hb_x86_general from);
void hb_x86_pop(hb_x86_text *text, hb_x86_general to);
void hb_x86_prefetch(hb_x86_text *text, hb_x86_operand memory); /* to the second-level cache */
/* Goes to byte number `target`, which comes earlier, if a < b as signed numbers. */
void hb_x86_jump_back_if_less(hb_x86_text *text, hb_x86_general a, hb_x86_general b, int target);
/* Clears what is above the lower halves of vectors, which other code expects, and returns. */
void hb_x86_return(hb_x86_text *text);

#endif
