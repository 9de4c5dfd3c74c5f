/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of /proc about the dumped process; secrets in its arguments and environment are left out. Context: crash.
 */
#include <fcntl.h>
#include <unistd.h>

#include "evidence/directory.h"
#include "evidence/evidence.h"
#include "safe/process.h"
#include "safe/text.h"

enum { MAX_PROC_BYTES = 256 * 1024, LINE_ROOM = 600 };

static const char redacted[] = "<redacted>";

void phd__evidence_put_text(struct phd_walk *walk, const char *path, size_t length)
{
    const uint8_t *content = walk->items.data + PHD_EVIDENCE_OFFSET;
    walk->items.used = 0;
    phd__pack_map(&walk->items, 2);
    phd__pack_text(&walk->items, "path");
    phd__pack_text(&walk->items, path);
    phd__pack_text(&walk->items, "content");
    phd__pack_bin(&walk->items, length);
    memmove(walk->items.data + walk->items.used, content, length);
    phd__blocks_put(walk->blocks, PHD_BLOCK_PROC, 0, 1, 0, walk->items.data, walk->items.used + length);
    walk->items.used = 0;
}

/* Read a whole small file to `to`; returns its length, 0 when it cannot be read. */
static size_t read_file(const char *path, uint8_t *to)
{
    size_t used = 0;
    ssize_t length;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    while (used < MAX_PROC_BYTES && (length = read(fd, to + used, MAX_PROC_BYTES - used)) > 0)
        used += (size_t)length;
    close(fd);
    return used;
}

static void put_file(struct phd_walk *walk, const struct phd_request *request, const char *name)
{
    char path[PHD_PROC_PATH];
    phd__proc_path(request->pid, name, path);
    size_t used = read_file(path, walk->items.data + PHD_EVIDENCE_OFFSET);
    if (used)
        phd__evidence_put_text(walk, path, used);
}

/* Copy a text without the passwords of the URLs in it. */
static void copy_urls(struct phd_text *to, const uint8_t *text, size_t length, bool redact)
{
    size_t found, password;
    while (redact && (password = phd__url_password(text, length, &found))) {
        phd__text_bytes(to, text, password);
        phd__text_string(to, redacted);
        text += password + found;
        length -= password + found;
    }
    phd__text_bytes(to, text, length);
}

/* Copy one NUL-terminated "NAME=value" without the value of a secret; returns whether NAME alone is a secret's, so that
 * the next argument is its value ("--password", "xyz"). */
static bool copy_entry(struct phd_text *to, const uint8_t *entry, size_t length, bool is_value, bool redact)
{
    size_t name = 0;
    while (name < length && entry[name] != '=')
        name++;
    bool secret = redact && phd__name_verdict(entry, name) >= PHD_NAMES_TOKEN;
    if (is_value || (secret && name < length)) {
        phd__text_bytes(to, entry, is_value ? 0 : name + 1);
        phd__text_string(to, redacted);
    } else {
        copy_urls(to, entry, length, redact);
    }
    phd__text_bytes(to, "", 1);
    return secret && name == length && entry[0] == '-';
}

/* Where texts stand before their secrets are left out. */
static uint8_t *raw_texts(struct phd_walk *walk)
{
    return walk->items.data + PHD_EVIDENCE_OFFSET + MAX_PROC_BYTES + LINE_ROOM;
}

/* The `used` bytes of raw texts, separated by NUL, under the name of a file of /proc. */
static void put_strings(struct phd_walk *walk, const struct phd_request *request, const char *name, size_t used)
{
    char path[PHD_PROC_PATH];
    struct phd_text text;
    uint8_t *raw = raw_texts(walk);
    phd__proc_path(request->pid, name, path);
    bool is_value = false;
    phd__text_init(&text, (char *)walk->items.data + PHD_EVIDENCE_OFFSET, MAX_PROC_BYTES);
    for (size_t start = 0; start < used;) {
        size_t end = start;
        while (end < used && raw[end])
            end++;
        is_value = copy_entry(&text, raw + start, end - start, is_value, request->redact);
        start = end + 1;
    }
    if (used)
        phd__evidence_put_text(walk, path, text.used);
}

/* One line per open descriptor: its number and what it is open on. */
static void add_descriptor(const char *name, int directory, void *argument)
{
    char target[LINE_ROOM];
    struct phd_text *text = argument;
    ssize_t size = readlinkat(directory, name, target, sizeof target);
    phd__text_string(text, name);
    phd__text_string(text, " -> ");
    phd__text_bytes(text, target, size > 0 ? (size_t)size : 0);
    phd__text_string(text, "\n");
}

static void put_descriptors(struct phd_walk *walk, const struct phd_request *request)
{
    char path[PHD_PROC_PATH];
    struct phd_text text;
    phd__text_init(&text, (char *)walk->items.data + PHD_EVIDENCE_OFFSET, MAX_PROC_BYTES);
    phd__proc_path(request->pid, "fd", path);
    phd__directory_each(path, add_descriptor, &text);
    phd__evidence_put_text(walk, path, text.used);
}

/* Does /proc number processes as we do? In another pid namespace than the one that it was mounted in, the numbers are
 * those of other processes. */
static bool proc_is_ours(void)
{
    char own[PHD_PROC_PATH], target[PHD_PROC_PATH];
    struct phd_text text;
    phd__text_init(&text, own, sizeof own);
    phd__text_unsigned(&text, (uint64_t)getpid());
    ssize_t length = readlinkat(AT_FDCWD, "/proc/self", target, sizeof target);
    return length > 0 && (size_t)length == text.used && memcmp(own, target, text.used) == 0;
}

static void put_process(struct phd_walk *walk, const struct phd_request *request)
{
    static const char *const names[] = {"status", "limits", "cgroup", "stat", "statm", "maps"};
    static const char *const texts[] = {"cmdline", "environ"};
    char path[PHD_PROC_PATH];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        phd__proc_path(request->pid, texts[i], path);
        put_strings(walk, request, texts[i], read_file(path, raw_texts(walk)));
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put_file(walk, request, names[i]);
    put_descriptors(walk, request);
}

/* Texts of the process's memory from `start` to `end`. */
static void put_memory(struct phd_walk *walk, const struct phd_request *request, const char *name, uint64_t start,
                       uint64_t end)
{
    struct phd_guard guard;
    volatile size_t used = 0;
    uint64_t size = end - start < MAX_PROC_BYTES ? end - start : MAX_PROC_BYTES;
    if (PHD_GUARD(walk->memory, &guard)) {
        memcpy(raw_texts(walk), phd__view(walk->memory, start, size), size);
        used = size;
    }
    PHD_UNGUARD(walk->memory, &guard);
    put_strings(walk, request, name, used);
}

/* What the notes have of the command line: words with spaces between them. */
static void put_command(struct phd_walk *walk, const struct phd_request *request)
{
    size_t length = phd__string_length(request->core->command);
    uint8_t *raw = raw_texts(walk);
    for (size_t i = 0; i < length; i++)
        raw[i] = request->core->command[i] == ' ' ? 0 : (uint8_t)request->core->command[i];
    put_strings(walk, request, "cmdline", length);
}

/* A core has no /proc, and its process's id may be another one's by now. */
static void put_core(struct phd_walk *walk, const struct phd_request *request)
{
    const struct phd_core_source *core = request->core;
    if (core->arguments)
        put_memory(walk, request, "cmdline", core->arguments, core->environment);
    else
        put_command(walk, request);
    if (core->environment)
        put_memory(walk, request, "environ", core->environment, core->environment_end);
}

void phd__evidence_put(struct phd_walk *walk, const struct phd_request *request)
{
    if (request->core)
        put_core(walk, request);
    else if (proc_is_ours())
        put_process(walk, request);
    phd__distributions_put(walk, request);
    if (request->sources) {
        phd__sources_find(walk, request);
        phd__sources_put(walk);
    }
}
