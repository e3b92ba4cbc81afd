/* Legends of plots: what there is to be told apart. */
#include "plot.h"

/* The numbers of the classes that occur: negative ones are one. */
static size_t classes_of(const plot_item *item, bool *seen, size_t room, bool *unknown) {
    size_t n = 0;
    for (size_t k = 0; k < item->n; k++) {
        int32_t c = item->classes[k];
        if (c < 0) *unknown = true;
        else if ((size_t)c < room) seen[c] = true;
    }
    for (size_t k = 0; k < room; k++) n += seen[k];
    return n;
}

static size_t add_classes(const plot_item *item, legend_entry *entries, size_t n, size_t room) {
    bool seen[HB_MOST_ENTRIES] = {0}, unknown = false;
    if (classes_of(item, seen, HB_MOST_ENTRIES, &unknown) == 0) return n;
    for (int c = 0; c < HB_MOST_ENTRIES && n < room; c++) {
        if (!seen[c]) continue;
        legend_entry *e = &entries[n];
        *e = (legend_entry){.item = item, .color = c, .shown = hb_class_color(c)};
        snprintf(e->number, sizeof e->number, "%d", c);
        if ((size_t)c < item->n_names) e->name = item->names[c];
        n += (size_t)c < item->n_names ? e->name != NULL : 1;
    }
    return n;
}

size_t hb_legend_of(const plot_panel *panel, legend_entry *entries, size_t room) {
    size_t n = 0;
    for (size_t k = 0; k < panel->n_items && n < room; k++) {
        const plot_item *item = &panel->items[k];
        if (item->kind == ITEM_POINTS && item->classes != NULL)
            n = add_classes(item, entries, n, room);
        else if (item->name != NULL)
            entries[n++] = (legend_entry){item->name, item, item->color, hb_item_color(item), ""};
    }
    for (size_t k = 0; k < n; k++)
        if (entries[k].name == NULL) entries[k].name = entries[k].number;
    return n;
}
