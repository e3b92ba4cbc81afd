/* Sessions: the values of a graph's variables on a device, the cache of plans, and the run itself.
 */
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "profile.h"
#include "session_slots.h"

struct hebb_session {
    hebb_graph *graph;
    hebb_device *device;
    uint64_t seed, step;
    hb_plan_choices choices;
    hebb_mode mode;
    uint8_t poison;
    bool refused; /* the graph had an error when the session was created */
    hb_session_slots variables, inputs, constants;
    hb_session_slot arena;
    hb_plan *plans;  /* the last used one first */
    hebb_shape *fed; /* by input number, for the run in progress */
    const hebb_array **fed_array;
    hebb_tensor **fetched;
    size_t fed_room, fetched_room;
    hb_buffer **bound; /* by buffer number of the plan in progress */
    int bound_room;
    hb_profile *profile; /* NULL if none is wanted */
    hb_error error;
};

/* ---- life ---- */

/* Begins a call: the last one's error is forgotten, but not what keeps the session from being used.
   An error that the graph has since then is not of that kind: what was made before it works. */
static hebb_status begin(hebb_session *s) {
    s->error.status = HEBB_OK;
    s->error.message[0] = '\0';
    if (s->graph == NULL || s->device == NULL)
        return hb_fail(&s->error, HEBB_E_NULL, "session: the %s is NULL",
                       s->graph == NULL ? "graph" : "device");
    if (s->device->error.status != HEBB_OK) s->error = s->device->error;
    else if (s->refused) s->error = s->graph->error;
    return s->error.status;
}

/* A tensor that a call was given, in its role ("the fed "): of this graph, and not the inert one of
   a builder that failed, for which the error is what the graph has kept of that. */
static hebb_status check_tensor(hebb_session *s, const char *what, const char *role,
                                const hebb_tensor *t) {
    if (t->graph != s->graph)
        return hb_fail(&s->error, HEBB_E_GRAPH, "%s: %s%s is of another graph", what, role,
                       hebb_tensor_name(t));
    if (t->op == HB_OP_INERT) s->error = s->graph->error;
    return s->error.status;
}

hebb_session *hebb_session_create_with(hebb_graph *graph, hebb_device *device,
                                       const hebb_session_options *options) {
    hebb_session *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->graph = graph;
    s->device = device;
    s->refused = graph != NULL && graph->error.status != HEBB_OK;
    if (options != NULL) {
        s->seed = options->seed;
        s->choices.without = options->without;
        s->choices.memory_limit = options->memory_limit;
        s->poison = options->poison;
    }
    if (begin(s) == HEBB_OK) hb_profile_create(device->info.id, &s->profile, &s->error);
    return s;
}

void hebb_session_destroy(hebb_session *s) {
    if (s == NULL) return;
    if (s->device != NULL && s->device->device != NULL) {
        hb_error ignored;
        s->device->backend->finish(s->device->device, &ignored);
    }
    while (s->plans != NULL) {
        hb_plan *next = s->plans->next;
        hb_plan_destroy(s->plans);
        s->plans = next;
    }
    hb_session_slots_free(s->device, &s->variables);
    hb_session_slots_free(s->device, &s->inputs);
    hb_session_slots_free(s->device, &s->constants);
    hb_session_slot_free(s->device, &s->arena);
    hb_profile_destroy(s->profile);
    free(s->fed);
    free(s->fed_array);
    free(s->fetched);
    free(s->bound);
    free(s);
}

hebb_status hebb_session_status(const hebb_session *s) {
    return s == NULL ? HEBB_E_NULL : s->error.status;
}

const char *hebb_session_message(const hebb_session *s) {
    if (s == NULL) return "the session is NULL (of a model that failed, or out of memory?)";
    return s->error.status == HEBB_OK ? "" : s->error.message;
}

uint64_t hebb_session_step(const hebb_session *s) { return s == NULL ? 0 : s->step; }

hebb_status hebb_session_set_step(hebb_session *s, uint64_t step) {
    if (s == NULL) return HEBB_E_NULL;
    s->step = step;
    return HEBB_OK;
}

uint64_t hebb_session_seed(const hebb_session *s) { return s == NULL ? 0 : s->seed; }

hebb_status hebb_session_set_seed(hebb_session *s, uint64_t seed) {
    if (s == NULL) return HEBB_E_NULL;
    s->seed = seed;
    return HEBB_OK;
}

hebb_graph *hebb_session_graph(const hebb_session *s) { return s == NULL ? NULL : s->graph; }

hebb_device *hebb_session_device(const hebb_session *s) { return s == NULL ? NULL : s->device; }

hebb_status hebb_session_fail(hebb_session *s, hebb_status status, const char *message) {
    if (s == NULL) return HEBB_E_NULL;
    return hb_fail(&s->error, status, "%s", message == NULL ? "" : message);
}

hebb_status hebb_session_set_mode(hebb_session *s, hebb_mode mode) {
    if (s == NULL) return HEBB_E_NULL;
    if (mode < HEBB_MODE_AUTO || mode > HEBB_MODE_INFERENCE)
        return hb_fail(&s->error, HEBB_E_ARGUMENT, "set_mode: there is no mode %d", (int)mode);
    s->mode = mode;
    return HEBB_OK;
}

hebb_status hebb_session_stats(const hebb_session *s, hebb_plan_stats *stats) {
    if (s == NULL || stats == NULL) return HEBB_E_NULL;
    if (s->plans == NULL) return HEBB_E_ARGUMENT;
    *stats = s->plans->stats;
    return HEBB_OK;
}

/* ---- profiles ---- */

hebb_status hebb_session_profile(hebb_session *s, bool on) {
    return s == NULL ? HEBB_E_NULL : hb_profile_gather(&s->profile, on, &s->error);
}

size_t hebb_session_profile_count(const hebb_session *s) {
    return s == NULL ? 0 : hb_profile_count(s->profile);
}

hebb_status hebb_session_profile_row(const hebb_session *s, size_t index, hebb_profile_row *row) {
    if (s == NULL || row == NULL) return HEBB_E_NULL;
    if (index >= hb_profile_count(s->profile)) return HEBB_E_ARGUMENT;
    *row = hb_profile_row(s->profile, index);
    return HEBB_OK;
}

/* ---- memory ---- */

static size_t tensor_bytes(const hebb_tensor *t, hebb_shape shape) {
    return (size_t)hebb_shape_count(shape) * hebb_dtype_size(t->dtype);
}

/* Lets an input's buffer be the user's array where the device can, else copies it. */
static hebb_status bind_input(hebb_session *s, const hebb_tensor *input) {
    const hb_backend *b = s->device->backend;
    hb_session_slot *one = &s->inputs.slot[input->attrs->index];
    const hebb_array *array = s->fed_array[input->attrs->index];
    size_t bytes = tensor_bytes(input, s->fed[input->attrs->index]);
    if (b->borrow != NULL && !one->refused) {
        if (one->buffer == NULL || !one->borrowed) {
            hb_session_slot_free(s->device, one);
            hebb_status status = b->buffer_create(s->device->device, 0, &one->buffer, &s->error);
            if (status != HEBB_OK) return status;
            one->borrowed = true;
        }
        if (b->borrow(s->device->device, one->buffer, array->data, bytes)) return HEBB_OK;
        hb_session_slot_free(s->device, one);
        one->refused = true; /* it would be tried and given up at every run */
    }
    hebb_status status = hb_session_slot_reserve(s->device, one, bytes, &s->error);
    if (status != HEBB_OK || bytes == 0) return status;
    return b->write(s->device->device, one->buffer, 0, array->data, bytes, &s->error);
}

static hebb_status bind_constant(hebb_session *s, const hebb_tensor *constant) {
    hb_session_slot *one = &s->constants.slot[constant->attrs->index];
    if (one->ready) return HEBB_OK;
    size_t bytes = tensor_bytes(constant, constant->shape);
    hebb_status status = hb_session_slot_reserve(s->device, one, bytes, &s->error);
    if (status == HEBB_OK && bytes > 0)
        status = s->device->backend->write(s->device->device, one->buffer, 0, constant->attrs->data,
                                           bytes, &s->error);
    one->ready = status == HEBB_OK;
    return status;
}

static hebb_status bind_tensor(hebb_session *s, const hebb_tensor *t, hb_buffer **buffer) {
    hebb_status status = HEBB_OK;
    hb_session_slots *all = t->op == HB_OP_VARIABLE ? &s->variables
                            : t->op == HB_OP_INPUT  ? &s->inputs
                                                    : &s->constants;
    if (t->op == HB_OP_INPUT) status = bind_input(s, t);
    else if (t->op == HB_OP_CONSTANT) status = bind_constant(s, t);
    *buffer = all->slot[t->attrs->index].buffer;
    return status;
}

/* ---- running a plan ---- */

static hebb_status bind_all(hebb_session *s, const hb_plan *plan) {
    if (plan->ir.n_buffers > s->bound_room) {
        hb_buffer **grown = realloc(s->bound, (size_t)plan->ir.n_buffers * sizeof *grown);
        if (grown == NULL)
            return hb_fail_memory(&s->error, "a run", (size_t)plan->ir.n_buffers * sizeof *grown);
        s->bound = grown;
        s->bound_room = plan->ir.n_buffers;
    }
    hebb_status status =
        hb_session_slot_reserve_arena(s->device, &s->arena, plan->arena_bytes, &s->error);
    if (status != HEBB_OK) return status;
    s->bound[HB_BUFFER_ARENA] = s->arena.buffer;
    for (int k = 1; k < plan->ir.n_buffers; k++) {
        status = bind_tensor(s, plan->ir.buffers[k].tensor, &s->bound[k]);
        if (status != HEBB_OK) return status;
    }
    return HEBB_OK;
}

/* What the steps do not write keeps these bytes. */
static hebb_status poison_arena(hebb_session *s, size_t bytes) {
    char pattern[65536];
    memset(pattern, s->poison, sizeof pattern);
    hebb_status status = HEBB_OK;
    for (size_t at = 0; at < bytes && status == HEBB_OK; at += sizeof pattern) {
        size_t part = bytes - at < sizeof pattern ? bytes - at : sizeof pattern;
        status = s->device->backend->write(s->device->device, s->arena.buffer, at, pattern, part,
                                           &s->error);
    }
    return status;
}

static hebb_status run_plan(hebb_session *s, const hb_plan *plan, uint64_t step) {
    hebb_status status = bind_all(s, plan);
    if (status == HEBB_OK && s->poison != 0) status = poison_arena(s, plan->arena_bytes);
    if (status != HEBB_OK) return status;
    hb_run_args args = {
        .buffers = s->bound, .seed = s->seed, .step = step, .watch = hb_profile_watch(s->profile)};
    status = s->device->backend->run(s->device->device, plan->prepared, &args, &s->error);
    return status == HEBB_OK ? hb_profile_flush(s->profile, &s->error) : status;
}

/* ---- first values ---- */

static hebb_status make_first_values(hebb_session *s, bool *wanted) {
    for (int k = 0; k < s->variables.count; k++) {
        const hebb_tensor *variable = s->graph->variables[k];
        wanted[k] = !s->variables.slot[k].ready;
        if (!wanted[k]) continue;
        hebb_status status = hb_session_slot_reserve(
            s->device, &s->variables.slot[k], tensor_bytes(variable, variable->shape), &s->error);
        if (status != HEBB_OK) return status;
    }
    hb_plan *plan = hb_plan_create(s->graph, s->device, &s->choices, NULL, 0, NULL, HEBB_MODE_AUTO,
                                   wanted, &s->error);
    if (plan == NULL) return s->error.status;
    hebb_status status = run_plan(s, plan, 0);
    if (status == HEBB_OK) status = s->device->backend->finish(s->device->device, &s->error);
    hb_plan_destroy(plan);
    for (int k = 0; status == HEBB_OK && k < s->variables.count; k++)
        s->variables.slot[k].ready = true;
    return status;
}

/* Variables may have been added since the last run. */
static hebb_status ensure_variables(hebb_session *s) {
    hebb_status status = hb_session_slots_reserve(&s->inputs, s->graph->n_inputs, &s->error);
    if (status == HEBB_OK)
        status = hb_session_slots_reserve(&s->constants, s->graph->n_constants, &s->error);
    if (status == HEBB_OK)
        status = hb_session_slots_reserve(&s->variables, s->graph->n_variables, &s->error);
    bool missing = false;
    for (int k = s->variables.count - 1; k >= 0 && !missing; k--)
        missing = !s->variables.slot[k].ready;
    if (status != HEBB_OK || !missing) return status;
    bool *wanted = calloc((size_t)s->variables.count, sizeof *wanted);
    if (wanted == NULL) return hb_fail_memory(&s->error, "a session", (size_t)s->variables.count);
    status = make_first_values(s, wanted);
    free(wanted);
    return status;
}

/* ---- arguments ---- */

static hebb_status check_array(hebb_session *s, const char *what, const hebb_tensor *t,
                               const hebb_array *array) {
    int64_t count = hebb_shape_count(array->shape);
    char given[160], wanted[160];
    if (count < 0 || (array->data == NULL && count > 0))
        return hb_fail(&s->error, count < 0 ? HEBB_E_SHAPE : HEBB_E_NULL,
                       "%s: the array for %s has %s", what, t->name,
                       count < 0 ? "no concrete shape" : "no data");
    if (array->dtype != t->dtype)
        return hb_fail(&s->error, HEBB_E_DTYPE, "%s: %s is %s, the array for it %s", what, t->name,
                       hebb_dtype_name(t->dtype), hebb_dtype_name(array->dtype));
    bool fits = array->shape.rank == t->shape.rank;
    for (int k = 0; fits && k < t->shape.rank; k++)
        fits = t->shape.dim[k] == HEBB_ANY || t->shape.dim[k] == array->shape.dim[k];
    if (fits) return HEBB_OK;
    return hb_fail(&s->error, HEBB_E_SHAPE, "%s: %s has shape %s, the array for it %s", what,
                   t->name, hebb_shape_text(t->shape, wanted, sizeof wanted),
                   hebb_shape_text(array->shape, given, sizeof given));
}

static hebb_status reserve_feeds(hebb_session *s) {
    size_t n = (size_t)s->graph->n_inputs + 1;
    if (n <= s->fed_room) return HEBB_OK;
    hebb_shape *fed = realloc(s->fed, n * sizeof *fed);
    if (fed != NULL) s->fed = fed;
    const hebb_array **arrays = realloc(s->fed_array, n * sizeof *arrays);
    if (arrays != NULL) s->fed_array = arrays;
    if (fed == NULL || arrays == NULL) return hb_fail_memory(&s->error, "a run", n * sizeof *fed);
    s->fed_room = n;
    return HEBB_OK;
}

static hebb_status take_feeds(hebb_session *s, const hebb_feed *feeds, size_t n) {
    hebb_status status = reserve_feeds(s);
    if (status != HEBB_OK) return status;
    for (int k = 0; k < s->graph->n_inputs; k++) s->fed[k].rank = -1;
    for (size_t k = 0; k < n; k++) {
        const hebb_tensor *t = feeds[k].tensor;
        if (t == NULL || feeds[k].array == NULL)
            return hb_fail(&s->error, HEBB_E_NULL, "run: feed %zu has a NULL %s", k,
                           t == NULL ? "tensor" : "array");
        status = check_tensor(s, "run", "the fed ", t);
        if (status != HEBB_OK) return status;
        if (t->op != HB_OP_INPUT)
            return hb_fail(&s->error, HEBB_E_ARGUMENT,
                           "run: %s is fed but is no input (its op is %s)", hebb_tensor_name(t),
                           hebb_tensor_op(t));
        if (s->fed[t->attrs->index].rank >= 0)
            return hb_fail(&s->error, HEBB_E_GRAPH, "run: %s is fed twice", t->name);
        status = check_array(s, "run", t, feeds[k].array);
        if (status != HEBB_OK) return status;
        s->fed[t->attrs->index] = feeds[k].array->shape;
        s->fed_array[t->attrs->index] = feeds[k].array;
    }
    return HEBB_OK;
}

static hebb_status take_fetches(hebb_session *s, const hebb_fetch *fetches, size_t n) {
    if (n > s->fetched_room || s->fetched == NULL) {
        hebb_tensor **grown = realloc(s->fetched, (n + 1) * sizeof *grown);
        if (grown == NULL) return hb_fail_memory(&s->error, "a run", (n + 1) * sizeof *grown);
        s->fetched = grown;
        s->fetched_room = n;
    }
    for (size_t k = 0; k < n; k++) {
        const hebb_tensor *t = fetches[k].tensor;
        if (t == NULL)
            return hb_fail(&s->error, HEBB_E_NULL, "run: the tensor of fetch %zu is NULL", k);
        const hebb_status status = check_tensor(s, "run", "the fetched ", t);
        if (status != HEBB_OK) return status;
        if (t->op == HB_OP_GROUP && fetches[k].array != NULL)
            return hb_fail(&s->error, HEBB_E_ARGUMENT,
                           "run: %s is a group, which has no value to fetch", t->name);
        s->fetched[k] = fetches[k].tensor;
    }
    return HEBB_OK;
}

static bool is_view(const hebb_array *array) { return array->data != NULL && array->capacity == 0; }

/* Whether a fetched value fits into the view that is to take it. */
static hebb_status check_view(hebb_session *s, const hebb_fetch *fetch, const ir_node *value) {
    const hebb_array *view = fetch->array;
    char have[160], want[160];
    if (view->dtype == value->dtype && hebb_shape_equal(view->shape, value->shape)) return HEBB_OK;
    return hb_fail(&s->error, view->dtype != value->dtype ? HEBB_E_DTYPE : HEBB_E_SHAPE,
                   "run: %s is %s %s, the view to fetch it into %s %s", fetch->tensor->name,
                   hebb_dtype_name(value->dtype), hebb_shape_text(value->shape, want, sizeof want),
                   hebb_dtype_name(view->dtype), hebb_shape_text(view->shape, have, sizeof have));
}

/* Whether a fetched value can go where it should. One array cannot take two results; and one that
   is fed can take a result only where it lies, because it is read during the run. */
static hebb_status check_result(hebb_session *s, const hebb_fetch *fetches, size_t k,
                                const ir_node *value) {
    const hebb_array *array = fetches[k].array;
    for (size_t j = 0; j < k; j++)
        if (fetches[j].array == array)
            return hb_fail(&s->error, HEBB_E_ARGUMENT,
                           "run: %s and %s are fetched into the same array",
                           fetches[j].tensor->name, fetches[k].tensor->name);
    if (is_view(array)) return check_view(s, &fetches[k], value);
    const size_t bytes = (size_t)hebb_shape_count(value->shape) * hebb_dtype_size(value->dtype);
    for (int i = 0; i < s->graph->n_inputs; i++)
        if (s->fed[i].rank >= 0 && s->fed_array[i] == array && bytes > array->capacity)
            return hb_fail(&s->error, HEBB_E_ARGUMENT,
                           "run: %s does not fit into the array that is fed, too",
                           fetches[k].tensor->name);
    return HEBB_OK;
}

/* Makes room in the user's arrays before anything is computed: first all checks, then all changes.
 */
static hebb_status prepare_results(hebb_session *s, const hb_plan *plan, const hebb_fetch *fetches,
                                   size_t n) {
    for (size_t k = 0; k < n; k++) {
        const ir_node *value = hb_plan_fetched(plan, k);
        if (fetches[k].array == NULL || value == NULL) continue;
        const hebb_status status = check_result(s, fetches, k, value);
        if (status != HEBB_OK) return status;
    }
    for (size_t k = 0; k < n; k++) {
        const ir_node *value = hb_plan_fetched(plan, k);
        hebb_array *array = fetches[k].array;
        char want[160];
        if (array == NULL || value == NULL || is_view(array)) continue;
        if (hebb_array_resize(array, value->dtype, value->shape) != HEBB_OK)
            return hb_fail(&s->error, HEBB_E_MEMORY, "out of memory: the array for %s %s",
                           fetches[k].tensor->name,
                           hebb_shape_text(value->shape, want, sizeof want));
    }
    return HEBB_OK;
}

static hebb_status read_results(hebb_session *s, const hb_plan *plan, const hebb_fetch *fetches,
                                size_t n) {
    const hb_backend *b = s->device->backend;
    for (size_t k = 0; k < n; k++) {
        size_t bytes = fetches[k].array != NULL ? hebb_array_bytes(fetches[k].array) : 0;
        if (bytes == 0 || plan->ir.fetches[k] < 0) continue;
        hebb_status status = b->read(s->device->device, s->arena.buffer, plan->fetch_offset[k],
                                     fetches[k].array->data, bytes, &s->error);
        if (status != HEBB_OK) return status;
    }
    return HEBB_OK;
}

/* ---- plans ---- */

static bool fits_plan(const hebb_session *s, const hb_plan *plan, size_t n_fetches) {
    if (plan->mode != s->mode || plan->n_fetches != n_fetches ||
        plan->n_inputs != s->graph->n_inputs)
        return false;
    if (n_fetches > 0 && memcmp(plan->fetches, s->fetched, n_fetches * sizeof *s->fetched) != 0)
        return false;
    for (int k = 0; k < plan->n_inputs; k++)
        if (!hebb_shape_equal(plan->inputs[k], s->fed[k])) return false;
    return true;
}

/* Plans for many shapes, of sequences of every length say, would fill the memory. */
enum { MOST_PLANS = 32 };

static hebb_status forget_oldest_plans(hebb_session *s) {
    hb_plan **link = &s->plans;
    for (int k = 0; k < MOST_PLANS && *link != NULL; k++) link = &(*link)->next;
    if (*link == NULL) return HEBB_OK;
    hebb_status status = s->device->backend->finish(s->device->device, &s->error);
    while (*link != NULL) {
        hb_plan *next = (*link)->next;
        hb_plan_destroy(*link);
        *link = next;
    }
    return status;
}

/* The plan for the run in progress: the last one, an earlier one, or a new one; it comes first
 * then. */
static hb_plan *find_plan(hebb_session *s, size_t n_fetches) {
    for (hb_plan **link = &s->plans; *link != NULL; link = &(*link)->next)
        if (fits_plan(s, *link, n_fetches)) {
            hb_plan *plan = *link;
            *link = plan->next;
            plan->next = s->plans;
            return s->plans = plan;
        }
    hb_plan *plan = hb_plan_create(s->graph, s->device, &s->choices, s->fetched, n_fetches, s->fed,
                                   s->mode, NULL, &s->error);
    if (plan == NULL) return NULL;
    plan->next = s->plans;
    s->plans = plan;
    return forget_oldest_plans(s) == HEBB_OK ? plan : NULL;
}

hebb_status hebb_run(hebb_session *s, const hebb_feed *feeds, size_t n_feeds,
                     const hebb_fetch *fetches, size_t n_fetches) {
    if (s == NULL) return HEBB_E_NULL;
    if (begin(s) != HEBB_OK) return s->error.status;
    if ((feeds == NULL && n_feeds > 0) || (fetches == NULL && n_fetches > 0))
        return hb_fail(&s->error, HEBB_E_NULL, "run: the %s are NULL",
                       feeds == NULL ? "feeds" : "fetches");
    hebb_status status = hb_check_ends(s->graph, &s->error);
    if (status == HEBB_OK) status = take_feeds(s, feeds, n_feeds);
    if (status == HEBB_OK) status = take_fetches(s, fetches, n_fetches);
    if (status == HEBB_OK) status = ensure_variables(s);
    if (status != HEBB_OK) return status;
    hb_plan *plan = find_plan(s, n_fetches);
    if (plan == NULL) return s->error.status;
    status = prepare_results(s, plan, fetches, n_fetches);
    if (status == HEBB_OK) status = run_plan(s, plan, s->step + 1);
    if (status != HEBB_OK) return status;
    s->step++;
    return read_results(s, plan, fetches, n_fetches);
}

/* ---- variables ---- */

static hebb_status check_variable(hebb_session *s, const char *what, const hebb_tensor *variable,
                                  const hebb_array *value) {
    if (begin(s) != HEBB_OK) return s->error.status;
    if (variable == NULL || value == NULL)
        return hb_fail(&s->error, HEBB_E_NULL, "%s: the %s is NULL", what,
                       variable == NULL ? "variable" : "array");
    const hebb_status status = check_tensor(s, what, "", variable);
    if (status != HEBB_OK) return status;
    if (variable->op != HB_OP_VARIABLE)
        return hb_fail(&s->error, HEBB_E_ARGUMENT, "%s: %s is no variable", what,
                       hebb_tensor_name(variable));
    return ensure_variables(s);
}

hebb_status hebb_session_get(hebb_session *s, hebb_tensor *variable, hebb_array *value) {
    if (s == NULL) return HEBB_E_NULL;
    hebb_status status = check_variable(s, "get", variable, value);
    if (status != HEBB_OK) return status;
    if (is_view(value)) status = check_array(s, "get", variable, value);
    else if (hebb_array_resize(value, variable->dtype, variable->shape) != HEBB_OK)
        status =
            hb_fail(&s->error, HEBB_E_MEMORY, "out of memory: the array for %s", variable->name);
    size_t bytes = tensor_bytes(variable, variable->shape);
    if (status != HEBB_OK || bytes == 0) return status;
    return s->device->backend->read(s->device->device,
                                    s->variables.slot[variable->attrs->index].buffer, 0,
                                    value->data, bytes, &s->error);
}

hebb_status hebb_session_set(hebb_session *s, hebb_tensor *variable, const hebb_array *value) {
    if (s == NULL) return HEBB_E_NULL;
    hebb_status status = check_variable(s, "set", variable, value);
    if (status == HEBB_OK) status = check_array(s, "set", variable, value);
    if (status != HEBB_OK || hebb_array_bytes(value) == 0) return status;
    size_t bytes = hebb_array_bytes(value);
    return s->device->backend->write(s->device->device,
                                     s->variables.slot[variable->attrs->index].buffer, 0,
                                     value->data, bytes, &s->error);
}
