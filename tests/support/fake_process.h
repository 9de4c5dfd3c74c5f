/* SPDX-License-Identifier: Apache-2.0
 *
 * A Python process of the fake kind: a runtime, one interpreter and some threads without frames in a synthetic heap, an
 * exception that is being handled, and the request to dump it to a directory of its own.
 */
#ifndef TEST_FAKE_PROCESS_H
#define TEST_FAKE_PROCESS_H

#include "pyheapdump.h"
#include "support/heap.h"

struct fake_process {
    struct heap heap;
    char directory_name[64];
    int directory;
    uint64_t interpreter;
    uint64_t threads; /* address of the first PyThreadState */
    struct phd_request request;
};

void fake_process_open(struct fake_process *process, unsigned thread_count);
/* Close it and remove the directory with what is in it. */
void fake_process_close(struct fake_process *process);

/* Let the exception of the request be ValueError(argument). */
void fake_process_raise(struct fake_process *process, uint64_t argument);

/* Is there a file of this name in the directory? Its size, or -1. */
int64_t fake_process_file(const struct fake_process *process, const char *name);
/* The path of that file, in storage that the next call uses again. */
const char *fake_process_path(const struct fake_process *process, const char *name);

#endif
