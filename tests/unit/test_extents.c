/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of memory that is in the file, against a table of bytes.
 */
#include "support/cmocka_header.h"
#include "walk/extents.h"

enum { BYTES = 5000, FIRST = 1 << 20, NOBODY = 0 };

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) /* xorshift64: the same in every run */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Enter what nobody has yet of start … end-1, as the walk does. */
static void enter_gaps(struct phd_extents *extents, uint64_t start, uint64_t end, uint64_t owner)
{
    struct phd_extent *extent = phd__extents_find(extents, start);
    while (start < end) {
        uint64_t stop = extent && extent->start < end ? extent->start : end;
        if (start < stop)
            assert_true(phd__extents_add(extents, start, stop, start, owner));
        start = extent && extent->end > stop ? extent->end : stop;
        extent = extent ? extent->next[0] : NULL;
    }
}

static uint64_t owner_at(const struct phd_extents *extents, uint64_t address)
{
    const struct phd_extent *found = phd__extents_find(extents, address);
    assert_true(!found || found->end > address);
    return found && found->start <= address ? found->owner : NOBODY;
}

static void assert_same(const struct phd_extents *extents, const uint16_t *owners)
{
    for (unsigned i = 0; i < BYTES; i++)
        assert_int_equal(owner_at(extents, FIRST + i), owners[i]);
    uint64_t end = 0;
    for (const struct phd_extent *extent = phd__extents_find(extents, 0); extent; extent = extent->next[0]) {
        assert_true(extent->start >= end && extent->start < extent->end);
        end = extent->end;
    }
}

static void each_byte_has_its_first_owner(void **state)
{
    static uint16_t owners[BYTES];
    struct phd_arena arena = {0};
    struct phd_extents extents = {.arena = &arena};
    (void)state;
    assert_null(phd__extents_find(&extents, FIRST));
    for (uint16_t owner = 1; owner <= 600; owner++) {
        uint64_t start = next_random() % BYTES, length = 1 + next_random() % 40;
        uint64_t end = start + length < BYTES ? start + length : BYTES;
        enter_gaps(&extents, FIRST + start, FIRST + end, owner);
        for (uint64_t i = start; i < end; i++)
            owners[i] = owners[i] ? owners[i] : owner;
        if (owner % 100 == 0)
            assert_same(&extents, owners);
    }
}

/* A search in so many must not go through all of them. */
static void many_are_found(void **state)
{
    enum { MANY = 300000, STEP = 64 };
    struct phd_arena arena = {0};
    struct phd_extents extents = {.arena = &arena};
    (void)state;
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t start = FIRST + i * 7919 % MANY * STEP; /* in no order: 7919 is prime */
        assert_true(phd__extents_add(&extents, start, start + STEP / 2, start, i + 1));
    }
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t start = FIRST + i * 7919 % MANY * STEP;
        assert_int_equal(owner_at(&extents, start + STEP / 2 - 1), i + 1);
        assert_int_equal(owner_at(&extents, start + STEP / 2), NOBODY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_has_its_first_owner),
        cmocka_unit_test(many_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
