/* Which rows are turned around, and the turning (turned_rows.h). Looks at what members of a block
   do to memory only. */
#include "turned_rows.h"

#include "../loops/turned.h"

/* A chain goes along rows of more elements; and so many rows are a few blocks. */
enum { MOST_ELEMENTS = 63, FEWEST_ROWS = 512 };

static int64_t element_of(const hb_cpu_access *a) {
    return (int64_t)hebb_dtype_size(a->operand->dtype);
}

bool hb_cpu_is_wide(const hb_cpu_access *a) {
    return a->operand->buffer != HB_BUFFER_INDEX && a->step != 0 && a->size > element_of(a);
}

static bool is_array(const hb_cpu_turned_array *t, const hb_cpu_access *a) {
    return t->buffer == a->operand->buffer && t->dtype == a->operand->dtype && t->at == a->at &&
           t->step == a->step && t->elements * element_of(a) == a->size;
}

const hb_cpu_turned_array *hb_cpu_turned_array_of(const hb_cpu_turned_rows *turned,
                                                  const hb_cpu_access *a) {
    if (a->local >= 0 || !hb_cpu_is_wide(a)) return NULL;
    for (int k = 0; k < turned->n; k++)
        if (is_array(&turned->array[k], a)) return &turned->array[k];
    return NULL;
}

/* Whether rows of the access can be turned: few elements side by side, apart from other rows. */
static bool can_turn(const hb_cpu_rows *rows, const hb_cpu_access *a) {
    const int64_t element = element_of(a);
    if (a->late || a->size > MOST_ELEMENTS * element || a->step % element != 0) return false;
    if (a->local < 0) return a->bytes == a->size && a->step >= a->size && a->at % element == 0;
    const hb_cpu_local *l = &rows->local[a->local];
    return a->step == l->step && (a->at - l->at) % element == 0;
}

static bool add_array(const hb_cpu_rows *rows, const hb_cpu_access *a, hb_cpu_turned_rows *t) {
    for (int k = 0; k < t->n; k++)
        if (is_array(&t->array[k], a)) {
            t->array[k].written = t->array[k].written || a->written;
            return true;
        }
    const int local = rows->n_locals + t->n;
    if (local >= HB_CPU_MOST_MEMBERS) return false;
    t->array[t->n++] = (hb_cpu_turned_array){.buffer = a->operand->buffer,
                                             .dtype = a->operand->dtype,
                                             .at = a->at,
                                             .step = a->step,
                                             .elements = a->size / element_of(a),
                                             .read = !a->written,
                                             .written = a->written,
                                             .local = local};
    return true;
}

static bool add_access(const hb_cpu_rows *rows, const hb_cpu_access *a, hb_cpu_turned_rows *t) {
    if (!hb_cpu_is_wide(a)) return true;
    if (!can_turn(rows, a)) return false;
    if (a->local < 0) return add_array(rows, a, t);
    t->wide[a->local] = true;
    return true;
}

/* Whether an array's memory is also met in another way, by one that writes: the turned copy would
   not know. */
static bool meets_others(const hb_cpu_rows *rows, const hb_cpu_turned_rows *t,
                         const hb_cpu_access *a) {
    for (int k = 0; a->local < 0 && k < t->n; k++) {
        const hb_cpu_turned_array *array = &t->array[k];
        hb_operand operand = {.buffer = array->buffer};
        const hb_cpu_access whole = {.operand = &operand,
                                     .at = array->at,
                                     .size =
                                         array->elements * (int64_t)hebb_dtype_size(array->dtype),
                                     .step = array->step};
        if ((a->written || array->written) && !is_array(array, a) &&
            hb_cpu_meet(&whole, a, rows->rows))
            return true;
    }
    return false;
}

/* Whether rows follow each other, of elements that do not know of each other, such as those of a
   table that is updated: they are as good as one long row. */
static bool are_one_row(const hb_cpu_rows *rows) {
    for (int k = 0; k < rows->n; k++) {
        const hb_loop *form = &rows->member[k].form;
        if (hb_count_reductions(form) > 0) return false;
        for (int i = 0; i < form->n_in + form->n_out; i++) {
            const hb_cpu_access *a = &rows->member[k].access[i];
            const bool follow = hb_cpu_is_wide(a) && a->step == a->size;
            const bool single = a->step == 0 && a->size == element_of(a);
            if (!follow && !single) return false;
        }
    }
    return true;
}

bool hb_cpu_turn_rows(const hb_cpu_rows *rows, hb_cpu_turned_rows *turned) {
    *turned = (hb_cpu_turned_rows){0};
    if (rows->rows < FEWEST_ROWS || are_one_row(rows)) return false;
    for (int k = 0; k < rows->n; k++)
        for (int i = 0; i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++)
            if (!add_access(rows, &rows->member[k].access[i], turned)) return false;
    for (int k = 0; k < rows->n; k++)
        for (int i = 0; i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++)
            if (meets_others(rows, turned, &rows->member[k].access[i])) return false;
    return turned->n > 0;
}

void hb_cpu_turn(const hb_device *device, const hb_cpu_turned_array *t, int64_t rows,
                 int64_t across, char *memory, char *scratch, bool back) {
    const int64_t step = t->step / (int64_t)hebb_dtype_size(t->dtype);
    hb_cpu_gemm_turn *turn = hb_cpu_turn_of(device, t->dtype);
    if (back) turn(t->elements, rows, scratch, across, step, memory);
    else turn(rows, t->elements, memory, step, across, scratch);
}
