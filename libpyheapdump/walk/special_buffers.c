/* SPDX-License-Identifier: Apache-2.0
 *
 * C types that hold bytes or text in memory of their own. Context: crash.
 */
#include "walk/buffers.h"
#include "walk/special.h"
#include "walk/strided.h"

/* ---- array.array: its bytes; the field `typecode` says what they mean ---- */

enum { ARRAYDESCR_ITEMSIZE = 4 }; /* Modules/arraymodule.c: struct arraydescr { char typecode; int itemsize; … } */

bool phd__array_span(struct phd_walk *walk, uint64_t object, const struct phd_type *type, struct phd_span *span)
{
    uint64_t description = phd__field_word(walk, object, type, "typecode");
    uint64_t count = phd__field_word(walk, object, type, "_length");
    uint64_t itemsize = phd__read_u32(walk->memory, description + ARRAYDESCR_ITEMSIZE);
    if (itemsize > 64 || count > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, object, "an array of impossible length");
    *span = (struct phd_span){phd__field_word(walk, object, type, "ob_item"), count * itemsize, false};
    return true;
}

void phd__put_array(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    struct phd_span span;
    phd__array_span(walk, object, type, &span);
    phd__put_memory(walk, PHD_CONTENT_RECORD, PHD_SHAPE_BYTES, &span);
}

/* ---- memoryview ---- */

enum { VIEW_RELEASED = 1 }; /* Include/cpython/memoryobject.h: _Py_MEMORYVIEW_RELEASED */

/* False when it has been released, or its rows are somewhere else (suboffsets). */
static bool read_memoryview(struct phd_walk *walk, uint64_t object, const struct phd_type *type,
                            struct phd_strided *array)
{
    *array = (struct phd_strided){.address = phd__field_word(walk, object, type, "buf"),
                                  .itemsize = phd__field_word(walk, object, type, "itemsize"),
                                  .dimensions = (unsigned)phd__field_number(walk, object, type, "ndim")};
    if ((phd__field_number(walk, object, type, "flags") & VIEW_RELEASED) ||
        phd__field_word(walk, object, type, "suboffsets"))
        return false;
    phd__strided_read(walk, array, phd__field_word(walk, object, type, "_shape"),
                      phd__field_word(walk, object, type, "_strides"));
    return true;
}

bool phd__memoryview_span(struct phd_walk *walk, uint64_t object, const struct phd_type *type, struct phd_span *span)
{
    struct phd_strided array;
    return read_memoryview(walk, object, type, &array) && phd__strided_span(&array, span) &&
           phd__strided_is_dense(&array, span);
}

void phd__put_memoryview(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    struct phd_strided array;
    if (read_memoryview(walk, object, type, &array))
        phd__put_strided(walk, object, &array, 0, NULL);
    else
        phd__pack_nil(walk->to);
}

/* ---- ctypes instances: the bytes of their memory, which may be anywhere ---- */

bool phd__ctypes_span(struct phd_walk *walk, uint64_t object, const struct phd_type *type, struct phd_span *span)
{
    *span = (struct phd_span){phd__field_word(walk, object, type, "b_ptr"),
                              phd__field_word(walk, object, type, "b_size"), false};
    return span->address && span->length <= PHD_MAX_LENGTH;
}

void phd__put_ctypes_data(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    struct phd_view view = {.object = object};
    phd__put_base_map(walk, 1);
    phd__pack_text(walk->to, "content");
    if (phd__ctypes_span(walk, object, type, &view.span))
        phd__put_guarded(walk, phd__put_view, &view);
    else
        phd__pack_nil(walk->to);
}

/* ---- mmap.mmap ---- */

bool phd__mmap_span(struct phd_walk *walk, uint64_t object, const struct phd_type *type, struct phd_span *span)
{
    *span = (struct phd_span){phd__field_word(walk, object, type, "data"), phd__field_word(walk, object, type, "size"),
                              false};
    return span->address && span->length <= PHD_MAX_LENGTH;
}

void phd__put_mmap(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    struct phd_view view = {.object = object};
    if (!phd__mmap_span(walk, object, type, &view.span)) { /* it has been closed */
        phd__pack_nil(walk->to);
        return;
    }
    phd__put_base_map(walk, 1);
    phd__pack_text(walk->to, "content");
    phd__put_guarded(walk, phd__put_view, &view);
}

/* ---- _io.StringIO (Modules/_io/stringio.c) ---- */

enum { ACCUMULATING = 2, MAX_PARTS = 1 << 28 };

/* Where the text of a StringIO is: in one place, or in the strs of two lists (3.9 … 3.11, while it is written to). */
struct string_io_text {
    struct phd_characters characters;
    uint64_t lists[2];
};

/* Python/unicode writers: _PyUnicodeWriter { PyObject *buffer; void *data; int kind; Py_UCS4 maxchar; Py_ssize_t size;
 * Py_ssize_t pos; … } */
enum { WRITER_DATA = 8, WRITER_KIND = 16, WRITER_LENGTH = 32 };

static void find_text(struct phd_walk *walk, uint64_t object, const struct phd_type *type, struct string_io_text *text)
{
    memset(text, 0, sizeof *text);
    if (phd__field_number(walk, object, type, "_state") != ACCUMULATING) {
        text->characters = (struct phd_characters){phd__field_word(walk, object, type, "_buf"),
                                                   phd__field_word(walk, object, type, "_string_size"), 4};
    } else if (phd__has_field(type, "_accu_small")) {
        text->lists[0] = phd__field_word(walk, object, type, "_accu_large");
        text->lists[1] = phd__field_word(walk, object, type, "_accu_small");
    } else {
        uint64_t writer = phd__has_field(type, "_writer") ? phd__field_word(walk, object, type, "_writer")
                                                          : phd__field_address(walk, object, type, "_writer_buffer");
        text->characters = (struct phd_characters){phd__read_word(walk->memory, writer + WRITER_DATA),
                                                   phd__read_word(walk->memory, writer + WRITER_LENGTH),
                                                   phd__read_u32(walk->memory, writer + WRITER_KIND)};
    }
    unsigned kind = text->characters.kind;
    if (text->characters.count && ((kind != 1 && kind != 2 && kind != 4) || text->characters.count > PHD_MAX_LENGTH))
        phd__memory_fault(walk->memory, object, "a StringIO of impossible length");
}

/* Call `take` for each piece of the text. */
static void for_each_piece(struct phd_walk *walk, const struct string_io_text *text,
                           void (*take)(struct phd_walk *walk, const struct phd_characters *piece, void *state),
                           void *state)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t count = text->lists[i] ? phd__word_at(walk, text->lists[i], walk->at->var_size) : 0;
        uint64_t items = count ? phd__list_items(walk, text->lists[i], count) : 0;
        if (count > MAX_PARTS)
            phd__memory_fault(walk->memory, text->lists[i], "a StringIO of too many parts");
        for (uint64_t j = 0; j < count; j++) {
            phd__walk_turn(walk); /* the pieces may be empty */
            struct phd_characters piece = phd__str_characters(walk, phd__read_word(walk->memory, items + 8 * j));
            take(walk, &piece, state);
        }
    }
    take(walk, &text->characters, state);
}

struct measure {
    uint64_t length, characters;
    bool surrogates;
};

static void measure_piece(struct phd_walk *walk, const struct phd_characters *piece, void *state)
{
    struct measure *measure = state;
    measure->characters += piece->count;
    measure->length += phd__characters_utf8_length(walk, piece, &measure->surrogates);
}

static void append_piece(struct phd_walk *walk, const struct phd_characters *piece, void *state)
{
    (void)walk;
    phd__content_append_characters(state, piece);
}

void phd__put_string_io(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    struct string_io_text text;
    struct measure measure = {0, 0, false};
    struct phd_content content;
    find_text(walk, object, type, &text);
    for_each_piece(walk, &text, measure_piece, &measure);
    phd__content_begin(&content, walk, PHD_CONTENT_RECORD, PHD_SHAPE_STR, measure.length, measure.characters,
                       measure.surrogates);
    for_each_piece(walk, &text, append_piece, &content);
    phd__content_end(&content);
}
