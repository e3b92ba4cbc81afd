/* Devices as the user sees them: listing, choosing, opening. The work is the backends'. */
#include <ctype.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "plan.h"

/* ---- listing ---- */

static hebb_status describe(const hb_backend *backend, int index, hebb_device_info *info,
                            hb_error *error) {
    *info = (hebb_device_info){0};
    return backend->describe(index, info, error);
}

int hebb_device_count(void) {
    int count = 0;
    for (const hb_backend *const *b = hb_backends; *b != NULL; b++) count += (*b)->count();
    return count;
}

hebb_status hebb_device_describe(int index, hebb_device_info *info) {
    if (info == NULL) return HEBB_E_NULL;
    *info = (hebb_device_info){0};
    if (index < 0) return HEBB_E_ARGUMENT;
    for (const hb_backend *const *b = hb_backends; *b != NULL; b++) {
        int n = (*b)->count();
        hb_error ignored;
        if (index < n) return describe(*b, index, info, &ignored);
        index -= n;
    }
    return HEBB_E_ARGUMENT;
}

/* ---- choosing ---- */

/* Whatever the case of the letters. */
static bool begins(const char *text, const char *start) {
    while (*start != '\0' && tolower((unsigned char)*text) == tolower((unsigned char)*start))
        text++, start++;
    return *start == '\0';
}

static bool contains(const char *text, const char *part) {
    for (; *text != '\0'; text++)
        if (begins(text, part)) return true;
    return false;
}

typedef struct choice {
    const hb_backend *backend;
    int index;
    hebb_device_info info;
} choice;

/* "cpu", "opencl", "opencl:1": a backend's name with an optional number. */
static bool names_backend(const hb_backend *backend, const char *which, int *index) {
    size_t n = strlen(backend->name);
    if (!begins(which, backend->name)) return false;
    *index = 0;
    if (which[n] == '\0') return true;
    char *end;
    if (which[n] != ':' || !isdigit((unsigned char)which[n + 1])) return false;
    long number = strtol(which + n + 1, &end, 10);
    *index = number > 9999 ? 9999 : (int)number;
    return *end == '\0';
}

static bool fits(const choice *c, const char *which) {
    return contains(c->info.name, which) || contains(c->info.driver, which);
}

/* "auto": the first device that calls itself a GPU, else the first there is. */
static bool pick_auto(const choice *c) { return strncmp(c->info.id, "cpu", 3) != 0 && c->info.gpu; }

static bool search(const char *which, bool (*accept)(const choice *c), choice *found) {
    for (const hb_backend *const *b = hb_backends; *b != NULL; b++)
        for (int k = 0, n = (*b)->count(); k < n; k++) {
            hb_error ignored;
            choice c = {.backend = *b, .index = k};
            if (describe(*b, k, &c.info, &ignored) != HEBB_OK) continue;
            if (accept != NULL ? accept(&c) : fits(&c, which)) {
                *found = c;
                return true;
            }
        }
    return false;
}

static bool choose(const char *which, choice *found) {
    if (which == NULL || (begins(which, "auto") && which[4] == '\0')) {
        if (!search(NULL, pick_auto, found)) *found = (choice){.backend = hb_backends[0]};
        return true;
    }
    for (const hb_backend *const *b = hb_backends; *b != NULL; b++)
        if (names_backend(*b, which, &found->index)) {
            found->backend = *b;
            return found->index < (*b)->count();
        }
    return *which != '\0' && search(which, NULL, found);
}

/* The message for a device that is not there, with those that are. */
static void list_devices(const char *which, hb_error *error) {
    char list[HB_MESSAGE_SIZE - 200];
    size_t at = 0;
    list[0] = '\0';
    for (int k = 0, n = hebb_device_count(); k < n && at < sizeof list; k++) {
        hebb_device_info info;
        if (hebb_device_describe(k, &info) == HEBB_OK)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s (%s)", at > 0 ? ", " : "",
                                   info.id, info.name);
    }
    hb_fail(error, HEBB_E_DEVICE, "no device \"%.100s\"; there are: %s", which, list);
}

/* ---- opening ---- */

static hebb_device no_memory = {.error = {HEBB_E_MEMORY, "out of memory: a device"}};

hebb_device *hebb_device_open(const char *which) {
    hebb_device *device = calloc(1, sizeof *device);
    if (device == NULL) return &no_memory;
    choice c = {0};
    if (!choose(which, &c)) list_devices(which, &device->error);
    else if (c.backend->open(c.index, &device->device, &device->error) == HEBB_OK) {
        device->error.status = HEBB_OK;
        device->backend = c.backend;
        hb_error ignored;
        describe(c.backend, c.index, &device->info, &ignored);
        hb_log("device %s: %s, %s, %d units", device->info.id, device->info.name,
               device->info.driver, device->info.units);
    }
    return device;
}

void hebb_device_close(hebb_device *device) {
    if (device == NULL || device == &no_memory) return;
    if (device->device != NULL) device->backend->close(device->device);
    free(device);
}

hebb_status hebb_device_status(const hebb_device *device) {
    return device == NULL ? HEBB_E_NULL : device->error.status;
}

const char *hebb_device_message(const hebb_device *device) {
    if (device == NULL) return "the device is NULL";
    return device->error.status == HEBB_OK ? "" : device->error.message;
}

hebb_device_info hebb_device_get_info(const hebb_device *device) {
    return device == NULL ? (hebb_device_info){0} : device->info;
}

hebb_status hebb_device_set_threads(hebb_device *device, int threads) {
    if (device == NULL) return HEBB_E_NULL;
    if (device->device == NULL) return device->error.status;
    if (device->backend->set_threads == NULL) return HEBB_E_UNSUPPORTED;
    hb_error ignored;
    return device->backend->set_threads(device->device, threads, &ignored);
}
