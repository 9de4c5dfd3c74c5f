/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over broken synthetic heaps: whatever an object contains, the walk ends, the dump is well-formed, and what is
 * lost is the broken value alone.
 */
#include <stdlib.h>
#include <string.h>

#include "support/heap_case.h"

static void a_value_in_an_unmapped_page_costs_itself(void **state)
{
    uint64_t inner = LIST(&heap, heap_new_int(&heap, 4));
    (void)state;
    walk_heap(&walked, &heap, LIST(&heap, heap_new_int(&heap, 1), heap.unmapped, heap_new_str(&heap, "x"), inner));
    assert_record(0, "[9, 1, missing(not mapped), 'x', +1]");
    assert_record(1, "[9, 4]");
    assert_int_equal(walked.missing_values, 1);
    assert_int_equal(walked.broken, 0);
}

static void addresses_that_no_object_has_cost_themselves(void **state)
{
    uint64_t misaligned = heap_new_int(&heap, 5) + 1;
    (void)state;
    walk_heap(&walked, &heap, TUPLE(&heap, 8, misaligned, (uint64_t)-8, (uint64_t)1 << 47, heap_new_int(&heap, 6)));
    assert_record(0, "[8, missing(not a user-space address), missing(not an object: its address is odd), "
                     "missing(not a user-space address), missing(not a user-space address), 6]");
    assert_int_equal(walked.missing_values, 4);
}

static void a_wrong_type_pointer_costs_the_value(void **state)
{
    uint64_t no_type = heap_new_object(&heap, heap_new_int(&heap, 1), 32);
    uint64_t null_type = heap_new_object(&heap, 0, 32);
    uint64_t unmapped_type = heap_new_object(&heap, heap.unmapped, 32);
    uint64_t odd_type = heap_new_object(&heap, heap.int_ + 4, 32);
    uint64_t huge = heap_new_type(&heap, "Huge", heap.object, UINT64_C(1) << 40, 0);
    uint64_t negative = heap_new_type(&heap, "Negative", heap.object, (uint64_t)-16, 0);
    (void)state;
    walk_heap(&walked, &heap,
              LIST(&heap, no_type, null_type, unmapped_type, odd_type, heap_new_object(&heap, huge, 16),
                   heap_new_object(&heap, negative, 16), heap_new_int(&heap, 2)));
    assert_record(0, "[9, missing(not a type), missing(not a user-space address), missing(not mapped), "
                     "missing(not a type), missing(not a type: its basicsize), missing(not a type: its basicsize), 2]");
    assert_int_equal(walked.missing_values, 6);
}

/* The dict of a variable-sized instance stands behind its items, however many it claims to have. */
static void an_impossible_number_of_items_costs_the_instance(void **state)
{
    uint64_t type = heap_new_type(&heap, "Sized", heap.object, 32, 0);
    uint64_t items = heap_new_type(&heap, "Items", heap.object, 32, 0);
    (void)state;
    heap_set_word(type, heap.at->type_dictoffset, (uint64_t)-8);
    heap_set_word(type, heap.at->type_itemsize, 8);
    heap_set_word(items, heap.at->type_itemsize, INT64_MAX);
    uint64_t broken = heap_new_object(&heap, type, 48);
    heap_set_word(broken, heap.at->var_size, INT64_MAX);
    walk_heap(&walked, &heap, LIST(&heap, broken, heap_new_object(&heap, items, 48)));
    assert_record(0, "[9, @1, missing(not a type: its basicsize)]");
    assert_record(1, "[0, 'an object of impossible size']");
}

/* What a type says of itself must fit together, or all of its instances would be read as what they are not. */
static void a_type_that_contradicts_itself_costs_its_instances(void **state)
{
    enum { TYPES = 6 };
    uint64_t types[TYPES], instances[TYPES + 1];
    (void)state;
    for (int i = 0; i < TYPES; i++)
        types[i] = heap_new_type(&heap, "some.Type", heap.object, 32, 0);
    uint64_t false_metatype = heap_new_type(&heap, "Meta", heap.object, 880, PHD_TPFLAGS_TYPE_SUBCLASS);
    heap_set_word(false_metatype, heap.at->object_type, heap.list);
    heap_set_word(types[0], heap.at->object_type, false_metatype);
    heap_set_word(types[1], heap.at->type_mro, TUPLE(&heap, types[1])); /* but it is not ready */
    heap_set_word(types[2], heap.at->type_flags, UINT64_C(1) << 25);    /* of lists */
    heap_set_word(types[3], heap.at->type_name, heap_word(heap.list, heap.at->type_name));
    heap_set_word(types[4], heap.at->type_base, heap.none);
    heap_set_word(types[5], heap.at->type_dictoffset, 32);
    for (int i = 0; i < TYPES; i++)
        instances[i] = heap_new_object(&heap, types[i], 64);
    instances[TYPES] = heap_new_int(&heap, 2);
    walk_heap(&walked, &heap, heap_new_list(&heap, TYPES + 1, instances));
    assert_record(0, "[9, missing(not a type), missing(not a type), missing(not a type: its flags and name disagree), "
                     "missing(not a type: its flags and name disagree), missing(not a type: its base), missing(not a "
                     "type: its dictoffset), 2]");
}

static void a_type_whose_bases_form_a_cycle_is_learned(void **state)
{
    uint64_t a = heap_new_type(&heap, "A", heap.object, 16, 0), b = heap_new_type(&heap, "B", a, 16, 0);
    (void)state;
    heap_set_word(a, heap.at->type_base, b);
    walk_heap(&walked, &heap, LIST(&heap, heap_new_object(&heap, b, 16), heap_new_int(&heap, 2)));
    assert_record(0, "[9, +1, 2]");
    assert_int_equal(walked.broken, 0);
}

static void absurd_lengths_make_a_broken_record(void **state)
{
    uint64_t list = heap_shared(&heap, heap_new_list(&heap, 1, NULL));
    uint64_t tuple = heap_shared(&heap, heap_new_tuple(&heap, 1, NULL));
    uint64_t bytes = heap_shared(&heap, heap_new_bytes(&heap, "x", 1));
    uint64_t array = heap_shared(&heap, heap_new_bytearray(&heap, "x", 1));
    uint64_t str = heap_shared(&heap, heap_new_str(&heap, "x"));
    uint64_t dict = heap_shared(&heap, heap_new_dict(&heap, 0, NULL));
    uint64_t set = heap_shared(&heap, heap_new_set(&heap, 0, NULL));
    uint64_t number = heap_shared(&heap, heap_new_int(&heap, 1000));
    (void)state;
    heap_set_word(list, heap.at->var_size, UINT64_C(1) << 50);
    heap_set_word(tuple, heap.at->var_size, (uint64_t)-1);
    heap_set_word(bytes, heap.at->var_size, (uint64_t)-1);
    heap_set_word(array, heap.at->var_size, UINT64_C(1) << 60);
    heap_set_word(str, heap.at->unicode_length, (uint64_t)-1);
    heap_set_word(dict, heap.at->dict_used, (uint64_t)-1);
    heap_set_word(set, heap.at->set_used, (uint64_t)-1);
    heap_set_word(number, heap.at->long_size, INT64_MAX & ~7);
    walk_heap(&walked, &heap, LIST(&heap, list, tuple, bytes, array, str, dict, set, number, heap_new_int(&heap, 9)));
    assert_record(0, "[9, +1, +2, +3, +4, +5, +6, +7, +8, 9]");
    assert_record(1, "[0, 'a sequence of impossible length or place']");
    assert_record(2, "[0, 'a sequence of impossible length or place']");
    assert_record(3, "[0, 'bytes of impossible length']");
    assert_record(4, "[0, 'bytes of impossible length']");
    assert_record(5, "[0, 'a str of impossible length']");
    assert_record(6, "[0, 'a dict of impossible size']");
    assert_record(7, "[0, 'a set of impossible size']");
    assert_record(8, "[0, 'an int of impossible size']");
    assert_int_equal(walked.broken, 8);
}

static void set_list(uint64_t list, uint64_t items, uint64_t length, uint64_t allocated)
{
    heap_set_word(list, heap.at->list_items, items);
    heap_set_word(list, heap.at->var_size, length);
    heap_set_word(list, heap.at->list_items + 8, allocated);
}

/* A length of the bytes object whose end is in the unmapped page. */
static uint64_t bytes_up_to_unmapped(uint64_t bytes)
{
    return heap.unmapped + 16 - bytes - (uint64_t)heap.at->bytes_data;
}

/* Long enough to be plausible, too long to be there. What goes into blocks of its own is written up to the end. */
static void lengths_beyond_the_mapping_cost_what_is_not_there(void **state)
{
    enum { MORE = 1 << 25 };
    uint64_t list = heap_shared(&heap, heap_new_list(&heap, 1, NULL));
    uint64_t array = heap_shared(&heap, heap_new_bytearray(&heap, "x", 1));
    uint64_t bytes = heap_shared(&heap, heap_new_bytes(&heap, "x", 1));
    uint64_t str = heap_shared(&heap, heap_new_wide_str(&heap, "ab", 2, 1));
    uint64_t start = heap_word(array, heap.at->bytearray_start);
    uint8_t *content = malloc(MORE);
    (void)state;
    heap_set_word(heap.unmapped, -8, heap.none);
    set_list(list, heap.unmapped - 8, MORE, MORE);
    heap_set_word(array, heap.at->var_size, MORE);
    heap_set_word(array, heap.at->bytearray_start - 16, MORE + 1);
    heap_set_word(bytes, heap.at->var_size, bytes_up_to_unmapped(bytes));
    heap_set_word(str, heap.at->unicode_length, heap.unmapped - str);
    walk_heap(&walked, &heap, LIST(&heap, list, array, bytes, str, heap_new_int(&heap, 9)));
    assert_record(0, "[9, +1, +2, +3, +4, 9]");
    assert_record(1, "[16, 9, 33554432]");
    assert_string_equal(walked_items(&walked, 1), "nil");
    assert_record(2, "[16, 7, 33554432]");
    assert_int_equal(walked_content(&walked, 2, content, MORE), heap.unmapped - start);
    assert_int_equal(content[0], 'x');
    assert_record(3, "[0, 'bytes that do not end where their length says']");
    assert_record(4, "[0, 'a str that does not end where its length says']");
    assert_int_equal(walked.broken, 2);
    assert_int_equal(walked.missing_values, MORE - 1 + 1);
    free(content);
}

static void items_behind_an_unmapped_page_make_a_broken_record(void **state)
{
    uint64_t list = heap_shared(&heap, heap_new_list(&heap, 3, NULL));
    uint64_t dict = heap_shared(&heap, heap_new_dict(&heap, 0, NULL));
    uint64_t set = heap_shared(&heap, heap_new_set(&heap, 0, NULL));
    uint64_t array = heap_shared(&heap, heap_new_bytearray(&heap, "x", 1));
    (void)state;
    heap_set_word(list, heap.at->list_items, heap.unmapped);
    heap_set_word(dict, heap.at->dict_keys, heap.unmapped);
    heap_set_word(set, heap.at->set_table, heap.unmapped);
    heap_set_word(set, heap.at->set_used, 3);
    heap_set_word(set, heap.at->set_used - 8, 3); /* fill */
    heap_set_word(array, heap.at->bytearray_start - 8, heap.unmapped);
    heap_set_word(array, heap.at->bytearray_start, heap.unmapped);
    walk_heap(&walked, &heap, LIST(&heap, list, dict, set, array));
    for (uint64_t id = 1; id <= 4; id++)
        assert_record(id, "[0, 'not mapped']");
}

/* The last object before an unmapped page is read to its end and not further. */
static void an_object_at_the_end_of_a_mapping_is_whole(void **state)
{
    uint64_t number = heap_last_bytes(&heap, 32), list = heap_new_list(&heap, 0, NULL);
    (void)state;
    memcpy((void *)(uintptr_t)number, (void *)(uintptr_t)heap_new_int(&heap, 12345), 32);
    set_list(list, heap.unmapped - 8, 1, 1);
    uint64_t saved = heap_word(heap.unmapped, -8);
    heap_set_word(heap.unmapped, -8, heap.none);
    walk_heap(&walked, &heap, LIST(&heap, list));
    assert_record(1, "[9, nil]");
    walked_close(&walked);
    heap_set_word(heap.unmapped, -8, saved);
    walk_heap(&walked, &heap, LIST(&heap, number));
    assert_record(0, "[9, 12345]");
}

/* Another byte of a key table of 3.11+. */
static void set_keys_byte(uint64_t dict, int32_t offset, uint8_t value)
{
    *(uint8_t *)(uintptr_t)(heap_word(dict, heap.at->dict_keys) + (uint64_t)offset) = value;
}

static void impossible_dict_tables_make_a_broken_record(void **state)
{
    enum { DICTS = 5 };
    uint64_t key = heap_shared(&heap, heap_new_str(&heap, "k")), dicts[DICTS];
    (void)state;
    for (int i = 0; i < DICTS; i++)
        dicts[i] = heap_shared(&heap, DICT(&heap, key, key));
    if (heap.at->keys_log2) {
        set_keys_byte(dicts[0], heap.at->keys_log2_index_bytes, 200);
        set_keys_byte(dicts[1], heap.at->keys_size, 4); /* of 16 bytes, not 8 */
        set_keys_byte(dicts[2], heap.at->keys_kind, 3);
    } else {
        heap_set_word(heap_word(dicts[0], heap.at->dict_keys), heap.at->keys_size, 77);
        heap_set_word(heap_word(dicts[1], heap.at->dict_keys), heap.at->keys_size, 0);
        heap_set_word(heap_word(dicts[2], heap.at->dict_keys), heap.at->keys_size, 1); /* has no room for an entry */
    }
    heap_set_word(heap_word(dicts[3], heap.at->dict_keys), heap.at->keys_entries_used, 6);     /* of 8 slots 5 */
    heap_set_word(heap_word(dicts[4], heap.at->dict_keys), heap.at->keys_entries_used - 8, 5); /* usable, and 1 used */
    walk_heap(&walked, &heap, heap_new_list(&heap, DICTS, dicts));
    for (uint64_t id = 1; id <= DICTS; id++)
        assert_record(id, "[0, 'a dict table of impossible size']");
}

static void impossible_set_tables_make_a_broken_record(void **state)
{
    uint64_t member = heap_new_int(&heap, 1);
    uint64_t mask = heap_shared(&heap, heap_new_set(&heap, 1, &member));
    uint64_t used = heap_shared(&heap, heap_new_set(&heap, 1, &member));
    uint64_t fill = heap_shared(&heap, heap_new_set(&heap, 1, &member));
    (void)state;
    heap_set_word(mask, heap.at->set_mask, 6);
    heap_set_word(used, heap.at->set_used, 2); /* of 1 that is filled */
    heap_set_word(fill, heap.at->set_used - 8, 8);
    walk_heap(&walked, &heap, LIST(&heap, mask, used, fill));
    assert_record(1, "[0, 'a set table of impossible size']");
    assert_record(2, "[0, 'a set of impossible size']");
    assert_record(3, "[0, 'a set of impossible size']");
}

#define WRONG_END_OF_STR "missing(a str that does not end where its length says)"
#define WRONG_END_OF_BYTES "missing(bytes that do not end where their length says)"
#define DISAGREEMENT "missing(its count is not what it holds)"

/* More members announced than there are: what is there is written, once, and that more may be missing. */
static void counts_that_are_too_high_do_not_lose_the_members(void **state)
{
    uint64_t member = LIST(&heap, heap_new_int(&heap, 1)), other = LIST(&heap, heap_new_int(&heap, 2));
    uint64_t dict = DICT(&heap, heap_new_str(&heap, "a"), member);
    uint64_t set = heap_new_set(&heap, 1, &other);
    (void)state;
    heap_set_word(dict, heap.at->dict_used, 20);
    heap_set_word(set, heap.at->set_used, 5);
    heap_set_word(set, heap.at->set_used - 8, 5); /* fill */
    walk_heap(&walked, &heap, LIST(&heap, dict, set));
    assert_record(1, "[10, 'a', @3, " DISAGREEMENT ", " DISAGREEMENT "]");
    assert_record(2, "[11, @4, " DISAGREEMENT "]");
    assert_record(3, "[9, 1]");
    assert_record(4, "[9, 2]");
    assert_int_equal(walked.objects, 5);
    assert_int_equal(walked.broken, 0);
    assert_int_equal(walked.missing_values, 3);
}

static void counts_that_are_too_low_do_not_lose_the_members(void **state)
{
    uint64_t one = heap_new_int(&heap, 1), two = heap_new_int(&heap, 2), members[] = {one, two};
    uint64_t dict = heap_shared(&heap, DICT(&heap, heap_new_str(&heap, "a"), one, heap_new_str(&heap, "b"), two));
    uint64_t empty = heap_shared(&heap, DICT(&heap, heap_new_str(&heap, "a"), one));
    uint64_t set = heap_shared(&heap, heap_new_set(&heap, 2, members));
    (void)state;
    heap_set_word(dict, heap.at->dict_used, 1);
    heap_set_word(empty, heap.at->dict_used, 0);
    heap_set_word(set, heap.at->set_used, 1);
    walk_heap(&walked, &heap, LIST(&heap, dict, empty, set));
    assert_record(1, "[10, 'a', 1, 'b', 2, " DISAGREEMENT ", " DISAGREEMENT "]");
    assert_record(2, "[10, 'a', 1, " DISAGREEMENT ", " DISAGREEMENT "]");
    assert_record(3, "[11, 1, 2, " DISAGREEMENT "]");
    assert_int_equal(walked.missing_values, 5);
}

/* The same of a dict whose pairs go to blocks of their own. */
static void a_wrong_count_of_a_large_dict_loses_no_pair(void **state)
{
    enum { COUNT = 3000 };
    uint64_t *pairs = malloc(2 * COUNT * sizeof *pairs);
    (void)state;
    for (int i = 0; i < 2 * COUNT; i++)
        pairs[i] = heap_new_int(&heap, 1);
    uint64_t dict = heap_new_dict(&heap, COUNT, pairs);
    heap_set_word(dict, heap.at->dict_used, COUNT - 500);
    walk_heap(&walked, &heap, dict);
    assert_record(0, "[16, 10, 6002]");
    assert_int_equal(strlen(walked_items(&walked, 0)), 2 * 2 * COUNT - 1); /* "1 1 … 1" */
    assert_int_equal(walked.missing_values, 2);
    free(pairs);
}

static void a_list_longer_than_its_memory_costs_itself(void **state)
{
    uint64_t list = heap_shared(&heap, LIST(&heap, heap_new_int(&heap, 1), heap_new_int(&heap, 2)));
    uint64_t sorted = heap_shared(&heap, heap_new_list(&heap, 0, NULL));
    (void)state;
    heap_set_word(list, heap.at->var_size, 3);
    set_list(sorted, 0, 0, (uint64_t)-1); /* while it is sorted */
    walk_heap(&walked, &heap, LIST(&heap, list, sorted));
    assert_record(1, "[0, 'a list whose length exceeds its memory']");
    assert_record(2, "[9]");
}

static void a_bytearray_outside_of_its_memory_costs_itself(void **state)
{
    uint64_t longer = heap_shared(&heap, heap_new_bytearray(&heap, "abc", 3));
    uint64_t before = heap_shared(&heap, heap_new_bytearray(&heap, "abc", 3));
    uint64_t behind = heap_shared(&heap, heap_new_bytearray(&heap, "abc", 3));
    uint64_t inside = heap_shared(&heap, heap_new_bytearray(&heap, "abc", 3));
    int64_t start = heap.at->bytearray_start;
    (void)state;
    heap_set_word(longer, heap.at->var_size, 5);
    heap_set_word(before, start, heap_word(before, start) - 8);
    heap_set_word(behind, start, heap_word(behind, start) + 2);
    heap_set_word(inside, start, heap_word(inside, start) + 1); /* as after `del array[:1]` */
    heap_set_word(inside, heap.at->var_size, 2);
    walk_heap(&walked, &heap, LIST(&heap, longer, before, behind, inside));
    for (uint64_t id = 1; id <= 3; id++)
        assert_record(id, "[0, 'a bytearray whose length exceeds its memory']");
    assert_record(4, "[7, bin(62 63)]");
}

/* A wrong length of a text is told by the zero that does not stand behind it. */
static void text_of_another_length_costs_itself(void **state)
{
    const uint16_t wide[] = {0x6f22, 0x5b57, 0x6f22};
    uint64_t shorter = heap_new_str(&heap, "text"), longer = heap_new_str(&heap, "text");
    uint64_t two = heap_new_wide_str(&heap, wide, 3, 2), bytes = heap_new_bytes(&heap, "abc", 3);
    uint64_t next = heap_new_bytes(&heap, "abc", 3);
    (void)state;
    heap_set_word(shorter, heap.at->unicode_length, 3);
    heap_set_word(longer, heap.at->unicode_length, 5);
    heap_set_word(longer, heap.at->unicode_ascii_size, 0x4142434465666768);
    heap_set_word(two, heap.at->unicode_length, 2);
    heap_set_word(bytes, heap.at->var_size, 2);
    heap_set_word(next, heap.at->var_size, bytes_up_to_unmapped(next));
    walk_heap(&walked, &heap, LIST(&heap, shorter, longer, two, bytes, next, heap_new_int(&heap, 1)));
    assert_record(0, "[9, " WRONG_END_OF_STR ", " WRONG_END_OF_STR ", " WRONG_END_OF_STR ", " WRONG_END_OF_BYTES
                     ", " WRONG_END_OF_BYTES ", 1]");
}

static void a_str_that_is_none_costs_itself(void **state)
{
    uint64_t kind = heap_new_str(&heap, "x"), missing = heap_new_wide_str(&heap, "x", 1, 1);
    (void)state;
    heap_set_u32(kind, heap.at->unicode_state, 7u << heap.at->unicode_kind_shift | 0xffffff00u);
    heap_set_u32(missing, heap.at->unicode_state, 1u << heap.at->unicode_kind_shift); /* not compact: a pointer */
    heap_set_word(missing, heap.at->unicode_data, 0);
    walk_heap(&walked, &heap, LIST(&heap, kind, missing, heap_new_int(&heap, 1)));
    assert_record(0, "[9, missing(a str of unknown kind), missing(a str without characters), 1]");
    assert_int_equal(walked.missing_values, 2);
}

static void characters_that_no_str_has_cost_it(void **state)
{
    enum { LARGE = 2 * PHD_BLOCK_TARGET };
    const uint32_t wild[] = {'a', 0x110000, 'b'}, wild_lone[] = {0xd800, 0xffffffff}, last[] = {0x10ffff};
    uint64_t ascii = heap_new_str(&heap, "0123456789abc"), late = heap_new_str(&heap, "0123456789abc");
    uint64_t kind = heap_new_str(&heap, "x");
    char *text = calloc(LARGE + 1, 1);
    (void)state;
    ((uint8_t *)(uintptr_t)ascii)[heap.at->unicode_ascii_size + 1] = 0x80;
    ((uint8_t *)(uintptr_t)late)[heap.at->unicode_ascii_size + 12] = 0xff;
    heap_set_u32(kind, heap.at->unicode_state,
                 2u << heap.at->unicode_kind_shift |
                     (uint32_t)(heap.at->unicode_compact_mask | heap.at->unicode_ascii_mask));
    memset(text, 'x', LARGE);
    uint64_t large = heap_shared(&heap, heap_new_str(&heap, text));
    ((uint8_t *)(uintptr_t)large)[heap.at->unicode_ascii_size + LARGE - 1] = 0x80;
    walk_heap(&walked, &heap,
              LIST(&heap, heap_new_wide_str(&heap, wild, 3, 4), heap_new_wide_str(&heap, wild_lone, 2, 4),
                   heap_new_wide_str(&heap, last, 1, 4), ascii, late, kind, large));
    assert_record(0,
                  "[9, missing(a str with a character beyond Unicode), missing(a str with a character beyond Unicode), "
                  "'\U0010FFFF', missing(a str that claims to be ASCII and is not), missing(a str that claims to be "
                  "ASCII and is not), missing(a str whose kind is not that of ASCII), +1]");
    assert_record(1, "[16, 5, 524288]");
    assert_int_equal(walked_content(&walked, 1, text, LARGE), PHD_BLOCK_TARGET); /* the blocks before */
    assert_int_equal(walked.missing_values, 6);
    free(text);
}

static void an_impossible_tag_of_an_int_costs_the_value(void **state)
{
    uint64_t number = heap_new_int(&heap, 1000), zero = heap_new_int(&heap, 1000), none = heap_new_int(&heap, 1000);
    (void)state;
    if (!heap.at->long_tagged)
        return; /* before 3.12 every size is possible */
    heap_set_word(number, heap.at->long_size, 1 << 3 | 3);
    heap_set_word(zero, heap.at->long_size, 1 << 3 | 1);
    heap_set_word(none, heap.at->long_size, 2);
    walk_heap(&walked, &heap, LIST(&heap, number, zero, none, heap_new_int(&heap, 2)));
    assert_record(0,
                  "[9, missing(an int with an impossible tag), missing(an int with an impossible tag), missing(an int "
                  "with an impossible tag), 2]");
}

static void impossible_digits_of_an_int_cost_the_value(void **state)
{
    uint64_t wide = heap_new_int(&heap, 1000), high = heap_new_int(&heap, INT64_C(1) << 40);
    uint64_t big = heap_new_big_int(&heap, 5, 77), big_zero = heap_new_big_int(&heap, 5, 77);
    (void)state;
    heap_set_u32(wide, heap.at->long_digits, UINT32_C(1) << 30);
    heap_set_u32(high, heap.at->long_digits + 4, 0);
    heap_set_u32(big, heap.at->long_digits + 8, UINT32_C(1) << 31);
    heap_set_u32(big_zero, heap.at->long_digits + 16, 0);
    walk_heap(&walked, &heap, LIST(&heap, wide, high, big, big_zero, heap_new_int(&heap, 2)));
    assert_record(0,
                  "[9, missing(an int with an impossible digit), missing(an int with an impossible digit), missing(an "
                  "int with an impossible digit), missing(an int with an impossible digit), 2]");
}

static void a_bool_that_is_neither_costs_the_value(void **state)
{
    uint64_t two = heap_new_object(&heap, heap.bool_, 32), empty = heap_new_object(&heap, heap.bool_, 32);
    (void)state;
    heap_set_word(two, heap.at->long_size, heap.at->long_tagged ? 1 << 3 : 1);
    heap_set_u32(two, heap.at->long_digits, 2);
    heap_set_word(empty, heap.at->long_size, heap.at->long_tagged ? 1 << 3 : 1);
    walk_heap(&walked, &heap, LIST(&heap, two, empty, heap.true_));
    assert_record(0, "[9, missing(a bool that is neither True nor False), missing(a bool that is neither True nor "
                     "False), true]");
}

/* An int is no reason to lose what stands beside it, however large it is. */
static void a_huge_int_costs_itself(void **state)
{
    uint64_t huge = heap_new_big_int(&heap, 500000, 1), large = heap_new_big_int(&heap, 20000, 1);
    (void)state;
    walk_heap(&walked, &heap, LIST(&heap, heap_new_int(&heap, 1), huge, large, heap_new_int(&heap, 2)));
    assert_record(0, "[9, 1, +1, +2, 2]");
    assert_record(1, "[0, 'an int too large for one record']");
    assert_true(strncmp(walked_record(&walked, 2), "[2, int(01 00 00 40", 19) == 0);
}

/* Each list holds the next one and a broken pointer. A record that is written again must not meet its values again:
 * the next list would be written twice, the one after it four times … */
static void broken_values_do_not_multiply_what_is_behind_them(void **state)
{
    enum { DEPTH = 200 };
    uint64_t list = heap_new_list(&heap, 0, NULL);
    (void)state;
    for (int i = 1; i < DEPTH; i++)
        list = LIST(&heap, list, heap.unmapped);
    walk_heap(&walked, &heap, list);
    assert_record(0, "[9, @1, missing(not mapped)]");
    assert_record(DEPTH - 2, "[9, @199, missing(not mapped)]");
    assert_record(DEPTH - 1, "[9]");
    assert_int_equal(walked.objects, DEPTH);
    assert_int_equal(walked.missing_values, DEPTH - 1);
}

/* The same, where the record cannot be saved: what it led to before it broke is there once. */
static void a_broken_record_leaves_no_copies(void **state)
{
    uint64_t set_member = LIST(&heap, heap_new_int(&heap, 1));
    uint64_t set = heap_new_set(&heap, 1, &set_member);
    (void)state;
    heap_set_word(set, heap.at->set_used, 5);
    heap_set_word(set, heap.at->set_used - 8, 5);         /* fill */
    heap_set_word(set, heap.at->set_mask, (1 << 24) - 1); /* runs into the unmapped page */
    walk_heap(&walked, &heap, LIST(&heap, set));
    assert_record(1, "[0, 'not mapped']");
    assert_record(2, "[9, 1]");
    assert_int_equal(walked.objects, 3);
}

/* A tuple tells nothing of its memory: one that claims to have more items than it has ends where no item is to be seen any
 * more. */
static void a_large_tuple_ends_where_its_items_do(void **state)
{
    enum { CLAIMED = 100000, THERE = 5, GARBAGE = 4096 };
    uint64_t tuple = heap_shared(&heap, heap_new_tuple(&heap, CLAIMED, NULL));
    (void)state;
    for (int i = 0; i < GARBAGE; i++)
        heap_set_word(tuple, heap.at->tuple_items + 8 * i, i < THERE ? heap.none : 8);
    walk_heap(&walked, &heap, LIST(&heap, tuple));
    assert_record(1, "[16, 8, 100000]");
    assert_memory_equal(walked_items(&walked, 1), "nil nil nil nil nil missing(not a user-space address)", 53);
    assert_int_equal(walked.missing_values, CLAIMED - THERE);
}

/* A large list with a broken item: its ITEMS blocks must follow on one another although the record was begun twice. */
static void a_broken_value_of_a_large_list_costs_itself(void **state)
{
    enum { COUNT = 200000, BROKEN = 150000 };
    uint64_t *items = malloc(COUNT * sizeof *items);
    (void)state;
    for (int i = 0; i < COUNT; i++)
        items[i] = heap_new_int(&heap, 1);
    items[BROKEN] = heap.unmapped;
    walk_heap(&walked, &heap, heap_new_list(&heap, COUNT, items));
    assert_record(0, "[16, 9, 200000]");
    const char *text = walked_items(&walked, 0);
    for (int i = 0; i < BROKEN; i++)
        assert_memory_equal(text + 2 * i, "1 ", 2);
    assert_memory_equal(text + 2 * BROKEN, "missing(not mapped) 1 1 ", 24);
    assert_int_equal(walked.missing_values, 1);
    free(items);
}

static const struct phd_field *field_of(const struct phd_struct_type *row, const char *name)
{
    for (unsigned i = 0; i < row->count; i++) {
        if (strcmp(heap.at->fields[row->first + i].name, name) == 0)
            return &heap.at->fields[row->first + i];
    }
    fail_msg("no field %s", name);
    return NULL;
}

/* A deque of two blocks with `count` items from `first` on; the second block ends it at `last`. */
static uint64_t new_deque(uint64_t first, uint64_t count, uint64_t last, uint64_t blocks[2])
{
    enum { BLOCK_BYTES = 8 * (1 + 64 + 1), RIGHT = 8 * 65 };
    static const char *const names[] = {"_leftblock", "_leftindex", "_size", "_rightblock", "_rightindex"};
    const struct phd_struct_type *row = heap.at->types;
    while (strcmp(row->name, "collections.deque") != 0)
        row++;
    uint64_t type = heap_new_type(&heap, row->name, heap.object, (uint64_t)row->basicsize, 0);
    uint64_t deque = heap_shared(&heap, heap_new_object(&heap, type, (size_t)row->basicsize));
    for (int i = 0; i < 2; i++)
        blocks[i] = heap_bytes(&heap, BLOCK_BYTES);
    heap_set_word(blocks[0], RIGHT, blocks[1]);
    heap_set_word(blocks[1], 0, blocks[0]);
    const uint64_t values[] = {blocks[0], first, count, blocks[1], last};
    for (int i = 0; i < 5; i++)
        heap_set_word(deque, field_of(row, names[i])->offset, values[i]);
    for (int i = 0; i < 64; i++) {
        heap_set_word(blocks[0], 8 + 8 * i, heap.none);
        heap_set_word(blocks[1], 8 + 8 * i, heap.true_);
    }
    return deque;
}

/* The number of items of a deque is not bounded by any memory: its blocks may lead back into themselves. */
static void a_deque_that_runs_in_circles_costs_itself(void **state)
{
    enum { ITEMS = 66 };
    uint64_t blocks[2];
    (void)state;
    uint64_t sound = new_deque(63, 3, 1, blocks);
    uint64_t circle = new_deque(0, UINT64_C(1) << 40, 63, blocks);
    heap_set_word(blocks[1], 8 * 65, blocks[0]);
    uint64_t itself = new_deque(0, UINT64_C(1) << 40, 63, blocks);
    heap_set_word(blocks[1], 8 * 65, blocks[1]);
    uint64_t longer = new_deque(0, ITEMS, 2, blocks), begin = new_deque(64, 2, 1, blocks);
    walk_heap(&walked, &heap, LIST(&heap, sound, circle, itself, longer, begin));
    assert_non_null(strstr(walked_record(&walked, 1), "[9, nil, true, true]"));
    for (uint64_t id = 2; id <= 5; id++)
        assert_non_null(
            strstr(walked_record(&walked, id), "missing(a deque whose blocks are not those of its length)"));
}

/* Two strides of one byte: 2^40 elements, each of which can be read. */
static void an_array_larger_than_its_memory_costs_itself(void **state)
{
    static const char *const names[] = {"buf", "itemsize", "_shape", "_strides"};
    const struct phd_struct_type *row = heap.at->types;
    (void)state;
    while (strcmp(row->name, "memoryview") != 0)
        row++;
    uint64_t type = heap_new_type(&heap, row->name, heap.object, (uint64_t)row->basicsize, 0);
    uint64_t view = heap_shared(&heap, heap_new_object(&heap, type, (size_t)row->basicsize));
    uint64_t shape = heap_bytes(&heap, 16), strides = heap_bytes(&heap, 16);
    const uint64_t values[] = {heap_bytes(&heap, 1 << 21), 1, shape, strides};
    for (int i = 0; i < 4; i++)
        heap_set_word(view, field_of(row, names[i])->offset, values[i]);
    heap_set_u32(view, field_of(row, "ndim")->offset, 2);
    for (int i = 0; i < 2; i++) {
        heap_set_word(shape, 8 * i, 1 << 20);
        heap_set_word(strides, 8 * i, 1);
    }
    walk_heap(&walked, &heap, LIST(&heap, view));
    assert_non_null(strstr(walked_record(&walked, 1), "missing(an array of impossible size)"));
}

/* Small records fill the block almost, then comes one that leaves no room for the column of addresses. */
static void a_block_has_room_for_its_column(void **state)
{
    enum { SMALL = 30000, DIGITS = 130000 };
    uint64_t *items = malloc((SMALL + 1) * sizeof *items);
    (void)state;
    for (int i = 0; i < SMALL; i++)
        items[i] = heap_shared(&heap, heap_new_list(&heap, 0, NULL));
    items[SMALL] = heap_shared(&heap, heap_new_big_int(&heap, DIGITS, 1));
    uint64_t low = heap_new_list(&heap, SMALL + 1, items);
    walk_heap(&walked, &heap, low);
    assert_whole(SMALL + 2);
    assert_int_equal(walked_address(&walked, SMALL + 1), items[SMALL]);
    assert_true(strncmp(walked_record(&walked, SMALL + 1), "[2, int(01 00 00 40", 19) == 0);
    free(items);
}

/* Not one word of an opaque object may be trusted. */
static void words_of_opaque_objects_are_only_followed_when_proved(void **state)
{
    uint64_t opaque = heap_new_type(&heap, "some.Opaque", heap.object, 80, 0);
    uint64_t instance = heap_shared(&heap, heap_new_object(&heap, opaque, 80));
    uint64_t fake = heap_new_object(&heap, heap_new_object(&heap, heap.unmapped, 32), 32);
    (void)state;
    heap_set_word(instance, 16, heap.unmapped);
    heap_set_word(instance, 24, fake);
    heap_set_word(instance, 32, (uint64_t)-1);
    heap_set_word(instance, 40, instance + 16); /* into itself */
    heap_set_word(instance, 48, heap_new_object(&heap, heap.none, 32));
    heap_set_word(instance, 56, instance);
    walk_heap(&walked, &heap, instance);
    assert_record(0, "[1, +1, nil, nil, nil, [56, @0]]");
    assert_int_equal(walked.broken, 0);
}

/* A count that no object in use has is told, and costs nothing. */
static void freed_objects_are_told_and_shown(void **state)
{
    uint64_t zero = heap_new_list(&heap, 0, NULL), pointer = heap_new_list(&heap, 0, NULL);
    uint64_t sound = heap_new_list(&heap, 0, NULL), many = heap_new_list(&heap, 0, NULL);
    (void)state;
    heap_set_word(zero, heap.at->object_refcnt, 0);
    heap_set_word(pointer, heap.at->object_refcnt, 0x7f1234567890);
    heap_set_word(many, heap.at->object_refcnt, 0xffffffff); /* 3.12: immortal */
    walk_heap(&walked, &heap, LIST(&heap, zero, pointer, sound, many));
    assert_record(0, "[9, +1, +2, +3, +4]");
    assert_whole(5);
    assert_int_equal(walked.suspects, 2);
}

static void redact(struct phd_walk *walk)
{
    walk->redaction.wanted = true;
}

/* Looking for secret names must not cost more than the broken name either. */
static void a_broken_key_costs_itself_also_under_redaction(void **state)
{
    uint64_t dict = DICT(&heap, heap.unmapped, heap_new_int(&heap, 1), heap_new_str(&heap, "password"), heap.unmapped,
                         heap_new_str(&heap, "b"), heap_new_int(&heap, 2));
    (void)state;
    walk_heap_with(&walked, &heap, dict, redact);
    assert_record(0, "[10, missing(not mapped), 1, 'password', missing(not mapped), 'b', 2]");
    assert_int_equal(walked.broken, 0);
}

static uint64_t random_state = 0x2545F4914F6CDD1D;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t rich_heap(void)
{
    uint64_t shared = heap_shared(&heap, LIST(&heap, heap_new_int(&heap, 1)));
    const uint16_t wide[] = {0x6f22, 0xd800};
    uint64_t members[] = {heap_new_str(&heap, "m"), shared};
    uint64_t opaque = heap_new_type(&heap, "some.Opaque", heap.object, 64, 0);
    uint64_t instance = heap_new_object(&heap, opaque, 64);
    heap_set_word(instance, 24, shared);
    uint64_t dict = DICT(&heap, heap_new_str(&heap, "key"), heap_new_float(&heap, 1.5), shared, instance);
    return heap_shared(&heap, TUPLE(&heap, shared, dict, heap_new_set(&heap, 2, members), heap_new_int(&heap, 1 << 30),
                                    heap_new_wide_str(&heap, wide, 2, 2), heap_new_bytearray(&heap, "abc", 3),
                                    heap_new_big_int(&heap, 5, 77), heap.none, heap.true_, heap.list));
}

/* Words of a sound heap replaced at random: by other addresses of it, by small numbers, by noise. Whatever comes out, the
 * walk ends, and the reader takes every record of the dump. */
static void random_damage_never_harms_the_dump(void **state)
{
    uint64_t root = rich_heap();
    uint8_t *sound = malloc(heap.used);
    uint64_t start = (uint64_t)(uintptr_t)heap.pages;
    (void)state;
    memcpy(sound, heap.pages, heap.used);
    for (int round = 0; round < 400; round++) {
        memcpy(heap.pages, sound, heap.used);
        for (int change = 0; change < 1 + round % 12; change++) {
            uint64_t random = next_random(), kind = random >> 60;
            uint64_t value = kind < 6    ? start + random % heap.used / 8 * 8
                             : kind < 10 ? random % 64
                             : kind < 12 ? heap.unmapped - 8 * (random % 3)
                             : kind < 14 ? (uint64_t)1 << random % 64
                                         : random;
            heap_set_word(start, (int64_t)(next_random() % (heap.used / 8) * 8), value);
        }
        walk_heap_with(&walked, &heap, root, round % 2 ? redact : NULL);
        for (uint64_t id = 0; id < walked.objects; id++)
            assert_string_not_equal(walked_record(&walked, id), "");
        assert_int_equal(walked.known, walked.objects);
        walked_close(&walked);
    }
    walked.reader = NULL;
    free(sound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAP_CASE(a_value_in_an_unmapped_page_costs_itself),
        HEAP_CASE(addresses_that_no_object_has_cost_themselves),
        HEAP_CASE(a_wrong_type_pointer_costs_the_value),
        HEAP_CASE(an_impossible_number_of_items_costs_the_instance),
        HEAP_CASE(a_type_that_contradicts_itself_costs_its_instances),
        HEAP_CASE(a_type_whose_bases_form_a_cycle_is_learned),
        HEAP_CASE(absurd_lengths_make_a_broken_record),
        HEAP_CASE(lengths_beyond_the_mapping_cost_what_is_not_there),
        HEAP_CASE(items_behind_an_unmapped_page_make_a_broken_record),
        HEAP_CASE(an_object_at_the_end_of_a_mapping_is_whole),
        HEAP_CASE(impossible_dict_tables_make_a_broken_record),
        HEAP_CASE(impossible_set_tables_make_a_broken_record),
        HEAP_CASE(counts_that_are_too_high_do_not_lose_the_members),
        HEAP_CASE(counts_that_are_too_low_do_not_lose_the_members),
        HEAP_CASE(a_wrong_count_of_a_large_dict_loses_no_pair),
        HEAP_CASE(a_list_longer_than_its_memory_costs_itself),
        HEAP_CASE(a_bytearray_outside_of_its_memory_costs_itself),
        HEAP_CASE(text_of_another_length_costs_itself),
        HEAP_CASE(a_str_that_is_none_costs_itself),
        HEAP_CASE(characters_that_no_str_has_cost_it),
        HEAP_CASE(an_impossible_tag_of_an_int_costs_the_value),
        HEAP_CASE(impossible_digits_of_an_int_cost_the_value),
        HEAP_CASE(a_bool_that_is_neither_costs_the_value),
        HEAP_CASE(a_huge_int_costs_itself),
        HEAP_CASE(broken_values_do_not_multiply_what_is_behind_them),
        HEAP_CASE(a_broken_record_leaves_no_copies),
        HEAP_CASE(a_large_tuple_ends_where_its_items_do),
        HEAP_CASE(a_broken_value_of_a_large_list_costs_itself),
        HEAP_CASE(a_deque_that_runs_in_circles_costs_itself),
        HEAP_CASE(an_array_larger_than_its_memory_costs_itself),
        HEAP_CASE(a_block_has_room_for_its_column),
        HEAP_CASE(words_of_opaque_objects_are_only_followed_when_proved),
        HEAP_CASE(freed_objects_are_told_and_shown),
        HEAP_CASE(a_broken_key_costs_itself_also_under_redaction),
        HEAP_CASE(random_damage_never_harms_the_dump),
    };
    return run_on_layouts("broken heaps", tests, sizeof tests / sizeof tests[0]);
}
