/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of interpreters, the oldest of them and the number that the next one gets stand together in _PyRuntime
 * (Include/internal/pycore_runtime.h, later pycore_runtime_structs.h, struct pyinterpreters). Few words look like these;
 * of those the list must lead from the newest interpreter to the oldest, which has the number 0 and a thread that leads
 * back to it, and to a module sys that tells the version of the layout by which all that was read. Context: normal.
 */
#include "attach/unmarked.h"

#include "layout/layout.h"
#include "walk/version.h"

enum { MAX_INTERPRETERS = 10000, VERSION_STEPS = 10000 /* that reading a version counts as */ };

static bool is_address(uint64_t word)
{
    return word >= PHD_LOWEST_ADDRESS && word < PHD_HIGHEST_ADDRESS && word % sizeof word == 0;
}

static uint64_t word_at(struct phd_memory *memory, uint64_t address, int32_t offset)
{
    return phd__read_word(memory, address + (uint64_t)(int64_t)offset);
}

static bool may_go_on(struct phd_unmarked *search, uint64_t steps)
{
    bool may = search->steps >= steps;
    search->steps -= may ? steps : search->steps;
    return may;
}

/* Does the list lead from `first` to `oldest`, and there to a thread? */
static bool leads_to(struct phd_unmarked *search, const struct phd_layout *at, uint64_t first, uint64_t oldest)
{
    struct phd_memory *memory = search->memory;
    uint64_t interpreter = first;
    for (unsigned i = 0; may_go_on(search, 1) && interpreter != oldest && i < MAX_INTERPRETERS; i++)
        interpreter = word_at(memory, interpreter, at->interp_next);
    if (interpreter != oldest || word_at(memory, oldest, at->interp_next) || word_at(memory, oldest, at->interp_id))
        return false;
    uint64_t thread = word_at(memory, oldest, at->interp_threads);
    return is_address(thread) && word_at(memory, thread, at->thread_interp) == oldest;
}

static bool is_runtime(struct phd_unmarked *search, const struct phd_layout *at, uint64_t runtime, uint32_t *version)
{
    struct phd_memory *memory = search->memory;
    struct phd_guard guard;
    volatile bool is = false;
    uint64_t first = word_at(memory, runtime, at->runtime_interpreters);
    uint64_t oldest = word_at(memory, runtime, at->runtime_main_interpreter);
    uint64_t next = word_at(memory, runtime, at->runtime_next_interpreter);
    if (!is_address(oldest) || next == 0 || next > INT32_MAX)
        return false;
    if (PHD_GUARD(memory, &guard))
        is = leads_to(search, at, first, oldest);
    PHD_UNGUARD(memory, &guard);
    *version = is && may_go_on(search, VERSION_STEPS) ? phd__interpreter_version(memory, at, oldest) : 0;
    return (int)(*version >> 16) == at->version;
}

bool phd__unmarked_at(struct phd_unmarked *search, uint64_t head, struct phd_unexported *found)
{
    const struct phd_layout *at;
    if (!search->steps || !is_address(phd__read_word(search->memory, head)))
        return false;
    for (unsigned i = 0; (at = phd__layout_number(i)) != NULL; i++) {
        uint64_t runtime = head - (uint64_t)at->runtime_interpreters;
        if (is_runtime(search, at, runtime, &found->version)) {
            found->runtime = runtime;
            found->free_threaded = at->free_threaded != 0;
            return true;
        }
    }
    return false;
}
