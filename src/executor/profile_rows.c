/* Equal steps added up: same name, shapes, solver and work, within the same scan. Two scans of as
   many times differ in their work. */
#include <stdlib.h>
#include <string.h>

#include "profile_parts.h"

typedef struct row {
    hebb_profile_row shown;
    hb_text text;         /* name, shapes and solver, each with its end */
    const hb_step *steps; /* those that were found last in this run: a short cut */
    double flops, bytes;  /* of a single time */
    int parent;           /* -1: none */
} row;

struct hb_rows {
    row *row;
    int n, room;
    bool lost;
};

hb_rows *hb_rows_create(void) { return calloc(1, sizeof(hb_rows)); }

void hb_rows_destroy(hb_rows *rows) {
    if (rows == NULL) return;
    for (int k = 0; k < rows->n; k++) free(rows->row[k].text.at);
    free(rows->row);
    free(rows);
}

size_t hb_rows_count(const hb_rows *rows) { return (size_t)rows->n; }

/* Takes the text over, if it can; -1 if memory is out. */
static int make(hb_rows *rows, const hb_text *text, const hb_timed *timed, int parent) {
    if (rows->n == rows->room) {
        const int room = 2 * rows->room + 16;
        row *larger = realloc(rows->row, (size_t)room * sizeof *larger);
        if (larger == NULL) return -1;
        rows->row = larger;
        rows->room = room;
    }
    row *made = &rows->row[rows->n];
    *made = (row){.text = *text,
                  .flops = hb_timed_flops(timed),
                  .bytes = hb_timed_bytes(timed),
                  .parent = parent};
    made->shown.depth = parent >= 0 ? rows->row[parent].shown.depth + 1 : 0;
    made->shown.name = text->at;
    made->shown.shapes = made->shown.name + strlen(made->shown.name) + 1;
    made->shown.solver = made->shown.shapes + strlen(made->shown.shapes) + 1;
    return rows->n++;
}

static int find_equal(const hb_rows *rows, const hb_text *text, const hb_timed *timed, int parent) {
    const double flops = hb_timed_flops(timed), bytes = hb_timed_bytes(timed);
    for (int k = 0; k < rows->n; k++) {
        const row *one = &rows->row[k];
        if (one->parent == parent && one->flops == flops && one->bytes == bytes &&
            one->text.length == text->length && memcmp(one->text.at, text->at, text->length) == 0)
            return k;
    }
    return -1;
}

int hb_rows_find(hb_rows *rows, const hb_timed *timed, int parent) {
    for (int k = 0; k < rows->n; k++)
        if (rows->row[k].steps == timed->steps && rows->row[k].parent == parent) return k;
    hb_text text = {0};
    hb_text_add_name(&text, timed);
    hb_text_add(&text, "%c", 0);
    hb_text_add_shapes(&text, timed->steps);
    hb_text_add(&text, "%c%s%c", 0, timed->solver, 0);
    int found = text.lost ? -1 : find_equal(rows, &text, timed, parent);
    const int made = text.lost || found >= 0 ? -1 : make(rows, &text, timed, parent);
    if (made < 0) free(text.at);
    else found = made;
    if (found < 0) rows->lost = true;
    else rows->row[found].steps = timed->steps;
    return found;
}

void hb_rows_add(hb_rows *rows, int index, const hb_timed *timed) {
    if (index < 0) return;
    hebb_profile_row *shown = &rows->row[index].shown;
    shown->count++;
    shown->seconds += 1e-6 * timed->took;
    shown->flops += rows->row[index].flops;
    shown->bytes += rows->row[index].bytes;
}

hebb_status hb_rows_flush(hb_rows *rows, hb_error *error) {
    for (int k = 0; k < rows->n; k++) rows->row[k].steps = NULL;
    return rows->lost ? hb_fail_memory(error, "a profile", (size_t)rows->room * sizeof(row))
                      : HEBB_OK;
}

/* ---- the order ---- */

/* Of two rows of one parent. */
static bool before(const hb_rows *rows, int a, int b) {
    const double x = rows->row[a].shown.seconds, y = rows->row[b].shown.seconds;
    return x > y || (x == y && a < b);
}

/* The ancestor of row k at that depth. */
static int ancestor(const hb_rows *rows, int k, int depth) {
    while (rows->row[k].shown.depth > depth) k = rows->row[k].parent;
    return k;
}

static bool shown_before(const hb_rows *rows, int a, int b) {
    for (int depth = 0;; depth++) {
        const int x = ancestor(rows, a, depth), y = ancestor(rows, b, depth);
        if (x != y) return before(rows, x, y);
        if (x == a || y == b) return x == a && a != b;
    }
}

hebb_profile_row hb_rows_at(const hb_rows *rows, size_t index) {
    for (int k = 0; k < rows->n; k++) {
        size_t place = 0;
        for (int j = 0; j < rows->n; j++) place += shown_before(rows, j, k);
        if (place == index) return rows->row[k].shown;
    }
    return (hebb_profile_row){0};
}
