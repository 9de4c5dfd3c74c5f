/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk: breadth first from the roots, each object written as one record (docs/format.md section 4).
 *
 * An object gets the next id when it is first met and is written in that order; the queue holds what is met and not yet
 * written. Every record is written under one recovery point: when a read faults, the record is taken back and written
 * again carefully, each value under a recovery point of its own, so that a broken pointer costs one value. If even that
 * fails the object becomes a BROKEN record.
 *
 * Flow: phd__walk_open → roots.c meets the roots → phd__walk_run (record.c dispatches by the type's shape to values.c,
 * containers.c, instance.c, typeobject.c, code.c, frames.c, special.c) → phd__walk_close.
 *
 * Context of everything in walk/: crash.
 */
#ifndef PHD_WALK_WALK_H
#define PHD_WALK_WALK_H

#include <limits.h>

#include "encode/blocks.h"
#include "encode/pack.h"
#include "layout/layout.h"
#include "memory/memory.h"
#include "safe/pages.h"
#include "walk/addrset.h"
#include "walk/extents.h"
#include "walk/queue.h"
#include "walk/redact.h"
#include "walk/types.h"

enum {
    PHD_RECORDS_PER_BLOCK = 32768,
    PHD_BLOCK_TARGET = 256 * 1024,    /* a block is closed when its content has reached this size, bytes */
    PHD_MAX_INLINE_ITEMS = 4096,      /* values of a container written in its record; more go to ITEMS blocks */
    PHD_MAX_INLINE_BYTES = 32 * 1024, /* content of a str or bytes written in its record; more go to CONTENT blocks */
    PHD_MAX_LEAF_BYTES = 64,          /* str or bytes written inside its owner */
    PHD_BEGINNING = 1024,             /* of a long content, bytes written where its parts are not wanted */
    PHD_MAX_ATTRIBUTES = 1024,        /* instance attributes written in the record */
    PHD_MAX_STACK = 65536,            /* values of an evaluation stack */
    PHD_MAX_FRAMES = 1000000,         /* frames of a thread */
    PHD_MAX_THREADS = 100000,
    PHD_MAX_POSTPONED = 4096, /* large objects whose parts are put off */
    PHD_MAX_TASKS = 65536,    /* asyncio tasks listed */
    PHD_MAX_SUSPECTS = 1024,  /* objects listed whose reference count is impossible */
    PHD_MAX_LOCALS = 16384,   /* locals, cells and free variables of a frame */
    PHD_TURNS_PER_CHECK = 1 << 16
};
#define PHD_MAX_LENGTH ((uint64_t)1 << 42) /* of any container or string of the target */

/* Queue entries are addresses of objects; bit 0 marks an interpreter frame that has no frame object (3.11+). */
#define PHD_ENTRY_IFRAME ((uint64_t)1)

/* An object whose record is written and whose parts are not. */
struct phd_postponed {
    uint64_t object;
    uint64_t id;
    uint64_t kept;
};

struct phd_walk {
    const struct phd_layout *at;
    const struct phd_request *request; /* of the dump */
    struct phd_memory *memory;
    struct phd_blocks *blocks;
    struct phd_types types;
    struct phd_arena arena;
    struct phd_addrset seen;     /* every object that may be met again */
    struct phd_addrset borrowed; /* objects met through a reference that does not count: those of frames and roots */
    struct phd_redaction redaction;
    struct phd_extents extents; /* memory that is the content of objects in the file */
    struct phd_queue queue;
    struct phd_buffer records; /* the OBJECTS block being filled */
    struct phd_buffer items;   /* the ITEMS block being filled */
    uint64_t items_offset;     /* values of the object written before that block */
    uint64_t items_count;      /* values in it */
    uint64_t unreadable_run;   /* values of the object that could not be read, one after the other, up to now */
    struct phd_buffer *to;     /* where values are written now: `records` or `items` */
    int64_t *address_deltas;   /* of the records in `records` */
    uint64_t last_address;
    uint64_t first_id; /* id of the first record in `records` */
    uint64_t next_id;  /* the id the next new object will get */
    uint64_t written;  /* records written, which is the id of the next record */
    uint64_t own_id;   /* id of the record being written */
    uint64_t own_address;
    uint64_t *threads; /* addresses of the PyThreadState objects of all interpreters */
    unsigned thread_count;
    uint32_t *tasks; /* ids of the asyncio tasks written */
    unsigned task_count;
    uint32_t suspects[PHD_MAX_SUSPECTS]; /* ids of objects whose reference count is impossible */
    uint64_t suspect_count;              /* also of those for which there was no room */
    /* Near the roots the parts of large objects are put off, so that small neighbours come first. */
    bool near_roots;  /* put off what can be */
    bool beginnings;  /* of contents that are put off write the beginning: nothing more of them will come */
    bool leaves_only; /* meet nothing that has parts: it is too far from the roots */
    bool postponing;  /* this record's parts are put off */
    bool parts_only;  /* a record is done again for its parts: nothing else of it is met */
    bool has_parts;   /* the record has parts in blocks of their own */
    struct phd_postponed *postponed;
    unsigned postponed_count;
    bool careful;       /* each value under its own recovery point */
    bool again;         /* the record is written a second time: what the first attempt met has its id already */
    bool meeting_roots; /* references from here do not count: enter them in `borrowed` */
    bool trust_counts;  /* one reference means one way */
    bool out_of_memory;
    uint64_t broken;
    uint64_t missing_values;
    uint64_t turns;            /* of loops that write nothing; see phd__walk_turn */
    uint64_t kept;             /* bytes that may be kept of the content of this record (buffers.h) */
    uint64_t buffers_left;     /* bytes that may still be kept of all buffers; UINT64_MAX: no limit */
    uint64_t buffers_cut;      /* buffers of which not all was kept */
    uint64_t buffer_bytes_cut; /* bytes of them that were not */
    uint64_t deadline_ns;      /* on CLOCK_MONOTONIC, 0 for none */
    const char *stopped;       /* why the walk ended early, or NULL */
    uint64_t main_interpreter; /* address, for the dicts of static builtin types (3.12+) */
};

enum phd_status phd__walk_open(struct phd_walk *walk, const struct phd_layout *at, struct phd_memory *memory,
                               struct phd_blocks *blocks, struct phd_error *error);
void phd__walk_close(struct phd_walk *walk);

/* Write records until the queue is empty or a budget ends the walk (`walk->stopped`). */
void phd__walk_run(struct phd_walk *walk);

/* The same, but only the records of the objects that are met by now. */
void phd__walk_run_met(struct phd_walk *walk);

/* Meet the types of the objects that are met by now, and the names of functions: without them little can be said of an
 * object. */
void phd__walk_meet_descriptions(struct phd_walk *walk);

/* Write what was put off near the roots, and put off nothing any more. */
void phd__walk_run_postponed(struct phd_walk *walk);

/* record.c: write a part of the current object as a block of its own, unless it is put off. */
void phd__put_part(struct phd_walk *walk, enum phd_block_kind kind, uint64_t count, uint64_t offset,
                   const void *content, size_t size);

/* Close the current OBJECTS block. */
void phd__walk_flush(struct phd_walk *walk);

/* Bytes of memory the walk has taken. */
uint64_t phd__walk_memory(const struct phd_walk *walk);

/* The id of the object at `address`, new or old. `*is_new` when it was not met before. */
uint64_t phd__walk_meet(struct phd_walk *walk, uint64_t address, bool *is_new);

static inline uint64_t phd__word_at(struct phd_walk *walk, uint64_t object, int32_t offset)
{
    return phd__read_word(walk->memory, object + (uint64_t)(int64_t)offset);
}

static inline int32_t phd__int_at(struct phd_walk *walk, uint64_t object, int32_t offset)
{
    return phd__read_i32(walk->memory, object + (uint64_t)(int64_t)offset);
}

static inline struct phd_type *phd__type_of(struct phd_walk *walk, uint64_t object)
{
    return phd__types_find(&walk->types, phd__word_at(walk, object, walk->at->object_type));
}

/* values.c: write what refers to `object` (0: absent) at the end of walk->to. */
void phd__put_value(struct phd_walk *walk, uint64_t object);
/* … when `reference` may be a tagged stack reference (3.14+) */
void phd__put_stack_reference(struct phd_walk *walk, uint64_t reference);
/* … a reference by id */
void phd__put_id(struct phd_walk *walk, uint64_t id, bool is_new);

/* leaves.c: the content of numbers and strings */
void phd__put_int(struct phd_walk *walk, uint64_t object);
/* How many of CPython's digits the int at `object` has. */
uint64_t phd__int_digits(struct phd_walk *walk, uint64_t object);
/* The value of the bool at `object`. Faults when it is none. */
bool phd__bool_value(struct phd_walk *walk, uint64_t object);
/* The length of the bytes object at `object`. Faults when its content does not end there. */
uint64_t phd__bytes_length(struct phd_walk *walk, uint64_t object);
/* The UTF-8 content of a str as a msgpack value; `limit` as in phd__str_utf8. False when it is longer: nothing written. */
bool phd__put_str(struct phd_walk *walk, uint64_t object, uint64_t limit);
/* An upper bound of the bytes of the str in UTF-8, without reading its characters. */
uint64_t phd__str_bound(struct phd_walk *walk, uint64_t object);
/* Copy the str at `object` to `out` as NUL-terminated UTF-8, cut to `capacity`; lone surrogates become escapes, as `\udce9`.
 * Returns the length. Faults when it is no str. */
size_t phd__copy_str(struct phd_walk *walk, uint64_t object, char *out, size_t capacity);
/* The same of the name of a file, as the system has it: such a character stands for a byte that is no text. */
size_t phd__copy_path(struct phd_walk *walk, uint64_t object, char *out, size_t capacity);
/* The character at `index` of the str at `object`. Faults when it is none, or has fewer. */
uint32_t phd__str_character(struct phd_walk *walk, uint64_t object, uint64_t index);
/* True when `object` is a str equal to ASCII `text`. */
bool phd__str_equals(struct phd_walk *walk, uint64_t object, const char *text);

/* Set `walk->stopped` when a budget is used up or the file can take no more. */
void phd__walk_check(struct phd_walk *walk);

/* One turn of a loop that can go on for long without writing anything: now and then the budgets are looked at. Faults
 * when one is used up. */
static inline void phd__walk_turn(struct phd_walk *walk)
{
    if (__builtin_expect(++walk->turns % PHD_TURNS_PER_CHECK != 0, 1))
        return;
    phd__walk_check(walk);
    if (walk->stopped)
        phd__memory_fault(walk->memory, walk->own_address, walk->stopped);
}

/* record.c: the record of a builtin value of `shape`: `[code, …]` */
void phd__put_builtin(struct phd_walk *walk, uint64_t object, struct phd_type *type);
/* leaves.c and containers.c: its parts */
void phd__put_str_record(struct phd_walk *walk, uint64_t object);
void phd__put_bytes_record(struct phd_walk *walk, uint64_t object, enum phd_shape shape);
/* `secret`: of phd__secret_items */
void phd__put_sequence_record(struct phd_walk *walk, uint64_t object, enum phd_shape shape, uint32_t secret);
void phd__put_dict_record(struct phd_walk *walk, uint64_t object, uint32_t secret);
void phd__put_set_record(struct phd_walk *walk, uint64_t object, enum phd_shape shape, uint32_t secret);

/* containers.c: the record of a container or text whose `count` values or bytes stand in blocks of their own */
void phd__put_split(struct phd_walk *walk, enum phd_shape shape, uint64_t count);
/* … of bytes or a text of so many `characters` of which, for a `reason`, not all do (NULL: all do) */
void phd__put_cut(struct phd_walk *walk, enum phd_shape shape, uint64_t count, const char *reason, uint64_t characters);

/* containers.c: the address of the items of the list at `object`, which has `count` of them. Faults when its memory is
 * for fewer. */
uint64_t phd__list_items(struct phd_walk *walk, uint64_t object, uint64_t count);

/* containers.c: dicts */
struct phd_dict_cursor {
    uint64_t keys;      /* address of the key table */
    uint64_t values;    /* address of the value array, 0: values stand in the key table */
    uint64_t entries;   /* address of the entries */
    uint64_t order;     /* address of the order bytes (split tables of 3.11+), 0: key order */
    int64_t order_step; /* +1 or -1 */
    uint64_t used;      /* entries or order bytes to visit */
    uint64_t filled;    /* entries that the key table has */
    uint64_t position;
    unsigned entry_size;
    unsigned key_offset;
};
void phd__dict_open(struct phd_walk *walk, uint64_t dict, struct phd_dict_cursor *cursor);
/* A cursor over instance values with their shared keys, no dict involved. */
void phd__values_open(struct phd_walk *walk, uint64_t keys, uint64_t values, struct phd_dict_cursor *cursor);
bool phd__dict_next(struct phd_walk *walk, struct phd_dict_cursor *cursor, uint64_t *key, uint64_t *value);
/* Have its first values on their way from memory. */
void phd__dict_prefetch(struct phd_walk *walk, uint64_t dict);
uint64_t phd__dict_length(struct phd_walk *walk, uint64_t dict);
/* The value of str key `name` in dict `dict`, or 0. */
uint64_t phd__dict_get(struct phd_walk *walk, uint64_t dict, const char *name);

/* Write `values` missing values, which tell that a container's count is not what it holds. */
void phd__put_disagreement(struct phd_walk *walk, uint64_t object, unsigned values);

/* The value of the very object `key`, whose hash is `hash`, or 0. */
uint64_t phd__dict_value_of(struct phd_walk *walk, uint64_t dict, uint64_t key, uint64_t hash);

/* A container with so many values that they go to ITEMS blocks: writes `[16, shape, count]` and lets `body` write the
 * values, one after the other, by phd__items_value. */
typedef void phd_items_body(struct phd_walk *walk, uint64_t count, void *argument);
void phd__put_split_values(struct phd_walk *walk, enum phd_shape shape, uint64_t count, phd_items_body *body,
                           void *argument);
/* `name`: as for phd__put_named_value */
void phd__items_value(struct phd_walk *walk, uint64_t name, uint64_t object);

/* leaves.c: `length` bytes of the target at `address` as CONTENT blocks of the current object, from byte
 * `offset` of its content on. False when not all could be written. PHD_SHAPE_STR: they must be
 * ASCII, what is not is missing. What stands behind a page that cannot be read is missing as well, as the length is wrong
 * then; unless the memory is not CPython's own (`foreign`): files are cut while they are mapped, and a clone lacks what it
 * must not have (MADV_DONTFORK). */
bool phd__put_content(struct phd_walk *walk, enum phd_shape shape, uint64_t address, uint64_t length, uint64_t offset,
                      bool foreign);

/* frames.c: the base of a generator, coroutine or async generator */
void phd__put_generator_base(struct phd_walk *walk, uint64_t object);
/* Its frame as a queue entry, 0 when it has ended. */
uint64_t phd__generator_frame(struct phd_walk *walk, uint64_t object);

/* instance.c */
void phd__put_instance(struct phd_walk *walk, uint64_t object, struct phd_type *type);
void phd__put_attributes(struct phd_walk *walk, uint64_t object, const struct phd_type *type);
/* The dict of an instance (0: it has none or its values are inline, then `*keys` and `*values` tell them). */
uint64_t phd__instance_dict(struct phd_walk *walk, uint64_t object, const struct phd_type *type, uint64_t *keys,
                            uint64_t *values);
/* The value of instance attribute `name`, or 0. */
uint64_t phd__instance_get(struct phd_walk *walk, uint64_t object, const char *name);
/* roots.c: the value of the int at `object`, which has one to three digits, else 0 */
uint64_t phd__small_int(struct phd_walk *walk, uint64_t object);
/* The value of instance attribute `name` if it is such an int, else 0. */
uint64_t phd__int_attribute(struct phd_walk *walk, uint64_t object, const char *name);

/* typeobject.c, code.c, frames.c */
void phd__put_type_record(struct phd_walk *walk, uint64_t object, const struct phd_type *metatype);
void phd__put_code_record(struct phd_walk *walk, uint64_t object, const struct phd_type *type);
void phd__put_frame_record(struct phd_walk *walk, uint64_t object);
void phd__put_iframe_record(struct phd_walk *walk, uint64_t iframe);
void phd__put_traceback_record(struct phd_walk *walk, uint64_t object, const struct phd_type *type);

struct phd_position {
    int line, end_line, column, end_column; /* -1: not known */
};
/* The instruction of a frame that points outside of its code. */
#define PHD_LASTI_UNKNOWN INT_MIN
/* code.c: where instruction `lasti` (byte offset) of code object `code` stands in the source, as far as it can be told.
 * Never faults. */
void phd__code_position(struct phd_walk *walk, uint64_t code, int lasti, struct phd_position *position);
void phd__put_position(struct phd_walk *walk, const struct phd_position *position);
bool phd__is_code(struct phd_walk *walk, uint64_t object);
/* Bytes of the instructions of `code`. */
uint64_t phd__code_length(struct phd_walk *walk, uint64_t code);
/* How many local variables, cells and free variables `code` has. Faults when that is not how many names it has. */
uint64_t phd__code_variables(struct phd_walk *walk, uint64_t code);
/* The name (a str) of variable `index`, and in `*kind` whether it is one of the cells or free variables, which stand behind
 * the others, free variables last; the parameters stand first. Faults when there is none. */
enum { PHD_FAST_CELL = 0x40, PHD_FAST_FREE = 0x80 }; /* Include/internal/pycore_code.h */
uint64_t phd__code_variable(struct phd_walk *walk, uint64_t code, uint64_t index, unsigned *kind);
/* The length of the tuple at `tuple` (0: none). Faults when it is no tuple. */
uint64_t phd__tuple_length(struct phd_walk *walk, uint64_t tuple);

/* What a frame is made of, the same for all versions. */
struct phd_frame {
    uint64_t address;       /* of the PyFrameObject or the interpreter frame */
    bool interpreter;       /* address is an interpreter frame's */
    bool entry;             /* the interpreter's C function was entered anew for it */
    uint64_t entry_address; /* of a variable of that function, on the C stack; 0: not known (before 3.12) */
    uint64_t object;        /* the PyFrameObject, 0 when there is none */
    uint64_t code;
    uint64_t globals, builtins, namespace_;
    uint64_t back;            /* as a queue entry, 0 for none */
    const char *back_problem; /* why it is not known, or NULL */
    uint64_t localsplus;
    uint64_t stack;
    uint64_t stack_count;
    uint64_t local_count;      /* locals, cells and free variables */
    const char *local_problem; /* why they are not known, or NULL */
    const char *stack_problem; /* the same of the stack */
    int lasti;                 /* byte offset, -1 before the first, or PHD_LASTI_UNKNOWN */
    const char *owner;
};
/* stack_depth.c: how many values are on the evaluation stack of a running frame at least: of frame object `frame` before
 * 3.11, of any other by its code */
uint64_t phd__stack_below_blocks(struct phd_walk *walk, uint64_t frame);
uint64_t phd__stack_below_handler(struct phd_walk *walk, const struct phd_frame *frame);
/* frames.c: read the frame of queue entry `entry`. False when it runs no code object (a base, shim or broken frame). */
bool phd__frame_read(struct phd_walk *walk, uint64_t entry, struct phd_frame *frame);
/* Write a reference to the frame of queue entry `entry` (0: None). */
void phd__put_frame_reference(struct phd_walk *walk, uint64_t entry);
/* The next calling frame that runs code, or one that is broken, as a queue entry, or 0. `entry` may be any frame. */
uint64_t phd__frame_caller(struct phd_walk *walk, uint64_t entry);
/* The queue entry for interpreter frame `iframe`: its frame object where there is one. */
uint64_t phd__frame_entry(struct phd_walk *walk, uint64_t iframe);
/* The current frame of a thread state as a queue entry, or 0. */
uint64_t phd__thread_frame(struct phd_walk *walk, uint64_t thread);

#endif
