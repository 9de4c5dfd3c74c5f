/* SPDX-License-Identifier: Apache-2.0
 *
 * Text without stdio. Context: crash.
 */
#include "safe/text.h"

#include <string.h>

void phd__text_init(struct phd_text *text, char *storage, size_t capacity)
{
    text->data = storage;
    text->used = 0;
    text->capacity = capacity;
    text->full = false;
}

void phd__text_bytes(struct phd_text *text, const void *bytes, size_t length)
{
    size_t room = text->capacity - text->used;
    if (length > room) {
        length = room;
        text->full = true;
    }
    memcpy(text->data + text->used, bytes, length);
    text->used += length;
}

bool phd__text_parse_unsigned(const char **at, uint64_t *value)
{
    const char *start = *at;
    for (*value = 0; **at >= '0' && **at <= '9'; (*at)++)
        *value = *value * 10 + (uint64_t)(**at - '0');
    return *at != start;
}

size_t phd__string_length(const char *string)
{
    size_t length = 0;
    while (string[length])
        length++;
    return length;
}

bool phd__string_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

void phd__text_string(struct phd_text *text, const char *string)
{
    phd__text_bytes(text, string, phd__string_length(string));
}

static void put_digits(struct phd_text *text, uint64_t value, unsigned base, unsigned minimum)
{
    char digits[64];
    unsigned count = 0;
    do {
        digits[sizeof digits - ++count] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value || count < minimum);
    phd__text_bytes(text, digits + sizeof digits - count, count);
}

void phd__text_unsigned(struct phd_text *text, uint64_t value)
{
    put_digits(text, value, 10, 1);
}

void phd__text_signed(struct phd_text *text, int64_t value)
{
    if (value < 0)
        phd__text_bytes(text, "-", 1);
    phd__text_unsigned(text, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void phd__text_hex(struct phd_text *text, uint64_t value, unsigned minimum_digits)
{
    put_digits(text, value, 16, minimum_digits);
}

void phd__text_padded(struct phd_text *text, uint64_t value, unsigned digits)
{
    put_digits(text, value, 10, digits);
}

void phd__text_size(struct phd_text *text, uint64_t bytes)
{
    static const char *const units[] = {" bytes", " KiB", " MiB", " GiB"};
    unsigned unit = 0;
    uint64_t tenths = bytes * 10;
    while (tenths >= 10240 && unit < 3) {
        tenths = (tenths + 512) / 1024;
        unit++;
    }
    phd__text_unsigned(text, tenths / 10);
    if (unit) {
        phd__text_string(text, ".");
        phd__text_unsigned(text, tenths % 10);
    }
    phd__text_string(text, units[unit]);
}

/* Civil date from days since 1970-01-01, after the algorithm of Howard Hinnant ("chrono-compatible low-level date
 * algorithms"): eras of 400 years that begin on 1 March. */
static void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

/* Rounded down, also for times before 1970 (a clock that was never set may run there). */
static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

void phd__text_date(struct phd_text *text, int64_t time_ns)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t seconds = floor_divide(time_ns, 1000000000);
    int64_t days = floor_divide(seconds, 86400);
    unsigned second_of_day = (unsigned)(seconds - days * 86400);
    int64_t year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    phd__text_bytes(text, weekdays + (days - floor_divide(days, 7) * 7) * 3, 3);
    phd__text_string(text, ", ");
    phd__text_padded(text, day, 2);
    phd__text_string(text, " ");
    phd__text_bytes(text, months + (month - 1) * 3, 3);
    phd__text_string(text, " ");
    phd__text_padded(text, (uint64_t)year, 4);
    phd__text_string(text, " ");
    phd__text_padded(text, second_of_day / 3600, 2);
    phd__text_string(text, ":");
    phd__text_padded(text, second_of_day / 60 % 60, 2);
    phd__text_string(text, ":");
    phd__text_padded(text, second_of_day % 60, 2);
    phd__text_string(text, " +0000");
}

void phd__error_set(struct phd_error *error, enum phd_status status, int system_errno, const char *step)
{
    if (!error)
        return;
    memset(error, 0, sizeof *error);
    error->status = status;
    error->system_errno = system_errno;
    for (size_t i = 0; step[i] && i + 1 < sizeof error->step; i++)
        error->step[i] = step[i];
}

const char *phd_status_text(enum phd_status status)
{
    switch (status) {
    case PHD_OK: return "ok";
    case PHD_ERROR_SYSTEM: return "a system call failed";
    case PHD_ERROR_LAYOUT: return "no layout table for this CPython";
    case PHD_ERROR_CLONE: return "no child process could be made";
    case PHD_ERROR_CHILD: return "the writing child died";
    case PHD_ERROR_WRITE: return "the file could not be written";
    case PHD_ERROR_MEMORY: return "no memory for the dump";
    case PHD_ERROR_UNREADABLE: return "the memory could not be read";
    case PHD_ERROR_ARGUMENT: return "wrong argument";
    }
    return "unknown status";
}
