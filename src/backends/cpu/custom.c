/* CUSTOM: users' ops, by their own functions. */
#include <stdlib.h>

#include "cpu.h"

static bool can_do(const hb_device *device, const hb_step *step) {
    return true;
} /* or says why not */
static double cost(const hb_device *device, const hb_step *step) { return 0; } /* the only one */

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    const hebb_op *op = step->u.custom.op;
    if (!op->cpu)
        return hb_fail(error, HEBB_E_UNSUPPORTED, "cpu: the op %s has no CPU function", op->name);
    *state = (void *)(uintptr_t)step;
    return HEBB_OK;
}

static hebb_array array_at(const hb_run_args *args, const hb_operand *operand,
                           const hebb_signature *signature) {
    return hebb_array_view(hb_cpu_address(args, operand), signature->dtype, signature->shape);
}

static hebb_status run(hb_device *device, const void *state, const hb_run_args *args,
                       hb_error *error) {
    const hb_step *step = state;
    const hb_custom *custom = &step->u.custom;
    hebb_array x[HEBB_OP_INPUTS];
    char message[HEBB_OP_MESSAGE] = "";
    for (int k = 0; k < step->n_in; k++) x[k] = array_at(args, &step->in[k], &custom->signature[k]);
    const hebb_array y = array_at(args, &step->out[0], &custom->signature[step->n_in]);
    if (hebb_array_count(&y) == 0) return HEBB_OK;
    hebb_status status = custom->op->cpu(x, &y, custom->options, message);
    message[sizeof message - 1] = '\0';
    if (!status) return HEBB_OK;
    return hb_fail(error, status, "run: %s: %s", custom->op->name,
                   message[0] ? message : "the op's CPU function failed");
}

static void release(void *state) { (void)state; } /* the step is the plan's */

static const hb_cpu_solver solver = {.name = "the user's function",
                                     .kind = HB_CUSTOM,
                                     .can_do = can_do,
                                     .cost = cost,
                                     .prepare = prepare,
                                     .try_run = run,
                                     .release = release};
const hb_cpu_solver *const hb_cpu_custom_solvers[] = {&solver, NULL};
