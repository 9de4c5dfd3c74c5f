/* SPDX-License-Identifier: Apache-2.0
 *
 * Files as another process sees them, which may have another root directory and other mounts. Context: crash.
 */
#ifndef PHD_SAFE_FILES_H
#define PHD_SAFE_FILES_H

enum { PHD_TARGET_PATH = 4096 + 64 };

/* The path by which `path` of process `pid` can be opened here: below /proc/PID/root, or /proc/PID/cwd when it is
 * relative (proc(5)). `pid` 0: the process is this one, or has ended; then it is `path` itself. Cut when too long. */
const char *phd__target_path(int pid, const char *path, char storage[PHD_TARGET_PATH]);

/* Open a file, whose name comes from a target, for reading. -1: it cannot be opened or is no regular file; opening a
 * device might do something. */
int phd__open_regular(const char *path);

#endif
