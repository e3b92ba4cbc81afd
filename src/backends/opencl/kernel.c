/* A kernel's source and its arguments while they are written; called by loop_source.c, values.c,
   the GEMM solvers and indexed.c. Compiling is program.c's, setting arguments prepare.c's. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencl.h"

static bool reserve(hb_cl_text *text, size_t more) {
    if (text->failed) return false;
    if (text->capacity - text->size > more) return true;
    size_t capacity = 2 * text->capacity + more + 256;
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void hb_cl_print(hb_cl_text *text, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, arguments);
    if (n < 0) text->failed = true;
    else if (reserve(text, (size_t)n)) {
        vsnprintf(text->data + text->size, (size_t)n + 1, format, again);
        text->size += (size_t)n;
    }
    va_end(again);
    va_end(arguments);
}

void hb_cl_append(hb_cl_text *text, const char *string) {
    size_t n = strlen(string);
    if (!reserve(text, n)) return;
    memcpy(text->data + text->size, string, n + 1);
    text->size += n;
}

void hb_cl_text_free(hb_cl_text *text) {
    free(text->data);
    memset(text, 0, sizeof *text);
}

const char *hb_cl_type(hebb_dtype dtype) {
    static const char *const types[HEBB_DTYPES] = {
        "float", "double", "int", "long", "uchar", "uchar", "ushort", "ushort", "char",
    };
    return types[dtype];
}

const char *hb_cl_suffix(hebb_dtype dtype) {
    static const char *const suffixes[HEBB_DTYPES] = {
        "f32", "f64", "i32", "i64", "u8", "u8", "u16", "u16", "i8",
    };
    return suffixes[dtype];
}

static hb_cl_param *find(hb_cl_kernel *kernel, const char *name) {
    for (int i = 0; i < kernel->n_params; i++)
        if (strcmp(kernel->params[i].name, name) == 0) return &kernel->params[i];
    return NULL;
}

static hb_cl_param *add(hb_cl_kernel *kernel, const char *name) {
    if (kernel->failed || find(kernel, name) != NULL) return NULL;
    if (kernel->n_params == kernel->capacity) {
        int capacity = 2 * kernel->capacity + 16;
        hb_cl_param *params = realloc(kernel->params, (size_t)capacity * sizeof *params);
        if (params == NULL) {
            kernel->failed = true;
            return NULL;
        }
        kernel->params = params;
        kernel->capacity = capacity;
    }
    hb_cl_param *param = &kernel->params[kernel->n_params++];
    memset(param, 0, sizeof *param);
    snprintf(param->name, sizeof param->name, "%s", name);
    return param;
}

void hb_cl_param_add(hb_cl_kernel *kernel, hb_cl_param_kind kind, const char *name, int64_t value) {
    hb_cl_param *param = add(kernel, name);
    if (param == NULL) return;
    param->kind = kind;
    param->value = value;
}

void hb_cl_index_param(hb_cl_kernel *kernel, const char *name, int64_t value) {
    hb_cl_param_add(kernel, HB_CL_INDEX, name, value);
}

void hb_cl_sizes_param(hb_cl_kernel *kernel, const char *name, const int64_t size[3]) {
    for (int d = 0; d < 3; d++) {
        char text[HB_CL_NAME_SIZE];
        snprintf(text, sizeof text, "%s%d", name, d);
        hb_cl_index_param(kernel, text, size[d]);
    }
}

void hb_cl_buffer_param(hb_cl_kernel *kernel, const char *name, int buffer, hebb_dtype dtype,
                        bool written) {
    hb_cl_param *param = add(kernel, name);
    if (param == NULL) return;
    param->kind = HB_CL_BUFFER;
    param->value = buffer;
    param->type = hb_cl_type(dtype);
    param->size = hebb_dtype_size(dtype);
    param->written = written;
    if (dtype == HEBB_F64) hb_cl_need(kernel, HB_CL_SCALAR, dtype);
}

void hb_cl_bytes_param(hb_cl_kernel *kernel, int buffer, char name[HB_CL_NAME_SIZE]) {
    int number = 0;
    for (int i = 0; i < kernel->n_params; i++) {
        if (kernel->params[i].kind != HB_CL_BUFFER) continue;
        if (kernel->params[i].value == buffer) break;
        number++;
    }
    snprintf(name, HB_CL_NAME_SIZE, "m%d", number);
    hb_cl_buffer_param(kernel, name, buffer, HEBB_U8, true);
}

void hb_cl_local_array(hb_cl_kernel *kernel, const char *name, hebb_dtype dtype, int64_t count) {
    if (kernel->n_locals == kernel->local_capacity) {
        int capacity = 2 * kernel->local_capacity + 4;
        hb_cl_local *locals = realloc(kernel->locals, (size_t)capacity * sizeof *locals);
        if (locals == NULL) {
            kernel->failed = true;
            return;
        }
        kernel->locals = locals;
        kernel->local_capacity = capacity;
    }
    hb_cl_local *local = &kernel->locals[kernel->n_locals++];
    *local = (hb_cl_local){
        .type = hb_cl_type(dtype), .bytes = hebb_dtype_size(dtype) * (size_t)count, .count = count};
    snprintf(local->name, sizeof local->name, "%s", name);
}

void hb_cl_need(hb_cl_kernel *kernel, hb_cl_part part, hebb_dtype dtype) {
    if (hb_cl_is_half(dtype)) return; /* what there is of them is in every one */
    if (dtype == HEBB_BOOL) dtype = HEBB_U8;
    kernel->parts[part] |= 1u << dtype;
    kernel->parts[HB_CL_SCALAR] |= 1u << dtype;
}

static size_t param_bytes(const hb_cl_kernel *kernel, const hb_cl_param *param) {
    if (param->baked) return 0;
    if (param->kind == HB_CL_BUFFER || param->kind == HB_CL_COUNTERS || param->kind == HB_CL_TABLE)
        return sizeof(cl_mem) > 8 ? sizeof(cl_mem) : 8;
    bool wide = param->kind == HB_CL_SHIFT || (param->kind == HB_CL_INDEX && kernel->wide);
    return wide ? 8 : 4;
}

/* Arguments may take 1024 bytes on some devices, less than the strides of a large fused step in 64
   bits. Such a kernel gets its numbers written into the source. */
static void bake_if_needed(hb_device *device, hb_cl_kernel *kernel) {
    size_t bytes = 0;
    for (int i = 0; i < kernel->n_params; i++) bytes += param_bytes(kernel, &kernel->params[i]);
    if (bytes <= device->max_parameters) return;
    for (int i = 0; i < kernel->n_params; i++)
        kernel->params[i].baked = kernel->params[i].kind == HB_CL_INDEX;
}

static void write_param(hb_cl_text *text, const hb_cl_param *param) {
    if (param->kind == HB_CL_BUFFER)
        hb_cl_print(text, "global %s%s *%s", param->written ? "" : "const ", param->type,
                    param->name);
    else if (param->kind == HB_CL_COUNTERS)
        hb_cl_print(text, "volatile global int *%s", param->name);
    else if (param->kind == HB_CL_TABLE) hb_cl_print(text, "global const int *%s", param->name);
    else
        hb_cl_print(text, "const %s %s",
                    param->kind == HB_CL_INDEX   ? "hb_index"
                    : param->kind == HB_CL_SHIFT ? "long"
                                                 : "uint",
                    param->name);
}

/* An argument for each buffer. */
static void add_shifts(hb_cl_kernel *kernel) {
    for (int i = 0, n = kernel->n_params; i < n && !kernel->failed; i++) {
        hb_cl_param buffer = kernel->params[i];
        if (buffer.kind != HB_CL_BUFFER) continue;
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "at_%.*s", HB_CL_NAME_SIZE - 4, buffer.name);
        hb_cl_param_add(kernel, HB_CL_SHIFT, name, buffer.value);
        hb_cl_param *shift = find(kernel, name);
        if (shift != NULL) shift->size = buffer.size;
    }
}

static void write_shifts(hb_cl_text *text, const hb_cl_kernel *kernel) {
    for (int i = 0; i < kernel->n_params; i++)
        if (kernel->params[i].kind == HB_CL_SHIFT)
            hb_cl_print(text, "%s += %s;\n", kernel->params[i].name + strlen("at_"),
                        kernel->params[i].name);
}

hebb_status hb_cl_kernel_text(hb_device *device, hb_cl_kernel *kernel, hb_cl_text *text,
                              hb_error *error) {
    if (kernel->sliding) add_shifts(kernel);
    bake_if_needed(device, kernel);
    if (kernel->functions.data != NULL) hb_cl_append(text, kernel->functions.data);
    hb_cl_print(text, "#define hb_index %s\n", kernel->wide ? "long" : "int");
    for (int i = 0; i < kernel->n_params; i++)
        if (kernel->params[i].baked)
            hb_cl_print(text, "#define %s ((hb_index)(%" PRId64 "%s))\n", kernel->params[i].name,
                        kernel->params[i].value, kernel->wide ? "L" : "");
    hb_cl_append(text, "kernel ");
    if (kernel->group > 0)
        hb_cl_print(text, "__attribute__((reqd_work_group_size(%zu, 1, 1)))\n", kernel->group);
    hb_cl_append(text, "void HB_KERNEL(");
    const char *comma = "";
    for (int i = 0; i < kernel->n_params; i++) {
        if (kernel->params[i].baked) continue;
        hb_cl_append(text, comma);
        write_param(text, &kernel->params[i]);
        comma = ", ";
    }
    hb_cl_append(text, ") {\n");
    for (int i = 0; i < kernel->n_locals; i++)
        hb_cl_print(text, "local %s %s[%" PRId64 "] __attribute__((aligned(32)));\n",
                    kernel->locals[i].type, kernel->locals[i].name, kernel->locals[i].count);
    write_shifts(text, kernel);
    if (kernel->body.data != NULL) hb_cl_append(text, kernel->body.data);
    hb_cl_append(text, "}\n");
    for (int i = 0; i < kernel->n_params; i++)
        if (kernel->params[i].baked) hb_cl_print(text, "#undef %s\n", kernel->params[i].name);
    hb_cl_append(text, "#undef hb_index\n");
    if (kernel->failed || kernel->functions.failed || kernel->body.failed || text->failed)
        return hb_fail_memory(error, "a kernel's source", text->capacity);
    return HEBB_OK;
}

void hb_cl_kernel_free(hb_cl_kernel *kernel) {
    hb_cl_text_free(&kernel->functions);
    hb_cl_text_free(&kernel->body);
    free(kernel->params);
    free(kernel->locals);
    memset(kernel, 0, sizeof *kernel);
}
