/* CUSTOM: users' ops, as kernels that call their functions. A user's source may define what it
   likes: it is compiled as a program of its own. Called by prepare.c. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "opencl.h"

static hebb_status senseless(hb_error *error, const hebb_op *op, const char *what) {
    return hb_fail(error, HEBB_E_ARGUMENT, "%s: the op's launch %s", op->name, what);
}

static hebb_status check_launch(const hb_device *device, const hebb_op *op, const hebb_launch *l,
                                hb_error *error) {
    size_t group = 1;
    if (l->rank < 1 || l->rank > 3) return senseless(error, op, "has a rank that is not 1 to 3");
    if (l->n_integers < 0 || l->n_integers > 16 || l->n_reals < 0 || l->n_reals > 16)
        return senseless(error, op, "has more than 16 integers or reals");
    for (int k = 0; k < l->rank; k++) {
        if (l->global[k] == 0) return senseless(error, op, "has no work-items");
        if ((l->local[k] == 0) != (l->local[0] == 0))
            return senseless(error, op, "sets only some sizes of a group");
        if (l->local[k] == 0) continue;
        if (l->global[k] % l->local[k] != 0)
            return senseless(error, op, "has groups that do not divide the work-items");
        group *= l->local[k];
    }
    if (group > device->max_group)
        return hb_fail(error, HEBB_E_UNSUPPORTED,
                       "%s: the op %s wants groups of %zu work-items, where %zu are possible",
                       device->info.id, op->name, group, device->max_group);
    if (l->local_bytes > device->local_bytes)
        return hb_fail(error, HEBB_E_UNSUPPORTED,
                       "%s: the op %s wants %zu bytes of local memory, where there are %zu",
                       device->info.id, op->name, l->local_bytes, (size_t)device->local_bytes);
    return HEBB_OK;
}

static hebb_status ask_launch(const hb_device *device, const hb_step *step, hebb_launch *launch,
                              hb_error *error) {
    const hb_custom *custom = &step->u.custom;
    char message[HEBB_OP_MESSAGE] = "";
    *launch = (hebb_launch){0};
    hebb_status status = custom->op->launch(custom->signature, &custom->signature[step->n_in],
                                            custom->options, launch, message);
    message[sizeof message - 1] = '\0';
    if (status != HEBB_OK)
        return hb_fail(error, status, "%s: %s", custom->op->name,
                       message[0] != '\0' ? message : "the op's launch says no");
    return check_launch(device, custom->op, launch, error);
}

/* Along the first dimension, as many work-items as divide it, up to 64. */
static void set_range(hb_cl_launch *launch, const hebb_launch *l, size_t max_group) {
    launch->rank = (cl_uint)l->rank;
    for (int k = 0; k < 3; k++) {
        launch->global[k] = k < l->rank ? l->global[k] : 1;
        launch->local[k] = k < l->rank && l->local[k] > 0 ? l->local[k] : 1;
    }
    if (l->local[0] > 0) return;
    size_t group = 64;
    while (group > max_group || launch->global[0] % group != 0) group /= 2;
    launch->local[0] = group;
}

/* ---- the kernel ---- */

static void write_operand(hb_cl_kernel *kernel, const char *name, const hb_operand *operand,
                          bool written) {
    char offset[2 * HB_CL_NAME_SIZE];
    snprintf(offset, sizeof offset, "o%s", name);
    hb_cl_buffer_param(kernel, name, operand->buffer, operand->dtype, written);
    hb_cl_index_param(kernel, offset, operand->offset);
    hb_cl_print(&kernel->body, "%s + %s", name, offset);
}

static void write_real(hb_cl_text *text, double value) {
    if (isnan(value)) hb_cl_append(text, ", (hebb_real)NAN");
    else if (isinf(value))
        hb_cl_append(text, value < 0 ? ", (hebb_real)-INFINITY" : ", (hebb_real)INFINITY");
    else hb_cl_print(text, ", hebb_literal(%a)", value);
}

static void write_kernel(hb_cl_kernel *kernel, const hb_step *step, const hebb_launch *l) {
    const hebb_op *op = step->u.custom.op;
    bool f64 = step->out[0].dtype == HEBB_F64;
    hb_cl_print(&kernel->functions, "#define hebb_real %s\n#define hebb_literal(x) x%s\n%s\n",
                f64 ? "double" : "float", f64 ? "" : "##f", op->source);
    kernel->alone = true;
    kernel->wide = true; /* integers are long */
    hb_cl_need(kernel, HB_CL_SCALAR, step->out[0].dtype);
    if (l->local_bytes > 0)
        hb_cl_print(&kernel->body, "local char memory[%zu] __attribute__((aligned(16)));\n",
                    l->local_bytes);
    hb_cl_print(&kernel->body, "%s(", op->function);
    for (int k = 0; k < step->n_in; k++) {
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "x%d", k);
        write_operand(kernel, name, &step->in[k], false);
        hb_cl_append(&kernel->body, ", ");
    }
    write_operand(kernel, "y", &step->out[0], true);
    for (int k = 0; k < l->n_integers; k++) {
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "n%d", k);
        hb_cl_index_param(kernel, name, l->integers[k]);
        hb_cl_print(&kernel->body, ", %s", name);
    }
    for (int k = 0; k < l->n_reals; k++)
        write_real(&kernel->body, f64 ? l->reals[k] : (float)l->reals[k]);
    hb_cl_append(&kernel->body, l->local_bytes > 0 ? ", memory);\n" : ");\n");
}

hebb_status hb_cl_custom_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                 const char **solver, hb_error *error) {
    const hebb_op *op = step->u.custom.op;
    *solver = "the user's function";
    if (op->source == NULL)
        return hb_fail(error, HEBB_E_UNSUPPORTED, "%s: the op %s has no OpenCL source",
                       device->info.id, op->name);
    if (hebb_shape_count(step->u.custom.signature[step->n_in].shape) == 0) return HEBB_OK;
    hebb_launch wanted;
    hebb_status status = ask_launch(device, step, &wanted, error);
    if (status != HEBB_OK) return status;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    write_kernel(&launch->source, step, &wanted);
    set_range(launch, &wanted, device->max_group);
    return HEBB_OK;
}
