/* Chains' shapes, the device's collection of their code, and memory that can be executed: see
   code.h. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <stdlib.h>
#include <string.h>

#include "../loops/maker.h"
#include "code.h"
#include "shape.h"

bool hb_cpu_code_fits(const hb_cpu_planned *chain, const hb_cpu_link *links) {
    for (; chain->code != HB_CHAIN_END; chain++, links++)
        if (chain->code != links->code) return false;
    return true;
}

static bool is_compiled(hb_code code) {
    if (code == HB_LOAD || code == HB_CONST || code == HB_CAST || code == HB_SELECT) return true;
    const hb_cpu_form form = hb_cpu_form_of_code(code);
    return form.kind != HB_CPU_NOT_A_LINK && form.code != HB_CHAIN_EXP &&
           form.code != HB_CHAIN_TANH && form.code != HB_CHAIN_SIGMOID;
}

bool hb_cpu_code_is_for(const hb_device *device, const hb_loop *loop) {
    if (!device->codes) return false;
    for (int i = 0; i < loop->n_pre; i++)
        if (!is_compiled((hb_code)loop->instr[i].code)) return false;
    return true;
}

#if defined(HB_HAVE_X86_ISAS) && defined(__unix__)
#include <pthread.h>
#include <sys/mman.h>

/* ---- shapes ---- */

static hb_code_where where_of(const hb_cpu_planned *link) {
    switch (link->place) {
    case HB_CPU_NOWHERE: return HB_CODE_NOWHERE;
    case HB_CPU_AT_VIEW: return link->view.unit ? HB_CODE_MOVES : HB_CODE_STAYS;
    case HB_CPU_AT_TILE:
    case HB_CPU_AT_PRODUCT:
    case HB_CPU_AT_SUMS: return HB_CODE_MOVES;
    case HB_CPU_AT_ONE:
    case HB_CPU_AT_FIXED:
    case HB_CPU_AT_FOLD: return HB_CODE_STAYS;
    case HB_CPU_AT_STRIP: return HB_CODE_STRIP;
    }
    return HB_CODE_NOWHERE;
}

static bool is_same_view(const hb_cpu_view *a, const hb_cpu_view *b) {
    return a->buffer == b->buffer && a->size == b->size && a->offset == b->offset &&
           memcmp(a->stride, b->stride, sizeof a->stride) == 0;
}

static bool is_same_memory(const hb_cpu_planned *a, const hb_cpu_planned *b) {
    if (a->place != b->place || a->ahead != b->ahead) return false;
    switch (a->place) {
    case HB_CPU_NOWHERE: return true;
    case HB_CPU_AT_VIEW: return is_same_view(&a->view, &b->view);
    case HB_CPU_AT_FIXED: return a->fixed == b->fixed;
    default: return a->number == b->number;
    }
}

/* Returns how many links the chain has; 0 if they are too many. */
static int shape_of(const hb_cpu_planned *chain, hb_code_link *links) {
    int n = 0;
    for (; chain[n].code != HB_CHAIN_END; n++) {
        if (n == HB_CODE_MOST_LINKS) return 0;
        int same = 0;
        while (!is_same_memory(&chain[same], &chain[n])) same++;
        links[n] = (hb_code_link){
            .code = chain[n].code, .where = (uint8_t)where_of(&chain[n]), .memory = (uint16_t)same};
    }
    return n;
}

/* ---- memory ---- */

/* First written, then executed; never both at once. */
static void *executable(const hb_x86_text *text, size_t *bytes) {
    enum { PAGE = 4096 };
    *bytes = (size_t)hb_round_up((size_t)text->n, PAGE);
    void *memory = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    memcpy(memory, text->byte, (size_t)text->n);
    if (mprotect(memory, *bytes, PROT_READ | PROT_EXEC) == 0) return memory;
    munmap(memory, *bytes);
    return NULL;
}

/* ---- the collection ---- */

typedef struct entry {
    struct entry *next;
    void *memory; /* NULL: the shape is not compiled */
    size_t bytes;
    int n;
    hb_code_link links[];
} entry;

struct hb_cpu_codes {
    pthread_mutex_t lock;
    entry *first[64]; /* by the shape's hash */
};

hb_cpu_codes *hb_cpu_codes_create(const hb_cpu_isa *isa) {
    const char *wanted = getenv("HEBB_CODE");
    if (strcmp(isa->name, "avx512") != 0 || (wanted && strcmp(wanted, "0") == 0)) return NULL;
    hb_cpu_codes *codes = calloc(1, sizeof *codes);
    if (codes && pthread_mutex_init(&codes->lock, NULL) != 0) {
        free(codes);
        return NULL;
    }
    return codes;
}

void hb_cpu_codes_destroy(hb_cpu_codes *codes) {
    if (!codes) return;
    for (size_t i = 0; i < sizeof codes->first / sizeof *codes->first; i++)
        for (entry *next, *it = codes->first[i]; it; it = next) {
            next = it->next;
            if (it->memory) munmap(it->memory, it->bytes);
            free(it);
        }
    pthread_mutex_destroy(&codes->lock);
    free(codes);
}

static entry **bucket(hb_cpu_codes *codes, const hb_code_link *links, int n) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (int i = 0; i < n; i++) {
        hash = (hash ^ links[i].code) * 16777619u;
        hash = (hash ^ links[i].memory) * 16777619u;
    }
    return &codes->first[hash >> 26];
}

typedef struct workspace {
    hb_code_nodes nodes;
    hb_x86_text text;
} workspace;

static void compile(entry *it) {
    workspace *w = malloc(sizeof *w);
    if (w && hb_code_make_nodes(it->links, it->n, &w->nodes) &&
        hb_code_emit(it->links, &w->nodes, &w->text))
        it->memory = executable(&w->text, &it->bytes);
    free(w);
}

static entry *find(hb_cpu_codes *codes, const hb_code_link *links, int n) {
    const size_t bytes = (size_t)n * sizeof *links;
    entry **first = bucket(codes, links, n);
    for (entry *it = *first; it; it = it->next)
        if (it->n == n && memcmp(it->links, links, bytes) == 0) return it;
    entry *made = malloc(sizeof *made + bytes);
    if (!made) return NULL;
    *made = (entry){.next = *first, .n = n};
    memcpy(made->links, links, bytes);
    compile(made);
    *first = made;
    return made;
}

hb_cpu_code *hb_cpu_code_make(const hb_device *device, const hb_cpu_planned *chain) {
    hb_code_link links[HB_CODE_MOST_LINKS];
    const int n = device->codes ? shape_of(chain, links) : 0;
    if (n == 0) return NULL;
    pthread_mutex_lock(&device->codes->lock);
    const entry *it = find(device->codes, links, n);
    pthread_mutex_unlock(&device->codes->lock);
    hb_cpu_code *code = NULL;
    if (it && it->memory) memcpy(&code, &it->memory, sizeof code);
    return code;
}

#else

hb_cpu_codes *hb_cpu_codes_create(const hb_cpu_isa *isa) { return NULL; }
void hb_cpu_codes_destroy(hb_cpu_codes *codes) {}
hb_cpu_code *hb_cpu_code_make(const hb_device *device, const hb_cpu_planned *chain) { return NULL; }

#endif
