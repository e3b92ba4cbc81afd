/* Lists of strings (hebb/io.h). */
#include <stdlib.h>
#include <string.h>

#include "names.h"

void hebb_names_free(hebb_names *names) {
    if (names == NULL) return;
    for (size_t k = 0; k < names->count; k++) free(names->at[k]);
    free(names->at);
    *names = (hebb_names){0};
}

int64_t hebb_names_find(const hebb_names *names, const char *name) {
    for (size_t k = 0; names != NULL && name != NULL && k < names->count; k++)
        if (strcmp(names->at[k], name) == 0) return (int64_t)k;
    return -1;
}

/* The room is the next power of two, so that it need not be kept. */
bool hb_names_add(hebb_names *names, const char *text, size_t length) {
    size_t n = names->count;
    if ((n & (n - 1)) == 0) {
        char **larger = realloc(names->at, (n == 0 ? 1 : 2 * n) * sizeof *larger);
        if (larger == NULL) return false;
        names->at = larger;
    }
    char *copy = malloc(length + 1);
    if (copy == NULL) return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    names->at[names->count++] = copy;
    return true;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void hb_names_sort(hebb_names *names) {
    if (names->count > 1) qsort(names->at, names->count, sizeof *names->at, by_bytes);
}
