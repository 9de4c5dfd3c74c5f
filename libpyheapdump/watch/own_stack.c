/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "watch/own_stack.h"

#include <stdint.h>
#include <ucontext.h>

#include "safe/pages.h"

enum { STACK = 256 * 1024 };

struct call {
    void (*work)(void *argument);
    void *argument;
};

/* makecontext(3) hands over ints: the address of the call comes in two halves. */
static void run(unsigned high, unsigned low)
{
    const struct call *call = (const struct call *)(uintptr_t)((uint64_t)high << 32 | low);
    call->work(call->argument);
}

bool phd__run_on_own_stack(void (*work)(void *argument), void *argument)
{
    struct call call = {work, argument};
    uint64_t address = (uint64_t)(uintptr_t)&call;
    ucontext_t inside, outside;
    void *stack = phd__pages_alloc(STACK);
    if (!stack || getcontext(&inside) != 0) {
        phd__pages_free(stack, STACK);
        return false;
    }
    inside.uc_stack = (stack_t){.ss_sp = stack, .ss_flags = 0, .ss_size = STACK};
    inside.uc_link = &outside;
    makecontext(&inside, (void (*)(void))run, 2, (unsigned)(address >> 32), (unsigned)address);
    swapcontext(&outside, &inside);
    phd__pages_free(stack, STACK);
    return true;
}
