/* SPDX-License-Identifier: Apache-2.0
 *
 * The asyncio tasks of the process as roots. Context: crash.
 */
#ifndef PHD_WALK_TASKS_H
#define PHD_WALK_TASKS_H

#include "walk/walk.h"

/* Meet the tasks that nothing else may lead to: since 3.14 they are no members of a set. With request->only_stacks meet
 * all pending ones, and the frames of the coroutines that they are in. */
void phd__tasks_meet(struct phd_walk *walk, const struct phd_request *request);

/* Call `visit` for the frames of the coroutines that the tasks are in: `entry` is an argument for phd__frame_read. */
void phd__task_frames_each(struct phd_walk *walk, const struct phd_request *request,
                           void (*visit)(struct phd_walk *walk, uint64_t entry, void *argument), void *argument);

#endif
