/* SPDX-License-Identifier: Apache-2.0
 *
 * Call frame information: expressions, the entries of procedure linkage tables, and tables with wrong bytes in them.
 */
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "native/unwind.h"
#include "safe/pages.h"
#include "support/cmocka_header.h"
#include "support/stack_case.h"

enum { MOST_FRAMES = 32, FULL_STEPS = 1 << 20 };

#define NOINLINE __attribute__((noinline))
#define STAY() __asm__ volatile("" ::: "memory")

static struct phd_memory memory;
static struct phd_modules modules;
static struct phd_unwinder *unwinder;
static struct phd_native_frame frames[MOST_FRAMES];
static struct phd_native_stack stack;

/* ---- expressions ---- */

static uint64_t expression_stack[PHD_EXPRESSION_DEPTH];
static uint64_t target_words[4] = {0x1122334455667788, 0xffffffffffffff80, 0, 42};

/* The value of the expression; `*fault` tells why it has none, or is NULL. */
static uint64_t evaluate(const uint8_t *code, size_t length, const char **fault)
{
    struct phd_registers registers = {{0}, 1u << PHD_RSP | 1u << PHD_RAX};
    struct phd_guard guard;
    const uint64_t initial = 1000;
    static uint64_t steps, value;
    registers.value[PHD_RSP] = (uint64_t)(uintptr_t)target_words;
    registers.value[PHD_RAX] = 7;
    steps = 10000;
    value = 0;
    *fault = NULL;
    open_own_memory(&memory);
    if (PHD_GUARD(&memory, &guard))
        value =
            phd__expression(&memory, (uint64_t)(uintptr_t)code, length, &registers, &initial, expression_stack, &steps);
    else
        *fault = memory.fault_reason;
    PHD_UNGUARD(&memory, &guard);
    phd__memory_self_close(&memory);
    return value;
}

struct expression_case {
    uint64_t value;
    size_t length;
    uint8_t code[16];
};

/* the length and the bytes of a member */
#define CODE(...)                                                                                                      \
    sizeof((uint8_t[]){__VA_ARGS__}),                                                                                  \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

static void expressions_have_their_values(void **state)
{
    static const struct expression_case cases[] = {
        {1000, CODE(0x96)},                                       /* nop: what was there before */
        {0x1ff, CODE(0x0a, 0xff, 0x01)},                          /* const2u */
        {UINT64_MAX, CODE(0x09, 0xff)},                           /* const1s */
        {0xff, CODE(0x08, 0xff)},                                 /* const1u */
        {(uint64_t)-32768, CODE(0x0b, 0x00, 0x80)},               /* const2s */
        {0x80000000, CODE(0x0c, 0, 0, 0, 0x80)},                  /* const4u */
        {0xffffffff80000000, CODE(0x0d, 0, 0, 0, 0x80)},          /* const4s */
        {0x0807060504030201, CODE(0x0e, 1, 2, 3, 4, 5, 6, 7, 8)}, /* const8u */
        {0x0807060504030201, CODE(0x03, 1, 2, 3, 4, 5, 6, 7, 8)}, /* addr */
        {624485, CODE(0x10, 0xe5, 0x8e, 0x26)},                   /* constu: the example of DWARF 5, 7.6 */
        {(uint64_t)-129, CODE(0x11, 0xff, 0x7e)},                 /* consts */
        {1002, CODE(0x32, 0x22)},                                 /* lit2 plus */
        {998, CODE(0x32, 0x1c)},                                  /* lit2 minus */
        {2000, CODE(0x32, 0x1e)},                                 /* lit2 mul */
        {333, CODE(0x33, 0x1b)},                                  /* lit3 div */
        {1, CODE(0x33, 0x1d)},                                    /* lit3 mod */
        {(uint64_t)-1000, CODE(0x09, 0xff, 0x1b)},                /* div by -1 */
        {(uint64_t)-500, CODE(0x1f, 0x32, 0x1b)},                 /* neg lit2 div: signed */
        {1000, CODE(0x1f, 0x19)},                                 /* neg abs */
        {~UINT64_C(1000), CODE(0x20)},                            /* not */
        {1000 & 24, CODE(0x48, 0x1a)},                            /* lit24 and */
        {1000 | 7, CODE(0x37, 0x21)},                             /* or */
        {1000 ^ 31, CODE(0x4f, 0x27)},                            /* xor */
        {8000, CODE(0x33, 0x24)},                                 /* shl */
        {125, CODE(0x33, 0x25)},                                  /* shr */
        {0, CODE(0x08, 64, 0x24)},                                /* shl by 64 */
        {0, CODE(0x08, 64, 0x25)},                                /* shr by 64 */
        {(uint64_t)-125, CODE(0x1f, 0x33, 0x26)},                 /* neg lit3 shra */
        {UINT64_MAX, CODE(0x1f, 0x08, 200, 0x26)},                /* neg shra by 200 */
        {(uint64_t)-1000, CODE(0x1f, 0x30, 0x26)},                /* neg shra by 0 */
        {1128, CODE(0x23, 0x80, 0x01)},                           /* plus_uconst 128 */
        {1, CODE(0x12, 0x29)},                                    /* dup eq */
        {0, CODE(0x12, 0x2e)},                                    /* dup ne */
        {1, CODE(0x09, 0xff, 0x2b)},                              /* gt, signed */
        {0, CODE(0x09, 0xff, 0x2d)},                              /* lt, signed */
        {1, CODE(0x12, 0x2a)},                                    /* ge */
        {1, CODE(0x12, 0x2c)},                                    /* le */
        {1000, CODE(0x31, 0x14)},                                 /* lit1 over */
        {31, CODE(0x4f, 0x31, 0x15, 1)},                          /* lit31 lit1 pick 1 */
        {1000, CODE(0x31, 0x16)},                                 /* lit1 swap */
        {1, CODE(0x31, 0x32, 0x17)},                              /* lit1 lit2 rot: 2 1000 1 */
        {1000, CODE(0x31, 0x32, 0x17, 0x13)},                     /* … drop */
        {2, CODE(0x31, 0x32, 0x17, 0x13, 0x13)},                  /* … drop */
        {12, CODE(0x70, 5)},                                      /* breg0 + 5 */
        {4, CODE(0x70, 0x7d)},                                    /* breg0 - 3 */
        {7, CODE(0x92, 0, 0)},                                    /* bregx 0 */
        {42, CODE(0x77, 24, 0x06)},                               /* breg7 + 24, deref */
        {0x80, CODE(0x77, 8, 0x94, 1)},                           /* deref_size 1 */
        {0x55667788, CODE(0x77, 0, 0x94, 4)},                     /* deref_size 4 */
        {5, CODE(0x35, 0x31, 0x28, 1, 0, 0x39)},                  /* lit5 lit1 bra over lit9 */
        {9, CODE(0x35, 0x30, 0x28, 1, 0, 0x39)},                  /* lit5 lit0 bra: not taken */
        {5, CODE(0x35, 0x2f, 1, 0, 0x39)},                        /* lit5 skip over lit9 */
        /* the procedure linkage table's, GNU binutils bfd/elfxx-x86.c: rsp + 8 + ((rip & 15) >= 11) << 3 */
        {0, CODE(0x70, 4, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x4f, 0x1a, 0x38, 0x1c)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *fault;
        uint64_t value = evaluate(cases[i].code, cases[i].length, &fault);
        if (fault || value != cases[i].value)
            fail_msg("expression %zu: %s, %#llx, not %#llx", i, fault ? fault : "no fault", (unsigned long long)value,
                     (unsigned long long)cases[i].value);
    }
}

struct wrong_expression {
    const char *reason;
    size_t length;
    uint8_t code[8];
};

static void wrong_expressions_are_refused(void **state)
{
    static const struct wrong_expression cases[] = {
        {"an expression divides by zero", CODE(0x30, 0x1b)},
        {"an expression divides by zero", CODE(0x30, 0x1d)},
        {"an expression takes what is not there", CODE(0x13, 0x13)},
        {"an expression takes what is not there", CODE(0x22)},
        {"an expression takes what is not there", CODE(0x15, 1)},
        {"an expression takes what is not there", CODE(0x13)},
        {"an expression needs too much room", CODE(0x12, 0x2f, 0xfc, 0xff)},
        {"the limit of steps is reached", CODE(0x2f, 0xfd, 0xff)},
        {"the limit of steps is reached", CODE(0x96, 0x31, 0x28, 0xfb, 0xff)},
        {"an expression branches out of itself", CODE(0x2f, 1, 0)},
        {"an expression branches out of itself", CODE(0x2f, 0xfc, 0xff)},
        {"an expression has an unknown operation", CODE(0x31, 0xe0)},
        {"an expression has an unknown operation", CODE(0x96, 0x31, 0x97)},
        {"an expression reads a wrong size", CODE(0x94, 9)},
        {"an expression reads a wrong size", CODE(0x94, 0)},
        {"call frame information ends early", CODE(0x0e, 1, 2)},
        {"call frame information ends early", CODE(0x10, 0x80)},
        {"a register is needed that is not known", CODE(0x76, 0)},
        {"a register is needed that is not known", CODE(0x92, 0xff, 0x7f, 0)},
        {"not a user-space address", CODE(0x30, 0x06)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *fault;
        evaluate(cases[i].code, cases[i].length, &fault);
        assert_non_null(fault);
        assert_string_equal(fault, cases[i].reason);
    }
}

/* ---- whole tables ---- */

static int set_up(void **state)
{
    (void)state;
    unwinder = phd__pages_alloc(sizeof *unwinder);
    return unwinder ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    phd__pages_free(unwinder, sizeof *unwinder);
    return 0;
}

static void unwind(const struct phd_registers *registers)
{
    unwinder->memory = &memory;
    unwinder->modules = &modules;
    unwinder->steps = FULL_STEPS;
    stack = (struct phd_native_stack){.frames = frames, .capacity = MOST_FRAMES, .inner = MOST_FRAMES - 8};
    phd__unwind(unwinder, registers, &stack);
}

static void open_modules(void)
{
    assert_int_equal(phd__modules_read(&modules, &memory, getpid(), NULL), PHD_OK);
}

static void close_all(void)
{
    phd__modules_close(&modules);
    phd__memory_self_close(&memory);
}

static void note_here(struct phd_registers *registers)
{
    ucontext_t context;
    getcontext(&context);
    registers_of_context(&context, registers);
}

/* The first entries of the table that the linker made for this program's calls into libraries. */
static uint64_t linkage_table(void)
{
    for (const ElfW(Dyn) *entry = _DYNAMIC; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag != DT_PLTGOT)
            continue;
        /* The third word of .got.plt on leads back behind the "jmp" of each entry, until it is resolved. */
        const uint64_t *table = (const uint64_t *)(uintptr_t)entry->d_un.d_ptr;
        for (int i = 3; i < 64; i++) {
            uint32_t module = phd__module_at(&modules, table[i]);
            if (module != PHD_NO_MODULE && module == phd__module_at(&modules, (uint64_t)(uintptr_t)linkage_table))
                return table[i] - 6;
        }
    }
    return 0;
}

/* A thread that is interrupted in the table, before and after the "push" of an entry. */
static NOINLINE void unwind_from_linkage_table(void)
{
    struct phd_registers registers, inside;
    open_own_memory(&memory);
    open_modules();
    note_here(&registers);
    uint64_t entry = linkage_table();
    if (!entry) {
        print_message("skipped: all calls into libraries are resolved at load\n");
        close_all();
        return;
    }
    uint64_t words[2] = {1, registers.value[PHD_RIP]};
    inside = registers;
    for (unsigned offset = 0; offset < 16; offset += offset ? 5 : 6) {
        inside.value[PHD_RIP] = entry + offset;
        inside.value[PHD_RSP] = (uint64_t)(uintptr_t)(words + (offset < 11));
        unwind(&inside);
        assert_true(stack.count > 1);
        assert_int_equal(frames[0].address, entry + offset);
        assert_int_equal(frames[1].address, registers.value[PHD_RIP]);
        assert_int_equal(frames[1].source, PHD_BY_CFI);
    }
    close_all();
    STAY();
}

static void entries_of_the_linkage_table_are_passed(void **state)
{
    (void)state;
    unwind_from_linkage_table();
}

/* ---- programs of rules ---- */

static uint64_t saved[16]; /* a stack; the frame address is behind its eighth word */

struct rule_case {
    const char *fault; /* or NULL */
    int32_t number;    /* of a register, and its value in the caller; -1: not known */
    int64_t value;
    size_t length;
    uint8_t program[28];
};

/* Run a program for the place 16 behind the start of its function, and apply its rules. */
static const char *run_program(const uint8_t *program, size_t length, struct phd_registers *caller)
{
    /* def_cfa rsp + 64; rip at CFA - 8; rbx at CFA - 16 */
    static const uint8_t common[] = {0x0c, 7, 64, 0x90, 1, 0x83, 2};
    struct phd_cfi *cfi = &unwinder->cfi;
    struct phd_registers registers = {{0}, (1u << PHD_REGISTER_COUNT) - 1};
    struct phd_guard guard;
    const char *volatile fault = NULL;
    for (unsigned i = 0; i < PHD_REGISTER_COUNT; i++)
        registers.value[i] = 1000 + i;
    registers.value[PHD_RSP] = (uint64_t)(uintptr_t)saved;
    open_own_memory(&memory);
    cfi->memory = &memory;
    cfi->steps = 1000;
    cfi->function = (struct phd_cfi_function){.start = 0x10000, .end = 0x20000, .code_factor = 1, .data_factor = -8};
    cfi->function.program = (uint64_t)(uintptr_t)program;
    cfi->function.program_end = cfi->function.program + length;
    cfi->function.common_program = (uint64_t)(uintptr_t)common;
    cfi->function.common_program_end = cfi->function.common_program + sizeof common;
    if (PHD_GUARD(&memory, &guard)) {
        phd__cfi_rules(cfi, 0x10010);
        phd__cfi_apply(cfi, phd__cfi_frame_address(cfi, &registers), &registers, caller);
    } else {
        fault = memory.fault_reason;
    }
    PHD_UNGUARD(&memory, &guard);
    phd__memory_self_close(&memory);
    return fault;
}

#define FRAME ((int64_t)-1000000) /* stands for the frame address, which is known at run time only */

static void programs_give_their_rules(void **state)
{
    static const struct rule_case cases[] = {
        {NULL, PHD_RIP, 107, CODE(0)}, /* the common rules */
        {NULL, PHD_RBX, 106, CODE(0)},
        {NULL, PHD_RSP, FRAME, CODE(0)},
        {NULL, PHD_RBP, 1000 + PHD_RBP, CODE(0)},                           /* left as it was */
        {NULL, PHD_RAX, -1, CODE(0)},                                       /* not for the caller to keep */
        {NULL, PHD_RBP, 105, CODE(0x86, 3)},                                /* offset */
        {NULL, PHD_RBP, 105, CODE(0x50, 0x86, 3)},                          /* advance_loc 16: still this place */
        {NULL, PHD_RBP, 1000 + PHD_RBP, CODE(0x51, 0x86, 3)},               /* 17: the next one */
        {NULL, PHD_RBP, 105, CODE(0x02, 16, 0x86, 3)},                      /* advance_loc1 */
        {NULL, PHD_RBP, 1000 + PHD_RBP, CODE(0x03, 0, 1, 0x86, 3)},         /* advance_loc2 */
        {NULL, PHD_RBP, 1000 + PHD_RBP, CODE(0x04, 0, 0, 1, 0, 0x86, 3)},   /* advance_loc4 */
        {NULL, PHD_RBP, 105, CODE(0x01, 16, 0, 1, 0, 0, 0, 0, 0, 0x86, 3)}, /* set_loc */
        {NULL, PHD_RBP, 105, CODE(0x05, 6, 3)},                             /* offset_extended */
        {NULL, PHD_RBP, 109, CODE(0x11, 6, 0x7f)},                          /* offset_extended_sf: -1 */
        {NULL, PHD_RBP, 109, CODE(0x2f, 6, 1)},                             /* GNU_negative_offset_extended */
        {NULL, PHD_RBP, FRAME - 24, CODE(0x14, 6, 3)},                      /* val_offset */
        {NULL, PHD_RBP, FRAME + 8, CODE(0x15, 6, 0x7f)},                    /* val_offset_sf */
        {NULL, PHD_RBP, 1000 + PHD_RAX, CODE(0x09, 6, 0)},                  /* register */
        {NULL, PHD_RBX, 106, CODE(0x83, 3, 0xc3)},                          /* restore */
        {NULL, PHD_RBX, 106, CODE(0x83, 3, 0x06, 3)},                       /* restore_extended */
        {NULL, PHD_RBX, -1, CODE(0x07, 3)},                                 /* undefined */
        {NULL, PHD_RBX, 1000 + PHD_RBX, CODE(0x08, 3)},                     /* same_value */
        {NULL, PHD_RAX, 1000 + PHD_RAX, CODE(0x08, 0)},
        {NULL, PHD_RBP, 1000 + PHD_RBP, CODE(0x0a, 0x86, 3, 0x0b)},                          /* remember, restore */
        {NULL, PHD_RIP, 107, CODE(0x0a, 0x0e, 8, 0x0b)},                                     /* the frame address too */
        {NULL, PHD_RIP, 106, CODE(0x0e, 56)},                                                /* def_cfa_offset */
        {NULL, PHD_RIP, 106, CODE(0x13, 0x79)},                                              /* def_cfa_offset_sf: -7 */
        {NULL, PHD_RIP, 106, CODE(0x12, 7, 0x79)},                                           /* def_cfa_sf */
        {NULL, PHD_RSP, 1000 + PHD_R12, CODE(0x0c, 7, 64, 0x14, 3, 0, 0x16, 7, 2, 0x7c, 0)}, /* val_expression: r12 */
        {NULL, PHD_RBP, 104, CODE(0x10, 6, 2, 0x77, 32)},                                    /* expression: rsp + 32 */
        {NULL, PHD_RBP, 103, CODE(0x10, 6, 3, 0x08, 40, 0x1c)},                              /* frame address - 40 */
        {NULL, PHD_RIP, 104, CODE(0x0f, 2, 0x77, 40)},                                       /* def_cfa_expression */
        {NULL, PHD_RIP, 107, CODE(0x2e, 8, 0x00, 0x90 + 17, 1)}, /* GNU_args_size, nop, xmm0 */
        {"unknown instruction in call frame information", 0, 0, CODE(0x3f, 0)},
        {"unknown instruction in call frame information", 0, 0, CODE(0x1f, 0)},
        {"call frame information ends early", 0, 0, CODE(0x03, 1)},
        {"call frame information ends early", 0, 0, CODE(0x10, 6, 40)},
        {"call frame information restores what it did not remember", 0, 0, CODE(0x0b)},
        {"call frame information remembers too much", 0, 0,
         CODE(10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10)},
        {"a register is needed that is not known", 0, 0, CODE(0x0c, 40, 8)},
    };
    (void)state;
    for (unsigned i = 0; i < 16; i++)
        saved[i] = 100 + i;
    int64_t frame = (int64_t)(uintptr_t)(saved + 8);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct phd_registers caller = {{0}, 0};
        const char *fault = run_program(cases[i].program, cases[i].length, &caller);
        if (cases[i].fault) {
            assert_non_null(fault);
            assert_string_equal(fault, cases[i].fault);
            continue;
        }
        int64_t expected = cases[i].value < -1 ? cases[i].value - FRAME + frame : cases[i].value;
        bool known = caller.known >> cases[i].number & 1;
        if (fault || known != (expected != -1) || (known && (int64_t)caller.value[cases[i].number] != expected))
            fail_msg("program %zu: %s, register is %s, %lld, not %lld", i, fault ? fault : "no fault",
                     known ? "known" : "not known", (long long)caller.value[cases[i].number], (long long)expected);
    }
}

/* ---- wrong bytes ---- */

static uint64_t random_state;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % limit;
}

static uint8_t *original, *changed, *touched;
static struct exchanged tables;
static uint32_t *places; /* of the bytes that matter to this stack */
static unsigned place_count;
static bool done;

/* Take the place of the unwind tables of this program: all that is mapped from .eh_frame_hdr on. */
static void exchange_tables(void)
{
    open_own_memory(&memory);
    open_modules();
    const struct phd_module *module = modules.all + phd__module_at(&modules, (uint64_t)(uintptr_t)exchange_tables);
    tables.address = module->unwind_table;
    tables.size = phd__mapping_at(&modules.mappings, module->unwind_table)->end - module->unwind_table;
    original = malloc(tables.size);
    changed = malloc(tables.size);
    touched = calloc(tables.size, 1);
    places = malloc(tables.size * sizeof *places);
    memcpy(original, (void *)(uintptr_t)tables.address, tables.size);
    memcpy(changed, original, tables.size);
    tables.bytes = changed;
    tables.touched = touched;
    phd__memory_self_close(&memory);
    open_copied_memory(&memory, &tables);
}

static void restore_tables(void)
{
    free(original);
    free(changed);
    free(touched);
    free(places);
    close_all();
}

static void find_places(void)
{
    place_count = 0;
    for (uint32_t i = 0; i < tables.size; i++)
        if (touched[i])
            places[place_count++] = i;
    tables.touched = NULL;
}

/* Change some of the bytes that are read, and unwind. Returns the number of frames. */
static unsigned unwind_changed(const struct phd_registers *registers)
{
    enum { MOST_CHANGES = 6 };
    uint32_t at[MOST_CHANGES];
    unsigned changes = 1 + random_below(MOST_CHANGES);
    for (unsigned i = 0; i < changes; i++) {
        at[i] = places[random_below(place_count)];
        changed[at[i]] = (uint8_t)(random_below(2) ? random_below(256) : changed[at[i]] ^ 1u << random_below(8));
    }
    unwind(registers);
    for (unsigned i = 0; i < changes; i++)
        changed[at[i]] = original[at[i]];
    assert_true(stack.count >= 1 && stack.count <= MOST_FRAMES);
    assert_int_equal(frames[0].address, registers->value[PHD_RIP]);
    assert_non_null(stack.end);
    assert_true(FULL_STEPS - unwinder->steps <= (uint64_t)MOST_FRAMES * PHD_MAX_STEPS_PER_FRAME);
    for (unsigned i = 1; i < stack.count; i++)
        assert_true(frames[i].source == PHD_BY_SIGNAL || phd__is_executable(&modules.mappings, frames[i].address));
    assert_null(memory.recovery);
    return stack.count;
}

static NOINLINE int unwind_with_wrong_tables(const void *a, const void *b)
{
    struct phd_registers registers;
    unsigned shorter = 0, whole;
    (void)a;
    (void)b;
    if (done)
        return 0;
    done = true;
    exchange_tables();
    note_here(&registers);
    unwind(&registers);
    whole = stack.count;
    assert_string_equal(stack.end, "the outermost frame");
    find_places();
    assert_true(place_count > 200);
    random_state = 1;
    for (int round = 0; round < 5000; round++)
        shorter += unwind_changed(&registers) < whole;
    assert_in_range(shorter, 1, 4999);
    unwind(&registers); /* nothing is left behind */
    assert_int_equal(stack.count, whole);
    assert_string_equal(stack.end, "the outermost frame");
    restore_tables();
    return 0;
}

static void wrong_bytes_give_a_shorter_stack_and_no_fault(void **state)
{
    int numbers[] = {1, 2};
    (void)state;
    done = false;
    qsort(numbers, 2, sizeof numbers[0], unwind_with_wrong_tables); /* so that frames of libc are passed too */
    assert_true(done);
}

/* The table claims to be larger or smaller than it is. */
static void wrong_sizes_give_a_shorter_stack(void **state)
{
    struct phd_registers registers;
    (void)state;
    note_here(&registers);
    open_own_memory(&memory);
    open_modules();
    struct phd_module *module = modules.all + phd__module_at(&modules, registers.value[PHD_RIP]);
    uint64_t size = module->unwind_table_size, end = module->end;
    for (unsigned i = 0; i < 64; i++) {
        module->unwind_table_size = i;
        unwind(&registers);
        assert_true(stack.count >= 1 && frames[0].function == 0);
    }
    module->unwind_table_size = size;
    for (uint64_t cut = 0; cut < 0x40000; cut += 0x1000) {
        module->end = end - cut;
        unwind(&registers);
        assert_true(stack.count >= 1);
    }
    close_all();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(expressions_have_their_values),
        TEST(wrong_expressions_are_refused),
        TEST(programs_give_their_rules),
        TEST(entries_of_the_linkage_table_are_passed),
        TEST(wrong_bytes_give_a_shorter_stack_and_no_fault),
        TEST(wrong_sizes_give_a_shorter_stack),
    };
    return cmocka_run_group_tests_name("native_cfi", tests, NULL, NULL);
}
