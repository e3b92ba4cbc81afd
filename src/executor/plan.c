/* Makes plans: runs the passes one after the other, and lets the backend prepare the steps.
   HEBB_DUMP=plan shows what each pass makes. Called by session.c. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "budget.h"
#include "plan.h"

/* ---- statistics ---- */

/* What every op's result would take if each were kept: measured before anything is optimized. */
static size_t unshared_bytes(const hb_ir *ir) {
    size_t bytes = 0;
    for (int k = 0; k < ir->n_nodes; k++) {
        ir_kind kind = ir->nodes[k].kind;
        if (kind != IR_BUFFER && kind != IR_INDEX && kind != IR_FULL && kind != IR_VIEW &&
            kind != IR_COPY)
            bytes += ir_bytes(&ir->nodes[k]);
    }
    return bytes;
}

static void count_work(hb_plan *plan) {
    for (size_t k = 0; k < plan->n_steps; k++) {
        plan->stats.flops += plan->steps[k].flops;
        plan->stats.bytes += plan->steps[k].bytes;
        if (!plan->steps[k].again) continue;
        plan->stats.again_steps++;
        plan->stats.again_flops += plan->steps[k].flops;
    }
    for (int k = 1; k < plan->ir.n_buffers; k++) {
        const hebb_tensor *t = plan->ir.buffers[k].tensor;
        if (t->op == HB_OP_VARIABLE)
            plan->stats.variable_bytes +=
                (size_t)hebb_shape_count(t->shape) * hebb_dtype_size(t->dtype);
    }
}

/* ---- passes ---- */

/* The device must know every dtype that it is to compute in. */
static hebb_status check_dtypes(const hb_plan *plan, const hb_ir *ir, hb_error *error) {
    const hb_backend *b = plan->device->backend;
    for (int k = 0; k < ir->n_nodes; k++) {
        const ir_node *n = &ir->nodes[k];
        if (!b->has_dtype(plan->device->device, n->dtype))
            return hb_fail(
                error, HEBB_E_UNSUPPORTED, "run: the device %s (%s) has no %s, which %s needs",
                plan->device->info.id, plan->device->info.name, hebb_dtype_name(n->dtype),
                n->origin != NULL ? n->origin->name : "a constant");
    }
    return HEBB_OK;
}

/* Moves the bodies of scans along with the ir that has become another. */
static hebb_status simplify(hb_ir *raw, unsigned without, const char *title, hb_ir *ir,
                            hb_error *error) {
    if (hb_dumping()) ir_print(raw, "specialized", stderr);
    hebb_status status =
        hb_simplify(raw, !(without & HEBB_NO_FOLD), !(without & HEBB_NO_CSE), ir, error);
    ir->bodies = raw->bodies;
    raw->bodies = NULL;
    if (status == HEBB_OK && hb_dumping()) ir_print(ir, title, stderr);
    return status;
}

/* What becomes of an ir: steps in their order, and the arena that they need. */
typedef struct compiled {
    hb_step *steps;
    size_t n_steps;
    hb_arena arena;
} compiled;

static hebb_status compile(const hb_plan *plan, hb_ir *ir, const hb_scan *scan,
                           const hb_plan_choices *choices, compiled *result, hb_error *error);

/* A body's arena is scratch memory of the scan: nothing in it is made again. */
static hebb_status compile_body(const hb_plan *plan, ir_body *body, unsigned without,
                                hb_error *error) {
    compiled result;
    hebb_status status = simplify(&body->raw, without, "simplified body", &body->ir, error);
    if (status == HEBB_OK)
        status = compile(plan, &body->ir, &body->scan, &(hb_plan_choices){.without = without},
                         &result, error);
    if (status != HEBB_OK) return status;
    body->scan.steps = result.steps;
    body->scan.n_steps = result.n_steps;
    body->scan.arena_bytes = result.arena.bytes;
    for (size_t k = 0; k < result.n_steps; k++) {
        body->flops += result.steps[k].flops;
        body->bytes += result.steps[k].bytes;
    }
    return HEBB_OK;
}

static void count_scan(const hb_ir *ir, hb_step *step) {
    for (const ir_body *body = ir->bodies; body != NULL; body = body->next)
        if (&body->scan == step->u.scan) {
            step->flops = (double)body->scan.times * body->flops;
            step->bytes = (double)body->scan.times * body->bytes;
        }
}

/* Whether the iterations of the scan read the same from there. */
static bool stays(const hb_scan *scan, const hb_operand *x) {
    if (x->buffer <= 0) return false;
    const hb_slide *slide = &scan->slides[x->buffer - 1];
    return !slide->output && slide->step == 0;
}

/* ---- joined steps ---- */

static void only_look(void *context, const int *order, int n_steps) {}

/* Joins steps, unless what that takes is more than the limit: their values could not be dropped and
   made again one by one. *fits says whether what was done is within it. */
static hebb_status join(const hb_plan *plan, hb_fusion *fusion, int *order, int n, size_t limit,
                        bool *fits, hb_error *error) {
    const hb_backend *b = plan->device->backend;
    hb_arena arena = {0};
    *fits = limit == 0;
    hebb_status status = hb_join(fusion, b, plan->device->device, order, n, error);
    if (status != HEBB_OK || *fits) return status;
    status = hb_place_values(fusion, order, n, true, &(hb_look){only_look, NULL}, &arena, error);
    *fits = arena.bytes <= limit;
    if (!*fits) hb_part_joined(fusion, b, plan->device->device, order, n);
    return status;
}

/* `scan`: the one whose body the ir is, or NULL. */
static hebb_status compile(const hb_plan *plan, hb_ir *ir, const hb_scan *scan,
                           const hb_plan_choices *choices, compiled *result, hb_error *error) {
    const hb_backend *b = plan->device->backend;
    const unsigned without = choices->without;
    const bool reuse = !(without & HEBB_NO_REUSE);
    hb_fusion fusion;
    int *order, n;
    hebb_status status = check_dtypes(plan, ir, error);
    for (ir_body *body = ir->bodies; body != NULL && status == HEBB_OK; body = body->next)
        status = compile_body(plan, body, without, error);
    if (status == HEBB_OK) ir_find_bands(ir);
    if (status == HEBB_OK)
        status = hb_fuse(ir, !(without & HEBB_NO_FUSION), scan != NULL, &fusion, error);
    if (status == HEBB_OK) status = hb_order(&fusion, false, &order, &n, error);
    if (status != HEBB_OK) return status;
    fusion.reduces_once = b->reduces_once;
    if (b->piece != NULL) fusion.piece = b->piece(plan->device->device);
    for (int k = 0; k < n; k++) {
        hb_step *step = &fusion.groups[order[k]].step;
        if (step->kind == HB_SCAN) count_scan(ir, step);
        if (step->kind == HB_GEMM && scan != NULL)
            step->u.gemm.b_stays = stays(scan, &step->u.gemm.b);
        step->scratch_bytes = b->scratch(plan->device->device, step);
    }
    bool fits = choices->memory_limit == 0;
    if (scan == NULL && reuse && !(without & HEBB_NO_FUSION))
        status = join(plan, &fusion, order, n, choices->memory_limit, &fits, error);
    if (status == HEBB_OK && !fits)
        status = hb_fit(&fusion, b, plan->device->device, choices->memory_limit, reuse, &order, &n,
                        error);
    fusion.spreads = b->spreads != NULL && b->spreads(plan->device->device);
    if (status == HEBB_OK)
        status = hb_place_values(&fusion, order, n, reuse, NULL, &result->arena, error);
    if (status != HEBB_OK) return status;
    if (hb_dumping()) hb_dump_values(&fusion, order, n, stderr);
    result->steps = ir_memory(ir, (size_t)n * sizeof *result->steps);
    if (result->steps == NULL)
        return hb_fail_memory(error, "a plan", (size_t)n * sizeof *result->steps);
    result->n_steps = (size_t)n;
    for (int k = 0; k < n; k++) result->steps[k] = fusion.groups[order[k]].step;
    return HEBB_OK;
}

static hebb_status remember_fetches(hb_plan *plan, const hb_arena *arena, hb_error *error) {
    plan->arena_bytes = plan->stats.peak_bytes = arena->bytes;
    plan->fetch_offset =
        ir_memory(&plan->ir, ((size_t)plan->ir.n_fetches + 1) * sizeof *plan->fetch_offset);
    if (plan->fetch_offset == NULL)
        return hb_fail_memory(error, "a plan", sizeof *plan->fetch_offset);
    for (int k = 0; k < plan->ir.n_fetches; k++)
        if (plan->ir.fetches[k] >= 0) plan->fetch_offset[k] = arena->offset[plan->ir.fetches[k]];
    return HEBB_OK;
}

static hebb_status make_steps(hb_plan *plan, const hb_plan_choices *choices, hb_error *error) {
    const hb_backend *b = plan->device->backend;
    compiled result;
    plan->stats.nodes = (size_t)plan->ir.n_nodes;
    const size_t fetched_bytes = ((size_t)plan->ir.n_fetches + 1) * sizeof *plan->fetched;
    plan->fetched = ir_memory(&plan->ir, fetched_bytes);
    if (plan->fetched == NULL) return hb_fail_memory(error, "a plan", fetched_bytes);
    if (plan->ir.n_fetches > 0) /* fusion may find other nodes with the same values */
        memcpy(plan->fetched, plan->ir.fetches, fetched_bytes - sizeof *plan->fetched);
    hebb_status status = compile(plan, &plan->ir, NULL, choices, &result, error);
    if (status != HEBB_OK) return status;
    plan->steps = result.steps;
    plan->n_steps = plan->stats.steps = result.n_steps;
    status = remember_fetches(plan, &result.arena, error);
    if (status == HEBB_OK)
        status = b->prepare(plan->device->device, plan->steps, plan->n_steps, plan->ir.n_buffers,
                            &plan->prepared, error);
    return status;
}

static hebb_status build(hb_plan *plan, const hebb_graph *graph, const hb_plan_choices *choices,
                         const bool *initial, hb_error *error) {
    hb_ir raw = {0};
    double start = hb_seconds();
    hebb_status status = initial != NULL ? hb_specialize_initial(graph, initial, &raw, error)
                                         : hb_specialize(graph, plan->fetches, plan->n_fetches,
                                                         plan->inputs, plan->mode, &raw, error);
    if (status == HEBB_OK)
        status = simplify(&raw, choices->without, "simplified", &plan->ir, error);
    size_t unshared = status == HEBB_OK ? unshared_bytes(&raw) : 0;
    ir_free(&raw);
    if (status == HEBB_OK) status = make_steps(plan, choices, error);
    if (status != HEBB_OK) return status;
    plan->stats.unshared_bytes = unshared;
    count_work(plan);
    plan->stats.plan_seconds = hb_seconds() - start;
    if (hb_dumping()) hb_dump_plan(plan, stderr);
    return HEBB_OK;
}

/* ---- life ---- */

static hebb_status copy_key(hb_plan *plan, hebb_tensor *const *fetches, const hebb_shape *inputs,
                            hb_error *error) {
    plan->inputs = calloc((size_t)plan->n_inputs + 1, sizeof *plan->inputs);
    plan->fetches = calloc(plan->n_fetches + 1, sizeof *plan->fetches);
    if (plan->inputs == NULL || plan->fetches == NULL)
        return hb_fail_memory(error, "a plan", sizeof *plan);
    if (plan->n_inputs > 0 && inputs != NULL)
        memcpy(plan->inputs, inputs, (size_t)plan->n_inputs * sizeof *inputs);
    if (plan->n_fetches > 0) memcpy(plan->fetches, fetches, plan->n_fetches * sizeof *fetches);
    return HEBB_OK;
}

hb_plan *hb_plan_create(const hebb_graph *graph, hebb_device *device,
                        const hb_plan_choices *choices, hebb_tensor *const *fetches,
                        size_t n_fetches, const hebb_shape *inputs, hebb_mode mode,
                        const bool *initial, hb_error *error) {
    hb_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL) {
        hb_fail_memory(error, "a plan", sizeof *plan);
        return NULL;
    }
    plan->device = device;
    plan->n_inputs = graph->n_inputs;
    plan->n_fetches = n_fetches;
    plan->mode = mode;
    if (copy_key(plan, fetches, inputs, error) == HEBB_OK &&
        build(plan, graph, choices, initial, error) == HEBB_OK)
        return plan;
    hb_plan_destroy(plan);
    return NULL;
}

void hb_plan_destroy(hb_plan *plan) {
    if (plan == NULL) return;
    if (plan->prepared != NULL)
        plan->device->backend->release(plan->device->device, plan->prepared);
    ir_free(&plan->ir);
    free(plan->inputs);
    free(plan->fetches);
    free(plan);
}

const ir_node *hb_plan_fetched(const hb_plan *plan, size_t k) {
    const int node = plan->fetched[k];
    return node < 0 ? NULL : &plan->ir.nodes[node];
}
