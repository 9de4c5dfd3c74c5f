/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "memory/core.h"

#include <unistd.h>

#include "safe/pages.h"

/* Up to `length` bytes at `offset` of an open file. */
static uint64_t read_at(int fd, uint64_t offset, uint8_t *to, uint64_t length)
{
    uint64_t done = 0;
    while (done < length) {
        ssize_t got = pread(fd, to + done, length - done, (off_t)(offset + done));
        if (got <= 0)
            break;
        done += (uint64_t)got;
    }
    return done;
}

/* So many of `length` bytes at `offset` does something of `size` bytes have. */
static uint64_t bounded(uint64_t offset, uint64_t length, uint64_t size)
{
    if (offset >= size)
        return 0;
    return length < size - offset ? length : size - offset;
}

/* As mapped: behind the end of a file the rest of its last page is zero. */
static uint64_t read_mapped(const struct phd_core_piece *piece, uint64_t into, uint8_t *to, uint64_t length)
{
    uint64_t offset = piece->file_offset + into;
    uint64_t had = bounded(offset, length, piece->file_size), got = read_at(piece->file, offset, to, had);
    uint64_t rest = (PHD_PAGE - (offset + had) % PHD_PAGE) % PHD_PAGE;
    if (!had || got < had || had == length)
        return got;
    rest = rest < length - had ? rest : length - had;
    memset(to + had, 0, rest);
    return had + rest;
}

static uint64_t read_piece(const struct phd_core_memory *memory, const struct phd_core_piece *piece, uint64_t address,
                           uint8_t *to, uint64_t length)
{
    uint64_t into = address - piece->start, wanted = bounded(into, length, piece->in_core);
    uint64_t had = bounded(piece->offset + into, wanted, memory->size);
    uint64_t got = read_at(memory->fd, piece->offset + into, to, had);
    if (got < wanted || got == length || piece->file < 0)
        return got;
    return got + read_mapped(piece, into + got, to + got, length - got);
}

static const struct phd_core_piece *piece_at(const struct phd_core_memory *memory, uint64_t address)
{
    size_t low = 0, high = memory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memory->pieces[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < memory->count && memory->pieces[low].start <= address ? memory->pieces + low : NULL;
}

static uint64_t read_core(struct phd_copied *copied, uint64_t address, void *to, uint64_t length)
{
    const struct phd_core_memory *memory = (const struct phd_core_memory *)copied;
    uint64_t done = 0;
    while (done < length) {
        const struct phd_core_piece *piece = piece_at(memory, address + done);
        if (!piece)
            break;
        uint64_t there = bounded(address + done - piece->start, length - done, piece->end - piece->start);
        uint64_t got = read_piece(memory, piece, address + done, (uint8_t *)to + done, there);
        done += got;
        if (got < there)
            break;
    }
    return done;
}

static const char *why(const struct phd_copied *copied, uint64_t address)
{
    const struct phd_core_piece *piece = piece_at((const struct phd_core_memory *)copied, address);
    if (!piece)
        return "not in the core";
    return address - piece->start < piece->in_core ? "cut off from the core" : piece->missing;
}

bool phd__core_memory_take(struct phd_core_memory *memory, int fd, uint64_t size, size_t capacity)
{
    memset(memory, 0, sizeof *memory);
    memory->fd = fd;
    memory->size = size;
    memory->capacity = capacity;
    memory->pieces = phd__pages_alloc(capacity * sizeof *memory->pieces);
    return memory->pieces != NULL;
}

bool phd__core_memory_add(struct phd_core_memory *memory, const struct phd_core_piece *piece)
{
    uint64_t previous = memory->count ? memory->pieces[memory->count - 1].end : 0;
    if (memory->count == memory->capacity || piece->start < previous || piece->start >= piece->end ||
        (piece->start | piece->end) % PHD_PAGE || piece->end > PHD_HIGHEST_ADDRESS)
        return false;
    memory->pieces[memory->count++] = *piece;
    return true;
}

enum phd_status phd__core_memory_open(struct phd_core_memory *memory, const struct phd_mappings *mappings,
                                      struct phd_error *error)
{
    enum phd_status status = phd__copied_open(&memory->copied, 0, mappings, error);
    memory->copied.read = read_core;
    memory->copied.why = why;
    return status;
}

void phd__core_memory_close(struct phd_core_memory *memory)
{
    phd__copied_close(&memory->copied);
    phd__pages_free(memory->pieces, memory->capacity * sizeof *memory->pieces);
    memset(memory, 0, sizeof *memory);
}
