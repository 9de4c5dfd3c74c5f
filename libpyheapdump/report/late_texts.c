/* SPDX-License-Identifier: Apache-2.0
 *
 * Each text stands in the shared memory as a struct entry, its bytes, and a NUL. Context: crash.
 */
#include "report/late_texts.h"

#include <string.h>

#include "encode/foreign.h"
#include "safe/clock.h"
#include "safe/wait.h"
#include "walk/redact.h"
#include "walk/walk.h"

enum { MAX_SECRET = 512, PAUSE = 20 * 1000 * 1000 };
static const double LONGEST_WAIT = 2; /* seconds, when everything else is written */

struct entry {
    uint64_t exception;
    uint64_t length;
};

bool phd__late_add(struct phd_late_texts *late, uint64_t exception, const char *text, size_t length)
{
    struct entry entry = {exception, length < PHD_MAX_LATE_TEXT ? length : PHD_MAX_LATE_TEXT};
    size_t room = PHD_LATE_ROOM - late->used;
    if (sizeof entry + entry.length + 1 > room)
        return false;
    uint8_t *to = late->texts + late->used;
    memcpy(to, &entry, sizeof entry);
    memcpy(to + sizeof entry, text, entry.length);
    to[sizeof entry + entry.length] = 0;
    late->used += (uint32_t)(sizeof entry + entry.length + 1);
    return true;
}

void phd__late_told(struct phd_late_texts *late)
{
    uint32_t expected = PHD_LATE_EXPECTED;
    if (atomic_compare_exchange_strong(&late->state, &expected, PHD_LATE_TOLD))
        phd__wake(&late->state);
}

/* ---- in the writer ---- */

static bool wait_for_texts(struct phd_late_texts *late)
{
    uint64_t deadline = phd__deadline_after(LONGEST_WAIT), now;
    while (atomic_load(&late->state) == PHD_LATE_EXPECTED && (now = phd__clock_ns()) < deadline)
        phd__wait(&late->state, PHD_LATE_EXPECTED, deadline - now < PAUSE ? deadline : now + PAUSE);
    return atomic_load(&late->state) == PHD_LATE_TOLD;
}

struct late_text {
    uint64_t exception;
    char *text; /* a NUL behind it */
    size_t length;
};

/* The text behind byte `*position` of a copy of the texts; false when there is none, or none that can be right. */
static bool next_text(uint8_t *texts, size_t used, size_t *position, struct late_text *found)
{
    struct entry entry;
    if (used - *position < sizeof entry)
        return false;
    memcpy(&entry, texts + *position, sizeof entry);
    size_t rest = used - *position - sizeof entry;
    if (entry.length > PHD_MAX_LATE_TEXT || entry.length + 1 > rest)
        return false;
    *found = (struct late_text){entry.exception, (char *)texts + *position + sizeof entry, entry.length};
    found->text[entry.length] = 0;
    *position += sizeof entry + entry.length + 1;
    return true;
}

static void mask(struct late_text *text, const char *secret, size_t length)
{
    for (size_t at = 0; length && at + length <= text->length; at++) {
        if (memcmp(text->text + at, secret, length) == 0)
            memset(text->text + at, '*', length);
    }
}

/* Mask the str at `object` wherever the text has it. */
static void mask_str(struct phd_walk *walk, uint64_t object, struct late_text *text)
{
    char secret[MAX_SECRET];
    struct phd_guard guard;
    if (PHD_GUARD(walk->memory, &guard)) {
        if (phd__type_of(walk, object)->shape == PHD_SHAPE_STR) {
            size_t length = phd__copy_str(walk, object, secret, sizeof secret);
            mask(text, secret, length);
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
}

static bool names_secret(struct phd_walk *walk, uint64_t name)
{
    char text[MAX_SECRET];
    if (phd__type_of(walk, name)->shape != PHD_SHAPE_STR)
        return false;
    size_t length = phd__copy_str(walk, name, text, sizeof text);
    return phd__name_verdict((const uint8_t *)text, length) != PHD_NAMES_NOTHING;
}

/* Mask what the exception has under names that tell of secrets, also when it is too plain a text to be left out where
 * else it is met. */
static void mask_attributes(struct phd_walk *walk, struct late_text *text)
{
    uint64_t keys, values, key, value;
    struct phd_dict_cursor cursor;
    uint64_t dict = phd__instance_dict(walk, text->exception, phd__type_of(walk, text->exception), &keys, &values);
    if (dict)
        phd__dict_open(walk, dict, &cursor);
    else if (values)
        phd__values_open(walk, keys, values, &cursor);
    else
        return;
    while (phd__dict_next(walk, &cursor, &key, &value)) {
        if (value && value % 8 == 0 && names_secret(walk, key))
            mask_str(walk, value, text);
    }
}

static void mask_urls(struct late_text *text)
{
    size_t found, start, from = 0;
    while ((start = phd__url_password((uint8_t *)text->text + from, text->length - from, &found)) != 0) {
        memset(text->text + from + start, '*', found);
        from += start + found;
    }
}

static void mask_secrets(struct phd_walk *walk, struct late_text *text)
{
    struct phd_guard guard;
    if (!walk->redaction.wanted)
        return;
    if (PHD_GUARD(walk->memory, &guard))
        mask_attributes(walk, text);
    else
        text->length = 0; /* nothing is known of it */
    PHD_UNGUARD(walk->memory, &guard);
    const struct phd_addrset *texts = &walk->redaction.texts;
    for (size_t i = 0; i < texts->capacity && texts->count; i++) {
        if (texts->addresses[i])
            mask_str(walk, texts->addresses[i], text);
    }
    mask_urls(text);
}

/* Write those of which the file has the exception. */
static void put_texts(struct phd_walk *walk, uint8_t *texts, size_t used)
{
    struct phd_buffer *to = &walk->items;
    struct late_text text;
    uint16_t count = 0;
    to->used = 0;
    phd__pack_map(to, 1);
    phd__pack_text(to, "texts");
    size_t header = to->used;
    phd__buffer_append(to, "\xdc\0\0", 3); /* array 16, counted below */
    for (size_t position = 0; next_text(texts, used, &position, &text);) {
        uint32_t id = phd__addrset_find(&walk->seen, text.exception);
        if (id == PHD_ADDRSET_NO_ID || id >= walk->written)
            continue;
        mask_secrets(walk, &text);
        phd__pack_array(to, 2);
        phd__pack_reference(to, id);
        phd__pack_foreign(to, text.text, text.length);
        count++;
    }
    to->data[header + 1] = (uint8_t)(count >> 8);
    to->data[header + 2] = (uint8_t)count;
    if (count)
        phd__blocks_put(walk->blocks, PHD_BLOCK_TEXTS, 0, 1, 0, to->data, to->used);
    to->used = 0;
}

void phd__late_put(struct phd_walk *walk, struct phd_late_texts *late)
{
    static uint8_t copy[PHD_LATE_ROOM]; /* the process can write to the shared memory at any time */
    if (atomic_load(&late->state) == PHD_LATE_NONE || !wait_for_texts(late))
        return;
    size_t used = late->used < PHD_LATE_ROOM ? late->used : PHD_LATE_ROOM;
    memcpy(copy, late->texts, used);
    put_texts(walk, copy, used);
}
