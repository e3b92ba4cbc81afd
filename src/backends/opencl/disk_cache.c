/* Compiled programs on disk: $HEBB_CACHE_DIR, else $XDG_CACHE_HOME/hebb, else ~/.cache/hebb, a file
   a program, named by the hash of device, driver, options and source. Called by program.c. Nothing
   that goes wrong here is an error: the program is then compiled. Not used with drivers that do the
   same themselves, unless HEBB_CACHE=always. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opencl.h"

static const char magic[8] = "HEBBCL1";

/* What a file begins with; the program's bytes follow. */
typedef struct header {
    char magic[8];
    hb_cl_key key, content;
    uint64_t size;
} header;

static bool wanted(const hb_device *device) {
    const char *choice = getenv("HEBB_CACHE");
    if (choice != NULL && strcmp(choice, "never") == 0) return false;
    return !device->caches_kernels || (choice != NULL && strcmp(choice, "always") == 0);
}

bool hb_cl_cache_folder(char *path, size_t size) {
    const char *hebb = getenv("HEBB_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int n = -1;
    if (hebb != NULL && hebb[0] != '\0') n = snprintf(path, size, "%s", hebb);
    else if (xdg != NULL && xdg[0] == '/') n = snprintf(path, size, "%s/hebb", xdg);
    else if (home != NULL && home[0] == '/') n = snprintf(path, size, "%s/.cache/hebb", home);
    return n > 0 && (size_t)n < size;
}

static bool file_path(hb_cl_key key, char *path, size_t size) {
    char folder[3500];
    if (!hb_cl_cache_folder(folder, sizeof folder)) return false;
    int n = snprintf(path, size, "%s/%016" PRIx64 "%016" PRIx64 ".clbin", folder, key.a, key.b);
    return n > 0 && (size_t)n < size;
}

void hb_cl_make_folders(const char *path) {
    char part[4096];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = strchr(part + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST) return;
        *at = '/';
    }
}

static hb_cl_key content_key(const unsigned char *bytes, size_t size) {
    return hb_cl_hash(HB_CL_KEY_START, bytes, size);
}

/* The file's bytes after its header, or NULL where anything does not fit. */
static unsigned char *read_file(const char *path, hb_cl_key key, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    header head;
    unsigned char *bytes = NULL;
    if (fread(&head, sizeof head, 1, file) == 1 && memcmp(head.magic, magic, sizeof magic) == 0 &&
        memcmp(&head.key, &key, sizeof key) == 0 && head.size > 0 && head.size < (1u << 30)) {
        bytes = malloc((size_t)head.size);
        *size = (size_t)head.size;
        if (bytes != NULL && fread(bytes, 1, *size, file) == *size && fgetc(file) == EOF) {
            hb_cl_key content = content_key(bytes, *size);
            if (memcmp(&content, &head.content, sizeof content) == 0) {
                fclose(file);
                return bytes;
            }
        }
    }
    free(bytes);
    fclose(file);
    return NULL;
}

cl_program hb_cl_disk_load(hb_device *device, hb_cl_key key, const char *options) {
    char path[4096];
    size_t size;
    if (!wanted(device) || !file_path(key, path, sizeof path)) return NULL;
    unsigned char *bytes = read_file(path, key, &size);
    if (bytes == NULL) return NULL;
    cl_int code, state;
    const unsigned char *binary = bytes;
    cl_program program =
        clCreateProgramWithBinary(device->context, 1, &device->id, &size, &binary, &state, &code);
    free(bytes);
    if (code != CL_SUCCESS) return NULL;
    if (state != CL_SUCCESS ||
        clBuildProgram(program, 1, &device->id, options, NULL, NULL) != CL_SUCCESS) {
        clReleaseProgram(program);
        return NULL;
    }
    hb_log("%s: loaded %s", device->info.id, path);
    return program;
}

/* Written aside and renamed, so that no other process sees half a file. */
static void write_file(const char *path, const header *head, const unsigned char *bytes) {
    char aside[4200];
    snprintf(aside, sizeof aside, "%s.%ld", path, (long)getpid());
    hb_cl_make_folders(path);
    FILE *file = fopen(aside, "wb");
    if (file == NULL) return;
    bool whole = fwrite(head, sizeof *head, 1, file) == 1 &&
                 fwrite(bytes, 1, (size_t)head->size, file) == head->size;
    whole = fclose(file) == 0 && whole;
    if (!whole || rename(aside, path) != 0) remove(aside);
}

void hb_cl_disk_save(hb_device *device, hb_cl_key key, cl_program program) {
    char path[4096];
    size_t size = 0;
    if (!wanted(device) || !file_path(key, path, sizeof path)) return;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) !=
            CL_SUCCESS ||
        size == 0)
        return;
    unsigned char *bytes = malloc(size);
    if (bytes == NULL) return;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL) == CL_SUCCESS) {
        header head = {.key = key, .content = content_key(bytes, size), .size = size};
        memcpy(head.magic, magic, sizeof magic);
        write_file(path, &head, bytes);
    }
    free(bytes);
}
