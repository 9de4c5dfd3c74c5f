/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safe/pages.h"

void phd__sink_init(struct phd_sink *sink, int fd, uint64_t limit)
{
    sink->fd = fd;
    sink->written = 0;
    sink->limit = limit;
    sink->system_errno = 0;
    sink->limit_reached = false;
    sink->directory = AT_FDCWD;
    sink->name = NULL;
    sink->on_created = NULL;
    sink->held = (struct iovec){NULL, 0};
}

void phd__sink_create(struct phd_sink *sink, int directory, const char *name)
{
    phd__sink_init(sink, -1, 0);
    sink->directory = directory;
    sink->name = name;
}

/* Is the file behind `fd` still the one with this name? */
static bool is_named(int fd, int directory, const char *name)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           opened.st_ino == named.st_ino;
}

/* Whoever makes room in a directory takes an unfinished dump without a lock for an abandoned one (place/oldest.c). In the
 * instant between creating and locking it that can happen to this one: then the name counts as taken. Where there are
 * no locks the file is written without. */
static bool is_ours(int fd, int directory, const char *name)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return false;
    return is_named(fd, directory, name);
}

static void create_file(struct phd_sink *sink)
{
    sink->fd = openat(sink->directory, sink->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (sink->fd < 0) {
        sink->system_errno = errno;
        return;
    }
    if (!is_ours(sink->fd, sink->directory, sink->name)) {
        close(sink->fd);
        sink->fd = -1;
        sink->system_errno = EEXIST;
        return;
    }
    sink->name = NULL;
    if (sink->on_created)
        sink->on_created();
}

void phd__sink_hold(struct phd_sink *sink, const void *bytes, size_t length)
{
    struct iovec piece = {(void *)bytes, length};
    void *copy = sink->held.iov_base ? NULL : phd__pages_alloc(length);
    if (!copy) {
        phd__sink_write(sink, &piece, 1);
        return;
    }
    memcpy(copy, bytes, length);
    sink->held = (struct iovec){copy, length};
    sink->written += length; /* positions behind it are as if it had been written */
}

int phd__sink_finish(struct phd_sink *sink)
{
    if (sink->held.iov_base)
        phd__sink_write(sink, NULL, 0); /* nothing came behind it */
    if (sink->fd < 0)
        return 0;
    /* some file systems have nothing to force, which is no failure */
    bool failed = !sink->system_errno && fsync(sink->fd) != 0 && errno != EINVAL && errno != EROFS;
    return failed ? errno : 0;
}

void phd__sink_close(struct phd_sink *sink)
{
    if (sink->fd >= 0)
        close(sink->fd);
    sink->fd = -1;
}

static void advance(struct iovec **pieces, int *count, size_t done)
{
    while (*count && done >= (*pieces)->iov_len) {
        done -= (*pieces)->iov_len;
        (*pieces)++;
        (*count)--;
    }
    if (*count) {
        (*pieces)->iov_base = (char *)(*pieces)->iov_base + done;
        (*pieces)->iov_len -= done;
    }
}

enum { MAX_PIECES = 3 /* of one write */ };

/* Write all pieces, which are changed, and count what gets into the file. */
static void write_pieces(struct phd_sink *sink, struct iovec *pieces, int count)
{
    advance(&pieces, &count, 0); /* past empty pieces: writing nothing must not look like a full disk */
    while (count && !sink->system_errno) {
        ssize_t done = writev(sink->fd, pieces, count);
        if (done < 0) {
            if (errno != EINTR)
                sink->system_errno = errno;
            continue;
        }
        if (done == 0)
            sink->system_errno = ENOSPC; /* a file that takes nothing and reports nothing */
        sink->written += (uint64_t)done;
        advance(&pieces, &count, (size_t)done);
    }
}

bool phd__sink_write(struct phd_sink *sink, struct iovec *pieces, int count)
{
    struct iovec all[MAX_PIECES + 1] = {sink->held};
    uint64_t total = 0;
    for (int i = 0; i < count; i++) {
        total += pieces[i].iov_len;
        all[i + 1] = pieces[i];
    }
    if (sink->limit && sink->written + total > sink->limit) {
        sink->limit_reached = true;
        return false;
    }
    if (sink->name && !sink->system_errno)
        create_file(sink);
    sink->written -= sink->held.iov_len;
    write_pieces(sink, all, count + 1);
    phd__pages_free(sink->held.iov_base, sink->held.iov_len);
    sink->held = (struct iovec){NULL, 0};
    return !sink->system_errno;
}
