/* SPDX-License-Identifier: Apache-2.0
 *
 * Cores that are made here, byte by byte: right ones, damaged ones, cut ones, and random ones. None has a Python in it, so
 * every run of phd_core ends with a reason; the walk of damaged heaps is tested elsewhere.
 */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <unistd.h>

#include "core/layout.h"
#include "core/unpack.h"
#include "safe/text.h"
#include "support/cmocka_header.h"

enum {
    PAGE = 4096,
    ROOM = 64 * PAGE,
    TEXT_AT = 0x400000,     /* where the file is mapped: its headers, its code, its data */
    STACK_AT = 0x7ff000000, /* anonymous */
    NOTES_OFFSET = PAGE,
    HEADS = 4,
    STATUS_SIZE = 336,
    INFO_SIZE = 136,
    FUZZ_RUNS = 4000
};

/* ---- making one ---- */

static uint8_t core[ROOM];
static size_t core_size;
static size_t notes_end;
static char file_path[64]; /* of the program that was mapped */

static void put_word(uint8_t *at, uint64_t word)
{
    memcpy(at, &word, sizeof word);
}

static void put_note(uint32_t type, const void *content, uint32_t size)
{
    const Elf64_Nhdr head = {5, size, type};
    memcpy(core + notes_end, &head, sizeof head);
    memcpy(core + notes_end + sizeof head, "CORE", 5);
    memcpy(core + notes_end + sizeof head + 8, content, size);
    notes_end += sizeof head + 8 + ((size + 3) & ~3u);
}

static void put_thread(int thread, int signal, uint64_t stack_pointer)
{
    uint8_t status[STATUS_SIZE] = {0};
    struct user_regs_struct registers = {.rip = TEXT_AT + PAGE, .rsp = stack_pointer, .fs_base = 0x1000 + thread};
    memcpy(status + 12, &signal, 2);
    memcpy(status + 32, &thread, sizeof thread);
    memcpy(status + 112, &registers, sizeof registers);
    put_note(NT_PRSTATUS, status, sizeof status);
}

static void put_process(void)
{
    static const int pid = 4711;
    uint8_t info[INFO_SIZE] = {0};
    memcpy(info + 24, &pid, sizeof pid);
    strcpy((char *)info + 56, "program --fast ");
    put_note(NT_PRPSINFO, info, sizeof info);
}

static void put_siginfo(void)
{
    uint8_t info[128] = {0};
    const int number = SIGSEGV, code = SEGV_MAPERR;
    memcpy(info, &number, sizeof number);
    memcpy(info + 8, &code, sizeof code);
    put_word(info + 16, 0x10);
    put_note(NT_SIGINFO, info, sizeof info);
}

static bool code_is_mapped_again; /* behind all, as libffi does */

/* The file is mapped in three parts: headers, code, data that was written. */
static void put_files(void)
{
    uint8_t list[16 + 4 * 24 + 4 * sizeof file_path] = {0};
    uint64_t count = code_is_mapped_again ? 4 : 3;
    put_word(list, count);
    put_word(list + 8, PAGE);
    size_t used = 16 + count * 24;
    for (uint64_t i = 0; i < count; i++) {
        put_word(list + 16 + 24 * i, TEXT_AT + i * PAGE);
        put_word(list + 24 + 24 * i, TEXT_AT + (i + 1) * PAGE);
        put_word(list + 32 + 24 * i, i < 3 ? i : 1);
        strcpy((char *)list + used, file_path);
        used += strlen(file_path) + 1;
    }
    put_note(NT_FILE, list, (uint32_t)used);
}

static void put_auxv(void)
{
    uint8_t auxv[32] = {0};
    put_word(auxv, AT_PHDR);
    put_word(auxv + 8, TEXT_AT + sizeof(Elf64_Ehdr));
    put_note(NT_AUXV, auxv, sizeof auxv);
}

/* An ELF file's header and program headers: one for each part, and a note with `build_id`. */
static void put_image(uint8_t *to, uint32_t build_id)
{
    const Elf64_Ehdr header = {.e_ident = ELFMAG "\2\1\1",
                               .e_type = ET_EXEC,
                               .e_machine = EM_X86_64,
                               .e_phoff = sizeof header,
                               .e_phentsize = sizeof(Elf64_Phdr),
                               .e_phnum = HEADS};
    const unsigned flags[] = {PF_R, PF_R | PF_X, PF_R | PF_W};
    Elf64_Phdr heads[HEADS] = {{0}};
    for (uint64_t i = 0; i < 3; i++)
        heads[i] = (Elf64_Phdr){PT_LOAD, flags[i], i * PAGE, TEXT_AT + i * PAGE, 0, PAGE, PAGE, PAGE};
    const Elf64_Nhdr note = {4, sizeof build_id, NT_GNU_BUILD_ID};
    size_t at = sizeof header + sizeof heads;
    heads[3] = (Elf64_Phdr){PT_NOTE, PF_R, at, TEXT_AT + at, 0, sizeof note + 4 + sizeof build_id, 0, 4};
    memcpy(to, &header, sizeof header);
    memcpy(to + sizeof header, heads, sizeof heads);
    memcpy(to + at, &note, sizeof note);
    memcpy(to + at + sizeof note, "GNU", 4);
    memcpy(to + at + sizeof note + 4, &build_id, sizeof build_id);
}

/* The program's file: its code is the bytes "C", its data "D". Without a build_id nothing is made. */
static void make_file(uint32_t build_id)
{
    static uint8_t content[3 * PAGE - 100]; /* its last page is not whole */
    memset(content, 0, sizeof content);
    put_image(content, build_id);
    memset(content + PAGE, 'C', PAGE);
    memset(content + 2 * PAGE, 'D', PAGE - 100);
    int fd = open(file_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, content, sizeof content), sizeof content);
    close(fd);
}

static void put_load(unsigned index, uint64_t address, unsigned flags, uint64_t offset, uint64_t in_core)
{
    const Elf64_Phdr load = {PT_LOAD, flags, offset, address, 0, in_core, PAGE, 1};
    memcpy(core + sizeof(Elf64_Ehdr) + index * sizeof load, &load, sizeof load);
}

/* A core of a program with two threads, of which the first got a SIGSEGV. It has the page of the file's headers, with
 * `build_id` (0: it has not), what was written, and the stack; the code is left out. */
static void make_core(uint32_t build_id)
{
    const Elf64_Ehdr header = {.e_ident = ELFMAG "\2\1\1",
                               .e_type = ET_CORE,
                               .e_machine = EM_X86_64,
                               .e_phoff = sizeof header,
                               .e_phentsize = sizeof(Elf64_Phdr),
                               .e_phnum = 1 + HEADS};
    memset(core, 0, sizeof core);
    notes_end = NOTES_OFFSET;
    put_thread(4711, SIGSEGV, STACK_AT + 64);
    put_process();
    put_siginfo();
    put_auxv();
    put_files();
    put_thread(4712, 0, STACK_AT + 128);
    const Elf64_Phdr notes = {PT_NOTE, 0, NOTES_OFFSET, 0, 0, notes_end - NOTES_OFFSET, 0, 4};
    memcpy(core, &header, sizeof header);
    memcpy(core + sizeof header, &notes, sizeof notes);
    size_t at = (notes_end + PAGE - 1) & ~(size_t)(PAGE - 1);
    put_load(1, TEXT_AT, PF_R, at, build_id ? PAGE : 0);
    if (build_id)
        put_image(core + at, build_id);
    put_load(2, TEXT_AT + PAGE, PF_R | PF_X, at + PAGE, 0);
    put_load(3, TEXT_AT + 2 * PAGE, PF_R | PF_W, at + PAGE, PAGE);
    memset(core + at + PAGE, 'W', PAGE);
    put_load(4, STACK_AT, PF_R | PF_W, at + 2 * PAGE, PAGE);
    memset(core + at + 2 * PAGE, 'S', PAGE);
    core_size = at + 3 * PAGE;
}

/* ---- reading it ---- */

static struct phd_core_headers headers;
static struct phd_core_notes notes;
static struct phd_core_files files;
static struct phd_core_memory memory;
static struct phd_mappings mappings;
static struct phd_crash where;
static struct phd_error error;
static int core_fd = -1;

static int open_bytes(const void *bytes, size_t size)
{
    int fd = memfd_create("core", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    return fd;
}

static void read_core(void)
{
    core_fd = open_bytes(core, core_size);
    assert_int_equal(phd__core_headers_read(&headers, core_fd, &error), PHD_OK);
    assert_int_equal(phd__core_notes_read(&notes, &headers, &where, &error), PHD_OK);
    assert_int_equal(phd__core_files_open(&files, &notes, &headers, NULL, INT64_MAX, &error), PHD_OK);
    memset(&mappings, 0, sizeof mappings);
    assert_int_equal(phd__core_lay_out(&memory, &mappings, &headers, &notes, &files, &error), PHD_OK);
}

static void close_core(void)
{
    phd__mappings_close(&mappings);
    phd__core_memory_close(&memory);
    phd__core_files_close(&files);
    phd__core_notes_close(&notes);
    phd__core_headers_close(&headers);
    close(core_fd);
}

/* The byte at `address`, or why it cannot be had. */
static const char *why_not(uint64_t address, uint8_t *byte)
{
    struct phd_guard guard;
    const char *volatile reason = NULL;
    if (PHD_GUARD(&memory.copied.memory, &guard))
        *byte = phd__read_u8(&memory.copied.memory, address);
    else
        reason = memory.copied.memory.fault_reason;
    PHD_UNGUARD(&memory.copied.memory, &guard);
    return reason;
}

static void assert_byte(uint64_t address, uint8_t expected)
{
    uint8_t byte = 0;
    assert_null(why_not(address, &byte));
    assert_int_equal(byte, expected);
}

static void assert_missing(uint64_t address, const char *reason)
{
    uint8_t byte;
    const char *found = why_not(address, &byte);
    assert_non_null(found);
    assert_string_equal(found, reason);
}

static const char *problems(void)
{
    static char storage[PHD_CORE_PROBLEMS];
    struct phd_text text;
    phd__text_init(&text, storage, sizeof storage - 1);
    phd__core_files_problems(&files, &text);
    storage[text.used] = 0;
    return storage;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(file_path, "/tmp/test_core_XXXXXX");
    int fd = mkstemp(file_path);
    return fd < 0 || close(fd) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(file_path) != 0 && access(file_path, F_OK) == 0;
}

/* ---- what is right ---- */

static void signal_threads_and_process_are_told(void **state)
{
    (void)state;
    make_file(7);
    make_core(7);
    read_core();
    assert_int_equal(where.process, 4711);
    assert_string_equal(notes.command, "program --fast");
    assert_int_equal(notes.threads, 2);
    assert_int_equal(where.signal, SIGSEGV);
    assert_int_equal(where.code, SEGV_MAPERR);
    assert_int_equal(where.address, 0x10);
    assert_int_equal(where.thread, 4711);
    assert_int_equal(where.thread_ident, 0x1000 + 4711);
    assert_int_equal(where.registers.value[PHD_RSP], STACK_AT + 64);
    assert_int_equal(where.other_count, 1);
    assert_int_equal(where.others[0].thread, 4712);
    assert_int_equal(where.others[0].registers.value[PHD_RSP], STACK_AT + 128);
    assert_int_equal(phd__core_auxv(&notes, AT_PHDR), TEXT_AT + sizeof(Elf64_Ehdr));
    assert_int_equal(phd__core_auxv(&notes, AT_EXECFN), 0);
    assert_int_equal(headers.whole_size, core_size);
    close_core();
}

static void what_the_core_leaves_out_is_the_files(void **state)
{
    (void)state;
    make_file(7);
    make_core(7);
    read_core();
    assert_byte(TEXT_AT, ELFMAG0);
    assert_byte(TEXT_AT + PAGE, 'C');
    assert_byte(TEXT_AT + 2 * PAGE - 1, 'C');
    assert_byte(TEXT_AT + 2 * PAGE, 'W'); /* not 'D': it was written */
    assert_byte(STACK_AT, 'S');
    assert_missing(STACK_AT + PAGE, "not mapped");
    assert_string_equal(problems(), "");
    assert_int_equal(mappings.start_count, 1);
    assert_string_equal(mappings.starts[0].path, file_path);
    close_core();
}

static void another_file_is_not_used(void **state)
{
    char expected[256];
    (void)state;
    make_file(8);
    make_core(7);
    read_core();
    assert_byte(TEXT_AT, ELFMAG0);
    assert_missing(TEXT_AT + PAGE, "left out of the core, and the file mapped there is another one here");
    snprintf(expected, sizeof expected, "files are not those that were mapped, and are not used: %s\n", file_path);
    assert_string_equal(problems(), expected);
    close_core();
}

static void a_file_that_has_gone_is_told(void **state)
{
    char expected[256];
    (void)state;
    make_core(7);
    unlink(file_path);
    read_core();
    assert_missing(TEXT_AT + PAGE, "left out of the core, and the file mapped there is not here");
    snprintf(expected, sizeof expected, "files that were mapped cannot be opened here: %s\n", file_path);
    assert_string_equal(problems(), expected);
    close_core();
    make_file(7); /* for the end of the test */
}

static void a_file_that_cannot_be_compared_is_told(void **state)
{
    char expected[256];
    (void)state;
    make_file(7);
    make_core(0);
    read_core();
    assert_byte(TEXT_AT + PAGE, 'C');
    snprintf(expected, sizeof expected, "files are used unchecked, as the core does not hold their build-ids: %s\n",
             file_path);
    assert_string_equal(problems(), expected);
    close_core();
}

static void a_file_may_be_mapped_once_more(void **state)
{
    (void)state;
    make_file(7);
    code_is_mapped_again = true;
    make_core(0);
    code_is_mapped_again = false;
    read_core();
    assert_byte(TEXT_AT + PAGE, 'C');
    assert_missing(TEXT_AT + 3 * PAGE, "left out of the core"); /* nobody knows of this one what it is */
    close_core();
}

static void a_file_newer_than_the_core_needs_its_build_id(void **state)
{
    (void)state;
    for (uint32_t build_id = 0; build_id <= 7; build_id += 7) {
        make_file(7);
        make_core(build_id);
        core_fd = open_bytes(core, core_size);
        assert_int_equal(phd__core_headers_read(&headers, core_fd, &error), PHD_OK);
        assert_int_equal(phd__core_notes_read(&notes, &headers, &where, &error), PHD_OK);
        assert_int_equal(phd__core_files_open(&files, &notes, &headers, NULL, 1, &error), PHD_OK);
        assert_int_equal(files.all[0].state, build_id ? PHD_FILE_SAME : PHD_FILE_OTHER);
        close_core();
    }
}

/* What the linker wants written is not taken from the file, even where it was made read-only afterwards. */
static void relocated_pages_are_not_the_files(void **state)
{
    (void)state;
    make_file(7);
    make_core(7);
    put_load(3, TEXT_AT + 2 * PAGE, PF_R, 0, 0);
    read_core();
    assert_missing(TEXT_AT + 2 * PAGE, "left out of the core");
    close_core();
}

/* gdb leaves out what it does not write; the list of files tells of it, and the file's headers of its permissions. */
static void ranges_without_a_segment_are_mapped(void **state)
{
    (void)state;
    make_file(7);
    make_core(7);
    put_load(2, TEXT_AT + PAGE, 0, 0, 0);
    core[sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr)] = PT_NULL;
    read_core();
    assert_byte(TEXT_AT + PAGE, 'C');
    assert_true(phd__is_executable(&mappings, TEXT_AT + PAGE));
    close_core();
}

static void a_cut_core_has_what_is_before_the_cut(void **state)
{
    (void)state;
    make_file(7);
    make_core(7);
    core_size -= PAGE; /* the stack */
    read_core();
    assert_byte(TEXT_AT + 2 * PAGE, 'W');
    assert_missing(STACK_AT, "cut off from the core");
    assert_int_equal(headers.whole_size, core_size + PAGE);
    close_core();
}

/* ---- what is no core ---- */

static char last_problems[PHD_CORE_PROBLEMS];

/* Run the whole on the first `size` bytes; returns error.step. */
static const char *refused(size_t size, enum phd_status expected)
{
    const struct phd_request request = {.directory = -1, .temporary_name = "t", .final_name = "f", .level = 1};
    static struct phd_core_found found;
    struct phd_result result;
    int fd = open_bytes(core, size);
    const struct phd_core_options options = {.file = fd, .path = "core", .time_ns = INT64_MAX};
    enum phd_status status = phd_core(&request, &options, &found, &result, &error);
    close(fd);
    assert_int_equal(status, expected);
    assert_int_equal(memchr(found.problems, 0, sizeof found.problems) != NULL, true);
    memcpy(last_problems, found.problems, sizeof last_problems);
    return error.step;
}

static void a_core_without_python_says_so(void **state)
{
    (void)state;
    make_file(7);
    make_core(7);
    assert_string_equal(refused(core_size, PHD_ERROR_UNREADABLE), "no Python runs in it");
}

static void set_header(size_t offset, uint16_t value)
{
    memcpy(core + offset, &value, sizeof value);
}

static void headers_that_are_no_cores(void **state)
{
    static const struct {
        size_t offset;
        uint16_t value;
        const char *says;
    } cases[] = {
        {0, 0x4242, "not a core file (it is not ELF)"},
        {EI_CLASS, ELFCLASS32 | ELFDATA2LSB << 8, "of another machine; cores of x86-64 can be read"},
        {EI_CLASS, ELFCLASS64 | ELFDATA2MSB << 8, "of another machine; cores of x86-64 can be read"},
        {offsetof(Elf64_Ehdr, e_machine), EM_AARCH64, "of another machine; cores of x86-64 can be read"},
        {offsetof(Elf64_Ehdr, e_type), ET_DYN, "not a core file but a program or library"},
        {offsetof(Elf64_Ehdr, e_type), ET_REL, "not a core file"},
        {offsetof(Elf64_Ehdr, e_phentsize), 1, "not a core file"},
        {offsetof(Elf64_Ehdr, e_phnum), 0, "without content: it has no program headers"},
        {offsetof(Elf64_Ehdr, e_phnum), 60000, "cut so early that its program headers are missing"},
        {offsetof(Elf64_Ehdr, e_phoff) + 4, 0xffff, "cut so early that its program headers are missing"},
    };
    (void)state;
    make_file(7);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_core(7);
        set_header(cases[i].offset, cases[i].value);
        assert_string_equal(refused(core_size, PHD_ERROR_UNREADABLE), cases[i].says);
    }
    make_core(7);
    assert_string_equal(refused(0, PHD_ERROR_UNREADABLE), "empty");
    assert_string_equal(refused(10, PHD_ERROR_UNREADABLE), "not a core file (it is too short)");
    assert_string_equal(refused(NOTES_OFFSET, PHD_ERROR_UNREADABLE), "cut so early that its notes are missing");
}

/* More program headers than fit into 16 bits: their number stands in the first section header. */
static void many_segments_are_counted(void **state)
{
    (void)state;
    make_file(7);
    make_core(7);
    const Elf64_Shdr section = {.sh_info = 1 + HEADS};
    set_header(offsetof(Elf64_Ehdr, e_phnum), PN_XNUM);
    put_word(core + offsetof(Elf64_Ehdr, e_shoff), core_size);
    memcpy(core + core_size, &section, sizeof section);
    core_size += sizeof section;
    read_core();
    assert_int_equal(headers.load_count, HEADS);
    close_core();
}

/* Every word of the headers and notes, one after the other, becomes each of these: nothing faults, and all is told. */
static void every_damaged_word_is_survived(void **state)
{
    static const uint64_t words[] = {0,
                                     1,
                                     PAGE,
                                     0x7fffffff,
                                     0xffffffff,
                                     UINT64_MAX,
                                     (uint64_t)1 << 63,
                                     PHD_HIGHEST_ADDRESS - PAGE,
                                     UINT64_MAX - PAGE + 1};
    (void)state;
    make_file(7);
    make_core(7);
    const size_t end = notes_end;
    for (size_t at = 0; at < end; at += 4) {
        if (at >= sizeof(Elf64_Ehdr) + (1 + HEADS) * sizeof(Elf64_Phdr) && at < NOTES_OFFSET)
            continue; /* zeros between the headers and the notes */
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            make_core(7);
            put_word(core + at, words[i]);
            refused(core_size, PHD_ERROR_UNREADABLE);
        }
    }
}

/* The same sequence on every machine (xorshift64, Marsaglia 2003). */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void random_damage_is_survived(void **state)
{
    uint64_t seed = 0x9E3779B97F4A7C15u;
    (void)state;
    make_file(7);
    for (unsigned run = 0; run < FUZZ_RUNS; run++) {
        make_core(run % 2 ? 7 : 0);
        for (uint64_t left = next_random(&seed) % 8; left > 0; left--)
            core[next_random(&seed) % core_size] = (uint8_t)next_random(&seed);
        for (uint64_t left = next_random(&seed) % 3; left > 0; left--)
            put_word(core + next_random(&seed) % (sizeof(Elf64_Ehdr) + (1 + HEADS) * sizeof(Elf64_Phdr)),
                     next_random(&seed) >> next_random(&seed) % 64);
        size_t size = next_random(&seed) % 4 ? core_size : next_random(&seed) % core_size;
        refused(size, PHD_ERROR_UNREADABLE);
    }
}

/* ---- zstd ---- */

/* A frame of one raw block (RFC 8878, 3.1.1): checksum and dictionary none, window of 1 KiB. */
static const uint8_t raw_frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x00, 0x21, 0x00, 0x00, 'c', 'o', 'r', 'e'};

static void assert_unpacked(const void *packed, size_t size, uint64_t most, uint64_t bytes, const char *problem)
{
    struct phd_unpacked unpacked;
    struct stat info;
    int source = open_bytes(packed, size), target = memfd_create("target", MFD_CLOEXEC);
    lseek(source, 0, SEEK_SET);
    phd__unpack_zstd(source, target, most, &unpacked);
    assert_int_equal(unpacked.bytes, bytes);
    assert_int_equal(unpacked.write_errno, 0);
    assert_int_equal(unpacked.problem != NULL, problem != NULL);
    if (problem)
        assert_string_equal(unpacked.problem, problem);
    assert_int_equal(fstat(target, &info), 0);
    assert_int_equal(info.st_size, bytes);
    close(source);
    close(target);
}

static void frames_are_unpacked(void **state)
{
    uint8_t two[2 * sizeof raw_frame];
    (void)state;
    memcpy(two, raw_frame, sizeof raw_frame);
    memcpy(two + sizeof raw_frame, raw_frame, sizeof raw_frame);
    assert_unpacked(raw_frame, sizeof raw_frame, 100, 4, NULL);
    assert_unpacked(two, sizeof two, 100, 8, NULL);
    assert_unpacked(two, sizeof two - 6, 100, 4, "it ends early");
    assert_unpacked(two, sizeof two, 4, 4, "there is no room for more");
    two[sizeof raw_frame] ^= 1;
    assert_unpacked(two, sizeof two, 100, 4, "it is damaged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signal_threads_and_process_are_told),
        cmocka_unit_test(what_the_core_leaves_out_is_the_files),
        cmocka_unit_test(another_file_is_not_used),
        cmocka_unit_test(a_file_that_has_gone_is_told),
        cmocka_unit_test(a_file_that_cannot_be_compared_is_told),
        cmocka_unit_test(a_file_may_be_mapped_once_more),
        cmocka_unit_test(a_file_newer_than_the_core_needs_its_build_id),
        cmocka_unit_test(relocated_pages_are_not_the_files),
        cmocka_unit_test(ranges_without_a_segment_are_mapped),
        cmocka_unit_test(a_cut_core_has_what_is_before_the_cut),
        cmocka_unit_test(a_core_without_python_says_so),
        cmocka_unit_test(headers_that_are_no_cores),
        cmocka_unit_test(many_segments_are_counted),
        cmocka_unit_test(every_damaged_word_is_survived),
        cmocka_unit_test(random_damage_is_survived),
        cmocka_unit_test(frames_are_unpacked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
