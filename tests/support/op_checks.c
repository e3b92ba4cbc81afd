/* Checks as tests: see op_checks.h. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "devices.h"
#include "op_checks.h"
#include "tally.h"

static void fail(void *user, const char *message) { cr_expect_fail("%s", message); }

static check_group group_of(const check *c) {
    if (c->topic == CHECK_SECOND) return OF_SECOND_GRADIENTS;
    return c->topic == CHECK_GRADIENT || c->traits & CHECK_DERIVES ? OF_GRADIENTS : OF_VALUES;
}

/* The device that checks run on, and the CPU, which may be the same. */
static checker checker_on(const char *name) {
    hebb_device *device = device_named(name);
    return (checker){.device = device,
                     .name = name,
                     .f64 = hebb_device_get_info(device).f64,
                     .cpu = strcmp(name, "cpu") == 0 ? device : cpu_device(),
                     .fail = fail};
}

static void close_devices(checker *at) {
    if (at->cpu != at->device) hebb_device_close(at->cpu);
    hebb_device_close(at->device);
}

static void run_on(const descriptor *d, unsigned groups, const checker *at) {
    for (size_t i = 0; i < check_count(); i++) {
        const check *c = check_at(i);
        if (!(groups & group_of(c))) continue;
        /* Errors are found before there is a device. */
        if (c->topic == CHECK_ERRORS && at->cpu != at->device) continue;
        if (c->traits & CHECK_AGAIN && at->cpu != at->device && getenv("HEBB_TESTS_FULL") == NULL) {
            tally_skipped(
                d->name, c->name, at->name,
                "others check the same text in another type or fused; HEBB_TESTS_FULL=1 runs it");
            continue;
        }
        check_result r = check_run(c, d, at);
        tally(d->name, c->name, at->name, r.samples);
        if (r.skipped != NULL) tally_skipped(d->name, c->name, at->name, r.skipped);
        else if (r.left_out > 0) tally_left_out(c->name, at->name, r.left_out, r.because);
    }
}

void run_checks(size_t number, unsigned groups, const char *device) {
    checker at = checker_on(device);
    run_on(descriptor_at(number), groups, &at);
    close_devices(&at);
}

void run_share(size_t share, unsigned groups, const char *device) {
    const size_t count = descriptor_count();
    checker at = checker_on(device);
    for (size_t i = share * count / SHARES; i < (share + 1) * count / SHARES; i++)
        run_on(descriptor_at(i), groups, &at);
    close_devices(&at);
}

/* 0 to count - 1. */
static struct criterion_test_params numbers(size_t count) {
    static int list[1024];
    for (size_t i = 0; i < count; i++) list[i] = (int)i;
    return cr_make_param_array(int, list, count);
}

struct criterion_test_params every_descriptor(void) {
    return numbers(descriptor_count());
}
struct criterion_test_params every_share(void) {
    return numbers(SHARES);
}
