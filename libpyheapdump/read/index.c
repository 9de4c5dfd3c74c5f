/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading or rebuilding the index; see index.h.
 *
 * The index has no checksum, but it is full of redundancy: blocks follow each other without a gap, and so do the ids
 * of OBJECTS blocks. An index that breaks this is not believed at all and the descriptors are walked instead.
 *
 * The walk takes one descriptor, jumps over its frame to the next, and so on. Where no descriptor stands as expected,
 * it searches for the next one from the frame of the last good block on, because that block's size may be what is
 * wrong. The start of such searches only moves forward, so the whole walk reads the file at most twice.
 *
 * Nothing but the ids protects a descriptor here. Where those of an OBJECTS block do not continue the last ones, either
 * its own descriptor is damaged, or that of the block before it; the content of the latter tells.
 */
#include "index.h"

#include "loaded.h"
#include "token.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "PHDINDEX"
#define MARK_SIZE ((uint64_t)8)
#define TAIL_SIZE ((uint64_t)12) /* behind the array: its size and the mark */
#define MAX_ENTRY_SIZE ((uint64_t)64)
#define MAX_CHECKS 64 /* blocks that the walk unpacks to see whether they are what their descriptors say */

void phd__problem(struct phd__problems *problems, const char *format, ...)
{
    char text[320];
    if (problems->count > PHD__MAX_PROBLEMS)
        return;
    if (problems->count++ == PHD__MAX_PROBLEMS) {
        problems->tell(problems->argument, "there is more damage; it is not listed");
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    problems->tell(problems->argument, text);
}

static enum phd__read_status append(struct phd__index *index, const struct phd__block *block,
                                    struct phd__read_error *error)
{
    if (index->count == PHD__MAX_BLOCKS)
        return phd__read_fail(error, PHD__READ_LIMIT, "has more than %zu blocks", PHD__MAX_BLOCKS);
    if (index->count == index->capacity) {
        size_t capacity = index->capacity ? index->capacity * 2 : 256;
        struct phd__block *blocks = realloc(index->blocks, capacity * sizeof *blocks);
        if (blocks == NULL)
            return phd__read_fail_memory(error);
        index->blocks = blocks;
        index->capacity = capacity;
    }
    index->blocks[index->count++] = *block;
    return PHD__READ_OK;
}

/* --- the index at the end --- */

/* Does `block` follow where the block before it ended, at `*end` at the earliest? Moves `*end` behind it. */
static bool follows(const struct phd__block *block, uint64_t *end, uint64_t *next_id, bool is_first)
{
    uint64_t earliest = *end + (is_first ? 0 : PHD__MIN_DESCRIPTOR);
    uint64_t latest = is_first ? 0 : *end + PHD__MAX_DESCRIPTOR;
    if (block->position < earliest || block->position > latest)
        return false;
    if (block->kind == PHD__BLOCK_OBJECTS) {
        if (block->first != *next_id)
            return false;
        *next_id = block->first + block->count;
    }
    *end = block->position + block->stored_size;
    return true;
}

/* Takes all entries. `size` is where the index begins in the part. PHD__READ_DAMAGED when they contradict the format. */
static enum phd__read_status take_entries(struct phd__index *index, struct phd__cursor cursor, uint64_t size,
                                          struct phd__read_error *error)
{
    struct phd__token array;
    if (!phd__token_next(&cursor, &array) || array.type != PHD__TOKEN_ARRAY)
        return phd__read_fail(error, PHD__READ_DAMAGED, "no array");
    uint64_t end = 0, next_id = 0;
    for (uint32_t i = 0; i < array.size; i++) {
        struct phd__block block;
        if (!phd__block_take(&cursor, true, &block) || block.position >= size ||
            !follows(&block, &end, &next_id, i == 0))
            return phd__read_fail(error, PHD__READ_DAMAGED, "entry %" PRIu32, i);
        enum phd__read_status status = append(index, &block, error);
        if (status != PHD__READ_OK)
            return status;
    }
    if (cursor.at != cursor.end || (array.size > 0 && (size < end + PHD__MIN_DESCRIPTOR)))
        return phd__read_fail(error, PHD__READ_DAMAGED, "its end");
    return PHD__READ_OK;
}

/* Finds the array of the index: its place in the file and its size. */
static enum phd__read_status find_array(const struct phd__input *input, const struct phd__message *message,
                                        uint64_t *ret_position, uint32_t *ret_size, struct phd__read_error *error)
{
    uint64_t mark = 0;
    enum phd__read_status status = phd__input_find_last(input, message->part_end, MARK, MARK_SIZE, &mark, error);
    if (status != PHD__READ_OK)
        return status;
    uint8_t head[8], tail[4];
    status = phd__input_read(input, mark >= 4 ? mark - 4 : 0, tail, sizeof tail, error);
    if (status != PHD__READ_OK)
        return status;
    uint64_t size = phd__little_endian32(tail);
    if (mark < message->part_start || mark - message->part_start < size + 4 + sizeof head)
        return phd__read_fail(error, PHD__READ_DAMAGED, "its size");
    uint64_t position = mark - 4 - size;
    status = phd__input_read(input, position - sizeof head, head, sizeof head, error);
    if (status != PHD__READ_OK)
        return status;
    if (phd__little_endian32(head) != PHD__INDEX_MAGIC || phd__little_endian32(head + 4) != size + TAIL_SIZE)
        return phd__read_fail(error, PHD__READ_DAMAGED, "its head");
    if (size > PHD__MAX_BLOCKS * MAX_ENTRY_SIZE)
        return phd__read_fail(error, PHD__READ_LIMIT, "has an index for more than %zu blocks", PHD__MAX_BLOCKS);
    *ret_position = position;
    *ret_size = (uint32_t)size;
    return PHD__READ_OK;
}

static enum phd__read_status read_index(struct phd__index *index, const struct phd__input *input,
                                        const struct phd__message *message, struct phd__read_error *error)
{
    uint64_t position = 0;
    uint32_t size = 0;
    enum phd__read_status status = find_array(input, message, &position, &size, error);
    if (status != PHD__READ_OK)
        return status;
    uint8_t *array = malloc((size_t)size + 1);
    if (array == NULL)
        return phd__read_fail_memory(error);
    status = phd__input_read(input, position, array, size, error);
    if (status == PHD__READ_OK)
        status =
            take_entries(index, (struct phd__cursor){array, array + size}, position - 8 - message->part_start, error);
    free(array);
    return status;
}

/* --- the walk over the descriptors --- */

struct walk {
    struct phd__index *index;
    const struct phd__input *input;
    const struct phd__message *message;
    struct phd__problems *problems;
    uint64_t at;            /* in the part: where the next block is expected */
    uint64_t resync;        /* in the part: where a search for the next descriptor begins */
    uint64_t next_id;       /* of the next OBJECTS block */
    bool gap;               /* damage since the last OBJECTS block: ids may be missing */
    struct phd__block last; /* the block before this one; kind 0: there is none that counts */
    unsigned checks;        /* blocks that were unpacked */
};

enum found { FOUND_BLOCK, FOUND_INDEX, FOUND_NOTHING };

/* What stands at `at` in the part? */
static enum found look(const struct walk *walk, uint64_t at, struct phd__block *ret, size_t *ret_size)
{
    uint8_t bytes[PHD__MAX_DESCRIPTOR];
    struct phd__read_error ignored; /* unreadable counts as nothing there; the walk says what is missing */
    uint64_t left = walk->message->part_end - walk->message->part_start - at;
    size_t size = left < sizeof bytes ? (size_t)left : sizeof bytes;
    if (size < 8 || phd__input_read(walk->input, walk->message->part_start + at, bytes, size, &ignored) != PHD__READ_OK)
        return FOUND_NOTHING;
    if (phd__little_endian32(bytes) == PHD__INDEX_MAGIC)
        return FOUND_INDEX;
    ret->position = at;
    return phd__descriptor_parse(bytes, size, ret, ret_size) ? FOUND_BLOCK : FOUND_NOTHING;
}

/* Finds the next descriptor that can be parsed, from walk->resync on, and moves walk->at there. */
static enum phd__read_status search(struct walk *walk, struct phd__read_error *error)
{
    static const uint8_t magic[4] = {0x50, 0x2A, 0x4D, 0x18};
    uint64_t start = walk->message->part_start;
    uint64_t from = walk->resync;
    for (;;) {
        uint64_t position = 0;
        enum phd__read_status status =
            phd__input_find(walk->input, start + from, walk->message->part_end, magic, sizeof magic, &position, error);
        if (status != PHD__READ_OK)
            return status;
        struct phd__block block;
        size_t size = 0;
        if (look(walk, position - start, &block, &size) == FOUND_BLOCK) {
            walk->at = position - start;
            return PHD__READ_OK;
        }
        from = position - start + 1;
    }
}

/* Is the block before this one what its descriptor says? What cannot be checked counts as sound, but for blocks of a
 * kind that no version of ours writes. */
static bool last_is_sound(struct walk *walk)
{
    struct phd__loaded loaded;
    struct phd__read_error ignored; /* the block's damage is told when it is asked for */
    if (walk->last.kind > PHD__BLOCK_END)
        return false;
    if (walk->last.kind == 0 || walk->checks == MAX_CHECKS)
        return true;
    walk->checks++;
    enum phd__read_status status =
        phd__loaded_init(&loaded, walk->input, walk->message->part_start, &walk->last, &ignored);
    if (status == PHD__READ_OK)
        phd__loaded_deinit(&loaded);
    return status != PHD__READ_DAMAGED;
}

/* Is the id range of an OBJECTS block possible here? It must continue the last one, unless something between them, or
 * the count of the last one, is damaged. */
static bool ids_are_possible(struct walk *walk, const struct phd__block *block)
{
    if (block->first == walk->next_id)
        return true;
    if (walk->gap)
        return block->first > walk->next_id;
    if (last_is_sound(walk))
        return false;
    return block->first > (walk->last.kind == PHD__BLOCK_OBJECTS ? walk->last.first : walk->next_id);
}

static bool is_plausible(struct walk *walk, const struct phd__block *block)
{
    if (block->kind != PHD__BLOCK_OBJECTS)
        return true;
    if (!ids_are_possible(walk, block)) {
        walk->gap = true;
        phd__problem(walk->problems,
                     "block at byte %" PRIu64 ": its descriptor is damaged (ids from %" PRIu64 ", expected %" PRIu64
                     ")",
                     block->position, block->first, walk->next_id);
        return false;
    }
    walk->next_id = block->first + block->count;
    walk->gap = false;
    return true;
}

/* Takes the block at walk->at and moves behind it. */
static enum phd__read_status take_block(struct walk *walk, const struct phd__block *block, size_t descriptor_size,
                                        struct phd__read_error *error)
{
    uint64_t size = walk->message->part_end - walk->message->part_start;
    uint64_t frame = block->position + descriptor_size;
    walk->resync = frame;
    walk->at = frame + block->stored_size;
    if (block->stored_size > size - frame) {
        phd__problem(walk->problems, "block at byte %" PRIu64 ": it is cut by the end of the file", block->position);
        walk->gap = true;
        return PHD__READ_OK;
    }
    bool plausible = is_plausible(walk, block);
    walk->last = plausible ? *block : (struct phd__block){.kind = 0};
    return plausible ? append(walk->index, block, error) : PHD__READ_OK;
}

/* Damage at walk->at: go on at the next descriptor. */
static enum phd__read_status recover(struct walk *walk, struct phd__read_error *error)
{
    uint64_t size = walk->message->part_end - walk->message->part_start;
    uint64_t damaged = walk->at;
    enum phd__read_status status = search(walk, error);
    if (status == PHD__READ_OK) {
        phd__problem(walk->problems, "damage at byte %" PRIu64 "; the next block is found at byte %" PRIu64, damaged,
                     walk->at);
        walk->gap = true;
    } else if (status == PHD__READ_NOT_FOUND && damaged < size) {
        phd__problem(walk->problems, "damage at byte %" PRIu64 "; no block follows", damaged);
    }
    return status;
}

static enum phd__read_status walk_descriptors(struct walk *walk, struct phd__read_error *error)
{
    uint64_t size = walk->message->part_end - walk->message->part_start;
    for (;;) {
        struct phd__block block;
        size_t descriptor_size = 0;
        enum found found = walk->at < size ? look(walk, walk->at, &block, &descriptor_size) : FOUND_NOTHING;
        if (found == FOUND_INDEX || walk->at == size)
            return PHD__READ_OK;
        enum phd__read_status status =
            found == FOUND_BLOCK ? take_block(walk, &block, descriptor_size, error) : recover(walk, error);
        if (status == PHD__READ_NOT_FOUND)
            return PHD__READ_OK;
        if (status != PHD__READ_OK)
            return status;
    }
}

enum phd__read_status phd__index_init(struct phd__index *index, const struct phd__input *input,
                                      const struct phd__message *message, struct phd__problems *problems,
                                      struct phd__read_error *error)
{
    memset(index, 0, sizeof *index);
    if (message->is_cut)
        phd__problem(problems, "the file is cut: the end of the message is missing after byte %" PRIu64, input->size);
    enum phd__read_status status = read_index(index, input, message, error);
    if (status == PHD__READ_OK) {
        index->found = true;
        return PHD__READ_OK;
    }
    if (status == PHD__READ_NOT_FOUND)
        phd__problem(problems, "the index is missing; the blocks are found by walking through the file");
    else if (status == PHD__READ_DAMAGED)
        phd__problem(problems, "the index is damaged (%s); the blocks are found by walking through the file",
                     error->text);
    else
        return status;
    index->count = 0;
    struct walk walk = {.index = index, .input = input, .message = message, .problems = problems};
    return walk_descriptors(&walk, error);
}

void phd__index_deinit(struct phd__index *index)
{
    free(index->blocks);
    memset(index, 0, sizeof *index);
}
