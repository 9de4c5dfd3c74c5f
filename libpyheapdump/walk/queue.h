/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of objects met and not yet written: first in, first out, so that the walk is breadth first. Chunks of pages
 * are taken as it grows and used again as it empties. Context: crash.
 */
#ifndef PHD_WALK_QUEUE_H
#define PHD_WALK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct phd_queue_chunk;

struct phd_queue {
    struct phd_queue_chunk *first; /* read end */
    struct phd_queue_chunk *last;  /* write end */
    struct phd_queue_chunk *spare; /* one emptied chunk, to be used again */
    size_t read;                   /* position in `first` */
    size_t write;                  /* position in `last` */
    uint64_t chunks;               /* in use */
    uint64_t most_chunks;          /* ever in use */
};

bool phd__queue_open(struct phd_queue *queue);
void phd__queue_close(struct phd_queue *queue);

/* False when memory is refused. */
bool phd__queue_push(struct phd_queue *queue, uint64_t entry);

/* False when the queue is empty. */
bool phd__queue_pop(struct phd_queue *queue, uint64_t *entry);

/* The place behind the last entry: what is pushed from now on can be looked at from there. Valid until the next pop. */
struct phd_queue_mark {
    const struct phd_queue_chunk *chunk;
    size_t position;
};
struct phd_queue_mark phd__queue_mark(const struct phd_queue *queue);
/* The place of the next entry to be popped. */
struct phd_queue_mark phd__queue_front(const struct phd_queue *queue);

/* The next entry behind `mark`, which moves behind it; false when there is none. The entry stays in the queue. */
bool phd__queue_next(const struct phd_queue *queue, struct phd_queue_mark *mark, uint64_t *entry);

/* The entry `distance` places behind the next one, or 0: for prefetching. */
uint64_t phd__queue_peek(const struct phd_queue *queue, size_t distance);

/* The most bytes of memory ever taken. */
uint64_t phd__queue_memory(const struct phd_queue *queue);

#endif
