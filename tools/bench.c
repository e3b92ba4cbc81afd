/* hebb bench: where the time of a workload goes, step by step. The workloads are those of bench/.
 */
#include <stdlib.h>
#include <string.h>

#include "../bench/workloads.h"
#include "tool.h"

static const char help[] =
    "Usage: hebb bench [--device D] [--seconds S] [WORKLOAD]...\n"
    "       hebb bench --list\n"
    "\n"
    "Runs workloads (all of them, if none is named) and prints for each what its steps\n"
    "take, slowest first:\n"
    "\n"
    "  ms       of a run, in this step and those that are equal to it\n"
    "  share    of all steps; each is waited for, so that together they take longer than\n"
    "           a run that nobody watches, whose time is in the first line\n"
    "  count    how often it is done in a run\n"
    "  GFLOP/s, GB/s   what it computes, and the bytes that it reads and writes\n"
    "  step     its name, what it works on, and how. Names with commas are steps that run\n"
    "           as one: row by row or small ones, whose bytes are as if each ran alone,\n"
    "           though most of them stay in the caches; or side by side. Steps of a scan's\n"
    "           body stand below the scan, indented; their time is part of the scan's.\n"
    "\n"
    "  --device D   cpu (default), opencl, opencl:1, part of a name, auto\n"
    "  --seconds S  how long each is timed, and then profiled; 0.5 if not given\n"
    "  --list       the names of the workloads\n"
    "\n"
    "HEBB_PROFILE=FILE writes the steps of any program as a trace.\n";

typedef struct options {
    const char *device;
    double seconds;
    const char **names;
    int n_names;
} options;

enum { COLUMNS = 100, TEXT_AT = 46 };

/* ---- the table ---- */

/* Up to where a line may end: after a space or a plus, but not within brackets. */
static int part_length(const char *text) {
    int length = 0;
    for (bool inside = false; text[length] != '\0'; length++) {
        if (text[length] == '[' || text[length] == ']') inside = text[length] == '[';
        if (!inside && strchr(" +", text[length]) != NULL) return length + 1;
    }
    return length;
}

/* The text, in lines that begin at column TEXT_AT, further in by `indent`. */
static void print_text(const char *text, int indent) {
    int column = TEXT_AT + indent;
    bool space = false;
    for (int length; *text != '\0'; text += length) {
        length = part_length(text);
        const bool spaced = text[length - 1] == ' ';
        if (column + space + length - spaced > COLUMNS) {
            column = TEXT_AT + indent + 2;
            printf("\n%*s", column, "");
        } else if (space) column += printf(" ");
        column += printf("%.*s", length - spaced, text);
        space = spaced;
    }
    printf("\n");
}

static void print_row(const hebb_profile_row *row, double runs, double all) {
    const double ns = 1e9 * row->seconds;
    char text[2048];
    snprintf(text, sizeof text, "%s %s (%s)", row->name, row->shapes, row->solver);
    printf("%10.4g %6.1f%% %7.0f %8.1f %8.1f  %*s", 1e3 * row->seconds / runs,
           100 * row->seconds / all, (double)row->count / runs, row->flops / ns, row->bytes / ns,
           2 * row->depth, "");
    print_text(text, 2 * row->depth);
}

static void print_profile(const prepared *p, double runs) {
    hebb_profile_row row;
    double all = 0;
    for (size_t k = 0; hebb_session_profile_row(p->session, k, &row) == HEBB_OK; k++)
        if (row.depth == 0) all += row.seconds;
    printf("%10s %7s %7s %8s %8s  %s\n", "ms", "share", "count", "GFLOP/s", "GB/s",
           "step, shapes (solver)");
    for (size_t k = 0; hebb_session_profile_row(p->session, k, &row) == HEBB_OK; k++)
        print_row(&row, runs, all);
}

/* ---- a workload ---- */

static bool profile(prepared *p, const char *name, const char *device) {
    const double seconds = time_calls(workload_run, workload_settle, p);
    hebb_plan_stats stats;
    if (seconds < 0 || hebb_session_profile(p->session, true) != HEBB_OK) return false;
    const uint64_t before = hebb_session_step(p->session);
    const double watched = time_calls(workload_run, workload_settle, p);
    const double runs = (double)(hebb_session_step(p->session) - before);
    if (watched < 0 || hebb_session_profile(p->session, false) != HEBB_OK ||
        hebb_session_stats(p->session, &stats) != HEBB_OK)
        return false;
    printf("%s on %s: %.4g ms a run, %zu steps; profiled for %.0f runs\n\n", name, device,
           1e3 * seconds, stats.steps, runs);
    print_profile(p, runs);
    printf("\n");
    fflush(stdout);
    return true;
}

static const workload *find(const char *name) {
    const workload *w;
    for (size_t i = 0; (w = workload_at(i)) != NULL; i++)
        if (strcmp(workload_name(w), name) == 0) return w;
    return NULL;
}

static bool run_one(const workload *w, hebb_device *device) {
    prepared p;
    workload_prepare(w, device, &p);
    const bool fine = profile(&p, workload_name(w), hebb_device_get_info(device).id);
    if (!fine) fprintf(stderr, "hebb bench: %s: %s\n", workload_name(w), hebb_message(p.session));
    workload_release(&p);
    return fine;
}

static int run_all(const options *opt) {
    hebb_device *device = hebb_device_open(opt->device);
    const workload *w;
    int status = EXIT_PASSED;
    if (hebb_failed(device)) {
        fprintf(stderr, "hebb bench: %s\n", hebb_message(device));
        status = EXIT_USAGE;
    }
    for (int k = 0; k < opt->n_names && status != EXIT_USAGE; k++)
        if (!run_one(find(opt->names[k]), device)) status = EXIT_FAILED;
    for (size_t i = 0; opt->n_names == 0 && status != EXIT_USAGE && (w = workload_at(i)) != NULL;
         i++)
        if (!run_one(w, device)) status = EXIT_FAILED;
    hebb_device_close(device);
    return status;
}

/* ---- arguments ---- */

static int usage_error(const char *message, const char *what) {
    fprintf(stderr, "hebb bench: %s %s (try --help)\n", message, what);
    return EXIT_USAGE;
}

static int take_arguments(options *opt, int n, char **arguments) {
    for (int i = 0; i < n; i++) {
        const char *argument = arguments[i];
        const bool device = strcmp(argument, "--device") == 0;
        if (device || strcmp(argument, "--seconds") == 0) {
            char *end = "";
            if (++i == n) return usage_error("a value is missing after", argument);
            if (device) opt->device = arguments[i];
            else opt->seconds = strtod(arguments[i], &end);
            if (*end != '\0' || !(opt->seconds > 0))
                return usage_error("not a number of seconds:", arguments[i]);
        } else if (*argument == '-') return usage_error("no such option:", argument);
        else if (find(argument) == NULL) return usage_error("there is no workload", argument);
        else opt->names[opt->n_names++] = argument;
    }
    return EXIT_PASSED;
}

static int list(void) {
    const workload *w;
    for (size_t i = 0; (w = workload_at(i)) != NULL; i++) printf("%s\n", workload_name(w));
    return EXIT_PASSED;
}

int bench_command(int n, char **arguments) {
    for (int i = 0; i < n; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            fputs(help, stdout);
            return EXIT_PASSED;
        } else if (strcmp(arguments[i], "--list") == 0) return list();
    options opt = {.device = "cpu", .seconds = 0.5};
    opt.names = calloc((size_t)n + 1, sizeof *opt.names);
    if (opt.names == NULL) return EXIT_FAILED;
    int status = take_arguments(&opt, n, arguments);
    time_calls_for(opt.seconds);
    if (status == EXIT_PASSED) status = run_all(&opt);
    free(opt.names);
    return status;
}
