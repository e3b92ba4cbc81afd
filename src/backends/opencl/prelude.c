/* What a program begins with: the hand-written parts that its kernels need, for the dtypes that
   they need, and of the scalar functions those that are called. All of them for all dtypes are a
   quarter of a million characters, and drivers' compilers read every one. Called by program.c. */
#include <ctype.h>
#include <string.h>

#include "opencl.h"
#include "kernels_text.h"

enum { PIECES = sizeof hb_cl_scalar / sizeof hb_cl_scalar[0] };

static const char *const part_texts[HB_CL_PARTS] = {
    [HB_CL_BLOCKS] = hb_cl_blocks_text,
    [HB_CL_GEMM_VECTOR] = hb_cl_gemm_vector_text,
    [HB_CL_WINOGRAD] = hb_cl_winograd_text,
    [HB_CL_TURNS] = hb_cl_turns_text,
};

static const char *const dtype_defines[HEBB_DTYPES] = {
    [HEBB_F32] =
        "#define HB_T float\n#define HB_NAME(f) hb_##f##_f32\n#define HB_KIND HB_KIND_F32\n"
        "#define HB_LOWEST -INFINITY\n#define HB_HIGHEST INFINITY\n",
    [HEBB_F64] =
        "#define HB_T double\n#define HB_NAME(f) hb_##f##_f64\n#define HB_KIND HB_KIND_F64\n"
        "#define HB_LONG\n"
        "#define HB_LOWEST -INFINITY\n#define HB_HIGHEST INFINITY\n",
    [HEBB_I32] =
        "#define HB_T int\n#define HB_NAME(f) hb_##f##_i32\n#define HB_KIND HB_KIND_INT\n"
        "#define HB_UNSIGNED uint\n#define HB_LOWEST INT_MIN\n#define HB_HIGHEST INT_MAX\n",
    [HEBB_I64] = "#define HB_T long\n#define HB_NAME(f) hb_##f##_i64\n#define HB_KIND HB_KIND_INT\n"
                 "#define HB_LONG\n#define HB_UNSIGNED ulong\n#define HB_LOWEST LONG_MIN\n#define "
                 "HB_HIGHEST LONG_MAX\n",
    [HEBB_U8] = "#define HB_T uchar\n#define HB_NAME(f) hb_##f##_u8\n#define HB_KIND HB_KIND_BYTE\n"
                "#define HB_UNSIGNED uchar\n#define HB_LOWEST 0\n#define HB_HIGHEST UCHAR_MAX\n",
    [HEBB_I8] = "#define HB_T char\n#define HB_NAME(f) hb_##f##_i8\n#define HB_KIND HB_KIND_INT\n"
                "#define HB_UNSIGNED uchar\n#define HB_LOWEST SCHAR_MIN\n"
                "#define HB_HIGHEST SCHAR_MAX\n",
};

#define UNDEFINE                                                                                   \
    "#undef HB_T\n#undef HB_NAME\n#undef HB_KIND\n#undef HB_UNSIGNED\n#undef HB_LOWEST\n"          \
    "#undef HB_HIGHEST\n#undef HB_LONG\n"

/* ---- which functions are called ---- */

static const char *word_end(const char *at) {
    while (isalnum((unsigned char)*at) || *at == '_') at++;
    return at;
}

static void note(bool *called, const char *name, size_t size) {
    for (int i = 0; i < PIECES; i++) {
        const char *function = hb_cl_scalar[i].function;
        if (function != NULL && strncmp(function, name, size) == 0 && function[size] == '\0')
            called[i] = true;
    }
}

/* The function of a name such as hb_exp_f32. */
static void note_name(bool *called, const char *at, const char *end) {
    const char *suffix = end;
    while (suffix[-1] != '_') suffix--;
    if (suffix > at + 4 && strchr("fiu", *suffix) != NULL && isdigit((unsigned char)suffix[1]))
        note(called, at + 3, (size_t)(suffix - at) - 4);
}

/* In generated text functions appear like that, in hand-written text as HB_NAME(exp). */
static void note_calls(bool *called, const char *text) {
    for (const char *at = text; (at = strpbrk(at, "hH")) != NULL;) {
        const char *end = word_end(at);
        if (strncmp(at, "hb_", 3) == 0) note_name(called, at, end);
        if (end - at == 7 && strncmp(at, "HB_NAME", 7) == 0) {
            at = end + strspn(end, " (");
            end = word_end(at);
            note(called, at, (size_t)(end - at));
        }
        at = end;
    }
}

static int count(const bool *called) {
    int n = 0;
    for (int i = 0; i < PIECES; i++) n += called[i];
    return n;
}

/* A function calls only functions before it, but some have a namesake of another dtype behind it.
   What is no function is always there. */
static void note_functions(bool *called, hb_cl_request *const *requests, size_t n,
                           const unsigned *parts) {
    for (size_t i = 0; i < n; i++) note_calls(called, requests[i]->text.data);
    for (int p = 0; p < HB_CL_PARTS; p++)
        if (parts[p] != 0 && part_texts[p] != NULL) note_calls(called, part_texts[p]);
    for (int i = 0; i < PIECES; i++)
        if (hb_cl_scalar[i].function == NULL) note_calls(called, hb_cl_scalar[i].text);
    for (int before = -1; before != count(called);) {
        before = count(called);
        for (int i = PIECES - 1; i >= 0; i--)
            if (called[i]) note_calls(called, hb_cl_scalar[i].text);
    }
}

/* ---- writing ---- */

static void write_scalar(hb_cl_text *source, const bool *called) {
    for (int i = 0; i < PIECES; i++)
        if (called[i] || hb_cl_scalar[i].function == NULL)
            hb_cl_append(source, hb_cl_scalar[i].text);
}

static void write_part(hb_cl_text *source, hb_cl_part part, const bool *called) {
    if (part == HB_CL_SCALAR) write_scalar(source, called);
    else hb_cl_append(source, part_texts[part]);
}

void hb_cl_write_prelude(hb_cl_text *source, hb_cl_request *const *requests, size_t n) {
    unsigned parts[HB_CL_PARTS] = {0};
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < HB_CL_PARTS; p++) parts[p] |= requests[i]->parts[p];
    if (parts[HB_CL_SCALAR] & 1u << HEBB_F64)
        hb_cl_append(source, "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"
                             "#define HB_CLOSE_FORMS\n");
    hb_cl_append(source, "#define HB_ITEM(d) get_global_id(d)\n"
                         "#define HB_GROUP(d) get_group_id(d)\n"
                         "#define HB_LOCAL get_local_id(0)\n");
    bool called[PIECES] = {false};
    write_scalar(source, called); /* without a dtype: types and macros */
    note_functions(called, requests, n, parts);
    for (int p = 0; p < HB_CL_PARTS; p++)
        for (int dtype = 0; dtype < HEBB_DTYPES; dtype++) {
            if (!(parts[p] & 1u << dtype)) continue;
            hb_cl_append(source, dtype_defines[dtype]);
            write_part(source, (hb_cl_part)p, called);
            hb_cl_append(source, UNDEFINE);
        }
}
