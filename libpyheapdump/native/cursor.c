/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/cursor.h"

void phd__cursor_skip(struct phd_cursor *cursor, uint64_t bytes)
{
    if (cursor->at > cursor->end || bytes > cursor->end - cursor->at)
        phd__memory_fault(cursor->memory, cursor->at, "call frame information ends early");
    cursor->at += bytes;
}

uint64_t phd__cursor_unsigned(struct phd_cursor *cursor, unsigned size)
{
    uint64_t value = 0;
    uint64_t address = cursor->at;
    phd__cursor_skip(cursor, size);
    memcpy(&value, phd__view(cursor->memory, address, size), size); /* x86-64 is little endian */
    return value;
}

int64_t phd__cursor_signed(struct phd_cursor *cursor, unsigned size)
{
    uint64_t value = phd__cursor_unsigned(cursor, size);
    uint64_t sign = (uint64_t)1 << (8 * size - 1);
    return (int64_t)((value ^ sign) - sign);
}

uint64_t phd__cursor_uleb(struct phd_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint64_t byte = phd__cursor_unsigned(cursor, 1);
        phd__step(cursor);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
}

int64_t phd__cursor_sleb(struct phd_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0;;) {
        uint64_t byte = phd__cursor_unsigned(cursor, 1);
        phd__step(cursor);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        shift += 7;
        if (byte & 0x80)
            continue;
        if ((byte & 0x40) && shift < 64)
            value |= ~(uint64_t)0 << shift;
        return (int64_t)value;
    }
}

static uint64_t pointer_value(struct phd_cursor *cursor, unsigned encoding)
{
    switch (encoding & PHD_POINTER_FORMAT) {
    case PHD_POINTER_ABSOLUTE:
    case PHD_POINTER_UDATA8:
    case PHD_POINTER_SDATA8: return phd__cursor_unsigned(cursor, 8);
    case PHD_POINTER_ULEB: return phd__cursor_uleb(cursor);
    case PHD_POINTER_UDATA2: return phd__cursor_unsigned(cursor, 2);
    case PHD_POINTER_UDATA4: return phd__cursor_unsigned(cursor, 4);
    case PHD_POINTER_SLEB: return (uint64_t)phd__cursor_sleb(cursor);
    case PHD_POINTER_SDATA2: return (uint64_t)phd__cursor_signed(cursor, 2);
    case PHD_POINTER_SDATA4: return (uint64_t)phd__cursor_signed(cursor, 4);
    }
    phd__memory_fault(cursor->memory, cursor->at, "unknown pointer encoding");
}

uint64_t phd__cursor_pointer(struct phd_cursor *cursor, unsigned encoding, uint64_t data_base)
{
    uint64_t here = cursor->at;
    uint64_t value = pointer_value(cursor, encoding);
    switch (encoding & PHD_POINTER_BASE) {
    case 0: break;
    case PHD_POINTER_PC_RELATIVE: value += here; break;
    case PHD_POINTER_DATA_RELATIVE: value += data_base; break;
    default: phd__memory_fault(cursor->memory, here, "unknown pointer encoding");
    }
    return encoding & PHD_POINTER_INDIRECT ? phd__read_word(cursor->memory, value) : value;
}
