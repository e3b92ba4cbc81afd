/* The commands of the tool `hebb`. Each takes the arguments after its name and returns the exit
   status: 0, 1 if something failed, 2 for arguments that make no sense. */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include <stdbool.h>
#include <stdio.h>

int bench_command(int n, char **arguments);
int check_command(int n, char **arguments);
int devices_command(int n, char **arguments);

enum { EXIT_PASSED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* ---- work in a process of its own ----
   Drivers abort, crash and hang; what they take down then is not the tool. */

typedef struct child {
    int pid;
    FILE *from; /* what the child writes */
} child;

/* Starts work(context, out) in a child that is killed after `seconds` (0: never); false if there is
   no process for it. */
bool child_start(child *c, void (*work)(const void *context, FILE *out), const void *context,
                 unsigned seconds);
/* Waits for it. Returns NULL if it came to its end, else how it ended instead. */
const char *child_end(child *c);

#endif
