/* SPDX-License-Identifier: Apache-2.0
 *
 * Sink: where the bytes of the dump go. A file descriptor with a count, a cap and a sticky error: after a failed write
 * all further ones are ignored, so the walk need not check each. Context: crash.
 */
#ifndef PHD_SINK_H
#define PHD_SINK_H

#include <sys/uio.h>

#include "pyheapdump.h"

struct phd_sink {
    int fd;
    uint64_t written;
    uint64_t limit;   /* bytes; 0 for none */
    int system_errno; /* of the first failed write, 0 while all is well */
    bool limit_reached;
    int directory;
    const char *name;         /* the file that the first write creates in `directory`; NULL when `fd` is open */
    void (*on_created)(void); /* called when that is done; NULL: nobody asks */
    struct iovec held;        /* goes before the next write; in pages of the sink's own */
};

void phd__sink_init(struct phd_sink *sink, int fd, uint64_t limit);

/* A sink to the new file `name` in `directory`, readable by its owner alone and locked until it is closed. Its first write
 * creates it: so a writer that is killed before it has something to say leaves no empty file. `name` is borrowed. End with
 * phd__sink_finish and phd__sink_close. */
void phd__sink_create(struct phd_sink *sink, int directory, const char *name);

/* Write `length` bytes together with the next write, by one system call: what is of no use alone. They are copied; when
 * memory for that is refused they are written now. */
void phd__sink_hold(struct phd_sink *sink, const void *bytes, size_t length);

/* Write what is held, and force the file to the disk. The errno of a disk that failed then, or 0. */
int phd__sink_finish(struct phd_sink *sink);

/* Close the file, and with it give back its lock. */
void phd__sink_close(struct phd_sink *sink);

/* Write `count` pieces (at most 3) one after the other, all or (when they would exceed the limit) none. True when written. */
bool phd__sink_write(struct phd_sink *sink, struct iovec *pieces, int count);

#endif
