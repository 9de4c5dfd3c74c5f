/* SPDX-License-Identifier: Apache-2.0
 *
 * The handler of fatal signals.
 *
 *     on_fatal ── the first thread ──▶ make_dump (on a stack of its own) ──▶ hand_over
 *        ├─────── another thread ────▶ wait until the first is done ───────▶ hand_over
 *        └─────── the same thread ───▶ our own code has crashed: leave make_dump by a jump
 *
 * make_dump: record the signal (record.c) → park the other threads (park.c) → phd_snapshot_start, whose child chooses the
 * file's name (target.c): no file system that does not answer can hold the crashed process → phd_snapshot_wait with a
 * deadline → one line on stderr (message.c).
 * hand_over: the previous action is put back, and the same signal happens again (hand_over.c).
 *
 * The handler stays as small as it can on the stack it is given, which may be somebody's alternate stack of a few KiB:
 * the dump runs on a static stack (ucontext), with a second alternate stack for the faults that guard its reading.
 * Everything prepared at install time is copied to static storage; nothing is allocated, no lock is taken.
 *
 * One dump in the life of a process: handlers that ran before or run after us may raise the signal again, or abort().
 *
 * Context: crash, but for phd_install and phd_uninstall.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "crash/hand_over.h"
#include "crash/kept_options.h"
#include "crash/message.h"
#include "crash/park.h"
#include "crash/record.h"
#include "memory/memory.h"
#include "pyheapdump.h"
#include "safe/action.h"
#include "safe/clock.h"
#include "safe/filters.h"
#include "safe/pages.h"
#include "safe/text.h"
#include "snapshot/snapshot.h"

enum {
    SIGNAL_COUNT = 7,
    DUMP_STACK = 256 * 1024,
    FAULT_STACK = 64 * 1024,
    RESERVE = 32 * 1024 * 1024,     /* address space for the walk when the system refuses memory */
    LOOK = 5 * 1000 * 1000,         /* nanoseconds between two looks at the first thread */
    AFTER_DUMP = 200 * 1000 * 1000, /* nanoseconds in which the thread that crashed first ends the process */
    EXTRA_SECONDS = 5,              /* that others wait longer than the first */
    LAST_SECONDS = 2                /* for what remains to be done when the time for the dump is over */
};

/* A time to wait that is as good as none, and fits when counted in nanoseconds. */
static const double MAX_SECONDS = 1e9;

static const int signals[SIGNAL_COUNT] = PHD_FATAL_SIGNALS;

/* Of phd_install: those that hold, those of the dump that is being made, and room for the next ones. */
enum { KEPT_COUNT = 3 };
static struct phd_kept_options kept_options[KEPT_COUNT];

/* Prepared by phd_install. */
static struct {
    bool in_place; /* our handlers are set */
    _Atomic(const struct phd_kept_options *) kept;
    struct sigaction previous[SIGNAL_COUNT];
    struct phd_action to_put_back[SIGNAL_COUNT]; /* the same, to be set in a crash */
    struct phd_signal_stack stack;               /* of the thread that installed */
} installed;

/* Which thread makes the dump: its process << 32 | its kernel id, 0 while there is none. A forked child inherits the
 * number of its parent, which is not its own. */
static _Atomic uint64_t dumping_thread;
/* The same number when that thread is done with it. */
static _Atomic uint64_t done_thread;
/* The thread that lets its signal happen again; the last one when there are several. */
static _Atomic uint64_t handing_thread;

/* Signals that were handed over: one that comes again was raised by a previous handler that calls us in its turn. */
static volatile sig_atomic_t handed_over[SIGNAL_COUNT];

/* Of the one dump. */
static struct {
    _Atomic(const struct phd_kept_options *) kept; /* a call of phd_install meanwhile does not change them */
    const siginfo_t *info;
    const void *context;
    struct phd_crash crash;
    struct phd_request request;
    struct phd_snapshot snapshot;
    uint64_t deadline_ns;
    sigjmp_buf give_up;
    volatile sig_atomic_t can_give_up;
    ucontext_t outside, inside;
    _Alignas(64) char stack[DUMP_STACK];
    _Alignas(64) char fault_stack[FAULT_STACK];
} dump;

static uint64_t this_thread(void)
{
    return (uint64_t)getpid() << 32 | (uint64_t)gettid();
}

static int process_of(uint64_t thread)
{
    return (int)(thread >> 32);
}

static int index_of(int signal_number)
{
    int found = 0;
    while (found < SIGNAL_COUNT - 1 && signals[found] != signal_number)
        found++;
    return found;
}

/* ---- the dump ---- */

static void fill_request(struct phd_request *request)
{
    /* The walk ends by itself before its writer is killed: so the file has its index. */
    double limit = dump.kept->options.timeout * 0.8;
    *request = dump.kept->options.request;
    request->crash = &dump.crash;
    request->reason = "signal";
    request->native_id = (unsigned long)dump.crash.thread;
    request->sequence = phd_number_next();
    request->pid = getpid();
    request->time_ns = phd__wall_clock_ns();
    if (request->max_seconds <= 0 || request->max_seconds > limit)
        request->max_seconds = limit;
}

static void tell(void)
{
    phd__say_result(&dump.request, dump.kept->options.quiet, &dump.snapshot);
}

static void make_dump(void)
{
    struct phd_result result;
    phd__crash_record(&dump.crash, dump.info, dump.context);
    phd__park(&dump.crash, dump.deadline_ns + (uint64_t)EXTRA_SECONDS * 1000000000u);
    fill_request(&dump.request);
    if (phd_snapshot_start(&dump.request, &dump.snapshot, NULL) == PHD_OK)
        phd_snapshot_wait(&dump.snapshot, dump.kept->options.timeout, &result, NULL);
    tell();
}

/* Runs on the dump's own stack. The alternate stack in use, from which we came, must not be used again while its frames
 * are needed; the return from the handler puts it back. */
static void make_dump_here(void)
{
    const stack_t fault_stack = {.ss_sp = dump.fault_stack, .ss_flags = 0, .ss_size = FAULT_STACK};
    if (sigaltstack(&fault_stack, NULL) == 0) {
        make_dump();
        return;
    }
    dump.snapshot.status = PHD_ERROR_SYSTEM;
    phd__error_set(&dump.snapshot.error, PHD_ERROR_SYSTEM, errno, "sigaltstack");
    tell();
}

static void tell_given_up(void)
{
    phd__snapshot_told(&dump.snapshot, 0); /* the name, if it was told */
    dump.snapshot.status = PHD_ERROR_CHILD;
    phd__error_set(&dump.snapshot.error, PHD_ERROR_CHILD, 0, "given up: it has crashed or overran its deadline");
    tell();
}

/* Run `body` on the dump's own stack. False when it was given up: it crashed, or overran the deadline. */
static bool run_on_dump_stack(void (*body)(void))
{
    volatile bool finished = false;
    if (sigsetjmp(dump.give_up, 1) == 0 && getcontext(&dump.inside) == 0) {
        dump.can_give_up = true;
        dump.inside.uc_stack = (stack_t){.ss_sp = dump.stack, .ss_flags = 0, .ss_size = DUMP_STACK};
        dump.inside.uc_link = &dump.outside;
        makecontext(&dump.inside, body, 0);
        finished = swapcontext(&dump.outside, &dump.inside) == 0;
    }
    dump.can_give_up = false;
    return finished;
}

/* SIGALRM may also come from a timer of the program. */
static void on_deadline(int signal_number)
{
    uint64_t thread = atomic_load(&dumping_thread);
    (void)signal_number;
    if (!dump.can_give_up || phd__clock_ns() < dump.deadline_ns)
        return;
    if (thread != this_thread())
        syscall(SYS_tgkill, getpid(), (int)thread, SIGALRM);
    else
        siglongjmp(dump.give_up, 1);
}

/* A dump that has to be written in place cannot be killed: the alarm clock ends it, and when even telling that hangs,
 * it rings again. A child is waited for with a deadline of its own, which comes first. */
static void set_alarm(struct sigaction *previous_action, struct itimerval *previous_timer)
{
    struct sigaction action;
    struct itimerval timer;
    sigset_t alarm_signal;
    double timeout = dump.kept->options.timeout < MAX_SECONDS ? dump.kept->options.timeout : MAX_SECONDS;
    memset(&action, 0, sizeof action);
    memset(&timer, 0, sizeof timer);
    action.sa_handler = on_deadline;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    timer.it_value.tv_sec = (time_t)timeout + LAST_SECONDS;
    timer.it_interval.tv_sec = LAST_SECONDS;
    dump.deadline_ns = phd__clock_ns() + (uint64_t)timer.it_value.tv_sec * 1000000000u;
    sigaction(SIGALRM, &action, previous_action);
    setitimer(ITIMER_REAL, &timer, previous_timer);
    sigemptyset(&alarm_signal);
    sigaddset(&alarm_signal, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarm_signal, NULL);
}

/* In this order no alarm of ours meets the program's handler, and none of the program's meets ours. */
static void put_alarm_back(const struct sigaction *previous_action, const struct itimerval *previous_timer)
{
    static const struct itimerval no_timer;
    setitimer(ITIMER_REAL, &no_timer, NULL);
    sigaction(SIGALRM, previous_action, NULL);
    setitimer(ITIMER_REAL, previous_timer, NULL);
}

/* Options that phd_install has kept are not changed from then on, as long as they hold or are those of the dump. */
static void choose_options(void)
{
    do
        atomic_store(&dump.kept, atomic_load(&installed.kept));
    while (atomic_load(&dump.kept) != atomic_load(&installed.kept));
}

/* There is no dump: the filter may kill for what it takes, and the signal is to happen as if we were not there. */
static void tell_refused(void)
{
    dump.snapshot.status = PHD_ERROR_CLONE;
    phd__error_set(&dump.snapshot.error, PHD_ERROR_CLONE, 0, phd__newer_filter);
    tell();
}

static void run_dump(const siginfo_t *info, const void *context)
{
    static struct sigaction previous_action;
    static struct itimerval previous_timer;
    choose_options();
    dump.request = dump.kept->options.request; /* what can be told of, however little is done */
    dump.request.pid = getpid();
    dump.info = info;
    dump.context = context;
    memset(&dump.snapshot, 0, sizeof dump.snapshot);
    if (!phd__ends_by_filter(info->si_signo) && phd__filters_grown()) {
        run_on_dump_stack(tell_refused);
        return;
    }
    set_alarm(&previous_action, &previous_timer);
    if (!run_on_dump_stack(make_dump_here)) {
        phd__memory_self_close(NULL);
        if (dump.snapshot.pid > 0)
            kill(dump.snapshot.pid, SIGKILL);
        run_on_dump_stack(tell_given_up);
    }
    put_alarm_back(&previous_action, &previous_timer);
}

/* ---- the signal ---- */

static void pause_for(long nanoseconds)
{
    struct timespec pause = {0, nanoseconds};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR)
        continue;
}

/* Another thread has crashed first. Its signal is to end the process; if that does not happen, ours does. */
static void wait_for_dump(uint64_t dumping)
{
    double limit = (atomic_load(&installed.kept)->options.timeout + EXTRA_SECONDS) * 1e9;
    for (double waited = 0; atomic_load(&done_thread) != dumping && waited < limit; waited += LOOK)
        pause_for(LOOK);
    pause_for(AFTER_DUMP);
}

static bool ignores(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_IGN;
}

/* Let the signal happen again as soon as the handler returns. */
static void hand_over(int signal_number, siginfo_t *info, void *context)
{
    static const struct phd_action default_action;
    int index = index_of(signal_number);
    /* what the kernel raises is not ignored: it ends the process */
    bool end = handed_over[index] || ignores(&installed.previous[index]);
    handed_over[index] = true;
    atomic_store(&handing_thread, this_thread());
    phd__hand_over(end ? &default_action : &installed.to_put_back[index], info, context);
    atomic_store(&handing_thread, 0);
}

/* This thread makes the dump, and another signal has come. Is the program to go on with it? */
static bool interrupt_dump(const siginfo_t *info)
{
    if (info->si_code <= 0 && info->si_pid != getpid())
        return false; /* somebody wants the process to end, which it is about to do */
    if (dump.can_give_up)
        siglongjmp(dump.give_up, 1); /* we crashed ourselves */
    return true;
}

/* The first thread of this process that gets here makes the dump. False: the signal has no consequences. */
static bool dump_once(const siginfo_t *info, const void *context)
{
    uint64_t me = this_thread(), dumping = atomic_load(&dumping_thread);
    if (process_of(dumping) != process_of(me) && atomic_compare_exchange_strong(&dumping_thread, &dumping, me)) {
        for (int i = 0; i < SIGNAL_COUNT; i++)
            handed_over[i] = false; /* by a parent, or by a child that shares our memory (vfork) */
        run_dump(info, context);
        atomic_store(&done_thread, me);
        return true;
    }
    if (atomic_load(&done_thread) == dumping)
        return true;
    if (dumping == me)
        return interrupt_dump(info);
    wait_for_dump(dumping);
    return true;
}

/* Has a filter of the program (seccomp, SECCOMP_RET_TRAP) refused a system call of ours? */
static bool is_call_of_ours(int signal_number, const siginfo_t *info)
{
    uint64_t me = this_thread(), dumping = atomic_load(&dumping_thread);
    return signal_number == SIGSYS && info->si_code > 0 &&
           ((dumping == me && atomic_load(&done_thread) != me) || atomic_load(&handing_thread) == me);
}

static void on_fatal(int signal_number, siginfo_t *info, void *context)
{
    int saved_errno = errno, cancel_state;
    if (is_call_of_ours(signal_number, info)) {
        phd__refuse_call(context);
        return;
    }
    if (info->si_code <= 0 && ignores(&installed.previous[index_of(signal_number)]))
        return;
    /* Much of what is called here is a cancellation point: a thread that somebody has cancelled would end in it. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    if (!installed.in_place || dump_once(info, context))
        hand_over(signal_number, info, context);
    pthread_setcancelstate(cancel_state, NULL);
    errno = saved_errno;
}

/* ---- installation ---- */

static struct phd_kept_options *free_options(void)
{
    unsigned at = 0;
    while (kept_options + at == atomic_load(&installed.kept) || kept_options + at == atomic_load(&dump.kept))
        at++;
    return kept_options + at;
}

static bool is_ours(int signal_number)
{
    struct sigaction current;
    return sigaction(signal_number, NULL, &current) == 0 && (current.sa_flags & SA_SIGINFO) &&
           current.sa_sigaction == on_fatal;
}

/* Put our handler in place where it is not. */
static void take_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fatal;
    /* SA_NODEFER and our signals left out of the mask: a crash of our own is to reach us, not to end the process by
     * another signal than the program's. */
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigfillset(&action.sa_mask);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        sigdelset(&action.sa_mask, signals[i]);
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        if (is_ours(signals[i]))
            continue;
        handed_over[i] = false;
        phd__action_get(signals[i], &installed.to_put_back[i]);
        sigaction(signals[i], &action, &installed.previous[i]);
    }
}

enum phd_status phd_install(const struct phd_options *options, struct phd_error *error)
{
    struct phd_action ours;
    if (!(options->timeout > 0)) {
        phd__error_set(error, PHD_ERROR_ARGUMENT, 0, "the timeout is not positive");
        return PHD_ERROR_ARGUMENT;
    }
    phd__stderr_note_once();
    phd__filters_note();
    struct phd_kept_options *kept = free_options();
    enum phd_status status = phd__options_keep(kept, options, error);
    if (status != PHD_OK)
        return status;
    atomic_store(&installed.kept, kept);
    if (installed.in_place) {
        take_signals(); /* those that the program has given to others since */
        return PHD_OK;
    }
    if (!phd__pages_reserve(RESERVE)) {
        phd__error_set(error, PHD_ERROR_MEMORY, errno, "reserve");
        return PHD_ERROR_MEMORY;
    }
    status = phd_signal_stack_add(&installed.stack, error);
    if (status != PHD_OK)
        return status;
    take_signals();
    phd__action_get(signals[0], &ours);
    phd__park_prepare(&ours);
    installed.in_place = true;
    return PHD_OK;
}

void phd_uninstall(void)
{
    if (!installed.in_place)
        return;
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        if (is_ours(signals[i]))
            sigaction(signals[i], &installed.previous[i], NULL);
    }
    phd_signal_stack_remove(&installed.stack);
    installed.in_place = false;
}
