/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "walk/runner.h"

enum {
    FIRST_RIGHT = 0x030d,
    STATE_SIZE = 4096, /* no PyThreadState is larger before 3.13 */
    PIECE = 4096,
    MOST_PIECES = 32, /* of one stack, from its top on */
    MOST_PIECES_IN_ALL = 4096
};
#define PHD_LARGEST_STACK ((uint64_t)1 << 30)

bool phd__ids_may_be_wrong(const struct phd_walk *walk, uint64_t interpreter_id)
{
    return interpreter_id != 0 && walk->at->version < FIRST_RIGHT;
}

static const struct phd_standing *standing_at(const struct phd_crash *crash, unsigned number)
{
    const struct phd_standing *standing = number ? crash->others + number - 1 : &crash->own;
    return standing->thread && standing->registers.value[PHD_RSP] ? standing : NULL;
}

/* Stacks do not overlap: an address is on that whose top is the nearest before it. */
static const struct phd_standing *owner_of(const struct phd_crash *crash, uint64_t address)
{
    const struct phd_standing *found = NULL;
    for (unsigned i = 0; i <= crash->other_count; i++) {
        const struct phd_standing *standing = standing_at(crash, i);
        if (!standing || standing->registers.value[PHD_RSP] > address ||
            address - standing->registers.value[PHD_RSP] > PHD_LARGEST_STACK)
            continue;
        if (!found || standing->registers.value[PHD_RSP] > found->registers.value[PHD_RSP])
            found = standing;
    }
    return found;
}

/* Does a word of the stack from `top` on hold `value`? */
static bool stack_holds(struct phd_walk *walk, uint64_t top, uint64_t value, unsigned *pieces)
{
    struct phd_guard guard;
    volatile bool found = false;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t at = top & ~(uint64_t)7, end = (top & ~(uint64_t)(PIECE - 1)) + PIECE;
        for (unsigned i = 0; i < MOST_PIECES && !found && *pieces < MOST_PIECES_IN_ALL; i++, end += PIECE) {
            ++*pieces;
            for (; at < end && !found; at += 8)
                found = phd__read_word(walk->memory, at) == value;
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
    return found;
}

/* The one stack that holds `value`; NULL when there is none, or more than one. */
static const struct phd_standing *holder_of(struct phd_walk *walk, const struct phd_crash *crash, uint64_t value)
{
    const struct phd_standing *found = NULL;
    unsigned pieces = 0;
    for (unsigned i = 0; i <= crash->other_count; i++) {
        const struct phd_standing *standing = standing_at(crash, i);
        if (!standing || !stack_holds(walk, standing->registers.value[PHD_RSP], value, &pieces))
            continue;
        if (found)
            return NULL;
        found = standing;
    }
    return found;
}

const struct phd_standing *phd__runner_of(struct phd_walk *walk, const struct phd_crash *crash, uint64_t state)
{
    struct phd_guard guard;
    volatile uint64_t frame = 0, address = 0;
    if (PHD_GUARD(walk->memory, &guard)) {
        if (walk->at->thread_cframe != PHD_ABSENT)
            address = phd__word_at(walk, state, walk->at->thread_cframe);
        else
            frame = phd__word_at(walk, state, walk->at->thread_frame);
    }
    PHD_UNGUARD(walk->memory, &guard);
    if (frame)
        return holder_of(walk, crash, frame);
    return address && address - state >= STATE_SIZE ? owner_of(crash, address) : NULL; /* the first CFrame is its own */
}
