/* SPDX-License-Identifier: Apache-2.0
 *
 * Written by one system call, to a descriptor that may be a full pipe nobody reads: it is asked first. Context: crash.
 */
#include "crash/message.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/target.h"
#include "safe/text.h"

enum { LINE_ROOM = 4096 /* at most PIPE_BUF: all or nothing */, WAIT = 1000 /* milliseconds */ };

/* strerror() takes a lock and may load a catalogue: the causes that are likely here in our own words. */
static const struct {
    int number;
    const char *text;
} causes[] = {
    {EACCES, "Permission denied"},
    {EDQUOT, "Disk quota exceeded"},
    {EEXIST, "File exists"},
    {EFBIG, "File too large"},
    {EIO, "Input/output error"},
    {EMFILE, "Too many open files"},
    {ENFILE, "Too many open files in system"},
    {ENAMETOOLONG, "File name too long"},
    {ENOENT, "No such file or directory"},
    {ENOMEM, "Cannot allocate memory"},
    {ENOSPC, "No space left on device"},
    {ENOTDIR, "Not a directory"},
    {EPERM, "Operation not permitted"},
    {EROFS, "Read-only file system"},
};

static void put_cause(struct phd_text *line, int number)
{
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (causes[i].number == number) {
            phd__text_string(line, causes[i].text);
            return;
        }
    }
    phd__text_string(line, "error ");
    phd__text_signed(line, number);
}

static void write_line(const struct phd_text *line)
{
    struct pollfd stderr_fd = {STDERR_FILENO, POLLOUT, 0};
    if (poll(&stderr_fd, 1, WAIT) != 1 || stderr_fd.revents != POLLOUT)
        return; /* closed, or nobody reads it: the program's end must not wait for that */
    if (line->full)
        line->data[line->used - 1] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line->data, line->used);
    (void)ignored;
}

/* `path` is NULL when the writer could not even tell its name. */
static void say_written(const char *path, const char *directory, const struct phd_result *result)
{
    char storage[LINE_ROOM];
    struct phd_text line;
    phd__text_init(&line, storage, sizeof storage);
    phd__text_string(&line, path ? "pyheapdump: wrote " : "pyheapdump: wrote a dump in ");
    phd__text_string(&line, path ? path : directory);
    if (result->bytes) { /* else the writer could tell no more than that it succeeded */
        phd__text_string(&line, " (");
        phd__text_size(&line, result->bytes);
        if (result->write_errno) {
            phd__text_string(&line, "; cut: ");
            put_cause(&line, result->write_errno);
        } else if (!result->complete) {
            phd__text_string(&line, "; not complete, it says what is missing");
        }
        phd__text_string(&line, ")");
    }
    if (path) {
        phd__text_string(&line, "; open it with: python -m pyheapdump.view ");
        phd__text_string(&line, path);
    }
    phd__text_string(&line, "\n");
    write_line(&line);
}

static bool is_begun(const char *temporary)
{
    struct stat info;
    return stat(temporary, &info) == 0 && info.st_size > 0;
}

static void say_failed(const char *beginning, const char *path, const struct phd_error *error)
{
    char storage[LINE_ROOM];
    struct phd_text line;
    phd__text_init(&line, storage, sizeof storage);
    phd__text_string(&line, "pyheapdump: ");
    phd__text_string(&line, beginning);
    phd__text_string(&line, path);
    phd__text_string(&line, ": ");
    phd__text_string(&line, phd_status_text(error->status));
    phd__text_string(&line, " (");
    phd__text_string(&line, error->step);
    if (error->system_errno) {
        phd__text_string(&line, ": ");
        put_cause(&line, error->system_errno);
    }
    phd__text_string(&line, ")\n");
    write_line(&line);
}

/* A file system that has not answered the writer is not asked. */
static void say_what_is_left(const struct phd_target *target, bool overran, const struct phd_error *error)
{
    if (overran)
        say_failed("the dump is cut, or was not begun: ", target->temporary, error);
    else if (is_begun(target->temporary))
        say_failed("the dump is cut: ", target->temporary, error);
    else
        say_failed("no dump at ", target->final, error);
}

void phd__say_result(const char *directory, int pid, bool quiet, const struct phd_snapshot *snapshot)
{
    struct phd_target target;
    bool named = snapshot->named && phd__target_name(&target, directory, pid, snapshot->sequence);
    if (snapshot->status == PHD_OK && !quiet)
        say_written(named ? target.final : NULL, directory, &snapshot->result);
    else if (snapshot->status != PHD_OK && named)
        say_what_is_left(&target, snapshot->overran, &snapshot->error);
    else if (snapshot->status != PHD_OK)
        say_failed("no dump at ", directory, &snapshot->error);
}
