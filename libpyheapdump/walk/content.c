/* SPDX-License-Identifier: Apache-2.0
 *
 * Content written in pieces. Context: crash.
 */
#include "walk/content.h"

enum { SMALLEST_PAGE = 4096 };
static const char impossible_length[] = "content of impossible length";

void phd__content_begin(struct phd_content *content, struct phd_walk *walk, enum phd_content_form form,
                        enum phd_shape shape, uint64_t length, bool surrogates)
{
    *content = (struct phd_content){walk, length > PHD_MAX_INLINE_BYTES, 0};
    if (length > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, walk->own_address, impossible_length);
    if (content->split) {
        phd__put_split(walk, shape, length);
        walk->items.used = 0;
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
    if (!walk->items.used || walk->stopped)
        return;
    phd__put_part(walk, PHD_BLOCK_CONTENT, 1, content->offset, walk->items.data, walk->items.used);
    content->offset += walk->items.used;
    walk->items.used = 0;
    phd__walk_check(walk);
}

void phd__content_append(struct phd_content *content, const void *bytes, uint64_t length)
{
    struct phd_walk *walk = content->walk;
    if (!content->split) {
        phd__buffer_append(walk->to, bytes, length);
        return;
    }
    const uint8_t *from = bytes;
    if (walk->postponing && walk->items.used >= PHD_BEGINNING)
        return;
    while (length && !walk->stopped) {
        uint64_t room = PHD_BLOCK_TARGET - walk->items.used;
        uint64_t piece = length < room ? length : room;
        phd__buffer_append(&walk->items, from, piece);
        from += piece;
        length -= piece;
        if (walk->items.used == PHD_BLOCK_TARGET)
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

static bool is_readable(struct phd_walk *walk, uint64_t address)
{
    struct phd_guard guard;
    volatile bool readable = false;
    if (PHD_GUARD(walk->memory, &guard)) {
        (void)*(const volatile uint8_t *)phd__view(walk->memory, address, 1);
        readable = true;
    }
    PHD_UNGUARD(walk->memory, &guard);
    return readable;
}

/* Can some pages of the range be read, and others not? */
static bool has_holes(struct phd_walk *walk, uint64_t address, uint64_t length)
{
    unsigned readable = 0, pages = 0;
    for (uint64_t at = address; at < address + length; at += SMALLEST_PAGE - at % SMALLEST_PAGE, pages++)
        readable += is_readable(walk, at);
    return readable && readable < pages;
}

/* Short content stands in the record; but that is all or nothing, and what can be read of it is worth blocks. */
void phd__put_bytes_at(struct phd_walk *walk, enum phd_content_form form, enum phd_shape shape, uint64_t address,
                       uint64_t length)
{
    struct phd_content content;
    bool foreign = form == PHD_CONTENT_VALUE;
    if (length <= PHD_MAX_INLINE_BYTES && !(foreign && walk->careful && has_holes(walk, address, length))) {
        phd__content_begin(&content, walk, form, shape, length, false);
        if (foreign && length)
            phd__zeros_may_be_wiped(walk, phd__view(walk->memory, address, length), address, length);
        if (length)
            phd__content_append(&content, phd__view(walk->memory, address, length), length);
        return;
    }
    if (length > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, walk->own_address, impossible_length);
    phd__put_split(walk, shape, length);
    phd__put_content(walk, shape, address, length, foreign);
}
