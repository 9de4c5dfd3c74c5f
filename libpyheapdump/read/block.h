/* SPDX-License-Identifier: Apache-2.0
 *
 * One block of a dump (docs/format.md, section 2): its description, and getting its content out of the file.
 */
#ifndef PHD_READ_BLOCK_H
#define PHD_READ_BLOCK_H

#include "input.h"

#include <stdbool.h>

/* Named limits, docs/format.md section 10. */
#define PHD__MAX_RAW_SIZE ((uint64_t)16 * 1024 * 1024)
#define PHD__MAX_BLOCKS ((size_t)1 << 24)
#define PHD__MAX_RECORDS ((uint64_t)1 << 20)
/* What zstd can make of 16 MiB that do not compress; ZSTD_compressBound() gives a little less. */
#define PHD__MAX_STORED_SIZE (PHD__MAX_RAW_SIZE + 128 * 1024)
/* Ids, counts and offsets: a sum of two of them stays within 64 bits. */
#define PHD__MAX_ID ((uint64_t)1 << 62)

#define PHD__DESCRIPTOR_MAGIC 0x184D2A50u
#define PHD__INDEX_MAGIC 0x184D2A5Du
/* Bytes of a descriptor: the skippable frame's header, an array of six ints. */
#define PHD__MIN_DESCRIPTOR ((size_t)8 + 7)
#define PHD__MAX_DESCRIPTOR ((size_t)8 + 256)

enum phd__block_kind {
    PHD__BLOCK_FACTS = 1,
    PHD__BLOCK_ROOTS = 2,
    PHD__BLOCK_OBJECTS = 3,
    PHD__BLOCK_ITEMS = 4,
    PHD__BLOCK_CONTENT = 5,
    PHD__BLOCK_SOURCE = 6,
    PHD__BLOCK_PROC = 7,
    PHD__BLOCK_END = 8,
    PHD__BLOCK_SIGNAL = 9,
    PHD__BLOCK_NATIVE = 10,
    PHD__BLOCK_TEXTS = 11,
};

/* Does the content of such a block have to be one map? */
bool phd__block_holds_map(uint64_t kind);

struct phd__block {
    uint64_t position; /* of the descriptor, from the start of the binary part */
    uint64_t first;
    uint64_t count;
    uint64_t offset;
    uint32_t kind;
    uint32_t raw_size;
    uint32_t stored_size;
};

struct phd__cursor;

uint32_t phd__little_endian32(const uint8_t *bytes);

/* Takes the array that describes a block, of a descriptor or (with_position) an entry of the index, and checks its
 * numbers against the limits. More elements than are known belong to a later format and are skipped. False when it is
 * damaged or beyond a limit. Without `with_position` ret->position is left alone. */
bool phd__block_take(struct phd__cursor *cursor, bool with_position, struct phd__block *ret);

/* Parses the descriptor at the start of `bytes`. `ret_size` becomes its size in bytes. */
bool phd__descriptor_parse(const uint8_t *bytes, size_t size, struct phd__block *ret, size_t *ret_size);

/* Reads and unpacks the block's content into a new buffer of block->raw_size + 1 bytes, the last one 0, that the
 * caller frees. The descriptor in the file must agree with `block`, and the checksum with the content. */
enum phd__read_status phd__block_read(const struct phd__input *input, uint64_t part_start,
                                      const struct phd__block *block, uint8_t **ret, struct phd__read_error *error);

#endif
