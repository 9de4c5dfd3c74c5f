/* SPDX-License-Identifier: Apache-2.0
 *
 * Cores that systemd-coredump and people compress with zstd. Context: normal.
 */
#ifndef PHD_CORE_UNPACK_H
#define PHD_CORE_UNPACK_H

#include <stdint.h>

struct phd_unpacked {
    uint64_t bytes;      /* that were unpacked */
    const char *problem; /* why it ends there, static text; NULL: all is unpacked */
    int write_errno;     /* 0, or why the target could not take more */
};

/* Decompress the file `source` from its position on to the empty file `target`, at most `most` bytes. What was unpacked
 * before a problem stays. Zeros become holes. */
void phd__unpack_zstd(int source, int target, uint64_t most, struct phd_unpacked *unpacked);

#endif
