/* Reads CIFAR-10 and CIFAR-100 in their binary format (hebb/io.h): one or two bytes of labels, then
   3 x 32 x 32 bytes, record after record. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "names.h"

enum { IMAGE_BYTES = 3 * 32 * 32, FIRST_RECORDS = 1024 };

typedef struct kind {
    int n_labels;
    int classes[2]; /* of each label */
    const char *prefix;
} kind;

static const kind cifar10 = {1, {10}, "data_batch_"};
static const kind cifar100 = {2, {20, 100}, "train.bin"};

typedef struct records {
    const kind *kind;
    int64_t count, room;
    hebb_array images, labels[2];
} records;

/* ---- records ---- */

static hebb_status grow(records *r, hb_source *s) {
    if (r->count < r->room) return HEBB_OK;
    int64_t room = r->room == 0 ? FIRST_RECORDS : 2 * r->room;
    hebb_status status =
        hb_source_grow(s, &r->images, HEBB_U8, room * IMAGE_BYTES, r->count * IMAGE_BYTES);
    for (int k = 0; status == HEBB_OK && k < r->kind->n_labels; k++)
        status = hb_source_grow(s, &r->labels[k], HEBB_I32, room, r->count);
    if (status == HEBB_OK) r->room = room;
    return status;
}

/* *more becomes false at the end of the file. */
static hebb_status read_record(records *r, hb_source *s, int64_t index, bool *more) {
    unsigned char bytes[2 + IMAGE_BYTES];
    size_t size = (size_t)r->kind->n_labels + IMAGE_BYTES, got;
    int64_t at = s->offset;
    hebb_status status = hb_source_some(s, bytes, size, &got);
    *more = got > 0;
    if (status != HEBB_OK || got == 0) return status;
    if (got < size)
        return hb_source_fail(s, HEBB_E_FORMAT,
                              "truncated at byte %lld, in record %lld: a record has %zu bytes",
                              (long long)s->offset, (long long)index, size);
    status = grow(r, s);
    for (int k = 0; status == HEBB_OK && k < r->kind->n_labels; k++) {
        if (bytes[k] >= r->kind->classes[k])
            return hb_source_fail(
                s, HEBB_E_FORMAT, "byte %lld, in record %lld: label %d is not in 0...%d",
                (long long)at + k, (long long)index, bytes[k], r->kind->classes[k] - 1);
        ((int32_t *)r->labels[k].data)[r->count] = bytes[k];
    }
    if (status != HEBB_OK) return status;
    memcpy((char *)r->images.data + r->count++ * IMAGE_BYTES, bytes + r->kind->n_labels,
           IMAGE_BYTES);
    return HEBB_OK;
}

static hebb_status read_one(records *r, const char *path, const report *where) {
    hb_source s;
    bool more = true;
    hebb_status status = hb_source_open(&s, path, r, where->message, where->size);
    for (int64_t k = 0; status == HEBB_OK && more; k++) {
        status = read_record(r, &s, k, &more);
        if (status == HEBB_OK && k == 0 && !more)
            status = hb_source_fail(&s, HEBB_E_FORMAT, "there are no records");
    }
    hb_source_close(&s);
    return status;
}

/* ---- folders ---- */

static bool is_training_file(const kind *k, const char *name) {
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".gz") == 0) length -= 3;
    return strncmp(name, k->prefix, strlen(k->prefix)) == 0 && length > 4 &&
           strncmp(name + length - 4, ".bin", 4) == 0;
}

static hebb_status find_files(const kind *k, const report *where, hebb_names *files) {
    DIR *directory = opendir(where->path);
    if (directory == NULL)
        return hb_report(where, HEBB_E_FILE, "cannot be opened: %s", strerror(errno));
    hebb_status status = HEBB_OK;
    for (struct dirent *e; status == HEBB_OK && (e = readdir(directory)) != NULL;) {
        char path[4096];
        if (!is_training_file(k, e->d_name)) continue;
        int length = snprintf(path, sizeof path, "%s/%s", where->path, e->d_name);
        if (length >= (int)sizeof path)
            status = hb_report(where, HEBB_E_FILE, "the path is too long");
        else if (!hb_names_add(files, path, (size_t)length))
            status = hb_report(where, HEBB_E_MEMORY, "out of memory");
    }
    closedir(directory);
    hb_names_sort(files);
    if (status == HEBB_OK && files->count == 0)
        return hb_report(where, HEBB_E_FILE, "no %s%s in it", k->prefix,
                         k == &cifar10 ? "*.bin" : "");
    return status;
}

static hebb_status read_folder(records *r, const report *where) {
    hebb_names files = {0};
    hebb_status status = find_files(r->kind, where, &files);
    for (size_t k = 0; status == HEBB_OK && k < files.count; k++)
        status = read_one(r, files.at[k], where);
    hebb_names_free(&files);
    return status;
}

/* ---- all of it ---- */

static void give(hebb_array *fresh, hebb_shape shape, hebb_array *to) {
    fresh->shape = shape;
    hebb_array_free(to != NULL ? to : fresh);
    if (to != NULL) *to = *fresh;
}

/* labels[k] is where the k-th label of a record goes. */
static hebb_status read_cifar(const kind *k, const char *path, hebb_array *images,
                              hebb_array *const *labels, char *message, size_t size) {
    records r = {.kind = k};
    report where;
    struct stat about;
    hebb_status status = hb_report_begin(&where, path, message, size);
    if (status != HEBB_OK) return status;
    if (images == NULL || labels[k->n_labels - 1] == NULL)
        return hb_report(&where, HEBB_E_NULL, "the %s NULL",
                         images == NULL ? "images are" : "labels are");
    bool folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    status = folder ? read_folder(&r, &where) : read_one(&r, path, &where);
    if (status == HEBB_OK) {
        give(&r.images, HEBB_SHAPE(r.count, 3, 32, 32), images);
        for (int i = 0; i < k->n_labels; i++) give(&r.labels[i], HEBB_SHAPE(r.count), labels[i]);
        return HEBB_OK;
    }
    hebb_array_free(&r.images);
    for (int i = 0; i < k->n_labels; i++) hebb_array_free(&r.labels[i]);
    return status;
}

hebb_status hebb_read_cifar10(const char *path, hebb_array *images, hebb_array *labels,
                              char *message, size_t size) {
    return read_cifar(&cifar10, path, images, (hebb_array *const[]){labels}, message, size);
}

hebb_status hebb_read_cifar100(const char *path, hebb_array *images, hebb_array *labels,
                               hebb_array *coarse, char *message, size_t size) {
    return read_cifar(&cifar100, path, images, (hebb_array *const[]){coarse, labels}, message,
                      size);
}
