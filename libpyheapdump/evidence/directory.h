/* SPDX-License-Identifier: Apache-2.0
 *
 * Listing a directory by system calls alone (opendir allocates). Context: crash.
 */
#ifndef PHD_EVIDENCE_DIRECTORY_H
#define PHD_EVIDENCE_DIRECTORY_H

#include <stdbool.h>

/* Call `visit(name, descriptor of the directory, argument)` for every entry of `path` but "." and "..". False, and errno,
 * when the directory cannot be opened. */
bool phd__directory_each(const char *path, void (*visit)(const char *name, int directory, void *argument),
                         void *argument);

#endif
