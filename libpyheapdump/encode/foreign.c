/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "encode/foreign.h"

#include "encode/pack.h"
#include "safe/text.h"

/* Length of the UTF-8 character at `bytes`, behind which stands a byte that continues none; 0: it is none. */
static unsigned character_length(const uint8_t *bytes)
{
    unsigned length = bytes[0] < 0x80       ? 1
                      : bytes[0] >> 5 == 6  ? 2
                      : bytes[0] >> 4 == 14 ? 3
                      : bytes[0] >> 3 == 30 ? 4
                                            : 0;
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t value = bytes[0] & (0x7fu >> length);
    for (unsigned i = 1; i < length; i++) {
        if (bytes[i] >> 6 != 2)
            return 0;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    bool valid = length < 2 || (value >= lowest[length] && value < 0x110000 && value >> 11 != 0x1b /* surrogates */);
    return valid ? length : 0;
}

void phd__pack_foreign(struct phd_buffer *to, const char *text, size_t length)
{
    phd__pack_str(to, length);
    uint8_t *out = phd__buffer_reserve(to, length);
    if (!out)
        return;
    for (size_t i = 0; i < length;) {
        unsigned bytes = character_length((const uint8_t *)text + i);
        memcpy(out + i, bytes ? text + i : "?", bytes ? bytes : 1);
        i += bytes ? bytes : 1;
    }
    to->used += length;
}

void phd__pack_foreign_text(struct phd_buffer *to, const char *text)
{
    phd__pack_foreign(to, text, phd__string_length(text));
}
