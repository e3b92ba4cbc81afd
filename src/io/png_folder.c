/* Reads folders of PNG files with a subfolder a class (hebb/image.h). */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <hebb/image.h>

#include "file.h"
#include "names.h"

typedef struct folder {
    report report;
    int channels;
    hebb_names classes;
    hebb_names files; /* full paths, class by class */
    size_t *ends;     /* of each class: how many files there are up to its last */
    hebb_array images, labels;
} folder;

static hebb_status out_of_memory(const folder *f) {
    return hb_report(&f->report, HEBB_E_MEMORY, "out of memory");
}

/* ---- what there is ---- */

static char *join(const char *folder_path, const char *name) {
    size_t size = strlen(folder_path) + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL) snprintf(path, size, "%s/%s", folder_path, name);
    return path;
}

static bool is_png(const char *name) {
    size_t length = strlen(name);
    return length > 4 && strcasecmp(name + length - 4, ".png") == 0;
}

/* Adds the names of subfolders, or the paths of PNG files, sorted. */
static hebb_status list(const folder *f, const char *path, bool folders, hebb_names *names) {
    hebb_names found = {0};
    hebb_status status = HEBB_OK;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return hb_report(&(report){path, f->report.message, f->report.size},
                         errno == ENOMEM ? HEBB_E_MEMORY : HEBB_E_FILE, "cannot be opened: %s",
                         strerror(errno));
    for (struct dirent *e; status == HEBB_OK && (e = readdir(directory)) != NULL;) {
        struct stat about;
        char *full = e->d_name[0] == '.' ? NULL : join(path, e->d_name);
        if (full == NULL && e->d_name[0] != '.') status = out_of_memory(f);
        if (full == NULL || stat(full, &about) != 0) {
            free(full);
            continue;
        }
        bool wanted = folders ? S_ISDIR(about.st_mode) : is_png(e->d_name);
        const char *name = folders ? e->d_name : full;
        if (wanted && !hb_names_add(&found, name, strlen(name))) status = out_of_memory(f);
        free(full);
    }
    closedir(directory);
    hb_names_sort(&found);
    for (size_t k = 0; status == HEBB_OK && k < found.count; k++)
        if (!hb_names_add(names, found.at[k], strlen(found.at[k]))) status = out_of_memory(f);
    hebb_names_free(&found);
    return status;
}

static hebb_status find_files(folder *f) {
    hebb_status status = list(f, f->report.path, true, &f->classes);
    if (status == HEBB_OK && f->classes.count == 0 && !hb_names_add(&f->classes, ".", 1))
        status = out_of_memory(f);
    if (status == HEBB_OK) f->ends = calloc(f->classes.count, sizeof *f->ends);
    if (status == HEBB_OK && f->ends == NULL) status = out_of_memory(f);
    for (size_t k = 0; status == HEBB_OK && k < f->classes.count; k++) {
        char *path = join(f->report.path, f->classes.at[k]);
        status = path == NULL ? out_of_memory(f) : list(f, path, false, &f->files);
        free(path);
        f->ends[k] = f->files.count;
    }
    if (status == HEBB_OK && f->files.count == 0)
        return hb_report(&f->report, HEBB_E_FORMAT, "no PNG files in it");
    return status;
}

/* ---- their pixels ---- */

static hebb_status make_room(folder *f, const hebb_array *picture) {
    const hebb_shape *s = &picture->shape;
    int64_t n = (int64_t)f->files.count, channels = s->rank == 2 ? 1 : s->dim[2];
    if (hebb_array_resize(&f->labels, HEBB_I32, HEBB_SHAPE(n)) == HEBB_OK &&
        hebb_array_resize(&f->images, HEBB_U8, HEBB_SHAPE(n, channels, s->dim[0], s->dim[1])) ==
            HEBB_OK)
        return HEBB_OK;
    return hb_report(&f->report, HEBB_E_MEMORY, "no memory for %lld images of %lld x %lld",
                     (long long)n, (long long)s->dim[1], (long long)s->dim[0]);
}

static hebb_status take(folder *f, const hebb_array *picture, size_t index) {
    if (index == 0) {
        hebb_status status = make_room(f, picture);
        if (status != HEBB_OK) return status;
    }
    const int64_t *all = f->images.shape.dim, *one = picture->shape.dim;
    int64_t channels = picture->shape.rank == 2 ? 1 : one[2], area = one[0] * one[1];
    if (channels != all[1] || one[0] != all[2] || one[1] != all[3])
        return hb_report(&(report){f->files.at[index], f->report.message, f->report.size},
                         HEBB_E_SHAPE,
                         "%lld x %lld pixels with %lld channels, but %s has %lld x %lld with %lld",
                         (long long)one[1], (long long)one[0], (long long)channels, f->files.at[0],
                         (long long)all[3], (long long)all[2], (long long)all[1]);
    const unsigned char *from = picture->data;
    unsigned char *to = (unsigned char *)f->images.data + (int64_t)index * channels * area;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t k = 0; k < area; k++) to[c * area + k] = from[k * channels + c];
    return HEBB_OK;
}

static hebb_status read_files(folder *f) {
    hebb_array picture = {0};
    hebb_status status = HEBB_OK;
    int32_t label = 0;
    for (size_t k = 0; status == HEBB_OK && k < f->files.count; k++) {
        status =
            hebb_read_png(f->files.at[k], f->channels, &picture, f->report.message, f->report.size);
        if (status == HEBB_OK) status = take(f, &picture, k);
        while (k >= f->ends[label]) label++;
        if (status == HEBB_OK) ((int32_t *)f->labels.data)[k] = label;
    }
    hebb_array_free(&picture);
    return status;
}

/* Puts the new one where the old one was; where none is wanted, it is freed. */
static void give_array(hebb_array *fresh, hebb_array *to) {
    hebb_array_free(to != NULL ? to : fresh);
    if (to != NULL) *to = *fresh;
}

static void give_names(hebb_names *fresh, hebb_names *to) {
    hebb_names_free(to != NULL ? to : fresh);
    if (to != NULL) *to = *fresh;
}

hebb_status hebb_read_png_folder(const char *path, int channels, hebb_array *images,
                                 hebb_array *labels, hebb_names *classes, char *message,
                                 size_t size) {
    folder f = {.channels = channels};
    hebb_status status = hb_report_begin(&f.report, path, message, size);
    if (status == HEBB_OK && images == NULL)
        status = hb_report(&f.report, HEBB_E_NULL, "the images are NULL");
    if (status == HEBB_OK) status = find_files(&f);
    if (status == HEBB_OK) status = read_files(&f);
    hebb_names_free(&f.files);
    free(f.ends);
    if (status == HEBB_OK) {
        give_array(&f.images, images);
        give_array(&f.labels, labels);
        give_names(&f.classes, classes);
        return HEBB_OK;
    }
    hebb_array_free(&f.images);
    hebb_array_free(&f.labels);
    hebb_names_free(&f.classes);
    return status;
}
