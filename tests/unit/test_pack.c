/* SPDX-License-Identifier: Apache-2.0
 *
 * The packer: msgpack and the extension types of docs/format.md section 3, read back by the reader's parser.
 */
#include <math.h>

#include "encode/pack.h"
#include "support/cmocka_header.h"
#include "support/show.h"

static uint8_t storage[4096];

static struct phd_buffer buffer_of(size_t capacity)
{
    memset(storage, 0xa5, sizeof storage);
    return (struct phd_buffer){storage, 0, capacity, false};
}

static void assert_packed(const struct phd_buffer *buffer, const char *expected)
{
    assert_false(buffer->overflow);
    assert_string_equal(show(buffer->data, buffer->used), expected);
    assert_int_equal(buffer->data[buffer->capacity], 0xa5);
}

static void plain_values_come_back(void **state)
{
    struct phd_buffer to = buffer_of(1000);
    (void)state;
    phd__pack_nil(&to);
    phd__pack_true(&to);
    phd__pack_false(&to);
    phd__pack_int64(&to, 0);
    phd__pack_int64(&to, INT64_MIN);
    phd__pack_uint64(&to, UINT64_MAX);
    phd__pack_int64(&to, -33);
    phd__pack_double(&to, -2.5);
    phd__pack_text(&to, "text");
    phd__pack_text(&to, "");
    phd__pack_bytes(&to, "\0\xff", 2);
    phd__pack_bytes(&to, NULL, 0);
    assert_packed(&to,
                  "nil true false 0 -9223372036854775808 18446744073709551615 -33 -2.5 'text' '' bin(00 ff) bin()");
}

static void containers_come_back(void **state)
{
    struct phd_buffer to = buffer_of(1000);
    (void)state;
    phd__pack_array(&to, 3);
    phd__pack_map(&to, 1);
    phd__pack_text(&to, "key");
    phd__pack_array(&to, 0);
    phd__pack_uint32(&to, 70000);
    phd__pack_absent(&to);
    assert_packed(&to, "[{key: []}, 70000, absent]");
}

/* Numbers take the fewest of 1, 2, 4 and 8 bytes. */
static void references_take_the_bytes_they_need(void **state)
{
    static const struct {
        uint64_t number;
        size_t size;
        const char *text;
    } cases[] = {
        {0, 3, "@0"},
        {0xff, 3, "@255"},
        {0x100, 4, "@256"},
        {0xffff, 4, "@65535"},
        {0x10000, 6, "@65536"},
        {0xffffffff, 6, "@4294967295"},
        {0x100000000, 10, "@4294967296"},
        {UINT64_MAX, 10, "@18446744073709551615"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct phd_buffer to = buffer_of(1000);
        phd__pack_reference(&to, cases[i].number);
        assert_packed(&to, cases[i].text);
        assert_int_equal(to.used, cases[i].size);
    }
}

static void extensions_come_back(void **state)
{
    struct phd_buffer to = buffer_of(1000);
    (void)state;
    phd__pack_forward(&to, 1);
    phd__pack_run(&to, 5, UINT64_C(1) << 33);
    phd__pack_address(&to, 0x7f00deadbeef);
    phd__pack_absent(&to);
    phd__pack_complex(&to, (const double[]){1.5, -0.25});
    phd__pack_missing(&to, "not mapped", 0x7f00deadbeef);
    phd__pack_ext(&to, 2, PHD_EXT_INT);
    phd__buffer_append(&to, "\x12\x34", 2);
    phd__pack_ext(&to, 3, PHD_EXT_SURROGATES);
    phd__buffer_append(&to, "\xed\xa0\x80", 3);
    assert_packed(&to, "+1 run(5, 8589934592) 0x7f00deadbeef absent complex(1.5, -0.25) missing(not mapped) int(12 34) "
                       "surrogates(ed a0 80)");
}

static void special_doubles_keep_their_bits(void **state)
{
    struct phd_buffer to = buffer_of(1000);
    struct phd__token token;
    static const double values[] = {-0.0, INFINITY, -INFINITY, 5e-324, NAN};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        phd__pack_double(&to, values[i]);
    struct phd__cursor cursor = {to.data, to.data + to.used};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_true(phd__token_next(&cursor, &token));
        assert_int_equal(token.type, PHD__TOKEN_FLOAT);
        assert_memory_equal(&token.value.d, &values[i], sizeof values[i]);
    }
}

/* Whatever the room, no byte behind it is touched, and what does not fit is told. */
static void nothing_is_written_behind_the_capacity(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 120; capacity++) {
        struct phd_buffer to = buffer_of(capacity);
        phd__pack_array(&to, 7);
        phd__pack_reference(&to, UINT64_MAX);
        phd__pack_missing(&to, "some reason", UINT64_MAX);
        phd__pack_run(&to, 1, 2);
        phd__pack_complex(&to, (const double[]){1, 2});
        phd__pack_double(&to, 1);
        phd__pack_text(&to, "0123456789012345");
        phd__pack_absent(&to);
        for (size_t i = capacity; i < sizeof storage; i++)
            assert_int_equal(storage[i], 0xa5);
        assert_true(to.used <= capacity);
        if (!to.overflow)
            assert_string_equal(show(to.data, to.used),
                                "[@18446744073709551615, missing(some reason), run(1, 2), complex(1, 2), 1, "
                                "'0123456789012345', absent]");
    }
}

static void all_of_it_fits_into_exactly_its_size(void **state)
{
    struct phd_buffer to = buffer_of(1000);
    (void)state;
    phd__pack_text(&to, "0123456789012345");
    size_t size = to.used;
    to = buffer_of(size);
    phd__pack_text(&to, "0123456789012345");
    assert_false(to.overflow);
    to = buffer_of(size - 1);
    phd__pack_text(&to, "0123456789012345");
    assert_true(to.overflow);
}

static void room_is_reserved_or_refused(void **state)
{
    struct phd_buffer to = buffer_of(10);
    (void)state;
    assert_ptr_equal(phd__buffer_reserve(&to, 10), storage);
    to.used = 4;
    assert_ptr_equal(phd__buffer_reserve(&to, 6), storage + 4);
    assert_false(to.overflow);
    assert_null(phd__buffer_reserve(&to, 7));
    assert_true(to.overflow);
    to.overflow = false;
    assert_null(phd__buffer_reserve(&to, SIZE_MAX));
    assert_true(to.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values_come_back),
        cmocka_unit_test(containers_come_back),
        cmocka_unit_test(references_take_the_bytes_they_need),
        cmocka_unit_test(extensions_come_back),
        cmocka_unit_test(special_doubles_keep_their_bits),
        cmocka_unit_test(nothing_is_written_behind_the_capacity),
        cmocka_unit_test(all_of_it_fits_into_exactly_its_size),
        cmocka_unit_test(room_is_reserved_or_refused),
    };
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
