/* SPDX-License-Identifier: Apache-2.0
 *
 * How much is used is looked at again when, at the utmost speed, a threshold could be reached: the further it is away,
 * the rarer. Memory is filled by threads that run, so that while the process uses no processor it is looked at seldom,
 * too. When a threshold is crossed, one dump is made.
 *
 * From then on the writer and the program share what is left to the limit. The writer may have half of it. The GIL is
 * waited for as long as the other half is there. Then the dump is written while the program runs; it is held, by the GIL,
 * when that half is used up, or from the beginning where it is small.
 *
 * Context: crash, but for phd__memory_configure.
 */
#include "watch/memory.h"

#include <stdatomic.h>
#include <time.h>

#include "limits/limits.h"
#include "watch/take.h"
#include "watch/wait.h"

enum {
    FASTEST = 4,            /* bytes per nanosecond: what a thread that fills new pages reaches */
    SHORTEST = 2 * 1000000, /* nanoseconds between two looks */
    LONGEST = 1000 * 1000000,
    IDLE_LONGEST = 50 * 1000000, /* while the process uses less than 1/IDLE_PART of a processor */
    IDLE_PART = 32,
    SHORT = 256 * 1024 * 1024,      /* bytes that a program can use up before it is noticed */
    LEAST_WRITER = 8 * 1024 * 1024, /* bytes without which there is no dump at all */
    REASON_ROOM = 1024
};

/* Limits may be changed, and the process be moved to another group: nanoseconds after which they are found anew. */
static const uint64_t FIND_AGAIN = 10000000000u;

enum {
    OFF,
    READY,
    ABOVE, /* ready when everything was below its threshold once */
    DONE
};

static _Atomic uint32_t state;
static _Atomic uint64_t given;
static _Atomic double share, hold_seconds;
static atomic_bool changed; /* the options, since the thread has seen them */

/* Of the thread. */
static struct phd_limits limits;
static struct {
    uint64_t found_at;  /* phd__clock_ns */
    uint64_t at;        /* of the last look */
    uint64_t processor; /* nanoseconds that the process had used then */
    uint64_t next;
} looks;
static uint64_t headroom; /* when the dump began */

enum phd_status phd__memory_configure(const struct phd_memory_options *options, struct phd_error *error)
{
    atomic_store(&state, OFF);
    if (!options)
        return PHD_OK;
    if (!(options->share > 0 && options->share < 1)) {
        phd__error_set(error, PHD_ERROR_ARGUMENT, 0, "the share of a memory limit must be between 0 and 1");
        return PHD_ERROR_ARGUMENT;
    }
    atomic_store(&given, options->bytes);
    atomic_store(&share, options->share);
    atomic_store(&hold_seconds, options->hold_seconds);
    atomic_store(&changed, true);
    atomic_store(&state, READY);
    return PHD_OK;
}

void phd__memory_after_fork(void)
{
    uint32_t done = DONE;
    atomic_compare_exchange_strong(&state, &done, ABOVE);
    atomic_store(&changed, true);
}

/* ---- the dump ---- */

/* Is half of what was left when the dump began used up? */
static bool is_short(void)
{
    struct phd_process_memory process;
    return phd__process_memory("", &process) && phd__limits_headroom(&limits, &process) < headroom / 2;
}

static void put_reason(struct phd_text *text, const struct phd_limit *limit, uint64_t used)
{
    phd__text_string(text, "memory limit: ");
    phd__text_size(text, used);
    phd__text_string(text, " used of ");
    phd__text_size(text, limit->bytes);
    phd__text_string(text, " (");
    phd__limit_put_source(&limits, limit, text);
    phd__text_string(text, ")");
    for (size_t i = 0; i < text->used; i++) { /* it is a line of the header */
        if (text->data[i] < ' ' || text->data[i] > '~')
            text->data[i] = '?';
    }
}

static void make_dump(const struct phd_limit *limit, uint64_t used, const struct phd_process_memory *process)
{
    char reason[REASON_ROOM];
    struct phd_text text;
    phd__text_init(&text, reason, sizeof reason - 1);
    put_reason(&text, limit, used);
    reason[text.used] = 0;
    headroom = phd__limits_headroom(&limits, process);
    phd__take(&(struct phd_order){
        .reason = reason,
        .ask_for_gil = true,
        .is_short = is_short,
        .hold = headroom<SHORT, .hold_seconds = atomic_load(&hold_seconds), .max_memory = headroom / 2> LEAST_WRITER
                    ? headroom / 2
                    : LEAST_WRITER,
    });
}

/* ---- looking ---- */

static uint64_t processor_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* How long nothing can happen when the nearest threshold is `distance` bytes away. */
static uint64_t period(uint64_t distance, uint64_t now)
{
    uint64_t processor = processor_ns(), elapsed = now - looks.at;
    uint64_t wait = distance / FASTEST < LONGEST ? distance / FASTEST : LONGEST;
    if (wait < SHORTEST)
        wait = SHORTEST;
    if (wait < IDLE_LONGEST && looks.at && (processor - looks.processor) * IDLE_PART < elapsed)
        wait = 2 * elapsed < IDLE_LONGEST ? 2 * elapsed : IDLE_LONGEST;
    looks.at = now;
    looks.processor = processor;
    return wait;
}

/* The limit whose threshold is crossed, or NULL; `*used`: of it; `*distance`: to the nearest threshold. */
static const struct phd_limit *find_crossed(const struct phd_process_memory *process, uint64_t *used,
                                            uint64_t *distance)
{
    const struct phd_limit *crossed = NULL;
    *distance = UINT64_MAX;
    for (unsigned i = 0; i < limits.count && !crossed; i++) {
        const struct phd_limit *limit = &limits.list[i];
        *used = phd__limit_used(&limits, limit, process);
        if (*used >= limit->threshold)
            crossed = limit;
        else if (limit->threshold - *used < *distance)
            *distance = limit->threshold - *used;
    }
    return crossed;
}

static uint64_t look(uint64_t now)
{
    struct phd_process_memory process;
    uint64_t used = 0, distance;
    uint32_t ready = READY, above = ABOVE;
    if (!phd__process_memory("", &process))
        return now + LONGEST;
    const struct phd_limit *crossed = find_crossed(&process, &used, &distance);
    if (!crossed) {
        atomic_compare_exchange_strong(&state, &above, READY);
        return now + period(distance, now);
    }
    if (!atomic_compare_exchange_strong(&state, &ready, DONE))
        return now + LONGEST;
    make_dump(crossed, used, &process);
    return PHD_FOREVER;
}

uint64_t phd__memory_serve(void)
{
    uint32_t at = atomic_load(&state);
    uint64_t now = phd__clock_ns();
    bool is_new = atomic_exchange(&changed, false);
    if (at == OFF || at == DONE)
        return PHD_FOREVER;
    if (!is_new && now < looks.next)
        return looks.next;
    if (is_new || now - looks.found_at >= FIND_AGAIN) {
        phd__limits_find(&limits, "", atomic_load(&given), atomic_load(&share));
        looks.found_at = now;
    }
    looks.next = look(now);
    return looks.next;
}
