/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks as they are written: contents through zstd, descriptors and index through the reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "encode/blocks.h"
#include "read/reader.h"
#include "support/cmocka_header.h"
#include "support/memory_refusal.h"

static const char head[] = "X-Python-Heapdump-Version: 3\nContent-Type: multipart/mixed; boundary=\"cut\"\n\n--cut\n"
                           "Content-Type: application/x.python-heapdump\n\n";

static struct phd_sink sink;
static struct phd_blocks blocks;
static int fd;

static void write_text(const char *text)
{
    struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
    assert_true(phd__sink_write(&sink, &piece, 1));
}

static void open_blocks(int level)
{
    fd = memfd_create("blocks", MFD_CLOEXEC);
    phd__sink_init(&sink, fd, 0);
    write_text(head);
    assert_int_equal(phd__blocks_open(&blocks, &sink, level, NULL), PHD_OK);
    blocks.start = sink.written;
}

static unsigned problems;

static void on_problem(void *argument, const char *text)
{
    (void)argument;
    (void)text;
    problems++;
}

/* End the message and open it. */
static struct phd__reader *finish_and_read(void)
{
    char path[64];
    struct phd__reader *reader;
    struct phd__read_error error;
    problems = 0;
    phd__blocks_finish(&blocks);
    write_text("\n--cut--\n");
    phd__blocks_close(&blocks);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (phd__reader_open(path, on_problem, NULL, &reader, &error) != PHD__READ_OK)
        fail_msg("the blocks cannot be read: the file %s", error.text);
    return reader;
}

/* The reader may complain of nothing but a missing index. */
static void close_all(struct phd__reader *reader)
{
    assert_int_equal(problems, !phd__reader_index(reader)->found);
    phd__reader_close(reader);
    close(fd);
}

static void assert_content(struct phd__reader *reader, size_t number, const void *expected, size_t size)
{
    struct phd__loaded *loaded;
    struct phd__read_error error;
    if (phd__reader_acquire(reader, number, &loaded, &error) != PHD__READ_OK)
        fail_msg("block %zu: %s", number, error.text);
    assert_int_equal(loaded->size, size);
    assert_memory_equal(loaded->content, expected, size);
    phd__reader_release(reader, number);
}

static uint8_t *noise(size_t size)
{
    uint64_t random = 88172645463325252u;
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        bytes[i] = (uint8_t)random;
    }
    return bytes;
}

/* Content that does not compress, at the largest size, on every level: the workspace must be enough for all. */
static void the_largest_block_of_noise_comes_back(void **state)
{
    uint8_t *bytes = noise(PHD_BLOCK_CAPACITY);
    (void)state;
    for (int level = 1; level <= 19; level += 6) {
        open_blocks(level);
        assert_true(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, 1, 1, 0, bytes, PHD_BLOCK_CAPACITY));
        assert_true(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, 1, 1, PHD_BLOCK_CAPACITY, bytes, 1));
        struct phd__reader *reader = finish_and_read();
        assert_content(reader, 0, bytes, PHD_BLOCK_CAPACITY);
        assert_content(reader, 1, bytes, 1);
        close_all(reader);
    }
    free(bytes);
}

static void an_empty_block_comes_back(void **state)
{
    (void)state;
    open_blocks(1);
    assert_true(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, 0, 1, 0, "", 0));
    struct phd__reader *reader = finish_and_read();
    assert_content(reader, 0, "", 0);
    close_all(reader);
}

static void descriptors_say_what_was_put(void **state)
{
    (void)state;
    open_blocks(3);
    assert_true(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, UINT64_C(1) << 31, 1, UINT64_C(1) << 40, "abc", 3));
    assert_true(phd__blocks_put(&blocks, PHD_BLOCK_ITEMS, 7, 3, 70000, "\1\2\3", 3));
    struct phd__reader *reader = finish_and_read();
    const struct phd__index *index = phd__reader_index(reader);
    assert_true(index->found);
    assert_int_equal(index->count, 2);
    assert_int_equal(index->blocks[0].position, 0);
    assert_int_equal(index->blocks[0].kind, PHD_BLOCK_CONTENT);
    assert_int_equal(index->blocks[0].first, UINT64_C(1) << 31);
    assert_int_equal(index->blocks[0].offset, UINT64_C(1) << 40);
    assert_int_equal(index->blocks[0].raw_size, 3);
    assert_int_equal(index->blocks[1].kind, PHD_BLOCK_ITEMS);
    assert_int_equal(index->blocks[1].first, 7);
    assert_int_equal(index->blocks[1].count, 3);
    assert_int_equal(index->blocks[1].offset, 70000);
    assert_content(reader, 1, "\1\2\3", 3);
    close_all(reader);
}

/* Writes more blocks than the index has places at first. `refuse`: no memory for its growth. */
static struct phd__reader *many_blocks(bool refuse)
{
    open_blocks(1);
    if (refuse)
        refuse_memory(1, false);
    for (uint32_t i = 0; i < 10000; i++)
        assert_true(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, i, 1, 0, &i, sizeof i));
    if (refuse)
        assert_true(allow_memory() > 0);
    return finish_and_read();
}

static void assert_many_blocks(struct phd__reader *reader)
{
    assert_int_equal(phd__reader_index(reader)->count, 10000);
    for (uint32_t i = 0; i < 10000; i += 271)
        assert_content(reader, i, &i, sizeof i);
    close_all(reader);
}

static void the_index_grows(void **state)
{
    (void)state;
    struct phd__reader *reader = many_blocks(false);
    assert_true(phd__reader_index(reader)->found);
    assert_many_blocks(reader);
}

/* An index that lacks blocks would hide them: better none, then the reader scans. */
static void an_index_that_could_not_grow_is_not_written(void **state)
{
    (void)state;
    struct phd__reader *reader = many_blocks(true);
    assert_false(phd__reader_index(reader)->found);
    assert_many_blocks(reader);
}

static void an_index_without_memory_is_left_out(void **state)
{
    (void)state;
    open_blocks(1);
    assert_true(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, 1, 1, 0, "x", 1));
    refuse_memory(1, false);
    phd__blocks_finish(&blocks);
    assert_int_equal(allow_memory(), 1);
    struct phd__reader *reader = finish_and_read(); /* now with one */
    assert_true(phd__reader_index(reader)->found);
    close_all(reader);
}

static void a_refused_block_is_not_in_the_index(void **state)
{
    uint8_t *bytes = noise(100000);
    (void)state;
    open_blocks(1);
    sink.limit = sink.written + 1000;
    assert_true(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, 1, 1, 0, "first", 5));
    assert_false(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, 2, 1, 0, bytes, 100000));
    assert_true(sink.limit_reached);
    assert_true(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, 3, 1, 0, "third", 5));
    sink.limit = 0;
    struct phd__reader *reader = finish_and_read();
    assert_int_equal(phd__reader_index(reader)->count, 2);
    assert_content(reader, 1, "third", 5);
    close_all(reader);
    free(bytes);
}

static void content_that_is_too_large_is_an_error_and_not_a_crash(void **state)
{
    uint8_t *bytes = noise(3 * PHD_BLOCK_CAPACITY);
    (void)state;
    open_blocks(1);
    assert_false(phd__blocks_put(&blocks, PHD_BLOCK_CONTENT, 1, 1, 0, bytes, 3 * PHD_BLOCK_CAPACITY));
    assert_int_equal(sink.system_errno, EIO);
    phd__blocks_close(&blocks);
    close(fd);
    free(bytes);
}

static void refused_memory_and_wrong_levels_are_told(void **state)
{
    struct phd_error error;
    (void)state;
    for (unsigned call = 1; call <= 3; call++) {
        refuse_memory(call, false);
        assert_int_equal(phd__blocks_open(&blocks, &sink, 1, &error), PHD_ERROR_MEMORY);
        allow_memory();
        assert_int_equal(error.status, PHD_ERROR_MEMORY);
        phd__blocks_close(&blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_block_of_noise_comes_back),
        cmocka_unit_test(an_empty_block_comes_back),
        cmocka_unit_test(descriptors_say_what_was_put),
        cmocka_unit_test(the_index_grows),
        cmocka_unit_test(an_index_that_could_not_grow_is_not_written),
        cmocka_unit_test(an_index_without_memory_is_left_out),
        cmocka_unit_test(a_refused_block_is_not_in_the_index),
        cmocka_unit_test(content_that_is_too_large_is_an_error_and_not_a_crash),
        cmocka_unit_test(refused_memory_and_wrong_levels_are_told),
    };
    return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
