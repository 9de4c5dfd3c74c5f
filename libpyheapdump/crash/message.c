/* SPDX-License-Identifier: Apache-2.0
 *
 * Written by one system call, to a descriptor that may be a full pipe nobody reads: it is asked first. A pipe that says
 * yes takes PIPE_BUF bytes, a socket or a terminal more than that. Context: crash.
 */
#include "crash/message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
#include "place/target.h"
#include "safe/text.h"

enum { LINE_ROOM = 4096 /* at most PIPE_BUF: all or nothing */ };

enum stderr_state { UNKNOWN, THERE, ABSENT };

static struct {
    _Atomic int state; /* written last */
    dev_t device;
    ino_t inode;
} noted;

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

void phd__stderr_note(bool there)
{
    struct stat info;
    atomic_store(&noted.state, ABSENT);
    if (!there || fstat(STDERR_FILENO, &info) != 0)
        return;
    noted.device = info.st_dev;
    noted.inode = info.st_ino;
    atomic_store(&noted.state, THERE);
}

void phd__stderr_note_once(void)
{
    if (atomic_load(&noted.state) == UNKNOWN)
        phd__stderr_note(true);
}

static bool is_noted(const struct stat *info)
{
    return info->st_dev == noted.device && info->st_ino == noted.inode;
}

/* What a program puts in the place of its stderr: a terminal, a pipe, a log. Not a file that merely got the number of a
 * stderr that was closed, nor a connection. */
static bool can_replace_stderr(const struct stat *info)
{
    if (S_ISREG(info->st_mode))
        return fcntl(STDERR_FILENO, F_GETFL) & O_APPEND;
    return S_ISCHR(info->st_mode) || S_ISFIFO(info->st_mode);
}

static bool is_stderr(void)
{
    struct stat info;
    if (atomic_load(&noted.state) != THERE)
        return atomic_load(&noted.state) == UNKNOWN;
    return fstat(STDERR_FILENO, &info) == 0 && (is_noted(&info) || can_replace_stderr(&info));
}

void phd__say_line(const char *line, size_t length)
{
    struct pollfd stderr_fd = {STDERR_FILENO, POLLOUT, 0};
    if (atomic_load(&noted.state) == ABSENT || poll(&stderr_fd, 1, 0) != 1 || stderr_fd.revents != POLLOUT)
        return; /* closed, or nobody reads it: the program must not wait for that */
    ssize_t ignored = write(STDERR_FILENO, line, length < LINE_ROOM ? length : LINE_ROOM);
    (void)ignored;
}

/* Where the program itself would write nothing. */
static void write_line(const struct phd_text *line)
{
    if (line->full)
        line->data[line->used - 1] = '\n';
    if (is_stderr())
        phd__say_line(line->data, line->used);
}

static void put_refusal(struct phd_text *line, const char *directory, int refused_errno)
{
    phd__text_string(line, "; not in ");
    phd__text_string(line, directory);
    phd__text_string(line, ": ");
    put_cause(line, refused_errno);
}

/* `path` is NULL when the writer could not even tell its name. */
static void say_written(const char *path, const char *directory, const struct phd_snapshot *snapshot)
{
    const struct phd_result *result = &snapshot->result;
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
        if (path && snapshot->directory)
            put_refusal(&line, directory, snapshot->refused_errno);
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

static bool lacks_name_only(const struct phd_error *error)
{
    return error->status == PHD_ERROR_WRITE && phd__string_equal(error->step, PHD_STEP_RENAME) &&
           error->system_errno != EEXIST;
}

/* A file system that has not answered the writer is not asked. */
static void say_what_is_left(const struct phd_target *target, bool overran, const struct phd_error *error)
{
    if (lacks_name_only(error))
        say_failed("the dump is complete, but could not get its name: ", target->temporary, error);
    else if (overran)
        say_failed("the dump is cut, or was not begun: ", target->temporary, error);
    else if (is_begun(target->temporary))
        say_failed("the dump is cut: ", target->temporary, error);
    else
        say_failed("no dump at ", target->final, error);
}

void phd__say_result(const struct phd_request *request, bool quiet, const struct phd_snapshot *snapshot)
{
    struct phd_target target;
    const char *directory = request->directories[0];
    bool named = snapshot->named &&
                 phd__target_name(&target, request->directories[snapshot->directory], request->pid, snapshot->sequence);
    if (snapshot->status == PHD_OK && !quiet)
        say_written(named ? target.final : NULL, directory, snapshot);
    else if (snapshot->status != PHD_OK && named)
        say_what_is_left(&target, snapshot->overran, &snapshot->error);
    else if (snapshot->status != PHD_OK)
        say_failed("no dump at ", directory, &snapshot->error);
}
