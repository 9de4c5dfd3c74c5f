/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash. zstd works in a static workspace ("will never resize nor malloc", zstd.h, ZSTD_initStaticCCtx).
 */
#define ZSTD_STATIC_LINKING_ONLY
#include "encode/blocks.h"

#include <zstd.h>

#include "encode/pack.h"
#include "safe/pages.h"
#include "safe/text.h"

enum { FIRST_INDEX_CAPACITY = 4096, DESCRIPTOR_MAGIC = 0x184D2A50, INDEX_MAGIC = 0x184D2A5D };

/* Parameters for contents of at most PHD_BLOCK_CAPACITY: a smaller window and tables than the level's default. */
static ZSTD_compressionParameters parameters(int level)
{
    return ZSTD_getCParams(level, PHD_BLOCK_CAPACITY, 0);
}

static bool prepare_context(struct phd_blocks *blocks, int level)
{
    ZSTD_CCtx *context = blocks->context;
    ZSTD_compressionParameters chosen = parameters(level);
    return !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, (int)chosen.windowLog)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, (int)chosen.hashLog)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, (int)chosen.chainLog)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_searchLog, (int)chosen.searchLog)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_minMatch, (int)chosen.minMatch)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_targetLength, (int)chosen.targetLength)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_strategy, (int)chosen.strategy)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1));
}

enum phd_status phd__blocks_open(struct phd_blocks *blocks, struct phd_sink *sink, int level, struct phd_error *error)
{
    memset(blocks, 0, sizeof *blocks);
    blocks->sink = sink;
    blocks->workspace_size = ZSTD_estimateCCtxSize_usingCParams(parameters(level)) + 64 * 1024;
    blocks->workspace = phd__pages_alloc(blocks->workspace_size);
    blocks->compressed_capacity = ZSTD_COMPRESSBOUND(PHD_BLOCK_CAPACITY);
    blocks->compressed = phd__pages_alloc(blocks->compressed_capacity);
    blocks->index_capacity = FIRST_INDEX_CAPACITY;
    blocks->index = phd__pages_alloc(blocks->index_capacity * sizeof *blocks->index);
    if (!blocks->workspace || !blocks->compressed || !blocks->index) {
        phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the compression");
        return PHD_ERROR_MEMORY;
    }
    blocks->context = ZSTD_initStaticCCtx(blocks->workspace, blocks->workspace_size);
    if (!blocks->context || !prepare_context(blocks, level)) {
        phd__error_set(error, PHD_ERROR_ARGUMENT, 0, "compression level");
        return PHD_ERROR_ARGUMENT;
    }
    return PHD_OK;
}

void phd__blocks_close(struct phd_blocks *blocks)
{
    phd__pages_free(blocks->workspace, blocks->workspace_size);
    phd__pages_free(blocks->compressed, blocks->compressed_capacity);
    phd__pages_free(blocks->index, blocks->index_capacity * sizeof *blocks->index);
    memset(blocks, 0, sizeof *blocks);
}

/* One more place in the index; false when memory is refused. */
static bool grow_index(struct phd_blocks *blocks)
{
    if (blocks->index_count < blocks->index_capacity)
        return true;
    size_t size = blocks->index_capacity * sizeof *blocks->index;
    struct phd_block_entry *larger = phd__pages_alloc(2 * size);
    if (!larger)
        return false;
    memcpy(larger, blocks->index, size);
    phd__pages_free(blocks->index, size);
    blocks->index = larger;
    blocks->index_capacity *= 2;
    return true;
}

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

static void pack_entry(struct phd_buffer *to, const struct phd_block_entry *entry)
{
    phd__pack_uint32(to, entry->kind);
    phd__pack_uint64(to, entry->first);
    phd__pack_uint64(to, entry->count);
    phd__pack_uint32(to, entry->raw_size);
    phd__pack_uint32(to, entry->stored_size);
    phd__pack_uint64(to, entry->offset);
}

bool phd__blocks_put(struct phd_blocks *blocks, enum phd_block_kind kind, uint64_t first, uint64_t count,
                     uint64_t offset, const void *content, size_t size)
{
    size_t stored = ZSTD_compress2(blocks->context, blocks->compressed, blocks->compressed_capacity, content, size);
    if (ZSTD_isError(stored)) {
        blocks->sink->system_errno = blocks->sink->system_errno ? blocks->sink->system_errno : 5; /* EIO */
        return false;
    }
    struct phd_block_entry entry = {
        blocks->sink->written - blocks->start, first, count, offset, (uint32_t)kind, (uint32_t)size, (uint32_t)stored};
    uint8_t descriptor[96];
    struct phd_buffer packed = {descriptor + 8, 0, sizeof descriptor - 8, false};
    phd__pack_array(&packed, 6);
    pack_entry(&packed, &entry);
    put_u32(descriptor, DESCRIPTOR_MAGIC);
    put_u32(descriptor + 4, (uint32_t)packed.used);
    struct iovec pieces[2] = {{descriptor, 8 + packed.used}, {blocks->compressed, stored}};
    if (!phd__sink_write(blocks->sink, pieces, 2))
        return false;
    if (grow_index(blocks))
        blocks->index[blocks->index_count++] = entry;
    else
        blocks->index_lacks_blocks = true;
    return true;
}

void phd__blocks_finish(struct phd_blocks *blocks)
{
    size_t capacity = 64 + blocks->index_count * 64;
    uint8_t *frame = blocks->index_lacks_blocks ? NULL : phd__pages_alloc(capacity);
    if (!frame)
        return; /* the reader rebuilds the index by scanning */
    struct phd_buffer packed = {frame + 8, 0, capacity - 8, false};
    phd__pack_array(&packed, blocks->index_count);
    for (size_t i = 0; i < blocks->index_count; i++) {
        phd__pack_array(&packed, 7);
        phd__pack_uint64(&packed, blocks->index[i].position);
        pack_entry(&packed, &blocks->index[i]);
    }
    uint32_t size = (uint32_t)packed.used;
    uint8_t footer[12];
    put_u32(footer, size);
    memcpy(footer + 4, "PHDINDEX", 8);
    phd__buffer_append(&packed, footer, sizeof footer);
    put_u32(frame, INDEX_MAGIC);
    put_u32(frame + 4, (uint32_t)packed.used);
    struct iovec piece = {frame, 8 + packed.used};
    if (!packed.overflow)
        phd__sink_write(blocks->sink, &piece, 1);
    phd__pages_free(frame, capacity);
}

uint64_t phd__blocks_memory(const struct phd_blocks *blocks)
{
    return blocks->workspace_size + blocks->compressed_capacity + blocks->index_capacity * sizeof *blocks->index;
}
