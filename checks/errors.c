/* Bad arguments against the errors that the headers promise: see job.h. */
#include <string.h>

#include "job.h"

static hebb_tensor *build(const descriptor *d, const error_sample *e, hebb_graph *g) {
    hebb_tensor *in[MAX_INPUTS] = {0};
    for (int k = 0; k < e->n_in; k++)
        in[k] =
            hebb_input(g, NULL, e->in[k].dtype != 0 ? e->in[k].dtype : e->dtype, e->in[k].shape);
    return d->build(g, in, &e->p);
}

/* The sample with the operands of an error sample, for the report. */
static sample shown(const error_sample *e) {
    sample s = {.n_in = e->n_in, .dtype = e->dtype, .p = e->p};
    memcpy(s.in, e->in, sizeof s.in);
    return s;
}

/* The message begins with the line that built the op: the builder has its row in here.h. */
static void check_one(job *j, const error_sample *e) {
    hebb_graph *g = hebb_graph_create();
    const hebb_tensor *result = build(j->d, e, g);
    sample s = shown(e);
    j->result.samples++;
    if (hebb_graph_status(g) != e->status)
        job_fail(j, &s, "expected the error \"%s\", got \"%s\": %s", hebb_status_name(e->status),
                 hebb_status_name(hebb_graph_status(g)), hebb_message(g));
    else if (strstr(hebb_message(g), e->message) == NULL)
        job_fail(j, &s, "\"%s\" is not in the message: %s", e->message, hebb_message(g));
    else if (strstr(hebb_message(g), "samples_") == NULL)
        job_fail(j, &s, "the message does not say where the op was built: %s", hebb_message(g));
    else if (!hebb_tensor_is_inert(result)) job_fail(j, &s, "the result is not inert");
    hebb_graph_destroy(g);
}

void check_errors(job *j) {
    error_list list = descriptor_errors(j->d);
    for (size_t i = 0; i < list.count; i++) check_one(j, &list.at[i]);
    if (list.count > 0) return;
    if (j->d->no_errors != NULL) job_skip(j, j->d->no_errors);
    else job_fail(j, NULL, "the descriptor has no error samples and does not say why");
}
