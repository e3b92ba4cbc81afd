/* Users' elementwise ops as OpenCL C functions. Called by values.c where a program uses one. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../opencl.h"

/* Ops of one name may differ: the function's name has a hash of the text. */
static void name_function(const hb_instr *instr, char *name, size_t size) {
    const hebb_elementwise *user = instr->imm.user;
    hb_cl_key key = hb_cl_hash(HB_CL_KEY_START, user->parameters, strlen(user->parameters));
    key = hb_cl_hash(key, user->text, strlen(user->text));
    snprintf(name, size, "hb_user_%s_%016" PRIx64 "_%s", user->name, key.a,
             hb_cl_suffix((hebb_dtype)instr->dtype));
}

/* "(a, b)" as "(const float a, const float b)". */
static void write_parameters(hb_cl_text *text, const char *parameters, const char *type) {
    const char *before = "(";
    for (const char *at = parameters; *at != '\0';) {
        size_t n = strspn(at, "(), \t\n");
        at += n;
        n = strcspn(at, "(), \t\n");
        if (n > 0) hb_cl_print(text, "%sconst %s %.*s", before, type, (int)n, at), before = ", ";
        at += n;
    }
    hb_cl_append(text, ")");
}

/* The end of the number that begins here, as C's preprocessor sees it. */
static const char *end_of_number(const char *at) {
    for (;; at++) {
        if ((*at == '+' || *at == '-') && strchr("eEpP", at[-1]) != NULL) continue;
        if (!isalnum((unsigned char)*at) && *at != '.' && *at != '_') return at;
    }
}

/* 0.1, but neither 7 nor 0x1F nor 0.1f. */
static bool is_double(const char *at, const char *end) {
    bool hexadecimal = at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
    bool real = false;
    for (const char *c = at; c < end; c++)
        real = real || *c == '.' || strchr(hexadecimal ? "pP" : "eE", *c) != NULL;
    return real && strchr("fFlL", end[-1]) == NULL;
}

/* In float functions, literals are float: a device may have no double, and need not use it. */
static void write_expression(hb_cl_text *text, const char *at, bool single) {
    while (*at != '\0') {
        const char *end = at;
        bool number = isdigit((unsigned char)*at) || (*at == '.' && isdigit((unsigned char)at[1]));
        if (number) end = end_of_number(at + 1);
        else if (isalpha((unsigned char)*at) || *at == '_')
            while (isalnum((unsigned char)*end) || *end == '_') end++;
        else end++;
        hb_cl_print(text, "%.*s%s", (int)(end - at), at,
                    number && single && is_double(at, end) ? "f" : "");
        at = end;
    }
}

/* Kernels are compiled together, and each brings the functions that it calls: the first wins. */
static void write_function(hb_cl_text *text, const hb_instr *instr, const char *name) {
    const char *type = hb_cl_type((hebb_dtype)instr->dtype);
    hb_cl_print(text, "#ifndef %s_\n#define %s_\n#define hebb_real %s\nstatic inline %s %s", name,
                name, type, type, name);
    write_parameters(text, instr->imm.user->parameters, type);
    hb_cl_append(text, " {\nreturn (hebb_real)(");
    write_expression(text, instr->imm.user->text, instr->dtype == HEBB_F32);
    hb_cl_append(text, ");\n}\n#undef hebb_real\n#endif\n");
}

void hb_cl_write_user(hb_cl_kernel *kernel, const hb_instr *instr) {
    char name[160];
    name_function(instr, name, sizeof name);
    if (kernel->functions.data == NULL || strstr(kernel->functions.data, name) == NULL)
        write_function(&kernel->functions, instr, name);
    const int operands[4] = {instr->a, instr->b, instr->c, instr->d};
    hb_cl_append(&kernel->body, name);
    for (int k = 0; k < instr->imm.user->n_inputs; k++)
        hb_cl_print(&kernel->body, "%sv%d", k == 0 ? "(" : ", ", operands[k]);
    hb_cl_append(&kernel->body, ")");
}
