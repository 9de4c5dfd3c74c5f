/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the parts of the MIME message; see message.h.
 *
 *     phd__message_init
 *       read_head        the header block into memory, up to the first empty line
 *       refuse_packed    a compressed dump, whose raw blocks may show parts of one
 *       split_headers    unfold it in place, one struct per field
 *       check_version
 *       find_part        the binary part's Content-Type line, then the first empty line after it
 *       find_text        the text part lies between the headers and the binary part
 *       find_end         the closing boundary, whose text stands before the binary part too
 */
#include "message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PART_TYPE "\nContent-Type: application/x.python-heapdump"
#define BLOCK_MAGIC "\x50\x2A\x4D\x18"
#define MAX_BOUNDARY 70 /* RFC 2046, section 5.1.1 */

/* --- other kinds of files --- */

struct signature {
    const char *bytes;
    size_t size;
    const char *text;
};

#define SIGNATURE(bytes, text)                                                                                         \
    {                                                                                                                  \
        bytes, sizeof(bytes) - 1, text                                                                                 \
    }

static const struct signature packed[] = {
    SIGNATURE("\x1f\x8b", "is compressed with gzip; unpack it first (gunzip FILE)"),
    SIGNATURE("\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it first (unzstd FILE)"),
    SIGNATURE("\xfd"
              "7zXZ",
              "is compressed with xz; unpack it first (unxz FILE)"),
    SIGNATURE("BZh", "is compressed with bzip2; unpack it first (bunzip2 FILE)"),
    SIGNATURE("\x04\x22\x4d\x18", "is compressed with lz4; unpack it first (unlz4 FILE)"),
    SIGNATURE("7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first (7z x FILE)"),
    SIGNATURE("PK\x03\x04", "is a zip archive; unpack it first (unzip FILE)"),
};

static const struct signature others[] = {
    SIGNATURE("\x7f"
              "ELF",
              "is an ELF file (a program or a core file), not a heap dump"),
    SIGNATURE("\x80\x02", "is a pickle, not a heap dump; pyheapdump does not load pickles"),
    SIGNATURE("\x80\x03", "is a pickle, not a heap dump; pyheapdump does not load pickles"),
    SIGNATURE("\x80\x04", "is a pickle, not a heap dump; pyheapdump does not load pickles"),
    SIGNATURE("\x80\x05", "is a pickle, not a heap dump; pyheapdump does not load pickles"),
};

/* What the table says of a file that begins with `head`; NULL when it is none of these. */
static const char *known_as(const struct signature *table, size_t count, const char *head, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (size >= table[i].size && memcmp(head, table[i].bytes, table[i].size) == 0)
            return table[i].text;
    return NULL;
}

/* A compressed file may hold blocks of a dump as they are, and even its headers: it is not looked for them. */
static enum phd__read_status refuse_packed(const char *head, size_t size, struct phd__read_error *error)
{
    const char *text = known_as(packed, sizeof packed / sizeof packed[0], head, size);
    return text == NULL ? PHD__READ_OK : phd__read_fail(error, PHD__READ_NOT_A_DUMP, "%s", text);
}

static enum phd__read_status refuse(const char *head, size_t size, struct phd__read_error *error)
{
    const char *text = known_as(others, sizeof others / sizeof others[0], head, size);
    if (text == NULL)
        text = "is not a heap dump: it has no X-Python-Heapdump-Version header and no dump data";
    return phd__read_fail(error, PHD__READ_NOT_A_DUMP, "%s", text);
}

/* Why the dump with this head has no binary part. */
static enum phd__read_status refuse_without_part(const char *head, size_t size, uint64_t file_size,
                                                 struct phd__read_error *error)
{
    const char *line_end = memchr(head, '\n', size);
    if (line_end != NULL && line_end > head && line_end[-1] == '\r')
        return phd__read_fail(
            error, PHD__READ_DAMAGED,
            "is a heap dump whose line ends were changed to CRLF on the way (a transfer in text mode), "
            "which damages its data; copy it again in binary mode");
    return phd__read_fail(error, PHD__READ_DAMAGED,
                          "is a heap dump that was cut at byte %" PRIu64 ", before its first data; "
                          "what is left is text, read it with less",
                          file_size);
}

/* --- the headers --- */

/* Reads the header block into message->head and gives its size without the empty line. When there is no empty line
 * within the limit, it is all there is up to the limit. */
static enum phd__read_status read_head(struct phd__message *message, const struct phd__input *input, size_t *ret_size,
                                       struct phd__read_error *error)
{
    if (input->size == 0)
        return phd__read_fail(error, PHD__READ_NOT_A_DUMP, "is empty; the dump was never written or not copied");
    uint64_t empty_line = 0;
    enum phd__read_status status = phd__input_find(input, 0, PHD__MAX_HEADER_BYTES, "\n\n", 2, &empty_line, error);
    if (status == PHD__READ_NOT_FOUND)
        empty_line = input->size < PHD__MAX_HEADER_BYTES ? input->size : PHD__MAX_HEADER_BYTES;
    else if (status != PHD__READ_OK)
        return status;
    message->head = malloc((size_t)empty_line + 1);
    if (message->head == NULL)
        return phd__read_fail_memory(error);
    *ret_size = (size_t)empty_line;
    return phd__input_read(input, 0, message->head, *ret_size, error);
}

/* Joins continuation lines: a line end before a space or a tab is dropped. Returns the new size. */
static size_t unfold(char *head, size_t size)
{
    size_t to = 0;
    for (size_t from = 0; from < size; from++) {
        bool folded = head[from] == '\n' && from + 1 < size && (head[from + 1] == ' ' || head[from + 1] == '\t');
        if (!folded)
            head[to++] = head[from];
    }
    return to;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Makes a header of one unfolded line. False when it is none. */
static bool parse_header(const char *line, size_t size, struct phd__header *ret)
{
    const char *colon = memchr(line, ':', size);
    if (colon == NULL || colon == line)
        return false;
    for (const char *c = line; c < colon; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c > '~')
            return false;
    const char *value = colon + 1;
    const char *end = line + size;
    while (value < end && is_space(*value))
        value++;
    while (value < end && is_space(end[-1]))
        end--;
    *ret = (struct phd__header){line, (size_t)(colon - line), value, (size_t)(end - value)};
    return true;
}

static enum phd__read_status split_headers(struct phd__message *message, size_t size, struct phd__read_error *error)
{
    size = unfold(message->head, size);
    message->headers = calloc(PHD__MAX_HEADERS, sizeof *message->headers);
    if (message->headers == NULL)
        return phd__read_fail_memory(error);
    const char *line = message->head;
    const char *end = message->head + size;
    while (line < end && message->header_count < PHD__MAX_HEADERS) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (line_end == NULL)
            line_end = end;
        if (parse_header(line, (size_t)(line_end - line), &message->headers[message->header_count]))
            message->header_count++;
        line = line_end < end ? line_end + 1 : end;
    }
    return PHD__READ_OK;
}

/* Finds the version header; a value that is no number counts as not known. */
static void find_version(struct phd__message *message)
{
    static const char name[] = "X-Python-Heapdump-Version";
    for (size_t i = 0; i < message->header_count; i++) {
        const struct phd__header *header = &message->headers[i];
        if (header->name_size != sizeof name - 1 || strncasecmp(header->name, name, sizeof name - 1) != 0)
            continue;
        if (header->value_size == 0 || header->value_size > 9)
            return;
        uint64_t version = 0;
        for (size_t k = 0; k < header->value_size; k++) {
            if (header->value[k] < '0' || header->value[k] > '9')
                return;
            version = version * 10 + (uint64_t)(header->value[k] - '0');
        }
        message->version_known = true;
        message->version = version;
        return;
    }
}

static enum phd__read_status check_version(const struct phd__message *message, struct phd__read_error *error)
{
    if (!message->version_known || message->version == PHD__FORMAT_VERSION)
        return PHD__READ_OK;
    if (message->version > PHD__FORMAT_VERSION)
        return phd__read_fail(error, PHD__READ_VERSION,
                              "has format version %" PRIu64 ", this pyheapdump reads version %d; "
                              "open it with a newer pyheapdump",
                              message->version, PHD__FORMAT_VERSION);
    return phd__read_fail(error, PHD__READ_VERSION,
                          "has format version %" PRIu64 ", a pickle of the original pyheapdump 0.2; "
                          "loading it could run code, open it with that version if you trust it",
                          message->version);
}

/* --- the parts --- */

/* The byte after the header of the part whose Content-Type line ends the line at `line`. */
static enum phd__read_status skip_part_header(const struct phd__input *input, uint64_t line, uint64_t *ret,
                                              struct phd__read_error *error)
{
    uint64_t empty_line = 0;
    enum phd__read_status status =
        phd__input_find(input, line + 1, line + PHD__MAX_HEADER_BYTES, "\n\n", 2, &empty_line, error);
    if (status == PHD__READ_OK)
        *ret = empty_line + 2;
    return status;
}

static bool starts_with_block(const struct phd__input *input, uint64_t position)
{
    char magic[4];
    struct phd__read_error ignored; /* a file that ends here just has no block here */
    return phd__input_read(input, position, magic, sizeof magic, &ignored) == PHD__READ_OK &&
           memcmp(magic, BLOCK_MAGIC, sizeof magic) == 0;
}

/* Finds the binary part. The text part could quote the line that is looked for, so the first occurrence that is
 * followed by a block wins; when none is (its first bytes are damaged or cut), the first one at all.
 * `ret_line` is the place of the line end before the Content-Type. */
static enum phd__read_status find_part(struct phd__message *message, const struct phd__input *input, uint64_t from,
                                       uint64_t *ret_line, struct phd__read_error *error)
{
    uint64_t limit = from + PHD__MAX_TEXT_BYTES;
    bool found = false;
    for (;;) {
        uint64_t line = 0, start = 0;
        enum phd__read_status status =
            phd__input_find(input, from, limit, PART_TYPE, sizeof PART_TYPE - 1, &line, error);
        if (status == PHD__READ_OK)
            status = skip_part_header(input, line, &start, error);
        if (status == PHD__READ_NOT_FOUND && found)
            return PHD__READ_OK;
        if (status != PHD__READ_OK)
            return status;
        bool sure = starts_with_block(input, start);
        if (!found || sure) {
            message->part_start = start;
            *ret_line = line;
            found = true;
        }
        if (sure)
            return PHD__READ_OK;
        from = start;
    }
}

/* The text part: after the first empty line behind the preamble's "Content-Type: text/plain", before the delimiter
 * line of the binary part, which begins at `delimiter`. Without one the text stays empty: it is for people only. */
static enum phd__read_status find_text(struct phd__message *message, const struct phd__input *input, uint64_t from,
                                       uint64_t delimiter, struct phd__read_error *error)
{
    static const char type[] = "\nContent-Type: text/plain";
    uint64_t line = 0, start = 0;
    enum phd__read_status status = phd__input_find(input, from, delimiter, type, sizeof type - 1, &line, error);
    if (status == PHD__READ_OK)
        status = skip_part_header(input, line, &start, error);
    if (status == PHD__READ_OK && start <= delimiter) {
        message->text_start = start;
        message->text_size = delimiter - start;
    }
    return status == PHD__READ_NOT_FOUND ? PHD__READ_OK : status;
}

/* The delimiter line "\n--<boundary>" that ends at `line`, and its boundary. PHD__READ_NOT_FOUND when it is damaged. */
static enum phd__read_status find_delimiter(const struct phd__input *input, uint64_t line, uint64_t *ret,
                                            char boundary[MAX_BOUNDARY + 1], struct phd__read_error *error)
{
    uint64_t start = 0;
    enum phd__read_status status = phd__input_find_last(input, line, "\n--", 3, &start, error);
    if (status != PHD__READ_OK)
        return status;
    size_t size = (size_t)(line - start) - 3;
    if (size == 0 || size > MAX_BOUNDARY)
        return phd__read_fail(error, PHD__READ_NOT_FOUND, "not found");
    status = phd__input_read(input, start + 3, boundary, size, error);
    boundary[size] = '\0';
    *ret = start;
    return status;
}

/* The binary part ends at the closing delimiter, or with the file. */
static enum phd__read_status find_end(struct phd__message *message, const struct phd__input *input,
                                      const char *boundary, struct phd__read_error *error)
{
    char closing[MAX_BOUNDARY + 8];
    uint64_t end = 0;
    snprintf(closing, sizeof closing, "\n--%s--", boundary);
    enum phd__read_status status = PHD__READ_NOT_FOUND;
    if (boundary[0] != '\0')
        status = phd__input_find_last(input, input->size, closing, strlen(closing), &end, error);
    if (status != PHD__READ_OK && status != PHD__READ_NOT_FOUND)
        return status;
    message->is_cut = status == PHD__READ_NOT_FOUND || end < message->part_start;
    message->part_end = message->is_cut ? input->size : end;
    return PHD__READ_OK;
}

static enum phd__read_status find_parts(struct phd__message *message, const struct phd__input *input, uint64_t head_end,
                                        struct phd__read_error *error)
{
    uint64_t line = 0, delimiter = 0;
    char boundary[MAX_BOUNDARY + 1] = "";
    enum phd__read_status status = find_part(message, input, head_end, &line, error);
    if (status != PHD__READ_OK)
        return status;
    status = find_delimiter(input, line, &delimiter, boundary, error);
    if (status == PHD__READ_OK)
        status = find_text(message, input, head_end, delimiter, error);
    if (status != PHD__READ_OK && status != PHD__READ_NOT_FOUND)
        return status;
    return find_end(message, input, boundary, error);
}

static enum phd__read_status parse(struct phd__message *message, const struct phd__input *input,
                                   struct phd__read_error *error)
{
    size_t head_size = 0;
    enum phd__read_status status = read_head(message, input, &head_size, error);
    if (status == PHD__READ_OK)
        status = refuse_packed(message->head, head_size, error);
    if (status == PHD__READ_OK)
        status = split_headers(message, head_size, error);
    if (status != PHD__READ_OK)
        return status;
    find_version(message);
    status = check_version(message, error);
    if (status != PHD__READ_OK)
        return status;
    status = find_parts(message, input, head_size, error);
    if (status != PHD__READ_NOT_FOUND)
        return status;
    if (!message->version_known)
        return refuse(message->head, head_size, error);
    return refuse_without_part(message->head, head_size, input->size, error);
}

enum phd__read_status phd__message_init(struct phd__message *message, const struct phd__input *input,
                                        struct phd__read_error *error)
{
    memset(message, 0, sizeof *message);
    enum phd__read_status status = parse(message, input, error);
    if (status != PHD__READ_OK)
        phd__message_deinit(message);
    return status;
}

void phd__message_deinit(struct phd__message *message)
{
    free(message->head);
    free(message->headers);
    message->head = NULL;
    message->headers = NULL;
    message->header_count = 0;
}
