/* The command-line tool: picks the command. */
#include <string.h>

#include <hebb/hebb.h>

#include "tool.h"

static const char help[] =
    "Usage: hebb COMMAND [OPTION]...\n"
    "\n"
    "Commands:\n"
    "  bench     times the steps of workloads: where the time goes\n"
    "  check     checks every operation on a device: for a new GPU or a new driver\n"
    "  devices   lists the devices\n"
    "\n"
    "hebb COMMAND --help says more; hebb --version names the library's version.\n";

static const struct {
    const char *name;
    int (*run)(int n, char **arguments);
} commands[] = {{"bench", bench_command}, {"check", check_command}, {"devices", devices_command}};

int main(int argc, char **argv) {
    if (argc < 2) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return EXIT_PASSED;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("hebb %s\n", hebb_version());
        return EXIT_PASSED;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 2, argv + 2);
    fprintf(stderr, "hebb: there is no command %s (try --help)\n", argv[1]);
    return EXIT_USAGE;
}
