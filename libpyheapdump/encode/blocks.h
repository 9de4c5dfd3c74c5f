/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks: the units of docs/format.md section 2. A content is compressed into one independent zstd frame with checksum,
 * in a workspace taken before, and written with its descriptor by one system call. The index is kept in memory and
 * written at the end. Context: crash.
 */
#ifndef PHD_ENCODE_BLOCKS_H
#define PHD_ENCODE_BLOCKS_H

#include "encode/buffer.h"
#include "sink/sink.h"

enum phd_block_kind {
    PHD_BLOCK_FACTS = 1,
    PHD_BLOCK_ROOTS = 2,
    PHD_BLOCK_OBJECTS = 3,
    PHD_BLOCK_ITEMS = 4,
    PHD_BLOCK_CONTENT = 5,
    PHD_BLOCK_SOURCE = 6,
    PHD_BLOCK_PROC = 7,
    PHD_BLOCK_END = 8,
    PHD_BLOCK_SIGNAL = 9,
    PHD_BLOCK_NATIVE = 10,
    PHD_BLOCK_TEXTS = 11
};

/* The largest content of a block, bytes (docs/format.md allows 16 MiB). */
enum { PHD_BLOCK_CAPACITY = 1024 * 1024 };

struct phd_block_entry {
    uint64_t position;
    uint64_t first;
    uint64_t count;
    uint64_t offset;
    uint32_t kind;
    uint32_t raw_size;
    uint32_t stored_size;
};

struct phd_blocks {
    struct phd_sink *sink;
    uint64_t start; /* position of the binary part in the file */
    void *context;  /* ZSTD_CCtx in the static workspace */
    void *workspace;
    size_t workspace_size;
    uint8_t *compressed;
    size_t compressed_capacity;
    struct phd_block_entry *index; /* in pages of our own, doubled when full */
    size_t index_count;
    size_t index_capacity;
    bool index_lacks_blocks; /* memory was refused: it must not be written, readers trust it */
};

/* Take all memory the compression will need. `level` is zstd's. */
enum phd_status phd__blocks_open(struct phd_blocks *blocks, struct phd_sink *sink, int level, struct phd_error *error);
void phd__blocks_close(struct phd_blocks *blocks);

/* Write one block. False when the sink refused it (limit or error). */
bool phd__blocks_put(struct phd_blocks *blocks, enum phd_block_kind kind, uint64_t first, uint64_t count,
                     uint64_t offset, const void *content, size_t size);

/* Write the index. */
void phd__blocks_finish(struct phd_blocks *blocks);

/* Bytes of memory taken. */
uint64_t phd__blocks_memory(const struct phd_blocks *blocks);

#endif
