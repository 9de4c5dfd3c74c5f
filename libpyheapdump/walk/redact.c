/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that tell of secrets, and the texts left out for them: see walk/redact.h. Context: crash.
 */
#include "walk/redact.h"

#include "safe/text.h"
#include "walk/special.h"
#include "walk/walk.h"

enum {
    MAX_NAME = 512,      /* bytes of a name that are looked at */
    SHORTEST_SPREAD = 8, /* characters of a text that is looked for elsewhere, too */
    LOOKED_AT = 64,      /* bytes of a text by which it is decided whether it is a plain word */
    MAX_FIELD_NAMES = 31
};

/* ---- names ---- */

/* Parts of names, in lower case, without '_', '-', '.' and ' '. */
static const char *const secret_parts[] = {
    "password",     "passwd",      "passphrase",    "secret",       "apikey",    "accesskey", "privatekey",
    "sshkey",       "authtoken",   "accesstoken",   "refreshtoken", "csrftoken", "xsrftoken", "idtoken",
    "sessiontoken", "bearertoken", "authorization", "credential",   "sessionid",
};

/* Words that tell of a secret when they are the last of a name: `github_token`, but neither `token_count` nor `author`. */
static const char *const secret_words[] = {"pwd", "jwt", "auth", "dsn", "cookie", "cookies"};
static const char *const token_words[] = {"token"};

/* Last words of names of texts that hold a password if they are URLs with one. */
static const char *const url_words[] = {"url", "uri"};

static bool is_separator(uint8_t c)
{
    return c == '_' || c == '-' || c == '.' || c == ' ';
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static uint8_t folded(uint8_t c)
{
    return is_upper(c) ? (uint8_t)(c + 32) : c;
}

/* A folded name. */
struct name_text {
    char text[MAX_NAME];
    size_t used;
    size_t last_word; /* where its last word begins */
};

/* Does a word begin at `name[i]`, in "apiKey" or "APIKey"? */
static bool begins_word(const uint8_t *name, size_t length, size_t i)
{
    if (i == 0 || is_separator(name[i - 1]))
        return true;
    if (!is_upper(name[i]))
        return false;
    return !is_upper(name[i - 1]) || (i + 1 < length && is_lower(name[i + 1]));
}

static void fold(const uint8_t *name, size_t length, struct name_text *out)
{
    out->used = out->last_word = 0;
    while (length && (is_separator(name[length - 1]) || is_digit(name[length - 1]))) /* password_2 */
        length--;
    size_t first = length > sizeof out->text ? length - sizeof out->text : 0;
    for (size_t i = first; i < length; i++) {
        if (is_separator(name[i]))
            continue;
        if (begins_word(name, length, i))
            out->last_word = out->used;
        out->text[out->used++] = (char)folded(name[i]);
    }
}

static bool contains(const struct name_text *name, const char *part)
{
    size_t length = phd__string_length(part);
    for (size_t at = 0; at + length <= name->used; at++) {
        if (name->text[at] == part[0] && memcmp(name->text + at, part, length) == 0)
            return true;
    }
    return false;
}

static bool ends_with_word(const struct name_text *name, const char *const *words, size_t count)
{
    size_t length = name->used - name->last_word;
    for (size_t i = 0; i < count; i++) {
        if (length == phd__string_length(words[i]) && memcmp(name->text + name->last_word, words[i], length) == 0)
            return true;
    }
    return false;
}

/* Shells keep their working directories in these. */
static bool is_directory_name(const uint8_t *name, size_t length)
{
    return (length == 3 && memcmp(name, "PWD", 3) == 0) || (length == 6 && memcmp(name, "OLDPWD", 6) == 0);
}

enum phd_verdict phd__name_verdict(const uint8_t *name, size_t length)
{
    struct name_text text;
    if (is_directory_name(name, length))
        return PHD_NAMES_NOTHING;
    fold(name, length, &text);
    for (size_t i = 0; i < sizeof secret_parts / sizeof secret_parts[0]; i++) {
        if (contains(&text, secret_parts[i]))
            return PHD_NAMES_SECRET;
    }
    if (ends_with_word(&text, secret_words, sizeof secret_words / sizeof secret_words[0]))
        return PHD_NAMES_SECRET;
    if (ends_with_word(&text, token_words, sizeof token_words / sizeof token_words[0]))
        return PHD_NAMES_TOKEN;
    if (ends_with_word(&text, url_words, sizeof url_words / sizeof url_words[0]))
        return PHD_NAMES_URL;
    return PHD_NAMES_NOTHING;
}

static size_t find(const uint8_t *text, size_t length, size_t from, const char *any)
{
    for (size_t i = from; i < length; i++) {
        for (const char *c = any; *c; c++) {
            if (text[i] == (uint8_t)*c)
                return i;
        }
    }
    return length;
}

/* The password of the URL whose authority begins at `start`, as below. */
static size_t password_at(const uint8_t *text, size_t length, size_t start, size_t *found)
{
    size_t end = find(text, length, start, "/?# \t\r\n\"'"), at = start;
    for (size_t i = start; i < end; i++) {
        if (text[i] == '@')
            at = i; /* the last one: the password may hold others */
    }
    size_t password = find(text, at, start, ":") + 1;
    if (password >= at)
        return 0;
    *found = at - password;
    return password;
}

size_t phd__url_password(const uint8_t *text, size_t length, size_t *found)
{
    for (size_t i = 0; i + 3 < length; i++) {
        size_t password = memcmp(text + i, "://", 3) == 0 ? password_at(text, length, i + 3, found) : 0;
        if (password)
            return password;
    }
    return 0;
}

/* ---- verdicts ---- */

/* The first bytes of the text at `object`, a str or bytes; more than `capacity` - 5 are cut off. */
static size_t copy_text(struct phd_walk *walk, uint64_t object, enum phd_shape shape, char *out, size_t capacity)
{
    if (shape == PHD_SHAPE_STR)
        return phd__copy_str(walk, object, out, capacity);
    uint64_t length = phd__bytes_length(walk, object);
    size_t kept = length < capacity - 5 ? (size_t)length : capacity - 5;
    memcpy(out, phd__view(walk->memory, object + (uint64_t)walk->at->bytes_data, kept), kept);
    return kept;
}

static enum phd_verdict judge(struct phd_walk *walk, uint64_t name)
{
    char text[MAX_NAME];
    enum phd_shape shape = phd__type_of(walk, name)->shape;
    if (shape != PHD_SHAPE_STR && shape != PHD_SHAPE_BYTES)
        return PHD_NAMES_NOTHING;
    return phd__name_verdict((const uint8_t *)text, copy_text(walk, name, shape, text, sizeof text));
}

static enum phd_verdict verdict_of(struct phd_walk *walk, uint64_t name)
{
    if (name == PHD_SECRET_NAME || name == PHD_IN_SECRET)
        return PHD_NAMES_SECRET;
    struct phd_redaction *redaction = &walk->redaction;
    size_t place = (name >> 4) % PHD_VERDICTS;
    if (redaction->verdicts[place].name != name) {
        redaction->verdicts[place].verdict = judge(walk, name);
        redaction->verdicts[place].name = name;
    }
    return redaction->verdicts[place].verdict;
}

static bool is_memoryview(const struct phd_type *type)
{
    return type->shape == PHD_SHAPE_SPECIAL && phd__string_equal(type->layout_name, "memoryview");
}

static bool is_text(const struct phd_type *type)
{
    return type->shape == PHD_SHAPE_STR || type->shape == PHD_SHAPE_BYTES || type->shape == PHD_SHAPE_BYTEARRAY ||
           is_memoryview(type);
}

static bool is_container(const struct phd_type *type)
{
    return type->shape == PHD_SHAPE_SPECIAL ||
           (type->exact && type->shape >= PHD_SHAPE_TUPLE && type->shape <= PHD_SHAPE_FROZENSET);
}

/* Is a text that is found secret the secret wherever it is met? A short one or a plain word may be anything else, too. */
static bool spreads(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    char text[LOOKED_AT + 8];
    if (type->shape != PHD_SHAPE_STR && type->shape != PHD_SHAPE_BYTES)
        return true; /* its content can change, so nobody shares it by chance */
    size_t length = copy_text(walk, object, type->shape, text, sizeof text), letters = 0;
    for (size_t i = 0; i < length; i++)
        letters += is_upper((uint8_t)text[i]) || is_lower((uint8_t)text[i]) || text[i] == '_';
    return length >= SHORTEST_SPREAD && letters < length;
}

static bool is_url_with_password(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    char text[MAX_NAME];
    size_t found;
    if (type->shape != PHD_SHAPE_STR && type->shape != PHD_SHAPE_BYTES)
        return false;
    return phd__url_password((const uint8_t *)text, copy_text(walk, object, type->shape, text, sizeof text), &found);
}

static bool can_be_token(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    char text[MAX_NAME];
    if (type->shape != PHD_SHAPE_STR && type->shape != PHD_SHAPE_BYTES)
        return true;
    size_t length = copy_text(walk, object, type->shape, text, sizeof text);
    return find((const uint8_t *)text, length, 0, "\\()") == length;
}

/* Does the text go by its content with what its name says? */
static bool is_secret(struct phd_walk *walk, enum phd_verdict verdict, uint64_t object, const struct phd_type *type)
{
    switch (verdict) {
    case PHD_NAMES_URL: return is_url_with_password(walk, object, type);
    case PHD_NAMES_TOKEN: return can_be_token(walk, object, type);
    default: return true;
    }
}

static void enter(struct phd_walk *walk, struct phd_addrset *set, uint64_t object, uint32_t value)
{
    bool added;
    if (phd__addrset_enter(set, object, value, &added) == PHD_ADDRSET_NO_ID)
        walk->out_of_memory = true; /* ends the walk: the text might be written by another way */
}

/* Is the value to be left out? Notes what follows for other values. Faults when something cannot be read. */
static bool decide(struct phd_walk *walk, uint64_t name, uint64_t object)
{
    enum phd_verdict verdict = verdict_of(walk, name);
    if (__builtin_expect(verdict == PHD_NAMES_NOTHING || !object || object % 8, 1))
        return false;
    const struct phd_type *type = phd__type_of(walk, object);
    if (!is_text(type)) {
        if (verdict >= PHD_NAMES_TOKEN && name != PHD_IN_SECRET && is_container(type))
            enter(walk, &walk->redaction.holders, object, PHD_ALL_ITEMS);
        return false;
    }
    if (!is_secret(walk, verdict, object, type))
        return false;
    if (name != PHD_IN_SECRET && spreads(walk, object, type))
        enter(walk, &walk->redaction.texts, object, 0);
    return true;
}

/* A name or value that cannot be read hides nothing, and must not cost the values beside it. */
static bool must_hide(struct phd_walk *walk, uint64_t name, uint64_t object)
{
    if (!walk->careful)
        return decide(walk, name, object);
    struct phd_guard guard;
    volatile bool hide = false;
    if (PHD_GUARD(walk->memory, &guard))
        hide = decide(walk, name, object);
    PHD_UNGUARD(walk->memory, &guard);
    return hide;
}

/* A name is never hidden: one that was found as a secret elsewhere is written in its place, as its own record is not. */
static void put_name(struct phd_walk *walk, uint64_t name)
{
    struct phd_guard guard;
    volatile bool done = false;
    volatile size_t start = walk->to->used;
    if (PHD_GUARD(walk->memory, &guard)) {
        if (phd__type_of(walk, name)->shape == PHD_SHAPE_STR) {
            done = phd__put_str(walk, name, PHD_MAX_INLINE_BYTES);
        } else {
            uint64_t length = phd__bytes_length(walk, name);
            done = length <= PHD_MAX_INLINE_BYTES;
            if (done)
                phd__pack_bytes(walk->to, phd__view(walk->memory, name + (uint64_t)walk->at->bytes_data, length),
                                length);
        }
    }
    PHD_UNGUARD(walk->memory, &guard);
    if (!done) {
        walk->to->used = start;
        phd__put_value(walk, name);
    }
}

void phd__put_named_value(struct phd_walk *walk, uint64_t name, uint64_t object)
{
    struct phd_redaction *redaction = &walk->redaction;
    bool again = walk->parts_only && walk->to == &walk->records;
    if (!redaction->wanted || again || name == PHD_NO_NAME) {
        phd__put_value(walk, object);
    } else if (name == PHD_IS_NAME) {
        if (__builtin_expect(phd__is_redacted(walk, object), 0))
            put_name(walk, object);
        else
            phd__put_value(walk, object);
    } else if (must_hide(walk, name, object)) {
        redaction->count++;
        phd__pack_missing(walk->to, "redacted: its name tells of a secret", object);
    } else {
        phd__put_value(walk, object);
    }
}

bool phd__is_redacted(const struct phd_walk *walk, uint64_t object)
{
    return walk->redaction.texts.count && phd__addrset_find(&walk->redaction.texts, object) != PHD_ADDRSET_NO_ID;
}

/* ---- values with names of their own ---- */

/* The items of a struct sequence are C members, too (Objects/structseq.c). */
static uint32_t secret_members(struct phd_walk *walk, const struct phd_type *type)
{
    uint32_t secret = 0;
    for (unsigned i = 0; i < type->field_count; i++) {
        int64_t item = (type->fields[i].offset - walk->at->tuple_items) / 8;
        if (type->fields[i].secret && item >= 0 && item < MAX_FIELD_NAMES)
            secret |= 1u << item;
    }
    return secret;
}

/* Of a tuple of names: which of them tell of a secret. */
static uint32_t secret_names(struct phd_walk *walk, uint64_t names)
{
    uint32_t secret = 0;
    uint64_t count = phd__tuple_length(walk, names);
    for (uint64_t i = 0; i < count && i < MAX_FIELD_NAMES; i++) {
        uint64_t name = phd__read_word(walk->memory, names + (uint64_t)walk->at->tuple_items + 8 * i);
        if (verdict_of(walk, name) >= PHD_NAMES_TOKEN)
            secret |= 1u << i;
    }
    return secret;
}

/* Lib/collections/__init__.py, namedtuple: the class has `_fields`, a tuple of str; classes derived from it may not. */
static uint32_t secret_fields(struct phd_walk *walk, const struct phd_type *type)
{
    enum { MAX_BASES = 32 };
    uint64_t class = type->address;
    for (unsigned depth = 0; class && depth < MAX_BASES; depth++) {
        uint64_t dict = phd__word_at(walk, class, walk->at->type_dict);
        uint64_t names = dict ? phd__dict_get(walk, dict, "_fields") : 0;
        if (names && names % 8 == 0 && phd__type_of(walk, names)->shape == PHD_SHAPE_TUPLE)
            return secret_names(walk, names);
        class = phd__word_at(walk, class, walk->at->type_base);
    }
    return 0;
}

static void learn_secret_items(struct phd_walk *walk, struct phd_type *type)
{
    struct phd_guard guard;
    type->secret_items = 0;
    type->secret_items_known = true;
    if (PHD_GUARD(walk->memory, &guard))
        type->secret_items = type->python_class ? secret_fields(walk, type) : secret_members(walk, type);
    PHD_UNGUARD(walk->memory, &guard);
}

uint32_t phd__secret_items(struct phd_walk *walk, uint64_t object, struct phd_type *type)
{
    struct phd_redaction *redaction = &walk->redaction;
    if (!redaction->wanted)
        return 0;
    if (redaction->holders.count) {
        uint32_t held = phd__addrset_find(&redaction->holders, object);
        if (held != PHD_ADDRSET_NO_ID)
            return held;
    }
    if (type->exact || type->shape != PHD_SHAPE_TUPLE)
        return 0;
    if (!type->secret_items_known)
        learn_secret_items(walk, type);
    return type->secret_items;
}

/* The name of variable `index` of a code object; the parameters come first, the free variables last. */
static bool is_secret_variable(struct phd_walk *walk, uint64_t code, uint64_t index)
{
    unsigned kind;
    return verdict_of(walk, phd__code_variable(walk, code, index, &kind)) >= PHD_NAMES_TOKEN;
}

static void redact_defaults(struct phd_walk *walk, uint64_t code, uint64_t defaults)
{
    uint64_t parameters = (uint64_t)phd__int_at(walk, code, walk->at->code_argcount);
    uint64_t count = phd__tuple_length(walk, defaults);
    uint32_t secret = 0;
    for (uint64_t i = 0; i < count && i < MAX_FIELD_NAMES && count <= parameters; i++) {
        if (is_secret_variable(walk, code, parameters - count + i))
            secret |= 1u << i;
    }
    if (secret)
        enter(walk, &walk->redaction.holders, defaults, secret);
}

static void redact_closure(struct phd_walk *walk, uint64_t code, uint64_t closure)
{
    uint64_t variables = phd__code_variables(walk, code), count = phd__tuple_length(walk, closure);
    for (uint64_t i = 0; i < count && count <= variables && count <= PHD_MAX_LOCALS; i++) {
        uint64_t cell = phd__read_word(walk->memory, closure + (uint64_t)walk->at->tuple_items + 8 * i);
        if (is_secret_variable(walk, code, variables - count + i))
            enter(walk, &walk->redaction.holders, cell, 1);
    }
}

void phd__redact_function(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    struct phd_guard guard;
    if (!walk->redaction.wanted)
        return;
    if (PHD_GUARD(walk->memory, &guard)) {
        uint64_t code = phd__field_word(walk, object, type, "__code__");
        uint64_t defaults = phd__field_word(walk, object, type, "__defaults__");
        uint64_t closure = phd__field_word(walk, object, type, "__closure__");
        if (code && defaults)
            redact_defaults(walk, code, defaults);
        if (code && closure)
            redact_closure(walk, code, closure);
    }
    PHD_UNGUARD(walk->memory, &guard);
}

bool phd__redaction_open(struct phd_redaction *redaction, size_t capacity)
{
    return phd__addrset_open(&redaction->texts, capacity) && phd__addrset_open(&redaction->holders, capacity);
}

void phd__redaction_close(struct phd_redaction *redaction)
{
    phd__addrset_close(&redaction->texts);
    phd__addrset_close(&redaction->holders);
}
