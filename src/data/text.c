/* Vocabularies (hebb/text.h): tokens are cut from texts, counted in a hash table, sorted by
   frequency and found again by the same table. */
#include <stdlib.h>
#include <string.h>

#include <hebb/text.h>

typedef struct token {
    char *text;
    int64_t count;
    int32_t id; /* 0: none */
} token;

struct hebb_vocabulary {
    hebb_vocabulary_options o;
    size_t n_tokens, capacity; /* of the table, a power of two */
    token *table;              /* text NULL: free */
    int64_t size;
    const char **by_id;
};

enum { LONGEST = 255 }; /* bytes of a token; the rest of a longer word is the next token */

/* ---- cutting ---- */

static bool is_letter(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '\'' || c >= 0x80;
}

static size_t character_bytes(const unsigned char *at) {
    size_t n = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc0 ? 2 : 1;
    for (size_t k = 1; k < n; k++)
        if ((at[k] & 0xc0) != 0x80) return 1;
    return n;
}

/* Copies the next token and moves on; false at the end. */
static bool next_token(const hebb_vocabulary *v, const char **text, char out[LONGEST + 1]) {
    const unsigned char *at = (const unsigned char *)*text;
    size_t n = 0;
    if (!v->o.characters)
        while (*at == ' ' || (*at >= '\t' && *at <= '\r')) at++;
    if (*at == 0) return false;
    if (v->o.characters) n = character_bytes(at);
    else
        while (is_letter(at[n]) && n < LONGEST) n++;
    if (n == 0) n = 1; /* punctuation */
    memcpy(out, at, n);
    out[n] = 0;
    for (size_t k = 0; k < n && !v->o.keep_case && !v->o.characters; k++)
        if (out[k] >= 'A' && out[k] <= 'Z') out[k] = (char)(out[k] + 'a' - 'A');
    *text = (const char *)at + n;
    return true;
}

/* ---- the table ---- */

static size_t hash(const char *text) { /* FNV-1a */
    uint64_t h = 14695981039346656037u;
    for (; *text != 0; text++) h = (h ^ (unsigned char)*text) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static token *find(const token *table, size_t capacity, const char *text) {
    size_t at = hash(text) & (capacity - 1);
    while (table[at].text != NULL && strcmp(table[at].text, text) != 0)
        at = (at + 1) & (capacity - 1);
    return (token *)&table[at];
}

static bool grow(hebb_vocabulary *v) {
    size_t capacity = v->capacity == 0 ? 256 : 2 * v->capacity;
    token *table = calloc(capacity, sizeof *table);
    if (table == NULL) return false;
    for (size_t k = 0; k < v->capacity; k++)
        if (v->table[k].text != NULL) *find(table, capacity, v->table[k].text) = v->table[k];
    free(v->table);
    v->table = table;
    v->capacity = capacity;
    return true;
}

/* The token's place in the table, made if it is new; NULL if memory is out. */
static token *enter(hebb_vocabulary *v, const char *text) {
    if (2 * (v->n_tokens + 1) > v->capacity && !grow(v)) return NULL;
    token *t = find(v->table, v->capacity, text);
    if (t->text != NULL) return t;
    t->text = strdup(text);
    if (t->text == NULL) return NULL;
    v->n_tokens++;
    return t;
}

static bool count(hebb_vocabulary *v, const char *text) {
    char one[LONGEST + 1];
    while (next_token(v, &text, one)) {
        token *t = enter(v, one);
        if (t == NULL) return false;
        t->count++;
    }
    return true;
}

static int by_frequency(const void *a, const void *b) {
    const token *x = *(token *const *)a, *y = *(token *const *)b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

/* Room for n tokens, and the two that every vocabulary has. */
static bool begin_numbers(hebb_vocabulary *v, size_t n) {
    v->by_id = calloc(n + 2, sizeof *v->by_id);
    if (v->by_id == NULL) return false;
    v->by_id[0] = "";
    v->by_id[1] = "[UNK]";
    v->size = 2;
    return true;
}

static bool number(hebb_vocabulary *v) {
    token **order = malloc((v->n_tokens + 1) * sizeof *order);
    size_t n = 0;
    if (order == NULL || !begin_numbers(v, v->n_tokens)) {
        free(order);
        return false;
    }
    for (size_t k = 0; k < v->capacity; k++)
        if (v->table[k].text != NULL) order[n++] = &v->table[k];
    qsort(order, n, sizeof *order, by_frequency);
    for (size_t k = 0; k < n; k++) {
        if (order[k]->count < v->o.least || (v->o.most > 0 && v->size >= v->o.most)) break;
        order[k]->id = (int32_t)v->size;
        v->by_id[v->size++] = order[k]->text;
    }
    free(order);
    return true;
}

/* Every text has a number, repeated ones too: what follows them keeps its own. */
static bool take_tokens(hebb_vocabulary *v, const char *const *texts, size_t n) {
    if (!begin_numbers(v, n)) return false;
    for (size_t k = 0; k < n && texts != NULL && (v->o.most <= 0 || v->size < v->o.most); k++) {
        token *t = enter(v, texts[k] != NULL ? texts[k] : "");
        if (t == NULL) return false;
        if (t->id == 0) t->id = (int32_t)v->size;
        v->by_id[v->size++] = t->text;
    }
    return true;
}

static bool count_all(hebb_vocabulary *v, const char *const *texts, size_t n) {
    for (size_t k = 0; k < n && texts != NULL; k++)
        if (texts[k] != NULL && !count(v, texts[k])) return false;
    return number(v);
}

hebb_vocabulary *hebb_vocabulary_create_with(const char *const *texts, size_t n,
                                             const hebb_vocabulary_options *options) {
    hebb_vocabulary *v = calloc(1, sizeof *v);
    if (v == NULL) return NULL;
    if (options != NULL) v->o = *options;
    if (grow(v) && (v->o.tokens ? take_tokens(v, texts, n) : count_all(v, texts, n))) return v;
    hebb_vocabulary_destroy(v);
    return NULL;
}

void hebb_vocabulary_destroy(hebb_vocabulary *v) {
    if (v == NULL) return;
    for (size_t k = 0; k < v->capacity; k++) free(v->table[k].text);
    free(v->table);
    free(v->by_id);
    free(v);
}

/* ---- looking ---- */

hebb_vocabulary_options hebb_vocabulary_made_with(const hebb_vocabulary *v) {
    return v == NULL ? (hebb_vocabulary_options){0} : v->o;
}

int64_t hebb_vocabulary_size(const hebb_vocabulary *v) { return v == NULL ? 0 : v->size; }

const char *hebb_vocabulary_token(const hebb_vocabulary *v, int32_t id) {
    return v == NULL || id < 0 || id >= v->size ? "" : v->by_id[id];
}

int32_t hebb_vocabulary_id(const hebb_vocabulary *v, const char *text) {
    if (v == NULL || text == NULL) return 1;
    const token *t = find(v->table, v->capacity, text);
    return t->text == NULL || t->id == 0 ? 1 : t->id;
}

int64_t hebb_vocabulary_encode(const hebb_vocabulary *v, const char *text, int32_t *ids,
                               int64_t room) {
    char one[LONGEST + 1];
    int64_t n = 0;
    if (v == NULL || text == NULL) return 0;
    for (; next_token(v, &text, one); n++)
        if (n < room && ids != NULL) ids[n] = hebb_vocabulary_id(v, one);
    return n;
}

/* Whether words a and b stand apart. Quotes do, as it is not known which side they belong to. */
static bool is_apart(const char *a, const char *b) {
    if (*a == '\0' || (a[1] == '\0' && strchr("([{", *a) != NULL)) return false;
    return b[1] != '\0' || strchr(".,;:!?)]}%", *b) == NULL;
}

int64_t hebb_vocabulary_decode(const hebb_vocabulary *v, const int32_t *ids, int64_t n, char *text,
                               size_t size) {
    size_t whole = 0, written = 0;
    const char *before = "";
    for (int64_t k = 0; v != NULL && ids != NULL && k < n; k++) {
        const char *one = hebb_vocabulary_token(v, ids[k]);
        if (*one == '\0') continue;
        size_t space = !v->o.characters && is_apart(before, one), length = strlen(one) + space;
        if (text != NULL && written == whole && length < size - written) {
            if (space) text[written] = ' ';
            memcpy(text + written + space, one, length - space);
            written += length;
        }
        whole += length;
        before = one;
    }
    if (text != NULL && size > 0) text[written] = '\0';
    return (int64_t)whole;
}

hebb_status hebb_vocabulary_encode_all(const hebb_vocabulary *v, const char *const *texts, size_t n,
                                       int64_t length, hebb_array *rows) {
    if (v == NULL || rows == NULL || (texts == NULL && n > 0)) return HEBB_E_NULL;
    if (length < 1) return HEBB_E_ARGUMENT;
    hebb_status status = hebb_array_resize(rows, HEBB_I32, HEBB_SHAPE((int64_t)n, length));
    if (status != HEBB_OK) return status;
    if (n > 0) memset(rows->data, 0, hebb_array_bytes(rows));
    for (size_t k = 0; k < n; k++)
        hebb_vocabulary_encode(v, texts[k], (int32_t *)rows->data + (int64_t)k * length, length);
    return HEBB_OK;
}
