/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of /proc about the dumped process. Context: crash.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "evidence/evidence.h"
#include "safe/text.h"

enum { MAX_PROC_BYTES = 256 * 1024, PATH_ROOM = 128, MAX_DESCRIPTORS = 4096, LINE_ROOM = 600 };

static void make_path(const struct phd_request *request, const char *name, char path[PATH_ROOM])
{
    struct phd_text text;
    phd__text_init(&text, path, PATH_ROOM - 1);
    phd__text_string(&text, "/proc/");
    phd__text_unsigned(&text, (uint64_t)request->pid);
    phd__text_string(&text, "/");
    phd__text_string(&text, name);
    path[text.used] = 0;
}

/* Write one PROC block; `content` stands in the items buffer behind the first 1 KiB, where the map is built. */
static void put_block(struct phd_walk *walk, const char *path, const uint8_t *content, size_t length)
{
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

static void put_file(struct phd_walk *walk, const struct phd_request *request, const char *name)
{
    char path[PATH_ROOM];
    uint8_t *content = walk->items.data + 1024;
    size_t used = 0;
    ssize_t length;
    make_path(request, name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    while (used < MAX_PROC_BYTES && (length = read(fd, content + used, MAX_PROC_BYTES - used)) > 0)
        used += (size_t)length;
    close(fd);
    put_block(walk, path, content, used);
}

/* The kernel's record of a directory entry (getdents64(2)). */
struct kernel_dirent {
    uint64_t d_ino;
    int64_t d_off;
    unsigned short d_reclen;
    unsigned char d_type;
    char d_name[];
};

/* One line per open descriptor: its number and what it is open on. */
static void put_descriptors(struct phd_walk *walk, const struct phd_request *request)
{
    char path[PATH_ROOM], entries[4096], target[LINE_ROOM];
    struct phd_text text;
    phd__text_init(&text, (char *)walk->items.data + 1024, MAX_PROC_BYTES);
    make_path(request, "fd", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    long length;
    while ((length = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0) {
        for (long at = 0; at < length;) {
            const struct kernel_dirent *entry = (const struct kernel_dirent *)(const void *)(entries + at);
            at += entry->d_reclen;
            if (entry->d_name[0] == '.')
                continue;
            ssize_t size = readlinkat(fd, entry->d_name, target, sizeof target);
            phd__text_string(&text, entry->d_name);
            phd__text_string(&text, " -> ");
            phd__text_bytes(&text, target, size > 0 ? (size_t)size : 0);
            phd__text_string(&text, "\n");
        }
    }
    close(fd);
    put_block(walk, path, (const uint8_t *)text.data, text.used);
}

void phd__evidence_put(struct phd_walk *walk, const struct phd_request *request)
{
    static const char *const names[] = {"cmdline", "status", "limits", "cgroup", "maps", "stat"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put_file(walk, request, names[i]);
    put_descriptors(walk, request);
    if (request->sources)
        phd__sources_put(walk, request);
}
