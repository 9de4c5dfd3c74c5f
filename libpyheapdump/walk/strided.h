/* SPDX-License-Identifier: Apache-2.0
 *
 * The elements of an array of many dimensions, in C order: for memoryview and numpy (PEP 3118).
 *
 * A dimension with stride 0 repeats one element (or row …), so it is visited once. Context: crash.
 */
#ifndef PHD_WALK_STRIDED_H
#define PHD_WALK_STRIDED_H

#include "walk/buffers.h"

enum { PHD_MAX_DIMENSIONS = 64 };

struct phd_strided {
    uint64_t address; /* of the first element */
    uint64_t itemsize;
    unsigned dimensions;
    bool references; /* the elements are references to objects */
    int64_t shape[PHD_MAX_DIMENSIONS];
    int64_t strides[PHD_MAX_DIMENSIONS];
    /* while visiting */
    int64_t index[PHD_MAX_DIMENSIONS];
    uint64_t remaining; /* elements */
};

/* Read `dimensions` sizes and strides (addresses of arrays of Py_ssize_t). Faults when they cannot be right. */
void phd__strided_read(struct phd_walk *walk, struct phd_strided *array, uint64_t shape, uint64_t strides);

/* Elements to visit. */
uint64_t phd__strided_begin(struct phd_strided *array);
/* The address of the next element; false after the last. */
bool phd__strided_next(struct phd_strided *array, uint64_t *element);

/* Go on with element `number` of the visit. */
void phd__strided_seek(struct phd_strided *array, uint64_t number);

/* The memory from the first byte of the elements to the last. False when it is too large to be memory. */
bool phd__strided_span(const struct phd_strided *array, struct phd_span *span);
/* Is it about as much memory as the elements take? Else there is much between them that is none of the array's. */
bool phd__strided_is_dense(const struct phd_strided *array, const struct phd_span *span);

/* Write the base of the array `object`, which tells `shape`, `strides`, and
 *   `offset`, and `content` or (`array->references`) `objects`: its memory as it stands, the first element `offset` bytes
 *   from the beginning of it, where that is another object's or has few gaps,
 *   else the elements in C order alone.
 * `more`, `put_more`: pairs of the map that come behind, of an array whose elements are written alone. */
void phd__put_strided(struct phd_walk *walk, uint64_t object, struct phd_strided *array, unsigned more,
                      void (*put_more)(struct phd_walk *walk, struct phd_strided *array));

#endif
