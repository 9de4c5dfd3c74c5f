/* SPDX-License-Identifier: Apache-2.0
 *
 * decimal.Decimal, spelled out: what Decimal() takes. Context: crash.
 */
#include "safe/text.h"
#include "walk/content.h"
#include "walk/special.h"

/* Modules/_decimal/libmpdec/mpdecimal.h: MPD_NEG …, MPD_RDIGITS (64 bits) */
enum { NEGATIVE = 1, INFINITE = 2, QUIET_NAN = 4, SIGNALING_NAN = 8, WORD_DIGITS = 19 };

/* The digits of the coefficient: words of 19 decimal digits each, the lowest first. */
static void append_digits(struct phd_content *content, uint64_t data, uint64_t words, uint64_t digits)
{
    struct phd_walk *walk = content->walk;
    unsigned first = (unsigned)(digits - WORD_DIGITS * (words - 1));
    for (uint64_t i = words; i-- > 0 && !walk->stopped;) {
        char storage[24];
        struct phd_text text;
        phd__text_init(&text, storage, sizeof storage);
        unsigned expected = i == words - 1 ? first : WORD_DIGITS;
        phd__text_padded(&text, phd__read_word(walk->memory, data + 8 * i), expected);
        if (text.used != expected)
            phd__memory_fault(walk->memory, data + 8 * i, "a Decimal with an impossible word");
        phd__content_append(content, storage, text.used);
    }
}

void phd__put_decimal(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    unsigned flags = (unsigned)phd__field_number(walk, object, type, "_mpd_flags");
    uint64_t words = phd__field_word(walk, object, type, "_mpd_len");
    uint64_t digits = phd__field_word(walk, object, type, "_mpd_digits");
    const char *special = flags & INFINITE        ? "Infinity"
                          : flags & QUIET_NAN     ? "NaN"
                          : flags & SIGNALING_NAN ? "sNaN"
                                                  : "";
    char storage[32];
    struct phd_text exponent;
    phd__text_init(&exponent, storage, sizeof storage);
    if (!special[0]) {
        phd__text_string(&exponent, "E");
        phd__text_signed(&exponent, (int64_t)phd__field_word(walk, object, type, "_mpd_exp"));
    }
    if (flags & INFINITE)
        digits = words = 0;
    if (words > PHD_MAX_LENGTH || (words && (digits <= WORD_DIGITS * (words - 1) || digits > WORD_DIGITS * words)) ||
        (!words && digits))
        phd__memory_fault(walk->memory, object, "a Decimal whose digits do not fit its words");
    struct phd_content content;
    uint64_t length = (flags & NEGATIVE) + phd__string_length(special) + digits + exponent.used;
    phd__content_begin(&content, walk, PHD_CONTENT_RECORD, PHD_SHAPE_STR, length, length, false);
    phd__content_append(&content, "-", flags & NEGATIVE);
    phd__content_append(&content, special, phd__string_length(special));
    if (words)
        append_digits(&content, phd__field_word(walk, object, type, "_mpd_data"), words, digits);
    phd__content_append(&content, storage, exponent.used);
    phd__content_end(&content);
}
