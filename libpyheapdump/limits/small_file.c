/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "limits/small_file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "safe/text.h"

enum { NUMBERS_ROOM = 512, PIECE = 4096 };

bool phd__take_number(const char **text, uint64_t *number)
{
    const char *at = *text;
    if (at[0] == 'm' && at[1] == 'a' && at[2] == 'x') {
        *number = PHD_NO_LIMIT;
        *text = at + 3;
        return true;
    }
    for (*number = 0; *at >= '0' && *at <= '9'; at++) {
        unsigned digit = (unsigned)(*at - '0');
        bool fits = *number <= (PHD_NO_LIMIT - digit) / 10;
        *number = fits ? *number * 10 + digit : PHD_NO_LIMIT;
    }
    bool found = at != *text;
    *text = at;
    return found;
}

bool phd__file_numbers(const char *path, uint64_t *numbers, unsigned count)
{
    char content[NUMBERS_ROOM];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, content, sizeof content - 1);
    close(fd);
    content[length > 0 ? length : 0] = 0;
    const char *at = content;
    for (unsigned i = 0; i < count; i++) {
        while (*at == ' ')
            at++;
        if (!phd__take_number(&at, &numbers[i]))
            return false;
    }
    return true;
}

struct lines {
    char line[PHD_LINE_ROOM];
    size_t used;
};

static void split(struct lines *lines, const char *piece, size_t length,
                  void (*visit)(const char *line, void *argument), void *argument)
{
    for (size_t i = 0; i < length; i++) {
        if (piece[i] == '\n') {
            lines->line[lines->used] = 0;
            visit(lines->line, argument);
            lines->used = 0;
        } else if (lines->used < sizeof lines->line - 1) {
            lines->line[lines->used++] = piece[i];
        }
    }
}

bool phd__file_lines(const char *path, void (*visit)(const char *line, void *argument), void *argument)
{
    struct lines lines;
    char piece[PIECE];
    ssize_t length;
    lines.used = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    while ((length = read(fd, piece, sizeof piece)) > 0)
        split(&lines, piece, (size_t)length, visit, argument);
    close(fd);
    if (lines.used)
        split(&lines, "\n", 1, visit, argument);
    return length == 0;
}

struct search {
    const char *key;
    size_t length;
    uint64_t *number;
    bool found;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void look(const char *line, void *argument)
{
    struct search *search = argument;
    if (search->found || strncmp(line, search->key, search->length) != 0 || !is_space(line[search->length]))
        return;
    for (line += search->length; is_space(*line); line++)
        continue;
    search->found = phd__take_number(&line, search->number);
}

bool phd__file_value(const char *path, const char *key, uint64_t *number)
{
    struct search search = {key, phd__string_length(key), number, false};
    return phd__file_lines(path, look, &search) && search.found;
}
