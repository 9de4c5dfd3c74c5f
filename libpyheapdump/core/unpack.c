/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal.
 */
#include "core/unpack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { INPUT = 128 << 10, OUTPUT = 1 << 20, BLOCK = 4096, MAX_WINDOW_LOG = 27 /* 128 MiB, as zstd -d allows */ };

struct unpacking {
    int source, target;
    uint64_t most;
    struct phd_unpacked *unpacked;
    uint8_t *input, *output;
    ZSTD_DCtx *context;
};

static bool is_zero(const uint8_t *bytes, size_t length)
{
    return length && !bytes[0] && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static bool write_all(struct unpacking *unpacking, const uint8_t *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t count =
            pwrite(unpacking->target, bytes + done, length - done, (off_t)(unpacking->unpacked->bytes + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            unpacking->unpacked->write_errno = count < 0 ? errno : ENOSPC;
            return false;
        }
        done += (size_t)count;
    }
    return true;
}

/* Write what was unpacked. False when it must end. */
static bool take(struct unpacking *unpacking, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t size = length - at < BLOCK ? length - at : BLOCK;
        if (unpacking->unpacked->bytes + size > unpacking->most) {
            unpacking->unpacked->problem = "there is no room for more";
            return false;
        }
        if (!is_zero(bytes + at, size) && !write_all(unpacking, bytes + at, size))
            return false;
        unpacking->unpacked->bytes += size;
        at += size;
    }
    return true;
}

/* Unpack a piece of input. False when it must end. */
static bool unpack_piece(struct unpacking *unpacking, size_t size, size_t *expected)
{
    ZSTD_inBuffer in = {unpacking->input, size, 0};
    bool full = true;
    while (in.pos < in.size || full) {
        ZSTD_outBuffer out = {unpacking->output, OUTPUT, 0};
        *expected = ZSTD_decompressStream(unpacking->context, &out, &in);
        if (ZSTD_isError(*expected)) {
            unpacking->unpacked->problem = "it is damaged";
            return false;
        }
        if (!take(unpacking, unpacking->output, out.pos))
            return false;
        full = out.pos == out.size;
    }
    return true;
}

static void unpack(struct unpacking *unpacking)
{
    size_t expected = 0;
    ssize_t size;
    do {
        size = read(unpacking->source, unpacking->input, INPUT);
        if (size < 0)
            unpacking->unpacked->problem = "it cannot be read";
    } while (size > 0 && unpack_piece(unpacking, (size_t)size, &expected));
    if (size == 0 && expected)
        unpacking->unpacked->problem = "it ends early";
    if (!unpacking->unpacked->write_errno &&
        ftruncate(unpacking->target, (off_t)unpacking->unpacked->bytes) != 0) /* zeros at the end */
        unpacking->unpacked->write_errno = errno;
}

void phd__unpack_zstd(int source, int target, uint64_t most, struct phd_unpacked *unpacked)
{
    struct unpacking unpacking = {source, target, most, unpacked, malloc(INPUT), malloc(OUTPUT), ZSTD_createDCtx()};
    *unpacked = (struct phd_unpacked){0, NULL, 0};
    if (unpacking.input && unpacking.output && unpacking.context) {
        ZSTD_DCtx_setParameter(unpacking.context, ZSTD_d_windowLogMax, MAX_WINDOW_LOG);
        unpack(&unpacking);
    } else {
        unpacked->write_errno = ENOMEM;
    }
    ZSTD_freeDCtx(unpacking.context);
    free(unpacking.input);
    free(unpacking.output);
}
