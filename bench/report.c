/* The measurements as a table for people, in 100 columns, or as JSON for programs. Called by
 * main.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* A positive number with about four digits that matter, in `width` columns. */
static void print_number(int width, double value) {
    int decimals = value < 0.0001 ? 7 : value < 0.1 ? 5 : value < 10 ? 3 : value < 1000 ? 1 : 0;
    printf(" %*.*f", width, decimals, value);
}

static void print_size(double bytes) {
    if (bytes < 1024) printf(" %7.0f B", bytes);
    else if (bytes < 1024 * 1024) printf(" %5.1f KiB", bytes / 1024);
    else printf(" %5.1f MiB", bytes / (1024 * 1024));
}

/* GFLOP/s of what arithmetic binds, GB/s of what moves more bytes than it computes. */
static bool bound_by_memory(const work *w) { return w->read_bytes + w->written_bytes > w->flops; }

static double rate(const measurement *m) {
    double amount =
        bound_by_memory(&m->work) ? m->work.read_bytes + m->work.written_bytes : m->work.flops;
    return amount / m->seconds * 1e-9;
}

void table_begin(const bounds *b) {
    char of[40] = "of the GPU";
    if (b->threads > 0) snprintf(of, sizeof of, "with %d threads", b->threads);
    printf("bounds %s: %.1f GFLOP/s (by %s), copy %.1f GB/s, read %.1f GB/s\n", of, b->flops * 1e-9,
           b->flops_by, b->copy_bytes * 1e-9, b->read_bytes * 1e-9);
    if (b->threads > 0 && openblas_kernels() != NULL)
        printf("OpenBLAS with its kernels for %s%s\n", openblas_kernels(),
               getenv("OPENBLAS_CORETYPE") != NULL ? ", by OPENBLAS_CORETYPE" : "");
    printf("\n");
    printf("%-16s %9s %9s %7s %12s %5s %9s %9s %9s %5s\n", "workload", "median ms", "bound ms",
           "ratio", "rate", "steps", "plan peak", "all", "OpenBLAS", "speed");
    fflush(stdout);
}

void table_row(const report_row *row) {
    const measurement *m = &row->measured;
    printf("%-16s", row->name);
    print_number(9, m->seconds * 1e3);
    print_number(9, row->bound * 1e3);
    print_number(7, m->seconds / row->bound);
    printf(" %5.1f %s", rate(m), bound_by_memory(&m->work) ? "GB/s  " : "GFLOPS");
    printf(" %5zu", m->stats.steps);
    print_size((double)m->stats.peak_bytes);
    print_size((double)m->stats.unshared_bytes);
    if (row->openblas > 0) {
        print_number(9, row->openblas * 1e3);
        printf(" %5.2f", row->openblas / m->seconds);
    }
    printf("\n");
    fflush(stdout);
}

void json_begin(void) { printf("["); }

void json_row(const report_row *row, bool first) {
    const measurement *m = &row->measured;
    printf("%s\n  {\"name\": \"%s\", \"device\": \"%s\", ", first ? "" : ",", row->name,
           row->device);
    printf("\"median_ms\": %.9g, \"bound_ms\": %.9g, \"ratio\": %.6g, ", m->seconds * 1e3,
           row->bound * 1e3, m->seconds / row->bound);
    printf("\"gflops\": %.6g, \"gbytes\": %.6g, ", m->work.flops / m->seconds * 1e-9,
           (m->work.read_bytes + m->work.written_bytes) / m->seconds * 1e-9);
    printf("\"steps\": %zu, \"peak_bytes\": %zu, \"unshared_bytes\": %zu", m->stats.steps,
           m->stats.peak_bytes, m->stats.unshared_bytes);
    if (row->openblas > 0)
        printf(", \"openblas_ms\": %.9g, \"openblas_speed\": %.6g", row->openblas * 1e3,
               row->openblas / m->seconds);
    printf("}");
    fflush(stdout);
}

void json_end(void) { printf("\n]\n"); }

/* What scripts/compare needs to know before it starts the first workload, and about each: a line.
 */
void json_bounds(const bounds *b, const hebb_device_info *device, const char *filter) {
    printf("{\"device\": \"%s\", \"name\": \"%s\", ", device->id, device->name);
    printf("\"threads\": %d, \"flops\": %.6g, ", b->threads, b->flops);
    printf("\"copy_bytes\": %.6g, \"read_bytes\": %.6g, \"bounds_ms\": {", b->copy_bytes,
           b->read_bytes);
    const workload *w;
    bool first = true;
    for (size_t i = 0; (w = workload_at(i)) != NULL; i++) {
        if (strstr(workload_name(w), filter) == NULL) continue;
        const work least = workload_work(w);
        printf("%s\"%s\": %.9g", first ? "" : ", ", workload_name(w),
               bounds_seconds(b, &least) * 1e3);
        first = false;
    }
    printf("}}\n");
    fflush(stdout);
}
