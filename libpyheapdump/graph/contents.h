/* SPDX-License-Identifier: Apache-2.0
 *
 * What one record tells of its object: about how many bytes it takes, and which objects it refers to.
 *
 * A dump does not record sizes. `own` is made from what it does record: the fixed part of the type, the text or bytes
 * (a str as UTF-8), a pointer for each element (a dict: key, value and hash). Spare room is not known, so an object may
 * take more. Small numbers and texts with one owner stand inside its record (docs/format.md, section 3): their bytes
 * are told apart, as `leaves`.
 *
 * Context: normal. A record is untrusted input.
 */
#ifndef PHD_GRAPH_CONTENTS_H
#define PHD_GRAPH_CONTENTS_H

#include "read/token.h"

#define PHD__NO_ID UINT64_MAX

/* Told of `count` references to the objects `first`, `first` + 1, ... in a row. */
typedef void phd__reference_function(void *argument, uint64_t first, uint64_t count);

struct phd__contents {
    uint64_t id;   /* of the record: references may be relative to it */
    unsigned code; /* of the record, docs/format.md section 4 */
    uint64_t own;  /* bytes; of an instance without the fixed part, which its type tells */
    uint64_t leaves;
    uint64_t elements;  /* of the container that it is or carries; a dict's pairs */
    uint64_t type;      /* the id of an instance's type, not among the references; PHD__NO_ID when there is none */
    uint64_t basicsize; /* of a TYPE: the fixed part of its instances, bytes */
    phd__reference_function *tell; /* NULL: references are not wanted */
    void *argument;
};

enum phd__record_code {
    PHD__RECORD_OBJECT = 1,
    PHD__RECORD_INT = 2,
    PHD__RECORD_FLOAT = 3,
    PHD__RECORD_COMPLEX = 4,
    PHD__RECORD_STR = 5,
    PHD__RECORD_BYTES = 6,
    PHD__RECORD_BYTEARRAY = 7,
    PHD__RECORD_TUPLE = 8,
    PHD__RECORD_LIST = 9,
    PHD__RECORD_DICT = 10,
    PHD__RECORD_SET = 11,
    PHD__RECORD_FROZENSET = 12,
    PHD__RECORD_TYPE = 13,
    PHD__RECORD_FRAME = 14,
    PHD__RECORD_SPLIT = 16,
    PHD__RECORD_MAPPED = 17,
    PHD__RECORD_SHARED = 18,
};

/* Reads a record. `id`, `tell` and `argument` are the caller's, all else becomes what the record tells; of one that is
 * damaged, what stands before the damage. */
void phd__contents_of_record(struct phd__cursor record, struct phd__contents *contents);

/* Adds the values of an ITEMS block (`leaves`, and references to `tell`) to those of its owner. */
void phd__contents_add_items(struct phd__cursor items, struct phd__contents *contents);

#endif
