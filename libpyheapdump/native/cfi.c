/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "native/cfi.h"

/* DWARF 5, table 7.29; 0x2d and above: GNU. The three of two bits carry an operand in the other six. */
enum {
    CFA_ADVANCE_LOC = 0x40,
    CFA_OFFSET = 0x80,
    CFA_RESTORE = 0xc0,
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE_LOC1 = 0x02,
    CFA_ADVANCE_LOC2 = 0x03,
    CFA_ADVANCE_LOC4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f
};

/* Registers that a function leaves as they were (System V ABI, AMD64 supplement, figure 3.4). */
static const uint32_t callee_saved =
    1u << PHD_RBX | 1u << PHD_RBP | 1u << PHD_R12 | 1u << PHD_R13 | 1u << PHD_R14 | 1u << PHD_R15;

/* ---- finding the function ---- */

enum {
    TABLE_VERSION = 1,
    TABLE_ENCODING = PHD_POINTER_DATA_RELATIVE | PHD_POINTER_SDATA4, /* what all linkers write */
    TABLE_ENTRY = 8
};

/* Begin of the entry of .eh_frame for `address`, by the sorted table of .eh_frame_hdr; 0: the table has none. */
static uint64_t search_table(struct phd_cfi *cfi, const struct phd_module *module, uint64_t address)
{
    uint64_t base = module->unwind_table;
    struct phd_cursor cursor = {cfi->memory, base, base + module->unwind_table_size, &cfi->steps};
    unsigned version = (unsigned)phd__cursor_unsigned(&cursor, 1);
    unsigned frame_encoding = (unsigned)phd__cursor_unsigned(&cursor, 1);
    unsigned count_encoding = (unsigned)phd__cursor_unsigned(&cursor, 1);
    unsigned table_encoding = (unsigned)phd__cursor_unsigned(&cursor, 1);
    if (version != TABLE_VERSION || table_encoding != TABLE_ENCODING || count_encoding == PHD_POINTER_OMITTED)
        phd__memory_fault(cfi->memory, base, "unknown kind of unwind table");
    phd__cursor_pointer(&cursor, frame_encoding, base);
    uint64_t high = phd__cursor_pointer(&cursor, count_encoding, base), low = 0, table = cursor.at;
    if (high > (cursor.end - table) / TABLE_ENTRY)
        phd__memory_fault(cfi->memory, base, "unwind table with a wrong count");
    while (low < high) { /* the last entry that does not begin behind the address */
        uint64_t middle = low + (high - low) / 2;
        phd__step(&cursor);
        uint64_t start = base + (uint64_t)(int64_t)phd__read_i32(cfi->memory, table + middle * TABLE_ENTRY);
        if (start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    return base + (uint64_t)(int64_t)phd__read_i32(cfi->memory, table + (low - 1) * TABLE_ENTRY + 4);
}

/* A cursor over the entry of .eh_frame at `address`, behind its length. */
static struct phd_cursor open_record(struct phd_cfi *cfi, const struct phd_module *module, uint64_t address)
{
    struct phd_cursor cursor = {cfi->memory, address, address + 4, &cfi->steps};
    if (!phd__module_holds(module, address, 4))
        phd__memory_fault(cfi->memory, address, "call frame information outside of its module");
    uint64_t length = phd__cursor_unsigned(&cursor, 4);
    if (length < 4 || length > PHD_MAX_CFI_RECORD || !phd__module_holds(module, cursor.at, length))
        phd__memory_fault(cfi->memory, address, "call frame information of a wrong length");
    cursor.end = cursor.at + length;
    return cursor;
}

/* What the augmentation text "zR…" announces. */
static void read_augmentation(struct phd_cfi *cfi, struct phd_cursor *cursor, const char *text)
{
    uint64_t length = phd__cursor_uleb(cursor);
    struct phd_cursor data = *cursor;
    phd__cursor_skip(cursor, length);
    data.end = cursor->at;
    for (const char *letter = text + 1; *letter; letter++) {
        if (*letter == 'R') {
            cfi->function.pointer_encoding = (unsigned)phd__cursor_unsigned(&data, 1);
        } else if (*letter == 'P') { /* the personality routine */
            unsigned encoding = (unsigned)phd__cursor_unsigned(&data, 1);
            phd__cursor_pointer(&data, encoding & ~(unsigned)PHD_POINTER_INDIRECT, 0);
        } else if (*letter == 'L') { /* encoding of the language's data */
            phd__cursor_skip(&data, 1);
        } else if (*letter == 'S') {
            cfi->function.signal_frame = true;
        } else {
            return; /* the length tells where it ends all the same */
        }
    }
}

static void read_common(struct phd_cfi *cfi, const struct phd_module *module, uint64_t address, bool *augmented)
{
    struct phd_cursor cursor = open_record(cfi, module, address);
    char text[PHD_MAX_AUGMENTATION];
    unsigned used = 0;
    uint64_t id = phd__cursor_unsigned(&cursor, 4), version = phd__cursor_unsigned(&cursor, 1);
    if (id != 0 || (version != 1 && version != 3))
        phd__memory_fault(cfi->memory, address, "unknown kind of call frame information");
    while ((text[used] = (char)phd__cursor_unsigned(&cursor, 1)))
        if (++used == sizeof text)
            phd__memory_fault(cfi->memory, address, "unknown kind of call frame information");
    cfi->function.code_factor = phd__cursor_uleb(&cursor);
    cfi->function.data_factor = phd__cursor_sleb(&cursor);
    uint64_t return_register = version == 1 ? phd__cursor_unsigned(&cursor, 1) : phd__cursor_uleb(&cursor);
    *augmented = text[0] == 'z';
    if (return_register != PHD_RIP || (used && !*augmented))
        phd__memory_fault(cfi->memory, address, "unknown kind of call frame information");
    if (*augmented)
        read_augmentation(cfi, &cursor, text);
    cfi->function.common_program = cursor.at;
    cfi->function.common_program_end = cursor.end;
}

bool phd__cfi_find(struct phd_cfi *cfi, const struct phd_module *module, uint64_t address)
{
    struct phd_cfi_function *function = &cfi->function;
    bool augmented;
    memset(function, 0, sizeof *function);
    uint64_t record = module->unwind_table ? search_table(cfi, module, address) : 0;
    if (!record)
        return false;
    struct phd_cursor cursor = open_record(cfi, module, record);
    uint64_t distance = phd__cursor_unsigned(&cursor, 4);
    read_common(cfi, module, cursor.at - 4 - distance, &augmented);
    function->start = phd__cursor_pointer(&cursor, function->pointer_encoding, 0);
    uint64_t length = phd__cursor_pointer(&cursor, function->pointer_encoding & PHD_POINTER_FORMAT, 0);
    if (augmented) {
        uint64_t size = phd__cursor_uleb(&cursor);
        phd__cursor_skip(&cursor, size);
    }
    function->end = function->start + length;
    function->program = cursor.at;
    function->program_end = cursor.end;
    return address >= function->start && address - function->start < length;
}

/* ---- the program of rules ---- */

struct program {
    struct phd_cfi *cfi;
    struct phd_cursor cursor;
    uint64_t location; /* the code address that the rules are for */
};

/* Rules for registers that we do not follow (vector registers) go to a place that nobody reads. */
static void set_rule(struct program *program, uint64_t number, enum phd_cfi_kind kind, int64_t value, uint64_t address)
{
    if (number < PHD_REGISTER_COUNT)
        program->cfi->row.registers[number] = (struct phd_cfi_rule){kind, value, address};
}

static int64_t factored(struct program *program, uint64_t value)
{
    return (int64_t)(value * (uint64_t)program->cfi->function.data_factor);
}

static int64_t unsigned_factored(struct program *program)
{
    return factored(program, phd__cursor_uleb(&program->cursor));
}

static int64_t signed_factored(struct program *program)
{
    return factored(program, (uint64_t)phd__cursor_sleb(&program->cursor));
}

static void restore_rule(struct program *program, uint64_t number)
{
    if (number < PHD_REGISTER_COUNT)
        program->cfi->row.registers[number] = program->cfi->initial.registers[number];
}

/* An expression in line: its length, then its bytes, which are passed over. */
static uint64_t take_expression(struct program *program, uint64_t *address)
{
    uint64_t length = phd__cursor_uleb(&program->cursor);
    *address = program->cursor.at;
    phd__cursor_skip(&program->cursor, length);
    return length;
}

static void define_cfa(struct program *program, uint64_t number, uint64_t offset)
{
    program->cfi->row.cfa_is_expression = false;
    program->cfi->row.cfa_register = number;
    program->cfi->row.cfa_offset = offset;
}

/* Instructions about the canonical frame address; false when `code` is none. */
static bool execute_cfa(struct program *program, unsigned code)
{
    struct phd_cfi_row *row = &program->cfi->row;
    struct phd_cursor *cursor = &program->cursor;
    uint64_t number;
    switch (code) {
    case CFA_DEF_CFA:
        number = phd__cursor_uleb(cursor);
        define_cfa(program, number, phd__cursor_uleb(cursor));
        return true;
    case CFA_DEF_CFA_SF:
        number = phd__cursor_uleb(cursor);
        define_cfa(program, number, (uint64_t)signed_factored(program));
        return true;
    case CFA_DEF_CFA_REGISTER: define_cfa(program, phd__cursor_uleb(cursor), row->cfa_offset); return true;
    case CFA_DEF_CFA_OFFSET: define_cfa(program, row->cfa_register, phd__cursor_uleb(cursor)); return true;
    case CFA_DEF_CFA_OFFSET_SF: define_cfa(program, row->cfa_register, (uint64_t)signed_factored(program)); return true;
    case CFA_DEF_CFA_EXPRESSION:
        row->cfa_expression_length = take_expression(program, &row->cfa_expression);
        row->cfa_is_expression = true;
        return true;
    }
    return false;
}

/* Instructions about one register; false when `code` is none. */
static bool execute_register(struct program *program, unsigned code)
{
    struct phd_cursor *cursor = &program->cursor;
    uint64_t address, length;
    if (code < CFA_OFFSET_EXTENDED || code == CFA_REMEMBER_STATE || code == CFA_RESTORE_STATE ||
        code == CFA_GNU_ARGS_SIZE)
        return false;
    uint64_t number = phd__cursor_uleb(cursor);
    switch (code) {
    case CFA_OFFSET_EXTENDED: set_rule(program, number, PHD_CFI_OFFSET, unsigned_factored(program), 0); return true;
    case CFA_OFFSET_EXTENDED_SF: set_rule(program, number, PHD_CFI_OFFSET, signed_factored(program), 0); return true;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        set_rule(program, number, PHD_CFI_OFFSET, (int64_t) - (uint64_t)unsigned_factored(program), 0);
        return true;
    case CFA_VAL_OFFSET: set_rule(program, number, PHD_CFI_VALUE_OFFSET, unsigned_factored(program), 0); return true;
    case CFA_VAL_OFFSET_SF: set_rule(program, number, PHD_CFI_VALUE_OFFSET, signed_factored(program), 0); return true;
    case CFA_RESTORE_EXTENDED: restore_rule(program, number); return true;
    case CFA_UNDEFINED: set_rule(program, number, PHD_CFI_UNDEFINED, 0, 0); return true;
    case CFA_SAME_VALUE: set_rule(program, number, PHD_CFI_SAME, 0, 0); return true;
    case CFA_REGISTER: set_rule(program, number, PHD_CFI_REGISTER, (int64_t)phd__cursor_uleb(cursor), 0); return true;
    case CFA_EXPRESSION:
    case CFA_VAL_EXPRESSION:
        length = take_expression(program, &address);
        set_rule(program, number, code == CFA_EXPRESSION ? PHD_CFI_EXPRESSION : PHD_CFI_VALUE_EXPRESSION,
                 (int64_t)length, address);
        return true;
    }
    return false;
}

static void remember(struct program *program)
{
    struct phd_cfi *cfi = program->cfi;
    if (cfi->remembered_count == PHD_MAX_REMEMBERED)
        phd__memory_fault(cfi->memory, program->cursor.at, "call frame information remembers too much");
    cfi->remembered[cfi->remembered_count++] = cfi->row;
}

static void restore_remembered(struct program *program)
{
    struct phd_cfi *cfi = program->cfi;
    if (cfi->remembered_count == 0)
        phd__memory_fault(cfi->memory, program->cursor.at, "call frame information restores what it did not remember");
    cfi->row = cfi->remembered[--cfi->remembered_count];
}

static void advance(struct program *program, uint64_t distance)
{
    program->location += distance * program->cfi->function.code_factor;
}

static void execute(struct program *program)
{
    struct phd_cursor *cursor = &program->cursor;
    unsigned code = (unsigned)phd__cursor_unsigned(cursor, 1), operand = code & 0x3f;
    phd__step(cursor);
    switch (code & 0xc0) {
    case CFA_ADVANCE_LOC: advance(program, operand); return;
    case CFA_OFFSET: set_rule(program, operand, PHD_CFI_OFFSET, unsigned_factored(program), 0); return;
    case CFA_RESTORE: restore_rule(program, operand); return;
    }
    switch (code) {
    case CFA_NOP: return;
    case CFA_SET_LOC:
        program->location = phd__cursor_pointer(cursor, program->cfi->function.pointer_encoding, 0);
        return;
    case CFA_ADVANCE_LOC1: advance(program, phd__cursor_unsigned(cursor, 1)); return;
    case CFA_ADVANCE_LOC2: advance(program, phd__cursor_unsigned(cursor, 2)); return;
    case CFA_ADVANCE_LOC4: advance(program, phd__cursor_unsigned(cursor, 4)); return;
    case CFA_REMEMBER_STATE: remember(program); return;
    case CFA_RESTORE_STATE: restore_remembered(program); return;
    case CFA_GNU_ARGS_SIZE: phd__cursor_uleb(cursor); return;
    }
    if (!execute_cfa(program, code) && !execute_register(program, code))
        phd__memory_fault(cursor->memory, cursor->at - 1, "unknown instruction in call frame information");
}

/* Execute until the rules for `address` are complete. */
static void run(struct phd_cfi *cfi, uint64_t from, uint64_t to, uint64_t address)
{
    struct program program = {cfi, {cfi->memory, from, to, &cfi->steps}, cfi->function.start};
    while (program.cursor.at < program.cursor.end && program.location <= address)
        execute(&program);
}

void phd__cfi_rules(struct phd_cfi *cfi, uint64_t address)
{
    memset(&cfi->row, 0, sizeof cfi->row);
    cfi->remembered_count = 0;
    run(cfi, cfi->function.common_program, cfi->function.common_program_end, UINT64_MAX);
    cfi->initial = cfi->row;
    run(cfi, cfi->function.program, cfi->function.program_end, address);
}

/* ---- using the rules ---- */

uint64_t phd__cfi_frame_address(struct phd_cfi *cfi, const struct phd_registers *registers)
{
    const struct phd_cfi_row *row = &cfi->row;
    if (row->cfa_is_expression)
        return phd__expression(cfi->memory, row->cfa_expression, row->cfa_expression_length, registers, NULL,
                               cfi->stack, &cfi->steps);
    return phd__register_value(cfi->memory, registers, row->cfa_register) + row->cfa_offset;
}

static uint64_t rule_expression(struct phd_cfi *cfi, const struct phd_cfi_rule *rule, uint64_t frame_address,
                                const struct phd_registers *registers)
{
    return phd__expression(cfi->memory, rule->address, (uint64_t)rule->number, registers, &frame_address, cfi->stack,
                           &cfi->steps);
}

/* The caller's value of register `number`; false when it is not known. */
static bool apply_rule(struct phd_cfi *cfi, unsigned number, uint64_t frame_address,
                       const struct phd_registers *registers, uint64_t *value)
{
    const struct phd_cfi_rule *rule = &cfi->row.registers[number];
    uint64_t source = number;
    switch (rule->kind) {
    case PHD_CFI_UNDEFINED: return false;
    case PHD_CFI_OFFSET: *value = phd__read_word(cfi->memory, frame_address + (uint64_t)rule->number); return true;
    case PHD_CFI_VALUE_OFFSET: *value = frame_address + (uint64_t)rule->number; return true;
    case PHD_CFI_EXPRESSION:
        *value = phd__read_word(cfi->memory, rule_expression(cfi, rule, frame_address, registers));
        return true;
    case PHD_CFI_VALUE_EXPRESSION: *value = rule_expression(cfi, rule, frame_address, registers); return true;
    case PHD_CFI_UNSPECIFIED:
        if (number == PHD_RSP) {
            *value = frame_address; /* that is its definition on this machine */
            return true;
        }
        if (!(callee_saved >> number & 1))
            return false;
        break;
    case PHD_CFI_SAME: break;
    case PHD_CFI_REGISTER: source = (uint64_t)rule->number; break;
    }
    if (source >= PHD_REGISTER_COUNT || !(registers->known >> source & 1))
        return false;
    *value = registers->value[source];
    return true;
}

void phd__cfi_apply(struct phd_cfi *cfi, uint64_t frame_address, const struct phd_registers *registers,
                    struct phd_registers *caller)
{
    caller->known = 0;
    for (unsigned number = 0; number < PHD_REGISTER_COUNT; number++) {
        uint64_t value = 0;
        if (apply_rule(cfi, number, frame_address, registers, &value))
            caller->known |= 1u << number;
        caller->value[number] = value;
    }
}
