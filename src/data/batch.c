/* Makes one batch: gathers rows, applies transforms (hebb/transform.h). Runs on the thread of
   prefetch.c where there is one, and touches nothing but the slot, the scratch memory and the
   failure that it is given. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <Random123/philox.h>

#include "batches.h"

/* Sets these draws apart from those of an epoch's order and of a session with the same seed. */
#define TRANSFORM_STREAM 0x61756700u

/* What a transform's batch reaches through reserved_. */
typedef struct maker {
    hebb_batches *batches;
    failure *failure;
    uint32_t place; /* of the transform in its list */
} maker;

/* ---- slots ---- */

hebb_status hb_slot_init(slot *s, const hebb_batches *b) {
    int64_t most = b->rows < b->batch ? b->rows : b->batch;
    s->columns = calloc(b->n_sources, sizeof *s->columns);
    s->rows = malloc((size_t)(most + 1) * sizeof *s->rows);
    if (s->columns == NULL || s->rows == NULL) return HEBB_E_MEMORY;
    for (size_t k = 0; k < b->n_sources; k++) {
        hebb_shape shape = b->sources[k].array.shape;
        shape.dim[0] = most;
        hebb_status status = hebb_array_resize(&s->columns[k], b->sources[k].array.dtype, shape);
        if (status != HEBB_OK) return status;
    }
    return HEBB_OK;
}

void hb_slot_free(slot *s, size_t n_sources) {
    for (size_t k = 0; s->columns != NULL && k < n_sources; k++) hebb_array_free(&s->columns[k]);
    free(s->columns);
    free(s->rows);
}

/* ---- gathering ---- */

static hebb_status gather(const hebb_batches *b, slot *to) {
    for (size_t k = 0; k < b->n_sources; k++) {
        const source *s = &b->sources[k];
        hebb_shape shape = s->array.shape;
        shape.dim[0] = to->count;
        hebb_status status = hebb_array_resize(&to->columns[k], s->array.dtype, shape);
        if (status != HEBB_OK) return status;
        char *at = to->columns[k].data;
        for (int64_t i = 0; s->row_bytes > 0 && i < to->count; i++, at += s->row_bytes)
            memcpy(at, (const char *)s->array.data + (size_t)to->rows[i] * s->row_bytes,
                   s->row_bytes);
    }
    return HEBB_OK;
}

/* ---- transforms ---- */

hebb_status hebb_batch_fail(hebb_batch *batch, hebb_status status, const char *message) {
    if (batch == NULL || batch->reserved_ == NULL) return HEBB_E_NULL;
    failure *f = ((maker *)batch->reserved_)->failure;
    f->status = status;
    snprintf(f->message, sizeof f->message, "%s", message == NULL ? "" : message);
    return status;
}

void *hebb_batch_scratch(hebb_batch *batch, size_t bytes) {
    if (batch == NULL || batch->reserved_ == NULL || bytes > PTRDIFF_MAX) return NULL;
    hebb_array *scratch = &((maker *)batch->reserved_)->batches->scratch;
    return hebb_array_resize(scratch, HEBB_U8, HEBB_SHAPE((int64_t)bytes)) == HEBB_OK
               ? scratch->data
               : NULL;
}

double hebb_batch_uniform(const hebb_batch *batch, int64_t example, uint32_t draw) {
    if (batch == NULL || batch->reserved_ == NULL || example < 0 || example >= batch->examples)
        return NAN;
    const maker *m = batch->reserved_;
    uint64_t seed = m->batches->seed, row = (uint64_t)batch->rows[example], epoch = batch->epoch;
    /* An epoch has fewer than 2^40 rows, a list fewer than 2^8 transforms, training fewer than 2^32
       epochs; four draws share a block. */
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{(uint32_t)row, (uint32_t)epoch, m->place << 24 | draw >> 2,
                                 TRANSFORM_STREAM ^ (uint32_t)(row >> 32)}};
    return (double)philox4x32(counter, key).v[draw & 3] * 0x1p-32;
}

/* What a transform left must still be a batch. */
static hebb_status check_columns(hebb_batch *batch) {
    char text[128], words[256];
    for (size_t k = 0; k < batch->count; k++) {
        const hebb_array *column = &batch->columns[k];
        if (hebb_array_count(column) >= 0 && column->shape.rank > 0 &&
            column->shape.dim[0] == batch->examples &&
            (column->data != NULL || hebb_array_count(column) == 0))
            continue;
        snprintf(words, sizeof words, "it left %s for %lld examples in column %zu",
                 hebb_shape_text(column->shape, text, sizeof text), (long long)batch->examples, k);
        return hebb_batch_fail(batch, HEBB_E_SHAPE, words);
    }
    return HEBB_OK;
}

/* "epoch 2, batch 5: random_flip: ...", counted from 1 as progress is. */
static void say_where(failure *f, const hebb_batch *batch, const char *name) {
    char words[sizeof f->message];
    snprintf(words, sizeof words, "epoch %llu, batch %lld: %.60s%s",
             (unsigned long long)batch->epoch + 1, (long long)batch->number + 1,
             name == NULL ? "a transform" : name, f->message[0] == '\0' ? " failed" : ": ");
    size_t used = strlen(words);
    snprintf(words + used, sizeof words - used, "%.400s", f->message);
    memcpy(f->message, words, sizeof words);
}

static hebb_status apply(maker *m, hebb_batch *batch) {
    failure *f = m->failure;
    for (int k = 0; k < m->batches->n_transforms; k++) {
        const hebb_transform *t = &m->batches->transforms[k];
        m->place = (uint32_t)k;
        f->message[0] = '\0';
        hebb_status status = t->apply(t, batch);
        if (status == HEBB_OK) status = check_columns(batch);
        if (status == HEBB_OK) continue;
        f->status = status;
        say_where(f, batch, t->name);
        return status;
    }
    return HEBB_OK;
}

hebb_status hb_batch_make(hebb_batches *b, int64_t number, slot *to, failure *f) {
    int64_t first = number * b->batch, left = b->used - first;
    to->count = left < b->batch ? left : b->batch;
    for (int64_t i = 0; i < to->count; i++)
        to->rows[i] = b->order != NULL ? b->order[first + i] : first + i;
    f->status = gather(b, to);
    if (f->status != HEBB_OK) {
        snprintf(f->message, sizeof f->message, "out of memory: a batch");
        return f->status;
    }
    maker m = {.batches = b, .failure = f};
    hebb_batch batch = {.columns = to->columns,
                        .count = b->n_sources,
                        .examples = to->count,
                        .rows = to->rows,
                        .epoch = b->epoch,
                        .number = number,
                        .reserved_ = &m};
    return apply(&m, &batch);
}
