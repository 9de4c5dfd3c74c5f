/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/symbols.h"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safe/files.h"
#include "safe/pages.h"
#include "safe/text.h"

enum { MAX_COMPARED_NAME = 64, UNDERSCORE_WEIGHT = 256, MAX_WANTED_NAME = 64 };

bool phd__symbols_open(struct phd_symbols *symbols, struct phd_memory *memory)
{
    memset(symbols, 0, sizeof *symbols);
    symbols->memory = memory;
    symbols->steps = PHD_MAX_SYMBOL_STEPS;
    symbols->known = phd__pages_alloc(PHD_SYMBOL_SLOTS * sizeof *symbols->known);
    symbols->names = phd__pages_alloc(PHD_SYMBOL_NAMES);
    symbols->buffer = phd__pages_alloc(PHD_SYMBOL_BUFFER);
    return symbols->known && symbols->names && symbols->buffer;
}

void phd__symbols_close(struct phd_symbols *symbols)
{
    phd__pages_free(symbols->known, PHD_SYMBOL_SLOTS * sizeof *symbols->known);
    phd__pages_free(symbols->names, PHD_SYMBOL_NAMES);
    phd__pages_free(symbols->buffer, PHD_SYMBOL_BUFFER);
    memset(symbols, 0, sizeof *symbols);
}

/* ---- a table of symbols, in a file or in memory ---- */

struct table {
    int fd; /* -1: in memory */
    uint64_t symbols, count;
    uint64_t names, names_size;
};

struct search {
    struct phd_symbols *symbols;
    const struct phd_module *module;
    struct table table;
    uint64_t address, function; /* as in the file, without the bias */
    Elf64_Sym best;
    unsigned oddity; /* of the best name */
    bool found;
};

/* Copy bytes of the table's file or of the module in memory. Does not return when they cannot be had. */
static void fetch(struct search *search, uint64_t from, void *to, uint64_t size)
{
    struct phd_memory *memory = search->symbols->memory;
    if (search->table.fd < 0) {
        if (!phd__module_holds(search->module, from, size))
            phd__memory_fault(memory, from, "symbols outside of their module");
        memcpy(to, phd__view(memory, from, size), size);
        return;
    }
    for (uint64_t done = 0; done < size;) {
        ssize_t length = pread(search->table.fd, (uint8_t *)to + done, size - done, (off_t)(from + done));
        if (length <= 0)
            phd__memory_fault(memory, 0, "the module's file ends early");
        done += (uint64_t)length;
    }
}

static bool covers(const struct search *search, const Elf64_Sym *symbol)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    if ((type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) || symbol->st_shndx == SHN_UNDEF ||
        search->address < symbol->st_value || !symbol->st_value)
        return false;
    return symbol->st_size ? search->address - symbol->st_value < symbol->st_size
                           : search->function == symbol->st_value;
}

/* Of several names for a function the plain one is the one that people know: without underscores in front, and the
 * shortest ("free", not "cfree"). */
static unsigned oddity_of(struct search *search, const Elf64_Sym *symbol)
{
    unsigned underscores = 0, length = 0;
    char c;
    for (; length < MAX_COMPARED_NAME && symbol->st_name + (uint64_t)length < search->table.names_size; length++) {
        fetch(search, search->table.names + symbol->st_name + length, &c, 1);
        if (!c)
            break;
        underscores += c == '_' && underscores == length;
    }
    return underscores * UNDERSCORE_WEIGHT + length;
}

static void consider(struct search *search, const Elf64_Sym *symbol)
{
    if (!covers(search, symbol) || symbol->st_name == 0 || symbol->st_name >= search->table.names_size ||
        (search->found && symbol->st_value < search->best.st_value))
        return;
    unsigned oddity = oddity_of(search, symbol);
    if (search->found && symbol->st_value == search->best.st_value && oddity >= search->oddity)
        return;
    search->found = true;
    search->best = *symbol;
    search->oddity = oddity;
}

static void search_table(struct search *search)
{
    const uint64_t room = PHD_SYMBOL_BUFFER / sizeof(Elf64_Sym);
    const Elf64_Sym *symbols = (const Elf64_Sym *)search->symbols->buffer;
    uint64_t count;
    for (uint64_t first = 0; first < search->table.count && search->symbols->steps; first += count) {
        count = search->table.count - first < room ? search->table.count - first : room;
        fetch(search, search->table.symbols + first * sizeof *symbols, search->symbols->buffer,
              count * sizeof *symbols);
        search->symbols->steps -= count < search->symbols->steps ? count : search->symbols->steps;
        for (uint64_t i = 0; i < count; i++)
            consider(search, symbols + i);
    }
}

/* Copy the best symbol's name to the end of the names. NULL when there is no room. */
static const char *keep_name(struct search *search)
{
    struct phd_symbols *symbols = search->symbols;
    size_t room = PHD_SYMBOL_NAMES - symbols->names_used, length = 0;
    uint64_t left = search->table.names_size - search->best.st_name;
    char *name = symbols->names + symbols->names_used;
    uint64_t from = search->table.names + search->best.st_name;
    if (room < PHD_MAX_SYMBOL_NAME)
        return NULL;
    uint64_t limit = left < PHD_MAX_SYMBOL_NAME - 1 ? left : PHD_MAX_SYMBOL_NAME - 1;
    fetch(search, from, name, limit);
    while (length < limit && name[length])
        length++;
    name[length] = 0;
    symbols->names_used += length + 1;
    return name;
}

/* ---- .symtab of the file ---- */

/* /proc/PID/maps shows the device as the kernel numbers it; this is how a dev_t holds those numbers (glibc,
 * bits/sysmacros.h). */
static bool has_identity(const struct phd_mapping *mapping, const struct stat *info)
{
    uint64_t device = info->st_dev;
    uint64_t major = (device >> 8 & 0xfff) | (device >> 32 & 0xfffff000);
    uint64_t minor = (device & 0xff) | (device >> 12 & 0xffffff00);
    return mapping->inode == info->st_ino && mapping->device_major == major && mapping->device_minor == minor;
}

/* The build-id of the file; returns its length, 0 when it has none. */
static unsigned file_build_id(struct search *search, const Elf64_Ehdr *header, uint8_t build_id[PHD_MAX_BUILD_ID])
{
    Elf64_Phdr segment;
    unsigned size = 0;
    if (header->e_phentsize != sizeof segment || header->e_phnum > PHD_MAX_PROGRAM_HEADERS)
        return 0;
    for (unsigned i = 0; i < header->e_phnum && !size; i++) {
        fetch(search, header->e_phoff + i * sizeof segment, &segment, sizeof segment);
        if (segment.p_type != PT_NOTE || segment.p_filesz > PHD_SYMBOL_BUFFER)
            continue;
        fetch(search, segment.p_offset, search->symbols->buffer, segment.p_filesz);
        size = phd__build_id_find(search->symbols->buffer, segment.p_filesz, segment.p_align, build_id);
    }
    return size;
}

/* Is the open file the one that is mapped? Where file systems are stacked, devices and inodes differ. */
static bool is_mapped_file(struct search *search, const Elf64_Ehdr *header)
{
    const struct phd_module *module = search->module;
    uint8_t build_id[PHD_MAX_BUILD_ID];
    struct stat info;
    if (fstat(search->table.fd, &info) != 0)
        return false;
    unsigned size = file_build_id(search, header, build_id);
    if (size && module->build_id_size)
        return size == module->build_id_size && memcmp(build_id, module->build_id, size) == 0;
    return !size && !module->build_id_size && has_identity(module->first, &info);
}

static bool section_header(struct search *search, const Elf64_Ehdr *header, uint64_t index, Elf64_Shdr *section)
{
    if (index >= header->e_shnum)
        return false;
    fetch(search, header->e_shoff + index * sizeof *section, section, sizeof *section);
    return true;
}

static bool find_symtab(struct search *search, const Elf64_Ehdr *header)
{
    Elf64_Shdr section, names;
    if (header->e_shentsize != sizeof section || !header->e_shoff)
        return false;
    for (uint64_t i = 0; section_header(search, header, i, &section); i++) {
        if (section.sh_type != SHT_SYMTAB)
            continue;
        if (section.sh_entsize != sizeof(Elf64_Sym) || !section_header(search, header, section.sh_link, &names))
            return false;
        search->table.symbols = section.sh_offset;
        search->table.count = section.sh_size / sizeof(Elf64_Sym);
        search->table.names = names.sh_offset;
        search->table.names_size = names.sh_size;
        return search->table.count <= PHD_MAX_SYMBOLS;
    }
    return false;
}

static void search_file(struct search *search)
{
    struct stat info;
    Elf64_Ehdr header;
    if (fstat(search->table.fd, &info) != 0 || !S_ISREG(info.st_mode))
        return;
    fetch(search, 0, &header, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_machine != EM_X86_64 || !is_mapped_file(search, &header))
        return;
    if (find_symtab(search, &header))
        search_table(search);
}

/* ---- .dynsym in memory ---- */

struct dynamic {
    uint64_t symbols, names, names_size;
    uint64_t hash, gnu_hash;
};

/* The dynamic linker replaces file addresses in the section by those in memory, but not where it is read-only (vdso), and
 * not every libc does. */
static uint64_t dynamic_address(const struct phd_module *module, uint64_t value)
{
    return phd__module_holds(module, value, 1) ? value : module->bias + value;
}

static void read_dynamic(struct search *search, struct dynamic *dynamic)
{
    Elf64_Dyn entry;
    for (unsigned i = 0; i < PHD_MAX_DYNAMIC && i < search->module->dynamic_size / sizeof entry; i++) {
        fetch(search, search->module->dynamic + i * sizeof entry, &entry, sizeof entry);
        uint64_t address = dynamic_address(search->module, entry.d_un.d_ptr);
        switch (entry.d_tag) {
        case DT_NULL: return;
        case DT_SYMTAB: dynamic->symbols = address; break;
        case DT_STRTAB: dynamic->names = address; break;
        case DT_STRSZ: dynamic->names_size = entry.d_un.d_val; break;
        case DT_HASH: dynamic->hash = address; break;
        case DT_GNU_HASH: dynamic->gnu_hash = address; break;
        }
    }
}

static uint32_t fetch_u32(struct search *search, uint64_t address)
{
    uint32_t value;
    fetch(search, address, &value, sizeof value);
    return value;
}

/* One more than the largest index in the table, whose chains end with an odd word. */
static uint64_t count_by_gnu_hash(struct search *search, uint64_t table)
{
    uint32_t buckets = fetch_u32(search, table), first = fetch_u32(search, table + 4), last = 0;
    uint64_t bucket = table + 16 + 8 * (uint64_t)fetch_u32(search, table + 8);
    uint64_t chain = bucket + 4 * (uint64_t)buckets;
    for (uint32_t i = 0; i < buckets && i < PHD_MAX_SYMBOLS; i++) {
        uint32_t index = fetch_u32(search, bucket + 4 * (uint64_t)i);
        last = index > last ? index : last;
    }
    if (last < first)
        return first;
    while (last < PHD_MAX_SYMBOLS && !(fetch_u32(search, chain + 4 * (uint64_t)(last - first)) & 1))
        last++;
    return (uint64_t)last + 1;
}

/* Let `search->table` be the module's dynamic symbols. False when it has none that can be counted. */
static bool use_dynamic_table(struct search *search)
{
    struct dynamic dynamic = {0, 0, 0, 0, 0};
    if (!search->module->dynamic)
        return false;
    read_dynamic(search, &dynamic);
    if (!dynamic.symbols || !dynamic.names || !(dynamic.hash || dynamic.gnu_hash))
        return false;
    uint64_t count = dynamic.gnu_hash ? count_by_gnu_hash(search, dynamic.gnu_hash)
                                      : fetch_u32(search, dynamic.hash + 4); /* nchain */
    search->table.symbols = dynamic.symbols;
    search->table.count = count < PHD_MAX_SYMBOLS ? count : PHD_MAX_SYMBOLS;
    search->table.names = dynamic.names;
    search->table.names_size = dynamic.names_size;
    return true;
}

static void search_dynamic(struct search *search)
{
    if (use_dynamic_table(search))
        search_table(search);
}

/* ---- one question ---- */

/* The name of what `look` finds in the table of `search`, or NULL. */
static const char *look_up(struct search *search, void (*look)(struct search *search))
{
    struct phd_guard guard;
    const char *volatile name = NULL;
    search->found = false;
    if (PHD_GUARD(search->symbols->memory, &guard)) {
        look(search);
        if (search->found)
            name = keep_name(search);
    }
    PHD_UNGUARD(search->symbols->memory, &guard);
    return name;
}

static void find_name(struct search *search, struct phd_symbol *symbol)
{
    char storage[PHD_TARGET_PATH];
    const char *path = phd__target_path(search->symbols->files_of, search->module->path, storage);
    search->table.fd = phd__open_regular(path);
    if (search->table.fd >= 0) {
        symbol->name = look_up(search, search_file);
        close(search->table.fd);
        search->table.fd = -1;
    }
    if (!symbol->name)
        symbol->name = look_up(search, search_dynamic);
    if (symbol->name)
        symbol->start = search->module->bias + search->best.st_value;
}

/* The place of the answer about `address`, or the free one where it belongs. */
static struct phd_symbol *slot_of(const struct phd_symbols *symbols, uint64_t address)
{
    size_t slot = (size_t)(address * 0x9E3779B97F4A7C15u >> 52) & (PHD_SYMBOL_SLOTS - 1);
    while (symbols->known[slot].address && symbols->known[slot].address != address)
        slot = (slot + 1) & (PHD_SYMBOL_SLOTS - 1);
    return symbols->known + slot;
}

struct phd_symbol phd__symbol_find(struct phd_symbols *symbols, const struct phd_module *module, uint64_t address,
                                   uint64_t function)
{
    struct phd_symbol answer = {address, NULL, 0};
    if (!symbols->buffer || !symbols->known || !symbols->names)
        return answer;
    struct phd_symbol *slot = slot_of(symbols, address);
    if (slot->address == address)
        return *slot;
    struct search search = {.symbols = symbols, .module = module, .table = {.fd = -1}};
    search.address = address - module->bias;
    search.function = function ? function - module->bias : 0;
    if (symbols->steps)
        find_name(&search, &answer);
    if (symbols->known_count < PHD_SYMBOL_SLOTS * 3 / 4) {
        *slot = answer;
        symbols->known_count++;
    }
    return answer;
}

/* ---- by name ---- */

static bool is_called(struct search *search, const Elf64_Sym *symbol, const char *name, size_t size)
{
    char found[MAX_WANTED_NAME];
    if (symbol->st_shndx == SHN_UNDEF || !symbol->st_value ||
        symbol->st_name + (uint64_t)size > search->table.names_size)
        return false;
    fetch(search, search->table.names + symbol->st_name, found, size);
    return memcmp(found, name, size) == 0;
}

static uint64_t find_by_name(struct search *search, const char *name)
{
    size_t size = phd__string_length(name) + 1;
    Elf64_Sym symbol;
    if (size > MAX_WANTED_NAME || !use_dynamic_table(search))
        return 0;
    for (uint64_t i = 0; i < search->table.count; i++) {
        fetch(search, search->table.symbols + i * sizeof symbol, &symbol, sizeof symbol);
        if (is_called(search, &symbol, name, size))
            return search->module->bias + symbol.st_value;
    }
    return 0;
}

uint64_t phd__symbol_address(struct phd_symbols *symbols, const struct phd_module *module, const char *name)
{
    struct search search = {.symbols = symbols, .module = module, .table = {.fd = -1}};
    struct phd_guard guard;
    volatile uint64_t found = 0;
    if (PHD_GUARD(symbols->memory, &guard))
        found = find_by_name(&search, name);
    PHD_UNGUARD(symbols->memory, &guard);
    return found;
}
