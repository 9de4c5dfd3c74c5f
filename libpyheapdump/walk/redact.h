/* SPDX-License-Identifier: Apache-2.0
 *
 * Redaction: a text whose name says that it is a secret does not reach the file.
 *
 * A name is what an edge is called: a dict key, an attribute, a slot or C field, a local variable, cell or free variable,
 * the parameter of a default, the field of a named tuple. Hidden are texts (str, bytes, bytearray, memoryview) under such
 * a name, and those directly inside a container under it. Names themselves are never hidden.
 *
 * A text found so is also left out where it is reached by a harmless name, as long as it was not written before, but only
 * if nothing else is likely to be the same text: an empty, short or purely alphabetic one is hidden where its name says
 * so and nowhere else, as CPython shares such texts between all their uses.
 *
 * docs/privacy.md lists the rules for users. Context: crash.
 */
#ifndef PHD_WALK_REDACT_H
#define PHD_WALK_REDACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "walk/addrset.h"

struct phd_walk;
struct phd_type;

/* What a name says about the text it names. */
enum phd_verdict {
    PHD_NAMES_NOTHING,
    PHD_NAMES_URL,   /* a secret if it is a URL with a password */
    PHD_NAMES_TOKEN, /* a secret unless it has characters that no token has, as the patterns in Lib/tokenize.py */
    PHD_NAMES_SECRET
};

enum { PHD_VERDICTS = 4096 };

struct phd_redaction {
    bool wanted;
    uint64_t count;             /* values left out */
    struct phd_addrset texts;   /* found secret, not to be written by another way */
    struct phd_addrset holders; /* objects some of whose values are secrets: a bit for each of the first values */
    /* Verdicts on names, by the address of the name object: a program has few names and uses them often. */
    struct {
        uint64_t name;
        enum phd_verdict verdict;
    } verdicts[PHD_VERDICTS];
};

/* Names that are no objects. */
#define PHD_NO_NAME ((uint64_t)0)
#define PHD_IS_NAME ((uint64_t)1)     /* the value is itself a name: a dict key, an attribute's name */
#define PHD_SECRET_NAME ((uint64_t)2) /* a name that is not at hand, and says that the value is a secret */
#define PHD_IN_SECRET ((uint64_t)3)   /* the value is in a container that has such a name */

/* Of phd__secret_items: all values. */
#define PHD_ALL_ITEMS 0x7fffffffu

/* False when memory is refused. */
bool phd__redaction_open(struct phd_redaction *redaction, size_t capacity);
void phd__redaction_close(struct phd_redaction *redaction);

/* What does a name of `length` bytes of UTF-8 say? */
enum phd_verdict phd__name_verdict(const uint8_t *name, size_t length);

/* Where the password of the user information of a URL stands in `length` bytes of text: its offset, and its length in
 * `*found`; 0 when there is none. */
size_t phd__url_password(const uint8_t *text, size_t length, size_t *found);

/* Write what refers to `object`, which goes by the name object `name` (a str or bytes, or one of the above). */
void phd__put_named_value(struct phd_walk *walk, uint64_t name, uint64_t object);

/* Was the object at `object` found to be a secret text? */
bool phd__is_redacted(const struct phd_walk *walk, uint64_t object);

/* Which of the values of the container or cell at `object` are secrets: bit i for value i, or PHD_ALL_ITEMS. */
uint32_t phd__secret_items(struct phd_walk *walk, uint64_t object, struct phd_type *type);

/* The name to write value `index` by: its own one, `name`, unless `secret` (of phd__secret_items) says more. */
static inline uint64_t phd__item_name(uint32_t secret, uint64_t index, uint64_t name)
{
    if (__builtin_expect(!secret, 1))
        return name;
    if (secret == PHD_ALL_ITEMS)
        return name == PHD_IS_NAME ? name : PHD_IN_SECRET;
    return index < 31 && (secret >> index & 1) ? PHD_SECRET_NAME : name;
}

/* Before the record of the function at `object`: note which of its defaults and cells are secrets by their names. */
void phd__redact_function(struct phd_walk *walk, uint64_t object, const struct phd_type *type);

#endif
