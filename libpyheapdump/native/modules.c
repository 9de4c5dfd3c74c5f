/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/modules.h"

#include <elf.h>

#include "safe/pages.h"

enum { PAGE = 4096 };

/* ---- build-id ---- */

unsigned phd__build_id_find(const uint8_t *notes, uint64_t size, uint64_t alignment, uint8_t build_id[PHD_MAX_BUILD_ID])
{
    const uint64_t padding = alignment == 8 ? 7 : 3;
    Elf64_Nhdr note;
    for (uint64_t at = 0; at < size && size - at >= sizeof note;) {
        memcpy(&note, notes + at, sizeof note);
        uint64_t name = at + sizeof note;
        uint64_t content = name + (((uint64_t)note.n_namesz + padding) & ~padding);
        uint64_t end = content + note.n_descsz;
        if (end > size)
            return 0;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(notes + name, "GNU", 4) == 0 &&
            note.n_descsz <= PHD_MAX_BUILD_ID) {
            memcpy(build_id, notes + content, note.n_descsz);
            return note.n_descsz;
        }
        at = (end + padding) & ~padding;
    }
    return 0;
}

/* ---- the headers of one module ---- */

struct headers {
    struct phd_memory *memory;
    const struct phd_mappings *mappings;
    const struct phd_module_start *begin;
    uint64_t program_headers; /* address */
    unsigned count;
};

static void program_header(const struct headers *headers, unsigned i, Elf64_Phdr *header)
{
    memcpy(header, phd__view(headers->memory, headers->program_headers + i * sizeof *header, sizeof *header),
           sizeof *header);
}

/* Where the `size` bytes at `offset` of the module's file are mapped, or 0. */
static uint64_t address_of_offset(const struct headers *headers, uint64_t offset, uint64_t size)
{
    const struct phd_mapping *first = headers->mappings->all + headers->begin->mapping;
    const struct phd_mapping *end = headers->mappings->all + headers->mappings->count;
    for (const struct phd_mapping *mapping = first; mapping < end && phd__same_file(mapping, first); mapping++) {
        uint64_t length = mapping->end - mapping->start;
        if (offset >= mapping->offset && offset - mapping->offset < length &&
            size <= length - (offset - mapping->offset))
            return mapping->start + (offset - mapping->offset);
    }
    return 0;
}

static bool find_program_headers(struct headers *headers)
{
    Elf64_Ehdr header;
    uint64_t start = headers->mappings->all[headers->begin->mapping].start;
    memcpy(&header, phd__view(headers->memory, start, sizeof header), sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != EM_X86_64 ||
        header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > PHD_MAX_PROGRAM_HEADERS)
        return false;
    headers->count = header.e_phnum;
    headers->program_headers = address_of_offset(headers, header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));
    return headers->program_headers != 0;
}

/* The bias that puts the beginning of the file where it is mapped. */
static bool find_bias(const struct headers *headers, uint64_t *bias)
{
    Elf64_Phdr header;
    for (unsigned i = 0; i < headers->count; i++) {
        program_header(headers, i, &header);
        if (header.p_type == PT_LOAD && header.p_offset < PAGE) {
            *bias = headers->mappings->all[headers->begin->mapping].start - (header.p_vaddr - header.p_offset);
            return true;
        }
    }
    return false;
}

/* Is executable segment `header` mapped where `bias` puts it? */
static bool is_mapped(const struct headers *headers, uint64_t bias, const Elf64_Phdr *header)
{
    const struct phd_mapping *first = headers->mappings->all + headers->begin->mapping;
    const struct phd_mapping *mapping = phd__mapping_at(headers->mappings, bias + header->p_vaddr);
    return mapping && phd__same_file(mapping, first) && (mapping->permissions & PHD_EXECUTABLE) &&
           mapping->offset + (bias + header->p_vaddr - mapping->start) == header->p_offset;
}

/* Check the bias, and find the end of what the segments cover; 0 when they are not mapped like that. */
static uint64_t end_of_segments(const struct headers *headers, uint64_t bias)
{
    Elf64_Phdr header;
    uint64_t end = 0;
    for (unsigned i = 0; i < headers->count; i++) {
        program_header(headers, i, &header);
        if (header.p_type != PT_LOAD)
            continue;
        if ((header.p_flags & PF_X) && !is_mapped(headers, bias, &header))
            return 0;
        uint64_t segment_end = bias + header.p_vaddr + header.p_memsz;
        end = segment_end > end ? segment_end : end;
    }
    return end;
}

/* The end of the last mapping of the file that begins below `limit`. */
static uint64_t end_of_file_mappings(const struct headers *headers, uint64_t limit)
{
    const struct phd_mapping *first = headers->mappings->all + headers->begin->mapping;
    const struct phd_mapping *end = headers->mappings->all + headers->mappings->count;
    uint64_t result = first->end;
    for (const struct phd_mapping *mapping = first; mapping < end && mapping->start < limit; mapping++)
        if (phd__same_file(mapping, first))
            result = mapping->end;
    return result;
}

static void read_notes(const struct headers *headers, struct phd_module *module, const Elf64_Phdr *header)
{
    uint64_t address = module->bias + header->p_vaddr;
    if (module->build_id_size || header->p_filesz > PHD_MAX_NOTES ||
        !phd__module_holds(module, address, header->p_filesz))
        return;
    module->build_id_size = phd__build_id_find(phd__view(headers->memory, address, header->p_filesz), header->p_filesz,
                                               header->p_align, module->build_id);
}

static void read_segments(const struct headers *headers, struct phd_module *module)
{
    Elf64_Phdr header;
    for (unsigned i = 0; i < headers->count; i++) {
        program_header(headers, i, &header);
        uint64_t address = module->bias + header.p_vaddr;
        if (!phd__module_holds(module, address, header.p_memsz))
            continue;
        if (header.p_type == PT_GNU_EH_FRAME) {
            module->unwind_table = address;
            module->unwind_table_size = header.p_memsz;
        } else if (header.p_type == PT_DYNAMIC) {
            module->dynamic = address;
            module->dynamic_size = header.p_memsz;
        } else if (header.p_type == PT_NOTE) {
            read_notes(headers, module, &header);
        }
    }
}

static bool read_headers(struct headers *headers, struct phd_module *module)
{
    module->first = headers->mappings->all + headers->begin->mapping;
    module->path = headers->begin->path;
    module->deleted = headers->begin->deleted;
    module->start = module->first->start;
    if (!find_program_headers(headers) || !find_bias(headers, &module->bias))
        return false;
    uint64_t end = end_of_segments(headers, module->bias);
    if (end <= module->start)
        return false;
    module->end = end_of_file_mappings(headers, end);
    read_segments(headers, module);
    return true;
}

/* ---- all modules ---- */

static void add_module(struct phd_modules *modules, struct phd_memory *memory, const struct phd_module_start *begin)
{
    struct phd_guard guard;
    struct phd_module *module = modules->all + modules->count;
    struct headers headers = {memory, &modules->mappings, begin, 0, 0};
    /* A further mapping of the same file from offset 0, within the module. */
    if (modules->count && modules->mappings.all[begin->mapping].start < module[-1].end)
        return;
    if (PHD_GUARD(memory, &guard)) {
        if (read_headers(&headers, module))
            modules->count++;
        else
            memset(module, 0, sizeof *module);
    } else {
        memset(module, 0, sizeof *module);
    }
    PHD_UNGUARD(memory, &guard);
}

void phd__modules_find(struct phd_modules *modules, struct phd_memory *memory)
{
    if (!modules->mappings.start_count)
        return;
    modules->capacity = (uint32_t)modules->mappings.start_count;
    modules->all = phd__pages_alloc(modules->capacity * sizeof *modules->all);
    for (size_t i = 0; modules->all && i < modules->mappings.start_count; i++)
        add_module(modules, memory, modules->mappings.starts + i);
}

enum phd_status phd__modules_read(struct phd_modules *modules, struct phd_memory *memory, int pid,
                                  struct phd_error *error)
{
    memset(modules, 0, sizeof *modules);
    enum phd_status status = phd__mappings_read(&modules->mappings, pid, error);
    if (status == PHD_OK)
        phd__modules_find(modules, memory); /* without memory for them the mappings alone are worth having */
    return status;
}

void phd__modules_close(struct phd_modules *modules)
{
    phd__pages_free(modules->all, modules->capacity * sizeof *modules->all);
    phd__mappings_close(&modules->mappings);
    memset(modules, 0, sizeof *modules);
}

uint32_t phd__module_at(const struct phd_modules *modules, uint64_t address)
{
    uint32_t low = 0, high = modules->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (modules->all[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < modules->count && modules->all[low].start <= address ? low : PHD_NO_MODULE;
}

bool phd__module_holds(const struct phd_module *module, uint64_t address, uint64_t size)
{
    return address >= module->start && address < module->end && size <= module->end - address;
}

const char *phd__module_name(const struct phd_module *module)
{
    const char *name = module->path;
    for (const char *at = module->path; *at; at++)
        if (at[0] == '/' && at[1])
            name = at + 1;
    return name;
}
