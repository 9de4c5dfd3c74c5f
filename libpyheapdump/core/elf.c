/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: normal.
 */
#include "core/elf.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t read_file(const struct phd_elf_source *source, uint64_t offset, void *to, uint64_t size)
{
    uint64_t done = 0;
    while (done < size && offset < source->size) {
        ssize_t length = pread(source->fd, (uint8_t *)to + done, size - done, (off_t)(offset + done));
        if (length <= 0)
            break;
        done += (uint64_t)length;
    }
    return done;
}

bool phd__elf_of_file(struct phd_elf_source *source, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    *source = (struct phd_elf_source){.read = read_file, .fd = fd, .size = (uint64_t)info.st_size};
    return true;
}

static bool read_all(const struct phd_elf_source *source, uint64_t offset, void *to, uint64_t size)
{
    return source->read(source, offset, to, size) == size;
}

static void read_build_id(const struct phd_elf_source *source, const Elf64_Phdr *header, struct phd_image *image)
{
    uint8_t notes[PHD_MAX_BUILD_ID * 16]; /* the note stands among few others of its size */
    uint64_t size = header->p_filesz < sizeof notes ? header->p_filesz : sizeof notes;
    if (image->build_id_size || !read_all(source, header->p_offset, notes, size))
        return;
    image->build_id_size = phd__build_id_find(notes, size, header->p_align, image->build_id);
}

static bool is_image(const Elf64_Ehdr *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_ident[EI_CLASS] == ELFCLASS64 &&
           header->e_ident[EI_DATA] == ELFDATA2LSB && header->e_machine == EM_X86_64 &&
           (header->e_type == ET_EXEC || header->e_type == ET_DYN) && header->e_phentsize == sizeof(Elf64_Phdr) &&
           header->e_phnum <= PHD_MAX_PROGRAM_HEADERS;
}

bool phd__image_read(const struct phd_elf_source *source, struct phd_image *image)
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    memset(image, 0, sizeof *image);
    if (!read_all(source, 0, &header, sizeof header) || !is_image(&header))
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!read_all(source, header.e_phoff + i * sizeof segment, &segment, sizeof segment))
            return false;
        if (segment.p_type == PT_LOAD && image->load_count < PHD_MAX_IMAGE_LOADS)
            image->loads[image->load_count++] = (struct phd_image_load){
                segment.p_offset, segment.p_filesz, segment.p_vaddr, segment.p_memsz, segment.p_flags};
        else if (segment.p_type == PT_NOTE)
            read_build_id(source, &segment, image);
    }
    return image->load_count != 0;
}
