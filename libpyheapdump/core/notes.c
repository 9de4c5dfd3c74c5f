/* SPDX-License-Identifier: Apache-2.0
 *
 * The first thread is the one that got the signal, in the kernel's cores and in gdb's. Context: normal.
 */
#include "core/notes.h"

#include <signal.h>
#include <string.h>

#include "attach/standing.h"
#include "memory/copied.h"
#include "safe/pages.h"
#include "safe/text.h"

enum {
    STATUS_SIGNAL = 12, /* struct elf_prstatus: pr_cursig, 16 bits */
    STATUS_THREAD = 32, /* pr_pid */
    STATUS_REGISTERS = 112,
    INFO_PROCESS = 24, /* struct elf_prpsinfo: pr_pid */
    INFO_COMMAND = 56, /* pr_psargs */
    SIGINFO_NUMBER = 0,
    SIGINFO_CODE = 8,
    SIGINFO_ADDRESS = 16, /* or the sender's pid, and its uid behind it */
    SIGINFO_UID = 20,
    SIGINFO_SYSTEM_CALL = 24,
    SIGINFO_SIZE = 32, /* as much as is used of it */
    FILES_HEAD = 16,   /* count, size of a page */
    FILES_ENTRY = 24   /* start, end, offset in pages */
};

/* One note. */
struct note {
    uint32_t type;
    const uint8_t *content;
    size_t size;
};

struct reading {
    struct phd_core_notes *notes;
    struct phd_crash *where;
    int signal;             /* that the first thread got, 0: none */
    const uint8_t *siginfo; /* of the first thread, or NULL */
};

static uint64_t word_at(const uint8_t *bytes, size_t offset)
{
    uint64_t word;
    memcpy(&word, bytes + offset, sizeof word);
    return word;
}

static int int_at(const uint8_t *bytes, size_t offset)
{
    int value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

/* The note at `*at`, which moves behind it. False at the end. */
static bool next_note(const struct phd_core_headers *headers, size_t *at, struct note *note, bool *cut)
{
    Elf64_Nhdr head;
    size_t left = headers->notes_size - *at;
    if (left < sizeof head) {
        *cut |= left != 0;
        return false;
    }
    memcpy(&head, headers->notes + *at, sizeof head);
    uint64_t name = ((uint64_t)head.n_namesz + 3) & ~(uint64_t)3, content = sizeof head + name;
    uint64_t size = ((uint64_t)head.n_descsz + 3) & ~(uint64_t)3;
    if (content + head.n_descsz > left) {
        *cut = true;
        return false;
    }
    /* All that are read are named "CORE"; the numbers mean other things under other names. */
    bool known = head.n_namesz == 5 && memcmp(headers->notes + *at + sizeof head, "CORE", 5) == 0;
    *note = (struct note){known ? head.n_type : 0, headers->notes + *at + content, head.n_descsz};
    *at += content + size < left ? content + size : left;
    return true;
}

/* ---- threads and the signal ---- */

static void read_status(struct reading *reading, const struct note *note)
{
    struct user_regs_struct registers;
    struct phd_crash *where = reading->where;
    if (note->size < STATUS_REGISTERS + sizeof registers)
        return;
    if (!reading->notes->threads++)
        reading->signal = int_at(note->content, STATUS_SIGNAL) & 0xffff;
    if (where->other_count == PHD_MAX_OTHER_THREADS)
        return;
    memcpy(&registers, note->content + STATUS_REGISTERS, sizeof registers);
    phd__standing_set(where->others + where->other_count++, int_at(note->content, STATUS_THREAD), &registers);
}

/* Does the signal's default action make a core (signal(7))? gdb also tells of others, by which it stopped the process. */
static bool is_fatal(int number)
{
    static const int fatal[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        if (number == fatal[i])
            return true;
    return false;
}

static void set_signal(const struct reading *reading)
{
    struct phd_crash *where = reading->where;
    const uint8_t *info = reading->siginfo;
    where->signal = reading->signal;
    where->code = SI_KERNEL; /* it tells nothing more */
    where->thread = where->others[0].thread;
    where->thread_ident = where->others[0].ident;
    where->registers = where->others[0].registers;
    where->own = where->others[0];
    memmove(where->others, where->others + 1, --where->other_count * sizeof where->others[0]);
    if (!info || int_at(info, SIGINFO_NUMBER) != where->signal)
        return;
    where->code = int_at(info, SIGINFO_CODE);
    if (where->code > 0) {
        where->address = word_at(info, SIGINFO_ADDRESS);
        where->system_call = where->signal == SIGSYS ? int_at(info, SIGINFO_SYSTEM_CALL) : 0;
    } else {
        where->sender_pid = int_at(info, SIGINFO_ADDRESS);
        where->sender_uid = int_at(info, SIGINFO_UID);
    }
}

/* ---- the process ---- */

static void read_process(struct reading *reading, const struct note *note)
{
    struct phd_core_notes *notes = reading->notes;
    if (note->size < INFO_COMMAND + PHD_COMMAND_ROOM - 1)
        return;
    reading->where->process = int_at(note->content, INFO_PROCESS);
    memcpy(notes->command, note->content + INFO_COMMAND, PHD_COMMAND_ROOM - 1);
    size_t length = phd__string_length(notes->command);
    while (length && notes->command[length - 1] == ' ')
        notes->command[--length] = 0;
}

uint64_t phd__core_auxv(const struct phd_core_notes *notes, uint64_t type)
{
    for (size_t at = 0; notes->auxv_size - at >= 16; at += 16) {
        uint64_t found = word_at(notes->auxv, at);
        if (found == type)
            return word_at(notes->auxv, at + 8);
        if (found == AT_NULL)
            break;
    }
    return 0;
}

/* ---- mapped files ---- */

static bool is_range(const struct phd_core_notes *notes, const struct phd_core_range *range)
{
    uint64_t previous = notes->range_count ? notes->ranges[notes->range_count - 1].end : 0;
    return range->start >= previous && range->start < range->end && range->end <= PHD_HIGHEST_ADDRESS &&
           (range->start | range->end | range->offset) % PHD_PAGE == 0;
}

/* The list of entries, and behind it their names, each ended by NUL. */
static bool read_files(struct phd_core_notes *notes, const struct note *note)
{
    if (notes->ranges || note->size < FILES_HEAD)
        return true;
    uint64_t count = word_at(note->content, 0), unit = word_at(note->content, 8);
    uint64_t most = (note->size - FILES_HEAD) / FILES_ENTRY;
    notes->left_out += count > most;
    count = count < most ? count : most;
    notes->has_ranges = true;
    notes->range_capacity = count + 1;
    notes->ranges = phd__pages_alloc(notes->range_capacity * sizeof *notes->ranges);
    if (!notes->ranges)
        return false;
    const uint8_t *name = note->content + FILES_HEAD + count * FILES_ENTRY, *end = note->content + note->size;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *entry = note->content + FILES_HEAD + i * FILES_ENTRY;
        const uint8_t *name_end = name < end ? memchr(name, 0, (size_t)(end - name)) : NULL;
        if (!name_end) {
            notes->left_out += (unsigned)(count - i);
            break;
        }
        struct phd_core_range range = {
            word_at(entry, 0), word_at(entry, 8), word_at(entry, 16) * unit, (const char *)name, 0, 0};
        if (is_range(notes, &range))
            notes->ranges[notes->range_count++] = range;
        else
            notes->left_out++;
        name = name_end + 1;
    }
    return true;
}

/* ---- all ---- */

static bool read_note(struct reading *reading, const struct note *note)
{
    switch (note->type) {
    case NT_PRSTATUS: read_status(reading, note); break;
    case NT_PRPSINFO: read_process(reading, note); break;
    case NT_SIGINFO:
        if (!reading->siginfo && note->size >= SIGINFO_SIZE)
            reading->siginfo = note->content;
        break;
    case NT_AUXV:
        reading->notes->auxv = note->content;
        reading->notes->auxv_size = note->size;
        break;
    case NT_FILE: return read_files(reading->notes, note);
    default: break;
    }
    return true;
}

enum phd_status phd__core_notes_read(struct phd_core_notes *notes, const struct phd_core_headers *headers,
                                     struct phd_crash *where, struct phd_error *error)
{
    struct reading reading = {notes, where, 0, NULL};
    struct note note;
    size_t at = 0;
    memset(notes, 0, sizeof *notes);
    memset(where, 0, sizeof *where);
    while (next_note(headers, &at, &note, &notes->cut)) {
        if (!read_note(&reading, &note)) {
            phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the mapped files");
            return PHD_ERROR_MEMORY;
        }
    }
    if (!where->process && where->other_count)
        where->process = where->others[0].thread;
    where->thread = where->process;
    if (where->other_count && is_fatal(reading.signal))
        set_signal(&reading);
    return PHD_OK;
}

void phd__core_notes_close(struct phd_core_notes *notes)
{
    phd__pages_free(notes->ranges, notes->range_capacity * sizeof *notes->ranges);
    memset(notes, 0, sizeof *notes);
}
