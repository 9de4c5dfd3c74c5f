/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/expression.h"

/* DWARF 5, table 7.9 */
enum {
    OP_ADDR = 0x03,
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08,
    OP_CONST1S,
    OP_CONST2U,
    OP_CONST2S,
    OP_CONST4U,
    OP_CONST4S,
    OP_CONST8U,
    OP_CONST8S,
    OP_CONSTU,
    OP_CONSTS,
    OP_DUP,
    OP_DROP,
    OP_OVER,
    OP_PICK,
    OP_SWAP,
    OP_ROT,
    OP_ABS = 0x19,
    OP_AND,
    OP_DIV,
    OP_MINUS,
    OP_MOD,
    OP_MUL,
    OP_NEG,
    OP_NOT,
    OP_OR,
    OP_PLUS,
    OP_PLUS_UCONST,
    OP_SHL,
    OP_SHR,
    OP_SHRA,
    OP_XOR,
    OP_BRA,
    OP_EQ,
    OP_GE,
    OP_GT,
    OP_LE,
    OP_LT,
    OP_NE,
    OP_SKIP,
    OP_LIT0,
    OP_LIT31 = OP_LIT0 + 31,
    OP_BREG0 = 0x70,
    OP_BREG31 = OP_BREG0 + 31,
    OP_BREGX = 0x92,
    OP_DEREF_SIZE = 0x94,
    OP_NOP = 0x96
};

struct machine {
    struct phd_cursor cursor;
    uint64_t begin;
    const struct phd_registers *registers;
    uint64_t *stack;
    unsigned depth;
};

static _Noreturn void refuse(struct machine *machine, const char *reason)
{
    phd__memory_fault(machine->cursor.memory, machine->cursor.at, reason);
}

static void push(struct machine *machine, uint64_t value)
{
    if (machine->depth == PHD_EXPRESSION_DEPTH)
        refuse(machine, "an expression needs too much room");
    machine->stack[machine->depth++] = value;
}

/* The `index`-th value from the top. */
static uint64_t pick(struct machine *machine, uint64_t index)
{
    if (index >= machine->depth)
        refuse(machine, "an expression takes what is not there");
    return machine->stack[machine->depth - 1 - index];
}

static uint64_t pop(struct machine *machine)
{
    uint64_t value = pick(machine, 0);
    machine->depth--;
    return value;
}

uint64_t phd__register_value(struct phd_memory *memory, const struct phd_registers *registers, uint64_t number)
{
    if (number >= PHD_REGISTER_COUNT || !(registers->known >> number & 1))
        phd__memory_fault(memory, 0, "a register is needed that is not known");
    return registers->value[number];
}

/* Constants; false when `operation` is none. */
static bool push_constant(struct machine *machine, unsigned operation)
{
    struct phd_cursor *cursor = &machine->cursor;
    switch (operation) {
    case OP_ADDR:
    case OP_CONST8U:
    case OP_CONST8S: push(machine, phd__cursor_unsigned(cursor, 8)); return true;
    case OP_CONST1U: push(machine, phd__cursor_unsigned(cursor, 1)); return true;
    case OP_CONST1S: push(machine, (uint64_t)phd__cursor_signed(cursor, 1)); return true;
    case OP_CONST2U: push(machine, phd__cursor_unsigned(cursor, 2)); return true;
    case OP_CONST2S: push(machine, (uint64_t)phd__cursor_signed(cursor, 2)); return true;
    case OP_CONST4U: push(machine, phd__cursor_unsigned(cursor, 4)); return true;
    case OP_CONST4S: push(machine, (uint64_t)phd__cursor_signed(cursor, 4)); return true;
    case OP_CONSTU: push(machine, phd__cursor_uleb(cursor)); return true;
    case OP_CONSTS: push(machine, (uint64_t)phd__cursor_sleb(cursor)); return true;
    }
    if (operation < OP_LIT0 || operation > OP_LIT31)
        return false;
    push(machine, operation - OP_LIT0);
    return true;
}

static void push_register(struct machine *machine, uint64_t number)
{
    uint64_t offset = (uint64_t)phd__cursor_sleb(&machine->cursor);
    push(machine, phd__register_value(machine->cursor.memory, machine->registers, number) + offset);
}

/* What moves values about; false when `operation` does not. */
static bool shuffle(struct machine *machine, unsigned operation)
{
    uint64_t top;
    switch (operation) {
    case OP_DUP: push(machine, pick(machine, 0)); return true;
    case OP_DROP: pop(machine); return true;
    case OP_OVER: push(machine, pick(machine, 1)); return true;
    case OP_PICK: push(machine, pick(machine, phd__cursor_unsigned(&machine->cursor, 1))); return true;
    case OP_SWAP:
        top = pick(machine, 0);
        machine->stack[machine->depth - 1] = pick(machine, 1);
        machine->stack[machine->depth - 2] = top;
        return true;
    case OP_ROT:
        top = pick(machine, 0);
        machine->stack[machine->depth - 1] = pick(machine, 1);
        machine->stack[machine->depth - 2] = pick(machine, 2);
        machine->stack[machine->depth - 3] = top;
        return true;
    }
    return false;
}

/* Operations on the top alone; false when `operation` is none. */
static bool apply_unary(struct machine *machine, unsigned operation)
{
    uint64_t value;
    switch (operation) {
    case OP_DEREF: push(machine, phd__read_word(machine->cursor.memory, pop(machine))); return true;
    case OP_ABS: value = pop(machine), push(machine, value >> 63 ? -value : value); return true;
    case OP_NEG: push(machine, -pop(machine)); return true;
    case OP_NOT: push(machine, ~pop(machine)); return true;
    case OP_PLUS_UCONST: value = pop(machine), push(machine, value + phd__cursor_uleb(&machine->cursor)); return true;
    case OP_DEREF_SIZE: {
        uint64_t size = phd__cursor_unsigned(&machine->cursor, 1), address = pop(machine), result = 0;
        if (size == 0 || size > 8)
            refuse(machine, "an expression reads a wrong size");
        memcpy(&result, phd__view(machine->cursor.memory, address, size), size);
        push(machine, result);
        return true;
    }
    }
    return false;
}

static uint64_t divide(struct machine *machine, uint64_t a, uint64_t b)
{
    if (b == 0)
        refuse(machine, "an expression divides by zero");
    return b == UINT64_MAX ? -a : (uint64_t)((int64_t)a / (int64_t)b);
}

static uint64_t shift_arithmetic(uint64_t a, uint64_t b)
{
    uint64_t sign = a >> 63 ? UINT64_MAX : 0;
    if (b >= 64)
        return sign;
    return b ? a >> b | sign << (64 - b) : a;
}

/* Operations on the two topmost values. */
static void apply_binary(struct machine *machine, unsigned operation)
{
    uint64_t b = pop(machine), a = pop(machine);
    switch (operation) {
    case OP_AND: push(machine, a & b); return;
    case OP_DIV: push(machine, divide(machine, a, b)); return;
    case OP_MINUS: push(machine, a - b); return;
    case OP_MOD: push(machine, b ? a % b : divide(machine, a, b)); return;
    case OP_MUL: push(machine, a * b); return;
    case OP_OR: push(machine, a | b); return;
    case OP_PLUS: push(machine, a + b); return;
    case OP_SHL: push(machine, b < 64 ? a << b : 0); return;
    case OP_SHR: push(machine, b < 64 ? a >> b : 0); return;
    case OP_SHRA: push(machine, shift_arithmetic(a, b)); return;
    case OP_XOR: push(machine, a ^ b); return;
    case OP_EQ: push(machine, a == b); return;
    case OP_GE: push(machine, (int64_t)a >= (int64_t)b); return;
    case OP_GT: push(machine, (int64_t)a > (int64_t)b); return;
    case OP_LE: push(machine, (int64_t)a <= (int64_t)b); return;
    case OP_LT: push(machine, (int64_t)a < (int64_t)b); return;
    case OP_NE: push(machine, a != b); return;
    }
    refuse(machine, "an expression has an unknown operation");
}

static void branch(struct machine *machine, unsigned operation)
{
    struct phd_cursor *cursor = &machine->cursor;
    int64_t distance = phd__cursor_signed(cursor, 2);
    if (operation == OP_BRA && !pop(machine))
        return;
    uint64_t target = cursor->at + (uint64_t)distance;
    if (target < machine->begin || target > cursor->end)
        refuse(machine, "an expression branches out of itself");
    cursor->at = target;
}

static void execute(struct machine *machine)
{
    unsigned operation = (unsigned)phd__cursor_unsigned(&machine->cursor, 1);
    phd__step(&machine->cursor);
    if (operation == OP_NOP || push_constant(machine, operation) || shuffle(machine, operation) ||
        apply_unary(machine, operation))
        return;
    if (operation >= OP_BREG0 && operation <= OP_BREG31)
        push_register(machine, operation - OP_BREG0);
    else if (operation == OP_BREGX)
        push_register(machine, phd__cursor_uleb(&machine->cursor));
    else if (operation == OP_BRA || operation == OP_SKIP)
        branch(machine, operation);
    else
        apply_binary(machine, operation);
}

uint64_t phd__expression(struct phd_memory *memory, uint64_t address, uint64_t length,
                         const struct phd_registers *registers, const uint64_t *initial, uint64_t *stack,
                         uint64_t *steps)
{
    struct machine machine = {{memory, address, address + length, steps}, address, registers, stack, 0};
    if (initial)
        push(&machine, *initial);
    while (machine.cursor.at < machine.cursor.end)
        execute(&machine);
    return pop(&machine);
}
