/* ARGSORT on CPUs: a work-item sorts a line by counting (LSD radix sort), in time that grows with
   the line's length, not faster. Where only the first places are wanted, those elements are left
   out before that are too large by their first digit. Called by along.c.

   Names in the generated text: u the line, key[] and place[] its elements so far, in scratch memory
   as the other key and place lists, which the next digit puts them into. */
#include "opencl.h"

enum { LONG_LINE = 1024 }; /* worth digits of 11 bits, whose counts take 8 KiB */

static int64_t key_bytes(hebb_dtype dtype) { return hebb_dtype_size(dtype) == 8 ? 8 : 4; }

size_t hb_cl_sort_scratch(const hb_step *step) {
    const hb_along *a = &step->u.along;
    return (size_t)(2 * a->outer * a->n * a->inner * (key_bytes(step->in[0].dtype) + 4));
}

static int bits_of(hebb_dtype dtype) { return 8 * (int)hebb_dtype_size(dtype); }

/* KEY(v), an unsigned number by whose order elements are sorted: negative reals have all bits
   turned over, zeros are equal, and so are NaNs, the largest. */
static void write_key(hb_cl_kernel *kernel, hebb_dtype dtype, bool reverse) {
    const char *turned = reverse ? "~" : "";
    switch (dtype) {
    case HEBB_F32:
    case HEBB_F64:
        hb_cl_print(&kernel->body,
                    "#define TOP ((ukey)1 << %d)\n#define BITS(v) as_%s(v)\n"
                    "#define KEY(v) (%s((v) != (v) ? ~(ukey)0 : (v) == 0 ? TOP : "
                    "BITS(v) & TOP ? ~BITS(v) : BITS(v) | TOP))\n",
                    bits_of(dtype) - 1, dtype == HEBB_F64 ? "ulong" : "uint", turned);
        return;
    case HEBB_U8:
    case HEBB_BOOL:
        hb_cl_print(&kernel->body, "#define KEY(v) ((ukey)(uchar)%s(v))\n", turned);
        return;
    case HEBB_I8:
        hb_cl_print(&kernel->body, "#define KEY(v) ((ukey)(uchar)(%s(v) ^ 0x80))\n", turned);
        return;
    default:
        hb_cl_print(&kernel->body, "#define KEY(v) (%s((ukey)(v) ^ (ukey)1 << %d))\n", turned,
                    bits_of(dtype) - 1);
    }
}

static void write_operands(hb_cl_kernel *kernel, const hb_step *step) {
    const hb_along *a = &step->u.along;
    const hebb_dtype dtype = step->in[0].dtype;
    const int64_t bytes = key_bytes(dtype), elements = a->outer * a->n * a->inner;
    hb_cl_buffer_param(kernel, "x", step->in[0].buffer, dtype, false);
    hb_cl_buffer_param(kernel, "y", step->out[0].buffer, HEBB_I32, true);
    hb_cl_buffer_param(kernel, "keys", step->scratch_buffer, bytes == 8 ? HEBB_I64 : HEBB_I32,
                       true);
    hb_cl_buffer_param(kernel, "places", step->scratch_buffer, HEBB_I32, true);
    hb_cl_index_param(kernel, "ox", step->in[0].offset);
    hb_cl_index_param(kernel, "oy", step->out[0].offset);
    hb_cl_index_param(kernel, "ok", step->scratch_offset / bytes);
    hb_cl_index_param(kernel, "op", step->scratch_offset / 4 + elements * bytes / 2);
    hb_cl_index_param(kernel, "n", a->n);
    hb_cl_index_param(kernel, "m", a->m);
    hb_cl_index_param(kernel, "inner", a->inner);
    hb_cl_print(&kernel->body,
                "#define ukey %s\n"
                "const hb_index u = (hb_index)HB_ITEM(0);\n"
                "const hb_index line = u / inner * n * inner + u %% inner;\n"
                "x += ox + line;\ny += oy + line;\n"
                "global ukey *key = (global ukey *)(keys + ok + u * 2 * n), *next_key = key + n;\n"
                "global int *place = places + op + u * 2 * n, *next_place = place + n;\n",
                bytes == 8 ? "ulong" : "uint");
}

/* The elements that may be among the first m. */
static void write_chosen(hb_cl_kernel *kernel, int bits, int digit) {
    const int first = bits > digit ? bits - digit : 0;
    hb_cl_print(&kernel->body,
                "int counts[%d];\nhb_index most = %d;\n"
                "if (m < n) {\n"
                "for (int d = 0; d < %d; d++) counts[d] = 0;\n"
                "for (hb_index i = 0; i < n; i++) counts[KEY(x[i * inner]) >> %d]++;\n"
                "hb_index before = counts[0];\n"
                "for (most = 0; before < m; before += counts[most]) most++;\n}\n"
                "hb_index count = 0;\n"
                "for (hb_index i = 0; i < n; i++) {\n"
                "const ukey own = KEY(x[i * inner]);\n"
                "key[count] = own;\nplace[count] = (int)i;\n"
                "count += (hb_index)(own >> %d) <= most;\n}\n",
                1 << digit, (1 << digit) - 1, 1 << digit, first, first);
}

/* Puts them into the order of one digit after the other, from the last one on. */
static void write_digits(hb_cl_kernel *kernel, int bits, int digit) {
    hb_cl_print(
        &kernel->body,
        "for (int shift = 0; shift < %d; shift += %d) {\n"
        "for (int d = 0; d < %d; d++) counts[d] = 0;\n"
        "for (hb_index i = 0; i < count; i++) counts[key[i] >> shift & %d]++;\n"
        "if (counts[key[0] >> shift & %d] == count) continue;\n"
        "int sum = 0;\n"
        "for (int d = 0; d < %d; d++) {\n"
        "const int own = counts[d];\ncounts[d] = sum;\nsum += own;\n}\n"
        "for (hb_index i = 0; i < count; i++) {\n"
        "const ukey own = key[i];\n"
        "const int at = counts[own >> shift & %d]++;\n"
        "next_key[at] = own;\nnext_place[at] = place[i];\n}\n"
        "global ukey *last_key = key;\nkey = next_key;\nnext_key = last_key;\n"
        "global int *last_place = place;\nplace = next_place;\nnext_place = last_place;\n}\n",
        bits, digit, 1 << digit, (1 << digit) - 1, (1 << digit) - 1, 1 << digit, (1 << digit) - 1);
}

void hb_cl_sort_lines(hb_cl_launch *launch, const hb_step *step, bool wide) {
    const hb_along *a = &step->u.along;
    const hebb_dtype dtype = step->in[0].dtype;
    const int bits = bits_of(dtype), digit = bits > 8 && a->n >= LONG_LINE ? 11 : 8;
    hb_cl_kernel *kernel = &launch->source;
    const int64_t scratch = step->scratch_offset / 4 + (int64_t)hb_cl_sort_scratch(step) / 4;
    kernel->wide = wide || scratch > INT32_MAX;
    hb_cl_range_items(launch, a->outer * a->inner, 1, 1);
    write_operands(kernel, step);
    write_key(kernel, dtype, a->reverse);
    write_chosen(kernel, bits, digit);
    write_digits(kernel, bits, digit);
    hb_cl_append(&kernel->body, "for (hb_index i = 0; i < count; i++) y[i * inner] = place[i];\n"
                                "#undef KEY\n#undef BITS\n#undef TOP\n#undef ukey\n");
}
