/* SPDX-License-Identifier: Apache-2.0
 *
 * How high the evaluation stack of a running frame is at least. The interpreter keeps that in a register; but what lies
 * below the level to which an exception would unwind the frame is there in any case: the context managers of the with
 * statements it is in, the iterators of the loops around them. So a dump tells who holds a lock. Context: crash.
 */
#include "walk/walk.h"

enum { MAX_BLOCKS = 20 /* CO_MAXBLOCKS, Include/cpython/code.h */, MAX_TABLE = 1 << 24, CHUNKS = 5 };

/* 3.9, 3.10: the level of the innermost block (Objects/frameobject.c, PyFrame_BlockSetup). */
uint64_t phd__stack_below_blocks(struct phd_walk *walk, uint64_t frame)
{
    const struct phd_layout *at = walk->at;
    int count = phd__int_at(walk, frame, at->frame_block_count);
    if (count <= 0 || count > MAX_BLOCKS)
        return 0;
    uint64_t block = frame + (uint64_t)at->frame_blocks + (uint64_t)(count - 1) * (uint64_t)at->frame_block_size;
    int level = phd__read_i32(walk->memory, block + (uint64_t)at->frame_block_level);
    return level > 0 && level <= PHD_MAX_STACK ? (uint64_t)level : 0;
}

/* A number of an exception table: 6 bits a byte, the highest first (Objects/exception_handling_notes.txt, "Format of the
 * exception table"). */
static uint64_t table_number(struct phd_walk *walk, uint64_t *from, uint64_t end)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < CHUNKS && *from < end; i++) {
        uint8_t byte = phd__read_u8(walk->memory, (*from)++);
        value = value << 6 | (byte & 63);
        if (!(byte & 64))
            break;
    }
    return value;
}

/* 3.11+: the depth of the handler that covers the current instruction. */
uint64_t phd__stack_below_handler(struct phd_walk *walk, const struct phd_frame *frame)
{
    const struct phd_layout *at = walk->at;
    uint64_t table = phd__word_at(walk, frame->code, at->code_exceptiontable);
    uint64_t here = (uint64_t)frame->lasti / 2, size = table ? phd__word_at(walk, table, at->var_size) : 0;
    uint64_t from = table + (uint64_t)at->bytes_data, end = from + (size < MAX_TABLE ? size : 0);
    while (frame->lasti >= 0 && from < end) {
        uint64_t start = table_number(walk, &from, end), length = table_number(walk, &from, end);
        table_number(walk, &from, end); /* the handler */
        uint64_t depth = table_number(walk, &from, end) >> 1;
        if (here >= start && here - start < length)
            return depth <= PHD_MAX_STACK ? depth : 0;
        if (start > here)
            break; /* the entries are in order */
    }
    return 0;
}
