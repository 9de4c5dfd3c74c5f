/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults for the library while it makes a dump, without any code for it in the product: this goes into a process by
 * LD_PRELOAD and stands between the library and libc. A test arms it just before the crash; from then on the calls
 * that pyheapdump's extension module makes (told by the return address) are counted, apart for the thread that crashes
 * and for the children of its process, and one of them does not go as it should: it crashes, hangs, fails with an errno,
 * or does half. The interpreter's and libc's own calls pass, and those of the library's thread that waits for its bell.
 *
 * Every function here takes and gives integers and pointers in registers (System V ABI, AMD64), so all are interposed
 * by one piece of code. For that reason no header that declares them is included.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

/* What the library may call (libpyheapdump/crash_symbols.txt), and the calls that work with memory left out. */
#define FUNCTIONS(X)                                                                                                   \
    X(open)                                                                                                            \
    X(open64)                                                                                                          \
    X(openat)                                                                                                          \
    X(openat64)                                                                                                        \
    X(close)                                                                                                           \
    X(read)                                                                                                            \
    X(pread)                                                                                                           \
    X(pread64)                                                                                                         \
    X(write)                                                                                                           \
    X(writev)                                                                                                          \
    X(lseek)                                                                                                           \
    X(lseek64)                                                                                                         \
    X(fstat)                                                                                                           \
    X(fstat64)                                                                                                         \
    X(fsync)                                                                                                           \
    X(fdatasync)                                                                                                       \
    X(mkdir)                                                                                                           \
    X(faccessat)                                                                                                       \
    X(stat)                                                                                                            \
    X(linkat)                                                                                                          \
    X(unlinkat)                                                                                                        \
    X(readlinkat)                                                                                                      \
    X(renameat2)                                                                                                       \
    X(pipe2)                                                                                                           \
    X(poll)                                                                                                            \
    X(fcntl)                                                                                                           \
    X(fcntl64)                                                                                                         \
    X(dup)                                                                                                             \
    X(dup2)                                                                                                            \
    X(dup3)                                                                                                            \
    X(mmap)                                                                                                            \
    X(mmap64)                                                                                                          \
    X(mprotect)                                                                                                        \
    X(munmap)                                                                                                          \
    X(madvise)                                                                                                         \
    X(getpid)                                                                                                          \
    X(getppid)                                                                                                         \
    X(gettid)                                                                                                          \
    X(kill)                                                                                                            \
    X(tgkill)                                                                                                          \
    X(raise)                                                                                                           \
    X(waitpid)                                                                                                         \
    X(waitid)                                                                                                          \
    X(wait4)                                                                                                           \
    X(setpriority)                                                                                                     \
    X(prctl)                                                                                                           \
    X(getrlimit)                                                                                                       \
    X(getrlimit64)                                                                                                     \
    X(setrlimit)                                                                                                       \
    X(setrlimit64)                                                                                                     \
    X(prlimit)                                                                                                         \
    X(prlimit64)                                                                                                       \
    X(uname)                                                                                                           \
    X(sigaction)                                                                                                       \
    X(sigaltstack)                                                                                                     \
    X(sigprocmask)                                                                                                     \
    X(pthread_sigmask)                                                                                                 \
    X(sigtimedwait)                                                                                                    \
    X(clock_gettime)                                                                                                   \
    X(nanosleep)                                                                                                       \
    X(process_vm_readv)

enum role { CRASHED_PROCESS, CHILD, ROLES };
enum action { NOTHING, CRASH, HANG, FAIL, HALF };

#define NUMBER(name) NUMBER_OF_##name,
#define NAME(name) #name "\n"
#define DECLARE(name) static long (*real_##name)(long, long, long, long, long, long);

enum { FUNCTIONS(NUMBER) FIRST_SYSTEM_CALL };
enum { MOST_SYSTEM_CALLS = 512, COUNTERS = FIRST_SYSTEM_CALL + MOST_SYSTEM_CALLS };

/* The functions' names in the order of their counters; those of syscall(number, ...) follow, by number. */
const char inject_names[] = FUNCTIONS(NAME);
const int inject_counters = COUNTERS;

/* In memory that the test shares with the processes. */
struct log {
    uint32_t calls[ROLES][COUNTERS];
    uint32_t fired;
    int32_t child;
};

static struct rule {
    int role, counter, action, error;
    unsigned nth; /* the first is 1; 0: none */
} rule;

static struct log *log_of_calls;
static long armed_process, armed_thread;
static uintptr_t library_start, library_end;

FUNCTIONS(DECLARE)
static long (*real_syscall)(long, long, long, long, long, long, long);

enum { GETPID = 39, GETTID = 186 /* SYS_getpid, SYS_gettid */ };

static long raw_call(long number)
{
    __asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
    return number;
}

static void hang(void)
{
    for (;;) {
        long result = 34; /* SYS_pause */
        __asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
    }
}

/* Other libraries' constructors come before ours: hence at the first call, whichever that is. */
__attribute__((constructor)) static void find_real_functions(void)
{
#define FIND(name) real_##name = (long (*)(long, long, long, long, long, long))(uintptr_t)dlsym(RTLD_NEXT, #name);
    FUNCTIONS(FIND)
    real_syscall = (long (*)(long, long, long, long, long, long, long))(uintptr_t)dlsym(RTLD_NEXT, "syscall");
}

/* Count a call of the library; what shall become of it. */
static int intercept(int counter, const void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    if (!log_of_calls || from < library_start || from >= library_end)
        return NOTHING;
    long process = raw_call(GETPID);
    int role = process == armed_process ? CRASHED_PROCESS : CHILD;
    if (role == CRASHED_PROCESS && raw_call(GETTID) != armed_thread)
        return NOTHING;
    if (role == CHILD)
        log_of_calls->child = (int32_t)process;
    uint32_t call = __atomic_add_fetch(&log_of_calls->calls[role][counter], 1, __ATOMIC_RELAXED);
    if (rule.role != role || rule.counter != counter || rule.nth != call)
        return NOTHING;
    log_of_calls->fired++;
    if (rule.action == CRASH)
        *(volatile char *volatile)0x20 = 1;
    if (rule.action == HANG)
        hang();
    errno = rule.error;
    return rule.action;
}

/* writev takes the number of buffers where read and write take bytes: half of it is its first buffer alone. */
static long half_of(long count)
{
    return count > 1 ? count / 2 : count;
}

#define INTERPOSE(name)                                                                                                \
    long name(long a, long b, long c, long d, long e, long f)                                                          \
    {                                                                                                                  \
        int action = intercept(NUMBER_OF_##name, __builtin_return_address(0));                                         \
        if (action == FAIL)                                                                                            \
            return -1;                                                                                                 \
        if (!real_##name)                                                                                              \
            find_real_functions();                                                                                     \
        return real_##name(a, b, action == HALF ? half_of(c) : c, d, e, f);                                            \
    }
FUNCTIONS(INTERPOSE)

long syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (number >= 0 && number < MOST_SYSTEM_CALLS &&
        intercept(FIRST_SYSTEM_CALL + (int)number, __builtin_return_address(0)) == FAIL)
        return -1;
    if (!real_syscall)
        find_real_functions();
    return real_syscall(number, a, b, c, d, e, f);
}

static int find_library(struct dl_phdr_info *module, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    if (!strstr(module->dlpi_name, "/_pyheapdump."))
        return 0;
    library_start = UINTPTR_MAX;
    for (int i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &module->dlpi_phdr[i];
        uintptr_t start = module->dlpi_addr + segment->p_vaddr;
        if (segment->p_type != PT_LOAD)
            continue;
        if (start < library_start)
            library_start = start;
        if (start + segment->p_memsz > library_end)
            library_end = start + segment->p_memsz;
    }
    return 1;
}

/* Called by the thread that crashes: arms call number `nth` of a function in the role for `action`; everything is
 * counted in `log`. -1: no library. */
int inject_arm(void *log, int role, int counter, unsigned nth, int action, int error)
{
    armed_process = raw_call(GETPID);
    armed_thread = raw_call(GETTID);
    rule = (struct rule){role, counter, action, error, nth};
    if (!dl_iterate_phdr(find_library, NULL))
        return -1;
    log_of_calls = log;
    return 0;
}
