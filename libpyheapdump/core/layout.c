/* SPDX-License-Identifier: Apache-2.0
 *
 * A sweep over addresses, along the segments of the core and the ranges of files: where either begins or ends a piece
 * ends. gdb leaves out segments of which it writes nothing; then only the range tells of them. Context: normal.
 */
#include "core/layout.h"

#include <string.h>

/* mappings tell files apart by device and inode, of which a core knows nothing: this device is nobody's. */
static const uint32_t no_device = UINT32_MAX;

struct sweep {
    struct phd_core_memory *memory;
    struct phd_mappings *mappings;
    const struct phd_core_headers *headers;
    const struct phd_core_notes *notes;
    struct phd_core_files *files;
    struct phd_module_candidate candidate;
    uint64_t vdso;
};

static unsigned permissions_of(unsigned flags)
{
    return ((flags & PF_R) ? PHD_READABLE : 0u) | ((flags & PF_W) ? PHD_WRITABLE : 0u) |
           ((flags & PF_X) ? PHD_EXECUTABLE : 0u);
}

/* From which file, if any, what the core lacks of the piece is taken. */
static void find_bytes(struct phd_core_piece *piece, struct phd_core_file *file, const struct phd_core_range *range,
                       unsigned flags)
{
    const struct phd_image_load *load = phd__core_file_load(file, range, piece->start);
    bool is_written = (flags & PF_W) || (load && (load->flags & PF_W));
    piece->missing = "left out of the core";
    if (piece->in_core == piece->end - piece->start || is_written || file->state == PHD_FILE_DATA)
        return;
    file->needed = true;
    if (file->state == PHD_FILE_ABSENT) {
        piece->missing = "left out of the core, and the file mapped there is not here";
    } else if (file->state == PHD_FILE_OTHER) {
        piece->missing = "left out of the core, and the file mapped there is another one here";
    } else if (load) {
        piece->file = file->fd;
        piece->file_offset = range->offset + (piece->start - range->start);
        piece->file_size = file->size;
    }
}

static void add(struct sweep *sweep, uint64_t start, uint64_t end, const struct phd_core_load *load,
                const struct phd_core_range *range)
{
    static const char vdso[] = "[vdso]";
    struct phd_core_piece piece = {.start = start, .end = end, .file = -1, .missing = "left out of the core"};
    struct phd_mapping mapping = {.start = start, .end = end};
    struct phd_core_file *file = range && range->file < sweep->files->count ? sweep->files->all + range->file : NULL;
    const char *path = start == sweep->vdso ? vdso : file ? file->path : "";
    size_t path_length = start == sweep->vdso ? sizeof vdso - 1 : file ? file->path_length : 0;
    unsigned flags = load ? load->flags : PF_R;
    if (load) {
        uint64_t into = start - load->start, left = load->in_core > into ? load->in_core - into : 0;
        piece.offset = load->offset + into;
        piece.in_core = left < end - start ? left : end - start;
    } else if (file) {
        const struct phd_image_load *image_load = phd__core_file_load(file, range, start);
        flags = image_load ? image_load->flags & ~(unsigned)PF_W : PF_R;
    }
    if (file) {
        find_bytes(&piece, file, range, flags);
        mapping.inode = (uint64_t)range->file + 1;
        mapping.offset = range->offset + (start - range->start);
        mapping.device_major = no_device;
    }
    mapping.permissions = permissions_of(flags);
    if (phd__core_memory_add(sweep->memory, &piece))
        phd__mappings_add(sweep->mappings, &sweep->candidate, &mapping, path, path_length);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void sweep_addresses(struct sweep *sweep)
{
    const struct phd_core_headers *headers = sweep->headers;
    const struct phd_core_notes *notes = sweep->notes;
    size_t loads = 0, ranges = 0; /* that lie below `at` */
    for (uint64_t at = 0, next; at < PHD_HIGHEST_ADDRESS; at = next) {
        while (loads < headers->load_count && headers->loads[loads].end <= at)
            loads++;
        while (ranges < notes->range_count && notes->ranges[ranges].end <= at)
            ranges++;
        const struct phd_core_load *load = loads < headers->load_count ? headers->loads + loads : NULL;
        const struct phd_core_range *range = ranges < notes->range_count ? notes->ranges + ranges : NULL;
        bool in_load = load && load->start <= at, in_range = range && range->start <= at;
        next = PHD_HIGHEST_ADDRESS;
        if (load)
            next = least(next, in_load ? load->end : load->start);
        if (range)
            next = least(next, in_range ? range->end : range->start);
        if (in_load || in_range)
            add(sweep, at, next, in_load ? load : NULL, in_range ? range : NULL);
    }
}

enum phd_status phd__core_lay_out(struct phd_core_memory *memory, struct phd_mappings *mappings,
                                  const struct phd_core_headers *headers, const struct phd_core_notes *notes,
                                  struct phd_core_files *files, struct phd_error *error)
{
    struct sweep sweep = {memory, mappings, headers, notes, files, {0, 0, false}, 0};
    size_t most = 2 * (headers->load_count + notes->range_count) + 1, bytes = 1;
    sweep.vdso = phd__core_auxv(notes, AT_SYSINFO_EHDR);
    for (unsigned i = 0; i < files->count; i++)
        bytes += files->all[i].path_length + 2 + sizeof " (deleted)";
    if (!phd__core_memory_take(memory, headers->source.fd, headers->source.size, most) ||
        !phd__mappings_take(mappings, most, bytes + sizeof "[vdso]")) {
        phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the mappings");
        return PHD_ERROR_MEMORY;
    }
    sweep_addresses(&sweep);
    return phd__core_memory_open(memory, mappings, error);
}

bool phd__core_lacks_file(const struct phd_core_files *files, const struct phd_mappings *mappings, uint64_t address)
{
    const struct phd_mapping *mapping = phd__mapping_at(mappings, address);
    /* Data that begin as zeros are mapped behind those that the file has. */
    while (mapping && !mapping->inode && mapping > mappings->all && mapping[-1].end == mapping->start)
        mapping--;
    return mapping && mapping->inode && mapping->inode <= files->count &&
           phd__core_file_is_missing(files->all + (mapping->inode - 1));
}
