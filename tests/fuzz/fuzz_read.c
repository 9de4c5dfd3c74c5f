/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of dumps (read/, graph/) under libFuzzer, with the sanitizers: the files are well formed around contents
 * that are not.
 *
 * What is mutated is not a file but what a file is made of: a few blocks, each with its numbers and its content as it is
 * before compression. The file is made of that here, with sizes, checksums and index as they should be, so that
 * mutations reach what is behind them. The mutator changes the contents of one block, or puts a record of a kind that
 * the format has into it.
 *
 *     build/sanitize/fuzz_read -seed=1 -runs=100000 -max_len=8192   (as ctest does)
 *     build/sanitize/fuzz_read -max_total_time=3600 CORPUS  (a folder, in which it keeps what was new)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "graph/contents.h"
#include "graph/largest.h"
#include "read/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* ---- the input: blocks ---- */

#define MAX_BLOCKS 15          /* as many as the shortest array of msgpack holds */
#define MAX_CONTENT (4 * 1024) /* bytes of one block */

struct part {
    uint8_t kind;
    uint8_t first, count, offset; /* small numbers as they are, of those above 250 the ends of their ranges */
    uint8_t size[2];              /* of the content that follows */
};

static uint64_t number(uint8_t byte)
{
    static const uint64_t large[] = {PHD__MAX_ID, PHD__MAX_ID - 1, PHD__MAX_RECORDS, 1ULL << 32, 4096};
    return byte > 250 ? large[byte - 251] : byte;
}

static size_t content_size(const struct part *part)
{
    return part->size[0] | part->size[1] << 8;
}

/* ---- the file ---- */

struct file {
    uint8_t at[MAX_BLOCKS * (ZSTD_COMPRESSBOUND(MAX_CONTENT) + PHD__MAX_DESCRIPTOR) + 8192];
    size_t size;
};

static struct file file, entries;

static void add(struct file *to, const void *data, size_t size)
{
    memcpy(to->at + to->size, data, size);
    to->size += size;
}

static void add_number(struct file *to, uint64_t value)
{
    uint8_t packed[9] = {0xcf};
    for (int i = 0; i < 8; i++)
        packed[1 + i] = (uint8_t)(value >> (56 - 8 * i));
    add(to, packed, sizeof packed);
}

static void add_frame_header(struct file *to, uint32_t magic, uint32_t size)
{
    add(to, &magic, sizeof magic); /* little-endian, as are the machines of the tests */
    add(to, &size, sizeof size);
}

static void add_fields(struct file *to, const struct part *part, size_t stored)
{
    const uint64_t fields[] = {part->kind, number(part->first), number(part->count), content_size(part),
                               stored,     number(part->offset)};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        add_number(to, fields[i]);
}

static void add_block(const struct part *part, const uint8_t *content, size_t part_start)
{
    static uint8_t frame[ZSTD_COMPRESSBOUND(MAX_CONTENT)];
    static ZSTD_CCtx *context;
    if (!context) {
        context = ZSTD_createCCtx();
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
    }
    size_t stored = ZSTD_compress2(context, frame, sizeof frame, content, content_size(part));
    add(&entries, "\x97", 1);
    add_number(&entries, file.size - part_start);
    add_fields(&entries, part, stored);
    add_frame_header(&file, PHD__DESCRIPTOR_MAGIC, 1 + 6 * 9);
    add(&file, "\x96", 1);
    add_fields(&file, part, stored);
    add(&file, frame, stored);
}

/* Makes the file of the input. An odd size leaves the index out, so that the reader has to find the blocks. */
static void make_file(const uint8_t *data, size_t size)
{
    static const char head[] = "X-Python-Heapdump-Version: 3\n\n--b\nContent-Type: application/x.python-heapdump\n\n";
    bool index = size % 2 == 0;
    uint32_t count = 0;
    file.size = entries.size = 0;
    add(&file, head, sizeof head - 1);
    size_t part_start = file.size;
    add(&entries, "\x90", 1);
    while (count < MAX_BLOCKS && size >= sizeof(struct part)) {
        struct part part;
        memcpy(&part, data, sizeof part);
        data += sizeof part, size -= sizeof part;
        size_t content = content_size(&part) % (MAX_CONTENT + 1);
        content = content < size ? content : size;
        part.size[0] = (uint8_t)content, part.size[1] = (uint8_t)(content >> 8);
        add_block(&part, data, part_start);
        data += content, size -= content;
        count++;
    }
    entries.at[0] = (uint8_t)(0x90 | count);
    if (index) {
        uint32_t bytes = (uint32_t)entries.size;
        add(&entries, &bytes, sizeof bytes);
        add(&entries, "PHDINDEX", 8);
        add_frame_header(&file, PHD__INDEX_MAGIC, (uint32_t)entries.size);
        add(&file, entries.at, entries.size);
    }
    add(&file, "\n--b--\n", 7);
}

/* ---- reading all of it ---- */

static void no_problem(void *argument, const char *text)
{
    (void)argument, (void)text;
}

static void no_reference(void *argument, uint64_t first, uint64_t count)
{
    (void)argument, (void)first, (void)count;
}

static bool go_on(void *argument)
{
    (void)argument;
    return true;
}

static void read_objects(struct phd__loaded *loaded, const struct phd__block *block)
{
    struct phd__read_error error;
    for (uint64_t i = 0; i < block->count; i++) {
        struct phd__contents contents = {.id = block->first + i, .tell = no_reference};
        phd__contents_of_record(phd__loaded_record(loaded, i), &contents);
    }
    phd__loaded_addresses(loaded, block, &error);
}

static void read_items(struct phd__loaded *loaded, const struct phd__block *block)
{
    for (uint64_t i = 0; i < block->count && i < 1000; i++) {
        uint64_t before, count, wanted = i < 900 ? i : block->count - 1 - (i - 900);
        struct phd__cursor cursor = phd__loaded_value(loaded, wanted, &before);
        phd__take_value(&cursor, &count);
    }
    struct phd__contents contents = {.id = block->first, .tell = no_reference};
    phd__contents_add_items((struct phd__cursor){loaded->content, loaded->content + loaded->size}, &contents);
}

static void read_block(struct phd__reader *reader, size_t number)
{
    const struct phd__block *block = &phd__reader_index(reader)->blocks[number];
    struct phd__read_error error;
    struct phd__loaded *loaded;
    if (phd__reader_acquire(reader, number, &loaded, &error) != PHD__READ_OK)
        return;
    if (block->kind == PHD__BLOCK_OBJECTS)
        read_objects(loaded, block);
    else if (block->kind == PHD__BLOCK_ITEMS)
        read_items(loaded, block);
    phd__reader_release(reader, number);
}

static void read_file(const char *path)
{
    struct phd__reader *reader;
    struct phd__read_error error;
    struct phd__largest largest;
    if (phd__reader_open(path, no_problem, NULL, &reader, &error) != PHD__READ_OK)
        return;
    for (size_t i = 0; i < phd__reader_index(reader)->count; i++)
        read_block(reader, i);
    for (uint64_t id = 0; id < 20; id++) {
        size_t found;
        phd__reader_find_object(reader, id, &found);
        for (size_t at = phd__reader_first_piece(reader, PHD__BLOCK_ITEMS, id, id);
             phd__reader_piece(reader, at, PHD__BLOCK_ITEMS, id, &found);)
            at++;
    }
    if (phd__reader_object_count(reader) < 1 << 22 && /* its memory is of that order */
        phd__largest_init(&largest, reader, 10, go_on, NULL, &error) == PHD__READ_OK)
        phd__largest_deinit(&largest);
    phd__reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int descriptor = -1;
    static char path[32];
    if (descriptor < 0) {
        descriptor = memfd_create("dump", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    }
    make_file(data, size);
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, file.at, file.size, 0) != (ssize_t)file.size)
        abort();
    read_file(path);
    return 0;
}

/* ---- the mutator ---- */

#define TEXT(bytes)                                                                                                    \
    {                                                                                                                  \
        bytes, sizeof bytes - 1                                                                                        \
    }

/* Records and values of docs/format.md: a mutation begins with what the reader understands. */
static const struct {
    const char *bytes;
    size_t size;
} samples[] = {
    TEXT("\x92\x02\x05"),                         /* INT */
    TEXT("\x92\x05\xa3one"),                      /* STR */
    TEXT("\x92\x07\xc4\x02xy"),                   /* BYTEARRAY */
    TEXT("\x94\x09\xc0\xd4\x01\x01\xd4\x02\x00"), /* LIST of nil, the next object, the first one */
    TEXT("\x95\x0a\xa1k\x01\xa1l\xd4\x02\x01"),   /* DICT */
    TEXT("\x96\x01\xd4\x02\x00\x92\x09\x01\x81\xa1k\x02\x91\x03\x91\xd7\x07\0\0\x7f\0\0\0\0\0"), /* OBJECT */
    TEXT("\x92\x0d\x82\xa4name\xa1T\xa9"
         "basicsize\x10"), /* TYPE */
    TEXT("\x92\x0e\x82\xa4"
         "code\xd4\x02\x01\xa6locals\x81\xa1x\x05"), /* FRAME */
    TEXT("\x93\x10\x09\xcd\x10\x00"),                /* SPLIT list of 4096 */
    TEXT("\x93\x11\x01\x81\xa6"
         "fields\x81\xa1"
         "a\x01"),                                                      /* MAPPED */
    TEXT("\x97\x12\x07\x08\xc0\xd4\x02\x00\x00\x08"),                   /* SHARED */
    TEXT("\xd8\x03\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\x03\xe8"),             /* a run of 1000 */
    TEXT("\xd8\x03\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\x02"), /* a run beyond the end */
    TEXT("\x81\xa1"
         "a\x92\x01\x10"),                 /* the addresses of two objects */
    TEXT("\xc7\x05\x06\x92\xa1n\xcc\x80"), /* left out */
    TEXT("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
         "\x91\x91\x91\x91\x91\x91\x91\x91\xc0"), /* nested too deep */
};

/* A new block at the end. Returns the new size. */
static size_t add_sample(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static const uint8_t kinds[] = {PHD__BLOCK_OBJECTS, PHD__BLOCK_OBJECTS, PHD__BLOCK_ITEMS, PHD__BLOCK_CONTENT,
                                    PHD__BLOCK_ROOTS};
    struct part part = {.kind = kinds[seed % sizeof kinds], .first = seed >> 8 & 7, .count = 0};
    size_t content = 0;
    uint8_t bytes[512];
    for (unsigned wanted = 1 + (seed >> 16 & 3); part.count < wanted; part.count++) {
        unsigned chosen = (seed >> part.count) % (sizeof samples / sizeof *samples);
        memcpy(bytes + content, samples[chosen].bytes, samples[chosen].size);
        content += samples[chosen].size;
    }
    if (part.kind == PHD__BLOCK_OBJECTS) {
        memcpy(bytes + content,
               "\x81\xa1"
               "a\x90",
               4); /* the map of columns, and room for it to be right */
        bytes[content + 3] = (uint8_t)(0x90 | part.count);
        memset(bytes + content + 4, 0x10, part.count);
        content += 4 + part.count;
    }
    part.size[0] = (uint8_t)content, part.size[1] = (uint8_t)(content >> 8);
    if (size + sizeof part + content > max_size)
        return size;
    memcpy(data + size, &part, sizeof part);
    memcpy(data + size + sizeof part, bytes, content);
    return size + sizeof part + content;
}

/* The bytes of one block's content are mutated, and stay its content. Returns the new size; 0: there was no block. */
static size_t mutate_content(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size_t at = 0;
    for (unsigned skip = seed % 8; at + sizeof(struct part) <= size; skip--) {
        struct part *part = (struct part *)(data + at);
        size_t content = content_size(part), start = at + sizeof *part;
        if (start + content > size)
            return 0;
        if (skip == 0 || start + content + sizeof *part > size) {
            static uint8_t changed[MAX_CONTENT];
            size_t room = max_size - (size - content) < MAX_CONTENT ? max_size - (size - content) : MAX_CONTENT;
            if (content > room)
                return 0;
            memcpy(changed, data + start, content);
            size_t now = LLVMFuzzerMutate(changed, content, room);
            memmove(data + start + now, data + start + content, size - start - content);
            memcpy(data + start, changed, now);
            part->size[0] = (uint8_t)now, part->size[1] = (uint8_t)(now >> 8);
            return size - content + now;
        }
        at = start + content;
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size_t mutated = 0;
    if (seed % 16 < 3)
        return add_sample(data, size, max_size, seed >> 4);
    if (seed % 16 < 14)
        mutated = mutate_content(data, size, max_size, seed >> 4);
    return mutated ? mutated : LLVMFuzzerMutate(data, size, max_size);
}
