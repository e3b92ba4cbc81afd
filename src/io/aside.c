/* Writes files aside (file.h): a full disk or a kill at any moment leaves the old file. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

static hebb_status fail(const hb_aside *a, int error) {
    return hb_report(&a->report, HEBB_E_FILE, "cannot be written: %s", strerror(error));
}

static bool is_special(const char *path) {
    struct stat there;
    return stat(path, &there) == 0 && !S_ISREG(there.st_mode);
}

hebb_status hb_aside_open(hb_aside *a, const report *r) {
    *a = (hb_aside){.report = *r, .file = -1};
    if (is_special(r->path)) {
        a->file = open(r->path, O_WRONLY);
        return a->file < 0 ? fail(a, errno) : HEBB_OK;
    }
    size_t length = strlen(r->path);
    a->name = malloc(length + 5);
    if (a->name == NULL) return hb_report(r, HEBB_E_MEMORY, "out of memory");
    memcpy(a->name, r->path, length);
    memcpy(a->name + length, ".tmp", 5);
    a->file = open(a->name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    return a->file < 0 ? fail(a, errno) : HEBB_OK;
}

hebb_status hb_aside_write(hb_aside *a, const void *bytes, size_t size) {
    for (const char *at = bytes; size > 0;) {
        ssize_t wrote = write(a->file, at, size < (1u << 30) ? size : 1u << 30);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return fail(a, wrote < 0 ? errno : ENOSPC);
        at += wrote;
        size -= (size_t)wrote;
        a->offset += wrote;
    }
    return HEBB_OK;
}

hebb_status hb_aside_patch(hb_aside *a, int64_t at, const void *bytes, size_t size) {
    ssize_t wrote = pwrite(a->file, bytes, size, (off_t)at);
    return wrote == (ssize_t)size ? HEBB_OK : fail(a, wrote < 0 ? errno : ENOSPC);
}

/* The new name outlives a crash only if the folder is on the disk, too. Some file systems cannot do
   that; the file is complete all the same. */
static void flush_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash == path) slash[1] = '\0';
    else if (slash != NULL) *slash = '\0';
    int folder = open(slash == NULL ? "." : path, O_RDONLY);
    if (folder < 0) return;
    fsync(folder);
    close(folder);
}

hebb_status hb_aside_close(hb_aside *a, hebb_status status) {
    bool opened = a->file >= 0;
    /* EINVAL: what has no disk behind it cannot be flushed to one. */
    if (opened && status == HEBB_OK && fsync(a->file) != 0 && errno != EINVAL)
        status = fail(a, errno);
    if (opened && close(a->file) != 0 && status == HEBB_OK) status = fail(a, errno);
    if (a->name == NULL) {
        *a = (hb_aside){.file = -1};
        return status;
    }
    if (opened && status == HEBB_OK && rename(a->name, a->report.path) != 0)
        status = fail(a, errno);
    if (opened && status != HEBB_OK) unlink(a->name);
    if (status == HEBB_OK) flush_folder(a->name);
    free(a->name);
    *a = (hb_aside){.file = -1};
    return status;
}
