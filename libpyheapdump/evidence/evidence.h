/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence beside the objects: texts of the operating system about the process, and the sources of the files on the
 * stacks. Read by plain system calls, so it works after a crash. Context: crash.
 */
#ifndef PHD_EVIDENCE_H
#define PHD_EVIDENCE_H

#include "walk/walk.h"

/* Write PROC and SOURCE blocks. */
void phd__evidence_put(struct phd_walk *walk, const struct phd_request *request);

/* sources.c: the sources of the files on the stacks of the exception and of all threads, each once. */
void phd__sources_put(struct phd_walk *walk, const struct phd_request *request);

#endif
