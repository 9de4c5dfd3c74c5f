/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of functions: static ones, those of libraries, deleted and replaced files, and wrong tables.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "native/cfi.h"
#include "native/symbols.h"
#include "safe/pages.h"
#include "support/cmocka_header.h"
#include "support/memory_refusal.h"
#include "support/stack_case.h"

#define NOINLINE __attribute__((noinline))

static struct phd_memory memory;
static struct phd_modules modules;
static struct phd_symbols symbols;

static int global_data = 1;

static NOINLINE int static_function(int a)
{
    __asm__ volatile("nop; nop; nop" ::: "memory");
    return a + global_data;
}

/* A function whose symbol has no size, and one that no symbol tells of. */
__asm__(".pushsection .text\n"
        ".type without_size, @function\n"
        "without_size: .cfi_startproc\n nop\n nop\n ret\n .cfi_endproc\n"
        ".type later_label, @function\n"
        "later_label: nop\n ret\n"
        ".popsection\n");
extern char without_size[] __attribute__((visibility("hidden")));
extern char later_label[] __attribute__((visibility("hidden")));

static void open_symbols(void)
{
    open_own_memory(&memory);
    assert_int_equal(phd__modules_read(&modules, &memory, getpid(), NULL), PHD_OK);
    assert_true(phd__symbols_open(&symbols, &memory));
}

static void close_symbols(void)
{
    phd__symbols_close(&symbols);
    phd__modules_close(&modules);
    phd__memory_self_close(&memory);
}

static struct phd_symbol find_in(const struct phd_module *module, uint64_t address, uint64_t function)
{
    struct phd_symbol symbol = phd__symbol_find(&symbols, module, address, function);
    assert_int_equal(symbol.address, address);
    assert_null(memory.recovery);
    return symbol;
}

static struct phd_module *module_of(uint64_t address)
{
    uint32_t module = phd__module_at(&modules, address);
    assert_int_not_equal(module, PHD_NO_MODULE);
    return modules.all + module;
}

static struct phd_symbol find(uint64_t address)
{
    return find_in(module_of(address), address, 0);
}

static void static_functions_have_their_names(void **state)
{
    uint64_t start = (uint64_t)(uintptr_t)static_function;
    (void)state;
    assert_int_equal(static_function(1), 2);
    open_symbols();
    for (unsigned i = 0; i < 4; i++) {
        struct phd_symbol symbol = find(start + i);
        assert_non_null(symbol.name);
        assert_memory_equal(symbol.name, "static_function", 15); /* the compiler may append ".part" and the like */
        assert_int_equal(symbol.start, start);
    }
    close_symbols();
}

static void functions_of_libraries_have_their_plain_names(void **state)
{
    (void)state;
    open_symbols();
    /* known to libc under the names __poll and poll; raise and gsignal */
    uint64_t start = (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "poll");
    struct phd_symbol symbol = find(start + 5);
    if (WITH_ADDRESS_SANITIZER) { /* which has a function of its own */
        assert_non_null(symbol.name);
    } else {
        assert_string_equal(symbol.name, "poll");
        assert_int_equal(symbol.start, start);
        assert_string_equal(find((uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "gsignal")).name, "raise");
    }
    close_symbols();
}

static void functions_of_the_vdso_have_names(void **state)
{
    uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
    (void)state;
    if (!vdso) {
        print_message("skipped: this system has no vdso\n");
        return;
    }
    open_symbols();
    const struct phd_module *module = module_of(vdso);
    bool found = false;
    for (uint64_t address = module->start; address < module->end && !found; address += 4) {
        struct phd_symbol symbol = find_in(module, address, 0);
        found = symbol.name && strstr(symbol.name, "clock_gettime");
    }
    assert_true(found);
    close_symbols();
}

static void data_has_no_function(void **state)
{
    (void)state;
    open_symbols();
    assert_null(find((uint64_t)(uintptr_t)&global_data).name);
    close_symbols();
}

/* Where a function ends the next one must not be taken for it, nor the other way round. */
static void names_end_where_functions_end(void **state)
{
    uint64_t address = (uint64_t)(uintptr_t)static_function;
    (void)state;
    open_symbols();
    struct phd_symbol before = find(address - 1);
    assert_true(!before.name || before.start < address);
    uint64_t end = address;
    while (find(end).start == address)
        end++;
    assert_in_range(end - address, 4, 200);
    close_symbols();
}

static void a_symbol_without_size_needs_a_function_that_begins_there(void **state)
{
    uint64_t start = (uint64_t)(uintptr_t)without_size;
    (void)state;
    open_symbols();
    const struct phd_module *module = module_of(start);
    assert_null(find_in(module, start + 1, 0).name);
    struct phd_symbol symbol = find_in(module, start + 2, start);
    assert_string_equal(symbol.name, "without_size");
    assert_int_equal(symbol.start, start);
    assert_null(find_in(module, (uint64_t)(uintptr_t)later_label + 1, start - 1).name);
    close_symbols();
}

/* Call frame information tells where the function without size begins. */
static void call_frame_information_tells_where_functions_begin(void **state)
{
    uint64_t start = (uint64_t)(uintptr_t)without_size;
    (void)state;
    open_symbols();
    struct phd_cfi *cfi = phd__pages_alloc(sizeof *cfi);
    cfi->memory = &memory;
    cfi->steps = 100000;
    struct phd_guard guard;
    bool *found = test_calloc(1, sizeof *found);
    if (PHD_GUARD(&memory, &guard))
        *found = phd__cfi_find(cfi, module_of(start), start + 1);
    PHD_UNGUARD(&memory, &guard);
    assert_true(*found);
    assert_int_equal(cfi->function.start, start);
    assert_int_equal(cfi->function.end, start + 3);
    test_free(found);
    phd__pages_free(cfi, sizeof *cfi);
    close_symbols();
}

static void entries_of_the_linkage_table_have_no_name(void **state)
{
    Elf64_Ehdr header;
    Elf64_Shdr section, names;
    char name[8];
    unsigned looked_at = 0;
    FILE *file = fopen("/proc/self/exe", "rb");
    (void)state;
    open_symbols();
    const struct phd_module *module = module_of((uint64_t)(uintptr_t)static_function);
    assert_int_equal(fread(&header, sizeof header, 1, file), 1);
    fseek(file, (long)(header.e_shoff + header.e_shstrndx * sizeof names), SEEK_SET);
    assert_int_equal(fread(&names, sizeof names, 1, file), 1);
    for (unsigned i = 0; i < header.e_shnum; i++) {
        fseek(file, (long)(header.e_shoff + i * sizeof section), SEEK_SET);
        assert_int_equal(fread(&section, sizeof section, 1, file), 1);
        fseek(file, (long)(names.sh_offset + section.sh_name), SEEK_SET);
        assert_int_equal(fread(name, sizeof name, 1, file), 1);
        if (memcmp(name, ".plt", 4) != 0)
            continue;
        for (uint64_t offset = 0; offset < section.sh_size; offset += 6, looked_at++)
            assert_null(find_in(module, module->bias + section.sh_addr + offset, module->bias + section.sh_addr).name);
    }
    fclose(file);
    assert_true(looked_at > 4);
    close_symbols();
}

/* ---- files ---- */

static char directory[32], library[64];
static void *handle;
static uint64_t function;

static void copy_file(const char *from, const char *to)
{
    char buffer[65536];
    ssize_t length;
    int source = open(from, O_RDONLY), target = open(to, O_WRONLY | O_CREAT | O_EXCL, 0700);
    assert_true(source >= 0 && target >= 0);
    while ((length = read(source, buffer, sizeof buffer)) > 0)
        assert_int_equal(write(target, buffer, (size_t)length), length);
    close(source);
    close(target);
}

static int load_library(void **state)
{
    Dl_info info;
    (void)state;
    void *symbol = dlsym(RTLD_DEFAULT, "_cmocka_run_group_tests");
    assert_int_not_equal(dladdr(symbol, &info), 0);
    strcpy(directory, "/tmp/phd_test_XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(library, sizeof library, "%s/libcopy.so", directory);
    copy_file(info.dli_fname, library);
    handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    function = (uint64_t)(uintptr_t)dlsym(handle, "_cmocka_run_group_tests");
    return 0;
}

static int unload_library(void **state)
{
    (void)state;
    dlclose(handle);
    unlink(library);
    rmdir(directory);
    return 0;
}

static void assert_named(void)
{
    open_symbols();
    struct phd_symbol symbol = find(function + 1);
    assert_non_null(symbol.name);
    assert_string_equal(symbol.name, "_cmocka_run_group_tests");
    assert_int_equal(symbol.start, function);
    close_symbols();
}

static void without_its_file_a_library_is_read_in_memory(void **state)
{
    (void)state;
    assert_int_equal(unlink(library), 0);
    assert_named();
}

/* The file of another program, one that is cut everywhere, one that is no file. */
static void another_file_in_its_place_is_not_taken(void **state)
{
    (void)state;
    assert_int_equal(unlink(library), 0);
    copy_file("/proc/self/exe", library);
    assert_named();
    for (off_t size = 4096; size > 0; size -= 61) {
        assert_int_equal(truncate(library, size), 0);
        assert_named();
    }
    assert_int_equal(unlink(library), 0);
    assert_int_equal(mkfifo(library, 0600), 0);
    assert_named();
}

static uint64_t random_state;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % limit;
}

/* The file is the right one by its build-id, and wrong in other places. */
static void wrong_bytes_in_the_file_are_no_harm(void **state)
{
    (void)state;
    char *exe = realpath("/proc/self/exe", NULL), *copy = library;
    assert_non_null(exe);
    unlink(copy);
    copy_file(exe, copy);
    free(exe);
    open_symbols();
    uint64_t start = (uint64_t)(uintptr_t)static_function;
    struct phd_module *module = module_of(start);
    module->path = copy;
    if (module->build_id_size == 0)
        print_message("not compared: the test has no build-id\n");
    else
        assert_memory_equal(find_in(module, start, 0).name, "static_function", 15);
    int fd = open(copy, O_RDWR);
    struct stat info;
    fstat(fd, &info);
    Elf64_Ehdr header;
    assert_int_equal(pread(fd, &header, sizeof header, 0), sizeof header);
    random_state = 99;
    for (unsigned round = 0; round < 1000; round++) {
        /* in the ELF header, in the program headers, in the section headers */
        uint64_t place = round % 3 == 0 ? 16 + random_below(48)
                         : round % 3 == 1
                             ? 64 + random_below(600)
                             : header.e_shoff + random_below((unsigned)(info.st_size - (off_t)header.e_shoff));
        uint8_t before, byte = (uint8_t)random_below(256);
        assert_int_equal(pread(fd, &before, 1, (off_t)place), 1);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)place), 1);
        struct phd_symbol symbol = find_in(module, start + 1 + round % 3, start + round + 1);
        (void)symbol;
        memset(symbols.known, 0, PHD_SYMBOL_SLOTS * sizeof *symbols.known);
        symbols.known_count = 0;
        symbols.names_used = 0;
        symbols.steps = PHD_MAX_SYMBOL_STEPS;
        assert_int_equal(pwrite(fd, &before, 1, (off_t)place), 1);
    }
    close(fd);
    close_symbols();
}

/* Remove the build-id from the file: its note becomes one of another kind. */
static void spoil_build_id(int fd)
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    assert_int_equal(pread(fd, &header, sizeof header, 0), sizeof header);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        off_t place = (off_t)(header.e_phoff + i * sizeof segment);
        assert_int_equal(pread(fd, &segment, sizeof segment, place), sizeof segment);
        if (segment.p_type == PT_NOTE) {
            segment.p_type = PT_NULL;
            assert_int_equal(pwrite(fd, &segment, sizeof segment, place), sizeof segment);
        }
    }
}

/* Without a build-id device and inode tell whether the file is the one that is mapped. */
static void a_file_without_build_id_is_known_by_its_inode(void **state)
{
    struct stat info;
    (void)state;
    assert_int_equal(unlink(library), 0);
    copy_file("/proc/self/exe", library);
    int fd = open(library, O_RDWR);
    spoil_build_id(fd);
    fstat(fd, &info);
    close(fd);
    open_symbols();
    uint64_t start = (uint64_t)(uintptr_t)static_function;
    struct phd_module module = *module_of(start);
    struct phd_mapping first = *module.first;
    module.path = library;
    module.first = &first;
    assert_null(find_in(&module, start, 0).name); /* the one that is mapped has a build-id, this file has none */
    module.build_id_size = 0;
    assert_null(find_in(&module, start + 1, 0).name); /* another inode */
    first.inode = info.st_ino;
    first.device_major = major(info.st_dev);
    first.device_minor = minor(info.st_dev);
    assert_memory_equal(find_in(&module, start + 2, 0).name, "static_function", 15);
    first.device_minor++;
    assert_null(find_in(&module, start + 3, 0).name);
    close_symbols();
}

/* Wrong bytes in the dynamic section, the hash table and the symbols in memory. */
static void wrong_bytes_in_memory_are_no_harm(void **state)
{
    enum { SIZE = 4096 };
    static uint8_t bytes[SIZE];
    (void)state;
    assert_int_equal(unlink(library), 0);
    open_symbols();
    const struct phd_module *module = module_of(function);
    uint64_t places[2] = {module->dynamic, module->start + 0x200};
    close_symbols();
    random_state = 5;
    for (int round = 0; round < 400; round++) {
        struct exchanged exchanged = {places[round % 2], SIZE, bytes, NULL};
        size_t size = round % 2 ? SIZE : 400;
        exchanged.size = size;
        memcpy(bytes, (void *)(uintptr_t)exchanged.address, size);
        for (unsigned changes = 1 + random_below(20); changes; changes--)
            bytes[random_below((unsigned)size)] = (uint8_t)random_below(256);
        open_copied_memory(&memory, &exchanged);
        assert_int_equal(phd__modules_read(&modules, &memory, getpid(), NULL), PHD_OK);
        assert_true(phd__symbols_open(&symbols, &memory));
        find(function + 1);
        close_symbols();
    }
}

/* ---- limits ---- */

static void many_questions_get_the_same_answers(void **state)
{
    uint64_t start = (uint64_t)(uintptr_t)static_function;
    (void)state;
    open_symbols();
    const struct phd_module *module = module_of(start);
    symbols.steps = UINT64_MAX;
    for (unsigned i = 0; i < PHD_SYMBOL_SLOTS; i++)
        find_in(module, module->end - 1 - i, 0); /* data: the slots fill with answers that there is none */
    assert_true(symbols.known_count < PHD_SYMBOL_SLOTS);
    assert_memory_equal(find(start).name, "static_function", 15);
    assert_memory_equal(find(start).name, "static_function", 15);
    close_symbols();
}

static void an_exhausted_budget_gives_no_name(void **state)
{
    (void)state;
    open_symbols();
    symbols.steps = 0;
    assert_null(find((uint64_t)(uintptr_t)static_function).name);
    close_symbols();
}

static void refused_memory_gives_no_name(void **state)
{
    (void)state;
    open_own_memory(&memory);
    assert_int_equal(phd__modules_read(&modules, &memory, getpid(), NULL), PHD_OK);
    for (unsigned call = 1; call <= 3; call++) {
        refuse_memory(call, false);
        assert_false(phd__symbols_open(&symbols, &memory));
        allow_memory();
        assert_null(find((uint64_t)(uintptr_t)static_function).name);
        phd__symbols_close(&symbols);
    }
    phd__modules_close(&modules);
    phd__memory_self_close(&memory);
}

#define WITH_LIBRARY(function) cmocka_unit_test_setup_teardown(function, load_library, unload_library)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_functions_have_their_names),
        cmocka_unit_test(functions_of_libraries_have_their_plain_names),
        cmocka_unit_test(functions_of_the_vdso_have_names),
        cmocka_unit_test(data_has_no_function),
        cmocka_unit_test(names_end_where_functions_end),
        cmocka_unit_test(a_symbol_without_size_needs_a_function_that_begins_there),
        cmocka_unit_test(call_frame_information_tells_where_functions_begin),
        cmocka_unit_test(entries_of_the_linkage_table_have_no_name),
        WITH_LIBRARY(without_its_file_a_library_is_read_in_memory),
        WITH_LIBRARY(another_file_in_its_place_is_not_taken),
        WITH_LIBRARY(wrong_bytes_in_the_file_are_no_harm),
        WITH_LIBRARY(a_file_without_build_id_is_known_by_its_inode),
        WITH_LIBRARY(wrong_bytes_in_memory_are_no_harm),
        cmocka_unit_test(many_questions_get_the_same_answers),
        cmocka_unit_test(an_exhausted_budget_gives_no_name),
        cmocka_unit_test(refused_memory_gives_no_name),
    };
    return cmocka_run_group_tests_name("native_symbols", tests, NULL, NULL);
}
