/* The kernel of a run of small steps (small.h): each step's own kernel as a function, called for
   all of its items, with a barrier before the next. Sizes and strides are numbers in the calls,
   buffers are passed once and cast. Called by small.c, and scan_kernel.c for the functions. */
#include <inttypes.h>
#include <stdio.h>

#include "small.h"

static bool is_run_param(hb_cl_param_kind kind) {
    return kind == HB_CL_SEED_LOW || kind == HB_CL_SEED_HIGH || kind == HB_CL_RUN_STEP;
}

/* ---- functions ---- */

static void write_type(hb_cl_text *text, const hb_cl_param *param) {
    if (param->kind == HB_CL_BUFFER)
        hb_cl_print(text, "global %s%s *", param->written ? "" : "const ", param->type);
    else hb_cl_print(text, "const %s ", param->kind == HB_CL_INDEX ? "hb_index" : "uint");
}

static void write_parameters(hb_cl_text *text, const hb_cl_kernel *source, int rank) {
    for (int i = 0; i < source->n_params; i++) {
        write_type(text, &source->params[i]);
        hb_cl_print(text, "%s, ", source->params[i].name);
    }
    if (rank == HB_CL_BY_GROUP)
        hb_cl_append(text, "const int group0, const int group1, const int group2, "
                           "const hb_index items, local uchar *pool");
    for (int d = 0; d < rank; d++)
        hb_cl_print(text, "%sconst hb_index item%d", d > 0 ? ", " : "", d);
}

/* The items of a group, and its arrays in local memory, one after the other in the pool. */
static void write_group(hb_cl_text *text, const hb_cl_kernel *source, size_t *pool) {
    *pool = 0;
    hb_cl_print(text, "const hb_index item0 = (hb_index)group0 * (hb_index)get_local_size(0) + "
                      "(hb_index)get_local_id(0), item1 = group1, item2 = group2;\n"
                      "if (item0 >= items) return;\n");
    for (int i = 0; i < source->n_locals; i++) {
        const hb_cl_local *local = &source->locals[i];
        hb_cl_print(text, "local %s *const %s = (local %s *)(pool + %zu);\n", local->type,
                    local->name, local->type, *pool);
        *pool += (local->bytes + 31) / 32 * 32;
    }
}

/* Equal steps share a function, also with other kernels of the program: it is named by its text,
   and the first one stays. */
static void write_function(hb_cl_kernel *kernel, const hb_cl_kernel *source, int rank, char *name) {
    hb_cl_text text = {0};
    size_t pool = 0;
    hb_cl_print(&text, "#define hb_index %s\n", source->wide ? "long" : "int");
    hb_cl_append(&text, "static inline void HB_FUNCTION(");
    write_parameters(&text, source, rank);
    hb_cl_append(&text, ") {\n");
    if (rank == HB_CL_BY_GROUP) write_group(&text, source, &pool);
    hb_cl_print(&text, "%s}\n#undef hb_index\n",
                source->body.data != NULL ? source->body.data : "");
    kernel->failed = kernel->failed || text.failed;
    if (kernel->pool < pool) kernel->pool = pool;
    if (!text.failed) {
        const hb_cl_key key = hb_cl_hash(HB_CL_KEY_START, text.data, text.size);
        snprintf(name, HB_CL_MEMBER_NAME, "hb_small_%016" PRIx64 "%016" PRIx64, key.a, key.b);
        hb_cl_print(&kernel->functions, "#ifndef %s_\n#define %s_\n#define HB_FUNCTION %s\n", name,
                    name, name);
        hb_cl_append(&kernel->functions, text.data);
        hb_cl_append(&kernel->functions, "#undef HB_FUNCTION\n#endif\n");
    }
    hb_cl_text_free(&text);
}

void hb_cl_write_member(hb_cl_kernel *kernel, const hb_cl_kernel *source, int rank, char *name) {
    name[0] = '\0';
    for (int p = 0; p < HB_CL_PARTS; p++) kernel->parts[p] |= source->parts[p];
    kernel->failed =
        kernel->failed || source->failed || source->body.failed || source->functions.failed;
    if (source->functions.data != NULL) hb_cl_append(&kernel->functions, source->functions.data);
    hb_cl_append(&kernel->functions, "#undef HB_ITEM\n#define HB_ITEM(d) item##d\n"
                                     "#undef HB_GROUP\n#define HB_GROUP(d) group##d\n");
    write_function(kernel, source, rank, name);
    hb_cl_append(&kernel->functions, "#undef HB_ITEM\n#define HB_ITEM(d) get_global_id(d)\n"
                                     "#undef HB_GROUP\n#define HB_GROUP(d) get_group_id(d)\n");
}

/* ---- calls ---- */

static void write_argument(hb_cl_kernel *kernel, const hb_cl_kernel *source,
                           const hb_cl_param *param, const char *pointers) {
    hb_cl_text *body = &kernel->body;
    if (param->kind == HB_CL_BUFFER) {
        char name[HB_CL_NAME_SIZE];
        if (pointers == NULL) hb_cl_bytes_param(kernel, (int)param->value, name);
        else snprintf(name, sizeof name, "%s%" PRId64, pointers, param->value);
        hb_cl_append(body, "(");
        write_type(body, param);
        hb_cl_print(body, ")%s, ", name);
    } else if (is_run_param(param->kind)) {
        hb_cl_param_add(kernel, param->kind, param->name, 0);
        hb_cl_print(body, "%s, ", param->name);
    } else if (param->kind == HB_CL_U32)
        hb_cl_print(body, "%" PRIu32 "u, ", (uint32_t)param->value);
    else hb_cl_print(body, "%" PRId64 "%s, ", param->value, source->wide ? "L" : "");
}

void hb_cl_write_arguments(hb_cl_kernel *kernel, const hb_cl_kernel *source, const char *pointers) {
    for (int i = 0; i < source->n_params; i++)
        write_argument(kernel, source, &source->params[i], pointers);
}

static void write_call(hb_cl_kernel *kernel, const hb_cl_launch *launch, size_t group,
                       const char *name) {
    const bool shared = group > 1;
    if (shared)
        hb_cl_print(&kernel->body, "for (int item = l; item < %zu; item += %zu)\n",
                    launch->global[0], group);
    hb_cl_print(&kernel->body, "%s(", name);
    hb_cl_write_arguments(kernel, &launch->source, NULL);
    hb_cl_append(&kernel->body, shared ? "item);\n" : "0);\n");
}

/* A single item needs barriers for the compiler, which must not move memory's uses over them where
   it is of another type in the next step. POCL 3.1 aborts where a kernel begins with one, as it
   does when all of the first step has been optimized away, a copy of memory onto itself: something
   has to stay before it. */
#define BEGUN "volatile int begun = 0;\n(void)begun;\n"

void hb_cl_write_small(hb_cl_kernel *kernel, const hb_cl_launch *launches, size_t n, size_t group) {
    if (group > 1) {
        kernel->group = group;
        hb_cl_append(&kernel->body, "const int l = (int)HB_LOCAL;\n");
    } else hb_cl_append(&kernel->body, BEGUN);
    for (size_t k = 0; k < n; k++) {
        char name[HB_CL_MEMBER_NAME];
        hb_cl_write_member(kernel, &launches[k].source, 1, name);
        if (k > 0) hb_cl_append(&kernel->body, "barrier(CLK_GLOBAL_MEM_FENCE);\n");
        write_call(kernel, &launches[k], group, name);
    }
}
