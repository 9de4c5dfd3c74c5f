/* SPDX-License-Identifier: Apache-2.0
 *
 * See walked.h.
 */
#include "support/walked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/cmocka_header.h"
#include "support/show.h"

enum { TEXT_BYTES = 4 * 1024 * 1024 };

static const char head[] = "X-Python-Heapdump-Version: 3\nContent-Type: multipart/mixed; boundary=\"cut\"\n\n--cut\n"
                           "Content-Type: application/x.python-heapdump\n\n";
static const char tail[] = "\n--cut--\n";

static void write_text(struct phd_sink *sink, const char *text)
{
    struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
    assert_true(phd__sink_write(sink, &piece, 1));
}

static void meet_root(struct phd_walk *walk, uint64_t root)
{
    struct phd_guard guard;
    bool is_new = false;
    if (PHD_GUARD(walk->memory, &guard))
        phd__walk_meet(walk, root, &is_new);
    PHD_UNGUARD(walk->memory, &guard);
}

static void write_dump(struct walked *walked, struct heap *heap, uint64_t root, walk_setting *setting)
{
    static struct phd_walk walk; /* large */
    struct phd_memory memory;
    struct phd_sink sink;
    struct phd_blocks blocks;
    struct phd_error error;
    phd__sink_init(&sink, walked->fd, 0);
    write_text(&sink, head);
    assert_int_equal(phd__memory_self_open(&memory, &error), PHD_OK);
    assert_int_equal(phd__blocks_open(&blocks, &sink, 1, &error), PHD_OK);
    blocks.start = sink.written;
    assert_int_equal(phd__walk_open(&walk, heap->at, &memory, &blocks, &error), PHD_OK);
    if (setting)
        setting(&walk);
    meet_root(&walk, root);
    phd__walk_run(&walk);
    phd__walk_flush(&walk);
    phd__blocks_finish(&blocks);
    sink.limit = 0;
    write_text(&sink, tail);
    walked->objects = walk.written;
    walked->known = walk.next_id;
    walked->broken = walk.broken;
    walked->missing_values = walk.missing_values;
    walked->suspects = walk.suspect_count;
    walked->stopped = walk.stopped;
    phd__walk_close(&walk);
    phd__blocks_close(&blocks);
    phd__memory_self_close(&memory);
}

static void fail_on_problem(void *argument, const char *text)
{
    (void)argument;
    fail_msg("the reader found a problem: %s", text);
}

static void count_problem(void *argument, const char *text)
{
    struct walked *walked = argument;
    (void)text;
    walked->problems++;
}

static void open_reader(struct walked *walked, const char *path, phd__problem_function *tell)
{
    struct phd__read_error error;
    walked->text = malloc(TEXT_BYTES);
    assert_non_null(walked->text);
    if (phd__reader_open(path, tell, walked, &walked->reader, &error) != PHD__READ_OK)
        fail_msg("the dump cannot be read: it %s", error.text);
}

void walked_open(struct walked *walked, const char *path)
{
    memset(walked, 0, sizeof *walked);
    walked->fd = -1;
    open_reader(walked, path, count_problem);
    walked->objects = phd__reader_object_count(walked->reader);
}

void walk_heap_with(struct walked *walked, struct heap *heap, uint64_t root, walk_setting *setting)
{
    char path[64];
    memset(walked, 0, sizeof *walked);
    walked->fd = memfd_create("dump", MFD_CLOEXEC);
    assert_true(walked->fd >= 0);
    write_dump(walked, heap, root, setting);
    snprintf(path, sizeof path, "/proc/self/fd/%d", walked->fd);
    open_reader(walked, path, fail_on_problem);
    assert_int_equal(phd__reader_object_count(walked->reader), walked->objects);
}

void walk_heap(struct walked *walked, struct heap *heap, uint64_t root)
{
    walk_heap_with(walked, heap, root, NULL);
}

void walked_close(struct walked *walked)
{
    phd__reader_close(walked->reader);
    free(walked->text);
    if (walked->fd >= 0)
        close(walked->fd);
}

static struct phd__loaded *acquire(struct walked *walked, size_t number)
{
    struct phd__loaded *loaded;
    struct phd__read_error error;
    if (phd__reader_acquire(walked->reader, number, &loaded, &error) != PHD__READ_OK)
        fail_msg("block %zu: %s", number, error.text);
    return loaded;
}

static const struct phd__block *block(struct walked *walked, size_t number)
{
    return &phd__reader_index(walked->reader)->blocks[number];
}

const char *walked_record(struct walked *walked, uint64_t id)
{
    size_t number;
    walked->text[0] = 0;
    if (!phd__reader_find_object(walked->reader, id, &number))
        return "not in the dump";
    struct phd__loaded *loaded = acquire(walked, number);
    struct phd__cursor cursor = phd__loaded_record(loaded, id - block(walked, number)->first);
    show_value(&cursor, walked->text, TEXT_BYTES);
    assert_ptr_equal(cursor.at, cursor.end);
    phd__reader_release(walked->reader, number);
    return walked->text;
}

uint64_t walked_address(struct walked *walked, uint64_t id)
{
    size_t number;
    struct phd__read_error error;
    assert_true(phd__reader_find_object(walked->reader, id, &number));
    struct phd__loaded *loaded = acquire(walked, number);
    assert_int_equal(phd__loaded_addresses(loaded, block(walked, number), &error), PHD__READ_OK);
    uint64_t address = (uint64_t)loaded->addresses[id - block(walked, number)->first];
    phd__reader_release(walked->reader, number);
    return address;
}

const char *walked_block(struct walked *walked, uint32_t kind, unsigned nth)
{
    walked->text[0] = 0;
    for (size_t i = 0; i < phd__reader_index(walked->reader)->count; i++) {
        if (block(walked, i)->kind != kind || nth--)
            continue;
        struct phd__loaded *loaded = acquire(walked, i);
        struct phd__cursor cursor = {loaded->content, loaded->content + loaded->size};
        show_value(&cursor, walked->text, TEXT_BYTES);
        phd__reader_release(walked->reader, i);
        break;
    }
    return walked->text;
}

size_t walked_pieces(struct walked *walked, uint32_t kind, uint64_t owner)
{
    size_t count = 0, number;
    size_t position = phd__reader_first_piece(walked->reader, kind, owner, 0);
    while (phd__reader_piece(walked->reader, position + count, kind, owner, &number))
        count++;
    return count;
}

const char *walked_items(struct walked *walked, uint64_t owner)
{
    size_t number, position = phd__reader_first_piece(walked->reader, PHD__BLOCK_ITEMS, owner, 0);
    uint64_t expected_offset = 0;
    size_t used = 0;
    walked->text[0] = 0;
    for (; phd__reader_piece(walked->reader, position, PHD__BLOCK_ITEMS, owner, &number); position++) {
        struct phd__loaded *loaded = acquire(walked, number);
        struct phd__cursor cursor = {loaded->content, loaded->content + loaded->size};
        assert_int_equal(block(walked, number)->offset, expected_offset);
        expected_offset += block(walked, number)->count;
        while (cursor.at != cursor.end) {
            if (used)
                walked->text[used++] = ' ';
            walked->text[used] = 0;
            show_value(&cursor, walked->text + used, TEXT_BYTES - used);
            used += strlen(walked->text + used);
            assert_true(used + 2 < TEXT_BYTES);
        }
        phd__reader_release(walked->reader, number);
    }
    return walked->text;
}

size_t walked_content(struct walked *walked, uint64_t owner, void *out, size_t capacity)
{
    size_t number, used = 0, position = phd__reader_first_piece(walked->reader, PHD__BLOCK_CONTENT, owner, 0);
    for (; phd__reader_piece(walked->reader, position, PHD__BLOCK_CONTENT, owner, &number); position++) {
        struct phd__loaded *loaded = acquire(walked, number);
        assert_int_equal(block(walked, number)->offset, used);
        assert_true(loaded->size <= capacity - used);
        memcpy((uint8_t *)out + used, loaded->content, loaded->size);
        used += loaded->size;
        phd__reader_release(walked->reader, number);
    }
    return used;
}
