/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "report/report.h"

#include <sys/utsname.h>

#include "report/traceback.h"
#include "safe/text.h"

/* The first version that opens files of this format; the package of that name was another program before. */
#define PHD_VERSION_NEEDED "0.3"

enum { CLOSING_ROOM = 16 * 1024 /* for the end of the text */, SUBJECT_ROOM = 700, ENCODED_WORD = 42 };

static void write_text(struct phd_sink *sink, struct phd_text *text)
{
    struct iovec piece = {text->data, text->used};
    phd__sink_write(sink, &piece, 1);
    text->used = 0;
}

/* A boundary that does not occur in the content: 128 bits from the clock, the pid and addresses that differ by process.
 * It need not be secret, only unlikely. */
static void make_boundary(const struct phd_request *request, char *boundary)
{
    struct phd_text text;
    uint64_t a = (uint64_t)request->time_ns * 0x9E3779B97F4A7C15u ^ request->thread;
    uint64_t b = (request->runtime ^ (uint64_t)(uintptr_t)boundary) * 0xC2B2AE3D27D4EB4Fu + request->sequence;
    phd__text_init(&text, boundary, PHD_BOUNDARY_SIZE - 1);
    phd__text_string(&text, "=_pyheapdump_");
    phd__text_hex(&text, a ^ a >> 29, 16);
    phd__text_hex(&text, b ^ b >> 31, 16);
    boundary[text.used] = 0;
}

static void put_base64(struct phd_text *to, const uint8_t *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        size_t have = length - i < 3 ? length - i : 3;
        if (have > 1)
            group |= (uint32_t)bytes[i + 1] << 8;
        if (have > 2)
            group |= bytes[i + 2];
        for (size_t k = 0; k < 4; k++)
            phd__text_bytes(to, k <= have ? &digits[group >> (18 - 6 * k) & 63] : "=", 1);
    }
}

/* Header text outside ASCII becomes RFC 2047 encoded words, cut between characters. */
static void put_header_value(struct phd_text *to, const char *value)
{
    size_t length = phd__string_length(value);
    bool plain = true;
    for (size_t i = 0; i < length; i++)
        plain &= (unsigned char)value[i] >= 0x20 && (unsigned char)value[i] < 0x7f;
    if (plain) {
        phd__text_bytes(to, value, length);
        return;
    }
    for (size_t start = 0; start < length;) {
        size_t end = start + ENCODED_WORD < length ? start + ENCODED_WORD : length;
        while (end < length && end > start + 1 && ((unsigned char)value[end] & 0xc0) == 0x80)
            end--;
        phd__text_string(to, start ? "\n =?utf-8?b?" : "=?utf-8?b?");
        put_base64(to, (const uint8_t *)value + start, end - start);
        phd__text_string(to, "?=");
        start = end;
    }
}

static void put_header(struct phd_text *to, const char *name, const char *value)
{
    if (!value)
        return;
    phd__text_string(to, name);
    phd__text_string(to, ": ");
    put_header_value(to, value);
    phd__text_string(to, "\n");
}

static void put_number_header(struct phd_text *to, const char *name, uint64_t value)
{
    phd__text_string(to, name);
    phd__text_string(to, ": ");
    phd__text_unsigned(to, value);
    phd__text_string(to, "\n");
}

/* The last part of a name that may hold anything, in a place where a quote or a line end would be read as syntax. */
static void put_file_name(struct phd_text *to, const char *name)
{
    for (const char *at = name; *at; at++)
        name = *at == '/' ? at + 1 : name;
    for (; *name; name++) {
        bool plain = (unsigned char)*name >= 0x20 && *name != '"' && *name != '\\' && *name != 0x7f;
        phd__text_bytes(to, plain ? name : "_", 1);
    }
}

static void put_limit(struct phd_text *to, const struct phd_near_limit *limit)
{
    if (!limit)
        return;
    put_number_header(to, "X-Python-Heapdump-Memory-Used", limit->used);
    put_number_header(to, "X-Python-Heapdump-Memory-Limit", limit->bytes);
    put_header(to, "X-Python-Heapdump-Memory-Where", limit->where);
}

static void put_headers(struct phd_walk *walk, const struct phd_request *request, const struct phd_native *native,
                        struct phd_text *to, const char *boundary)
{
    char subject[SUBJECT_ROOM];
    struct utsname host;
    bool named = uname(&host) == 0;
    phd__subject(walk, request, native, subject, sizeof subject);
    put_header(to, "Subject", subject);
    phd__text_string(to, "Date: ");
    phd__text_date(to, request->time_ns);
    phd__text_string(to, "\nMessage-ID: <pyheapdump.");
    phd__text_unsigned(to, (uint64_t)request->pid);
    phd__text_string(to, ".");
    phd__text_unsigned(to, request->sequence);
    phd__text_string(to, ".");
    phd__text_unsigned(to, (uint64_t)request->time_ns);
    phd__text_string(to, "@");
    phd__text_string(to, named ? host.nodename : "localhost");
    phd__text_string(to, ">\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"");
    phd__text_string(to, boundary);
    phd__text_string(to, "\"\n");
    put_number_header(to, "X-Python-Heapdump-Version", PHD_FORMAT_VERSION);
    put_number_header(to, "X-Python-Heapdump-Pid", (uint64_t)request->pid);
    put_number_header(to, "X-Python-Heapdump-Sequence-Number", request->sequence);
    put_header(to, "X-Python-Heapdump-Reason", request->reason);
    put_limit(to, request->limit);
    if (request->kind)
        put_number_header(to, PHD_KIND_HEADER, request->kind);
    put_header(to, "X-Python-Heapdump-Label", request->label);
    put_header(to, "X-Python-Heapdump-Python", request->python_text);
    put_header(to, "X-Python-Heapdump-Executable", request->executable);
    if (request->core) { /* which may come from another host */
        put_header(to, "X-Python-Heapdump-Core", request->core->path);
        phd__text_string(to, "X-Python-Heapdump-Core-Date: ");
        phd__text_date(to, request->core->time_ns);
        phd__text_string(to, "\n");
        return;
    }
    put_header(to, "X-Python-Heapdump-Host", named ? host.nodename : NULL);
    put_header(to, "X-Python-Heapdump-System", named ? host.release : NULL);
    put_header(to, "X-Python-Heapdump-Machine", named ? host.machine : NULL);
}

static void put_preamble(const struct phd_request *request, struct phd_text *to, const char *boundary)
{
    phd__text_string(to, "\nThis is a Python heap dump: the state of a Python process when it failed.\n"
                         "To look into it, on any machine:\n\n"
                         "    pip install \"pyheapdump>=" PHD_VERSION_NEEDED "\"\n"
                         "    python -m pyheapdump.view ");
    put_file_name(to, request->final_name);
    phd__text_string(to, "\n\nThe traceback of every thread follows, then the objects in binary.\n--");
    phd__text_string(to, boundary);
    phd__text_string(to, "\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n");
}

void phd__report_begin(struct phd_walk *walk, const struct phd_request *request, const struct phd_native *native,
                       struct phd_sink *sink, char boundary[PHD_BOUNDARY_SIZE])
{
    struct phd_text text;
    phd__text_init(&text, (char *)walk->items.data, walk->items.capacity - CLOSING_ROOM);
    make_boundary(request, boundary);
    put_headers(walk, request, native, &text, boundary);
    put_preamble(request, &text, boundary);
    phd__traceback_text(walk, request, native, &text);
    bool cut = text.full;
    text.capacity = walk->items.capacity; /* now there is room for what must not be missing */
    phd__text_string(&text, cut ? "\n... the text is cut, the rest is in the binary part\n\n--" : "\n--");
    phd__text_string(&text, boundary);
    phd__text_string(&text, "\nContent-Type: application/x.python-heapdump\nContent-Transfer-Encoding: binary\n"
                            "Content-Disposition: attachment; filename=\"");
    put_file_name(&text, request->final_name);
    phd__text_string(&text, ".zst\"\n\n");
    phd__sink_hold(sink, text.data, text.used); /* a file that exists has the first block, and can be opened */
}

void phd__report_end(struct phd_sink *sink, const char *boundary)
{
    char storage[PHD_BOUNDARY_SIZE + 16];
    struct phd_text text;
    phd__text_init(&text, storage, sizeof storage);
    phd__text_string(&text, "\n--");
    phd__text_string(&text, boundary);
    phd__text_string(&text, "--\n");
    write_text(sink, &text);
}
