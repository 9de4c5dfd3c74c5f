/* SPDX-License-Identifier: Apache-2.0
 *
 * Registers and memories for tests of native stacks.
 */
#include "support/stack_case.h"

#include <ucontext.h>

#include "support/cmocka_header.h"

enum { VIEWS = 64, VIEW_SIZE = 64 * 1024 }; /* the library uses a view at once, so that old ones can be taken again */

static uint8_t views[VIEWS][VIEW_SIZE];
static unsigned next_view;
static const struct exchanged *exchange;

/* A read that fails raises the signal that the memory's guard catches. */
__attribute__((no_sanitize("address"), noinline)) static void copy_bytes(const volatile uint8_t *from, uint8_t *to,
                                                                         uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        to[i] = from[i];
}

static const void *copy_view(struct phd_memory *memory, uint64_t address, uint64_t length)
{
    uint8_t *view = views[next_view++ % VIEWS];
    if (length > VIEW_SIZE)
        phd__memory_fault(memory, address, "too much for a copied view");
    copy_bytes((const volatile uint8_t *)(uintptr_t)address, view, length);
    for (uint64_t i = 0; exchange && i < length; i++) {
        if (address + i - exchange->address >= exchange->size)
            continue;
        view[i] = exchange->bytes[address + i - exchange->address];
        if (exchange->touched)
            exchange->touched[address + i - exchange->address] = 1;
    }
    return view;
}

void open_copied_memory(struct phd_memory *memory, const struct exchanged *exchanged)
{
    assert_int_equal(phd__memory_self_open(memory, NULL), PHD_OK);
    memory->view = copy_view;
    exchange = exchanged;
}

void open_own_memory(struct phd_memory *memory)
{
    open_copied_memory(memory, NULL);
    if (!WITH_ADDRESS_SANITIZER)
        memory->view = NULL;
}

void registers_of_context(const void *context, struct phd_registers *registers)
{
    static const int order[PHD_REGISTER_COUNT] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                                  REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                                  REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    const ucontext_t *from = context;
    for (int i = 0; i < PHD_REGISTER_COUNT; i++)
        registers->value[i] = (uint64_t)from->uc_mcontext.gregs[order[i]];
    registers->known = (1u << PHD_REGISTER_COUNT) - 1;
}
