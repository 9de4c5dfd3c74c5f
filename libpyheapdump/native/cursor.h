/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading DWARF's numbers one after the other from the target, never beyond the end of their record. What cannot be read
 * or cannot be right ends in the memory's recovery point. Formats: DWARF 5 section 7.6 (LEB128); LSB core 5.0, 10.5.1
 * (pointer encodings). Context: crash.
 */
#ifndef PHD_NATIVE_CURSOR_H
#define PHD_NATIVE_CURSOR_H

#include "memory/memory.h"

struct phd_cursor {
    struct phd_memory *memory;
    uint64_t at, end;
    uint64_t *steps; /* how much more may be done in all */
};

/* Every loop over data of the target counts here, so that no data makes it run for long. */
static inline void phd__step(struct phd_cursor *cursor)
{
    if (*cursor->steps == 0)
        phd__memory_fault(cursor->memory, cursor->at, "the limit of steps is reached");
    --*cursor->steps;
}

uint64_t phd__cursor_unsigned(struct phd_cursor *cursor, unsigned size); /* 1, 2, 4 or 8 bytes */
int64_t phd__cursor_signed(struct phd_cursor *cursor, unsigned size);
uint64_t phd__cursor_uleb(struct phd_cursor *cursor);
int64_t phd__cursor_sleb(struct phd_cursor *cursor);
void phd__cursor_skip(struct phd_cursor *cursor, uint64_t bytes);

/* A pointer in `encoding`; `data_base` is what data-relative ones are relative to. */
uint64_t phd__cursor_pointer(struct phd_cursor *cursor, unsigned encoding, uint64_t data_base);

enum {
    PHD_POINTER_FORMAT = 0x0f,
    PHD_POINTER_ABSOLUTE = 0x00,
    PHD_POINTER_ULEB = 0x01,
    PHD_POINTER_UDATA2 = 0x02,
    PHD_POINTER_UDATA4 = 0x03,
    PHD_POINTER_UDATA8 = 0x04,
    PHD_POINTER_SLEB = 0x09,
    PHD_POINTER_SDATA2 = 0x0a,
    PHD_POINTER_SDATA4 = 0x0b,
    PHD_POINTER_SDATA8 = 0x0c,
    PHD_POINTER_BASE = 0x70,
    PHD_POINTER_PC_RELATIVE = 0x10,
    PHD_POINTER_DATA_RELATIVE = 0x30,
    PHD_POINTER_INDIRECT = 0x80,
    PHD_POINTER_OMITTED = 0xff
};

#endif
