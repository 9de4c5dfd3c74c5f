/* SPDX-License-Identifier: Apache-2.0
 *
 * A dump opened for reading: which block holds what, and a bounded cache of unpacked blocks.
 *
 * Opening reads the message's frame and the index, never the heap. Everything else is read when it is asked for.
 * A reader is used by one thread at a time (the extension module holds the GIL).
 */
#ifndef PHD_READ_READER_H
#define PHD_READ_READER_H

#include "index.h"
#include "loaded.h"

/* Memory for unpacked blocks. One block more than that may be held while it is in use. */
#define PHD__CACHE_BYTES ((size_t)32 * 1024 * 1024)
/* Unpacked blocks held at most, so that many tiny ones stay cheap to look after. */
#define PHD__CACHE_BLOCKS 256

struct phd__reader;

/* Opens a dump. `tell` is called for each damage found, now or later, until the reader is closed. */
enum phd__read_status phd__reader_open(const char *path, phd__problem_function *tell, void *argument,
                                       struct phd__reader **ret, struct phd__read_error *error);
/* NULL is allowed. No block may be in use. */
void phd__reader_close(struct phd__reader *reader);

const struct phd__input *phd__reader_input(const struct phd__reader *reader);
const struct phd__message *phd__reader_message(const struct phd__reader *reader);
const struct phd__index *phd__reader_index(const struct phd__reader *reader);

/* 1 + the highest object id of the file. */
uint64_t phd__reader_object_count(const struct phd__reader *reader);

/* The block of the index that holds this object. False when none does. */
bool phd__reader_find_object(const struct phd__reader *reader, uint64_t id, size_t *ret);

/* Blocks of one kind that belong to one object (ITEMS, CONTENT), by offset. A position in this order is what
 * phd__reader_first_piece() gives: of the last piece that begins at or before `offset`, else of the first one.
 * phd__reader_piece() turns a position into a number of the index; false behind the object's last piece. */
size_t phd__reader_first_piece(const struct phd__reader *reader, uint32_t kind, uint64_t owner, uint64_t offset);
bool phd__reader_piece(const struct phd__reader *reader, size_t position, uint32_t kind, uint64_t owner, size_t *ret);

/* Was this block found to be damaged when it was loaded? */
bool phd__reader_is_damaged(const struct phd__reader *reader, size_t number);

/* Loads block `number` of the index, from the cache if it is there. It stays valid until phd__reader_release(), which
 * each successful acquire needs once. A failure is told as a problem once, and remembered. */
enum phd__read_status phd__reader_acquire(struct phd__reader *reader, size_t number, struct phd__loaded **ret,
                                          struct phd__read_error *error);
void phd__reader_release(struct phd__reader *reader, size_t number);

#endif
