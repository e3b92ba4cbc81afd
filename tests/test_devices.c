/* Opening devices by every kind of name, and what is said where there is none. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/devices.h"

Test(devices, the_cpu_comes_first) {
    hebb_device_info info;
    cr_assert_geq(hebb_device_count(), 1);
    cr_assert_eq(hebb_device_describe(0, &info), HEBB_OK);
    cr_expect_str_eq(info.id, "cpu");
    cr_expect_gt(strlen(info.name), 0);
    cr_expect_gt(info.memory, 1u << 20);
    cr_expect_geq(info.units, 1);
    cr_expect(info.f64);
}

Test(devices, indices_out_of_range) {
    hebb_device_info info;
    cr_expect_eq(hebb_device_describe(-1, &info), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_device_describe(hebb_device_count(), &info), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_device_describe(0, NULL), HEBB_E_NULL);
}

static void expect_opens(const char *which, const char *id) {
    hebb_device *device = hebb_device_open(which);
    cr_expect_eq(hebb_device_status(device), HEBB_OK, "%s: %s", which, hebb_message(device));
    hebb_device_info info = hebb_device_get_info(device);
    if (id != NULL) cr_expect_str_eq(info.id, id, "%s opened %s", which, info.id);
    hebb_device_close(device);
}

/* Every device opens by its id, and "opencl" is the first of its kind. */
Test(devices, open_by_id) {
    bool first_opencl = true;
    for (int i = 0; i < hebb_device_count(); i++) {
        hebb_device_info info;
        cr_assert_eq(hebb_device_describe(i, &info), HEBB_OK);
        expect_opens(info.id, info.id);
        if (strncmp(info.id, "opencl", 6) == 0 && first_opencl) {
            expect_opens("opencl", info.id);
            first_opencl = false;
        }
    }
    expect_opens("auto", NULL);
    expect_opens(NULL, NULL);
}

/* Part of a name, in either letter case. */
Test(devices, the_case_of_letters_does_not_matter) {
    static const char *const names[] = {"CPU", "Cpu:0", "Auto"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        hebb_device *device = hebb_device_open(names[k]);
        cr_expect_not(hebb_failed(device), "%s", hebb_message(device));
        hebb_device_close(device);
    }
}

Test(devices, open_by_part_of_a_name) {
    hebb_device_close(opencl_device());
    for (int i = 0; i < hebb_device_count(); i++) {
        hebb_device_info info;
        hebb_device_describe(i, &info);
        if (strcmp(info.id, "opencl:0") != 0) continue;
        size_t n = strlen(info.name);
        char part[128], *text = n > 8 ? &info.name[n / 2] : info.name;
        for (n = 0; text[n] != '\0'; n++)
            part[n] =
                (char)(n % 2 ? toupper((unsigned char)text[n]) : tolower((unsigned char)text[n]));
        part[n] = '\0';
        hebb_device *device = hebb_device_open(part);
        cr_expect_not(hebb_failed(device), "'%s': %s", part, hebb_message(device));
        hebb_device_close(device);
    }
}

static void expect_refused(const char *which) {
    hebb_device *device = hebb_device_open(which);
    cr_assert_not_null(device);
    cr_expect_eq(hebb_device_status(device), HEBB_E_DEVICE, "'%s' opened", which);
    cr_expect_not_null(strstr(hebb_message(device), which), "%s", hebb_message(device));
    cr_expect_not_null(strstr(hebb_message(device), "cpu"), "the message lists no devices: %s",
                       hebb_message(device));
    cr_expect_eq(hebb_device_get_info(device).units, 0);
    cr_expect_neq(hebb_device_set_threads(device, 1), HEBB_OK);
    hebb_device_close(device);
}

Test(devices, that_do_not_exist) {
    static const char *const names[] = {"no such device", "opencl:99", "opencl:-1",
                                        "opencl:x",       "cpu:7",     "opencl:0x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) expect_refused(names[i]);
}

Test(devices, null) {
    cr_expect_eq(hebb_device_status(NULL), HEBB_E_NULL);
    cr_expect_gt(strlen(hebb_device_message(NULL)), 0);
    cr_expect_eq(hebb_device_get_info(NULL).units, 0);
    cr_expect_neq(hebb_device_set_threads(NULL, 1), HEBB_OK);
    hebb_device_close(NULL);
}

Test(devices, threads_belong_to_the_cpu) {
    hebb_device *cpu = cpu_device(), *opencl = opencl_device();
    cr_expect_eq(hebb_device_set_threads(cpu, 2), HEBB_OK);
    cr_expect_eq(hebb_device_set_threads(cpu, 0), HEBB_OK);
    cr_expect_eq(hebb_device_set_threads(cpu, -1), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_device_set_threads(opencl, 2), HEBB_E_UNSUPPORTED);
    hebb_device_close(cpu);
    hebb_device_close(opencl);
}

/* The ICD loader reads its directory once, at the first OpenCL call of the process: this test has
   one of its own. */
Test(devices, without_any_opencl_platform) {
    char empty[] = "/tmp/hebb-no-opencl-XXXXXX";
    cr_assert_not_null(mkdtemp(empty));
    setenv("OCL_ICD_VENDORS", empty, 1);
    setenv("OPENCL_VENDOR_PATH", empty, 1);
    cr_expect_eq(hebb_device_count(), 1);
    expect_refused("opencl");
    expect_refused("opencl:0");
    expect_opens("auto", "cpu");
    expect_opens("cpu", "cpu");
    rmdir(empty);
}
