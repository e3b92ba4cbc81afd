/* Compiled chains (src/backends/cpu/code/) against interpreted ones: random links over the same
   memory leave the same bits, for rows with and without a rest, with NaN, infinities and both zeros
   among the values, and where the same memory has several names. And the assembler, against bytes
   that the GNU assembler makes. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "../src/backends/cpu/code/code.h"
#include "../src/backends/cpu/code/x86.h"

/* ---- memory ---- */

enum {
    ROWS = 3,
    MOST_COLUMNS = 128 * 3 + 77,
    PITCH = MOST_COLUMNS + 19, /* rows are aligned */
    ARRAYS = 5,
    TRUTHS = ARRAYS, /* and the next one */
    FOLDS = 4,
    STRIPS = 40,
    MOST = 220, /* links */
};

typedef struct memory {
    _Alignas(64) float array[ARRAYS][ROWS * PITCH];
    _Alignas(64) float sums[FOLDS][PITCH];
    _Alignas(64) float fold[FOLDS][16];
    _Alignas(64) float strip[STRIPS][128];
    uint8_t truths[2][ROWS * PITCH];
} memory;

static uint32_t seed;
static int draw(int n) {
    seed = seed * 1664525u + 1013904223u;
    return (int)((uint64_t)seed * (uint64_t)n >> 32);
}

static float draw_value(void) {
    const float special[] = {0, -0.0f, NAN, INFINITY, -INFINITY, 1, -1, 2};
    return draw(6) == 0 ? special[draw(8)] : (float)draw(1 << 20) / (1 << 18) - 2;
}

static void fill(memory *m) {
    float *value = &m->array[0][0];
    for (size_t i = 0; i < sizeof m->array / sizeof *value; i++) value[i] = draw_value();
    value = &m->sums[0][0];
    for (size_t i = 0; i < sizeof m->sums / sizeof *value; i++) value[i] = draw_value();
    for (int i = 0; i < FOLDS * 16; i++) m->fold[i / 16][i % 16] = (float)draw(100);
    for (int i = 0; i < ROWS * PITCH; i++)
        for (int k = 0; k < 2; k++) m->truths[k][i] = (uint8_t)draw(2);
}

/* ---- chains ---- */

typedef struct chain {
    hb_cpu_planned link[MOST];
    int n;
    bool in_strip[STRIPS]; /* something is */
} chain;

static hb_cpu_planned *append(chain *c, int code, hb_cpu_place place, int number) {
    hb_cpu_planned *link = &c->link[c->n++];
    *link = (hb_cpu_planned){.code = (uint8_t)code, .place = place, .number = number};
    if (place == HB_CPU_AT_VIEW)
        link->view = (hb_cpu_view){.buffer = number, .size = 4, .stride = {4}, .unit = true};
    return link;
}

/* Elements of an array under one of its names, or of a strip. */
static hb_cpu_planned *append_moving(chain *c, int code, int strips) {
    const int s = draw(strips);
    if (c->in_strip[s] && draw(2)) return append(c, code, HB_CPU_AT_STRIP, s);
    return append(c, code, draw(2) ? HB_CPU_AT_VIEW : HB_CPU_AT_TILE, draw(ARRAYS));
}

static hb_cpu_planned *append_one(chain *c, int code) {
    static const float fixed[] = {1, 0, -2.5f, 3};
    if (draw(2)) {
        hb_cpu_planned *link = append(c, code, HB_CPU_AT_FIXED, 0);
        link->fixed = &fixed[draw(4)];
        return link;
    }
    hb_cpu_planned *link = append(c, code, HB_CPU_AT_VIEW, draw(ARRAYS));
    link->view.unit = false;
    link->view.stride[0] = 0;
    return link;
}

static void append_either(chain *c, int code, bool one, int strips) {
    if (one) append_one(c, code);
    else append_moving(c, code, strips);
}

static void append_fold(chain *c) {
    const int across = draw(2), number = draw(FOLDS);
    for (int i = 0; i < c->n && across; i++)
        if (c->link[i].place == HB_CPU_AT_FOLD && c->link[i].number == number) return;
    append(c, HB_CHAIN_SUM + 2 * draw(4) + across, across ? HB_CPU_AT_FOLD : HB_CPU_AT_SUMS,
           number);
}

/* ---- truth values: all bits or none. Of two NaN it is the compiler's choice which one a sum is,
   so that links on bits see nothing else. ---- */

static void append_comparison(chain *c, int strips) {
    const int one = draw(2);
    append_either(c, HB_CHAIN_EQ + 2 * draw(6) + one, one, strips);
}

static void append_store(chain *c, int strips) {
    const int where = draw(6), s = draw(strips);
    if (where < 3) {
        append(c, HB_CHAIN_STORE, HB_CPU_AT_STRIP, s);
        c->in_strip[s] = true;
    } else if (where == 3) append(c, HB_CHAIN_STREAM, HB_CPU_AT_VIEW, 1 + draw(ARRAYS - 1));
    else if (where == 4) append(c, HB_CHAIN_STORE, HB_CPU_AT_VIEW, 1 + draw(ARRAYS - 1));
    else {
        append_comparison(c, strips);
        append(c, HB_CHAIN_STORE_TRUTHS, HB_CPU_AT_TILE, TRUTHS);
    }
}

/* A condition in memory, which the link is given. */
static void append_with_condition(chain *c, int code, bool one, int strips) {
    static const uint32_t truths[] = {0, UINT32_MAX};
    if (one) {
        append(c, code, HB_CPU_AT_FIXED, 0)->fixed = (const float *)(const void *)&truths[draw(2)];
        return;
    }
    const int s = draw(strips);
    append_comparison(c, strips);
    append(c, HB_CHAIN_STORE, HB_CPU_AT_STRIP, s);
    c->in_strip[s] = true;
    append(c, HB_CHAIN_LOAD, HB_CPU_AT_VIEW, draw(ARRAYS));
    append(c, code, HB_CPU_AT_STRIP, s);
}

static void append_choice(chain *c, int strips) {
    const int ones = draw(4), code = HB_CHAIN_IF + 4 * draw(3);
    if (code == HB_CHAIN_IF) {
        append_comparison(c, strips);
        append_either(c, code + ones, (ones & 2) != 0, strips);
    } else append_with_condition(c, code + ones, (ones & 2) != 0, strips);
    append_either(c, HB_CHAIN_LOAD, (ones & 1) != 0, strips);
}

static void append_any(chain *c, int strips) {
    const int unary[] = {HB_CHAIN_NEG,   HB_CHAIN_ABS,    HB_CHAIN_NOT,
                         HB_CHAIN_TWICE, HB_CHAIN_SQUARE, HB_CHAIN_SQRT};
    const int what = draw(16);
    if (what < 8) {
        const int code = HB_CHAIN_LOAD + draw(HB_CHAIN_OR_ONE - HB_CHAIN_LOAD + 1);
        if (code >= HB_CHAIN_AND) append_comparison(c, strips);
        append_either(c, code, (code - HB_CHAIN_LOAD) % 2, strips);
    } else if (what < 10) {
        const int code = unary[draw(6)];
        if (code == HB_CHAIN_NOT) append_comparison(c, strips);
        append(c, code, HB_CPU_NOWHERE, 0);
    } else if (what < 12) append_store(c, strips);
    else if (what == 12) append_fold(c);
    else if (what == 13) append_choice(c, strips);
    else if (what == 14) append(c, HB_CHAIN_LOAD_TRUTHS, HB_CPU_AT_TILE, TRUTHS + draw(2));
    else append_moving(c, HB_CHAIN_LOAD, strips);
}

static void draw_chain(chain *c, int links, int strips) {
    *c = (chain){0};
    append_moving(c, HB_CHAIN_LOAD, strips);
    while (c->n < links) append_any(c, strips);
    append(c, HB_CHAIN_STORE, HB_CPU_AT_VIEW, 1);
    append(c, HB_CHAIN_END, HB_CPU_NOWHERE, 0);
}

/* ---- running them ---- */

static void aim(const chain *c, memory *m, hb_cpu_link *links) {
    for (int i = 0; i < c->n; i++) {
        const hb_cpu_planned *plan = &c->link[i];
        hb_cpu_link *link = &links[i];
        const bool truths = plan->place == HB_CPU_AT_TILE && plan->number >= TRUTHS;
        *link = (hb_cpu_link){.code = plan->code};
        switch (plan->place) {
        case HB_CPU_AT_VIEW:
        case HB_CPU_AT_TILE:
            link->at =
                truths ? (char *)m->truths[plan->number - TRUTHS] : (char *)m->array[plan->number];
            if (!truths && plan->place == HB_CPU_AT_VIEW && !plan->view.unit)
                link->at = (char *)m->array[0];
            link->row = PITCH * (truths ? 1 : 4);
            link->mask = plan->place == HB_CPU_AT_TILE || plan->view.unit ? -1 : 0;
            break;
        case HB_CPU_AT_FIXED: link->at = (char *)(uintptr_t)plan->fixed; break;
        case HB_CPU_AT_STRIP: link->at = (char *)m->strip[plan->number]; break;
        case HB_CPU_AT_FOLD: link->at = (char *)m->fold[plan->number]; break;
        case HB_CPU_AT_SUMS:
            link->at = (char *)m->sums[plan->number];
            link->mask = -1;
            break;
        default: break;
        }
    }
}

static void compare(const float *a, const float *b, size_t n, const char *what, int number) {
    for (size_t i = 0; i < n; i++)
        cr_assert(memcmp(&a[i], &b[i], sizeof *a) == 0 || (isnan(a[i]) && isnan(b[i])),
                  "chain %d, %s, element %zu: %g, not %g", number, what, i, (double)a[i],
                  (double)b[i]);
}

static void check(const hb_device *device, const chain *c, hb_cpu_code *code, int columns,
                  int number) {
    static memory interpreted, compiled;
    hb_cpu_link links[MOST];
    fill(&interpreted);
    memcpy(&compiled, &interpreted, sizeof compiled);
    aim(c, &interpreted, links);
    device->isa->vector->chain(links, ROWS, columns, NULL);
    aim(c, &compiled, links);
    device->isa->vector->chain(links, ROWS, columns, code);
    device->isa->vector->fence();
    compare(&compiled.array[0][0], &interpreted.array[0][0], ARRAYS * ROWS * PITCH, "arrays",
            number);
    compare(&compiled.sums[0][0], &interpreted.sums[0][0], FOLDS * PITCH, "sums", number);
    compare(&compiled.fold[0][0], &interpreted.fold[0][0], FOLDS * 16, "vectors", number);
    cr_assert(memcmp(compiled.truths, interpreted.truths, sizeof compiled.truths) == 0,
              "chain %d, truths", number);
}

static hb_device with_codes(void) {
    hb_device device = {.isa = hb_cpu_choose_isa()};
    device.codes = hb_cpu_codes_create(device.isa);
    return device;
}

Test(code, random_chains) {
    enum { CHAINS = 4000 };
    static chain c;
    hb_device device = with_codes();
    int compiled = 0;
    for (int number = 0; number < CHAINS && device.codes; number++) {
        seed = (uint32_t)number * 2654435761u + 1;
        draw_chain(&c, 2 + draw(number % 10 == 0 ? 150 : 30), 1 + draw(number % 3 ? 5 : STRIPS));
        hb_cpu_code *code = hb_cpu_code_make(&device, c.link);
        compiled += code != NULL;
        if (code) check(&device, &c, code, 1 + draw(MOST_COLUMNS), number);
    }
    cr_assert(!device.codes || compiled > CHAINS * 9 / 10, "%d chains were compiled", compiled);
    hb_cpu_codes_destroy(device.codes);
}

/* ---- the assembler ---- */

static hb_x86_operand at(int base, int index, int32_t at) {
    return (hb_x86_operand){HB_X86_IN_MEMORY, base, index, at};
}

static hb_x86_operand repeated(int base, int32_t at) {
    return (hb_x86_operand){HB_X86_REPEATED, base, HB_X86_NO_INDEX, at};
}

/* That the text is these bytes and nothing else; makes it empty. */
static void expect_bytes(hb_x86_text *text, const char *wanted) {
    int n = 0;
    char *end;
    for (const char *next = wanted; *next; next = end, n++)
        cr_assert(n < text->n && text->byte[n] == strtol(next, &end, 16), "byte %d is not as in %s",
                  n, wanted);
    cr_assert(n == text->n && !text->full, "%d bytes, not %s", text->n, wanted);
    text->n = 0;
}

/* The bytes are those of the GNU assembler. */
Test(code, vector_instructions) {
    enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R12 = 12, R13, R15 = 15 };
    enum { NO_INDEX = HB_X86_NO_INDEX };
    static hb_x86_text text;
#define EXPECT(NAME, to, a, b, imm, bytes)                                                         \
    hb_x86_vector(&text, HB_X86_##NAME, to, a, b, imm);                                            \
    expect_bytes(&text, bytes);
#define REG hb_x86_register
    EXPECT(VMOVUPS, 3, 0, at(RCX, RSI, 0), 0, "62 f1 7c 48 10 1c 31")
    EXPECT(VMOVUPS, 31, 0, at(R13, RSI, 64), 0, "62 41 7c 48 10 7c 35 01")
    EXPECT(VMOVUPS_TO, 17, 0, at(R12, R15, 448), 0, "62 81 7c 48 11 4c 3c 07")
    EXPECT(VMOVNTPS_TO, 8, 0, at(RBP, RSI, 0), 0, "62 71 7c 48 2b 44 35 00")
    EXPECT(VADDPS, 1, 2, REG(3), 0, "62 f1 6c 48 58 cb")
    EXPECT(VSUBPS, 31, 30, REG(29), 0, "62 01 0c 40 5c fd")
    EXPECT(VMULPS, 5, 21, repeated(R9, 0), 0, "62 d1 54 50 59 29")
    EXPECT(VDIVPS, 5, 5, at(RAX, RSI, -8192), 0, "62 f1 54 48 5e 6c 30 80")
    EXPECT(VMAXPS, 9, 10, REG(11), 0, "62 51 2c 48 5f cb")
    EXPECT(VMINPS, 9, 16, at(RSP, NO_INDEX, 64), 0, "62 71 7c 40 5d 4c 24 01")
    EXPECT(VSQRTPS, 7, 0, REG(23), 0, "62 b1 7c 48 51 ff")
    EXPECT(VANDPS, 0, 1, REG(2), 0, "62 f1 74 48 54 c2")
    EXPECT(VORPS, 0, 1, repeated(RBX, 8), 0, "62 f1 74 58 56 43 02")
    EXPECT(VXORPS, 15, 16, REG(17), 0, "62 31 7c 40 57 f9")
    EXPECT(VCMPPS, 1, 20, REG(4), 2, "62 f1 5c 40 c2 cc 02")
    EXPECT(VPTERNLOGD, 6, 18, at(R8, RSI, 128), 0xca, "62 d3 6d 40 25 74 30 02 ca")
    EXPECT(VBROADCASTSS, 12, 0, at(RAX, NO_INDEX, 0), 0, "62 72 7d 48 18 20")
    EXPECT(VPBROADCASTD, 12, 0, REG(RAX), 0, "62 72 7d 48 7c e0")
    EXPECT(VPMOVM2D, 19, 0, REG(1), 0, "62 e2 7e 48 38 d9")
    EXPECT(VPMOVD2M, 1, 0, REG(19), 0, "62 b2 7e 48 39 cb")
    EXPECT(VMOVUPS_16_TO, 20, 0, at(RAX, NO_INDEX, 16), 0, "62 e1 7c 08 11 60 01")
    EXPECT(VPTESTMB_16, 1, 4, REG(4), 0, "62 f2 5d 08 26 cc")
#undef EXPECT
    hb_x86_vector_masked(&text, HB_X86_VMOVUPS, 3, 0, REG(9), 1, false);
    expect_bytes(&text, "62 d1 7c 49 10 d9");
    hb_x86_vector_masked(&text, HB_X86_VPBROADCASTB_16, 2, 0, REG(RCX), 1, true);
    expect_bytes(&text, "62 f2 7d 89 7a d1");
#undef REG
}

Test(code, general_instructions) {
    static hb_x86_text text;
    hb_x86_load(&text, HB_X86_R10, at(HB_X86_RDI, HB_X86_NO_INDEX, 0x1234));
    expect_bytes(&text, "4c 8b 97 34 12 00 00");
    hb_x86_add(&text, HB_X86_RAX, at(HB_X86_RDI, HB_X86_NO_INDEX, 40));
    expect_bytes(&text, "48 03 47 28");
    hb_x86_set(&text, HB_X86_RAX, INT32_MAX);
    expect_bytes(&text, "b8 ff ff ff 7f");
    hb_x86_add_constant(&text, HB_X86_RSI, 512);
    expect_bytes(&text, "48 81 c6 00 02 00 00");
    hb_x86_shift_right(&text, HB_X86_RAX, 2);
    expect_bytes(&text, "48 c1 e8 02");
    hb_x86_push(&text, HB_X86_R14);
    hb_x86_pop(&text, HB_X86_RBX);
    expect_bytes(&text, "41 56 5b");
    hb_x86_prefetch(&text, at(HB_X86_R11, HB_X86_RSI, 64));
    expect_bytes(&text, "41 0f 18 54 33 40");
    hb_x86_jump_back_if_less(&text, HB_X86_RSI, HB_X86_RDX, 0);
    expect_bytes(&text, "48 3b f2 0f 8c f7 ff ff ff");
    hb_x86_return(&text);
    expect_bytes(&text, "c5 f8 77 c3");
}
