/* SPDX-License-Identifier: Apache-2.0
 *
 * Which blocks a dump has: from the index at its end, or, where that is missing or damaged, from the descriptors.
 */
#ifndef PHD_READ_INDEX_H
#define PHD_READ_INDEX_H

#include "block.h"
#include "message.h"

/* Told about damage, in words; at most PHD__MAX_PROBLEMS times per dump. */
typedef void phd__problem_function(void *argument, const char *text);
#define PHD__MAX_PROBLEMS 200

struct phd__problems {
    phd__problem_function *tell;
    void *argument;
    size_t count;
};

void phd__problem(struct phd__problems *problems, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct phd__index {
    struct phd__block *blocks; /* in the order of the file */
    size_t count;
    size_t capacity;
    bool found; /* false: rebuilt from the descriptors */
};

/* Fills the index. Time and memory are proportional to the number of blocks when the index is there; without it the
 * damaged stretches of the file are read too. Call phd__index_deinit() at the end, also after a failure. */
enum phd__read_status phd__index_init(struct phd__index *index, const struct phd__input *input,
                                      const struct phd__message *message, struct phd__problems *problems,
                                      struct phd__read_error *error);
void phd__index_deinit(struct phd__index *index);

#endif
