/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "sink/sink.h"

#include <errno.h>

void phd__sink_init(struct phd_sink *sink, int fd, uint64_t limit)
{
    sink->fd = fd;
    sink->written = 0;
    sink->limit = limit;
    sink->system_errno = 0;
    sink->limit_reached = false;
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

bool phd__sink_write(struct phd_sink *sink, struct iovec *pieces, int count)
{
    uint64_t total = 0;
    for (int i = 0; i < count; i++)
        total += pieces[i].iov_len;
    if (sink->limit && sink->written + total > sink->limit) {
        sink->limit_reached = true;
        return false;
    }
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
    return !sink->system_errno;
}
