/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers. Context: crash.
 */
#include "walk/buffers.h"

#include "safe/text.h"
#include "walk/special.h"

enum {
    MAX_HOLDERS = 64,  /* from a view to what keeps its memory */
    MAX_PIECES = 1024, /* of one content; where there are more it is written whole */
    RECORD_SHARED = 18
};

/* ---- who keeps the memory ---- */

/* The field that refers to what keeps the memory that an object of this layout looks at. */
static const struct {
    const char *layout, *field;
} holders[] = {
    {"numpy.ndarray", "base"}, {"numpy.void", "base"},         {"memoryview", "mbuf"},
    {"managedbuffer", "obj"},  {"pickle.PickleBuffer", "obj"}, {"_io._BytesIOBuffer", "source"},
    {"_io.BytesIO", "_buf"},   {"_ctypes._CData", "_b_base_"},
};

/* What ctypes.from_buffer() keeps: a memoryview, alone or under the key of the whole (Modules/_ctypes/_ctypes.c, KeepRef,
 * unique_key of index -1). */
static uint64_t kept_by_ctypes(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    uint64_t kept = phd__field_word(walk, object, type, "_objects");
    bool is_dict = kept && phd__type_of(walk, kept)->shape == PHD_SHAPE_DICT;
    return is_dict ? phd__dict_get(walk, kept, "ffffffff") : kept;
}

static uint64_t holder_of(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    uint64_t holder = 0;
    for (size_t i = 0; type->layout_name && i < sizeof holders / sizeof holders[0]; i++) {
        if (phd__string_equal(type->layout_name, holders[i].layout))
            holder = phd__field_word(walk, object, type, holders[i].field);
    }
    if (!holder && type->layout_name && phd__string_equal(type->layout_name, "_ctypes._CData"))
        return kept_by_ctypes(walk, object, type);
    if (!holder && type->python_class && type->shape == PHD_SHAPE_OBJECT)
        return phd__instance_get(walk, object, "base"); /* numpy.lib.stride_tricks.as_strided */
    return holder;
}

static bool span_of(struct phd_walk *walk, uint64_t object, const struct phd_type *type, struct phd_span *span)
{
    if (type->shape == PHD_SHAPE_BYTES || type->shape == PHD_SHAPE_BYTEARRAY) {
        *span = phd__bytes_span(walk, object, type->shape);
        return true;
    }
    return type->special && type->special->span && type->special->span(walk, object, type, span);
}

static bool contains(const struct phd_span *outer, const struct phd_span *inner)
{
    return outer->references == inner->references && inner->address >= outer->address &&
           inner->length <= outer->length && inner->address - outer->address <= outer->length - inner->length;
}

/* The farthest one has the most of the memory, and its content refers to no other object's. */
static void follow_holders(struct phd_walk *walk, uint64_t object, const struct phd_span *span,
                           volatile struct phd_owner *owner)
{
    for (unsigned i = 0; i < MAX_HOLDERS; i++) {
        struct phd_span found;
        uint64_t holder = holder_of(walk, object, phd__type_of(walk, object));
        if (!holder || holder % 8 || holder == walk->own_address)
            return;
        object = holder;
        if (span_of(walk, object, phd__type_of(walk, object), &found) && contains(&found, span)) {
            owner->object = object;
            owner->offset = span->address - found.address;
            owner->length = found.length;
        }
    }
}

/* Will the owner keep its head and tail only, and not all of the span? */
static bool is_left_out(struct phd_walk *walk, const struct phd_owner *owner, const struct phd_span *span,
                        uint64_t bytes)
{
    uint64_t most = walk->request ? walk->request->max_buffer : 0, tail = most / 2;
    if (span->references || !most || owner->length <= most || bytes > most)
        return false;
    return owner->offset + span->length > most - tail && owner->offset < owner->length - tail;
}

struct phd_owner phd__find_owner(struct phd_walk *walk, uint64_t object, const struct phd_span *span, uint64_t bytes)
{
    static const struct phd_owner nobody = {0, 0, 0};
    struct phd_guard guard;
    volatile struct phd_owner found = {0, 0, 0};
    if (!span->length)
        return nobody;
    if (PHD_GUARD(walk->memory, &guard))
        follow_holders(walk, object, span, &found);
    PHD_UNGUARD(walk->memory, &guard);
    struct phd_owner owner = {found.object, found.offset, found.length};
    return owner.object && is_left_out(walk, &owner, span, bytes) ? nobody : owner;
}

/* ---- what may be kept ---- */

uint64_t phd__buffer_allowance(struct phd_walk *walk, uint64_t length, const char **reason)
{
    *reason = NULL;
    if (walk->parts_only)
        return walk->kept;
    walk->kept = length;
    if (length <= PHD_MAX_INLINE_BYTES)
        return length;
    if (walk->request && walk->request->max_buffer && length > walk->request->max_buffer) {
        walk->kept = walk->request->max_buffer;
        *reason = "larger than max_buffer: its middle is left out";
    }
    if (walk->kept > walk->buffers_left) {
        walk->kept = walk->buffers_left;
        *reason = "max_buffers reached: its middle is left out";
    }
    if (*reason && !walk->again) {
        walk->buffers_cut++;
        walk->buffer_bytes_cut += length - walk->kept;
    }
    return walk->kept;
}

void phd__take_allowance(struct phd_walk *walk, uint64_t length)
{
    if (walk->buffers_left != UINT64_MAX && !walk->parts_only)
        walk->buffers_left -= length < walk->buffers_left ? length : walk->buffers_left;
}

/* ---- pieces ---- */

/* A part of a span: in the content of `owner`, from `offset` on, or (owner PHD_ADDRSET_NO_ID) nowhere. */
struct piece {
    uint64_t address, length, owner, offset;
};

/* The piece of `span` that begins at `address`. `*extent` is the first extent that ends behind it. */
static struct piece next_piece(uint64_t address, uint64_t end, struct phd_extent **extent)
{
    struct phd_extent *found = *extent;
    if (!found || found->start >= end)
        return (struct piece){address, end - address, PHD_ADDRSET_NO_ID, 0};
    if (found->start > address)
        return (struct piece){address, found->start - address, PHD_ADDRSET_NO_ID, 0};
    *extent = found->next[0];
    uint64_t stop = found->end < end ? found->end : end;
    return (struct piece){address, stop - address, found->owner, address - found->origin};
}

/* Call `take` for each piece of start … end-1. */
static void for_each_piece(struct phd_walk *walk, uint64_t start, uint64_t end,
                           void (*take)(struct phd_walk *walk, const struct piece *piece, void *state), void *state)
{
    struct phd_extent *extent = phd__extents_find(&walk->extents, start);
    while (start < end && !walk->stopped) {
        struct piece piece = next_piece(start, end, &extent);
        take(walk, &piece, state);
        start += piece.length;
    }
}

/* `state`: the span. What nobody has yet is the current object's. */
static void enter_piece(struct phd_walk *walk, const struct piece *piece, void *state)
{
    const struct phd_span *span = state;
    if (piece->owner != PHD_ADDRSET_NO_ID)
        return;
    if (!phd__extents_add(&walk->extents, piece->address, piece->address + piece->length, span->address, walk->own_id))
        walk->out_of_memory = true;
    else if (span->length > PHD_MAX_INLINE_BYTES)
        phd__take_allowance(walk, piece->length);
}

/* The part of what is kept that stands at the end. */
static uint64_t tail_of(const struct phd_span *span, uint64_t kept)
{
    return kept < span->length ? kept / 2 : 0;
}

/* The head and the tail that may be kept, as far as they are not in the file yet. */
static void enter_span(struct phd_walk *walk, const struct phd_span *span, uint64_t kept)
{
    uint64_t tail = tail_of(span, kept), end = span->address + span->length;
    struct phd_span whole = *span;
    for_each_piece(walk, span->address, span->address + kept - tail, enter_piece, &whole);
    for_each_piece(walk, end - tail, end, enter_piece, &whole);
}

/* What a span consists of. */
struct survey {
    unsigned pieces;
    bool own, others, gaps;
};

static void survey_piece(struct phd_walk *walk, const struct piece *piece, void *state)
{
    struct survey *survey = state;
    survey->pieces++;
    survey->own |= piece->owner == walk->own_id;
    survey->gaps |= piece->owner == PHD_ADDRSET_NO_ID;
    survey->others |= piece->owner != walk->own_id && piece->owner != PHD_ADDRSET_NO_ID;
}

static void put_piece(struct phd_walk *walk, const struct piece *piece, void *state)
{
    (void)state;
    if (piece->owner == PHD_ADDRSET_NO_ID)
        phd__pack_nil(walk->to);
    else
        phd__pack_reference(walk->to, piece->owner);
    phd__pack_uint64(walk->to, piece->owner == PHD_ADDRSET_NO_ID ? 0 : piece->offset);
    phd__pack_uint64(walk->to, piece->length);
}

struct own_bytes {
    bool foreign; /* the memory is not CPython's own */
    bool end;     /* what stands farther on is no part of it */
};

static void put_own_bytes(struct phd_walk *walk, const struct piece *piece, void *state)
{
    struct own_bytes *bytes = state;
    if (piece->owner == walk->own_id && !bytes->end)
        bytes->end =
            !phd__put_content(walk, PHD_SHAPE_BYTES, piece->address, piece->length, piece->offset, bytes->foreign) &&
            !bytes->foreign;
}

/* ---- SHARED ---- */

static void begin_shared(struct phd_walk *walk, enum phd_shape shape, uint64_t length, unsigned pieces,
                         const char *reason)
{
    phd__pack_array(walk->to, 4 + 3 * (uint64_t)pieces);
    phd__pack_uint32(walk->to, RECORD_SHARED);
    phd__pack_uint32(walk->to, shape);
    phd__pack_uint64(walk->to, length);
    if (reason)
        phd__pack_text(walk->to, reason);
    else
        phd__pack_nil(walk->to);
}

void phd__put_shared(struct phd_walk *walk, enum phd_shape shape, uint64_t owner, uint64_t offset, uint64_t length)
{
    bool meeting_roots = walk->meeting_roots;
    begin_shared(walk, shape, length, 1, NULL);
    walk->meeting_roots = true; /* a reference that does not count */
    phd__put_value(walk, owner);
    walk->meeting_roots = meeting_roots;
    phd__pack_uint64(walk->to, offset);
    phd__pack_uint64(walk->to, length);
}

/* ---- the bytes ---- */

enum { SMALLEST_PAGE = 4096 };

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

/* Can some pages of the span be read, and others not? Asked when a first attempt to write the record has failed. */
static bool has_holes(struct phd_walk *walk, const struct phd_span *span)
{
    unsigned readable = 0, pages = 0;
    uint64_t end = span->address + span->length;
    for (uint64_t at = span->address; at < end; at += SMALLEST_PAGE - at % SMALLEST_PAGE, pages++)
        readable += is_readable(walk, at);
    return readable && readable < pages;
}

/* Short content stands in the record; but that is all or nothing, and what can be read of it is worth blocks. */
static bool fits_record(struct phd_walk *walk, enum phd_content_form form, const struct phd_span *span)
{
    bool foreign = form == PHD_CONTENT_VALUE;
    return span->length <= PHD_MAX_INLINE_BYTES && !(foreign && walk->careful && has_holes(walk, span));
}

static void put_inline(struct phd_walk *walk, enum phd_content_form form, enum phd_shape shape,
                       const struct phd_span *span)
{
    struct phd_content content;
    phd__content_begin(&content, walk, form, shape, span->length, 0, false);
    if (span->length && form == PHD_CONTENT_VALUE)
        phd__zeros_may_be_wiped(walk, phd__view(walk->memory, span->address, span->length), span->address,
                                span->length);
    if (span->length)
        phd__content_append(&content, phd__view(walk->memory, span->address, span->length), span->length);
}

/* All of it, or its head and tail, into blocks of its own. */
static void put_whole(struct phd_walk *walk, enum phd_shape shape, const struct phd_span *span, uint64_t kept,
                      const char *reason, bool foreign)
{
    phd__put_cut(walk, shape, span->length, reason, 0);
    uint64_t tail = tail_of(span, kept), behind = span->length - tail;
    if (phd__put_content(walk, PHD_SHAPE_BYTES, span->address, kept - tail, 0, foreign) || foreign)
        phd__put_content(walk, PHD_SHAPE_BYTES, span->address + behind, tail, behind, foreign);
}

void phd__put_memory(struct phd_walk *walk, enum phd_content_form form, enum phd_shape shape,
                     const struct phd_span *span)
{
    struct survey survey = {0, false, false, false};
    const char *reason;
    uint64_t end = span->address + span->length;
    bool foreign = form == PHD_CONTENT_VALUE;
    if (span->length > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, walk->own_address, "content of impossible length");
    bool small = fits_record(walk, form, span);
    if (small && form == PHD_CONTENT_RECORD) { /* what looks at it refers to it */
        put_inline(walk, form, shape, span);
        return;
    }
    uint64_t kept = phd__buffer_allowance(walk, span->length, &reason);
    if (!walk->parts_only)
        enter_span(walk, span, kept);
    for_each_piece(walk, span->address, end, survey_piece, &survey);
    if (survey.pieces > MAX_PIECES) {
        put_whole(walk, shape, span, kept, reason, foreign);
        return;
    }
    if (small && !survey.others && !survey.gaps) {
        put_inline(walk, form, shape, span);
        return;
    }
    if (survey.others) {
        begin_shared(walk, shape, span->length, survey.pieces, survey.gaps ? reason : NULL);
        for_each_piece(walk, span->address, end, put_piece, NULL);
        walk->has_parts |= survey.own;
    } else {
        phd__put_cut(walk, shape, span->length, survey.gaps ? reason : NULL, 0);
    }
    for_each_piece(walk, span->address, end, put_own_bytes, &(struct own_bytes){foreign, false});
}

void phd__put_view(struct phd_walk *walk, void *state)
{
    const struct phd_view *view = state;
    bool tiny = view->span.length <= PHD_MAX_LEAF_BYTES; /* a reference would take as much */
    struct phd_owner owner = {0, 0, 0};
    if (!tiny)
        owner = phd__find_owner(walk, view->object, &view->span, view->span.length);
    if (owner.object)
        phd__put_shared(walk, PHD_SHAPE_BYTES, owner.object, owner.offset, view->span.length);
    else
        phd__put_memory(walk, PHD_CONTENT_VALUE, PHD_SHAPE_BYTES, &view->span);
}
