/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over sound synthetic heaps: values, sharing, cycles, order, large containers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/heap_case.h"

static void leaves_with_one_owner_stand_inside_it(void **state)
{
    uint64_t list = LIST(&heap, heap_new_int(&heap, 7), heap_new_int(&heap, -70000), heap_new_float(&heap, 1.5),
                         heap_new_str(&heap, "one"), heap_new_str(&heap, ""), heap_new_bytes(&heap, "\0\xff", 2), 0,
                         heap.none, heap.true_);
    (void)state;
    walk_heap(&walked, &heap, list);
    assert_record(0, "[9, 7, -70000, 1.5, 'one', '', bin(00 ff), absent, nil, true]");
    assert_int_equal(walked_address(&walked, 0), list);
    assert_whole(1);
}

static void ints_of_all_sizes_are_right(void **state)
{
    uint64_t list =
        LIST(&heap, heap_new_int(&heap, 0), heap_new_int(&heap, (1 << 30) - 1), heap_new_int(&heap, 1 << 30),
             heap_new_int(&heap, -(INT64_C(1) << 59)), heap_new_int(&heap, INT64_MAX), heap_new_int(&heap, INT64_MIN));
    (void)state;
    walk_heap(&walked, &heap, list);
    /* beyond two digits an int is written as two's complement, whatever it would fit into */
    assert_record(0, "[9, 0, 1073741823, 1073741824, -576460752303423488, "
                     "int(ff ff ff ff ff ff ff 7f 00 00 00 00 00), int(00 00 00 00 00 00 00 80 ff ff ff ff ff)]");
}

static void shared_objects_are_referred_to_by_id(void **state)
{
    uint64_t text = heap_shared(&heap, heap_new_str(&heap, "both"));
    uint64_t number = heap_shared(&heap, heap_new_int(&heap, 1000));
    uint64_t first = LIST(&heap, text, number), second = LIST(&heap, number, text);
    (void)state;
    walk_heap(&walked, &heap, TUPLE(&heap, first, second, text));
    assert_record(0, "[8, +1, +2, +3]");
    assert_record(1, "[9, @3, +3]");
    assert_record(2, "[9, @4, @3]");
    assert_record(3, "[5, 'both']");
    assert_record(4, "[2, 1000]");
    assert_int_equal(walked_address(&walked, 1), first);
    assert_int_equal(walked_address(&walked, 2), second);
    assert_int_equal(walked_address(&walked, 3), text);
    assert_int_equal(walked_address(&walked, 4), number);
    assert_whole(5);
}

static void cycles_end(void **state)
{
    uint64_t itself = heap_shared(&heap, heap_new_list(&heap, 2, NULL));
    uint64_t other = heap_shared(&heap, LIST(&heap, itself));
    uint64_t items = heap_word(itself, heap.at->list_items);
    (void)state;
    heap_set_word(items, 0, itself);
    heap_set_word(items, 8, other);
    walk_heap(&walked, &heap, itself);
    assert_record(0, "[9, @0, +1]");
    assert_record(1, "[9, @0]");
    assert_whole(2);
}

static void a_deep_nest_needs_no_stack(void **state)
{
    enum { DEPTH = 50000 };
    uint64_t list = heap_new_list(&heap, 0, NULL);
    (void)state;
    for (int i = 1; i < DEPTH; i++)
        list = LIST(&heap, list);
    walk_heap(&walked, &heap, list);
    assert_record(0, "[9, +1]");
    assert_record(DEPTH - 2, "[9, +1]");
    assert_record(DEPTH - 1, "[9]");
    assert_whole(DEPTH);
}

static void dicts_and_sets_keep_their_members(void **state)
{
    uint64_t dict = DICT(&heap, heap_new_str(&heap, "a"), heap_new_int(&heap, 1), heap_new_int(&heap, 2), heap.none);
    uint64_t members[] = {heap_new_int(&heap, 5), heap_new_str(&heap, "x")};
    uint64_t set = heap_new_set(&heap, 2, members), empty = heap_new_set(&heap, 0, NULL);
    (void)state;
    walk_heap(&walked, &heap, TUPLE(&heap, dict, set, empty, heap_new_dict(&heap, 0, NULL)));
    assert_record(0, "[8, +1, +2, +3, +4]");
    assert_record(1, "[10, 'a', 1, 2, nil]");
    assert_record(2, "[11, 5, 'x']");
    assert_record(3, "[11]");
    assert_record(4, "[10]");
    assert_whole(5);
}

static void deleted_entries_are_left_out(void **state)
{
    uint64_t dict = DICT(&heap, heap_new_str(&heap, "a"), heap_new_int(&heap, 1), 0, 0, heap_new_str(&heap, "c"),
                         heap_new_int(&heap, 3));
    uint64_t members[] = {heap_new_int(&heap, 5), heap_new_int(&heap, 6)};
    uint64_t set = heap_new_set(&heap, 2, members);
    (void)state;
    heap_set_word(dict, heap.at->dict_used, 2);
    heap_set_word(heap_word(set, heap.at->set_table), 8, (uint64_t)-1); /* the hash of a deleted entry */
    heap_set_word(set, heap.at->set_used, 1);
    walk_heap(&walked, &heap, TUPLE(&heap, dict, set));
    assert_record(1, "[10, 'a', 1, 'c', 3]");
    assert_record(2, "[11, 6]");
    assert_whole(3);
}

static void text_of_every_kind_is_utf8(void **state)
{
    const uint8_t latin[] = {'n', 0xe9};
    const uint16_t kanji[] = {0x6f22, 0x5b57}, lone[] = {'x', 0xd800};
    const uint32_t emoji[] = {0x1f40d, 'p'};
    (void)state;
    walk_heap(&walked, &heap,
              TUPLE(&heap, heap_new_wide_str(&heap, latin, 2, 1), heap_new_wide_str(&heap, kanji, 2, 2),
                    heap_new_wide_str(&heap, emoji, 2, 4), heap_new_wide_str(&heap, lone, 2, 2)));
    assert_record(0, "[8, 'n\u00e9', '\u6f22\u5b57', '\U0001f40d"
                     "p', surrogates(78 ed a0 80)]");
}

static void medium_text_has_a_record_of_its_own(void **state)
{
    char text[200];
    (void)state;
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = 0;
    walk_heap(&walked, &heap, TUPLE(&heap, heap_new_str(&heap, text), heap_new_bytes(&heap, text, 70)));
    assert_record(0, "[8, +1, +2]");
    assert_true(strncmp(walked_record(&walked, 1), "[5, 'yyyy", 9) == 0);
    assert_int_equal(strlen(walked_record(&walked, 1)), sizeof text - 1 + 7);
    assert_true(strncmp(walked_record(&walked, 2), "[6, bin(79 79", 13) == 0);
    assert_whole(3);
}

static void large_text_goes_to_content_blocks(void **state)
{
    enum { LENGTH = 700001 };
    char *bytes = malloc(LENGTH), *back = malloc(2 * LENGTH);
    (void)state;
    for (size_t i = 0; i < LENGTH; i++)
        bytes[i] = (char)('a' + i * i % 23);
    uint64_t str = heap_new_wide_str(&heap, bytes, LENGTH, 1);
    uint8_t *last = (uint8_t *)(uintptr_t)(str + (uint64_t)heap.at->unicode_compact_size + LENGTH - 1);
    *last = 0xfc; /* one character that takes two bytes */
    walk_heap(&walked, &heap,
              TUPLE(&heap, heap_new_bytes(&heap, bytes, LENGTH), str, heap_new_bytearray(&heap, bytes, LENGTH)));
    assert_record(1, "[16, 6, 700001]");
    assert_record(2, "[16, 5, 700002]");
    assert_record(3, "[16, 7, 700001]");
    assert_int_equal(walked_content(&walked, 1, back, 2 * LENGTH), LENGTH);
    assert_memory_equal(back, bytes, LENGTH);
    assert_int_equal(walked_content(&walked, 2, back, 2 * LENGTH), LENGTH + 1);
    assert_memory_equal(back, bytes, LENGTH - 1);
    assert_memory_equal(back + LENGTH - 1, "\u00fc", 2);
    assert_int_equal(walked_content(&walked, 3, back, 2 * LENGTH), LENGTH);
    assert_whole(4);
    free(bytes);
    free(back);
}

/* Does `text` say "0 1 2 …" up to `count` values? With `step` 2 only even ones. */
static void assert_counts(const char *text, uint64_t count, uint64_t step)
{
    char *end;
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(strtoull(text, &end, 10), i * step);
        text = end;
    }
    assert_string_equal(text, "");
}

static void large_containers_are_split(void **state)
{
    enum { COUNT = 100000 };
    uint64_t *items = malloc(COUNT * sizeof *items);
    (void)state;
    for (int i = 0; i < COUNT; i++)
        items[i] = heap_new_int(&heap, i);
    uint64_t list = heap_new_list(&heap, COUNT, items);
    uint64_t set = heap_new_set(&heap, COUNT, items);
    uint64_t dict = heap_new_dict(&heap, COUNT / 2, items);
    walk_heap(&walked, &heap, TUPLE(&heap, list, dict, set, heap_new_tuple(&heap, 4097, items)));
    assert_record(1, "[16, 9, 100000]");
    assert_record(2, "[16, 10, 100000]");
    assert_record(3, "[16, 11, 100000]");
    assert_record(4, "[16, 8, 4097]");
    assert_counts(walked_items(&walked, 1), COUNT, 1);
    assert_counts(walked_items(&walked, 2), COUNT, 1);
    assert_counts(walked_items(&walked, 3), COUNT, 1);
    assert_counts(walked_items(&walked, 4), 4097, 1);
    assert_true(walked_pieces(&walked, PHD__BLOCK_ITEMS, 1) > 1);
    assert_whole(5);
    free(items);
}

static void a_container_at_the_limit_is_not_split(void **state)
{
    uint64_t *items = calloc(4096, sizeof *items);
    (void)state;
    for (int i = 0; i < 4096; i++)
        items[i] = heap_new_int(&heap, 1);
    walk_heap(&walked, &heap, heap_new_list(&heap, 4096, items));
    assert_true(strncmp(walked_record(&walked, 0), "[9, 1, 1, ", 10) == 0);
    assert_int_equal(walked_pieces(&walked, PHD__BLOCK_ITEMS, 0), 0);
    free(items);
}

/* Many more records than a block takes: ids, order and addresses must fit together across blocks. */
static void many_objects_fill_many_blocks(void **state)
{
    enum { COUNT = 100000 };
    uint64_t *items = malloc(COUNT * sizeof *items);
    (void)state;
    for (int i = 0; i < COUNT; i++)
        items[i] = LIST(&heap, heap_new_int(&heap, i));
    walk_heap(&walked, &heap, heap_new_list(&heap, COUNT, items));
    assert_whole(COUNT + 1);
    for (int i = 0; i < COUNT; i += 997) {
        char expected[40];
        snprintf(expected, sizeof expected, "[9, %d]", i);
        assert_record((uint64_t)i + 1, expected);
        assert_int_equal(walked_address(&walked, (uint64_t)i + 1), items[i]);
    }
    free(items);
}

static void an_unknown_c_type_shows_its_pointers(void **state)
{
    uint64_t opaque = heap_new_type(&heap, "some.Opaque", heap.object, 48, 0);
    uint64_t instance = heap_new_object(&heap, opaque, 48);
    (void)state;
    heap_set_word(instance, 16, LIST(&heap, heap_new_int(&heap, 3)));
    heap_set_word(instance, 24, 0x123456789abc); /* no object */
    heap_set_word(instance, 32, heap.unmapped);
    heap_set_word(instance, 40, heap.none);
    walk_heap(&walked, &heap, TUPLE(&heap, instance));
    assert_record(1, "[1, +1, nil, nil, nil, [16, +2, 40, nil]]");
    assert_record(3, "[9, 3]");
    assert_int_equal(walked.broken, 0);
    assert_int_equal(walked.missing_values, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAP_CASE(leaves_with_one_owner_stand_inside_it),
        HEAP_CASE(ints_of_all_sizes_are_right),
        HEAP_CASE(shared_objects_are_referred_to_by_id),
        HEAP_CASE(cycles_end),
        HEAP_CASE(a_deep_nest_needs_no_stack),
        HEAP_CASE(dicts_and_sets_keep_their_members),
        HEAP_CASE(deleted_entries_are_left_out),
        HEAP_CASE(text_of_every_kind_is_utf8),
        HEAP_CASE(medium_text_has_a_record_of_its_own),
        HEAP_CASE(large_text_goes_to_content_blocks),
        HEAP_CASE(large_containers_are_split),
        HEAP_CASE(a_container_at_the_limit_is_not_split),
        HEAP_CASE(many_objects_fill_many_blocks),
        HEAP_CASE(an_unknown_c_type_shows_its_pointers),
    };
    return run_on_layouts("walk", tests, sizeof tests / sizeof tests[0]);
}
