/* SPDX-License-Identifier: Apache-2.0
 *
 * The way to sys.hexversion (Python/sysmodule.c, 3.9 to 3.15) leads through the dict of all modules, a module and its
 * dict, strings and an int: whoever gets there by a layout has the right one. Context: crash.
 */
#include "walk/version.h"

#include "walk/walk.h"

static uint64_t read_hexversion(struct phd_walk *walk, uint64_t interpreter)
{
    uint64_t modules = phd__word_at(walk, interpreter, walk->at->interp_modules);
    if (!modules || phd__type_of(walk, modules)->shape != PHD_SHAPE_DICT)
        return 0;
    uint64_t sys = phd__dict_get(walk, modules, "sys");
    return sys ? phd__int_attribute(walk, sys, "hexversion") : 0;
}

uint32_t phd__interpreter_version(struct phd_memory *memory, const struct phd_layout *at, uint64_t interpreter)
{
    static struct phd_walk walk; /* large; one at a time */
    struct phd_guard guard;
    volatile uint64_t version = 0;
    if (phd__walk_open(&walk, at, memory, NULL, NULL) == PHD_OK) {
        if (PHD_GUARD(memory, &guard))
            version = read_hexversion(&walk, interpreter);
        PHD_UNGUARD(memory, &guard);
    }
    phd__walk_close(&walk);
    return version <= UINT32_MAX ? (uint32_t)version : 0;
}
