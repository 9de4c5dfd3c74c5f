/* SPDX-License-Identifier: Apache-2.0
 *
 * Values: what is written where an object is referred to. Leaves with one owner are written in place; everything else
 * is met and referred to by id. Context: crash.
 */
#include "walk/walk.h"

enum { MAX_LEAF_DIGITS = 16 }; /* of an int written inside its owner */

/* Once memory was refused nothing new is met, even if memory comes back: the object that could not be entered may stand
 * in the set with the id that the next one would get. */
static _Noreturn void refuse(struct phd_walk *walk, uint64_t address)
{
    walk->out_of_memory = true;
    phd__memory_fault(walk->memory, address, "no memory for the walk");
}

static uint64_t id_of_new(struct phd_walk *walk, uint64_t address)
{
    if (!phd__queue_push(&walk->queue, address))
        refuse(walk, address);
    return walk->next_id++;
}

uint64_t phd__walk_meet(struct phd_walk *walk, uint64_t address, bool *is_new)
{
    if (walk->next_id >= PHD_ADDRSET_NO_ID)
        phd__memory_fault(walk->memory, address, "too many objects");
    if (walk->out_of_memory && phd__addrset_find(&walk->seen, address) == PHD_ADDRSET_NO_ID)
        refuse(walk, address);
    uint32_t id = phd__addrset_enter(&walk->seen, address, (uint32_t)walk->next_id, is_new);
    if (id == PHD_ADDRSET_NO_ID)
        refuse(walk, address);
    bool ignored;
    if (walk->meeting_roots && phd__addrset_enter(&walk->borrowed, address, id, &ignored) == PHD_ADDRSET_NO_ID)
        walk->out_of_memory = true;
    return *is_new ? id_of_new(walk, address) : id;
}

/* An object whose only reference is the one at hand, so it needs no entry in the set of met objects, unless a reference
 * that does not count led to it before, or the first attempt to write this record did. */
static uint64_t meet_owned(struct phd_walk *walk, uint64_t address, bool *is_new)
{
    if (walk->meeting_roots || walk->again || walk->out_of_memory ||
        phd__addrset_find(&walk->borrowed, address) != PHD_ADDRSET_NO_ID)
        return phd__walk_meet(walk, address, is_new);
    if (walk->next_id >= PHD_ADDRSET_NO_ID)
        phd__memory_fault(walk->memory, address, "too many objects");
    *is_new = true;
    return id_of_new(walk, address);
}

void phd__put_id(struct phd_walk *walk, uint64_t id, bool is_new)
{
    if (is_new && id >= walk->own_id)
        phd__pack_forward(walk->to, id - walk->own_id);
    else
        phd__pack_reference(walk->to, id);
}

static bool has_one_reference(struct phd_walk *walk, uint64_t object)
{
    /* The low 32 bits: what stands above are flags (3.14, Include/refcount.h). */
    return phd__read_u32(walk->memory, object + (uint64_t)walk->at->object_refcnt) == 1;
}

/* Ints that CPython keeps once per process, so that identity follows from the value (3.9 … 3.14: -5 … 256, 3.15: …
 * 1024; Include/internal/pycore_runtime_structs.h, _PY_NSMALLPOSINTS). */
static bool is_small_int(struct phd_walk *walk, uint64_t object)
{
    uint64_t size = phd__word_at(walk, object, walk->at->long_size);
    uint32_t digit = phd__read_u32(walk->memory, object + (uint64_t)walk->at->long_digits);
    uint64_t digits = walk->at->long_tagged ? size >> 3 : size + (size >> 63) * 2 * -size;
    bool negative = walk->at->long_tagged ? (size & 3) == 2 : (int64_t)size < 0;
    return digits == 0 || (digits == 1 && digit <= (negative ? 5u : 256u));
}

static bool put_leaf(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    const struct phd_layout *at = walk->at;
    switch (type->shape) {
    case PHD_SHAPE_INT:
        if (phd__int_digits(walk, object) > MAX_LEAF_DIGITS)
            return false;
        phd__put_int(walk, object);
        return true;
    case PHD_SHAPE_FLOAT: {
        double value;
        memcpy(&value, phd__view(walk->memory, object + (uint64_t)at->float_value, sizeof value), sizeof value);
        phd__pack_double(walk->to, value);
        return true;
    }
    case PHD_SHAPE_COMPLEX: {
        double value[2];
        memcpy(value, phd__view(walk->memory, object + (uint64_t)at->complex_value, sizeof value), sizeof value);
        phd__pack_complex(walk->to, value);
        return true;
    }
    case PHD_SHAPE_STR: return phd__put_str(walk, object, PHD_MAX_LEAF_BYTES);
    case PHD_SHAPE_BYTES: {
        uint64_t length = phd__bytes_length(walk, object);
        if (length > PHD_MAX_LEAF_BYTES)
            return false;
        phd__pack_bytes(walk->to, phd__view(walk->memory, object + (uint64_t)at->bytes_data, length), length);
        return true;
    }
    default: return false;
    }
}

static const char too_far[] = "too far from the stacks to be read";

/* Whether the object is neither met nor a leaf: one whose record leads to no other. */
static bool is_too_far(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    bool leaf =
        type->shared_leaf || type->shape == PHD_SHAPE_SINGLETON || (type->shape == PHD_SHAPE_BYTEARRAY && type->exact);
    return !leaf && phd__addrset_find(&walk->seen, object) == PHD_ADDRSET_NO_ID;
}

static void put_readable(struct phd_walk *walk, uint64_t object)
{
    if (object % 8)
        phd__memory_fault(walk->memory, object, "not an object: its address is odd");
    struct phd_type *type = phd__type_of(walk, object);
    bool one_owner = walk->trust_counts && type->single_owner && has_one_reference(walk, object);
    switch (type->shape) {
    case PHD_SHAPE_NONE: phd__pack_nil(walk->to); return;
    case PHD_SHAPE_BOOL:
        if (phd__bool_value(walk, object))
            phd__pack_true(walk->to);
        else
            phd__pack_false(walk->to);
        return;
    case PHD_SHAPE_INT:
        if (type->exact && is_small_int(walk, object)) {
            phd__put_int(walk, object);
            return;
        }
        break;
    default: break;
    }
    bool inside = one_owner || walk->leaves_only;
    if (inside && type->shared_leaf && !walk->meeting_roots && put_leaf(walk, object, type))
        return;
    if (walk->leaves_only && is_too_far(walk, object, type)) {
        phd__pack_missing(walk->to, too_far, object);
        return;
    }
    bool is_new;
    uint64_t id = one_owner ? meet_owned(walk, object, &is_new) : phd__walk_meet(walk, object, &is_new);
    phd__put_id(walk, id, is_new);
}

/* Each value under its own recovery point: what cannot be read is written as missing. */
static void put_carefully(struct phd_walk *walk, uint64_t object)
{
    struct phd_guard guard;
    volatile size_t start = walk->to->used;
    volatile bool overflow = walk->to->overflow;
    if (PHD_GUARD(walk->memory, &guard)) {
        put_readable(walk, object);
        PHD_UNGUARD(walk->memory, &guard);
    } else {
        PHD_UNGUARD(walk->memory, &guard);
        walk->to->used = start;
        walk->to->overflow = overflow;
        walk->missing_values++;
        phd__pack_missing(walk->to, walk->memory->fault_reason, walk->memory->fault_address);
    }
}

void phd__put_value(struct phd_walk *walk, uint64_t object)
{
    if (!object)
        phd__pack_absent(walk->to);
    else if (__builtin_expect(walk->parts_only && walk->to == &walk->records, 0))
        return; /* met when the record was written */
    else if (__builtin_expect(walk->careful, 0))
        put_carefully(walk, object);
    else
        put_readable(walk, object);
}

void phd__put_stack_reference(struct phd_walk *walk, uint64_t reference)
{
    /* Include/internal/pycore_stackref.h (3.14): both tag bits set mark an int; otherwise they are not the pointer's. */
    uint64_t mask = (uint64_t)walk->at->stackref_tag_mask;
    if (mask > 1 && (reference & mask) == 3)
        phd__pack_int64(walk->to, (int64_t)reference >> 2);
    else
        phd__put_value(walk, reference & ~mask);
}
