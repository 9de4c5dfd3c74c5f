/* SPDX-License-Identifier: Apache-2.0
 *
 * Content written in pieces. Context: crash.
 */
#include "walk/content.h"

void phd__content_begin(struct phd_content *content, struct phd_walk *walk, enum phd_content_form form,
                        enum phd_shape shape, uint64_t length, bool surrogates)
{
    *content = (struct phd_content){walk, length > PHD_MAX_INLINE_BYTES, 0};
    if (length > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, walk->own_address, "content of impossible length");
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

void phd__put_bytes_at(struct phd_walk *walk, enum phd_content_form form, enum phd_shape shape, uint64_t address,
                       uint64_t length)
{
    struct phd_content content;
    phd__content_begin(&content, walk, form, shape, length, false);
    if (content.split)
        phd__put_content(walk, shape, address, length); /* whole blocks, without a copy */
    else if (length)
        phd__content_append(&content, phd__view(walk->memory, address, length), length);
}
