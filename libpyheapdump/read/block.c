/* SPDX-License-Identifier: Apache-2.0
 *
 * Block descriptors and block contents; see block.h.
 *
 * Sizes come from three places: the index, the descriptor and the zstd frame. All must agree, and all are checked
 * against the limits before memory is taken, so a lying file costs 33 MiB at most and only for a moment.
 */
#include "block.h"

#include "token.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define FRAME_MAGIC 0xFD2FB528u
#define FRAME_CHECKSUM_FLAG 0x04 /* in the frame header descriptor, the byte after the magic; RFC 8878, 3.1.1.1.1 */

bool phd__block_holds_map(uint64_t kind)
{
    return kind == PHD__BLOCK_FACTS || kind == PHD__BLOCK_ROOTS || kind == PHD__BLOCK_SOURCE ||
           kind == PHD__BLOCK_PROC || kind == PHD__BLOCK_END || kind == PHD__BLOCK_SIGNAL ||
           kind == PHD__BLOCK_NATIVE || kind == PHD__BLOCK_TEXTS;
}

uint32_t phd__little_endian32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Puts the six numbers of a description into `ret`. False when one is beyond its limit. */
static bool set_fields(const uint64_t fields[6], struct phd__block *ret)
{
    if (fields[0] > UINT32_MAX || fields[1] > PHD__MAX_ID || fields[2] > PHD__MAX_ID || fields[5] > PHD__MAX_ID)
        return false;
    if (fields[3] > PHD__MAX_RAW_SIZE || fields[4] > PHD__MAX_STORED_SIZE)
        return false;
    if (fields[0] == PHD__BLOCK_OBJECTS && fields[2] > PHD__MAX_RECORDS)
        return false;
    ret->kind = (uint32_t)fields[0];
    ret->first = fields[1];
    ret->count = fields[2];
    ret->raw_size = (uint32_t)fields[3];
    ret->stored_size = (uint32_t)fields[4];
    ret->offset = fields[5];
    return true;
}

bool phd__block_take(struct phd__cursor *cursor, bool with_position, struct phd__block *ret)
{
    struct phd__token array;
    uint64_t fields[6];
    uint32_t known = with_position ? 7 : 6;
    if (!phd__token_next(cursor, &array) || array.type != PHD__TOKEN_ARRAY || array.size < known)
        return false;
    if (with_position && !phd__token_unsigned(cursor, &ret->position))
        return false;
    for (int i = 0; i < 6; i++)
        if (!phd__token_unsigned(cursor, &fields[i]))
            return false;
    for (uint32_t i = known; i < array.size; i++)
        if (!phd__token_skip(cursor))
            return false;
    return set_fields(fields, ret);
}

bool phd__descriptor_parse(const uint8_t *bytes, size_t size, struct phd__block *ret, size_t *ret_size)
{
    if (size < PHD__MIN_DESCRIPTOR || phd__little_endian32(bytes) != PHD__DESCRIPTOR_MAGIC)
        return false;
    size_t content_size = phd__little_endian32(bytes + 4);
    if (content_size > size - 8 || content_size > PHD__MAX_DESCRIPTOR - 8)
        return false;
    struct phd__cursor cursor = {bytes + 8, bytes + 8 + content_size};
    if (!phd__block_take(&cursor, false, ret) || cursor.at != cursor.end)
        return false;
    *ret_size = 8 + content_size;
    return true;
}

static bool same_description(const struct phd__block *a, const struct phd__block *b)
{
    return a->kind == b->kind && a->first == b->first && a->count == b->count && a->offset == b->offset &&
           a->raw_size == b->raw_size && a->stored_size == b->stored_size;
}

static enum phd__read_status damaged(struct phd__read_error *error, const char *what)
{
    return phd__read_fail(error, PHD__READ_DAMAGED, "%s", what);
}

/* Checks one compressed frame against its description, without unpacking it. */
static enum phd__read_status check_frame(const uint8_t *frame, const struct phd__block *block,
                                         struct phd__read_error *error)
{
    if (block->stored_size < 6 || phd__little_endian32(frame) != FRAME_MAGIC)
        return damaged(error, "its compressed data does not begin as it must");
    if ((frame[4] & FRAME_CHECKSUM_FLAG) == 0)
        return damaged(error, "its compressed data has no checksum");
    if (ZSTD_getFrameContentSize(frame, block->stored_size) != block->raw_size)
        return damaged(error, "its size is not what its descriptor says");
    if (ZSTD_findFrameCompressedSize(frame, block->stored_size) != block->stored_size)
        return damaged(error, "its compressed data is damaged");
    return PHD__READ_OK;
}

/* Unpacks the frame; zstd verifies the checksum. */
static enum phd__read_status unpack(const uint8_t *frame, const struct phd__block *block, uint8_t **ret,
                                    struct phd__read_error *error)
{
    uint8_t *content = malloc((size_t)block->raw_size + 1);
    if (content == NULL)
        return phd__read_fail_memory(error);
    size_t size = ZSTD_decompress(content, block->raw_size, frame, block->stored_size);
    if (ZSTD_isError(size) || size != block->raw_size) {
        free(content);
        return phd__read_fail(error, PHD__READ_DAMAGED, "its compressed data is damaged (%s)",
                              ZSTD_isError(size) ? ZSTD_getErrorName(size) : "too short");
    }
    content[size] = 0;
    *ret = content;
    return PHD__READ_OK;
}

/* Checks what was read, descriptor and frame, against the description, then unpacks it. */
static enum phd__read_status parse(const uint8_t *bytes, size_t size, const struct phd__block *block, uint8_t **ret,
                                   struct phd__read_error *error)
{
    struct phd__block described;
    size_t descriptor_size = 0;
    if (!phd__descriptor_parse(bytes, size, &described, &descriptor_size))
        return damaged(error, "its descriptor is damaged");
    if (!same_description(&described, block))
        return damaged(error, "its descriptor and the index contradict each other");
    if (size - descriptor_size < block->stored_size)
        return damaged(error, "it is cut by the end of the file");
    enum phd__read_status status = check_frame(bytes + descriptor_size, block, error);
    return status == PHD__READ_OK ? unpack(bytes + descriptor_size, block, ret, error) : status;
}

enum phd__read_status phd__block_read(const struct phd__input *input, uint64_t part_start,
                                      const struct phd__block *block, uint8_t **ret, struct phd__read_error *error)
{
    uint64_t position = part_start + block->position;
    if (position > input->size)
        return damaged(error, "it lies behind the end of the file");
    uint64_t size = PHD__MAX_DESCRIPTOR + (uint64_t)block->stored_size;
    if (size > input->size - position)
        size = input->size - position;
    uint8_t *bytes = malloc((size_t)size + 1);
    if (bytes == NULL)
        return phd__read_fail_memory(error);
    enum phd__read_status status = phd__input_read(input, position, bytes, (size_t)size, error);
    if (status == PHD__READ_OK)
        status = parse(bytes, (size_t)size, block, ret, error);
    free(bytes);
    return status;
}
