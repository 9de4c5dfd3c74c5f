/* SPDX-License-Identifier: Apache-2.0
 *
 * The elements of an array of many dimensions, in C order: for memoryview and numpy (PEP 3118).
 *
 * A dimension with stride 0 repeats one element (or row …), so it is visited once. Context: crash.
 */
#ifndef PHD_WALK_STRIDED_H
#define PHD_WALK_STRIDED_H

#include "walk/walk.h"

enum { PHD_MAX_DIMENSIONS = 64 };

struct phd_strided {
    uint64_t address; /* of the first element */
    uint64_t itemsize;
    unsigned dimensions;
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

/* Write shape and strides as two pairs of a map: arrays of ints. */
void phd__put_shape(struct phd_walk *walk, const struct phd_strided *array);
/* Write the bytes of all elements of a struct phd_strided as a value; for phd__put_guarded. */
void phd__put_elements(struct phd_walk *walk, void *array);

#endif
