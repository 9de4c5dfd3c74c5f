/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of dump files: tokens, descriptors, the message around, the index, and what is left of a damaged file.
 *
 * The dump that the tests spoil is made here by hand, byte by byte as docs/format.md has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "read/reader.h"
#include "support/cmocka_header.h"

/* --- making dumps --- */

struct bytes {
    uint8_t at[32 * 1024];
    size_t size;
};

static void add(struct bytes *to, const void *data, size_t size)
{
    assert_true(to->size + size <= sizeof to->at);
    memcpy(to->at + to->size, data, size);
    to->size += size;
}

static void add_text(struct bytes *to, const char *text)
{
    add(to, text, strlen(text));
}

static void add_byte(struct bytes *to, uint8_t byte)
{
    add(to, &byte, 1);
}

static void add_little_endian(struct bytes *to, uint32_t number)
{
    uint8_t data[4] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
    add(to, data, sizeof data);
}

/* An unsigned int in the 64-bit form of msgpack. */
static void add_number(struct bytes *to, uint64_t number)
{
    add_byte(to, 0xcf);
    for (int shift = 56; shift >= 0; shift -= 8)
        add_byte(to, (uint8_t)(number >> shift));
}

static void add_fields(struct bytes *to, const struct phd__block *block)
{
    uint64_t fields[6] = {block->kind, block->first, block->count, block->raw_size, block->stored_size, block->offset};
    for (int i = 0; i < 6; i++)
        add_number(to, fields[i]);
}

static size_t compress(uint8_t *to, size_t room, const struct bytes *content)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)));
    size_t size = ZSTD_compress2(context, to, room, content->at, content->size);
    assert_false(ZSTD_isError(size));
    ZSTD_freeCCtx(context);
    return size;
}

/* Adds a block; `block` tells its kind, first, count and offset and gets the rest. */
static void add_block(struct bytes *to, size_t part_start, struct phd__block *block, const struct bytes *content)
{
    static uint8_t frame[ZSTD_COMPRESSBOUND(sizeof content->at)];
    struct bytes descriptor = {.size = 0};
    block->position = to->size - part_start;
    block->raw_size = (uint32_t)content->size;
    block->stored_size = (uint32_t)compress(frame, sizeof frame, content);
    add_byte(&descriptor, 0x96);
    add_fields(&descriptor, block);
    add_little_endian(to, PHD__DESCRIPTOR_MAGIC);
    add_little_endian(to, (uint32_t)descriptor.size);
    add(to, descriptor.at, descriptor.size);
    add(to, frame, block->stored_size);
}

static void add_index(struct bytes *to, const struct phd__block *blocks, size_t count)
{
    struct bytes index = {.size = 0};
    add_byte(&index, (uint8_t)(0x90 | count));
    for (size_t i = 0; i < count; i++) {
        add_byte(&index, 0x97);
        add_number(&index, blocks[i].position);
        add_fields(&index, &blocks[i]);
    }
    uint32_t size = (uint32_t)index.size;
    add_little_endian(&index, size);
    add_text(&index, "PHDINDEX");
    add_little_endian(to, PHD__INDEX_MAGIC);
    add_little_endian(to, (uint32_t)index.size);
    add(to, index.at, index.size);
}

#define OBJECTS 4 /* records per block */

/* OBJECTS records [2, id] and their addresses, which are 1000 + 16 * id. */
static struct bytes object_content(uint64_t first)
{
    struct bytes content = {.size = 0};
    for (uint64_t id = first; id < first + OBJECTS; id++) {
        add_text(&content, "\x92\x02");
        add_number(&content, id);
    }
    add_text(&content, "\x82\xa1z\xc0\xa1"
                       "a\x94"); /* {"z": nil, "a": [...]} */
    add_number(&content, 1000 + 16 * first);
    for (int i = 1; i < OBJECTS; i++)
        add_byte(&content, 16);
    return content;
}

#define BLOCKS 6

/* FACTS, three blocks of objects, a block of values of object 0, END. Returns where the binary part starts. */
static size_t make_dump(struct bytes *dump, struct phd__block blocks[BLOCKS], bool index)
{
    struct phd__block described[BLOCKS] = {
        {.kind = PHD__BLOCK_FACTS, .count = 1},
        {.kind = PHD__BLOCK_OBJECTS, .count = OBJECTS},
        {.kind = PHD__BLOCK_OBJECTS, .first = OBJECTS, .count = OBJECTS},
        {.kind = PHD__BLOCK_OBJECTS, .first = 2 * OBJECTS, .count = OBJECTS},
        {.kind = PHD__BLOCK_ITEMS, .count = 1002},
        {.kind = PHD__BLOCK_END, .count = 1},
    };
    dump->size = 0;
    add_text(dump, "Subject: a\n\tlong one\nX-Python-Heapdump-Version: 3\n\n--b\nContent-Type: text/plain\n\ntext\n"
                   "--b\nContent-Type: application/x.python-heapdump\n\n");
    size_t start = dump->size;
    for (int i = 0; i < BLOCKS; i++) {
        struct bytes content = {.size = 0};
        if (described[i].kind == PHD__BLOCK_OBJECTS)
            content = object_content(described[i].first);
        else if (described[i].kind == PHD__BLOCK_ITEMS) /* nil, a run of 1000, true */
            add(&content, "\xc0\xd8\x03\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\x03\xe8\xc3", 20);
        else
            add_byte(&content, 0x80);
        add_block(dump, start, &described[i], &content);
    }
    if (index)
        add_index(dump, described, BLOCKS);
    add_text(dump, "\n--b--\n");
    memcpy(blocks, described, sizeof described);
    return start;
}

/* --- reading them --- */

static unsigned problems;

static void count_problem(void *argument, const char *text)
{
    (void)argument;
    assert_true(text[0] != '\0' && strchr(text, '\n') == NULL);
    problems++;
}

static enum phd__read_status open_bytes(const uint8_t *data, size_t size, struct phd__reader **ret,
                                        struct phd__read_error *error)
{
    char path[40];
    int fd = memfd_create("dump", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    problems = 0;
    enum phd__read_status status = phd__reader_open(path, count_problem, NULL, ret, error);
    close(fd);
    return status;
}

/* Reads object `id` as [2, id] with its address. False when it is missing; a wrong one fails the test. */
static bool object_is_there(struct phd__reader *reader, uint64_t id)
{
    size_t number;
    struct phd__loaded *loaded;
    struct phd__read_error error;
    if (!phd__reader_find_object(reader, id, &number))
        return false;
    if (phd__reader_acquire(reader, number, &loaded, &error) != PHD__READ_OK) {
        assert_int_equal(error.status, PHD__READ_DAMAGED);
        assert_true(phd__reader_is_damaged(reader, number));
        return false;
    }
    const struct phd__block *block = &phd__reader_index(reader)->blocks[number];
    struct phd__cursor cursor = phd__loaded_record(loaded, id - block->first);
    struct phd__token array;
    uint64_t code = 0, value = 0;
    assert_true(phd__token_next(&cursor, &array) && array.type == PHD__TOKEN_ARRAY && array.size == 2);
    assert_true(phd__token_unsigned(&cursor, &code) && phd__token_unsigned(&cursor, &value));
    assert_int_equal(code, 2);
    assert_int_equal(value, id);
    assert_int_equal(phd__loaded_addresses(loaded, block, &error), PHD__READ_OK);
    assert_int_equal(loaded->addresses[id - block->first], 1000 + 16 * id);
    phd__reader_release(reader, number);
    return true;
}

static unsigned objects_there(struct phd__reader *reader)
{
    unsigned found = 0;
    for (uint64_t id = 0; id < 4 * OBJECTS; id++)
        found += object_is_there(reader, id);
    return found;
}

/* --- tokens --- */

static bool next(const char *data, size_t size, struct phd__token *ret)
{
    struct phd__cursor cursor = {(const uint8_t *)data, (const uint8_t *)data + size};
    const uint8_t *before = cursor.at;
    bool ok = phd__token_next(&cursor, ret);
    assert_true(ok ? cursor.at > before && cursor.at <= cursor.end : cursor.at == before);
    return ok;
}

static void tokens_of_every_form(void **state)
{
    static const struct {
        const char *data;
        size_t size;
        enum phd__token_type type;
        uint64_t value;
    } forms[] = {
        {"\x00", 1, PHD__TOKEN_UNSIGNED, 0},
        {"\x7f", 1, PHD__TOKEN_UNSIGNED, 127},
        {"\xcc\xff", 2, PHD__TOKEN_UNSIGNED, 255},
        {"\xcd\x01\x00", 3, PHD__TOKEN_UNSIGNED, 256},
        {"\xce\xff\xff\xff\xff", 5, PHD__TOKEN_UNSIGNED, UINT32_MAX},
        {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, PHD__TOKEN_UNSIGNED, UINT64_MAX},
        {"\xd0\x7f", 2, PHD__TOKEN_UNSIGNED, 127},
        {"\xd3\x7f\xff\xff\xff\xff\xff\xff\xff", 9, PHD__TOKEN_UNSIGNED, INT64_MAX},
        {"\xff", 1, PHD__TOKEN_NEGATIVE, (uint64_t)-1},
        {"\xe0", 1, PHD__TOKEN_NEGATIVE, (uint64_t)-32},
        {"\xd0\x80", 2, PHD__TOKEN_NEGATIVE, (uint64_t)-128},
        {"\xd1\x80\x00", 3, PHD__TOKEN_NEGATIVE, (uint64_t)-32768},
        {"\xd2\x80\x00\x00\x00", 5, PHD__TOKEN_NEGATIVE, (uint64_t)INT32_MIN},
        {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, PHD__TOKEN_NEGATIVE, (uint64_t)INT64_MIN},
        {"\xc0", 1, PHD__TOKEN_NIL, 0},
        {"\xc2", 1, PHD__TOKEN_FALSE, 0},
        {"\xc3", 1, PHD__TOKEN_TRUE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct phd__token token = {.value.u = 0};
        assert_true(next(forms[i].data, forms[i].size, &token));
        assert_int_equal(token.type, forms[i].type);
        assert_int_equal(token.value.u, forms[i].value);
        for (size_t cut = 0; cut < forms[i].size; cut++)
            assert_false(next(forms[i].data, cut, &token));
    }
}

static void floats_of_both_sizes(void **state)
{
    struct phd__token token;
    (void)state;
    assert_true(next("\xcb\xbf\xf8\0\0\0\0\0\0", 9, &token) && token.type == PHD__TOKEN_FLOAT);
    assert_true(token.value.d == -1.5);
    assert_true(next("\xca\xbf\xc0\0\0", 5, &token) && token.type == PHD__TOKEN_FLOAT);
    assert_true(token.value.d == -1.5);
    assert_false(next("\xcb\xbf\xf8\0\0\0\0\0", 8, &token));
}

static void sizes_are_checked_against_the_end(void **state)
{
    static const struct {
        const char *head;
        size_t size;
        enum phd__token_type type;
        uint32_t least; /* bytes that must follow */
        uint32_t claimed;
    } forms[] = {
        {"\xa3", 1, PHD__TOKEN_STR, 3, 3},         {"\xd9\x03", 2, PHD__TOKEN_STR, 3, 3},
        {"\xda\x00\x03", 3, PHD__TOKEN_STR, 3, 3}, {"\xdb\x00\x00\x00\x03", 5, PHD__TOKEN_STR, 3, 3},
        {"\xc4\x03", 2, PHD__TOKEN_BIN, 3, 3},     {"\xc6\x00\x00\x00\x03", 5, PHD__TOKEN_BIN, 3, 3},
        {"\xc7\x03\x05", 3, PHD__TOKEN_EXT, 3, 3}, {"\xc9\x00\x00\x00\x03\x05", 6, PHD__TOKEN_EXT, 3, 3},
        {"\xd6\x05", 2, PHD__TOKEN_EXT, 4, 4},     {"\xd8\x05", 2, PHD__TOKEN_EXT, 16, 16},
        {"\x93", 1, PHD__TOKEN_ARRAY, 3, 3},       {"\xdd\x00\x00\x00\x10", 5, PHD__TOKEN_ARRAY, 16, 16},
        {"\x83", 1, PHD__TOKEN_MAP, 6, 3},         {"\xdf\x00\x00\x00\x08", 5, PHD__TOKEN_MAP, 16, 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char data[40] = {0};
        struct phd__token token;
        memcpy(data, forms[i].head, forms[i].size);
        assert_true(next(data, forms[i].size + forms[i].least, &token));
        assert_int_equal(token.type, forms[i].type);
        assert_int_equal(token.size, forms[i].claimed);
        assert_true(token.type != PHD__TOKEN_EXT || token.ext_code == 5);
        for (size_t cut = 0; cut < forms[i].size + forms[i].least; cut++)
            assert_false(next(data, cut, &token));
    }
    struct phd__token token;
    assert_false(next("\xdd\xff\xff\xff\xff\0\0\0", 8, &token));
    assert_false(next("\xdf\x80\x00\x00\x00\0\0\0", 8, &token)); /* twice the count does not fit into 32 bits */
    assert_false(next("\xdb\xff\xff\xff\xff\0\0\0", 8, &token));
    assert_false(next("\xc9\xff\xff\xff\xff\x05\0\0", 8, &token));
    assert_false(next("\xc1\0\0\0", 4, &token));
}

static void skip_stops_at_the_nesting_limit(void **state)
{
    uint8_t data[PHD__MAX_NESTING + 2];
    (void)state;
    for (int depth = 1; depth <= PHD__MAX_NESTING + 1; depth++) {
        memset(data, 0x91, sizeof data);
        data[depth] = 0xc0;
        struct phd__cursor cursor = {data, data + depth + 1};
        assert_int_equal(phd__token_skip(&cursor), depth <= PHD__MAX_NESTING);
        assert_true(depth > PHD__MAX_NESTING || cursor.at == cursor.end);
    }
    static const uint8_t map[] = {0x82, 0xa1, 'a', 0x92, 1, 2, 0xa1, 'b', 0x80, 0x7f};
    struct phd__cursor cursor = {map, map + sizeof map};
    assert_true(phd__token_skip(&cursor));
    assert_int_equal(cursor.at - map, sizeof map - 1);
}

/* --- descriptors --- */

static bool parse_fields(struct phd__block block, uint64_t raw_size, uint64_t stored_size)
{
    struct bytes content = {.size = 0};
    struct bytes descriptor = {.size = 0};
    uint64_t fields[6] = {block.kind, block.first, block.count, raw_size, stored_size, block.offset};
    add_byte(&content, 0x97); /* one more than is known: a later format */
    for (int i = 0; i < 6; i++)
        add_number(&content, fields[i]);
    add_byte(&content, 0xc0);
    add_little_endian(&descriptor, PHD__DESCRIPTOR_MAGIC);
    add_little_endian(&descriptor, (uint32_t)content.size);
    add(&descriptor, content.at, content.size);
    struct phd__block parsed;
    size_t size = 0;
    for (size_t cut = 0; cut < descriptor.size; cut++)
        assert_false(phd__descriptor_parse(descriptor.at, cut, &parsed, &size));
    if (!phd__descriptor_parse(descriptor.at, descriptor.size, &parsed, &size))
        return false;
    assert_int_equal(size, descriptor.size);
    assert_int_equal(parsed.kind, block.kind);
    assert_int_equal(parsed.first, block.first);
    assert_int_equal(parsed.count, block.count);
    assert_int_equal(parsed.raw_size, raw_size);
    assert_int_equal(parsed.stored_size, stored_size);
    assert_int_equal(parsed.offset, block.offset);
    return true;
}

static void descriptors_keep_to_the_limits(void **state)
{
    struct phd__block good = {.kind = PHD__BLOCK_OBJECTS, .first = PHD__MAX_ID, .count = PHD__MAX_RECORDS};
    struct phd__block items = {.kind = PHD__BLOCK_ITEMS, .count = PHD__MAX_ID, .offset = PHD__MAX_ID};
    struct phd__block bad = good;
    (void)state;
    assert_true(parse_fields(good, PHD__MAX_RAW_SIZE, PHD__MAX_STORED_SIZE));
    assert_true(parse_fields(items, 0, 0));
    assert_false(parse_fields(good, PHD__MAX_RAW_SIZE + 1, 100));
    assert_false(parse_fields(good, UINT64_MAX, 100));
    assert_false(parse_fields(good, 100, PHD__MAX_STORED_SIZE + 1));
    assert_false(parse_fields(good, 100, UINT64_MAX));
    bad.count++;
    assert_false(parse_fields(bad, 100, 100));
    bad = good;
    bad.first++;
    assert_false(parse_fields(bad, 100, 100));
    items.offset++;
    assert_false(parse_fields(items, 100, 100));
}

/* --- searching --- */

static void searches_find_what_lies_across_windows(void **state)
{
    enum { SIZE = 200 * 1024, WINDOW = 64 * 1024 };
    char *data = calloc(1, SIZE);
    int fd = memfd_create("haystack", MFD_CLOEXEC);
    (void)state;
    assert_non_null(data);
    for (int shift = -9; shift <= 1; shift++) {
        uint64_t place = (uint64_t)(WINDOW + shift), found = 0;
        struct phd__read_error error;
        memcpy(data + place, "PHDINDEX", 8);
        assert_int_equal(pwrite(fd, data, SIZE, 0), SIZE);
        struct phd__input input = {.fd = fd, .size = SIZE};
        assert_int_equal(phd__input_find(&input, 0, SIZE, "PHDINDEX", 8, &found, &error), PHD__READ_OK);
        assert_int_equal(found, place);
        assert_int_equal(phd__input_find(&input, place, place + 8, "PHDINDEX", 8, &found, &error), PHD__READ_OK);
        assert_int_equal(phd__input_find(&input, place, place + 7, "PHDINDEX", 8, &found, &error), PHD__READ_NOT_FOUND);
        assert_int_equal(phd__input_find(&input, place + 1, SIZE, "PHDINDEX", 8, &found, &error), PHD__READ_NOT_FOUND);
        assert_int_equal(phd__input_find_last(&input, place + 8, "PHDINDEX", 8, &found, &error), PHD__READ_OK);
        assert_int_equal(found, place);
        assert_int_equal(phd__input_find_last(&input, place + 7, "PHDINDEX", 8, &found, &error), PHD__READ_NOT_FOUND);
        assert_int_equal(phd__input_find_last(&input, SIZE, "PHDINDEX", 8, &found, &error), PHD__READ_NOT_FOUND);
        memset(data + place, 0, 8);
    }
    close(fd);
    free(data);
}

/* --- whole dumps --- */

static void a_good_dump_is_read(void **state)
{
    static struct bytes dump;
    struct phd__block blocks[BLOCKS];
    struct phd__reader *reader = NULL;
    struct phd__read_error error;
    size_t start = make_dump(&dump, blocks, true);
    (void)state;
    assert_int_equal(open_bytes(dump.at, dump.size, &reader, &error), PHD__READ_OK);
    assert_int_equal(problems, 0);
    const struct phd__message *message = phd__reader_message(reader);
    assert_int_equal(message->part_start, start);
    assert_int_equal(message->part_end, dump.size - strlen("\n--b--\n"));
    assert_memory_equal(dump.at + message->text_start, "text", 4);
    assert_int_equal(message->text_size, 4);
    assert_int_equal(message->header_count, 2);
    assert_memory_equal(message->headers[0].value, "a\tlong one", message->headers[0].value_size);
    const struct phd__index *index = phd__reader_index(reader);
    assert_true(index->found);
    assert_int_equal(index->count, BLOCKS);
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(index->blocks[i].position, blocks[i].position);
        assert_int_equal(index->blocks[i].kind, blocks[i].kind);
        assert_int_equal(index->blocks[i].first, blocks[i].first);
        assert_int_equal(index->blocks[i].count, blocks[i].count);
    }
    assert_int_equal(phd__reader_object_count(reader), 3 * OBJECTS);
    assert_int_equal(objects_there(reader), 3 * OBJECTS);
    phd__reader_close(reader);
}

static void values_are_counted_through_runs(void **state)
{
    static struct bytes dump;
    struct phd__block blocks[BLOCKS];
    struct phd__reader *reader = NULL;
    struct phd__read_error error;
    struct phd__loaded *loaded = NULL;
    size_t number = 0;
    (void)state;
    make_dump(&dump, blocks, true);
    assert_int_equal(open_bytes(dump.at, dump.size, &reader, &error), PHD__READ_OK);
    size_t position = phd__reader_first_piece(reader, PHD__BLOCK_ITEMS, 0, 700);
    assert_true(phd__reader_piece(reader, position, PHD__BLOCK_ITEMS, 0, &number));
    assert_false(phd__reader_piece(reader, position + 1, PHD__BLOCK_ITEMS, 0, &number));
    assert_int_equal(phd__reader_acquire(reader, number, &loaded, &error), PHD__READ_OK);
    static const struct {
        uint64_t value, before;
        uint32_t at;
    } wanted[] = {{0, 0, 0}, {1, 1, 1}, {1000, 1, 1}, {1001, 1001, 19}};
    for (int i = 0; i < 4; i++) {
        uint64_t before = 99;
        struct phd__cursor cursor = phd__loaded_value(loaded, wanted[i].value, &before);
        assert_int_equal(before, wanted[i].before);
        assert_int_equal(cursor.at - loaded->content, wanted[i].at);
    }
    phd__reader_release(reader, number);
    phd__reader_close(reader);
}

static void a_dump_cut_anywhere_opens_after_its_first_block(void **state)
{
    static struct bytes dump;
    struct phd__block blocks[BLOCKS];
    size_t start = make_dump(&dump, blocks, true);
    (void)state;
    for (size_t size = 0; size < dump.size - 1; size++) { /* the last byte is the line end */
        struct phd__reader *reader = NULL;
        struct phd__read_error error = {.text = ""};
        unsigned whole = 0;
        for (int i = 0; i < BLOCKS; i++)
            whole += size >= start + (i + 1 < BLOCKS ? blocks[i + 1].position
                                                     : blocks[i].position + 8 + 55 + blocks[i].stored_size);
        enum phd__read_status status = open_bytes(dump.at, size, &reader, &error);
        assert_int_equal(status == PHD__READ_OK, whole > 0);
        if (status != PHD__READ_OK) {
            assert_true(error.status == status && error.text[0] != '\0');
            continue;
        }
        assert_int_equal(phd__reader_index(reader)->count, whole);
        assert_true(problems > 0);
        unsigned object_blocks = whole < 1 ? 0 : whole > 4 ? 3 : whole - 1;
        assert_int_equal(objects_there(reader), object_blocks * OBJECTS);
        phd__reader_close(reader);
    }
}

/* Flips every bit. Whatever comes: no wrong object (object_is_there() sees to it), and damage behind the message's
 * head costs at most the objects of one block. */
static void flip_every_bit(bool index, unsigned least)
{
    static struct bytes dump;
    struct phd__block blocks[BLOCKS];
    size_t start = make_dump(&dump, blocks, index);
    for (size_t at = 0; at < dump.size; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct phd__reader *reader = NULL;
            struct phd__read_error error;
            dump.at[at] ^= (uint8_t)(1 << bit);
            enum phd__read_status status = open_bytes(dump.at, dump.size, &reader, &error);
            if (status == PHD__READ_OK)
                assert_true(objects_there(reader) >= least);
            else
                assert_true(at < start);
            phd__reader_close(reader);
            dump.at[at] ^= (uint8_t)(1 << bit);
        }
}

static void a_flipped_bit_costs_one_block(void **state)
{
    (void)state;
    flip_every_bit(true, 2 * OBJECTS);
}

static void a_flipped_bit_without_index_costs_one_block(void **state)
{
    (void)state;
    flip_every_bit(false, 2 * OBJECTS);
}

static void other_files_are_named(void **state)
{
    static const struct {
        const char *data;
        enum phd__read_status status;
        const char *text;
    } files[] = {
        {"", PHD__READ_NOT_A_DUMP, "empty"},
        {"hello\n", PHD__READ_NOT_A_DUMP, "not a heap dump"},
        {"\x1f\x8b\x08 and so on", PHD__READ_NOT_A_DUMP, "gunzip"},
        {"X-Python-Heapdump-Version: 4\n\n", PHD__READ_VERSION, "newer"},
        {"X-Python-Heapdump-Version: 1\n\n", PHD__READ_VERSION, "original"},
        {"X-Python-Heapdump-Version: 3\n\n", PHD__READ_DAMAGED, "before its first data"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct phd__reader *reader = NULL;
        struct phd__read_error error;
        enum phd__read_status status =
            open_bytes((const uint8_t *)files[i].data, strlen(files[i].data), &reader, &error);
        assert_int_equal(status, files[i].status);
        assert_non_null(strstr(error.text, files[i].text));
        assert_null(reader);
    }
}

static void files_that_cannot_be_opened(void **state)
{
    struct phd__reader *reader = NULL;
    struct phd__read_error error;
    (void)state;
    assert_int_equal(phd__reader_open("/nowhere/at/all", count_problem, NULL, &reader, &error), PHD__READ_OS);
    assert_true(error.os_error != 0 && strstr(error.text, "No such file") != NULL);
    assert_int_equal(phd__reader_open("/", count_problem, NULL, &reader, &error), PHD__READ_NOT_A_DUMP);
    assert_int_equal(phd__reader_open("/dev/zero", count_problem, NULL, &reader, &error), PHD__READ_NOT_A_DUMP);
    assert_null(reader);
}

static void the_cache_keeps_blocks_in_use(void **state)
{
    static struct bytes dump;
    struct phd__block blocks[BLOCKS];
    struct phd__reader *reader = NULL;
    struct phd__read_error error;
    struct phd__loaded *first = NULL, *again = NULL;
    (void)state;
    make_dump(&dump, blocks, true);
    assert_int_equal(open_bytes(dump.at, dump.size, &reader, &error), PHD__READ_OK);
    assert_int_equal(phd__reader_acquire(reader, 1, &first, &error), PHD__READ_OK);
    assert_int_equal(objects_there(reader), 3 * OBJECTS);
    assert_int_equal(phd__reader_acquire(reader, 1, &again, &error), PHD__READ_OK);
    assert_ptr_equal(first, again);
    phd__reader_release(reader, 1);
    phd__reader_release(reader, 1);
    phd__reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_every_form),
        cmocka_unit_test(floats_of_both_sizes),
        cmocka_unit_test(sizes_are_checked_against_the_end),
        cmocka_unit_test(skip_stops_at_the_nesting_limit),
        cmocka_unit_test(descriptors_keep_to_the_limits),
        cmocka_unit_test(searches_find_what_lies_across_windows),
        cmocka_unit_test(a_good_dump_is_read),
        cmocka_unit_test(values_are_counted_through_runs),
        cmocka_unit_test(a_dump_cut_anywhere_opens_after_its_first_block),
        cmocka_unit_test(a_flipped_bit_costs_one_block),
        cmocka_unit_test(a_flipped_bit_without_index_costs_one_block),
        cmocka_unit_test(other_files_are_named),
        cmocka_unit_test(files_that_cannot_be_opened),
        cmocka_unit_test(the_cache_keeps_blocks_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
