/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "walk/queue.h"

#include <string.h>

#include "safe/pages.h"

enum { CHUNK_BYTES = 256 * 1024, CHUNK_ENTRIES = CHUNK_BYTES / 8 - 1 };

struct phd_queue_chunk {
    struct phd_queue_chunk *next;
    uint64_t entries[CHUNK_ENTRIES];
};

bool phd__queue_open(struct phd_queue *queue)
{
    memset(queue, 0, sizeof *queue);
    queue->first = queue->last = phd__pages_alloc(CHUNK_BYTES);
    queue->chunks = queue->most_chunks = 1;
    return queue->first != NULL;
}

void phd__queue_close(struct phd_queue *queue)
{
    while (queue->first) {
        struct phd_queue_chunk *next = queue->first->next;
        phd__pages_free(queue->first, CHUNK_BYTES);
        queue->first = next;
    }
    phd__pages_free(queue->spare, CHUNK_BYTES);
    memset(queue, 0, sizeof *queue);
}

static struct phd_queue_chunk *take_chunk(struct phd_queue *queue)
{
    struct phd_queue_chunk *chunk = queue->spare;
    queue->spare = NULL;
    if (!chunk) {
        chunk = phd__pages_alloc(CHUNK_BYTES);
        queue->chunks += chunk != NULL;
        if (queue->chunks > queue->most_chunks)
            queue->most_chunks = queue->chunks;
    }
    if (chunk)
        chunk->next = NULL;
    return chunk;
}

bool phd__queue_push(struct phd_queue *queue, uint64_t entry)
{
    if (queue->write == CHUNK_ENTRIES) {
        struct phd_queue_chunk *chunk = take_chunk(queue);
        if (!chunk)
            return false;
        queue->last->next = chunk;
        queue->last = chunk;
        queue->write = 0;
    }
    queue->last->entries[queue->write++] = entry;
    return true;
}

bool phd__queue_pop(struct phd_queue *queue, uint64_t *entry)
{
    if (queue->first == queue->last && queue->read == queue->write)
        return false;
    if (queue->read == CHUNK_ENTRIES) {
        struct phd_queue_chunk *emptied = queue->first;
        queue->first = emptied->next;
        queue->read = 0;
        if (queue->spare) {
            phd__pages_free(emptied, CHUNK_BYTES);
            queue->chunks--;
        } else {
            queue->spare = emptied;
        }
        if (queue->first == queue->last && queue->write == 0)
            return false;
    }
    *entry = queue->first->entries[queue->read++];
    return true;
}

struct phd_queue_mark phd__queue_mark(const struct phd_queue *queue)
{
    return (struct phd_queue_mark){queue->last, queue->write};
}

struct phd_queue_mark phd__queue_front(const struct phd_queue *queue)
{
    return (struct phd_queue_mark){queue->first, queue->read};
}

bool phd__queue_next(const struct phd_queue *queue, struct phd_queue_mark *mark, uint64_t *entry)
{
    if (mark->chunk == queue->last && mark->position == queue->write)
        return false;
    if (mark->position == CHUNK_ENTRIES) {
        mark->chunk = mark->chunk->next;
        mark->position = 0;
    }
    *entry = mark->chunk->entries[mark->position++];
    return true;
}

uint64_t phd__queue_peek(const struct phd_queue *queue, size_t distance)
{
    size_t at = queue->read + distance;
    if (at >= CHUNK_ENTRIES || (queue->first == queue->last && at >= queue->write))
        return 0;
    return queue->first->entries[at];
}

uint64_t phd__queue_memory(const struct phd_queue *queue)
{
    return queue->most_chunks * CHUNK_BYTES;
}
