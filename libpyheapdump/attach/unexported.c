/* SPDX-License-Identifier: Apache-2.0
 *
 * From CPython 3.13 on _PyRuntime begins with a word that is put there to be found, the version and whether the build is
 * free-threaded (_Py_DebugOffsets; 3.13: Include/internal/pycore_runtime.h, later: pycore_debug_offsets.h). It is
 * initialised data: so it lies in a writable mapping of the program's file. Context: normal.
 */
#include "attach/unexported.h"

#define MAX_SEARCHED ((uint64_t)256 << 20) /* bytes */
enum { PAGE = 4096 };

static const char COOKIE[] = "xdebugpy";
enum { WORD = sizeof COOKIE - 1 };

struct begin {
    char cookie[WORD];
    uint64_t version, free_threaded;
};

static bool is_searched(const struct phd_mapping *mapping)
{
    return mapping->inode && (mapping->permissions & PHD_READABLE) && (mapping->permissions & PHD_WRITABLE) &&
           !(mapping->permissions & PHD_SHARED);
}

/* Read what may be the begin of _PyRuntime; false when it is not, or cannot be read. */
static bool look_at(struct phd_memory *memory, uint64_t address, struct phd_unexported *found)
{
    struct phd_guard guard;
    volatile bool is = false;
    if (PHD_GUARD(memory, &guard)) {
        const struct begin *begin = memory->view(memory, address, sizeof *begin);
        found->runtime = address;
        found->version = (uint32_t)begin->version;
        found->free_threaded = begin->free_threaded == 1;
        is = begin->version == found->version && begin->version >> 24 == 3 && begin->free_threaded <= 1;
    }
    PHD_UNGUARD(memory, &guard);
    return is;
}

static bool read_page(struct phd_memory *memory, uint64_t address, uint8_t page[PAGE])
{
    struct phd_guard guard;
    volatile bool is_read = false;
    if (PHD_GUARD(memory, &guard)) {
        memcpy(page, memory->view(memory, address, PAGE), PAGE);
        is_read = true;
    }
    PHD_UNGUARD(memory, &guard);
    return is_read;
}

bool phd__unexported_each(struct phd_memory *memory, const struct phd_mappings *mappings,
                          bool (*visit)(const struct phd_unexported *found, void *argument), void *argument)
{
    uint64_t searched = 0;
    uint8_t page[PAGE];
    struct phd_unexported found;
    for (size_t i = 0; i < mappings->count; i++) {
        const struct phd_mapping *mapping = mappings->all + i;
        for (uint64_t at = mapping->start; is_searched(mapping) && at < mapping->end && searched < MAX_SEARCHED;
             at += PAGE, searched += PAGE) {
            if (!read_page(memory, at, page))
                continue;
            for (unsigned offset = 0; offset < PAGE; offset += WORD) {
                if (memcmp(page + offset, COOKIE, WORD) == 0 && look_at(memory, at + offset, &found) &&
                    visit(&found, argument))
                    return true;
            }
        }
    }
    return false;
}
