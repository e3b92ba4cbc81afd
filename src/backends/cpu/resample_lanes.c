/* Tables of RESAMPLE along the last axis whose rows, single elements, are made a vector at a time
   with shuffles. Made for resample.c; resample_kernel.c runs them. */
#include <stdlib.h>
#include <string.h>

#include "resample_lanes.h"

typedef struct maker {
    const hb_resample_table *table;
    hb_cpu_lanes *lanes;
    int64_t n, width; /* elements of a line; of a vector */
    hebb_dtype dtype;
} maker;

/* Entry k of a result; after its last one, that again. */
static int32_t entry_of(const hb_resample_table *t, int64_t row, int64_t k) {
    const int32_t last = t->first[row + 1] - 1;
    return (int32_t)hb_min(t->first[row] + k, last);
}

static int64_t first_row(const maker *m, int64_t group) {
    return hb_min(group * m->width, m->lanes->m - m->width);
}

static int64_t terms_of(const maker *m, int64_t group) {
    int64_t terms = 0;
    for (int64_t i = 0; i < m->width; i++) {
        const int32_t *first = m->table->first + first_row(m, group) + i;
        if (first[1] == first[0]) return -1;
        terms = hb_max(terms, first[1] - first[0]);
    }
    return terms;
}

/* Where two vectors begin that have all elements of a term; -1 if there are none. */
static int64_t begin_of(const maker *m, int64_t row, int64_t k) {
    int64_t least = INT64_MAX, most = 0;
    for (int64_t i = 0; i < m->width; i++) {
        const int64_t place = m->table->place[entry_of(m->table, row + i, k)];
        least = hb_min(least, place);
        most = hb_max(most, place);
    }
    if (most - least >= 2 * m->width) return -1;
    return hb_max(hb_min(least, m->n - 2 * m->width), 0);
}

static void put_term(const maker *m, int64_t row, int64_t k, int64_t term) {
    const hb_resample_table *t = m->table;
    for (int64_t i = 0; i < m->width; i++) {
        const int32_t e = entry_of(t, row + i, k);
        const int64_t pick = t->place[e] - m->lanes->from[term], at = term * m->width + i;
        const bool absent = t->first[row + i] + k > e;
        if (m->dtype == HEBB_F64) {
            ((int64_t *)m->lanes->pick)[at] = pick;
            ((double *)m->lanes->weight)[at] = absent ? 0 : ((const double *)t->weight)[e];
        } else {
            ((int32_t *)m->lanes->pick)[at] = (int32_t)pick;
            ((float *)m->lanes->weight)[at] = absent ? 0 : ((const float *)t->weight)[e];
        }
    }
}

static bool allocate(const maker *m, int64_t terms) {
    hb_cpu_lanes *l = m->lanes;
    const size_t bytes = (size_t)(terms * m->width) * hebb_dtype_size(m->dtype);
    l->first = calloc((size_t)l->groups + 1, sizeof *l->first);
    l->from = calloc((size_t)terms, sizeof *l->from);
    l->pick = hb_cpu_allocate(bytes);
    l->weight = hb_cpu_allocate(bytes);
    return l->first && l->from && l->pick && l->weight;
}

static bool fill(const maker *m) {
    int32_t term = 0;
    for (int64_t g = 0; g < m->lanes->groups; g++) {
        m->lanes->first[g] = term;
        const int64_t terms = terms_of(m, g), row = first_row(m, g);
        for (int64_t k = 0; k < terms; k++, term++) {
            const int64_t begin = begin_of(m, row, k);
            if (begin < 0) return false;
            m->lanes->from[term] = (int32_t)begin;
            put_term(m, row, k, term);
        }
    }
    m->lanes->first[m->lanes->groups] = term;
    return true;
}

/* How many terms all groups have; -1 if a result has none. */
static int64_t count_terms(const maker *m) {
    int64_t terms = 0;
    for (int64_t g = 0; g < m->lanes->groups; g++) {
        const int64_t more = terms_of(m, g);
        if (more < 0) return -1;
        terms += more;
    }
    return terms;
}

bool hb_cpu_lanes_make(const hb_resample_table *table, int64_t width, hebb_dtype dtype,
                       hb_cpu_lanes *lanes) {
    *lanes = (hb_cpu_lanes){.n = table->elements,
                            .m = table->rows,
                            .groups = hb_ceil_div(table->rows, width),
                            .divisor = table->divisor};
    const maker m = {table, lanes, lanes->n, width, dtype};
    const int64_t terms = lanes->m < width ? -1 : count_terms(&m);
    if (terms >= 0 && allocate(&m, terms) && fill(&m)) return true;
    hb_cpu_lanes_free(lanes);
    return false;
}

void hb_cpu_lanes_free(hb_cpu_lanes *lanes) {
    free(lanes->first);
    free(lanes->from);
    free(lanes->pick);
    free(lanes->weight);
    *lanes = (hb_cpu_lanes){0};
}
