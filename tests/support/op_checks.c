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

void run_checks(const descriptor *d, check_group group, const char *name) {
    hebb_device *device = device_named(name), *cpu = device;
    if (strcmp(name, "cpu") != 0) cpu = cpu_device();
    checker at = {.device = device,
                  .name = name,
                  .f64 = hebb_device_get_info(device).f64,
                  .cpu = cpu,
                  .fail = fail};
    for (size_t i = 0; i < check_count(); i++) {
        const check *c = check_at(i);
        if (group_of(c) != group) continue;
        /* Errors are found before there is a device. */
        if (c->topic == CHECK_ERRORS && cpu != device) continue;
        if (c->traits & CHECK_AGAIN && cpu != device && getenv("HEBB_TESTS_FULL") == NULL) {
            tally_skipped(
                d->name, c->name, name,
                "others check the same text in another type or fused; HEBB_TESTS_FULL=1 runs it");
            continue;
        }
        check_result r = check_run(c, d, &at);
        tally(d->name, c->name, name, r.samples);
        if (r.skipped != NULL) tally_skipped(d->name, c->name, name, r.skipped);
        else if (r.left_out > 0) tally_left_out(c->name, name, r.left_out, r.because);
    }
    if (cpu != device) hebb_device_close(cpu);
    hebb_device_close(device);
}

struct criterion_test_params every_descriptor(void) {
    static int numbers[1024];
    size_t count = descriptor_count();
    for (size_t i = 0; i < count; i++) numbers[i] = (int)i;
    return cr_make_param_array(int, numbers, count);
}
