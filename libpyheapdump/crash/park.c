/* SPDX-License-Identifier: Apache-2.0
 *
 *     the thread that crashed                            another thread
 *     note the system call it waits in (/proc)
 *     send it a signal ────────────────────────────────▶ handler: leave a pointer to its registers, be counted
 *     wait until all are counted, 50 ms at most ◀─────── wait for a word to change (futex)
 *     look for threads that were started meanwhile
 *     note their registers
 *     …
 *     phd__park_let_go ────────────────────────────────▶ return from the handler: the kernel puts back registers and
 *                                                        mask, and restarts what may be restarted (SA_RESTART)
 *
 * The 50 ms are not what the promise rests on: whoever has been sent the signal runs no more code of the program before
 * the handler, whenever it gets a processor, leaves the kernel, or ends its vfork().
 *
 * The signal is the one by which the C library has all threads change their user (SIGSETXID; musl cancels threads by it).
 * No program can block it, wait for it or handle it, for the C library takes it out of every set: so it reaches threads
 * that block all signals, and none that wait for some. Ours are told from the C library's by their siginfo: they are
 * queued with SI_QUEUE, its own have SI_TKILL. Each side ignores what is not its own: ours are passed over by its handler
 * when they come late, and its own are passed on by ours.
 *
 * The handler may run in a thread without thread-local storage, made by clone() alone: no errno, no stack protector (no
 * local variable whose address is taken), system calls by hand.
 *
 * Context: crash, but for phd__park_prepare.
 */
#include "crash/park.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "crash/record.h"
#include "evidence/directory.h"
#include "safe/clock.h"
#include "safe/process.h"
#include "safe/wait.h"

enum {
    SIGNAL = 33,
    MAX_PARKED = 8192,
    LOOK = 2 * 1000 * 1000,    /* nanoseconds between two looks whether a thread has ended */
    SLICE = 250 * 1000 * 1000, /* nanoseconds between two looks at the deadline, which may change */
    PAUSE = 1000 * 1000,       /* nanoseconds, where a filter of the program (seccomp) refuses to wait for a word */
    STACK = 32 * 1024,         /* of the child that reads /proc when no descriptor is free */
    MAX_ROUNDS = 16,           /* of looking for new threads */
    SA_HAS_RESTORER = 1 << 26  /* SA_RESTORER of the kernel's asm/signal.h */
};

enum state { FREE, PARKED };

struct place {
    int thread;                          /* kernel id */
    bool asked;                          /* it was sent the signal, and has not ended without having it */
    enum phd_look look;                  /* at what it did before */
    unsigned standing;                   /* its index in crash->others, when it waited */
    _Atomic(const ucontext_t *) context; /* what the handler has interrupted, once it is there */
};

static struct {
    _Atomic uint32_t state;
    _Atomic uint64_t deadline; /* phd__clock_ns: until when threads stand */
    _Atomic uint32_t arrived;
    unsigned count, asked;
    struct place places[MAX_PARKED];
    void *restorer;
    bool in_place; /* our handler is set */
    struct phd_action previous;
} parking;

/* ---- in the other threads ---- */

static long call(long number, long a, long b, long c, const void *d, long e, long f)
{
    register const void *r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return number;
}

static void stand(struct place *place, const void *context)
{
    static const struct timespec slice = {0, SLICE}, pause = {0, PAUSE};
    if (atomic_load(&parking.state) == FREE)
        return; /* it comes too late */
    atomic_store(&place->context, context);
    atomic_fetch_add(&parking.arrived, 1);
    call(SYS_futex, (long)&parking.arrived, FUTEX_WAKE, 1, NULL, 0, 0);
    while (atomic_load(&parking.state) == PARKED && phd__clock_ns() < atomic_load(&parking.deadline)) {
        long result = call(SYS_futex, (long)&parking.state, FUTEX_WAIT, PARKED, &slice, 0, 0);
        bool refused = result != 0 && result != -EAGAIN && result != -EINTR && result != -ETIMEDOUT;
        if (refused && call(SYS_nanosleep, (long)&pause, 0, 0, NULL, 0, 0) != 0)
            return;
    }
}

static void pass_on(int signal_number, siginfo_t *info, void *context)
{
    union {
        void *address;
        void (*function)(int, siginfo_t *, void *);
    } previous = {parking.previous.handler};
    if (previous.address && (parking.previous.flags & SA_SIGINFO))
        previous.function(signal_number, info, context);
}

static void on_signal(int signal_number, siginfo_t *info, void *context)
{
    unsigned index = (unsigned)info->si_value.sival_int;
    if (info->si_code != SI_QUEUE)
        pass_on(signal_number, info, context);
    else if (index < MAX_PARKED && parking.places[index].thread == (int)call(SYS_gettid, 0, 0, 0, NULL, 0, 0))
        stand(&parking.places[index], context);
}

/* ---- the signal ---- */

void phd__park_prepare(const struct phd_action *model)
{
    parking.restorer = model->restorer;
}

static bool is_ours(const struct phd_action *action)
{
    return action->handler == (void *)(uintptr_t)on_signal;
}

static bool take_signal(void)
{
    const struct phd_action ours = {.handler = (void *)(uintptr_t)on_signal,
                                    .flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_HAS_RESTORER,
                                    .restorer = parking.restorer,
                                    .mask = ~(uint64_t)0};
    struct phd_action found;
    if (parking.in_place)
        return true;
    if (!parking.restorer || !phd__action_get(SIGNAL, &found))
        return false;
    if (!is_ours(&found)) /* it may be in a forked child */
        parking.previous = found;
    parking.in_place = phd__action_set(SIGNAL, &ours);
    return parking.in_place;
}

static bool is_missing(struct place *place)
{
    place->asked &= atomic_load(&place->context) || syscall(SYS_tgkill, getpid(), place->thread, 0) == 0;
    return place->asked && !atomic_load(&place->context);
}

static bool somebody_is_missing(void)
{
    for (unsigned i = 0; i < parking.count; i++) {
        if (is_missing(&parking.places[i]))
            return true;
    }
    return false;
}

/* A signal that comes after this must not end the process: where the C library has set no handler, ours stays as long as
 * one may be on its way. */
static void give_signal_back(void)
{
    struct phd_action found;
    if (!parking.in_place || (!parking.previous.handler && somebody_is_missing()))
        return;
    if (phd__action_get(SIGNAL, &found) && is_ours(&found))
        phd__action_set(SIGNAL, &parking.previous);
    parking.in_place = false;
}

static bool send(int process, int thread, unsigned index)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = SIGNAL;
    info.si_code = SI_QUEUE;
    info.si_pid = process;
    info.si_value.sival_int = (int)index;
    return syscall(SYS_rt_tgsigqueueinfo, process, thread, SIGNAL, &info) == 0;
}

/* ---- in the thread that crashed ---- */

struct round {
    struct phd_crash *crash;
    uint64_t limit;
    unsigned known; /* the first places, of threads that earlier rounds have found */
};

static bool is_known(const struct round *round, int thread)
{
    for (unsigned i = 0; i < round->known; i++) {
        if (parking.places[i].thread == thread)
            return true;
    }
    return false;
}

static void ask(const char *name, int directory, void *argument)
{
    struct round *round = argument;
    struct phd_crash *crash = round->crash;
    struct place *place = &parking.places[parking.count];
    struct phd_standing ignored, *standing = &ignored;
    int thread = phd__standing_thread(name, directory);
    if (!thread || thread == crash->thread || parking.count == MAX_PARKED || is_known(round, thread) || !take_signal())
        return;
    if (crash->other_count < PHD_MAX_OTHER_THREADS)
        standing = &crash->others[crash->other_count];
    place->thread = thread;
    place->standing = crash->other_count;
    place->look =
        phd__clock_ns() < round->limit ? phd__standing_read(name, directory, thread, standing) : PHD_LOOK_FAILED;
    atomic_store(&place->context, NULL);
    if (place->look == PHD_LOOK_WAITS && standing != &ignored)
        crash->other_count++;
    else if (place->look == PHD_LOOK_WAITS)
        place->look = PHD_LOOK_FAILED; /* no room to note it */
    place->asked = send(crash->process, thread, parking.count);
    parking.asked += place->asked;
    parking.count++;
}

/* In a child that shares the memory of the process, but not its table of descriptors. */
static int ask_from_elsewhere(void *round)
{
    char path[PHD_PROC_PATH];
    close(0);
    close(1);
    phd__directory_each(phd__proc_path(((struct round *)round)->crash->process, "task", path), ask, round);
    return 0;
}

static void ask_all(struct round *round)
{
    static _Alignas(64) char stack[STACK];
    if (phd__directory_each("/proc/self/task", ask, round) || errno != EMFILE || !take_signal())
        return;
    int child = clone(ask_from_elsewhere, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_UNTRACED, round);
    while (child > 0 && waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
        continue;
}

static void wait_for_all(uint64_t limit)
{
    uint64_t now = phd__clock_ns();
    for (; now < limit; now = phd__clock_ns()) {
        uint32_t arrived = atomic_load(&parking.arrived);
        if (arrived >= parking.asked)
            return;
        phd__wait(&parking.arrived, arrived, now + LOOK < limit ? now + LOOK : limit);
        if (phd__clock_ns() >= now + LOOK && !somebody_is_missing())
            return;
    }
}

/* What a thread that waited was found with by the kernel holds as long as it has not moved: the program counter is behind
 * the instruction, or on it when the call is to be restarted. */
static bool has_moved(const struct phd_standing *noted, const struct phd_registers *now)
{
    enum { SYSCALL_INSTRUCTION = 2 /* bytes */ };
    uint64_t back = noted->registers.value[PHD_RIP] - now->value[PHD_RIP];
    return noted->registers.value[PHD_RSP] != now->value[PHD_RSP] || (back != 0 && back != SYSCALL_INSTRUCTION);
}

/* The handler knows all registers, of threads that ran, too. */
static void note_registers(struct phd_crash *crash, const struct place *place)
{
    const ucontext_t *context = atomic_load(&place->context);
    struct phd_registers registers = {.known = 0};
    struct phd_standing *standing = &crash->others[place->standing];
    if (!context || place->look == PHD_LOOK_FAILED)
        return;
    phd__registers_record(&registers, context);
    if (place->look == PHD_LOOK_RUNS) {
        if (crash->other_count == PHD_MAX_OTHER_THREADS)
            return;
        standing = &crash->others[crash->other_count++];
        *standing = (struct phd_standing){.thread = place->thread, .system_call = PHD_NO_SYSTEM_CALL};
    } else if (has_moved(standing, &registers)) {
        standing->system_call = PHD_NO_SYSTEM_CALL;
        standing->argument = 0;
    } else {
        registers.value[PHD_RIP] = standing->registers.value[PHD_RIP];
    }
    standing->registers = registers;
}

void phd__park(struct phd_crash *crash, uint64_t deadline_ns)
{
    struct round round = {crash, phd__clock_ns() + PHD_PARK_PATIENCE, 0};
    atomic_store(&parking.deadline, deadline_ns);
    parking.count = parking.asked = 0;
    atomic_store(&parking.arrived, 0);
    atomic_store(&parking.state, PARKED);
    for (int i = 0; i < MAX_ROUNDS; i++) {
        ask_all(&round);
        if (parking.count == round.known)
            break; /* nobody who was not asked */
        wait_for_all(round.limit);
        round.known = parking.count;
    }
    for (unsigned i = 0; i < parking.count; i++)
        note_registers(crash, &parking.places[i]);
}

void phd__park_let_go_after(uint64_t nanoseconds)
{
    atomic_store(&parking.deadline, phd__clock_ns() + nanoseconds);
}

void phd__park_let_go(void)
{
    if (atomic_exchange(&parking.state, FREE) == FREE)
        return;
    phd__wake(&parking.state);
    give_signal_back();
}
