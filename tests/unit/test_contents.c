/* SPDX-License-Identifier: Apache-2.0
 *
 * What one record tells of its object: sizes, elements, references. The records are written here byte by byte, as
 * docs/format.md has them.
 */
#include <string.h>

#include "graph/contents.h"
#include "support/cmocka_header.h"

struct references {
    uint64_t first[16], count[16];
    size_t told;
};

static void note(void *argument, uint64_t first, uint64_t count)
{
    struct references *references = argument;
    assert_true(references->told < 16);
    references->first[references->told] = first;
    references->count[references->told++] = count;
}

static struct phd__contents read_record(const void *record, size_t size, uint64_t id, struct references *references)
{
    struct phd__contents contents = {.id = id, .tell = note, .argument = references};
    struct phd__cursor cursor = {record, (const uint8_t *)record + size};
    memset(references, 0, sizeof *references);
    phd__contents_of_record(cursor, &contents);
    return contents;
}

#define READ(text, id, references) read_record(text, sizeof(text) - 1, id, references)

static void test_texts(void **state)
{
    (void)state;
    struct references references;
    assert_int_equal(READ("\x92\x05\xa5hello", 1, &references).own, 41 + 5);
    assert_int_equal(READ("\x92\x06\xc4\x03\x01\x02\x03", 1, &references).own, 33 + 3);
    struct phd__contents split = READ("\x93\x10\x05\xcd\x10\x00", 1, &references);
    assert_int_equal(split.own, 41 + 4096);
    assert_int_equal(split.elements, 0);
    assert_int_equal(references.told, 0);
}

static void test_a_list(void **state)
{
    (void)state;
    struct references references;
    /* [9, <+1>, <id 7>, run of 3 from 20, "ab", 5, 1000] of object 4 */
    struct phd__contents list = READ("\x97\x09\xd4\x01\x01\xd4\x02\x07\xd8\x03"
                                     "\0\0\0\0\0\0\0\x14\0\0\0\0\0\0\0\x03"
                                     "\xa2"
                                     "ab\x05\xcd\x03\xe8",
                                     4, &references);
    assert_int_equal(list.code, PHD__RECORD_LIST);
    assert_int_equal(list.elements, 8);
    assert_int_equal(list.own, 56 + 8 * 8);
    assert_int_equal(list.leaves, 41 + 2 + 28); /* the 5 is one for the whole process */
    assert_int_equal(references.told, 3);
    assert_int_equal(references.first[0], 5);
    assert_int_equal(references.first[1], 7);
    assert_int_equal(references.first[2], 20);
    assert_int_equal(references.count[2], 3);
}

static void test_a_dict_in_pieces(void **state)
{
    (void)state;
    struct references references;
    struct phd__contents dict = READ("\x93\x10\x0a\xcd\x20\x00", 1, &references); /* 8192 keys and values */
    assert_int_equal(dict.elements, 4096);
    assert_int_equal(dict.own, 64 + 24 * 4096);
    static const uint8_t items[] = {0xa1, 'k', 0xd4, 2, 9};
    phd__contents_add_items((struct phd__cursor){items, items + sizeof items}, &dict);
    assert_int_equal(dict.leaves, 42);
    assert_int_equal(references.told, 1);
    assert_int_equal(references.first[0], 9);
}

static void test_an_instance(void **state)
{
    (void)state;
    struct references references;
    /* [1, <id 2>, [9, <id 3>], {"a": <id 4>}, [<id 5>, nil], [16, <id 6>]] */
    struct phd__contents instance = READ("\x96\x01\xd4\x02\x02\x92\x09\xd4\x02\x03\x81\xa1"
                                         "a\xd4\x02\x04\x92\xd4\x02\x05\xc0\x92\x10\xd4\x02\x06",
                                         1, &references);
    assert_int_equal(instance.type, 2);
    assert_int_equal(instance.elements, 1);
    assert_int_equal(instance.own, 8 + 8); /* an element and an attribute; the fixed part is the type's */
    assert_int_equal(instance.leaves, 42);
    assert_int_equal(references.told, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(references.first[i], 3 + i);
}

static void test_facts(void **state)
{
    (void)state;
    struct references references;
    /* [13, {"basicsize": 48, "dict": <id 3>}] */
    struct phd__contents type = READ("\x92\x0d\x82\xa9"
                                     "basicsize\x30\xa4"
                                     "dict\xd4\x02\x03",
                                     1, &references);
    assert_int_equal(type.basicsize, 48);
    assert_int_equal(type.type, PHD__NO_ID);
    assert_int_equal(references.told, 1);
    /* [1, <id 2>, [17, nil, {"content": [16, 6, 1000]}]]: an array */
    struct phd__contents array = READ("\x93\x01\xd4\x02\x02\x93\x11\xc0\x81\xa7"
                                      "content\x93\x10\x06\xcd\x03\xe8",
                                      1, &references);
    assert_int_equal(array.own, 1000);
}

/* What a view shares is its owner's. */
static void test_shared(void **state)
{
    (void)state;
    struct references references;
    /* [1, <id 2>, [17, nil, {"content": [18, 6, 1000, nil, <id 3>, 0, 900, <id 1>, 900, 60, nil, 0, 40]}]] */
    struct phd__contents view = READ("\x93\x01\xd4\x02\x02\x93\x11\xc0\x81\xa7"
                                     "content\x9d\x12\x06\xcd\x03\xe8\xc0\xd4\x02\x03\x00\xcd\x03\x84"
                                     "\xd4\x02\x01\xcd\x03\x84\x3c\xc0\x00\x28",
                                     1, &references);
    assert_int_equal(view.own, 60);
    assert_int_equal(references.told, 2);
    assert_int_equal(references.first[0], 3);
}

/* Whatever a record says, and wherever it ends: nothing is read beyond it. */
static void test_damage(void **state)
{
    (void)state;
    static const char record[] = "\x96\x01\xd4\x02\x02\x92\x09\xd4\x02\x03\x81\xa1"
                                 "a\xd4\x02\x04\x92\xd4\x02\x05\xc0\x92\x10\xd4\x02\x06";
    struct references references;
    for (size_t size = 0; size < sizeof record; size++) {
        uint8_t *copy = test_malloc(size + 1);
        memcpy(copy, record, size);
        read_record(copy, size, 1, &references);
        test_free(copy);
    }
    assert_int_equal(READ("\x93\x10\x05\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 1, &references).own, 0);
    assert_int_equal(READ("\x91\x91\x91\x91\x91\x91", 1, &references).own, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),       cmocka_unit_test(test_a_list), cmocka_unit_test(test_a_dict_in_pieces),
        cmocka_unit_test(test_an_instance), cmocka_unit_test(test_facts),  cmocka_unit_test(test_shared),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
