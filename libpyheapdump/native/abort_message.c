/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/abort_message.h"

#include "safe/text.h"

enum { SIZE_FIELD = 4 };

/* "libc.so.6", and "libc-2.31.so" before glibc 2.34. */
static bool is_libc(const struct phd_module *module)
{
    static const char *const beginnings[] = {"libc.so.", "libc-2."};
    const char *name = phd__module_name(module);
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        const char *expected = beginnings[i], *at = name;
        while (*expected && *at == *expected) {
            at++;
            expected++;
        }
        if (!*expected)
            return true;
    }
    return false;
}

static void read_message(struct phd_memory *memory, uint64_t pointer, char *message)
{
    uint64_t text = phd__read_word(memory, pointer);
    if (text)
        phd__read_text(memory, text + SIZE_FIELD, message, PHD_MAX_ABORT_MESSAGE);
}

/* Line feeds and what else is no text would break the line that the message becomes a part of. */
static void make_one_line(char *message)
{
    size_t length = phd__string_length(message);
    while (length && (message[length - 1] == '\n' || message[length - 1] == ' '))
        message[--length] = 0;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)message[i] < ' ' || message[i] == 0x7f)
            message[i] = ' ';
}

void phd__abort_message_read(struct phd_symbols *symbols, const struct phd_modules *modules,
                             char message[PHD_MAX_ABORT_MESSAGE])
{
    struct phd_guard guard;
    memset(message, 0, PHD_MAX_ABORT_MESSAGE);
    for (uint32_t i = 0; i < modules->count; i++) {
        uint64_t pointer =
            is_libc(modules->all + i) ? phd__symbol_address(symbols, modules->all + i, "__abort_msg") : 0;
        if (!pointer)
            continue;
        if (PHD_GUARD(symbols->memory, &guard))
            read_message(symbols->memory, pointer, message);
        PHD_UNGUARD(symbols->memory, &guard);
        make_one_line(message);
        return;
    }
}
