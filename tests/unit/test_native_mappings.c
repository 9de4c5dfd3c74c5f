/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of /proc/PID/maps, and the mappings and modules of the test itself.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "native/modules.h"
#include "support/cmocka_header.h"
#include "support/memory_refusal.h"
#include "support/stack_case.h"

enum { PAGE = 4096 };

static struct phd_memory memory;
static struct phd_modules modules;

/* ---- lines ---- */

static bool parse(const char *line, struct phd_mapping *mapping, const char **path, size_t *length)
{
    return phd__mapping_parse(line, strlen(line), mapping, path, length);
}

static void a_line_is_taken_apart(void **state)
{
    struct phd_mapping mapping;
    const char *path;
    size_t length;
    (void)state;
    assert_true(parse("7f1c00000000-7f1c00021000 r-xp 00026000 103:0a 316527                     /usr/lib/a b.so",
                      &mapping, &path, &length));
    assert_int_equal(mapping.start, 0x7f1c00000000);
    assert_int_equal(mapping.end, 0x7f1c00021000);
    assert_int_equal(mapping.permissions, PHD_READABLE | PHD_EXECUTABLE);
    assert_int_equal(mapping.offset, 0x26000);
    assert_int_equal(mapping.device_major, 0x103);
    assert_int_equal(mapping.device_minor, 0x0a);
    assert_int_equal(mapping.inode, 316527);
    assert_int_equal(length, 15);
    assert_memory_equal(path, "/usr/lib/a b.so", length);
    assert_true(parse("1000-2000 -w-s 00000000 00:00 0 ", &mapping, &path, &length));
    assert_int_equal(mapping.permissions, PHD_WRITABLE | PHD_SHARED);
    assert_int_equal(length, 0);
    assert_true(parse("1000-2000 ---p 00000000 00:00 0", &mapping, &path, &length));
}

static void lines_that_are_none_are_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "1000",
        "1000-",
        "1000-2000",
        "1000-2000 r-x",
        "1000-2000 r-xp",
        "1000-2000 r-xp 0 00:00",
        "1000-2000 r-xp 0 00:00 ",
        "2000-1000 r-xp 0 00:00 0",
        "1000-1000 r-xp 0 00:00 0",
        "-2000 r-xp 0 00:00 0",
        "g000-2000 r-xp 0 00:00 0",
        "10000000000001000-20000000000001000 r-xp 0 00:00 0",                  /* beyond 64 bits */
        "1000-2000 r-xp 0 100000000:00 0",                                     /* a device beyond 32 */
        "1000-2000 r-xp 0 00:00 18446744073709551616",                         /* an inode beyond 64 */
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]", /* not user space */
    };
    struct phd_mapping mapping;
    const char *path;
    size_t length;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_false(parse(lines[i], &mapping, &path, &length));
}

static uint64_t random_state;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % limit;
}

/* The line stands at the end of a page behind which nothing can be read. */
static void mutated_lines_are_read_within_their_bounds(void **state)
{
    static const char line[] = "7f1c00000000-7f1c00021000 r-xp 00026000 103:0a 316527     /usr/lib/libsomething.so.6";
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)state;
    random_state = 20240229;
    assert_int_equal(mprotect(page + PAGE, PAGE, PROT_NONE), 0);
    unsigned accepted = 0;
    for (int round = 0; round < 100000; round++) {
        size_t length = random_below(sizeof line);
        char *copy = page + PAGE - length;
        memcpy(copy, line, length);
        for (unsigned changes = random_below(4); changes && length; changes--)
            copy[random_below((unsigned)length)] = random_below(2) ? (char)random_below(256) : " -:0f"[random_below(5)];
        struct phd_mapping mapping;
        const char *path;
        size_t path_length;
        if (!phd__mapping_parse(copy, length, &mapping, &path, &path_length))
            continue;
        accepted++;
        assert_true(mapping.start < mapping.end && mapping.end <= PHD_HIGHEST_ADDRESS);
        assert_true(path >= copy && path + path_length == page + PAGE);
    }
    assert_in_range(accepted, 1000, 90000);
    munmap(page, 2 * PAGE);
}

/* ---- the mappings of this process ---- */

static void open_modules(void)
{
    open_own_memory(&memory);
    assert_int_equal(phd__modules_read(&modules, &memory, getpid(), NULL), PHD_OK);
}

static void close_modules(void)
{
    phd__modules_close(&modules);
    phd__memory_self_close(&memory);
}

static int global_data = 1;

static void addresses_are_found_in_their_mappings(void **state)
{
    int local;
    uint64_t code = (uint64_t)(uintptr_t)close_modules, data = (uint64_t)(uintptr_t)&global_data;
    (void)state;
    open_modules();
    assert_true(modules.mappings.count > 10);
    assert_false(modules.mappings.cut);
    for (size_t i = 1; i < modules.mappings.count; i++)
        assert_true(modules.mappings.all[i - 1].end <= modules.mappings.all[i].start);
    assert_true(phd__is_executable(&modules.mappings, code));
    assert_false(phd__is_executable(&modules.mappings, data));
    const struct phd_mapping *mapping = phd__mapping_at(&modules.mappings, (uint64_t)(uintptr_t)&local);
    assert_non_null(mapping);
    assert_int_equal(mapping->permissions & PHD_WRITABLE, PHD_WRITABLE);
    for (size_t i = 0; i < modules.mappings.count; i++) {
        const struct phd_mapping *one = modules.mappings.all + i;
        assert_ptr_equal(phd__mapping_at(&modules.mappings, one->start), one);
        assert_ptr_equal(phd__mapping_at(&modules.mappings, one->end - 1), one);
    }
    assert_null(phd__mapping_at(&modules.mappings, 0));
    assert_null(phd__mapping_at(&modules.mappings, PHD_HIGHEST_ADDRESS));
    assert_null(phd__mapping_at(&modules.mappings, UINT64_MAX));
    close_modules();
}

static int compare_module(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)size;
    uint64_t some = 0, dynamic = 0, unwind = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = info->dlpi_phdr + i;
        if (header->p_type == PT_LOAD && (header->p_flags & PF_X))
            some = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_DYNAMIC)
            dynamic = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_GNU_EH_FRAME)
            unwind = info->dlpi_addr + header->p_vaddr;
    }
    uint32_t index = phd__module_at(&modules, some);
    assert_int_not_equal(index, PHD_NO_MODULE);
    const struct phd_module *module = modules.all + index;
    assert_int_equal(module->bias, info->dlpi_addr);
    assert_int_equal(module->dynamic, dynamic);
    assert_int_equal(module->unwind_table, unwind);
    assert_false(module->deleted);
    ++*(uint32_t *)count;
    return 0;
}

/* The dynamic linker knows the same modules. */
static void modules_are_those_of_the_dynamic_linker(void **state)
{
    uint32_t count = 0;
    (void)state;
    open_modules();
    dl_iterate_phdr(compare_module, &count);
    assert_int_equal(modules.count, count);
    for (uint32_t i = 0; i < modules.count; i++) {
        assert_int_equal(phd__module_at(&modules, modules.all[i].start), i);
        assert_int_equal(phd__module_at(&modules, modules.all[i].end - 1), i);
        if (i)
            assert_true(modules.all[i - 1].end <= modules.all[i].start);
    }
    assert_int_equal(phd__module_at(&modules, modules.all[0].start - 1), PHD_NO_MODULE);
    assert_int_equal(phd__module_at(&modules, UINT64_MAX), PHD_NO_MODULE);
    close_modules();
}

static void the_vdso_is_a_module(void **state)
{
    uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
    (void)state;
    if (!vdso) {
        print_message("skipped: this system has no vdso\n");
        return;
    }
    open_modules();
    uint32_t index = phd__module_at(&modules, vdso);
    assert_int_not_equal(index, PHD_NO_MODULE);
    assert_string_equal(modules.all[index].path, "[vdso]");
    assert_int_equal(modules.all[index].start, vdso);
    close_modules();
}

static const struct phd_module *libc_module(void)
{
    Dl_info info;
    assert_int_not_equal(dladdr((void *)(uintptr_t)qsort, &info), 0);
    uint32_t index = phd__module_at(&modules, (uint64_t)(uintptr_t)info.dli_fbase);
    assert_int_not_equal(index, PHD_NO_MODULE);
    return modules.all + index;
}

/* Copy the build-id out of the section of that name in a file, past note header and the name "GNU". */
static size_t build_id_by_section(const char *path, uint8_t *build_id)
{
    Elf64_Ehdr header;
    Elf64_Shdr names, section;
    char name[32];
    size_t size = 0;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(&header, sizeof header, 1, file), 1);
    fseek(file, (long)(header.e_shoff + header.e_shstrndx * sizeof names), SEEK_SET);
    assert_int_equal(fread(&names, sizeof names, 1, file), 1);
    for (unsigned i = 0; i < header.e_shnum && !size; i++) {
        fseek(file, (long)(header.e_shoff + i * sizeof section), SEEK_SET);
        assert_int_equal(fread(&section, sizeof section, 1, file), 1);
        fseek(file, (long)(names.sh_offset + section.sh_name), SEEK_SET);
        assert_non_null(memset(name, 0, sizeof name));
        if (fread(name, 1, sizeof name - 1, file) && strcmp(name, ".note.gnu.build-id") == 0) {
            fseek(file, (long)section.sh_offset + 16, SEEK_SET);
            size = fread(build_id, 1, section.sh_size - 16, file);
        }
    }
    fclose(file);
    return size;
}

static void the_build_id_is_that_of_the_file(void **state)
{
    uint8_t expected[PHD_MAX_BUILD_ID];
    (void)state;
    open_modules();
    const struct phd_module *libc = libc_module();
    size_t size = build_id_by_section(libc->path, expected);
    if (!size)
        print_message("not compared: %s has no build-id\n", libc->path);
    assert_int_equal(libc->build_id_size, size);
    assert_memory_equal(libc->build_id, expected, size);
    close_modules();
}

/* ---- notes ---- */

static size_t add_note(uint8_t *to, uint32_t type, const char *name, uint32_t name_size, uint32_t size,
                       size_t alignment)
{
    uint32_t header[3] = {name_size, size, type};
    size_t content = sizeof header + (name_size + alignment - 1) / alignment * alignment;
    memcpy(to, header, sizeof header);
    memcpy(to + sizeof header, name, name_size);
    memset(to + content, 0x5a, size);
    return (content + size + alignment - 1) / alignment * alignment;
}

static void build_ids_are_found_among_notes(void **state)
{
    uint8_t notes[512] = {0}, build_id[PHD_MAX_BUILD_ID];
    (void)state;
    for (size_t alignment = 4; alignment <= 8; alignment += 4) {
        size_t used = add_note(notes, NT_GNU_PROPERTY_TYPE_0, "GNU", 4, 32, alignment);
        used += add_note(notes + used, NT_GNU_BUILD_ID, "Go\0", 4, 20, alignment); /* another vendor's number 3 */
        assert_int_equal(phd__build_id_find(notes, used, alignment, build_id), 0);
        size_t before = used;
        used += add_note(notes + used, NT_GNU_BUILD_ID, "GNU", 4, 20, alignment);
        assert_int_equal(phd__build_id_find(notes, used, alignment, build_id), 20);
        assert_int_equal(build_id[0], 0x5a);
        for (size_t size = before; size < before + 36; size++) /* cut */
            assert_int_equal(phd__build_id_find(notes, size, alignment, build_id), 0);
    }
    size_t used = add_note(notes, NT_GNU_BUILD_ID, "GNU", 4, PHD_MAX_BUILD_ID + 1, 4);
    assert_int_equal(phd__build_id_find(notes, used, 4, build_id), 0);
    memset(notes, 0xff, sizeof notes);
    assert_int_equal(phd__build_id_find(notes, sizeof notes, 4, build_id), 0);
    memset(notes, 0, sizeof notes);
    assert_int_equal(phd__build_id_find(notes, sizeof notes, 4, build_id), 0);
}

/* ---- unusual modules ---- */

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

/* A library of which a copy can be loaded beside it. */
static void load_copy(const char *path, void **handle, uint64_t *base)
{
    Dl_info info;
    void *symbol = dlsym(RTLD_DEFAULT, "_cmocka_run_group_tests");
    assert_non_null(symbol);
    assert_int_not_equal(dladdr(symbol, &info), 0);
    copy_file(info.dli_fname, path);
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(*handle);
    struct link_map *map = *handle;
    *base = (uint64_t)map->l_addr;
}

static void a_deleted_library_is_still_known(void **state)
{
    char directory[] = "/tmp/phd_test_XXXXXX", path[64];
    void *handle;
    uint64_t base;
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/libcopy.so", directory);
    load_copy(path, &handle, &base);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
    open_modules();
    uint32_t index = phd__module_at(&modules, base);
    assert_int_not_equal(index, PHD_NO_MODULE);
    assert_true(modules.all[index].deleted);
    assert_string_equal(modules.all[index].path, path);
    assert_string_equal(phd__module_name(modules.all + index), "libcopy.so");
    assert_int_equal(modules.all[index].bias, base);
    close_modules();
    dlclose(handle);
}

/* A library mapped as data, and one whose header is wrong, are no modules. */
static void mapped_data_is_no_module(void **state)
{
    char path[] = "/tmp/phd_test_XXXXXX";
    (void)state;
    open_modules();
    int fd = open(libc_module()->path, O_RDONLY);
    uint32_t count = modules.count;
    close_modules();
    void *data = mmap(NULL, 16 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    int other = mkstemp(path);
    assert_int_equal(ftruncate(other, 16 * PAGE), 0);
    void *code = mmap(NULL, 16 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, other, 0);
    assert_true(data != MAP_FAILED && code != MAP_FAILED);
    open_modules();
    assert_int_equal(modules.count, count);
    assert_int_equal(phd__module_at(&modules, (uint64_t)(uintptr_t)data), PHD_NO_MODULE);
    assert_int_equal(phd__module_at(&modules, (uint64_t)(uintptr_t)code), PHD_NO_MODULE);
    close_modules();
    munmap(data, 16 * PAGE);
    munmap(code, 16 * PAGE);
    unlink(path);
    close(fd);
    close(other);
}

/* Random bytes in the headers of a library cost that library, not the others. */
static void wrong_headers_cost_their_module(void **state)
{
    static uint8_t bytes[1024];
    (void)state;
    open_modules();
    uint64_t start = libc_module()->start;
    uint32_t count = modules.count;
    memcpy(bytes, (void *)(uintptr_t)start, sizeof bytes);
    close_modules();
    random_state = 4711;
    struct exchanged exchanged = {start, sizeof bytes, bytes, NULL};
    for (int round = 0; round < 300; round++) {
        memcpy(bytes, (void *)(uintptr_t)start, sizeof bytes);
        for (unsigned changes = 1 + random_below(8); changes; changes--)
            bytes[random_below(sizeof bytes)] = (uint8_t)(random_below(2) ? random_below(256) : 0xff);
        open_copied_memory(&memory, &exchanged);
        assert_int_equal(phd__modules_read(&modules, &memory, getpid(), NULL), PHD_OK);
        assert_in_range(modules.count, count - 1, count);
        for (uint32_t i = 0; i < modules.count; i++) {
            const struct phd_module *module = modules.all + i;
            assert_true(module->start < module->end);
            assert_true(!module->unwind_table || phd__module_holds(module, module->unwind_table, 1));
        }
        close_modules();
    }
}

static void a_process_that_is_not_there_has_no_mappings(void **state)
{
    struct phd_error error;
    (void)state;
    open_own_memory(&memory);
    assert_int_equal(phd__modules_read(&modules, &memory, 0x7ffffff0, &error), PHD_ERROR_SYSTEM);
    assert_int_equal(modules.count, 0);
    assert_null(phd__mapping_at(&modules.mappings, (uint64_t)(uintptr_t)&modules));
    assert_int_equal(phd__module_at(&modules, (uint64_t)(uintptr_t)open_modules), PHD_NO_MODULE);
    close_modules();
}

static void refused_memory_is_no_harm(void **state)
{
    (void)state;
    for (unsigned call = 1; call <= 6; call++) {
        open_own_memory(&memory);
        refuse_memory(call, false);
        enum phd_status status = phd__modules_read(&modules, &memory, getpid(), NULL);
        allow_memory();
        assert_int_equal(status, call <= 4 ? PHD_ERROR_MEMORY : PHD_OK);
        assert_int_equal(modules.count != 0, call > 5);
        close_modules();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_taken_apart),
        cmocka_unit_test(lines_that_are_none_are_refused),
        cmocka_unit_test(mutated_lines_are_read_within_their_bounds),
        cmocka_unit_test(addresses_are_found_in_their_mappings),
        cmocka_unit_test(modules_are_those_of_the_dynamic_linker),
        cmocka_unit_test(the_vdso_is_a_module),
        cmocka_unit_test(the_build_id_is_that_of_the_file),
        cmocka_unit_test(build_ids_are_found_among_notes),
        cmocka_unit_test(a_deleted_library_is_still_known),
        cmocka_unit_test(mapped_data_is_no_module),
        cmocka_unit_test(wrong_headers_cost_their_module),
        cmocka_unit_test(a_process_that_is_not_there_has_no_mappings),
        cmocka_unit_test(refused_memory_is_no_harm),
    };
    return cmocka_run_group_tests_name("native_mappings", tests, NULL, NULL);
}
