/* SPDX-License-Identifier: Apache-2.0
 *
 * The MIME message around a dump (docs/format.md, section 1): its headers, where its text lies, where its blocks lie.
 *
 * The search is lenient where that costs nothing, so that a flipped byte in the message does not hide the heap: the
 * binary part is found by its own Content-Type line, not by the boundary that the first headers announce.
 */
#ifndef PHD_READ_MESSAGE_H
#define PHD_READ_MESSAGE_H

#include "input.h"

#include <stdbool.h>

#define PHD__FORMAT_VERSION 3
#define PHD__MAX_HEADER_BYTES ((size_t)1024 * 1024)      /* docs/format.md, section 10 */
#define PHD__MAX_HEADERS 4096                            /* fields of the message's header */
#define PHD__MAX_TEXT_BYTES ((uint64_t)64 * 1024 * 1024) /* the traceback text for people */

struct phd__header {
    const char *name; /* not terminated, as in the file */
    size_t name_size;
    const char *value; /* not terminated; unfolded, without the space around it */
    size_t value_size;
};

struct phd__message {
    char *head; /* what `headers` point into */
    struct phd__header *headers;
    size_t header_count;
    bool version_known;
    uint64_t version;
    uint64_t text_start;
    uint64_t text_size; /* 0 when there is no text part */
    uint64_t part_start;
    uint64_t part_end; /* of the binary part */
    bool is_cut;       /* the end of the message is missing */
};

/* Reads the message's frame; at most some 65 MiB are searched, whatever the file's size. Refuses other files and
 * other versions with a text that says what they are. On success call phd__message_deinit() at the end. */
enum phd__read_status phd__message_init(struct phd__message *message, const struct phd__input *input,
                                        struct phd__read_error *error);
void phd__message_deinit(struct phd__message *message);

#endif
