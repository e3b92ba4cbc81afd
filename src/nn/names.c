/* Names of the variables that layers and optimizers make: prefix/part. */
#include <stdio.h>
#include <string.h>

#include "nn.h"

static bool is_taken(const hebb_graph *graph, const char *prefix, const char *part) {
    char name[HB_NAME_SIZE];
    int length = snprintf(name, sizeof name, "%s/%s", prefix, part);
    return length < HB_NAME_SIZE && hebb_graph_find(graph, name) != NULL;
}

void hb_fresh_prefix(const hebb_graph *graph, const char *prefix, const char *const *parts, int n,
                     char fresh[HB_NAME_SIZE]) {
    snprintf(fresh, HB_NAME_SIZE, "%s", prefix);
    for (int number = 1;; number++) {
        bool taken = false;
        for (int k = 0; k < n; k++) taken = taken || is_taken(graph, fresh, parts[k]);
        if (!taken) return;
        snprintf(fresh, HB_NAME_SIZE, "%.200s_%d", prefix, number);
    }
}

hebb_status hb_part_name(hebb_graph *graph, const char *prefix, const char *part,
                         char name[HB_NAME_SIZE]) {
    if (snprintf(name, HB_NAME_SIZE, "%s/%s", prefix, part) < HB_NAME_SIZE) return HEBB_OK;
    char message[160];
    snprintf(message, sizeof message, "the name \"%.60s.../%.30s\" is longer than %d characters",
             prefix, part, HB_NAME_SIZE - 1);
    hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    return HEBB_E_ARGUMENT;
}
