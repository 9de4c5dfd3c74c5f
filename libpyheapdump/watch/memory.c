/* SPDX-License-Identifier: Apache-2.0
 *
 * How much is used is looked at again when a threshold could be reached: the further it is away, the rarer, and the
 * faster memory grew of late, the more often. Memory is filled by threads that run: while the process uses little of a
 * processor, the time until then is counted on the process's own clock, which stands still while it sleeps. What others
 * in its groups do is seen once a second, or when the kernel tells of pressure. When a threshold is crossed, one dump is
 * made.
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
#include "safe/wait.h"
#include "watch/take.h"
#include "watch/wake.h"

enum {
    SLOWEST = 2,                  /* bytes per nanosecond at which memory may grow before the next look */
    FASTEST = 4,                  /* what a thread that fills new pages hardly reaches */
    CAUTION = 4,                  /* times what it grew by of late */
    SHORTEST = 2 * 1000000,       /* nanoseconds between two looks while it grows fast, */
    SHORTEST_SLOW = 10 * 1000000, /* while not, */
    SHORTEST_IDLE = 50 * 1000000, /* and while the process works little, and its clock cannot be used */
    LONGEST = 1000 * 1000000,
    OTHERS = 200 * 1000000,         /* until the next look when the kernel would kill another process */
    BUSY_PART = 8,                  /* of a processor: for a process that uses less its own clock will do */
    SHORT = 256 * 1024 * 1024,      /* bytes that a program can use up before it is noticed */
    LEAST_WRITER = 8 * 1024 * 1024, /* bytes without which there is no dump at all */
    WHERE_ROOM = 960,
    REASON_ROOM = WHERE_ROOM + 64
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
    uint64_t distance;  /* to the nearest threshold then, bytes */
    bool seems_ours;    /* a threshold was crossed then, and this process was the largest */
    double speed;       /* bytes per nanosecond that memory may grow by, as far as one can tell */
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

/* Write where the limit stands to `to`: a part of a line of the header. */
static void tell_where(const struct phd_limit *limit, char to[WHERE_ROOM])
{
    struct phd_text text;
    phd__text_init(&text, to, WHERE_ROOM - 1);
    phd__limit_put_source(&limits, limit, &text);
    to[text.used] = 0;
    for (char *at = to; *at; at++)
        *at = *at < ' ' || *at > '~' ? '?' : *at;
}

static void tell_reason(const struct phd_near_limit *near, char to[REASON_ROOM])
{
    struct phd_text text;
    phd__text_init(&text, to, REASON_ROOM - 1);
    phd__text_string(&text, "memory limit: ");
    phd__text_size(&text, near->used);
    phd__text_string(&text, " used of ");
    phd__text_size(&text, near->bytes);
    phd__text_string(&text, " (");
    phd__text_string(&text, near->where);
    phd__text_string(&text, ")");
    to[text.used] = 0;
}

static void make_dump(const struct phd_limit *limit, uint64_t used, const struct phd_process_memory *process)
{
    char where[WHERE_ROOM], reason[REASON_ROOM];
    struct phd_near_limit near = {phd__limit_kind(limit), where, limit->bytes, used, limit->threshold};
    tell_where(limit, where);
    tell_reason(&near, reason);
    headroom = phd__limits_headroom(&limits, process);
    struct phd_order order = {.reason = reason, .limit = &near, .ask_for_gil = true, .is_short = is_short};
    order.hold = headroom < SHORT;
    order.hold_seconds = atomic_load(&hold_seconds);
    order.max_memory = headroom / 2 > LEAST_WRITER ? headroom / 2 : LEAST_WRITER;
    phd__take(&order);
}

/* ---- looking ---- */

static uint64_t processor_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* The speed to reckon with, and what it is reckoned from the next time. */
static double reckon_speed(uint64_t distance, uint64_t elapsed)
{
    double grown = looks.distance > distance ? (double)(looks.distance - distance) : 0;
    double speed = elapsed ? CAUTION * grown / (double)elapsed : 0;
    speed = speed > looks.speed / 2 ? speed : looks.speed / 2; /* it may pause */
    looks.distance = distance;
    looks.speed = speed < FASTEST ? speed : FASTEST;
    return looks.speed > SLOWEST ? looks.speed : SLOWEST;
}

/* Resident memory is filled by somebody who works; address space is only asked for. */
static bool is_filled(const struct phd_limit *limit)
{
    return limit->kind != PHD_LIMIT_ADDRESS_SPACE && limit->kind != PHD_LIMIT_DATA;
}

/* When to look again if the nearest threshold, of `nearest`, is `distance` bytes away. */
static uint64_t next_look(const struct phd_limit *nearest, uint64_t distance, uint64_t now)
{
    uint64_t processor = processor_ns(), elapsed = now - looks.at;
    double speed = reckon_speed(distance, elapsed), wait = (double)distance / speed;
    bool is_idle = (processor - looks.processor) * BUSY_PART < elapsed;
    uint64_t shortest = speed > SLOWEST ? SHORTEST : is_idle ? SHORTEST_IDLE : SHORTEST_SLOW;
    uint64_t wait_ns = wait < LONGEST ? (uint64_t)wait : LONGEST;
    looks.at = now;
    looks.processor = processor;
    if (is_idle && nearest && is_filled(nearest) && phd__wake_after_processor_time(wait_ns))
        return now + LONGEST;
    return now + (wait_ns > shortest ? wait_ns : shortest);
}

/* The limit whose threshold is crossed, and how much of it is used; or NULL, then `*nearest` is `*distance` bytes away
 * from its own. */
static const struct phd_limit *find_crossed(const struct phd_process_memory *process, uint64_t *used,
                                            const struct phd_limit **nearest, uint64_t *distance)
{
    *nearest = NULL;
    *distance = UINT64_MAX;
    for (unsigned i = 0; i < limits.count; i++) {
        const struct phd_limit *limit = &limits.list[i];
        *used = phd__limit_used(&limits, limit, process);
        if (*used >= limit->threshold)
            return limit;
        if (limit->threshold - *used < *distance) {
            *distance = limit->threshold - *used;
            *nearest = limit;
        }
    }
    return NULL;
}

/* Would the kernel kill another process of the group? One that ends is not listed any more while its memory is still
 * being freed: where this process has the smaller part, a second look must say the same. */
static bool belongs_to_others(const struct phd_limit *crossed, uint64_t used, uint64_t resident)
{
    bool is_ours = phd__limit_is_ours(&limits, crossed, resident);
    bool is_certain = crossed->kind != PHD_LIMIT_CGROUP || resident >= used / 2 || looks.seems_ours;
    looks.seems_ours = is_ours;
    return !is_ours || !is_certain;
}

static uint64_t look(uint64_t now)
{
    struct phd_process_memory process;
    uint64_t used = 0, distance;
    uint32_t ready = READY, above = ABOVE;
    if (!phd__process_memory("", &process))
        return now + LONGEST;
    const struct phd_limit *nearest, *crossed = find_crossed(&process, &used, &nearest, &distance);
    if (!crossed) {
        atomic_compare_exchange_strong(&state, &above, READY);
        looks.seems_ours = false;
        return next_look(nearest, distance, now);
    }
    if (belongs_to_others(crossed, used, process.resident))
        return now + OTHERS;
    if (!atomic_compare_exchange_strong(&state, &ready, DONE))
        return now + LONGEST;
    make_dump(crossed, used, &process);
    return PHD_FOREVER;
}

static void find_limits(uint64_t now)
{
    char path[PHD_CGROUP_PATH + 64];
    phd__limits_find(&limits, "", atomic_load(&given), atomic_load(&share));
    looks.found_at = now;
    if (!phd__limits_pressure_file(&limits, path, sizeof path) || !phd__wake_on_pressure(path))
        phd__wake_on_pressure("/proc/pressure/memory"); /* refused: it is looked at once a second */
}

uint64_t phd__memory_serve(void)
{
    uint32_t at = atomic_load(&state);
    uint64_t now = phd__clock_ns();
    bool is_new = atomic_exchange(&changed, false);
    if (at == OFF || at == DONE)
        return PHD_FOREVER;
    if (is_new || now - looks.found_at >= FIND_AGAIN)
        find_limits(now);
    return look(now);
}
