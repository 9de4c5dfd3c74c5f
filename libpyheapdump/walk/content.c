/* SPDX-License-Identifier: Apache-2.0
 *
 * Content written in pieces. Context: crash.
 */
#include "walk/content.h"

#include "walk/buffers.h"

enum { SMALLEST_PAGE = 4096 };

static void begin_split(struct phd_content *content, enum phd_shape shape, uint64_t length, uint64_t characters)
{
    struct phd_walk *walk = content->walk;
    const char *reason;
    uint64_t kept = phd__buffer_allowance(walk, length, &reason);
    phd__take_allowance(walk, kept);
    uint64_t tail = kept < length ? kept / 2 : 0;
    content->head = kept - tail;
    content->tail = length - tail;
    phd__put_cut(walk, shape, length, reason, characters);
    walk->items.used = 0;
}

void phd__content_begin(struct phd_content *content, struct phd_walk *walk, enum phd_content_form form,
                        enum phd_shape shape, uint64_t length, uint64_t characters, bool surrogates)
{
    *content = (struct phd_content){.walk = walk, .split = length > PHD_MAX_INLINE_BYTES};
    if (length > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, walk->own_address, "content of impossible length");
    if (content->split) {
        begin_split(content, shape, length, characters);
        return;
    }
    if (form == PHD_CONTENT_RECORD) {
        phd__pack_array(walk->to, 2);
        phd__pack_uint32(walk->to, shape);
    }
    if (shape != PHD_SHAPE_STR)
        phd__pack_bin(walk->to, length);
    else if (surrogates)
        phd__pack_ext(walk->to, length, PHD_EXT_SURROGATES);
    else
        phd__pack_str(walk->to, length);
}

static void flush(struct phd_content *content)
{
    struct phd_walk *walk = content->walk;
    if (walk->items.used && !walk->stopped) {
        phd__put_part(walk, PHD_BLOCK_CONTENT, 1, content->offset, walk->items.data, walk->items.used);
        walk->items.used = 0;
        phd__walk_check(walk);
    }
    content->offset = content->position;
}

bool phd__content_skips(const struct phd_content *content, uint64_t *position)
{
    *position = content->tail;
    return content->split && content->position >= content->head && content->position < content->tail;
}

void phd__content_skip(struct phd_content *content, uint64_t position)
{
    content->position = position;
    flush(content);
}

void phd__content_append(struct phd_content *content, const void *bytes, uint64_t length)
{
    struct phd_walk *walk = content->walk;
    if (!content->split) {
        phd__buffer_append(walk->to, bytes, length);
        return;
    }
    const uint8_t *from = bytes;
    if (walk->postponing && content->position >= PHD_BEGINNING)
        return;
    while (length && !walk->stopped) {
        bool in_head = content->position < content->head, in_tail = content->position >= content->tail;
        uint64_t end = in_head ? content->head : in_tail ? UINT64_MAX : content->tail;
        uint64_t room = PHD_BLOCK_TARGET - walk->items.used, piece = length;
        if (piece > end - content->position)
            piece = end - content->position;
        if (in_head || in_tail) {
            piece = piece < room ? piece : room;
            phd__buffer_append(&walk->items, from, piece);
        }
        content->position += piece;
        from += piece;
        length -= piece;
        if (walk->items.used == PHD_BLOCK_TARGET || !(in_head || in_tail) || content->position == content->head)
            flush(content);
    }
}

void phd__content_end(struct phd_content *content)
{
    if (content->split)
        flush(content);
}

static bool all_zero(const uint8_t *bytes, uint64_t length)
{
    return !bytes[0] && memcmp(bytes, bytes + 1, length - 1) == 0;
}

bool phd__zeros_may_be_wiped(struct phd_walk *walk, const uint8_t *bytes, uint64_t address, uint64_t length)
{
    bool found = false;
    if (!walk->memory->find_wiped)
        return false;
    for (uint64_t at = 0, next; at < length && !found; at = next) {
        next = at + SMALLEST_PAGE - (address + at) % SMALLEST_PAGE;
        found = all_zero(bytes + at, (next < length ? next : length) - at);
    }
    if (found) {
        walk->memory->find_wiped(walk->memory);
        walk->memory->find_wiped = NULL;
    }
    return found;
}
