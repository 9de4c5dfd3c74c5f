/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole dump of a fake process, written in place: what is in the file, limits, and memory that runs out at any point.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
#include "support/cmocka_header.h"
#include "support/fake_process.h"
#include "support/memory_refusal.h"
#include "support/walked.h"

static struct fake_process process;
static struct phd_result result;
static struct phd_error error;
static struct walked dump;

static enum phd_status write_dump(void)
{
    struct phd_memory memory;
    memset(&error, 0, sizeof error);
    assert_int_equal(phd__memory_self_open(&memory, &error), PHD_OK);
    enum phd_status status = phd__dump_write(&process.request, &memory, "in place", &result, &error);
    phd__memory_self_close(&memory);
    return status;
}

static int set_up(void **state)
{
    (void)state;
    fake_process_open(&process, 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_process_close(&process);
    return 0;
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%.4000s\"", part, text);
}

/* The readable part of the file. */
static const char *head_of_file(void)
{
    static char text[3 * 1024 * 1024];
    FILE *file = fopen(fake_process_path(&process, "dump"), "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0; /* ends at the first NUL byte of the binary part */
    fclose(file);
    return text;
}

static void a_dump_has_all_its_parts(void **state)
{
    (void)state;
    assert_int_equal(write_dump(), PHD_OK);
    assert_int_equal(fake_process_file(&process, "dump.tmp"), -1);
    assert_int_equal(fake_process_file(&process, "dump"), (int64_t)result.bytes);
    assert_contains(head_of_file(), "Subject: [pyheapdump] ValueError: no such order");
    assert_contains(head_of_file(), "Date: Sat, 21 Nov 2026 08:00:00 +0000\n");
    assert_contains(head_of_file(), "ValueError: no such order\n");
    assert_contains(head_of_file(), "\nThread <unnamed> (ident 1000), most recent call first:\n  <no Python frame>\n");
    walked_open(&dump, fake_process_path(&process, "dump"));
    assert_int_equal(dump.problems, 0);
    assert_int_equal(dump.objects, result.objects);
    assert_contains(walked_block(&dump, PHD__BLOCK_FACTS, 0), "snapshot: 'in place', gil_held: true");
    assert_contains(walked_block(&dump, PHD__BLOCK_ROOTS, 0), "exception: +0, traceback: nil, threads: [{ident: 1001");
    assert_contains(walked_block(&dump, PHD__BLOCK_ROOTS, 1), "modules: ");
    assert_contains(walked_block(&dump, PHD__BLOCK_END, 0), "complete: true");
    assert_true(result.complete);
    walked_close(&dump);
}

static void the_file_is_for_its_owner_only(void **state)
{
    struct stat info;
    mode_t before = umask(0);
    (void)state;
    enum phd_status status = write_dump();
    umask(before);
    assert_int_equal(status, PHD_OK);
    assert_int_equal(fstatat(process.directory, "dump", &info, 0), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void another_file_is_never_replaced(void **state)
{
    (void)state;
    assert_int_equal(write_dump(), PHD_OK);
    int64_t size = fake_process_file(&process, "dump");
    process.request.time_ns += 1000000000;
    process.request.reason = "something longer than before";
    process.request.exception = 0;
    assert_int_equal(write_dump(), PHD_ERROR_WRITE);
    assert_string_equal(error.step, "rename");
    assert_int_equal(fake_process_file(&process, "dump"), size);
    assert_contains(head_of_file(), "08:00:00");
}

static void an_unknown_version_leaves_no_file(void **state)
{
    (void)state;
    process.request.python_version = 3 << 8 | 99;
    assert_int_equal(write_dump(), PHD_ERROR_LAYOUT);
    assert_int_equal(fake_process_file(&process, "dump.tmp"), -1);
    assert_int_equal(fake_process_file(&process, "dump"), -1);
}

/* More threads than the text has room for: the binary part must begin all the same. */
static void many_threads_do_not_hide_the_binary_part(void **state)
{
    (void)state;
    fake_process_close(&process);
    fake_process_open(&process, 18000);
    assert_int_equal(write_dump(), PHD_OK);
    assert_contains(head_of_file(), "\n... the text is cut, the rest is in the binary part\n");
    walked_open(&dump, fake_process_path(&process, "dump"));
    assert_int_equal(dump.problems, 0);
    assert_contains(walked_block(&dump, PHD__BLOCK_END, 0), "complete: ");
    walked_close(&dump);
}

static void a_list_of_threads_that_is_a_cycle_ends(void **state)
{
    (void)state;
    heap_set_word(process.threads, process.heap.at->thread_next, process.threads);
    process.request.thread = 0;
    assert_int_equal(write_dump(), PHD_OK);
    walked_open(&dump, fake_process_path(&process, "dump"));
    assert_int_equal(dump.problems, 0);
    walked_close(&dump);
}

/* The threads up to the broken link are there, and the block is well-formed. */
static void a_list_of_threads_that_breaks_off_keeps_its_beginning(void **state)
{
    (void)state;
    heap_set_word(process.threads, process.heap.at->thread_next, process.heap.unmapped);
    assert_int_equal(write_dump(), PHD_OK);
    walked_open(&dump, fake_process_path(&process, "dump"));
    assert_int_equal(dump.problems, 0);
    assert_contains(walked_block(&dump, PHD__BLOCK_ROOTS, 0), "threads: [{ident: 1001, ");
    assert_contains(walked_block(&dump, PHD__BLOCK_ROOTS, 0), "problem: 'not mapped'}]}");
    assert_int_equal(dump.problems, 0);
    walked_close(&dump);
}

/* Everything the request points to is broken; the message is complete and says what there is. */
static void broken_roots_leave_a_readable_dump(void **state)
{
    (void)state;
    process.request.runtime = process.heap.unmapped;
    process.request.thread = process.heap.unmapped;
    process.request.exception = process.heap.unmapped;
    process.request.traceback = process.heap.unmapped;
    assert_int_equal(write_dump(), PHD_OK);
    assert_contains(head_of_file(), "<unreadable exception>");
    walked_open(&dump, fake_process_path(&process, "dump"));
    assert_contains(walked_block(&dump, PHD__BLOCK_ROOTS, 0), "exception: missing(not mapped)");
    assert_contains(walked_block(&dump, PHD__BLOCK_ROOTS, 1), "{modules: missing(not mapped)}");
    assert_int_equal(dump.problems, 0);
    assert_contains(walked_block(&dump, PHD__BLOCK_END, 0), "complete: false");
    walked_close(&dump);
}

static void thread_names_cannot_drive_a_terminal(void **state)
{
    struct heap *heap = &process.heap;
    uint64_t text = heap_new_str(heap, "x\x1b]0;title\a\nSubject: y");
    uint64_t type = heap_new_type(heap, "Esc\x1b[2J", heap->object, 16, 0);
    (void)state;
    fake_process_raise(&process, heap_new_object(heap, type, 16));
    process.request.python_text = "3.11\n\nbody";
    assert_int_equal(write_dump(), PHD_OK);
    assert_contains(head_of_file(), "ValueError: <Esc?[2J at 0x");
    assert_null(memchr(head_of_file(), '\x1b', strcspn(head_of_file(), "\x50"))); /* up to the first block */
    fake_process_raise(&process, text);
    process.request.final_name = "dump2";
    assert_int_equal(write_dump(), PHD_OK);
}

enum { LISTS = 60000, SAMPLE = 7 /* every so many are looked at */ };

/* Many lists, each with its own number, so that a record tells whose it is; a large list refers to each twice in a row. */
static uint64_t *many_lists(void)
{
    uint64_t *lists = malloc(LISTS * sizeof *lists), *twice = malloc(2 * LISTS * sizeof *twice);
    assert_true(lists && twice);
    for (int i = 0; i < LISTS; i++) {
        lists[i] = heap_shared(&process.heap, LIST(&process.heap, heap_new_int(&process.heap, i)));
        twice[2 * i] = twice[2 * i + 1] = lists[i];
    }
    fake_process_raise(&process, heap_new_list(&process.heap, 2 * LISTS, twice));
    free(twice);
    return lists;
}

static int compare_words(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Each record that is a list of one number must be the one that its address says. `lists` is sorted by address and so
 * by number. Returns how many there were. */
static unsigned assert_records_are_whose_they_say(uint64_t *lists)
{
    unsigned found = 0;
    for (uint64_t id = 0; id < dump.objects; id += SAMPLE) {
        uint64_t address = walked_address(&dump, id);
        uint64_t *place = bsearch(&address, lists, LISTS, sizeof *lists, compare_words);
        char expected[32];
        if (!place)
            continue;
        snprintf(expected, sizeof expected, "[9, %d]", (int)(place - lists));
        assert_string_equal(walked_record(&dump, id), expected);
        found++;
    }
    return found;
}

/* Takes one value of the text of an ITEMS block; the id that it refers to, or UINT64_MAX when it is missing. */
static uint64_t take_reference(const char **text, uint64_t owner)
{
    char *end;
    uint64_t id = UINT64_MAX;
    if (**text == '+' || **text == '@') {
        id = strtoull(*text + 1, &end, 10) + (**text == '+' ? owner : 0);
    } else {
        assert_memory_equal(*text, "missing(no memory for the walk)", 31);
        end = strchr(*text, ')') + 1;
    }
    *text = *end ? end + 1 : end;
    return id;
}

/* Value i of the large list is list i / 2, or missing; never another object. */
static void assert_references_lead_to_the_lists(const uint64_t *lists)
{
    uint64_t owner = 0;
    while (owner < dump.objects && strcmp(walked_record(&dump, owner), "[16, 9, 120000]") != 0)
        owner++;
    const char *text = owner < dump.objects ? walked_items(&dump, owner) : "";
    char *copy = strdup(text);
    text = copy;
    for (int i = 0; *text; i++) {
        uint64_t id = take_reference(&text, owner);
        if (id < dump.objects)
            assert_int_equal(walked_address(&dump, id), lists[i / 2]);
    }
    free(copy);
}

static void dump_without_memory_from(unsigned call, bool for_good, uint64_t *lists, bool *refused)
{
    refuse_memory(call, for_good);
    enum phd_status status = write_dump();
    *refused = allow_memory() >= call;
    if (status != PHD_OK) {
        assert_true(*refused);
        assert_int_equal(status, PHD_ERROR_MEMORY);
        assert_int_equal(error.status, PHD_ERROR_MEMORY);
        assert_int_equal(fake_process_file(&process, "dump.tmp"), -1);
        return;
    }
    walked_open(&dump, fake_process_path(&process, "dump"));
    unsigned found = assert_records_are_whose_they_say(lists);
    assert_references_lead_to_the_lists(lists);
    if (!*refused)
        assert_true(found >= LISTS / SAMPLE);
    if (result.objects < LISTS)
        assert_contains(walked_block(&dump, PHD__BLOCK_END, 0), "complete: false");
    walked_close(&dump);
    unlinkat(process.directory, "dump", 0);
}

/* For N = 1, 2, … the N-th mapping is refused (then also all after it), until a dump needs fewer than N. */
static void memory_may_run_out_at_any_point(void **state)
{
    uint64_t *lists = many_lists();
    (void)state;
    for (int for_good = 0; for_good <= 1; for_good++) {
        bool refused = true;
        unsigned call = 0;
        while (refused)
            dump_without_memory_from(++call, for_good, lists, &refused);
        assert_true(call > 10);
    }
    free(lists);
}

static void the_size_limit_is_kept(void **state)
{
    uint64_t *lists = many_lists();
    (void)state;
    process.request.max_bytes = 150000;
    assert_int_equal(write_dump(), PHD_OK);
    assert_true(result.bytes <= 150000);
    assert_false(result.complete);
    walked_open(&dump, fake_process_path(&process, "dump"));
    assert_int_equal(dump.problems, 0);
    assert_contains(walked_block(&dump, PHD__BLOCK_END, 0), "reason: 'max_bytes reached'");
    walked_close(&dump);
    free(lists);
}

/* However small the limit, the file can be opened. */
static void a_tiny_size_limit_leaves_a_message(void **state)
{
    (void)state;
    process.request.max_bytes = 100;
    assert_int_equal(write_dump(), PHD_OK);
    walked_open(&dump, fake_process_path(&process, "dump"));
    assert_int_equal(dump.problems, 0);
    assert_contains(walked_block(&dump, PHD__BLOCK_END, 0), "reason: 'max_bytes reached'");
    walked_close(&dump);
}

static void the_time_limit_is_kept(void **state)
{
    uint64_t *lists = many_lists();
    (void)state;
    process.request.max_seconds = 1e-9;
    assert_int_equal(write_dump(), PHD_OK);
    assert_true(result.objects < LISTS);
    walked_open(&dump, fake_process_path(&process, "dump"));
    assert_contains(walked_block(&dump, PHD__BLOCK_END, 0), "reason: 'max_seconds reached'");
    walked_close(&dump);
    unlinkat(process.directory, "dump", 0);
    process.request.max_seconds = 1e300; /* as good as none */
    assert_int_equal(write_dump(), PHD_OK);
    assert_true(result.complete);
    free(lists);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dump_has_all_its_parts),
        TEST(the_file_is_for_its_owner_only),
        TEST(another_file_is_never_replaced),
        TEST(an_unknown_version_leaves_no_file),
        TEST(many_threads_do_not_hide_the_binary_part),
        TEST(a_list_of_threads_that_is_a_cycle_ends),
        TEST(a_list_of_threads_that_breaks_off_keeps_its_beginning),
        TEST(broken_roots_leave_a_readable_dump),
        TEST(thread_names_cannot_drive_a_terminal),
        TEST(memory_may_run_out_at_any_point),
        TEST(the_size_limit_is_kept),
        TEST(a_tiny_size_limit_leaves_a_message),
        TEST(the_time_limit_is_kept),
    };
    return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
