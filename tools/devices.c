/* hebb devices: what there is to compute on. */
#include <string.h>

#include <hebb/hebb.h>

#include "tool.h"

static const char help[] =
    "Usage: hebb devices\n"
    "\n"
    "Lists the devices, each with the name that --device and hebb_device_open() take. A part of a\n"
    "device's name or driver will do as well.\n";

static void print_device(const hebb_device_info *info) {
    printf("%-10s %s\n", info->id, info->name);
    printf("%-10s %s; %d %s, %.1f GiB, %s float64\n", "", info->driver, info->units,
           info->gpu ? "compute units" : "cores", (double)info->memory / (1 << 30),
           info->f64 ? "with" : "without");
}

int devices_command(int n, char **arguments) {
    if (n > 0 && (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0)) {
        fputs(help, stdout);
        return EXIT_PASSED;
    }
    if (n > 0) {
        fprintf(stderr, "hebb devices: takes no argument %s (try --help)\n", arguments[0]);
        return EXIT_USAGE;
    }
    for (int i = 0; i < hebb_device_count(); i++) {
        hebb_device_info info;
        if (hebb_device_describe(i, &info) == HEBB_OK) print_device(&info);
        else printf("device %d cannot be described\n", i);
    }
    return EXIT_PASSED;
}
