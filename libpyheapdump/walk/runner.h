/* SPDX-License-Identifier: Apache-2.0
 *
 * Which thread of the system runs a PyThreadState of a subinterpreter.
 *
 * Up to 3.12 such a state keeps the ids of the thread that made the interpreter, whichever runs it (Modules/
 * _xxsubinterpretersmodule.c swaps it in). Who runs it has something of it on its C stack: from 3.11 on the CFrame that
 * the state points to, before that the pointer to the innermost frame, in the interpreter's loop. Context: crash.
 */
#ifndef PHD_WALK_RUNNER_H
#define PHD_WALK_RUNNER_H

#include "crash/crash.h"
#include "walk/walk.h"

/* Does a state of this interpreter tell the wrong thread? */
bool phd__ids_may_be_wrong(const struct phd_walk *walk, uint64_t interpreter_id);

/* Where the thread stood that runs `state`; NULL when none does, or it is not known. */
const struct phd_standing *phd__runner_of(struct phd_walk *walk, const struct phd_crash *crash, uint64_t state);

#endif
