/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers and strings. Context: crash.
 */
#include "walk/buffers.h"
#include "walk/walk.h"

enum {
    MAX_INT_DIGITS = 1 << 28,
    SMALLEST_PAGE = 4096,
    MAX_HOLES = 1 << 16 /* pages of one content that cannot be read: each costs a fault */
};

struct long_parts {
    uint64_t count;
    bool negative;
    uint64_t digits; /* address */
};

static void read_long(struct phd_walk *walk, uint64_t object, struct long_parts *parts)
{
    uint64_t size = phd__word_at(walk, object, walk->at->long_size);
    if (walk->at->long_tagged) {
        parts->count = size >> 3;
        parts->negative = (size & 3) == 2;
        if ((size & 3) == 3 || ((size & 3) == 1) != (parts->count == 0)) /* 1: zero, Include/cpython/longintrepr.h */
            phd__memory_fault(walk->memory, object, "an int with an impossible tag");
    } else {
        parts->negative = (int64_t)size < 0;
        parts->count = parts->negative ? -size : size;
    }
    if (parts->count > MAX_INT_DIGITS)
        phd__memory_fault(walk->memory, object, "an int of impossible size");
    parts->digits = object + (uint64_t)walk->at->long_digits;
}

uint64_t phd__int_digits(struct phd_walk *walk, uint64_t object)
{
    struct long_parts parts;
    read_long(walk, object, &parts);
    return parts.count;
}

/* A digit has bits that none can have, or the highest digit is 0 (Objects/longobject.c: long_normalize). */
static _Noreturn void refuse_digits(struct phd_walk *walk, uint64_t object)
{
    phd__memory_fault(walk->memory, object, "an int with an impossible digit");
}

bool phd__bool_value(struct phd_walk *walk, uint64_t object)
{
    struct long_parts parts;
    read_long(walk, object, &parts);
    uint32_t value = phd__read_u32(walk->memory, parts.digits);
    if (value != parts.count || value > 1 || parts.negative)
        phd__memory_fault(walk->memory, object, "a bool that is neither True nor False");
    return value;
}

/* Turns digits of `digit_bits` into bytes of two's complement, little-endian, one after the other. */
struct byte_stream {
    struct phd_walk *walk;
    uint64_t object;
    const struct long_parts *parts;
    uint64_t next_digit;
    uint64_t bits;
    unsigned bit_count;
    unsigned carry; /* for the negation */
};

static uint8_t next_byte(struct byte_stream *stream)
{
    while (stream->bit_count < 8 && stream->next_digit < stream->parts->count) {
        uint64_t digit = phd__read_u32(stream->walk->memory, stream->parts->digits + 4 * stream->next_digit++);
        if (digit >> stream->walk->at->long_digit_bits)
            refuse_digits(stream->walk, stream->object);
        stream->bits |= digit << stream->bit_count;
        stream->bit_count += (unsigned)stream->walk->at->long_digit_bits;
    }
    uint8_t byte = (uint8_t)stream->bits;
    stream->bits >>= 8;
    stream->bit_count = stream->bit_count > 8 ? stream->bit_count - 8 : 0;
    if (stream->parts->negative) {
        unsigned negated = (uint8_t)~byte + stream->carry;
        stream->carry = negated >> 8;
        byte = (uint8_t)negated;
    }
    return byte;
}

static void put_big_int(struct phd_walk *walk, uint64_t object, const struct long_parts *parts)
{
    uint64_t length = (parts->count * (uint64_t)walk->at->long_digit_bits + 7) / 8 + 1; /* one more for the sign */
    phd__pack_ext(walk->to, length, PHD_EXT_INT);
    uint8_t *out = phd__buffer_reserve(walk->to, length);
    if (!out)
        phd__memory_fault(walk->memory, object, "an int too large for one record");
    if (!phd__read_u32(walk->memory, parts->digits + 4 * (parts->count - 1)))
        refuse_digits(walk, object);
    struct byte_stream stream = {walk, object, parts, 0, 0, 0, 1};
    for (uint64_t i = 0; i < length; i++)
        out[i] = next_byte(&stream);
    walk->to->used += length;
}

void phd__put_int(struct phd_walk *walk, uint64_t object)
{
    struct long_parts parts;
    read_long(walk, object, &parts);
    if (parts.count > 2) {
        put_big_int(walk, object, &parts);
        return;
    }
    uint64_t magnitude = 0, all_bits = 0, highest = 1;
    for (uint64_t i = 0; i < parts.count; i++) {
        highest = phd__read_u32(walk->memory, parts.digits + 4 * i);
        magnitude |= highest << walk->at->long_digit_bits * i;
        all_bits |= highest;
    }
    if (!highest || all_bits >> walk->at->long_digit_bits)
        refuse_digits(walk, object);
    phd__pack_int64(walk->to, parts.negative ? -(int64_t)magnitude : (int64_t)magnitude);
}

/* ---- the end of text and bytes ---- */

static bool is_zero(struct phd_walk *walk, uint64_t address, unsigned size)
{
    const uint8_t *end = phd__view(walk->memory, address, size);
    return !end[0] && (size == 1 || (!end[1] && (size == 2 || (!end[2] && !end[3]))));
}

/* The same when it may be unreadable. */
static __attribute__((noinline)) bool is_readable_zero(struct phd_walk *walk, uint64_t address, unsigned size)
{
    struct phd_guard guard;
    volatile bool zero = false;
    if (PHD_GUARD(walk->memory, &guard))
        zero = is_zero(walk, address, size);
    PHD_UNGUARD(walk->memory, &guard);
    return zero;
}

/* Faults unless a zero of `size` bytes stands at `end`: CPython puts one behind the content of every str, bytes and
 * bytearray (Objects/unicodeobject.c: PyUnicode_New; Objects/bytesobject.c: PyBytes_FromStringAndSize). A wrong length
 * hardly ever leads to one. Where it cannot be read, the first attempt to write the record faults there, and the second,
 * careful one tells more. */
static inline void check_end(struct phd_walk *walk, uint64_t object, uint64_t end, unsigned size, const char *reason)
{
    if (__builtin_expect(walk->careful ? !is_readable_zero(walk, end, size) : !is_zero(walk, end, size), 0))
        phd__memory_fault(walk->memory, object, reason);
}

/* ---- str ---- */

struct str_parts {
    uint64_t length; /* code points */
    uint64_t data;   /* address of the characters */
    unsigned kind;   /* bytes per character: 1, 2, 4 */
    bool ascii;
};

static void read_str(struct phd_walk *walk, uint64_t object, struct str_parts *parts)
{
    const struct phd_layout *at = walk->at;
    uint32_t state = phd__read_u32(walk->memory, object + (uint64_t)at->unicode_state);
    parts->length = phd__word_at(walk, object, at->unicode_length);
    parts->kind = state >> at->unicode_kind_shift & 7;
    parts->ascii = state & (uint32_t)at->unicode_ascii_mask;
    bool compact = state & (uint32_t)at->unicode_compact_mask;
    if (compact)
        parts->data = object + (uint64_t)(parts->ascii ? at->unicode_ascii_size : at->unicode_compact_size);
    else
        parts->data = phd__word_at(walk, object, at->unicode_data);
    if (parts->length > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, object, "a str of impossible length");
    if (parts->kind != 1 && parts->kind != 2 && parts->kind != 4)
        phd__memory_fault(walk->memory, object, "a str of unknown kind");
    if (parts->ascii && parts->kind != 1)
        phd__memory_fault(walk->memory, object, "a str whose kind is not that of ASCII");
    if (parts->data)
        check_end(walk, object, parts->data + parts->length * parts->kind, parts->kind,
                  "a str that does not end where its length says");
    else if (parts->length)
        phd__memory_fault(walk->memory, object, "a str without characters");
}

/* Whether all of the bytes are below 128, eight at a time. */
static bool is_ascii(const uint8_t *data, uint64_t length)
{
    uint64_t all_bits = 0, word, i = 0;
    for (; i + sizeof word <= length; i += sizeof word) {
        memcpy(&word, data + i, sizeof word);
        all_bits |= word;
    }
    for (; i < length; i++)
        all_bits |= data[i];
    return !(all_bits & 0x8080808080808080);
}

static const char not_ascii[] = "a str that claims to be ASCII and is not";

static uint32_t character(const uint8_t *data, unsigned kind, uint64_t index)
{
    uint32_t c = 0;
    memcpy(&c, data + index * kind, kind);
    return c;
}

/* What is beyond Unicode (in a broken str that is shown all the same) becomes U+FFFD. */
static unsigned utf8_encode(uint32_t c, uint8_t out[4])
{
    if (c > 0x10ffff)
        c = 0xfffd;
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | (c >> 18 & 7));
    out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

static bool is_surrogate(uint32_t c)
{
    return c >= 0xd800 && c < 0xe000;
}

/* Faults when there is a character that no str can have. */
static uint64_t utf8_length(struct phd_walk *walk, const struct str_parts *parts, bool *surrogates)
{
    const uint8_t *data = NULL;
    uint64_t length = 0;
    uint8_t scratch[4];
    bool beyond = false;
    for (uint64_t i = 0; i < parts->length; i++) {
        uint64_t within = i % PHD_TURNS_PER_CHECK, rest = parts->length - i;
        if (within == 0)
            data = phd__view(walk->memory, parts->data + i * parts->kind,
                             (rest < PHD_TURNS_PER_CHECK ? rest : PHD_TURNS_PER_CHECK) * parts->kind);
        phd__walk_turn(walk);
        uint32_t c = character(data, parts->kind, within);
        *surrogates |= is_surrogate(c);
        beyond |= c > 0x10ffff;
        length += utf8_encode(c, scratch);
    }
    if (beyond)
        phd__memory_fault(walk->memory, parts->data, "a str with a character beyond Unicode");
    return length;
}

uint64_t phd__str_bound(struct phd_walk *walk, uint64_t object)
{
    struct str_parts parts;
    read_str(walk, object, &parts);
    return parts.ascii ? parts.length : parts.length * (parts.kind == 1 ? 2 : parts.kind == 2 ? 3 : 4);
}

bool phd__put_str(struct phd_walk *walk, uint64_t object, uint64_t limit)
{
    struct str_parts parts;
    read_str(walk, object, &parts);
    if (parts.length > limit)
        return false;
    const uint8_t *data = parts.length ? phd__view(walk->memory, parts.data, parts.length * parts.kind) : NULL;
    if (parts.ascii) {
        if (!is_ascii(data, parts.length))
            phd__memory_fault(walk->memory, object, not_ascii);
        phd__pack_str(walk->to, parts.length);
        phd__pack_str_body(walk->to, data, parts.length);
        return true;
    }
    bool surrogates = false;
    uint64_t length = data ? utf8_length(walk, &parts, &surrogates) : 0;
    if (length > limit)
        return false;
    if (surrogates)
        phd__pack_ext(walk->to, length, PHD_EXT_SURROGATES);
    else
        phd__pack_str(walk->to, length);
    uint8_t *out = phd__buffer_reserve(walk->to, length);
    if (!out)
        return true; /* the record overflows and is taken back */
    for (uint64_t i = 0; i < parts.length; i++)
        out += utf8_encode(character(data, parts.kind, i), out);
    walk->to->used += length;
    return true;
}

/* A lone surrogate, written as an escape (in UTF-8 there is none) or, of a path, as the byte that it stands for (PEP 383).
 * Returns the length, at most 6 bytes. */
static unsigned put_surrogate(uint32_t c, bool path, char *out)
{
    static const char digits[] = "0123456789abcdef";
    if (path) {
        *out = c >= 0xdc80 && c < 0xdd00 ? (char)(c & 0xff) : '?';
        return 1;
    }
    memcpy(out, "\\u", 2);
    for (unsigned i = 0; i < 4; i++)
        out[2 + i] = digits[c >> (12 - 4 * i) & 15];
    return 6;
}

static size_t copy_characters(struct phd_walk *walk, uint64_t object, char *out, size_t capacity, bool path)
{
    struct str_parts parts;
    if (phd__type_of(walk, object)->shape != PHD_SHAPE_STR)
        phd__memory_fault(walk->memory, object, "not a str");
    read_str(walk, object, &parts);
    size_t used = 0;
    for (uint64_t i = 0; i < parts.length; i++) {
        const uint8_t *data = phd__view(walk->memory, parts.data + i * parts.kind, parts.kind);
        uint32_t c = character(data, parts.kind, 0);
        if (used + (is_surrogate(c) ? 6 : 4) >= capacity)
            break;
        used += is_surrogate(c) ? put_surrogate(c, path, out + used) : utf8_encode(c, (uint8_t *)out + used);
    }
    out[used] = 0;
    return used;
}

size_t phd__copy_str(struct phd_walk *walk, uint64_t object, char *out, size_t capacity)
{
    return copy_characters(walk, object, out, capacity, false);
}

size_t phd__copy_path(struct phd_walk *walk, uint64_t object, char *out, size_t capacity)
{
    return copy_characters(walk, object, out, capacity, true);
}

uint32_t phd__str_character(struct phd_walk *walk, uint64_t object, uint64_t index)
{
    struct str_parts parts;
    if (phd__type_of(walk, object)->shape != PHD_SHAPE_STR)
        phd__memory_fault(walk->memory, object, "not a str");
    read_str(walk, object, &parts);
    if (index >= parts.length)
        phd__memory_fault(walk->memory, object, "a str that ends before");
    return character(phd__view(walk->memory, parts.data + index * parts.kind, parts.kind), parts.kind, 0);
}

bool phd__str_equals(struct phd_walk *walk, uint64_t object, const char *text)
{
    if (phd__type_of(walk, object)->shape != PHD_SHAPE_STR)
        return false;
    struct str_parts parts;
    read_str(walk, object, &parts);
    size_t length = 0;
    while (text[length])
        length++;
    return parts.ascii && parts.length == length &&
           memcmp(phd__view(walk->memory, parts.data, length), text, length) == 0;
}

struct phd_characters phd__str_characters(struct phd_walk *walk, uint64_t object)
{
    if (phd__type_of(walk, object)->shape != PHD_SHAPE_STR)
        phd__memory_fault(walk->memory, object, "not a str");
    struct str_parts parts;
    read_str(walk, object, &parts);
    return (struct phd_characters){parts.data, parts.length, parts.kind};
}

uint64_t phd__characters_utf8_length(struct phd_walk *walk, const struct phd_characters *characters, bool *surrogates)
{
    if (!characters->count)
        return 0;
    struct str_parts parts = {characters->count, characters->address, characters->kind, false};
    return utf8_length(walk, &parts, surrogates);
}

void phd__content_append_characters(struct phd_content *content, const struct phd_characters *characters)
{
    struct phd_walk *walk = content->walk;
    bool beginning_only = content->split && walk->postponing;
    for (uint64_t i = 0; i < characters->count && !walk->stopped; i++) {
        if (beginning_only && walk->items.used >= PHD_BEGINNING)
            return;
        phd__walk_turn(walk); /* the middle of a very long text is not written */
        uint8_t scratch[4];
        const uint8_t *data = phd__view(walk->memory, characters->address + i * characters->kind, characters->kind);
        phd__content_append(content, scratch, utf8_encode(character(data, characters->kind, 0), scratch));
    }
}

/* An ASCII str that is too long for its record. */
static void put_ascii(struct phd_walk *walk, const struct str_parts *parts)
{
    const char *reason;
    uint64_t kept = phd__buffer_allowance(walk, parts->length, &reason);
    uint64_t tail = kept < parts->length ? kept / 2 : 0, behind = parts->length - tail;
    phd__take_allowance(walk, kept);
    phd__put_cut(walk, PHD_SHAPE_STR, parts->length, reason, parts->length);
    if (phd__put_content(walk, PHD_SHAPE_STR, parts->data, kept - tail, 0, false))
        phd__put_content(walk, PHD_SHAPE_STR, parts->data + behind, tail, behind, false);
}

void phd__put_str_record(struct phd_walk *walk, uint64_t object)
{
    size_t start = walk->to->used;
    phd__pack_array(walk->to, 2);
    phd__pack_uint32(walk->to, PHD_SHAPE_STR);
    if (phd__put_str(walk, object, PHD_MAX_INLINE_BYTES))
        return;
    struct str_parts parts;
    read_str(walk, object, &parts);
    walk->to->used = start;
    if (parts.ascii) {
        put_ascii(walk, &parts);
        return;
    }
    struct phd_characters characters = {parts.data, parts.length, parts.kind};
    struct phd_content content;
    bool surrogates = false;
    uint64_t length = phd__characters_utf8_length(walk, &characters, &surrogates);
    phd__content_begin(&content, walk, PHD_CONTENT_RECORD, PHD_SHAPE_STR, length, parts.length, surrogates);
    phd__content_append_characters(&content, &characters);
    phd__content_end(&content);
}

static uint64_t rest_of_page(uint64_t address, uint64_t length)
{
    uint64_t rest = SMALLEST_PAGE - address % SMALLEST_PAGE;
    return rest < length ? rest : length;
}

/* Copy bytes of the target to walk->items, up to the first page that cannot be read. Returns how many. */
static uint64_t copy_readable(struct phd_walk *walk, uint64_t address, uint64_t length)
{
    struct phd_guard guard;
    volatile uint64_t done = 0;
    if (PHD_GUARD(walk->memory, &guard)) {
        while (done < length) {
            uint64_t piece = rest_of_page(address + done, length - done);
            memcpy(walk->items.data + done, phd__view(walk->memory, address + done, piece), piece);
            done += piece;
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
    return done;
}

/* Compressed is a copy: another process may be writing to memory that it shares with the target, and zstd must see the
 * same bytes however often it looks; nor can a fault come in the middle of it. False when pages could not be read. */
static bool put_pieces(struct phd_walk *walk, enum phd_shape shape, uint64_t address, uint64_t length,
                       uint64_t first_offset, bool foreign)
{
    uint64_t holes = 0, most_holes = foreign ? MAX_HOLES : 1;
    for (uint64_t offset = 0; offset < length && !walk->stopped && holes < most_holes;) {
        uint64_t piece = length - offset < PHD_BLOCK_TARGET ? length - offset : PHD_BLOCK_TARGET;
        uint64_t copied = copy_readable(walk, address + offset, piece);
        if (foreign && phd__zeros_may_be_wiped(walk, walk->items.data, address + offset, copied))
            continue; /* it is read anew */
        if (shape == PHD_SHAPE_STR && !is_ascii(walk->items.data, copied))
            phd__memory_fault(walk->memory, address + offset, not_ascii);
        if (copied)
            phd__put_part(walk, PHD_BLOCK_CONTENT, 1, first_offset + offset, walk->items.data, copied);
        offset += copied;
        if (copied < piece) {
            offset += rest_of_page(address + offset, length - offset);
            holes++;
        }
        phd__walk_check(walk);
    }
    return !holes;
}

/* Blocks that are written cannot be taken back, so a read that fails, or a text that is none, costs what comes then. */
bool phd__put_content(struct phd_walk *walk, enum phd_shape shape, uint64_t address, uint64_t length, uint64_t offset,
                      bool foreign)
{
    struct phd_guard guard;
    volatile uint64_t wanted = walk->postponing && length > PHD_BEGINNING ? PHD_BEGINNING : length;
    volatile bool whole = false;
    if (!length || (walk->postponing && !walk->beginnings))
        return true;
    if (PHD_GUARD(walk->memory, &guard))
        whole = put_pieces(walk, shape, address, wanted, offset, foreign);
    PHD_UNGUARD(walk->memory, &guard);
    walk->missing_values += !whole;
    return whole;
}

/* ---- bytes, bytearray ---- */

uint64_t phd__bytes_length(struct phd_walk *walk, uint64_t object)
{
    uint64_t length = phd__word_at(walk, object, walk->at->var_size);
    if (length > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, object, "bytes of impossible length");
    check_end(walk, object, object + (uint64_t)walk->at->bytes_data + length, 1,
              "bytes that do not end where their length says");
    return length;
}

/* Include/cpython/bytearrayobject.h: ob_alloc, ob_bytes, ob_start; the content begins somewhere in what is allocated. */
static uint64_t bytearray_start(struct phd_walk *walk, uint64_t object, uint64_t length)
{
    uint64_t allocated = phd__word_at(walk, object, walk->at->bytearray_start - 16);
    uint64_t memory = phd__word_at(walk, object, walk->at->bytearray_start - 8);
    uint64_t start = phd__word_at(walk, object, walk->at->bytearray_start);
    if (length && (length > allocated || start < memory || start - memory > allocated - length))
        phd__memory_fault(walk->memory, object, "a bytearray whose length exceeds its memory");
    return start;
}

struct phd_span phd__bytes_span(struct phd_walk *walk, uint64_t object, enum phd_shape shape)
{
    if (shape == PHD_SHAPE_BYTES)
        return (struct phd_span){object + (uint64_t)walk->at->bytes_data, phd__bytes_length(walk, object), false};
    uint64_t length = phd__word_at(walk, object, walk->at->var_size);
    if (length > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, object, "bytes of impossible length");
    return (struct phd_span){bytearray_start(walk, object, length), length, false};
}

void phd__put_bytes_record(struct phd_walk *walk, uint64_t object, enum phd_shape shape)
{
    struct phd_span span = phd__bytes_span(walk, object, shape);
    phd__put_memory(walk, PHD_CONTENT_RECORD, shape, &span);
}
