/* SPDX-License-Identifier: Apache-2.0
 *
 * From CPython 3.13 on _PyRuntime begins with a word that is put there to be found, the version and whether the build is
 * free-threaded (_Py_DebugOffsets; 3.13: Include/internal/pycore_runtime.h, later: pycore_debug_offsets.h). Before that
 * it is told by what it leads to (attach/unmarked.h), which takes longer and so is tried last. It lies in a writable
 * mapping of the program's file, or in the one behind that, of data that begin as zeros. Context: normal.
 */
#include "attach/unexported.h"

#include "attach/unmarked.h"

#define MAX_SEARCHED ((uint64_t)256 << 20) /* bytes */
enum { PAGE = 4096, MAX_STEPS = 1000000 /* links that are followed from there */ };

static const char COOKIE[] = "xdebugpy";
enum { WORD = sizeof COOKIE - 1 };

struct begin {
    char cookie[WORD];
    uint64_t version, free_threaded;
};

struct search {
    struct phd_unmarked unmarked;
    bool (*visit)(const struct phd_unexported *found, void *argument);
    void *argument;
};

/* A way to tell what stands at `address`, in a page that can be read. */
typedef bool teller(struct phd_unmarked *search, uint64_t address, struct phd_unexported *found);

static bool is_marked(struct phd_unmarked *search, uint64_t address, struct phd_unexported *found)
{
    struct phd_memory *memory = search->memory;
    if (memcmp(phd__view(memory, address, WORD), COOKIE, WORD) != 0)
        return false;
    const struct begin *begin = phd__view(memory, address, sizeof *begin);
    *found = (struct phd_unexported){address, (uint32_t)begin->version, begin->free_threaded == 1};
    return begin->version == found->version && begin->version >> 24 == 3 && begin->free_threaded <= 1;
}

static bool is_private_data(const struct phd_mapping *mapping)
{
    unsigned wanted = PHD_READABLE | PHD_WRITABLE;
    return (mapping->permissions & wanted) == wanted && !(mapping->permissions & PHD_SHARED);
}

/* Is mapping `i` part of the data of a program or library? */
static bool is_searched(const struct phd_mappings *mappings, size_t i)
{
    const struct phd_mapping *mapping = mappings->all + i;
    if (!is_private_data(mapping))
        return false;
    return mapping->inode ||
           (i && mapping[-1].inode && mapping[-1].end == mapping->start && is_private_data(mapping - 1));
}

/* Look at the addresses of a page from `*at` on, which becomes where to go on. True: there it is. A place that leads to
 * where nothing can be read is none. */
static bool look_on(struct search *search, teller *tell, uint64_t *at, struct phd_unexported *found)
{
    const uint64_t end = (*at | (PAGE - 1)) + 1;
    struct phd_memory *memory = search->unmarked.memory;
    struct phd_guard guard;
    volatile uint64_t next = *at;
    volatile bool is = false;
    if (PHD_GUARD(memory, &guard)) {
        while (next < end && !is) {
            uint64_t here = next;
            next = here + WORD;
            is = tell(&search->unmarked, here, found);
        }
    } else if (memory->fault_address >= *at && memory->fault_address < end) {
        next = end; /* the page itself cannot be read */
    }
    PHD_UNGUARD(memory, &guard);
    *at = next;
    return is;
}

static bool look_everywhere(struct search *search, teller *tell, const struct phd_mappings *mappings)
{
    struct phd_unexported found;
    uint64_t left = MAX_SEARCHED;
    for (size_t i = 0; i < mappings->count; i++) {
        const struct phd_mapping *mapping = mappings->all + i;
        uint64_t length = mapping->end - mapping->start;
        if (!is_searched(mappings, i))
            continue;
        length = length < left ? length : left;
        left -= length;
        for (uint64_t at = mapping->start; at < mapping->start + length;)
            if (look_on(search, tell, &at, &found) && search->visit(&found, search->argument))
                return true;
    }
    return false;
}

bool phd__unexported_each(struct phd_memory *memory, const struct phd_mappings *mappings,
                          bool (*visit)(const struct phd_unexported *found, void *argument), void *argument)
{
    struct search search = {{memory, MAX_STEPS}, visit, argument};
    return look_everywhere(&search, is_marked, mappings) || look_everywhere(&search, phd__unmarked_at, mappings);
}
