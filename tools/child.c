/* Work in a process of its own: see tool.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

bool child_start(child *c, void (*work)(const void *context, FILE *out), const void *context,
                 unsigned seconds) {
    int ends[2];
    fflush(NULL); /* or both processes would write what is still in the buffers */
    if (pipe(ends) != 0) return false;
    c->pid = fork();
    if (c->pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (c->pid == 0) {
        close(ends[0]);
        FILE *out = fdopen(ends[1], "w");
        if (out == NULL) _exit(EXIT_FAILED);
        alarm(seconds);
        work(context, out);
        fflush(out);
        _exit(EXIT_PASSED); /* not exit(): drivers have been seen to crash on their way out */
    }
    close(ends[1]);
    c->from = fdopen(ends[0], "r");
    return c->from != NULL;
}

const char *child_end(child *c) {
    int status = 0;
    fclose(c->from);
    while (waitpid(c->pid, &status, 0) < 0)
        if (errno != EINTR) return "lost";
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGALRM ? "took too long" : strsignal(WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) return "the process exited by itself";
    return NULL;
}
