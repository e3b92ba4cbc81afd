/* What hebb_fit() logged, by name. */
#include <stdlib.h>
#include <string.h>

#include "train.h"

void hb_history_clear(hebb_model *m) {
    for (size_t k = 0; k < m->n_history; k++) {
        free(m->history[k].name);
        free(m->history[k].values);
    }
    free(m->history);
    m->history = NULL;
    m->n_history = 0;
}

static series *find(const hebb_model *m, const char *name) {
    for (size_t k = 0; k < m->n_history; k++)
        if (strcmp(m->history[k].name, name) == 0) return &m->history[k];
    return NULL;
}

static series *add(hebb_model *m, const char *name) {
    series *grown = realloc(m->history, (m->n_history + 1) * sizeof *grown);
    if (grown == NULL) return NULL;
    m->history = grown;
    grown[m->n_history] = (series){.name = strdup(name)};
    return grown[m->n_history].name == NULL ? NULL : &grown[m->n_history++];
}

hebb_status hb_history_add(hebb_model *m, const char *name, double value) {
    series *one = find(m, name);
    if (one == NULL) one = add(m, name);
    if (one != NULL && one->count == one->room) {
        size_t room = one->room == 0 ? 16 : 2 * one->room;
        double *values = realloc(one->values, room * sizeof *values);
        if (values != NULL) {
            one->values = values;
            one->room = room;
        } else one = NULL;
    }
    if (one == NULL) return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: the history");
    one->values[one->count++] = value;
    return HEBB_OK;
}

const double *hebb_history(const hebb_model *m, const char *name, size_t *epochs) {
    const series *one = m != NULL && name != NULL ? find(m, name) : NULL;
    if (epochs != NULL) *epochs = one == NULL ? 0 : one->count;
    return one == NULL ? NULL : one->values;
}

const char *hebb_history_name(const hebb_model *m, size_t index) {
    return m != NULL && index < m->n_history ? m->history[index].name : NULL;
}
