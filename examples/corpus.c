/* A text as rows of characters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corpus.h"

/* Rows of `length` characters, one after the other, and what comes next at each place. */
static bool cut(const int32_t *ids, int64_t count, int64_t length, hebb_array rows[2]) {
    int64_t n = (count - 1) / length;
    if (n < 1) return false;
    for (int k = 0; k < 2; k++) {
        if (hebb_array_resize(&rows[k], HEBB_I32, HEBB_SHAPE(n, length)) != HEBB_OK) return false;
        memcpy(rows[k].data, ids + k, (size_t)(n * length) * sizeof *ids);
    }
    return true;
}

bool read_corpus(const char *path, int64_t length, corpus *c) {
    char message[512];
    if (hebb_read_text(path, &c->text, NULL, message, sizeof message) != HEBB_OK) {
        fprintf(stderr, "%s\n", message);
        return false;
    }
    c->vocabulary = hebb_vocabulary_create((const char *const[]){c->text}, 1, .characters = true);
    int64_t count = hebb_vocabulary_encode(c->vocabulary, c->text, NULL, 0);
    int32_t *ids = malloc(((size_t)count + 1) * sizeof *ids);
    bool fine = ids != NULL;
    if (fine) hebb_vocabulary_encode(c->vocabulary, c->text, ids, count);
    int64_t learn = count * 9 / 10;
    fine = fine && cut(ids, learn, length, c->learn) &&
           cut(ids + learn, count - learn, length, c->check);
    free(ids);
    if (fine)
        printf("%lld characters, %lld different ones\n", (long long)count,
               (long long)hebb_vocabulary_size(c->vocabulary) - 2);
    else fprintf(stderr, "%s: too short for rows of %lld characters\n", path, (long long)length);
    return fine;
}

void free_corpus(corpus *c) {
    for (int k = 0; k < 2; k++) {
        hebb_array_free(&c->learn[k]);
        hebb_array_free(&c->check[k]);
    }
    hebb_vocabulary_destroy(c->vocabulary);
    free(c->text);
}
