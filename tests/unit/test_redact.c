/* SPDX-License-Identifier: Apache-2.0
 *
 * Redaction over synthetic heaps: which names hide a text, of which kinds of edge, and where else the text is left out.
 */
#include <stdlib.h>
#include <string.h>

#include "support/heap_case.h"
#include "walk/redact.h"

#define HIDDEN "missing(redacted: its name tells of a secret)"

static void redact(struct phd_walk *walk)
{
    walk->redaction.wanted = true;
}

static void walk_redacted(uint64_t root)
{
    walk_heap_with(&walked, &heap, root, redact);
}

/* ---- names ---- */

static void names_of_secrets(void **state)
{
    static const char *const secret[] = {
        "password",
        "PASSWORD",
        "db_password",
        "dbPassword",
        "DB-PASSWORD",
        "pass_word",
        "password2",
        "password_2",
        "user.password",
        "passwd",
        "pw_passwd",
        "passphrase",
        "client_secret",
        "SECRET_KEY",
        "api_key",
        "X-Api-Key",
        "apikey",
        "accessKey",
        "private_key",
        "ssh_key",
        "auth_token",
        "refresh_token",
        "session_token",
        "authorization",
        "Authorization",
        "credentials",
        "session_id",
        "token",
        "github_token",
        "API_TOKEN",
        "MY_API_TOKEN",
        "CSRFToken",
        "pwd",
        "jwt",
        "auth",
        "basicAuth",
        "dsn",
        "SENTRY_DSN",
        "cookie",
        "Set-Cookie",
        "session_cookies",
        "mot_de_pass\xc3\xa9_password",
    };
    static const char *const harmless[] = {
        "",          "name",     "pass",       "key",      "keyboard",      "author", "authors",    "token_count",
        "tokenizer", "tokenize", "cookie_jar", "dsn_name", "authorised_by", "id",     "jwt_issuer", "pwdx",
        "PWD",       "OLDPWD",
    };
    char longest[600];
    (void)state;
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
        if (phd__name_verdict((const uint8_t *)secret[i], strlen(secret[i])) < PHD_NAMES_TOKEN)
            fail_msg("not taken for a secret's name: %s", secret[i]);
    }
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (phd__name_verdict((const uint8_t *)harmless[i], strlen(harmless[i])) != PHD_NAMES_NOTHING)
            fail_msg("taken for a secret's name: %s", harmless[i]);
    }
    memset(longest, 'x', sizeof longest);
    memcpy(longest + sizeof longest - 9, "_password", 9);
    assert_int_equal(phd__name_verdict((const uint8_t *)longest, sizeof longest), PHD_NAMES_SECRET);
    assert_int_equal(phd__name_verdict((const uint8_t *)"DATABASE_URL", 12), PHD_NAMES_URL);
    assert_int_equal(phd__name_verdict((const uint8_t *)"uri", 3), PHD_NAMES_URL);
}

static void assert_password(const char *text, const char *expected)
{
    size_t found = 0, at = phd__url_password((const uint8_t *)text, strlen(text), &found);
    if (!expected) {
        assert_int_equal(at, 0);
        return;
    }
    assert_int_equal(found, strlen(expected));
    assert_memory_equal(text + at, expected, found);
}

static void passwords_of_urls(void **state)
{
    (void)state;
    assert_password("postgres://user:pw@host/db", "pw");
    assert_password("DATABASE_URL=postgres://user:p@w:x@host:5432/db", "p@w:x");
    assert_password("a:b http://:only@host", "only");
    assert_password("https://host/ redis://:pw@cache", "pw");
    assert_password("https://host/path?at=a:b@c", NULL);
    assert_password("https://user@host/", NULL);
    assert_password("https://user:@host/", NULL);
    assert_password("://", NULL);
    assert_password("", NULL);
}

/* ---- edges ---- */

static void values_of_dicts(void **state)
{
    uint64_t dict = DICT(
        &heap, heap_new_str(&heap, "Password"), heap_new_str(&heap, "hunter-2"), heap_new_bytes(&heap, "API-KEY", 7),
        heap_new_bytes(&heap, "\1\2", 2), heap_new_str(&heap, "secret"), heap_new_bytearray(&heap, "abc", 3),
        heap_new_str(&heap, "token"), heap_new_int(&heap, 5), heap_new_str(&heap, "name"), heap_new_str(&heap, "bob"));
    (void)state;
    walk_redacted(dict);
    assert_record(0, "[10, 'Password', " HIDDEN ", bin(41 50 49 2d 4b 45 59), " HIDDEN ", 'secret', " HIDDEN
                     ", 'token', 5, 'name', 'bob']");
}

static void a_pattern_is_no_token(void **state)
{
    uint64_t dict = DICT(&heap, heap_new_str(&heap, "Token"), heap_new_str(&heap, "[a-z]*(x|y)"),
                         heap_new_str(&heap, "api_token"), heap_new_str(&heap, "abc-1"));
    (void)state;
    walk_redacted(dict);
    assert_record(0, "[10, 'Token', '[a-z]*(x|y)', 'api_token', " HIDDEN "]");
}

static void nothing_is_hidden_unless_wanted(void **state)
{
    uint64_t dict = DICT(&heap, heap_new_str(&heap, "password"), heap_new_str(&heap, "hunter-2"));
    (void)state;
    walk_heap(&walked, &heap, dict);
    assert_record(0, "[10, 'password', 'hunter-2']");
}

static void texts_in_containers_under_a_secret_name(void **state)
{
    uint64_t list = heap_shared(
        &heap, LIST(&heap, heap_new_str(&heap, "Bearer"), heap_new_str(&heap, "abc-1"), heap_new_int(&heap, 1)));
    uint64_t inner = heap_shared(&heap, DICT(&heap, heap_new_str(&heap, "user"), heap_new_str(&heap, "pw-1")));
    uint64_t dict = DICT(&heap, heap_new_str(&heap, "authorization"), list, heap_new_str(&heap, "passwords"), inner);
    (void)state;
    walk_redacted(dict);
    assert_record(0, "[10, 'authorization', +1, 'passwords', +2]");
    assert_record(1, "[9, " HIDDEN ", " HIDDEN ", 1]");
    assert_record(2, "[10, 'user', " HIDDEN "]");
}

/* ---- by another way ---- */

static uint64_t under_both_names(const char *text)
{
    uint64_t secret = heap_shared(&heap, heap_new_str(&heap, text));
    return LIST(&heap, DICT(&heap, heap_new_str(&heap, "password"), secret),
                DICT(&heap, heap_new_str(&heap, "x"), secret), DICT(&heap, secret, heap_new_int(&heap, 1)));
}

static void a_secret_is_left_out_by_a_harmless_name_too(void **state)
{
    (void)state;
    walk_redacted(under_both_names("hunter-2-and-more"));
    assert_record(1, "[10, 'password', " HIDDEN "]");
    assert_record(2, "[10, 'x', +2]");
    assert_record(3, "[10, 'hunter-2-and-more', 1]"); /* a key is a name, and names are never hidden */
    assert_record(4, "[0, 'redacted: a name of it tells of a secret']");
}

static void common_texts_are_hidden_in_their_place_alone(void **state)
{
    static const char *const common[] = {"", "id", "utf-8", "GET", "username", "host_name_of_it"};
    (void)state;
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        char expected[64];
        walk_redacted(under_both_names(common[i]));
        assert_record(1, "[10, 'password', " HIDDEN "]");
        assert_record(2, "[10, 'x', +2]");
        snprintf(expected, sizeof expected, "[5, '%s']", common[i]);
        assert_record(4, expected);
        walked_close(&walked);
    }
    walked.reader = NULL;
}

/* What was written before its name was met is in the file; nothing else of it may follow. */
static void a_secret_met_first_by_a_harmless_name(void **state)
{
    uint64_t secret = heap_shared(&heap, heap_new_str(&heap, "hunter-2-and-more"));
    uint64_t harmless = DICT(&heap, heap_new_str(&heap, "x"), secret);
    uint64_t named = DICT(&heap, heap_new_str(&heap, "password"), secret);
    (void)state;
    walk_redacted(LIST(&heap, harmless, named));
    assert_record(1, "[10, 'x', +2]");
    assert_record(2, "[10, 'password', " HIDDEN "]");
    assert_record(3, "[0, 'redacted: a name of it tells of a secret']"); /* its turn came after its name's */
}

/* Another program's names may stand where those of the one before stood. */
static void verdicts_end_with_their_dump(void **state)
{
    uint64_t name = heap_new_str(&heap, "harmless");
    uint64_t dict = DICT(&heap, name, heap_new_str(&heap, "hunter-2"));
    char *text = (char *)(uintptr_t)name + heap.at->unicode_ascii_size;
    (void)state;
    walk_redacted(dict);
    assert_record(0, "[10, 'harmless', 'hunter-2']");
    walked_close(&walked);
    memcpy(text, "password", 8);
    walk_redacted(dict);
    assert_record(0, "[10, 'password', " HIDDEN "]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAP_CASE(names_of_secrets),
        HEAP_CASE(passwords_of_urls),
        HEAP_CASE(values_of_dicts),
        HEAP_CASE(a_pattern_is_no_token),
        HEAP_CASE(nothing_is_hidden_unless_wanted),
        HEAP_CASE(texts_in_containers_under_a_secret_name),
        HEAP_CASE(a_secret_is_left_out_by_a_harmless_name_too),
        HEAP_CASE(common_texts_are_hidden_in_their_place_alone),
        HEAP_CASE(a_secret_met_first_by_a_harmless_name),
        HEAP_CASE(verdicts_end_with_their_dump),
    };
    return run_on_layouts("redact", tests, sizeof tests / sizeof tests[0]);
}
