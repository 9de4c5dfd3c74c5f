/* SPDX-License-Identifier: Apache-2.0
 *
 * Redaction: a text whose name tells of a secret does not reach the file.
 *
 * The name is that of the edge: a dict key, an attribute, a local variable, a field. A text that was found secret is
 * also left out where it is reached again by a harmless name, as long as it has not been written before. Only str and
 * bytes are left out, so a dict called "secrets" keeps its shape. Context: crash.
 */
#include "walk/walk.h"

enum { MAX_NAME = 64, VERDICTS = 4096 };

/* Parts of names, in lower case, without '_' and '-'. */
static const char *const secret_parts[] = {
    "password",     "passwd",      "passphrase",    "secret",      "apikey",
    "accesskey",    "privatekey",  "authtoken",     "accesstoken", "refreshtoken",
    "sessiontoken", "bearertoken", "authorization", "credential",  "sessionid",
};

static bool contains(const char *name, size_t length, const char *part)
{
    size_t part_length = 0;
    while (part[part_length])
        part_length++;
    for (size_t at = 0; at + part_length <= length; at++) {
        if (name[at] == part[0] && memcmp(name + at, part, part_length) == 0)
            return true;
    }
    return false;
}

bool phd__secret_name(const uint8_t *name, size_t length)
{
    char folded[MAX_NAME];
    size_t used = 0;
    for (size_t i = 0; i < length && used < sizeof folded; i++) {
        uint8_t c = name[i];
        if (c == '_' || c == '-')
            continue;
        folded[used++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    if (used == 6 && memcmp(folded, "cookie", 6) == 0)
        return true;
    for (size_t i = 0; i < sizeof secret_parts / sizeof secret_parts[0]; i++) {
        if (contains(folded, used, secret_parts[i]))
            return true;
    }
    return false;
}

/* Verdicts on names, by the address of the name object: a program has few names and uses them often. */
struct phd_verdict {
    uint64_t name;
    bool secret;
};

static bool judge(struct phd_walk *walk, uint64_t name)
{
    const struct phd_layout *at = walk->at;
    const struct phd_type *type = phd__type_of(walk, name);
    uint64_t length, data;
    if (type->shape == PHD_SHAPE_STR) {
        uint32_t state = phd__read_u32(walk->memory, name + (uint64_t)at->unicode_state);
        if (!(state & (uint32_t)at->unicode_ascii_mask) || !(state & (uint32_t)at->unicode_compact_mask))
            return false;
        length = phd__word_at(walk, name, at->unicode_length);
        data = name + (uint64_t)at->unicode_ascii_size;
    } else if (type->shape == PHD_SHAPE_BYTES) {
        length = phd__word_at(walk, name, at->var_size);
        data = name + (uint64_t)at->bytes_data;
    } else {
        return false;
    }
    return length <= MAX_NAME && phd__secret_name(phd__view(walk->memory, data, length), length);
}

static bool is_secret(struct phd_walk *walk, uint64_t name)
{
    static struct phd_verdict verdicts[VERDICTS]; /* one dump at a time per process */
    struct phd_verdict *verdict = &verdicts[(name >> 4) % VERDICTS];
    if (verdict->name != name) {
        verdict->secret = judge(walk, name);
        verdict->name = name;
    }
    return verdict->secret;
}

static bool is_text(struct phd_walk *walk, uint64_t object)
{
    enum phd_shape shape = object && object % 8 == 0 ? phd__type_of(walk, object)->shape : PHD_SHAPE_NONE;
    return shape == PHD_SHAPE_STR || shape == PHD_SHAPE_BYTES || shape == PHD_SHAPE_BYTEARRAY;
}

/* A name or value that cannot be read hides nothing, and must not cost the values beside it. */
static bool must_hide(struct phd_walk *walk, uint64_t name, uint64_t object)
{
    if (!walk->careful)
        return is_secret(walk, name) && is_text(walk, object);
    struct phd_guard guard;
    volatile bool hide = false;
    if (PHD_GUARD(walk->memory, &guard))
        hide = is_secret(walk, name) && is_text(walk, object);
    PHD_UNGUARD(walk->memory, &guard);
    return hide;
}

void phd__put_named_value(struct phd_walk *walk, uint64_t name, uint64_t object)
{
    bool again = walk->parts_only && walk->to == &walk->records;
    if (!walk->redact || again || !must_hide(walk, name, object)) {
        phd__put_value(walk, object);
        return;
    }
    bool added;
    if (phd__addrset_enter(&walk->redacted, object, 0, &added) == PHD_ADDRSET_NO_ID)
        walk->out_of_memory = true; /* ends the walk: the text might be written by another way */
    walk->redacted_values++;
    phd__pack_missing(walk->to, "redacted: its name tells of a secret", object);
}

bool phd__is_redacted(struct phd_walk *walk, uint64_t object)
{
    return walk->redacted.count && phd__addrset_find(&walk->redacted, object) != PHD_ADDRSET_NO_ID;
}
