/* HEBB_DUMP=plan: what a plan does, for people. Called by plan.c. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

bool hb_dumping(void) {
    const char *value = getenv("HEBB_DUMP");
    return value != NULL && strcmp(value, "plan") == 0;
}

static void print_operand(const hb_operand *operand, int rank, FILE *out) {
    if (operand->buffer == HB_BUFFER_INDEX) fprintf(out, "index");
    else if (operand->buffer <= HB_BUFFER_JOINED)
        fprintf(out, "%s joined value %d", hebb_dtype_name(operand->dtype),
                HB_BUFFER_JOINED - operand->buffer);
    else
        fprintf(out, "%s b%d+%" PRId64, hebb_dtype_name(operand->dtype), operand->buffer,
                operand->offset);
    for (int k = 0; k < rank; k++)
        fprintf(out, "%s%" PRId64, k > 0 ? " " : " (", operand->stride[k]);
    fprintf(out, rank > 0 ? ")" : "");
}

static void print_loop(const hb_loop *loop, FILE *out) {
    for (int k = 0; k < loop->n_in; k++) {
        fprintf(out, "        in %d: ", k);
        print_operand(&loop->in[k], loop->rank, out);
        fprintf(out, "\n");
    }
    for (int k = 0; k < loop->n_instr; k++) {
        const hb_instr *i = &loop->instr[k];
        fprintf(out, "        %s%%%d = %s %s", k >= loop->n_pre ? "after: " : "", k,
                hb_code_name((hb_code)i->code), hebb_dtype_name((hebb_dtype)i->dtype));
        if (i->code == HB_LOAD) fprintf(out, " in %d", i->a);
        else if (i->code == HB_CONST && hb_floating((hebb_dtype)i->dtype))
            fprintf(out, " %.9g", i->imm.f);
        else if (i->code == HB_CONST) fprintf(out, " %" PRId64, i->imm.i);
        else {
            if (i->a >= 0) fprintf(out, " %%%d", i->a);
            if (i->b >= 0) fprintf(out, " %%%d", i->b);
            if (i->c >= 0) fprintf(out, " %%%d", i->c);
            if (hb_fourth(i) >= 0) fprintf(out, " %%%d", i->d);
            if (i->code == HB_USER) fprintf(out, ": %s", i->imm.user->name);
        }
        fprintf(out, "\n");
    }
    for (int k = 0; k < loop->n_out; k++) {
        fprintf(out, "        out: %%%d -> ", loop->out[k].value);
        print_operand(&loop->out[k].to, loop->rank, out);
        fprintf(out, "\n");
    }
}

static void print_space(const hb_loop *loop, FILE *out) {
    fprintf(out, " over [");
    for (int k = 0; k < loop->rank; k++)
        fprintf(out, "%s%" PRId64 "%s", k > 0 ? ", " : "", loop->dim[k],
                loop->reduce[k] ? " reduced" : "");
    fprintf(out, "]\n");
}

static void print_whole(const hb_step *s, FILE *out) {
    fprintf(out, "\n");
    for (int k = 0; k < s->n_in; k++)
        fprintf(out, "        in %d: %s b%d+%" PRId64 "\n", k, hebb_dtype_name(s->in[k].dtype),
                s->in[k].buffer, s->in[k].offset);
    for (int k = 0; k < s->n_out; k++)
        fprintf(out, "        out %d: %s b%d+%" PRId64 "\n", k, hebb_dtype_name(s->out[k].dtype),
                s->out[k].buffer, s->out[k].offset);
}

static void print_step(const hb_step *s, FILE *out);

static void print_scan(const hb_scan *scan, FILE *out) {
    fprintf(out, "        %" PRId64 " times:\n", scan->times);
    for (int k = 0; k < scan->n_slides; k++) {
        const hb_slide *slide = &scan->slides[k];
        fprintf(out, "        b%d: %s %d from byte %" PRId64 ", %+" PRId64 " an iteration\n", k + 1,
                slide->output ? "out" : "in", slide->operand, slide->start, slide->step);
    }
    for (size_t k = 0; k < scan->n_steps; k++) {
        fprintf(out, "    step %zu: ", k);
        print_step(&scan->steps[k], out);
    }
}

static void print_step(const hb_step *s, FILE *out) {
    fprintf(out, "%s, %.3g MFLOP, %.3g MB", s->name, s->flops / 1e6, s->bytes / 1e6);
    if (s->kind == HB_LOOP) {
        print_space(&s->u.loop, out);
        print_loop(&s->u.loop, out);
    } else if (s->kind == HB_GEMM) {
        const hb_gemm *g = &s->u.gemm;
        print_space(&g->epilogue, out);
        fprintf(out, "        k %" PRId64 ", a ", g->k);
        print_operand(&g->a, g->n_batch + 2, out);
        fprintf(out, ", b ");
        print_operand(&g->b, g->n_batch + 2, out);
        fprintf(out, "\n");
        print_loop(&g->epilogue, out);
    } else if (hb_is_whole(s->kind)) {
        print_whole(s, out);
        if (s->kind == HB_SCAN) print_scan(s->u.scan, out);
    } else
        fprintf(out, ", %" PRId64 " of %" PRId64 " rows of %" PRId64 "\n", s->u.indexed.count,
                s->u.indexed.rows, s->u.indexed.width);
}

void hb_dump_plan(const hb_plan *plan, FILE *out) {
    fprintf(out, "plan: %zu steps, arena %zu bytes (%zu unshared), %.3g MFLOP, %.3g MB moved\n",
            plan->n_steps, plan->stats.peak_bytes, plan->stats.unshared_bytes,
            plan->stats.flops / 1e6, plan->stats.bytes / 1e6);
    for (int k = 1; k < plan->ir.n_buffers; k++)
        fprintf(out, "  buffer b%d: %s %s\n", k, hb_op_name(plan->ir.buffers[k].tensor->op),
                plan->ir.buffers[k].tensor->name);
    const hb_backend *b = plan->device->backend;
    for (size_t k = 0; k < plan->n_steps; k++) {
        fprintf(out, "  step %zu: by %s, ", k, b->solver(plan->device->device, plan->prepared, k));
        print_step(&plan->steps[k], out);
    }
}
