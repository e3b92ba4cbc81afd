/* hebb check: every op on the user's device, a line each. An op runs in a process of its own, which
   tells by lines what it does: "start CHECK", "fail MESSAGE", "result CHECK SAMPLES FAILURES
   WORST", "skip CHECK REASON", "end". A process that ends without the last word is a failure of the
   op. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../checks/check.h"
#include "tool.h"

static const char help[] =
    "Usage: hebb check [--device D] [--op NAME]... [--timeout SECONDS] [--verbose]\n"
    "\n"
    "Runs every operation on a device and compares it with a float64 reference, its\n"
    "gradients with central differences and with those of the CPU, and runs that must\n"
    "agree with each other in every bit. One line an operation says how many samples\n"
    "passed in each kind of check:\n"
    "\n"
    "  forward   values against the reference: f32, f64, integers, with optimizations\n"
    "            and without, with sizes known early and late\n"
    "  gradient  derivatives      second  derivatives of derivatives\n"
    "  bits      the same run again, in other memory, on views and copies, in place\n"
    "  errors    bad arguments are refused with the documented error\n"
    "  worst     the largest error as a share of what is allowed\n"
    "\n"
    "  --device D         as listed by hebb devices; a GPU if there is one, else the CPU\n"
    "  --op NAME          only this operation; may be given several times\n"
    "  --timeout SECONDS  gives an operation up after that time; default 600, 0: never\n"
    "  --verbose          a line for each check, and every failure\n"
    "\n"
    "Exit status: 0 if all passed, 1 if something failed, 2 for bad arguments.\n";

#define LINE_SIZE       2048
#define FAILURES_SHOWN  5
#define MOST_REASONS    64
#define DEFAULT_TIMEOUT 600

typedef struct options {
    const char *device;
    const char **ops;
    int n_ops;
    unsigned timeout;
    bool verbose;
} options;

/* ---- in the child ---- */

typedef struct task {
    const descriptor *d;
    const char *device; /* what to open */
} task;

static void write_failure(void *user, const char *message) {
    FILE *out = user;
    fprintf(out, "fail ");
    for (const char *c = message; *c != '\0'; c++) fputc(*c == '\n' ? ' ' : *c, out);
    fprintf(out, "\n");
    fflush(out);
}

static void run_checks(const descriptor *d, const checker *at, FILE *out) {
    for (size_t i = 0; i < check_count(); i++) {
        fprintf(out, "start %zu\n", i);
        fflush(out); /* the next thing may be a crash */
        check_result r = check_run(check_at(i), d, at);
        fprintf(out, "result %zu %zu %zu %.6g\n", i, r.samples, r.failures, r.worst);
        if (r.skipped != NULL) fprintf(out, "skip %zu %s\n", i, r.skipped);
        else if (r.left_out > 0) fprintf(out, "skip %zu some samples: %s\n", i, r.because);
    }
    fprintf(out, "end\n");
}

static void check_op(const void *context, FILE *out) {
    const task *t = context;
    hebb_device *device = hebb_device_open(t->device);
    hebb_device_info info = hebb_device_get_info(device);
    hebb_device *cpu = strcmp(info.id, "cpu") == 0 ? device : hebb_device_open("cpu");
    checker at = {.device = device,
                  .name = info.id,
                  .f64 = info.f64,
                  .cpu = cpu,
                  .fail = write_failure,
                  .user = out};
    if (hebb_failed(device)) write_failure(out, hebb_message(device));
    else if (hebb_failed(cpu)) write_failure(out, hebb_message(cpu));
    else run_checks(t->d, &at, out);
}

/* ---- in the parent: one op ---- */

typedef struct outcome {
    const descriptor *d;
    size_t samples[CHECK_TOPICS], failures[CHECK_TOPICS], failed; /* failed: all of them */
    double worst;
    char messages[FAILURES_SHOWN][LINE_SIZE];
} outcome;

/* Why something was not checked, and for how many ops. */
typedef struct reasons {
    int count;
    struct {
        char text[LINE_SIZE];
        int ops;
    } at[MOST_REASONS];
} reasons;

static void add_reason(reasons *all, size_t number, const char *why) {
    char text[LINE_SIZE];
    snprintf(text, sizeof text, "%s: %.1500s", check_at(number)->name, why);
    int k = 0;
    while (k < all->count && strcmp(all->at[k].text, text) != 0) k++;
    if (k == MOST_REASONS) return;
    if (k == all->count) {
        memcpy(all->at[k].text, text, sizeof text);
        all->count++;
    }
    all->at[k].ops++;
}

static void add_failure(outcome *o, check_topic topic, const char *message) {
    if (o->failed < FAILURES_SHOWN)
        snprintf(o->messages[o->failed], LINE_SIZE, "%.*s", LINE_SIZE - 1, message);
    o->failures[topic]++;
    o->failed++;
}

static void add_result(outcome *o, size_t number, size_t samples, size_t failures, double worst,
                       bool verbose) {
    const check *c = check_at(number);
    o->samples[c->topic] += samples;
    if (worst > o->worst) o->worst = worst;
    if (verbose && samples > 0)
        printf("  %-26s %4zu samples, %zu failed, worst %.2f\n", c->name, samples, failures, worst);
}

/* Reads what the child tells; returns whether it came to the end, and the check it was in. */
static bool read_outcome(FILE *from, outcome *o, reasons *why, bool verbose, size_t *number) {
    char line[LINE_SIZE];
    size_t samples, failures;
    double worst;
    int at;
    while (fgets(line, sizeof line, from) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "end") == 0) return true;
        if (sscanf(line, "start %zu", number) == 1) continue;
        if (sscanf(line, "result %zu %zu %zu %lf", number, &samples, &failures, &worst) == 4)
            add_result(o, *number, samples, failures, worst, verbose);
        else if (sscanf(line, "skip %zu %n", number, &at) == 1) add_reason(why, *number, line + at);
        else if (strncmp(line, "fail ", 5) == 0) {
            add_failure(o, check_at(*number)->topic, line + 5);
            if (verbose) printf("  FAILED %s\n", line + 5);
        }
    }
    return false;
}

static void run_op(const descriptor *d, const options *opt, outcome *o, reasons *why) {
    task t = {.d = d, .device = opt->device};
    child c;
    size_t number = 0;
    char message[LINE_SIZE];
    *o = (outcome){.d = d};
    if (!child_start(&c, check_op, &t, opt->timeout)) {
        add_failure(o, CHECK_FORWARD, "no process could be started for it");
        return;
    }
    bool ended = read_outcome(c.from, o, why, opt->verbose, &number);
    const char *how = child_end(&c);
    if (ended || (how == NULL && o->failed > 0)) return; /* or the device did not open */
    snprintf(message, sizeof message, "%s: %s: %s", d->name, check_at(number)->name,
             how != NULL ? how : "the process ended early");
    add_failure(o, check_at(number)->topic, message);
}

/* ---- the table ---- */

static const struct {
    const char *title;
    int width;
} columns[CHECK_TOPICS] = {[CHECK_FORWARD] = {"forward", 7},
                           [CHECK_GRADIENT] = {"gradient", 8},
                           [CHECK_SECOND] = {"second", 6},
                           [CHECK_BITS] = {"bits", 6},
                           [CHECK_ERRORS] = {"errors", 6}};

static void print_header(void) {
    printf("%-30s", "op");
    for (int k = 0; k < CHECK_TOPICS; k++) printf(" %*s", columns[k].width, columns[k].title);
    printf("  %5s\n", "worst");
}

static void print_outcome(const outcome *o, bool verbose) {
    printf("%-30s", o->d->name);
    for (int k = 0; k < CHECK_TOPICS; k++) {
        if (o->failures[k] > 0) printf(" %*s", columns[k].width, "FAILED");
        else if (o->samples[k] == 0) printf(" %*s", columns[k].width, "-");
        else printf(" %*zu", columns[k].width, o->samples[k]);
    }
    printf("  %5.2f\n", o->worst);
    for (size_t k = 0; k < o->failed && k < FAILURES_SHOWN && !verbose; k++)
        printf("  %s\n", o->messages[k]);
    if (o->failed > FAILURES_SHOWN && !verbose)
        printf("  and %zu more; --verbose shows them\n", o->failed - FAILURES_SHOWN);
    fflush(stdout);
}

static void print_reasons(const reasons *why) {
    if (why->count > 0) printf("\nNot checked:\n");
    for (int k = 0; k < why->count; k++)
        printf("  %s (%d %s)\n", why->at[k].text, why->at[k].ops,
               why->at[k].ops == 1 ? "op" : "ops");
}

static bool chosen(const options *opt, const char *name) {
    for (int k = 0; k < opt->n_ops; k++)
        if (strcmp(opt->ops[k], name) == 0) return true;
    return opt->n_ops == 0;
}

static int run_all(const options *opt) {
    static reasons why; /* large */
    static outcome o;
    size_t ops = 0, failed_ops = 0, samples = 0;
    time_t start = time(NULL);
    print_header();
    for (size_t i = 0; i < descriptor_count(); i++) {
        const descriptor *d = descriptor_at(i);
        if (!chosen(opt, d->name)) continue;
        run_op(d, opt, &o, &why);
        print_outcome(&o, opt->verbose);
        for (int k = 0; k < CHECK_TOPICS; k++) samples += o.samples[k];
        failed_ops += o.failed > 0;
        ops++;
    }
    print_reasons(&why);
    printf("\n%zu ops, %zu samples, %.0f s: ", ops, samples, difftime(time(NULL), start));
    if (failed_ops == 0) printf("all passed\n");
    else printf("%zu %s FAILED\n", failed_ops, failed_ops == 1 ? "op" : "ops");
    return failed_ops == 0 ? EXIT_PASSED : EXIT_FAILED;
}

/* ---- the device, opened in a child, since drivers do not survive a fork ---- */

static void describe(const void *context, FILE *out) {
    hebb_device *device = hebb_device_open(context);
    hebb_device_info info = hebb_device_get_info(device);
    if (hebb_failed(device)) fprintf(out, "%s", hebb_message(device));
    else
        fprintf(out, "ok %s: %s, %s, %s float64", info.id, info.name, info.driver,
                info.f64 ? "with" : "without");
}

static int print_device(const options *opt) {
    char text[4 * LINE_SIZE];
    child c;
    if (!child_start(&c, describe, opt->device, opt->timeout)) {
        fprintf(stderr, "hebb check: no process can be started\n");
        return EXIT_FAILED;
    }
    size_t n = fread(text, 1, sizeof text - 1, c.from);
    text[n] = '\0';
    const char *how = child_end(&c);
    if (how == NULL && strncmp(text, "ok ", 3) == 0) {
        printf("%s\n\n", text + 3);
        return EXIT_PASSED;
    }
    fprintf(stderr, "hebb check: %s%s\n", how != NULL ? "opening the device: " : "",
            how != NULL ? how : text);
    return how != NULL ? EXIT_FAILED : EXIT_USAGE;
}

/* ---- arguments ---- */

static int usage_error(const char *message, const char *what) {
    fprintf(stderr, "hebb check: %s %s (try --help)\n", message, what);
    return EXIT_USAGE;
}

/* The value of an option: what follows "=", or the next argument; NULL if there is none. */
static const char *value_of(const char *name, int n, char **arguments, int *at) {
    size_t length = strlen(name);
    if (arguments[*at][length] == '=') return arguments[*at] + length + 1;
    return *at + 1 < n ? arguments[++*at] : NULL;
}

static bool is_option(const char *argument, const char *name) {
    size_t length = strlen(name);
    return strncmp(argument, name, length) == 0 &&
           (argument[length] == '\0' || argument[length] == '=');
}

static int take_value(options *opt, const char *name, const char *value) {
    char *end;
    if (value == NULL) return usage_error("a value is missing after", name);
    if (strcmp(name, "--device") == 0) opt->device = value;
    else if (strcmp(name, "--op") == 0) {
        if (descriptor_find(value) == NULL) return usage_error("there is no operation", value);
        opt->ops[opt->n_ops++] = value;
    } else {
        unsigned long seconds = strtoul(value, &end, 10);
        if (*end != '\0' || end == value || *value == '-' || seconds > 1000000)
            return usage_error("not a number of seconds:", value);
        opt->timeout = (unsigned)seconds;
    }
    return EXIT_PASSED;
}

static int take_arguments(options *opt, int n, char **arguments) {
    static const char *const with_value[] = {"--device", "--op", "--timeout"};
    for (int i = 0; i < n; i++) {
        const char *name = NULL;
        for (size_t k = 0; k < COUNT(with_value); k++)
            if (is_option(arguments[i], with_value[k])) name = with_value[k];
        if (strcmp(arguments[i], "--verbose") == 0) opt->verbose = true;
        else if (name == NULL) return usage_error("no such option:", arguments[i]);
        else {
            int status = take_value(opt, name, value_of(name, n, arguments, &i));
            if (status != EXIT_PASSED) return status;
        }
    }
    return EXIT_PASSED;
}

int check_command(int n, char **arguments) {
    for (int i = 0; i < n; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            fputs(help, stdout);
            return EXIT_PASSED;
        }
    options opt = {.timeout = DEFAULT_TIMEOUT};
    opt.ops = calloc((size_t)n + 1, sizeof *opt.ops);
    if (opt.ops == NULL) return EXIT_FAILED;
    int status = take_arguments(&opt, n, arguments);
    if (status == EXIT_PASSED) status = print_device(&opt);
    if (status == EXIT_PASSED) status = run_all(&opt);
    free(opt.ops);
    return status;
}
