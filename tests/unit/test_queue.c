/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of met objects: first in first out over many chunks, chunks used again, memory refused.
 */
#include "support/cmocka_header.h"
#include "support/memory_refusal.h"
#include "walk/queue.h"

enum { MANY = 200000, CHUNK_BYTES = 256 * 1024, CHUNK_ENTRIES = CHUNK_BYTES / 8 - 1 };

static void assert_next(struct phd_queue *queue, uint64_t expected)
{
    uint64_t entry = 0;
    assert_true(phd__queue_pop(queue, &entry));
    assert_int_equal(entry, expected);
}

static void assert_empty(struct phd_queue *queue)
{
    uint64_t entry;
    assert_false(phd__queue_pop(queue, &entry));
    assert_int_equal(phd__queue_peek(queue, 0), 0);
}

static void entries_come_out_in_order(void **state)
{
    struct phd_queue queue;
    (void)state;
    assert_true(phd__queue_open(&queue));
    assert_empty(&queue);
    for (uint64_t i = 1; i <= MANY; i++)
        assert_true(phd__queue_push(&queue, i));
    for (uint64_t i = 1; i <= MANY; i++)
        assert_next(&queue, i);
    assert_empty(&queue);
    phd__queue_close(&queue);
    assert_null(queue.first);
}

/* More goes in than comes out, then the reverse, across every chunk boundary. */
static void pushing_and_popping_may_alternate(void **state)
{
    struct phd_queue queue;
    uint64_t pushed = 0, popped = 0;
    (void)state;
    assert_true(phd__queue_open(&queue));
    for (unsigned turn = 0; turn < MANY / 8; turn++) {
        for (unsigned i = 0; i < 3; i++)
            assert_true(phd__queue_push(&queue, ++pushed));
        for (unsigned i = 0; i < 2; i++)
            assert_next(&queue, ++popped);
    }
    while (popped < pushed)
        assert_next(&queue, ++popped);
    assert_empty(&queue);
    assert_true(phd__queue_push(&queue, ++pushed));
    assert_next(&queue, pushed);
    assert_empty(&queue);
    phd__queue_close(&queue);
}

static void an_exactly_full_chunk_is_no_special_case(void **state)
{
    struct phd_queue queue;
    (void)state;
    assert_true(phd__queue_open(&queue));
    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t i = 1; i <= CHUNK_ENTRIES; i++)
            assert_true(phd__queue_push(&queue, i));
        for (uint64_t i = 1; i <= CHUNK_ENTRIES; i++)
            assert_next(&queue, i);
        assert_empty(&queue);
    }
    phd__queue_close(&queue);
}

static void a_short_queue_keeps_two_chunks_at_most(void **state)
{
    struct phd_queue queue;
    (void)state;
    assert_true(phd__queue_open(&queue));
    for (uint64_t i = 1; i <= 10 * CHUNK_ENTRIES; i++) {
        assert_true(phd__queue_push(&queue, i));
        assert_next(&queue, i);
        assert_true(phd__queue_memory(&queue) <= 2 * CHUNK_BYTES);
    }
    phd__queue_close(&queue);
}

static void peeking_shows_what_comes(void **state)
{
    struct phd_queue queue;
    (void)state;
    assert_true(phd__queue_open(&queue));
    for (uint64_t i = 1; i <= 5; i++)
        assert_true(phd__queue_push(&queue, 10 * i));
    assert_int_equal(phd__queue_peek(&queue, 0), 10);
    assert_int_equal(phd__queue_peek(&queue, 4), 50);
    assert_int_equal(phd__queue_peek(&queue, 5), 0);
    assert_next(&queue, 10);
    assert_int_equal(phd__queue_peek(&queue, 0), 20);
    phd__queue_close(&queue);
}

/* What was pushed behind a mark is shown in order, also across chunks, and stays in the queue. */
static void a_mark_shows_what_came_later(void **state)
{
    struct phd_queue queue;
    uint64_t entry, expected = 0;
    (void)state;
    assert_true(phd__queue_open(&queue));
    for (uint64_t before = CHUNK_ENTRIES - 1; before <= CHUNK_ENTRIES + 1; before++) {
        while (phd__queue_pop(&queue, &entry))
            continue;
        for (uint64_t i = 1; i <= before; i++)
            phd__queue_push(&queue, 0);
        struct phd_queue_mark mark = phd__queue_mark(&queue), empty = mark;
        assert_false(phd__queue_next(&queue, &empty, &entry));
        for (uint64_t i = 1; i <= CHUNK_ENTRIES + 5; i++)
            phd__queue_push(&queue, i);
        for (expected = 0; phd__queue_next(&queue, &mark, &entry);)
            assert_int_equal(entry, ++expected);
        assert_int_equal(expected, CHUNK_ENTRIES + 5);
        assert_next(&queue, 0);
    }
    phd__queue_close(&queue);
}

static void refused_memory_is_told_and_nothing_is_lost(void **state)
{
    struct phd_queue queue;
    (void)state;
    refuse_memory(1, true);
    assert_false(phd__queue_open(&queue));
    allow_memory();
    phd__queue_close(&queue);

    assert_true(phd__queue_open(&queue));
    refuse_memory(1, true);
    for (uint64_t i = 1; i <= CHUNK_ENTRIES; i++)
        assert_true(phd__queue_push(&queue, i));
    assert_false(phd__queue_push(&queue, 1));
    assert_false(phd__queue_push(&queue, 1));
    assert_true(allow_memory() > 0);
    assert_true(phd__queue_push(&queue, CHUNK_ENTRIES + 1));
    for (uint64_t i = 1; i <= CHUNK_ENTRIES + 1; i++)
        assert_next(&queue, i);
    assert_empty(&queue);
    phd__queue_close(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_out_in_order),
        cmocka_unit_test(pushing_and_popping_may_alternate),
        cmocka_unit_test(an_exactly_full_chunk_is_no_special_case),
        cmocka_unit_test(a_short_queue_keeps_two_chunks_at_most),
        cmocka_unit_test(peeking_shows_what_comes),
        cmocka_unit_test(a_mark_shows_what_came_later),
        cmocka_unit_test(refused_memory_is_told_and_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
