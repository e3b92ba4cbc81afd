/* Reads and writes NumPy's .npy files (hebb/npy.h): the bytes 0x93 NUMPY, a version, the length of
   the header, the header, which is a Python dictionary, then the elements. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npy.h"

/* ---- elements ---- */

typedef struct element_type {
    const char *code;
    unsigned char size; /* in the file */
    hebb_dtype dtype;   /* in the array */
} element_type;

static const element_type element_types[] = {
    {"b1", 1, HEBB_BOOL}, {"u1", 1, HEBB_U8},  {"i1", 1, HEBB_I8},  {"i2", 2, HEBB_I32},
    {"u2", 2, HEBB_I32},  {"i4", 4, HEBB_I32}, {"u4", 4, HEBB_I64}, {"i8", 8, HEBB_I64},
    {"f2", 2, HEBB_F16},  {"f4", 4, HEBB_F32}, {"f8", 8, HEBB_F64},
};

typedef struct layout {
    const element_type *type;
    bool big_endian, fortran;
    bool has_type, has_order, has_shape; /* the header says so */
    hebb_shape shape;
} layout;

static uint64_t bits_of(const unsigned char *bytes, int size, bool big_endian) {
    uint64_t bits = 0;
    for (int k = 0; k < size; k++) bits = bits << 8 | bytes[big_endian ? k : size - 1 - k];
    return bits;
}

static void convert(const void *how, const unsigned char *from, void *to, size_t count) {
    const layout *l = how;
    int size = l->type->size;
    for (size_t k = 0; k < count; k++) {
        uint64_t bits = bits_of(from + k * (size_t)size, size, l->big_endian);
        switch (l->type->dtype) {
        case HEBB_BOOL: ((uint8_t *)to)[k] = bits != 0; break;
        case HEBB_U8:
        case HEBB_I8: ((uint8_t *)to)[k] = (uint8_t)bits; break;
        case HEBB_F16: ((uint16_t *)to)[k] = (uint16_t)bits; break;
        case HEBB_I32:
            ((int32_t *)to)[k] = strcmp(l->type->code, "i2") == 0 ? (int16_t)bits : (int32_t)bits;
            break;
        case HEBB_F32: ((uint32_t *)to)[k] = (uint32_t)bits; break;
        default: ((uint64_t *)to)[k] = bits; break;
        }
    }
}

/* An array whose first index is the fastest, as one whose last index is. */
static hebb_status transpose(const hb_source *s, hebb_array *array) {
    hebb_shape shape = array->shape;
    hebb_array rows = {0};
    size_t size = hebb_dtype_size(array->dtype);
    int64_t index[HEBB_MAX_RANK] = {0}, stride[HEBB_MAX_RANK], from = 0;
    hebb_status status = hebb_array_resize(&rows, array->dtype, shape);
    if (status != HEBB_OK) return hb_source_fail(s, status, "no memory to transpose it");
    for (int k = 0; k < shape.rank; k++) stride[k] = k == 0 ? 1 : stride[k - 1] * shape.dim[k - 1];
    int64_t count = hebb_shape_count(shape);
    for (int64_t to = 0; to < count; to++) {
        memcpy((char *)rows.data + (size_t)to * size, (char *)array->data + (size_t)from * size,
               size);
        for (int k = shape.rank - 1; k >= 0; k--) {
            from += stride[k];
            if (++index[k] < shape.dim[k]) break;
            from -= stride[k] * shape.dim[k];
            index[k] = 0;
        }
    }
    hebb_array_free(array);
    *array = rows;
    return HEBB_OK;
}

/* ---- the header's dictionary ---- */

typedef struct parser {
    const hb_source *source;
    const char *text, *at;
    int64_t begin; /* byte of the file at which the text begins */
} parser;

static hebb_status fail(const parser *p, hebb_status status, const char *what) {
    return hb_source_fail(p->source, status, "byte %lld, in the header: %s",
                          (long long)(p->begin + (p->at - p->text)), what);
}

static void skip_spaces(parser *p) {
    while (*p->at == ' ' || *p->at == '\n' || *p->at == '\t') p->at++;
}

static bool take(parser *p, const char *word) {
    skip_spaces(p);
    size_t length = strlen(word);
    if (strncmp(p->at, word, length) != 0) return false;
    p->at += length;
    return true;
}

/* A string without escapes, in either kind of quotes. */
static bool take_string(parser *p, char *string, size_t size) {
    skip_spaces(p);
    char quote = *p->at;
    if (quote != '\'' && quote != '"') return false;
    const char *end = strchr(p->at + 1, quote);
    if (end == NULL || (size_t)(end - p->at) > size) return false;
    memcpy(string, p->at + 1, (size_t)(end - p->at) - 1);
    string[end - p->at - 1] = '\0';
    p->at = end + 1;
    return true;
}

static hebb_status parse_type(parser *p, layout *l) {
    char code[32];
    skip_spaces(p);
    const parser before = *p;
    if (!take_string(p, code, sizeof code))
        return fail(p, HEBB_E_UNSUPPORTED, "the elements are records, or their type is no string");
    l->has_type = true;
    l->big_endian = code[0] == '>';
    for (size_t k = 0; k < sizeof element_types / sizeof *element_types; k++)
        if (code[0] != '\0' && strchr("<>|=", code[0]) != NULL &&
            strcmp(code + 1, element_types[k].code) == 0)
            l->type = &element_types[k];
    if (l->type != NULL) return HEBB_OK;
    char what[80];
    snprintf(what, sizeof what, "elements of type '%s'", code);
    return fail(&before, HEBB_E_UNSUPPORTED, what);
}

static bool take_size(parser *p, int64_t *size) {
    skip_spaces(p);
    const char *first = p->at;
    for (*size = 0; *p->at >= '0' && *p->at <= '9'; p->at++) {
        if (*size > (INT64_MAX - 9) / 10) return false;
        *size = 10 * *size + (*p->at - '0');
    }
    return p->at != first;
}

static hebb_status parse_shape(parser *p, layout *l) {
    l->has_shape = true;
    l->shape = HEBB_SCALAR;
    if (!take(p, "(")) return fail(p, HEBB_E_FORMAT, "the shape is no tuple");
    while (!take(p, ")")) {
        if (l->shape.rank == HEBB_MAX_RANK)
            return fail(p, HEBB_E_UNSUPPORTED, "the array has more than 8 dimensions");
        if (!take_size(p, &l->shape.dim[l->shape.rank++]))
            return fail(p, HEBB_E_FORMAT, "a size of the shape is no number in range");
        if (!take(p, ",") && *p->at != ')') return fail(p, HEBB_E_FORMAT, "the shape does not end");
    }
    return HEBB_OK;
}

static hebb_status parse_order(parser *p, layout *l) {
    l->has_order = true;
    l->fortran = take(p, "True");
    if (l->fortran || take(p, "False")) return HEBB_OK;
    return fail(p, HEBB_E_FORMAT, "fortran_order is neither True nor False");
}

static hebb_status parse_header(parser *p, layout *l) {
    if (!take(p, "{")) return fail(p, HEBB_E_FORMAT, "no dictionary");
    while (!take(p, "}")) {
        char key[32];
        hebb_status status;
        skip_spaces(p);
        const parser before = *p;
        if (!take_string(p, key, sizeof key) || !take(p, ":"))
            return fail(p, HEBB_E_FORMAT, "a key and a colon are missing");
        if (strcmp(key, "descr") == 0) status = parse_type(p, l);
        else if (strcmp(key, "fortran_order") == 0) status = parse_order(p, l);
        else if (strcmp(key, "shape") == 0) status = parse_shape(p, l);
        else status = fail(&before, HEBB_E_FORMAT, "an unknown key");
        if (status != HEBB_OK) return status;
        if (!take(p, ",") && *p->at != '}')
            return fail(p, HEBB_E_FORMAT, "the dictionary does not end");
    }
    skip_spaces(p);
    if (*p->at != '\0') return fail(p, HEBB_E_FORMAT, "text follows the dictionary");
    if (!l->has_type || !l->has_order || !l->has_shape)
        return fail(p, HEBB_E_FORMAT, "descr, fortran_order or shape is missing");
    return HEBB_OK;
}

static hebb_status check_size(hb_source *s, const layout *l) {
    char shape[160];
    hebb_shape_text(l->shape, shape, sizeof shape);
    int64_t count = hebb_shape_count(l->shape), widest = (int64_t)hebb_dtype_size(l->type->dtype);
    if (count < 0 || count > (PTRDIFF_MAX - s->offset) / widest)
        return hb_source_fail(s, HEBB_E_FORMAT, "the header says %s, more than can be addressed",
                              shape);
    snprintf(s->promise, sizeof s->promise, "header says %.80s %s (%lld bytes)", shape,
             l->type->code, (long long)(s->offset + count * l->type->size));
    return HEBB_OK;
}

static hebb_status read_header(hb_source *s, layout *l) {
    unsigned char start[12];
    hebb_status status = hb_source_read(s, start, 8);
    if (status != HEBB_OK) return status;
    if (memcmp(start, "\x93NUMPY", 6) != 0)
        return hb_source_fail(s, HEBB_E_FORMAT,
                              "not a .npy file: it does not begin with \\x93NUMPY");
    if (start[6] < 1 || start[6] > 3)
        return hb_source_fail(s, HEBB_E_UNSUPPORTED, "byte 6: version %d of the format", start[6]);
    int width = start[6] == 1 ? 2 : 4; /* of the header's length */
    status = hb_source_read(s, start + 8, (size_t)width);
    if (status != HEBB_OK) return status;
    size_t length = (size_t)bits_of(start + 8, width, false);
    if (length > UINT16_MAX)
        return hb_source_fail(s, HEBB_E_FORMAT, "byte 8: a header of %zu bytes", length);
    char *text = malloc(length + 1);
    if (text == NULL) return hb_source_fail(s, HEBB_E_MEMORY, "out of memory");
    parser p = {.source = s, .text = text, .at = text, .begin = s->offset};
    status = hb_source_read(s, text, length);
    text[length] = '\0';
    if (status == HEBB_OK) status = parse_header(&p, l);
    free(text);
    return status == HEBB_OK ? check_size(s, l) : status;
}

hebb_status hb_npy_read(hb_source *s, hebb_array *array) {
    layout l = {0};
    hebb_status status = read_header(s, &l);
    if (status == HEBB_OK)
        status = hb_source_elements(s, l.type->dtype, hebb_shape_count(l.shape), l.type->size,
                                    convert, &l, array);
    if (status == HEBB_OK) status = hb_source_end(s);
    if (status != HEBB_OK) return status;
    array->shape = l.shape;
    return l.fortran && l.shape.rank > 1 ? transpose(s, array) : HEBB_OK;
}

hebb_status hebb_read_npy(const char *path, hebb_array *array, char *message, size_t size) {
    hb_source s;
    hebb_array fresh = {0};
    hebb_status status = hb_source_open(&s, path, array, message, size);
    if (status == HEBB_OK) status = hb_npy_read(&s, &fresh);
    hb_source_close(&s);
    hebb_array_free(status == HEBB_OK ? array : &fresh);
    if (status == HEBB_OK) *array = fresh;
    return status;
}

/* ---- writing ---- */

static const char *code_of(hebb_dtype dtype) {
    for (size_t k = 0; k < sizeof element_types / sizeof *element_types; k++)
        if (element_types[k].dtype == dtype && element_types[k].size == hebb_dtype_size(dtype))
            return element_types[k].code;
    return NULL;
}

static hebb_status check_array(const report *r, const char *name, const hebb_array *a) {
    const char *of = name == NULL ? "the array" : name;
    if (a == NULL) return hb_report(r, HEBB_E_NULL, "%s is NULL", of);
    if (hebb_array_count(a) < 0) return hb_report(r, HEBB_E_SHAPE, "%s has no concrete shape", of);
    if (a->data == NULL && hebb_array_count(a) > 0)
        return hb_report(r, HEBB_E_NULL, "%s has no data", of);
    if (code_of(a->dtype) == NULL)
        return hb_report(r, HEBB_E_DTYPE, "%s is %s, which NumPy does not have", of,
                         hebb_dtype_name(a->dtype));
    return HEBB_OK;
}

/* As NumPy writes it: all of it is a multiple of 64 bytes, the last one a line end. */
hebb_status hb_npy_header(const report *r, const char *name, const hebb_array *a,
                          unsigned char header[HB_NPY_HEADER], size_t *length) {
    hebb_status status = check_array(r, name, a);
    if (status != HEBB_OK) return status;
    char *text = (char *)header + 10;
    const size_t room = HB_NPY_HEADER - 10;
    int one = 1;
    bool single = hebb_dtype_size(a->dtype) == 1;
    char order = single ? '|' : *(char *)&one == 1 ? '<' : '>';
    size_t used =
        (size_t)snprintf(text, room, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order,
                         code_of(a->dtype));
    for (int k = 0; k < a->shape.rank; k++)
        used += (size_t)snprintf(text + used, room - used, "%s%lld%s", k > 0 ? " " : "",
                                 (long long)a->shape.dim[k],
                                 k + 1 < a->shape.rank || k == 0 ? "," : "");
    used += (size_t)snprintf(text + used, room - used, "), }");
    size_t whole = (10 + used + 1 + 63) / 64 * 64;
    memset(text + used, ' ', whole - 10 - used);
    header[whole - 1] = '\n';
    memcpy(header, "\x93NUMPY\x01", 8);
    header[8] = (unsigned char)(whole - 10);
    header[9] = (unsigned char)((whole - 10) >> 8);
    *length = whole;
    return HEBB_OK;
}

hebb_status hebb_write_npy(const char *path, const hebb_array *array, char *message, size_t size) {
    report r;
    unsigned char header[HB_NPY_HEADER];
    size_t length;
    hb_aside aside;
    hebb_status status = hb_report_begin(&r, path, message, size);
    if (status == HEBB_OK) status = hb_npy_header(&r, NULL, array, header, &length);
    if (status != HEBB_OK) return status;
    status = hb_aside_open(&aside, &r);
    if (status == HEBB_OK) status = hb_aside_write(&aside, header, length);
    if (status == HEBB_OK) status = hb_aside_write(&aside, array->data, hebb_array_bytes(array));
    return hb_aside_close(&aside, status);
}
