/* The space of a search (hebb/search.h): its parameters, the grid over them, and random draws. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <Random123/philox.h>

#include "search.h"

/* ---- numbers as text ---- */

const char *hb_number_text(double number, char text[HB_NUMBER_SIZE]) {
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, HB_NUMBER_SIZE, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    return text;
}

const char *hb_value_text(const parameter *p, double value, char text[HB_NUMBER_SIZE]) {
    if (p->kind == HEBB_SEARCH_TEXT) return p->texts[(size_t)value];
    return hb_number_text(value, text);
}

bool hb_value_read(const parameter *p, const char *text, double *value) {
    bool one_of = p->kind == HEBB_SEARCH_CHOICE || p->kind == HEBB_SEARCH_TEXT;
    char *end;
    *value = strtod(text, &end);
    bool number = end != text && *end == 0;
    for (size_t k = 0; one_of && k < p->count; k++) {
        bool same =
            p->texts != NULL ? strcmp(p->texts[k], text) == 0 : number && p->values[k] == *value;
        if (same) *value = p->texts != NULL ? (double)k : p->values[k];
        if (same) return true;
    }
    if (one_of || !number || !(*value >= p->low && *value <= p->high)) return false;
    return p->kind != HEBB_SEARCH_INTEGER || *value == floor(*value);
}

/* ---- copies ---- */

static hebb_status bad(hebb_search *s, const hebb_parameter *p, const char *what) {
    return hb_search_fail(s, HEBB_E_ARGUMENT, "search: the parameter %s %s", p->name, what);
}

static hebb_status check_list(hebb_search *s, const hebb_parameter *p) {
    bool texts = p->kind == HEBB_SEARCH_TEXT;
    if (p->count == 0 || (texts ? (const void *)p->texts : (const void *)p->values) == NULL)
        return bad(s, p, "has nothing to choose from");
    for (size_t k = 0; k < p->count; k++) {
        if (texts ? p->texts[k] == NULL || *p->texts[k] == 0 : !isfinite(p->values[k]))
            return bad(s, p, texts ? "has an empty text" : "has a value that is not finite");
        for (size_t i = 0; i < k; i++)
            if (texts ? strcmp(p->texts[i], p->texts[k]) == 0 : p->values[i] == p->values[k])
                return bad(s, p, "has a choice twice");
    }
    return HEBB_OK;
}

static hebb_status check_range(hebb_search *s, const hebb_parameter *p) {
    if (!isfinite(p->low) || !isfinite(p->high) || p->low > p->high)
        return bad(s, p, "has no range from low to high");
    if (p->kind == HEBB_SEARCH_LOG_UNIFORM && p->low <= 0)
        return bad(s, p, "is log-uniform, which wants a range above 0");
    if (p->kind == HEBB_SEARCH_INTEGER && (p->low != floor(p->low) || p->high != floor(p->high) ||
                                           fabs(p->low) > 0x1p53 || fabs(p->high) > 0x1p53))
        return bad(s, p, "is an integer, which wants whole numbers below 2^53");
    if (p->points < 0 || p->points == 1) return bad(s, p, "wants 2 points in a grid, or more");
    return HEBB_OK;
}

/* Names are a file's first line, and must differ from the other columns'. */
static hebb_status check_name(hebb_search *s, const hebb_parameter *list, int index) {
    static const char *const taken[] = {"trial",  "status", "score",   "deviation",
                                        "scores", "seed",   "seconds", "message"};
    const char *name = list[index].name;
    if (name == NULL)
        return hb_search_fail(s, HEBB_E_NULL, "search: parameter %d has no name", index);
    bool fine = *name != 0 && strpbrk(name, ",\"\r\n") == NULL;
    for (size_t k = 0; k < sizeof taken / sizeof *taken; k++)
        fine = fine && strcmp(taken[k], name) != 0;
    for (int k = 0; k < index; k++) fine = fine && strcmp(list[k].name, name) != 0;
    if (fine) return HEBB_OK;
    return hb_search_fail(s, HEBB_E_ARGUMENT, "search: \"%s\" is no name of a parameter, or taken",
                          name);
}

static bool copy_lists(parameter *to, const hebb_parameter *from) {
    if (from->kind == HEBB_SEARCH_CHOICE) {
        to->values = calloc(from->count, sizeof *to->values);
        if (to->values == NULL) return false;
        memcpy(to->values, from->values, from->count * sizeof *to->values);
    }
    if (from->kind == HEBB_SEARCH_TEXT) {
        to->texts = calloc(from->count, sizeof *to->texts);
        if (to->texts == NULL) return false;
    }
    to->count = from->count;
    for (size_t k = 0; to->texts != NULL && k < to->count; k++)
        if ((to->texts[k] = strdup(from->texts[k])) == NULL) return false;
    return true;
}

hebb_status hb_space_copy(hebb_search *s, hebb_parameter_list list) {
    if (list.count < 1 || list.at == NULL)
        return hb_search_fail(s, HEBB_E_ARGUMENT, "search: there are no parameters");
    s->parameters = calloc((size_t)list.count, sizeof *s->parameters);
    if (s->parameters == NULL) return hb_search_fail(s, HEBB_E_MEMORY, "search: out of memory");
    s->n_parameters = (size_t)list.count;
    for (int k = 0; k < list.count; k++) {
        const hebb_parameter *from = &list.at[k];
        parameter *to = &s->parameters[k];
        hebb_status status = check_name(s, list.at, k);
        if (status != HEBB_OK) return status;
        if (from->kind > HEBB_SEARCH_INTEGER) return bad(s, from, "is of no kind");
        bool one_of = from->kind == HEBB_SEARCH_CHOICE || from->kind == HEBB_SEARCH_TEXT;
        status = one_of ? check_list(s, from) : check_range(s, from);
        if (status != HEBB_OK) return status;
        to->kind = from->kind;
        to->low = from->low;
        to->high = from->high;
        to->points = from->points;
        to->name = strdup(from->name);
        if (to->name == NULL || !copy_lists(to, from))
            return hb_search_fail(s, HEBB_E_MEMORY, "search: out of memory");
    }
    return HEBB_OK;
}

void hb_space_free(hebb_search *s) {
    for (size_t k = 0; k < s->n_parameters; k++) {
        parameter *p = &s->parameters[k];
        for (size_t i = 0; p->texts != NULL && i < p->count; i++) free(p->texts[i]);
        free(p->name);
        free(p->values);
        free(p->texts);
    }
    free(s->parameters);
}

/* ---- the grid ---- */

static double points_of(const parameter *p) {
    if (p->kind == HEBB_SEARCH_CHOICE || p->kind == HEBB_SEARCH_TEXT) return (double)p->count;
    if (p->low == p->high) return 1;
    double whole = p->high - p->low + 1, wanted = (double)p->points;
    if (p->kind != HEBB_SEARCH_INTEGER) return wanted == 0 ? 3 : wanted;
    return wanted == 0 || wanted > whole ? whole : wanted;
}

int64_t hb_grid_size(const hebb_search *s) {
    double size = 1;
    for (size_t k = 0; k < s->n_parameters; k++) size *= points_of(&s->parameters[k]);
    return size > 0x1p53 ? -1 : (int64_t)size;
}

/* Where `share`, 0 to 1, of the range is. */
static double at_share(const parameter *p, double share) {
    char text[HB_NUMBER_SIZE];
    double value = p->low + share * (p->high - p->low);
    if (p->kind == HEBB_SEARCH_INTEGER) return floor(value + 0.5);
    if (p->kind == HEBB_SEARCH_LOG_UNIFORM) value = p->low * pow(p->high / p->low, share);
    snprintf(text, sizeof text, "%.6g", value);
    value = strtod(text, NULL);
    return value < p->low ? p->low : value > p->high ? p->high : value;
}

/* The last parameter changes fastest. */
void hb_grid_values(const hebb_search *s, int64_t index, double *values) {
    for (size_t k = s->n_parameters; k-- > 0;) {
        const parameter *p = &s->parameters[k];
        int64_t points = (int64_t)points_of(p), at = index % points;
        index /= points;
        if (p->kind == HEBB_SEARCH_TEXT) values[k] = (double)at;
        else if (p->kind == HEBB_SEARCH_CHOICE) values[k] = p->values[at];
        else values[k] = points == 1 ? p->low : at_share(p, (double)at / (double)(points - 1));
    }
}

/* ---- random draws ---- */

/* Sets these draws apart from those of sessions and batches, which may have the same seed. */
#define SEARCH_STREAM 0x73726368u

/* Uniform in [0, 1): a function of the seed and the place alone. */
static double draw(uint64_t seed, int64_t trial, int64_t attempt, size_t k) {
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t at = {{(uint32_t)k, SEARCH_STREAM, (uint32_t)trial, (uint32_t)attempt}};
    philox4x32_ctr_t bits = philox4x32(at, key);
    return (double)(((uint64_t)bits.v[1] << 32 | bits.v[0]) >> 11) * 0x1p-53;
}

void hb_draw_values(const hebb_search *s, int64_t trial, int64_t attempt, double *values) {
    for (size_t k = 0; k < s->n_parameters; k++) {
        const parameter *p = &s->parameters[k];
        double u = draw(s->options.seed, trial, attempt, k);
        size_t chosen = (size_t)(u * (double)p->count);
        if (p->kind == HEBB_SEARCH_TEXT) values[k] = (double)chosen;
        else if (p->kind == HEBB_SEARCH_CHOICE) values[k] = p->values[chosen];
        else if (p->kind == HEBB_SEARCH_INTEGER)
            values[k] = fmin(p->low + floor(u * (p->high - p->low + 1)), p->high);
        else values[k] = at_share(p, u);
    }
}
