/* SPDX-License-Identifier: Apache-2.0
 *
 * The bounded text builder: numbers, dates, cutting, error records.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "safe/text.h"
#include "support/cmocka_header.h"

struct built {
    char storage[64];
    struct phd_text text;
};

static void begin(struct built *built, size_t capacity)
{
    memset(built->storage, '#', sizeof built->storage);
    phd__text_init(&built->text, built->storage, capacity);
}

static void assert_built(struct built *built, const char *expected)
{
    assert_int_equal(built->text.used, strlen(expected));
    assert_memory_equal(built->storage, expected, strlen(expected));
    assert_int_equal(built->storage[built->text.capacity], '#'); /* nothing beyond the capacity */
}

static void numbers_are_written_in_decimal_and_hex(void **state)
{
    struct built built;
    (void)state;
    begin(&built, 63);
    phd__text_unsigned(&built.text, 0);
    phd__text_string(&built.text, " ");
    phd__text_unsigned(&built.text, UINT64_MAX);
    phd__text_string(&built.text, " ");
    phd__text_signed(&built.text, INT64_MIN);
    assert_built(&built, "0 18446744073709551615 -9223372036854775808");
    begin(&built, 63);
    phd__text_signed(&built.text, -1);
    phd__text_hex(&built.text, 0xbeef, 8);
    phd__text_hex(&built.text, UINT64_MAX, 1);
    phd__text_padded(&built.text, 7, 3);
    phd__text_padded(&built.text, 1234, 3);
    assert_false(built.text.full);
    assert_built(&built, "-10000beefffffffffffffffff0071234");
}

static void what_does_not_fit_is_cut_and_told(void **state)
{
    struct built built;
    (void)state;
    begin(&built, 5);
    phd__text_string(&built.text, "12345");
    assert_false(built.text.full);
    phd__text_string(&built.text, "");
    assert_false(built.text.full);
    phd__text_unsigned(&built.text, 67);
    assert_true(built.text.full);
    assert_built(&built, "12345");
    begin(&built, 3);
    phd__text_unsigned(&built.text, 987654);
    assert_true(built.text.full);
    assert_built(&built, "987");
}

static void assert_date(int64_t seconds, const char *expected)
{
    struct built built;
    begin(&built, 63);
    phd__text_date(&built.text, seconds * 1000000000);
    assert_built(&built, expected);
}

static void known_dates_are_right(void **state)
{
    (void)state;
    assert_date(0, "Thu, 01 Jan 1970 00:00:00 +0000");
    assert_date(951782400, "Tue, 29 Feb 2000 00:00:00 +0000");
    assert_date(951868799, "Tue, 29 Feb 2000 23:59:59 +0000");
    assert_date(1234567890, "Fri, 13 Feb 2009 23:31:30 +0000");
    assert_date(1709164800, "Thu, 29 Feb 2024 00:00:00 +0000");
    assert_date(1795248000, "Sat, 21 Nov 2026 08:00:00 +0000");
    assert_date(4107542400, "Mon, 01 Mar 2100 00:00:00 +0000"); /* 2100 is no leap year */
    assert_date(-1, "Wed, 31 Dec 1969 23:59:59 +0000");
    assert_date(-86400, "Wed, 31 Dec 1969 00:00:00 +0000");
}

/* One day and some seconds apart, over 400 years, against the C library's calendar. */
static void dates_agree_with_strftime(void **state)
{
    (void)state;
    for (int64_t seconds = -6000000000; seconds < 9000000000; seconds += 86400 * 9 + 3671) {
        char expected[64];
        struct tm broken_down;
        time_t clock = (time_t)seconds;
        assert_non_null(gmtime_r(&clock, &broken_down));
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S +0000", &broken_down);
        assert_date(seconds, expected);
    }
}

static void strings_are_compared_whole(void **state)
{
    (void)state;
    assert_true(phd__string_equal("", ""));
    assert_true(phd__string_equal("list", "list"));
    assert_false(phd__string_equal("list", "lis"));
    assert_false(phd__string_equal("lis", "list"));
    assert_false(phd__string_equal("", "x"));
    assert_int_equal(phd__string_length("four"), 4);
}

static void a_long_step_is_cut_in_an_error(void **state)
{
    struct phd_error error;
    char step[200];
    (void)state;
    memset(step, 'x', sizeof step - 1);
    step[sizeof step - 1] = 0;
    phd__error_set(NULL, PHD_ERROR_WRITE, 5, "nobody listens");
    phd__error_set(&error, PHD_ERROR_WRITE, 28, step);
    assert_int_equal(error.status, PHD_ERROR_WRITE);
    assert_int_equal(error.system_errno, 28);
    assert_int_equal(error.address, 0);
    assert_int_equal(strlen(error.step), sizeof error.step - 1);
}

static void every_status_has_its_own_text(void **state)
{
    (void)state;
    for (int a = PHD_OK; a <= PHD_ERROR_ARGUMENT; a++) {
        assert_string_not_equal(phd_status_text((enum phd_status)a), "unknown status");
        for (int b = PHD_OK; b < a; b++)
            assert_string_not_equal(phd_status_text((enum phd_status)a), phd_status_text((enum phd_status)b));
    }
    assert_string_equal(phd_status_text((enum phd_status)99), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_in_decimal_and_hex),
        cmocka_unit_test(what_does_not_fit_is_cut_and_told),
        cmocka_unit_test(known_dates_are_right),
        cmocka_unit_test(dates_agree_with_strftime),
        cmocka_unit_test(strings_are_compared_whole),
        cmocka_unit_test(a_long_step_is_cut_in_an_error),
        cmocka_unit_test(every_status_has_its_own_text),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
