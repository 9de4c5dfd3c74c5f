/* SPDX-License-Identifier: Apache-2.0
 *
 * Where another thread waits in a system call the kernel tells its stack pointer and program counter in
 * /proc/self/task/TID/syscall, to this process alone: so it is read before the clone. Context: crash.
 */
#include "crash/record.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "evidence/directory.h"
#include "safe/text.h"

enum { PATH_ROOM = 64, LINE_ROOM = 256, STATUS_ROOM = 4096, MAX_FIELDS = 9 };

/* Our numbers of the registers in the order of the kernel's (sys/ucontext.h). */
static const struct {
    int ours;
    int kernel;
} register_map[] = {
    {PHD_RAX, REG_RAX}, {PHD_RDX, REG_RDX}, {PHD_RCX, REG_RCX}, {PHD_RBX, REG_RBX}, {PHD_RSI, REG_RSI},
    {PHD_RDI, REG_RDI}, {PHD_RBP, REG_RBP}, {PHD_RSP, REG_RSP}, {PHD_R8, REG_R8},   {PHD_R9, REG_R9},
    {PHD_R10, REG_R10}, {PHD_R11, REG_R11}, {PHD_R12, REG_R12}, {PHD_R13, REG_R13}, {PHD_R14, REG_R14},
    {PHD_R15, REG_R15}, {PHD_RIP, REG_RIP},
};

void phd__registers_record(struct phd_registers *registers, const void *handler_context)
{
    const ucontext_t *context = handler_context;
    for (size_t i = 0; i < sizeof register_map / sizeof register_map[0]; i++) {
        registers->value[register_map[i].ours] = (uint64_t)context->uc_mcontext.gregs[register_map[i].kernel];
        registers->known |= 1u << register_map[i].ours;
    }
}

/* The number that `text` begins with, decimal or 0x…; `*text` moves behind it. */
static uint64_t read_number(const char **text)
{
    uint64_t value = 0;
    bool hexadecimal = (*text)[0] == '0' && (*text)[1] == 'x';
    for (*text += hexadecimal ? 2 : 0;; (*text)++) {
        char c = **text;
        unsigned digit = c >= '0' && c <= '9'                  ? (unsigned)(c - '0')
                         : hexadecimal && c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                               : 99;
        if (digit == 99)
            return value;
        value = value * (hexadecimal ? 16 : 10) + digit;
    }
}

/* "number argument... stack-pointer program-counter", or "-1 stack-pointer program-counter" outside of system calls; a
 * running thread has "running" there (proc(5), /proc/pid/syscall). */
static bool parse_standing(const char *line, struct phd_standing *standing)
{
    uint64_t fields[MAX_FIELDS];
    unsigned count = 0;
    bool in_call = *line != '-';
    while (*line && count < MAX_FIELDS) {
        if ((*line >= '0' && *line <= '9') || *line == '-') {
            line += *line == '-';
            fields[count++] = read_number(&line);
        } else if (*line == ' ' || *line == '\n') {
            line++;
        } else {
            return false;
        }
    }
    if (count < 3)
        return false;
    standing->registers.value[PHD_RSP] = fields[count - 2];
    standing->registers.value[PHD_RIP] = fields[count - 1];
    standing->registers.known = fields[count - 2] && fields[count - 1] ? 1u << PHD_RSP | 1u << PHD_RIP : 0;
    standing->system_call = in_call ? (int64_t)fields[0] : PHD_NO_SYSTEM_CALL;
    standing->argument = in_call && count > 3 ? fields[1] : 0;
    return true;
}

/* Read the file `name`/`file` of `directory` as a text; false when that is impossible. */
static bool read_entry(const char *name, const char *file, int directory, char *content, size_t room)
{
    char path[PATH_ROOM];
    struct phd_text text;
    phd__text_init(&text, path, sizeof path - 1);
    phd__text_string(&text, name);
    phd__text_string(&text, file);
    path[text.used] = 0;
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, content, room - 1);
    if (fd >= 0)
        close(fd);
    content[length > 0 ? length : 0] = 0;
    return length > 0;
}

/* Is /proc that of this process's PID namespace? */
static bool proc_has_own_ids(void)
{
    char link[PATH_ROOM];
    const char *digits = link;
    ssize_t length = readlinkat(AT_FDCWD, "/proc/self", link, sizeof link - 1);
    link[length > 0 ? length : 0] = 0;
    return length <= 0 || read_number(&digits) == (uint64_t)getpid();
}

/* The id of a thread in its own PID namespace is the last one of "NSpid:" in its status (proc(5)). */
static int innermost_id(const char *name, int directory)
{
    static const char key[] = "\nNSpid:";
    char status[STATUS_ROOM];
    int id = 0;
    if (!read_entry(name, "/status", directory, status, sizeof status))
        return 0;
    const char *at = status;
    while (*at && strncmp(at, key, sizeof key - 1) != 0)
        at++;
    at += *at ? sizeof key - 1 : 0;
    while (*at && *at != '\n') {
        if (*at >= '0' && *at <= '9')
            id = (int)read_number(&at);
        else
            at++;
    }
    return id;
}

int phd__standing_thread(const char *name, int directory)
{
    const char *digits = name;
    return proc_has_own_ids() ? (int)read_number(&digits) : innermost_id(name, directory);
}

enum phd_look phd__standing_read(const char *name, int directory, int thread, struct phd_standing *standing)
{
    char line[LINE_ROOM];
    if (!read_entry(name, "/syscall", directory, line, sizeof line))
        return PHD_LOOK_FAILED;
    *standing = (struct phd_standing){.thread = thread};
    return parse_standing(line, standing) ? PHD_LOOK_WAITS : PHD_LOOK_RUNS;
}

static void record_standing(const char *name, int directory, void *argument)
{
    struct phd_crash *crash = argument;
    int thread = phd__standing_thread(name, directory);
    if (thread != crash->thread && crash->other_count < PHD_MAX_OTHER_THREADS &&
        phd__standing_read(name, directory, thread, &crash->others[crash->other_count]) == PHD_LOOK_WAITS)
        crash->other_count++;
}

void phd__crash_record(struct phd_crash *crash, const siginfo_t *info, const void *context)
{
    memset(crash, 0, sizeof *crash);
    crash->signal = info->si_signo;
    crash->code = info->si_code;
    crash->process = getpid();
    crash->thread = gettid();
    crash->thread_ident = (uint64_t)pthread_self();
    if (info->si_code > 0) {
        crash->address = (uint64_t)(uintptr_t)(info->si_signo == SIGSYS ? info->si_call_addr : info->si_addr);
        crash->system_call = info->si_signo == SIGSYS ? info->si_syscall : 0;
    } else {
        crash->sender_pid = info->si_pid;
        crash->sender_uid = (int)info->si_uid;
    }
    phd__registers_record(&crash->registers, context);
}

void phd__refuse_call(void *context)
{
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
}

void phd__standing_record(struct phd_crash *crash)
{
    memset(crash, 0, sizeof *crash);
    crash->process = getpid();
    crash->thread = gettid();
    phd__directory_each("/proc/self/task", record_standing, crash);
}
