/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence beside the objects: texts of the operating system about the process, the distributions installed, and the
 * sources of the files on the stacks. Read by plain system calls, so it works after a crash. Context: crash.
 */
#ifndef PHD_EVIDENCE_H
#define PHD_EVIDENCE_H

#include "walk/walk.h"

/* A text is built in the items buffer behind the place where its map will stand. */
enum { PHD_EVIDENCE_OFFSET = 8192 };

/* Write PROC and SOURCE blocks. */
void phd__evidence_put(struct phd_walk *walk, const struct phd_request *request);

/* Write a PROC block named `path` of `length` bytes that stand in walk->items at PHD_EVIDENCE_OFFSET. */
void phd__evidence_put_text(struct phd_walk *walk, const char *path, size_t length);

/* distributions.c: the distributions on sys.path */
void phd__distributions_put(struct phd_walk *walk, const struct phd_request *request);

/* sources.c: find which files are on the stacks of the exception, of all threads and of asyncio tasks; while the process
 * stands. */
void phd__sources_find(struct phd_walk *walk, const struct phd_request *request);

/* The sources of the files that were found, each once; the process may go on. */
void phd__sources_put(struct phd_walk *walk);

#endif
