/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal.
 */
#include "core/headers.h"

#include <string.h>

#include "memory/copied.h"
#include "safe/pages.h"
#include "safe/text.h"

static enum phd_status refuse(struct phd_error *error, const char *why)
{
    phd__error_set(error, PHD_ERROR_UNREADABLE, 0, why);
    return PHD_ERROR_UNREADABLE;
}

/* ---- the file's header ---- */

static const char *what_is_wrong(const Elf64_Ehdr *header)
{
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return "not a core file (it is not ELF)";
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_machine != EM_X86_64)
        return "of another machine; cores of x86-64 can be read";
    if (header->e_type == ET_EXEC || header->e_type == ET_DYN)
        return "not a core file but a program or library";
    if (header->e_type != ET_CORE || header->e_phentsize != sizeof(Elf64_Phdr))
        return "not a core file";
    return NULL;
}

/* How many program headers there are: more than fit into e_phnum stand in the first section header, which is at the end
 * of the file (gABI, "Extended numbering"). */
static uint64_t count_segments(const struct phd_elf_source *source, const Elf64_Ehdr *header)
{
    Elf64_Shdr section;
    if (header->e_phnum != PN_XNUM)
        return header->e_phnum;
    if (source->read(source, header->e_shoff, &section, sizeof section) != sizeof section)
        return PN_XNUM - 1; /* cut off; so many there are at least */
    return section.sh_info < PHD_MAX_CORE_SEGMENTS ? section.sh_info : PHD_MAX_CORE_SEGMENTS;
}

/* ---- segments ---- */

static void add_load(struct phd_core_headers *headers, const Elf64_Phdr *segment)
{
    struct phd_core_load *load = headers->loads + headers->load_count;
    uint64_t previous = headers->load_count ? load[-1].end : 0, size = segment->p_memsz & ~(uint64_t)(PHD_PAGE - 1);
    if (segment->p_vaddr >= PHD_HIGHEST_ADDRESS || !size)
        return; /* vsyscall */
    if (segment->p_vaddr % PHD_PAGE || segment->p_vaddr < previous || size > PHD_HIGHEST_ADDRESS - segment->p_vaddr ||
        headers->load_count == headers->load_capacity) {
        headers->left_out++;
        return;
    }
    uint64_t in_core = segment->p_filesz < size ? segment->p_filesz : size;
    *load =
        (struct phd_core_load){segment->p_vaddr, segment->p_vaddr + size, segment->p_offset, in_core, segment->p_flags};
    headers->load_count++;
}

static void add_notes(struct phd_core_headers *headers, const Elf64_Phdr *segment)
{
    size_t room = headers->notes_capacity - headers->notes_size;
    uint64_t wanted = segment->p_filesz < room ? segment->p_filesz : room;
    const struct phd_elf_source *source = &headers->source;
    headers->notes_size += source->read(source, segment->p_offset, headers->notes + headers->notes_size, wanted);
}

static uint64_t end_of(const Elf64_Phdr *segment)
{
    return segment->p_filesz <= UINT64_MAX - segment->p_offset ? segment->p_offset + segment->p_filesz : 0;
}

/* Bytes of all note segments together, within limits, for which memory is taken. */
static uint64_t count_note_bytes(const struct phd_elf_source *source, const Elf64_Phdr *segments, uint64_t count)
{
    uint64_t bytes = 0, found = 0;
    for (uint64_t i = 0; i < count && found < PHD_MAX_NOTE_SEGMENTS; i++) {
        if (segments[i].p_type != PT_NOTE)
            continue;
        uint64_t size = segments[i].p_filesz < source->size ? segments[i].p_filesz : source->size;
        bytes += size;
        found++;
    }
    return bytes < PHD_MAX_NOTE_BYTES ? bytes : PHD_MAX_NOTE_BYTES;
}

static enum phd_status read_segments(struct phd_core_headers *headers, const Elf64_Phdr *segments, uint64_t count,
                                     struct phd_error *error)
{
    headers->load_capacity = count;
    headers->loads = phd__pages_alloc(count * sizeof *headers->loads);
    headers->notes_capacity = count_note_bytes(&headers->source, segments, count);
    headers->notes = phd__pages_alloc(headers->notes_capacity + 1);
    if (!headers->loads || !headers->notes) {
        phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the core's headers");
        return PHD_ERROR_MEMORY;
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t end = end_of(segments + i);
        headers->whole_size = end > headers->whole_size ? end : headers->whole_size;
        if (segments[i].p_type == PT_LOAD)
            add_load(headers, segments + i);
        else if (segments[i].p_type == PT_NOTE)
            add_notes(headers, segments + i);
    }
    if (!headers->notes_size)
        return refuse(error, "cut so early that its notes are missing");
    return PHD_OK;
}

enum phd_status phd__core_headers_read(struct phd_core_headers *headers, int fd, struct phd_error *error)
{
    Elf64_Ehdr header;
    memset(headers, 0, sizeof *headers);
    const struct phd_elf_source *source = &headers->source;
    if (!phd__elf_of_file(&headers->source, fd))
        return refuse(error, "not a regular file");
    if (source->size == 0)
        return refuse(error, "empty");
    if (source->read(source, 0, &header, sizeof header) < sizeof header)
        return refuse(error, "not a core file (it is too short)");
    const char *wrong = what_is_wrong(&header);
    if (wrong)
        return refuse(error, wrong);
    uint64_t count = count_segments(source, &header), size = count * sizeof(Elf64_Phdr);
    if (!count)
        return refuse(error, "without content: it has no program headers");
    Elf64_Phdr *segments = phd__pages_alloc(size);
    if (!segments) {
        phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the core's headers");
        return PHD_ERROR_MEMORY;
    }
    uint64_t got = source->read(source, header.e_phoff, segments, size);
    enum phd_status status = got == size ? read_segments(headers, segments, count, error)
                                         : refuse(error, "cut so early that its program headers are missing");
    phd__pages_free(segments, size);
    return status;
}

void phd__core_headers_close(struct phd_core_headers *headers)
{
    phd__pages_free(headers->loads, headers->load_capacity * sizeof *headers->loads);
    phd__pages_free(headers->notes, headers->notes_capacity + 1);
    memset(headers, 0, sizeof *headers);
}

uint64_t phd__core_bytes(const struct phd_core_headers *headers, uint64_t address, void *to, uint64_t length)
{
    size_t low = 0, high = headers->load_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (headers->loads[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == headers->load_count)
        return 0;
    const struct phd_core_load *load = headers->loads + low;
    if (load->start > address || address - load->start >= load->in_core)
        return 0;
    uint64_t into = address - load->start, left = load->in_core - into;
    return headers->source.read(&headers->source, load->offset + into, to, length < left ? length : left);
}
