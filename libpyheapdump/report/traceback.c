/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "report/traceback.h"

#include <string.h>
#include <unistd.h>

#include "evidence/source_file.h"
#include "walk/roots.h"
#include "walk/special.h"

enum {
    MAX_TEXT = 600,         /* bytes of a message or name */
    MAX_FRAMES_SHOWN = 400, /* per thread or traceback; the rest is counted */
    MAX_CHAIN = 32,         /* exceptions of a chain */
    MAX_SOURCE_BYTES = 16 * 1024 * 1024
};

/* Run `body(…)` so that a failing read ends it; what it wrote so far stays. */
static bool readable(struct phd_walk *walk, void (*body)(struct phd_walk *, uint64_t, struct phd_text *),
                     uint64_t object, struct phd_text *to)
{
    struct phd_guard guard;
    volatile bool done = false;
    if (PHD_GUARD(walk->memory, &guard)) {
        body(walk, object, to);
        done = true;
    }
    PHD_UNGUARD(walk->memory, &guard);
    return done;
}

/* Append text of the target without control characters, which could drive a terminal. */
static void put_clean(const char *text, struct phd_text *to)
{
    for (; *text; text++) {
        bool control = (unsigned char)*text < 0x20 || *text == 0x7f;
        phd__text_bytes(to, *text == '\n' ? " " : control ? "?" : text, 1);
    }
}

static void put_str(struct phd_walk *walk, uint64_t object, struct phd_text *to)
{
    char text[MAX_TEXT];
    phd__copy_str(walk, object, text, sizeof text);
    put_clean(text, to);
}

static void put_type_name(struct phd_walk *walk, uint64_t type, struct phd_text *to)
{
    char name[MAX_TEXT];
    uint64_t flags = phd__word_at(walk, type, walk->at->type_flags);
    if (flags & PHD_TPFLAGS_HEAPTYPE) {
        uint64_t dict = phd__word_at(walk, type, walk->at->type_dict);
        uint64_t module = dict ? phd__dict_get(walk, dict, "__module__") : 0;
        if (module && !phd__str_equals(walk, module, "builtins") && !phd__str_equals(walk, module, "__main__")) {
            put_str(walk, module, to);
            phd__text_string(to, ".");
        }
        put_str(walk, phd__word_at(walk, type, walk->at->heap_type_qualname), to);
        return;
    }
    phd__read_text(walk->memory, phd__word_at(walk, type, walk->at->type_name), name, sizeof name);
    put_clean(name, to);
}

/* A value in few words: texts and numbers as they are, anything else by its type. */
static void put_brief(struct phd_walk *walk, uint64_t object, struct phd_text *to, bool quoted)
{
    const struct phd_type *type = phd__type_of(walk, object);
    if (type->shape == PHD_SHAPE_STR) {
        phd__text_string(to, quoted ? "'" : "");
        put_str(walk, object, to);
        phd__text_string(to, quoted ? "'" : "");
    } else if (type->shape == PHD_SHAPE_NONE) {
        phd__text_string(to, "None");
    } else if (type->shape == PHD_SHAPE_BOOL) {
        phd__text_string(to, phd__read_u32(walk->memory, object + (uint64_t)walk->at->long_digits) ? "True" : "False");
    } else if (type->shape == PHD_SHAPE_INT) {
        uint64_t size = phd__word_at(walk, object, walk->at->long_size);
        bool negative = walk->at->long_tagged ? (size & 3) == 2 : (int64_t)size < 0;
        uint64_t digits = walk->at->long_tagged ? size >> 3 : negative ? -size : size;
        int64_t value = 0;
        if (digits > 2) {
            phd__text_string(to, "<a large int>");
            return;
        }
        for (uint64_t i = digits; i-- > 0;)
            value = value << walk->at->long_digit_bits |
                    phd__read_u32(walk->memory, object + (uint64_t)walk->at->long_digits + 4 * i);
        phd__text_signed(to, negative ? -value : value);
    } else {
        phd__text_string(to, "<");
        put_type_name(walk, type->address, to);
        phd__text_string(to, " at 0x");
        phd__text_hex(to, object, 1);
        phd__text_string(to, ">");
    }
}

/* The builtin exception class that the text of an exception of this type comes from: its nearest base that is one, when
 * they have the same tp_str. 0: it is made by another __str__, which is not run. */
static uint64_t text_maker(struct phd_walk *walk, uint64_t type)
{
    uint64_t maker = phd__word_at(walk, type, walk->at->type_str);
    for (unsigned depth = 0; type && depth < PHD_MAX_BASES; depth++) {
        char name[MAX_TEXT];
        uint64_t flags = phd__word_at(walk, type, walk->at->type_flags);
        phd__read_text(walk->memory, phd__word_at(walk, type, walk->at->type_name), name, sizeof name);
        bool builtin = !(flags & PHD_TPFLAGS_HEAPTYPE);
        for (const char *at = name; *at; at++)
            builtin &= *at != '.';
        if (builtin)
            return phd__word_at(walk, type, walk->at->type_str) == maker ? type : 0;
        type = phd__word_at(walk, type, walk->at->type_base);
    }
    return 0;
}

static bool is_called(struct phd_walk *walk, uint64_t type, const char *called)
{
    char name[32];
    phd__read_text(walk->memory, phd__word_at(walk, type, walk->at->type_name), name, sizeof name);
    return phd__string_equal(name, called);
}

/* The object that a named C field of an instance refers to, 0: none, or `*known` is false and there is no such field. */
static uint64_t object_in(struct phd_walk *walk, uint64_t object, const struct phd_type *type, const char *name,
                          bool *known)
{
    for (unsigned i = 0; i < type->field_count; i++) {
        if (type->fields[i].name && phd__string_equal(type->fields[i].name, name))
            return phd__word_at(walk, object, type->fields[i].offset);
    }
    *known = false;
    return 0;
}

/* "[Errno 2] No such file or directory: 'a' -> 'b'", by the rules of OSError_str (Objects/exceptions.c, 3.9 to 3.15).
 * False when the exception is none of these, or has no more than its args. */
static bool put_os_error(struct phd_walk *walk, uint64_t exception, struct phd_text *to)
{
    static const char *const names[] = {"errno", "strerror", "filename", "filename2"};
    static const char *const before[] = {": [Errno ", "] ", ": ", " -> "};
    const struct phd_type *type = phd__type_of(walk, exception);
    uint64_t parts[4];
    bool known = true;
    for (int i = 0; i < 4; i++)
        parts[i] = object_in(walk, exception, type, names[i], &known);
    if (!known || !(parts[2] || (parts[0] && parts[1])))
        return false;
    for (int i = 0; i < 4 && (i < 2 || parts[i]); i++) {
        phd__text_string(to, before[i]);
        if (parts[i])
            put_brief(walk, parts[i], to, i >= 2);
        else
            phd__text_string(to, "None");
    }
    return true;
}

/* "no module named x", "invalid syntax (app.py, line 3)", "two failed (2 sub-exceptions)": what ImportError_str,
 * SyntaxError_str and BaseExceptionGroup_str make (Objects/exceptions.c, 3.9 to 3.15). False when it is none of these, or
 * has no such text. */
static bool put_message(struct phd_walk *walk, uint64_t exception, uint64_t maker, struct phd_text *to)
{
    const struct phd_type *type = phd__type_of(walk, exception);
    bool group = is_called(walk, maker, "BaseExceptionGroup") || is_called(walk, maker, "ExceptionGroup");
    bool known = true;
    uint64_t message = object_in(walk, exception, type, group ? "message" : "msg", &known);
    if (!known || !message || phd__type_of(walk, message)->shape != PHD_SHAPE_STR)
        return false;
    phd__text_string(to, ": ");
    put_str(walk, message, to);
    uint64_t members = group ? object_in(walk, exception, type, "exceptions", &known) : 0;
    if (members && phd__type_of(walk, members)->shape == PHD_SHAPE_TUPLE) {
        uint64_t count = phd__tuple_length(walk, members);
        phd__text_string(to, " (");
        phd__text_unsigned(to, count);
        phd__text_string(to, count == 1 ? " sub-exception)" : " sub-exceptions)");
    }
    return true;
}

/* What a UnicodeError could not handle: "byte 0xff", "character '\\xe9'"; the same that Python writes. */
static void put_unit(struct phd_walk *walk, uint64_t object, uint64_t at, struct phd_text *to)
{
    if (phd__type_of(walk, object)->shape == PHD_SHAPE_BYTES) {
        phd__text_string(to, " byte 0x");
        phd__text_hex(to, phd__read_u8(walk->memory, object + (uint64_t)walk->at->bytes_data + at), 2);
        return;
    }
    uint32_t c = phd__str_character(walk, object, at);
    phd__text_string(to, c < 0x100 ? " character '\\x" : c < 0x10000 ? " character '\\u" : " character '\\U");
    phd__text_hex(to, c, c < 0x100 ? 2 : c < 0x10000 ? 4 : 8);
    phd__text_string(to, "'");
}

/* "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte" (Objects/exceptions.c, UnicodeDecodeError_str
 * and its kin). False when it is none of these. */
static bool put_unicode_error(struct phd_walk *walk, uint64_t exception, uint64_t maker, struct phd_text *to)
{
    static const char *const names[] = {"UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError"};
    static const char *const verbs[] = {"decode", "encode", "translate"};
    const struct phd_type *type = phd__type_of(walk, exception);
    bool known = true;
    unsigned which = 0;
    while (which < 3 && !is_called(walk, maker, names[which]))
        which++;
    uint64_t object = which < 3 ? object_in(walk, exception, type, "object", &known) : 0;
    uint64_t encoding = object ? object_in(walk, exception, type, "encoding", &known) : 0;
    uint64_t reason = object ? object_in(walk, exception, type, "reason", &known) : 0;
    if (!object || !known || !reason || (which < 2 && !encoding))
        return false;
    uint64_t start = (uint64_t)phd__field_number(walk, exception, type, "start");
    uint64_t end = (uint64_t)phd__field_number(walk, exception, type, "end");
    phd__text_string(to, ": ");
    if (which < 2) {
        put_brief(walk, encoding, to, true);
        phd__text_string(to, " codec ");
    }
    phd__text_string(to, "can't ");
    phd__text_string(to, verbs[which]);
    if (end == start + 1)
        put_unit(walk, object, start, to);
    else
        phd__text_string(to, which ? " characters" : " bytes");
    phd__text_string(to, " in position ");
    phd__text_unsigned(to, start);
    if (end != start + 1) {
        phd__text_string(to, "-");
        phd__text_unsigned(to, end - 1);
    }
    phd__text_string(to, ": ");
    put_brief(walk, reason, to, false);
    return true;
}

/* "message", ('a', 5): the first of the args, briefly. */
static void put_arguments(struct phd_walk *walk, uint64_t args, uint64_t count, bool quoted, struct phd_text *to)
{
    enum { SHOWN = 5 };
    bool several = count > 1;
    phd__text_string(to, several ? "(" : "");
    for (uint64_t i = 0; i < count && i < SHOWN; i++) {
        phd__text_string(to, i ? ", " : "");
        uint64_t item = phd__read_word(walk->memory, args + (uint64_t)walk->at->tuple_items + 8 * i);
        put_brief(walk, item, to, several || quoted);
    }
    phd__text_string(to, several ? count > SHOWN ? ", ...)" : ")" : "");
}

/* "ValueError: message", the message made of args or the fields of a builtin class, as that does. */
static void put_exception_line(struct phd_walk *walk, uint64_t exception, struct phd_text *to)
{
    uint64_t type = phd__word_at(walk, exception, walk->at->object_type), maker = text_maker(walk, type);
    put_type_name(walk, type, to);
    if (maker && (put_os_error(walk, exception, to) || put_message(walk, exception, maker, to) ||
                  put_unicode_error(walk, exception, maker, to)))
        return;
    uint64_t args = phd__word_at(walk, exception, walk->at->exception_args);
    uint64_t count =
        args && phd__type_of(walk, args)->shape == PHD_SHAPE_TUPLE ? phd__word_at(walk, args, walk->at->var_size) : 0;
    if (!count && maker)
        return;
    phd__text_string(to, maker   ? ": "
                         : count ? ": <text not known: __str__ makes it, of "
                                 : ": <text not known: __str__ makes it");
    put_arguments(walk, args, count, !maker || is_called(walk, maker, "KeyError"), to);
    phd__text_string(to, maker ? "" : ">");
}

/* ---- frames ---- */

/* Append line `line` of an open file, without its indentation. */
static void put_line_of(int fd, int line, struct phd_text *to)
{
    char chunk[8192];
    int current = 1;
    bool indentation = true, begun = false;
    size_t total = 0;
    ssize_t length;
    while (current <= line && total < MAX_SOURCE_BYTES && (length = read(fd, chunk, sizeof chunk)) > 0) {
        total += (size_t)length;
        for (ssize_t i = 0; i < length && current <= line; i++) {
            if (chunk[i] == '\n') {
                current++;
            } else if (current == line && !(indentation && (chunk[i] == ' ' || chunk[i] == '\t')) && chunk[i] != '\r') {
                phd__text_string(to, begun ? "" : "    ");
                begun = true;
                indentation = false;
                phd__text_bytes(to, (unsigned char)chunk[i] < 0x20 ? "?" : &chunk[i], 1);
            }
        }
    }
    if (begun)
        phd__text_string(to, "\n");
}

/* The same of the file called `filename`; nothing when it cannot be read. */
static void put_source_line(const struct phd_request *request, const char *filename, int line, struct phd_text *to)
{
    int fd = phd__source_open(request, filename);
    if (fd < 0)
        return;
    put_line_of(fd, line, to);
    close(fd);
}

static void put_frame_line(struct phd_walk *walk, uint64_t code, int line, struct phd_text *to)
{
    char filename[4096];
    phd__copy_path(walk, phd__word_at(walk, code, walk->at->code_filename), filename, sizeof filename);
    phd__text_string(to, "  File \"");
    put_str(walk, phd__word_at(walk, code, walk->at->code_filename), to);
    phd__text_string(to, "\", line ");
    if (line < 0)
        phd__text_string(to, "?");
    else
        phd__text_unsigned(to, (uint64_t)line);
    phd__text_string(to, ", in ");
    put_str(walk, phd__word_at(walk, code, walk->at->code_name), to);
    phd__text_string(to, "\n");
    if (line > 0 && filename[0] != '<' && !walk->request->only_stacks) /* those are shown by who has the sources */
        put_source_line(walk->request, filename, line, to);
}

static void put_frame(struct phd_walk *walk, uint64_t entry, struct phd_text *to)
{
    struct phd_frame frame;
    struct phd_position position;
    if (!phd__frame_read(walk, entry, &frame))
        return;
    phd__code_position(walk, frame.code, frame.lasti, &position);
    put_frame_line(walk, frame.code, position.line, to);
}

static void put_traceback_entry(struct phd_walk *walk, uint64_t traceback, struct phd_text *to)
{
    struct phd_frame frame;
    struct phd_position position = {-1, -1, -1, -1};
    int line = phd__int_at(walk, traceback, walk->at->traceback_lineno);
    if (!phd__frame_read(walk, phd__word_at(walk, traceback, walk->at->traceback_frame), &frame))
        return;
    if (line < 0) {
        phd__code_position(walk, frame.code, phd__int_at(walk, traceback, walk->at->traceback_lasti), &position);
        line = position.line;
    }
    put_frame_line(walk, frame.code, line, to);
}

static void put_traceback(struct phd_walk *walk, uint64_t traceback, struct phd_text *to)
{
    unsigned shown = 0;
    if (traceback && phd__type_of(walk, traceback)->shape == PHD_SHAPE_TRACEBACK)
        phd__text_string(to, "Traceback (most recent call last):\n");
    while (traceback && phd__type_of(walk, traceback)->shape == PHD_SHAPE_TRACEBACK && shown < MAX_FRAMES_SHOWN) {
        if (!readable(walk, put_traceback_entry, traceback, to))
            phd__text_string(to, "  <unreadable frame>\n");
        traceback = phd__word_at(walk, traceback, walk->at->traceback_next);
        shown++;
    }
    if (shown == MAX_FRAMES_SHOWN && traceback)
        phd__text_string(to, "  ... further frames are in the binary part\n");
}

/* ---- exceptions ---- */

static uint64_t exception_at(struct phd_walk *walk, uint64_t object)
{
    return object && phd__type_of(walk, object)->shape != PHD_SHAPE_NONE ? object : 0;
}

static void put_one_exception(struct phd_walk *walk, uint64_t exception, struct phd_text *to)
{
    put_traceback(walk, exception_at(walk, phd__word_at(walk, exception, walk->at->exception_traceback)), to);
    put_exception_line(walk, exception, to);
    phd__text_string(to, "\n");
}

/* The chain of causes, the first cause first. */
static void put_chain(struct phd_walk *walk, uint64_t exception, struct phd_text *to)
{
    uint64_t chain[MAX_CHAIN];
    bool is_cause[MAX_CHAIN];
    unsigned count = 0;
    while (exception && count < MAX_CHAIN) {
        uint64_t cause = exception_at(walk, phd__word_at(walk, exception, walk->at->exception_cause));
        uint64_t context = exception_at(walk, phd__word_at(walk, exception, walk->at->exception_context));
        chain[count] = exception;
        is_cause[count++] = cause != 0;
        exception = cause ? cause : context;
    }
    while (count-- > 0) {
        if (!readable(walk, put_one_exception, chain[count], to))
            phd__text_string(to, "<unreadable exception>\n");
        if (count > 0)
            phd__text_string(to, is_cause[count - 1]
                                     ? "\nThe above exception was the direct cause of the following exception:\n\n"
                                     : "\nDuring handling of the above exception, another exception occurred:\n\n");
    }
}

/* ---- the whole ---- */

struct thread_report {
    const struct phd_request *request;
    struct phd_text *to;
};

static void put_thread_frames(struct phd_walk *walk, const struct phd_thread *thread, unsigned skip,
                              struct phd_text *to)
{
    uint64_t entry = phd__thread_frame(walk, thread->state);
    unsigned shown = 0;
    for (; entry && skip; skip--)
        entry = phd__frame_caller(walk, entry);
    for (; entry && shown < MAX_FRAMES_SHOWN && !to->full; shown++) {
        if (!readable(walk, put_frame, entry, to))
            phd__text_string(to, "  <unreadable frame>\n");
        entry = phd__frame_caller(walk, entry);
    }
    if (!shown)
        phd__text_string(to, "  <no Python frame>\n");
    if (entry)
        phd__text_string(to, "  ... further frames are in the binary part\n");
}

static void put_thread(struct phd_walk *walk, const struct phd_thread *thread, void *argument)
{
    const struct thread_report *report = argument;
    struct phd_text *to = report->to;
    struct phd_guard guard;
    if (to->full)
        return;
    phd__text_string(to, thread->current ? "\nCurrent thread " : "\nThread ");
    put_clean(thread->name[0] ? thread->name : "<unnamed>", to);
    phd__text_string(to, " (ident ");
    phd__text_unsigned(to, thread->ident);
    if (thread->native_id) {
        phd__text_string(to, ", native id ");
        phd__text_unsigned(to, thread->native_id);
    }
    phd__text_string(to, "), most recent call first:\n");
    if (PHD_GUARD(walk->memory, &guard))
        put_thread_frames(walk, thread, phd__frames_to_skip(report->request, thread), to);
    else
        phd__text_string(to, "  <unreadable thread>\n");
    PHD_UNGUARD(walk->memory, &guard);
}

static void put_signal(const struct phd_request *request, const struct phd_native *native, struct phd_text *to)
{
    phd__native_summary(native, request->crash, to);
    phd__text_string(to, "\n\nNative stack of the thread that got the signal (native id ");
    phd__text_unsigned(to, (uint64_t)request->crash->thread);
    phd__text_string(to, "), most recent call first:\n");
    phd__native_stack_text(native, 0, to);
    if (!request->thread)
        phd__text_string(to, "This thread has no Python thread state.\n");
}

void phd__traceback_text(struct phd_walk *walk, const struct phd_request *request, const struct phd_native *native,
                         struct phd_text *to)
{
    struct thread_report report = {request, to};
    struct phd_guard guard;
    if (native && request->crash->signal)
        put_signal(request, native, to);
    if (request->exception && !readable(walk, put_chain, request->exception, to))
        phd__text_string(to, "<unreadable exception>\n");
    if (PHD_GUARD(walk->memory, &guard))
        phd__threads_each(walk, request, put_thread, &report);
    PHD_UNGUARD(walk->memory, &guard);
}

/* ---- the place the subject names: where the exception was raised, else where the thread stands ---- */

static const char own_package[] = "pyheapdump";

/* Does the frame run code of this package's, which is called on the way to a dump? */
static bool is_own_frame(struct phd_walk *walk, const struct phd_frame *frame)
{
    char name[2 * sizeof own_package]; /* the beginning */
    if (!frame->globals || phd__type_of(walk, frame->globals)->shape != PHD_SHAPE_DICT)
        return false;
    uint64_t module = phd__dict_get(walk, frame->globals, "__name__");
    if (!module || phd__type_of(walk, module)->shape != PHD_SHAPE_STR)
        return false;
    size_t length = phd__copy_str(walk, module, name, sizeof name);
    return length >= sizeof own_package - 1 && memcmp(name, own_package, sizeof own_package - 1) == 0 &&
           (length == sizeof own_package - 1 || name[sizeof own_package - 1] == '.');
}

static bool is_own_entry(struct phd_walk *walk, uint64_t entry)
{
    struct phd_frame frame;
    return phd__frame_read(walk, entry, &frame) && is_own_frame(walk, &frame);
}

/* The first frame from `entry` on that is the program's, as a queue entry; 0 when there is none. */
static uint64_t frame_of_program(struct phd_walk *walk, uint64_t entry)
{
    for (unsigned depth = 0; entry && depth < PHD_MAX_FRAMES; depth++) {
        if (!is_own_entry(walk, entry))
            return entry;
        entry = phd__frame_caller(walk, entry);
    }
    return 0;
}

static void put_place(struct phd_walk *walk, uint64_t entry, int line, struct phd_text *to)
{
    struct phd_frame frame;
    struct phd_position position;
    char filename[4096];
    if (!entry || !phd__frame_read(walk, entry, &frame))
        return;
    phd__code_position(walk, frame.code, frame.lasti, &position);
    size_t length =
        phd__copy_str(walk, phd__word_at(walk, frame.code, walk->at->code_filename), filename, sizeof filename);
    size_t slash = length;
    while (slash > 0 && filename[slash - 1] != '/')
        slash--;
    phd__text_string(to, " (");
    phd__text_string(to, filename + slash);
    phd__text_string(to, ":");
    phd__text_signed(to, line > 0 ? line : position.line);
    phd__text_string(to, " in ");
    put_str(walk, phd__word_at(walk, frame.code, walk->at->code_name), to);
    phd__text_string(to, ")");
}

static uint64_t last_entry(struct phd_walk *walk, uint64_t traceback)
{
    for (unsigned depth = 0; depth < PHD_MAX_FRAMES; depth++) {
        uint64_t next = phd__word_at(walk, traceback, walk->at->traceback_next);
        if (!next)
            break;
        traceback = next;
    }
    return traceback;
}

/* The last entry whose frame is the program's, 0 when there is none. */
static uint64_t last_entry_of_program(struct phd_walk *walk, uint64_t traceback)
{
    uint64_t found = 0;
    for (unsigned depth = 0; traceback && depth < PHD_MAX_FRAMES; depth++) {
        if (!is_own_entry(walk, phd__word_at(walk, traceback, walk->at->traceback_frame)))
            found = traceback;
        traceback = phd__word_at(walk, traceback, walk->at->traceback_next);
    }
    return found;
}

static void put_traceback_place(struct phd_walk *walk, uint64_t traceback, struct phd_text *to)
{
    uint64_t last = last_entry(walk, traceback), outermost = phd__word_at(walk, traceback, walk->at->traceback_frame);
    /* a call that fails before it gets into the program's function ends in the frame of ours that was to call it */
    if (is_own_entry(walk, phd__word_at(walk, last, walk->at->traceback_frame)))
        last = last_entry_of_program(walk, traceback);
    if (last)
        put_place(walk, phd__word_at(walk, last, walk->at->traceback_frame),
                  phd__int_at(walk, last, walk->at->traceback_lineno), to);
    else
        put_place(walk, frame_of_program(walk, outermost), 0, to);
}

static void put_thread_place(struct phd_walk *walk, uint64_t state, struct phd_text *to)
{
    put_place(walk, frame_of_program(walk, phd__thread_frame(walk, state)), 0, to);
}

void phd__subject(struct phd_walk *walk, const struct phd_request *request, const struct phd_native *native, char *out,
                  size_t capacity)
{
    struct phd_text text;
    phd__text_init(&text, out, capacity - 1);
    phd__text_string(&text, "[pyheapdump] ");
    if (native && request->crash->signal)
        phd__native_summary(native, request->crash, &text);
    else if (!request->exception || !readable(walk, put_exception_line, request->exception, &text))
        phd__text_string(&text, request->reason);
    if (request->traceback)
        readable(walk, put_traceback_place, request->traceback, &text);
    else if (request->thread)
        readable(walk, put_thread_place, request->thread, &text);
    out[text.used] = 0;
    for (size_t i = 0; i < text.used; i++) { /* a header is one line */
        if ((unsigned char)out[i] < 0x20)
            out[i] = ' ';
    }
}
