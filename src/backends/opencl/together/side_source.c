/* The kernel of launches side by side (side.h): each one's own kernel as a function
   (small_source.c), called with the numbers of the group among those of its launch. Equal kernels
   are one function and one call, of the arguments that the group's launch has. Sizes and strides
   are arguments, so that the kernel serves other sizes, too.

   Names in the text: a<i>_<p> the parameter number p of launch i; end<i> its first group after the
   last; items<i> its items along the first dimension; across<i>, down<i> its groups along the first
   two, if there are more; group, the group's number, and g, that in its launch. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "side.h"
#include "small.h"

enum { LARGEST_GROUP = 256 };

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

/* ---- which ---- */

/* Asks for nothing but what hb_cl_kernel names, as users' functions may ask for more. */
bool hb_cl_side_can(const hb_cl_launch *launch) {
    const hb_cl_kernel *source = &launch->source;
    if (launch->call != NULL || source->alone || source->sliding || source->body.data == NULL)
        return false;
    if (launch->local[1] != 1 || launch->local[2] != 1 || launch->local[0] > LARGEST_GROUP)
        return false;
    for (int i = 0; i < source->n_params; i++)
        if (source->params[i].kind == HB_CL_COUNTERS || source->params[i].kind == HB_CL_TABLE)
            return false;
    return strstr(source->body.data, "get_") == NULL;
}

/* A kernel that does not say how large its groups are has no use for them. */
bool hb_cl_side_fits(const hb_cl_launch *a, const hb_cl_launch *b) {
    const size_t one = a->source.group, other = b->source.group;
    if (one == 0 && other == 0) return true;
    if (one == 0) return a->local[0] <= other;
    if (other == 0) return b->local[0] <= one;
    return one == other;
}

static size_t group_of(const hb_cl_launch *const *members, size_t n) {
    size_t group = 0;
    for (size_t k = 0; k < n; k++)
        group = most(group, most(members[k]->source.group, members[k]->local[0]));
    return group;
}

/* ---- text ---- */

/* What is being written: launches [from, to) have the same function. */
typedef struct writer {
    hb_cl_kernel *kernel;
    const hb_cl_launch *const *members;
    size_t from, to;
} writer;

/* The argument of launch i that `name` begins, which is declared if it is new. */
static void add_number(const writer *w, const char *name, size_t i, int64_t value) {
    char all[HB_CL_NAME_SIZE];
    snprintf(all, sizeof all, "%s%zu", name, i);
    hb_cl_index_param(w->kernel, all, value);
}

/* Which of the launches' numbers called `name` it is. */
static void write_choice(const writer *w, const char *name) {
    for (size_t i = w->from; i + 1 < w->to; i++)
        hb_cl_print(&w->kernel->body, "group < end%zu ? %s%zu : ", i, name, i);
    hb_cl_print(&w->kernel->body, "%s%zu", name, w->to - 1);
}

static bool is_of_run(hb_cl_param_kind kind) {
    return kind == HB_CL_SEED_LOW || kind == HB_CL_SEED_HIGH || kind == HB_CL_RUN_STEP;
}

static const hb_cl_param *param_of(const writer *w, size_t i, int p) {
    return &w->members[i]->source.params[p];
}

/* Parameter number p of launch i by its name in the kernel. */
static void write_name(const writer *w, size_t i, int p) {
    const hb_cl_param *param = param_of(w, i, p);
    char name[HB_CL_NAME_SIZE];
    if (param->kind == HB_CL_BUFFER) hb_cl_bytes_param(w->kernel, (int)param->value, name);
    else {
        if (is_of_run(param->kind)) snprintf(name, sizeof name, "%s", param->name);
        else snprintf(name, sizeof name, "a%zu_%d", i, p);
        hb_cl_param_add(w->kernel, param->kind, name, param->value);
    }
    hb_cl_append(&w->kernel->body, name);
}

static bool is_same(const writer *w, int p) {
    for (size_t i = w->from + 1; i < w->to; i++)
        if (param_of(w, i, p)->value != param_of(w, w->from, p)->value) return false;
    return true;
}

static void write_argument(const writer *w, int p) {
    const hb_cl_param *param = param_of(w, w->from, p);
    hb_cl_text *body = &w->kernel->body;
    if (param->kind == HB_CL_BUFFER)
        hb_cl_print(body, "(global %s%s *)", param->written ? "" : "const ", param->type);
    hb_cl_append(body, "(");
    for (size_t i = w->from; i + 1 < w->to && !is_same(w, p); i++) {
        hb_cl_print(body, "group < end%zu ? ", i);
        write_name(w, i, p);
        hb_cl_append(body, " : ");
    }
    write_name(w, is_same(w, p) ? w->from : w->to - 1, p);
    hb_cl_append(body, "), ");
}

/* Whether the groups of all of them lie in one dimension. */
static bool is_line(const writer *w) {
    for (size_t i = w->from; i < w->to; i++)
        if (w->members[i]->global[1] * w->members[i]->global[2] != 1) return false;
    return true;
}

/* The groups of the launches, from number *groups on, as they would be in a launch of their own. */
static void write_groups(const writer *w, size_t group, size_t *groups) {
    for (size_t i = w->from; i < w->to; i++) {
        const hb_cl_launch *launch = w->members[i];
        const size_t across = (launch->global[0] + group - 1) / group;
        *groups += across * launch->global[1] * launch->global[2];
        add_number(w, "end", i, (int64_t)*groups);
        add_number(w, "items", i, (int64_t)launch->global[0]);
        if (is_line(w)) continue;
        add_number(w, "across", i, (int64_t)across);
        add_number(w, "down", i, (int64_t)launch->global[1]);
    }
}

static void write_place(const writer *w) {
    hb_cl_text *body = &w->kernel->body;
    hb_cl_append(body, "const int g = group - (");
    for (size_t i = w->to - 1; i > w->from; i--)
        hb_cl_print(body, "group >= end%zu ? end%zu : ", i - 1, i - 1);
    if (w->from > 0) hb_cl_print(body, "end%zu);\n", w->from - 1);
    else hb_cl_append(body, "0);\n");
    if (is_line(w)) return;
    hb_cl_append(body, "const int across = ");
    write_choice(w, "across");
    hb_cl_append(body, ", down = ");
    write_choice(w, "down");
    hb_cl_append(body, ";\n");
}

static void write_call(const writer *w, const char *name) {
    hb_cl_text *body = &w->kernel->body;
    const hb_cl_kernel *source = &w->members[w->from]->source;
    if (w->from > 0) hb_cl_append(body, "else ");
    hb_cl_print(body, "if (group < end%zu) {\n", w->to - 1);
    write_place(w);
    hb_cl_print(body, "%s(", name);
    for (int p = 0; p < source->n_params; p++) write_argument(w, p);
    hb_cl_append(body,
                 is_line(w) ? "g, 0, 0, " : "g % across, g / across % down, g / across / down, ");
    write_choice(w, "items");
    hb_cl_append(body, ", pool);\n}\n");
}

void hb_cl_write_side(hb_cl_launch *launch, const hb_cl_launch *const *members, size_t n) {
    const size_t group = group_of(members, n);
    size_t groups = 0;
    hb_cl_kernel *kernel = &launch->source;
    kernel->group = group;
    for (size_t k = 0; k < n; k++) kernel->wide = kernel->wide || members[k]->source.wide;
    hb_cl_append(&kernel->body, "const int group = (int)HB_GROUP(0);\n");
    char name[HB_CL_SIDE_MOST][HB_CL_MEMBER_NAME];
    for (size_t k = 0; k < n; k++)
        hb_cl_write_member(kernel, &members[k]->source, HB_CL_BY_GROUP, name[k]);
    writer w = {.kernel = kernel, .members = members};
    for (w.from = 0; w.from < n; w.from = w.to) {
        w.to = w.from + 1;
        while (w.to < n && strcmp(name[w.from], name[w.to]) == 0) w.to++;
        write_groups(&w, group, &groups);
        write_call(&w, name[w.from]);
    }
    hb_cl_local_array(kernel, "pool", HEBB_U8, (int64_t)kernel->pool + 1);
    hb_cl_range(launch, (int64_t)(groups * group), group);
}
