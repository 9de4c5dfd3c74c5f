/* SPDX-License-Identifier: Apache-2.0
 *
 * From below: argc, the arguments, 0, the variables of the environment, 0, the auxiliary vector; up to some kilobytes
 * above it the random bytes of AT_RANDOM, then the texts of the arguments, those of the environment, and the name of the
 * executed file (AT_EXECFN). Context: normal.
 */
#include "core/arguments.h"

enum { MAX_SCANNED = 64 * 1024 /* bytes between the vector and AT_RANDOM */, MAX_POINTERS = 1 << 18 };

/* Where the vector stands: its first two words tell it from all else. */
static uint64_t find_vector(const struct phd_core_notes *notes, struct phd_memory *memory)
{
    uint64_t top = phd__core_auxv(notes, AT_RANDOM) & ~(uint64_t)7;
    for (uint64_t at = top; notes->auxv_size >= 16 && top - at < MAX_SCANNED && at > PHD_LOWEST_ADDRESS; at -= 8)
        if (memcmp(phd__view(memory, at, 16), notes->auxv, 16) == 0)
            return at;
    return 0;
}

/* The address of the last pointer above `at` that is 0, going down from it; 0: there is none. */
static uint64_t null_below(struct phd_memory *memory, uint64_t at)
{
    for (unsigned i = 0; i < MAX_POINTERS; i++) {
        at -= 8;
        if (phd__read_word(memory, at) == 0)
            return at;
    }
    return 0;
}

/* The first of the pointers that end below `end`, before which their number stands. */
static uint64_t first_argument(struct phd_memory *memory, uint64_t end)
{
    for (uint64_t count = 0; count < MAX_POINTERS; count++)
        if (phd__read_word(memory, end - 8 * count - 8) == count)
            return count ? phd__read_word(memory, end - 8 * count) : 0;
    return 0;
}

static void find(struct phd_core_source *source, const struct phd_core_notes *notes, struct phd_memory *memory)
{
    uint64_t vector = find_vector(notes, memory);
    uint64_t end = vector ? vector - 8 : 0; /* the 0 behind the environment */
    uint64_t between = end ? null_below(memory, end) : 0;
    uint64_t arguments = between ? first_argument(memory, between) : 0;
    uint64_t environment = between + 8 < end ? phd__read_word(memory, between + 8) : 0;
    uint64_t environment_end = phd__core_auxv(notes, AT_EXECFN);
    environment = environment ? environment : environment_end;
    if (arguments && arguments <= environment && environment <= environment_end) {
        source->arguments = arguments;
        source->environment = environment;
        source->environment_end = environment_end;
    }
}

void phd__core_arguments_find(struct phd_core_source *source, const struct phd_core_notes *notes,
                              struct phd_memory *memory)
{
    struct phd_guard guard;
    if (PHD_GUARD(memory, &guard))
        find(source, notes, memory);
    PHD_UNGUARD(memory, &guard);
}
