/* SPDX-License-Identifier: Apache-2.0
 *
 * The set of met addresses, against a reference that is right by being simple: ids are a function of the address.
 */
#include <stdlib.h>

#include "support/cmocka_header.h"
#include "support/memory_refusal.h"
#include "walk/addrset.h"

enum { CAPACITY = 4096, MANY = 300000 };

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) /* xorshift64: the same in every run */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void enter_new(struct phd_addrset *set, uint64_t address, uint32_t id)
{
    bool added = false;
    assert_int_equal(phd__addrset_find(set, address), PHD_ADDRSET_NO_ID);
    assert_int_equal(phd__addrset_enter(set, address, id, &added), id);
    assert_true(added);
    assert_int_equal(phd__addrset_enter(set, address, id + 1, &added), id);
    assert_false(added);
}

/* Enter address_of(0), address_of(1), …, all different, and find each again. */
static void enter_and_find(uint64_t (*address_of)(uint64_t), uint32_t count)
{
    struct phd_addrset set;
    assert_true(phd__addrset_open(&set, CAPACITY));
    for (uint32_t i = 0; i < count; i++)
        enter_new(&set, address_of(i), i);
    assert_int_equal(set.count, count);
    assert_true(set.count <= set.capacity / 5 * 4 + 1);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(phd__addrset_find(&set, address_of(i)), i);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(phd__addrset_find(&set, address_of(i) + 8), PHD_ADDRSET_NO_ID);
    assert_int_equal(phd__addrset_memory(&set), set.capacity * 12);
    phd__addrset_close(&set);
    assert_null(set.addresses);
}

static uint64_t in_a_row(uint64_t i)
{
    return 0x7f0000000000 + 16 * i;
}

static uint64_t in_arenas(uint64_t i) /* 256 KiB arenas far apart, objects of 64 bytes */
{
    return 0x7f0000000000 + (i >> 12) * 0x1000000 + (i & 4095) * 64;
}

static uint64_t same_place_of_each_page(uint64_t i)
{
    return 0x550000000010 + 4096 * i;
}

static uint64_t same_place_of_each_region(uint64_t i) /* all hashing is up to the region's number */
{
    return 0x10000 * (i + 1);
}

static void neighbouring_addresses_are_found(void **state)
{
    (void)state;
    enter_and_find(in_a_row, MANY);
    enter_and_find(in_arenas, MANY);
}

static void spread_addresses_are_found(void **state)
{
    (void)state;
    enter_and_find(same_place_of_each_page, MANY);
    enter_and_find(same_place_of_each_region, MANY);
}

static int compare_words(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Random addresses, each about three times, in random order; the set must agree with a sorted array. */
static void random_addresses_are_counted_once(void **state)
{
    struct phd_addrset set;
    uint64_t *entered = malloc(MANY * sizeof *entered);
    size_t different = 0;
    (void)state;
    assert_non_null(entered);
    assert_true(phd__addrset_open(&set, CAPACITY));
    for (uint32_t i = 0; i < MANY; i++) {
        bool added;
        entered[i] = 0x7f0000000000 + next_random() % (MANY / 3) * 48;
        phd__addrset_enter(&set, entered[i], (uint32_t)(entered[i] / 48), &added);
        different += added;
    }
    qsort(entered, MANY, sizeof *entered, compare_words);
    size_t expected = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        expected += i == 0 || entered[i] != entered[i - 1];
        assert_int_equal(phd__addrset_find(&set, entered[i]), (uint32_t)(entered[i] / 48));
    }
    assert_int_equal(different, expected);
    assert_int_equal(set.count, expected);
    phd__addrset_close(&set);
    free(entered);
}

static void a_set_that_cannot_grow_keeps_what_it_has(void **state)
{
    struct phd_addrset set;
    uint32_t entered = 0;
    bool added = true;
    (void)state;
    assert_true(phd__addrset_open(&set, CAPACITY));
    refuse_memory(1, true);
    while (phd__addrset_enter(&set, in_a_row(entered), entered, &added) != PHD_ADDRSET_NO_ID)
        entered++;
    assert_false(added);
    assert_int_equal(entered, CAPACITY / 5 * 4);
    assert_true(allow_memory() > 0);
    for (uint32_t i = 0; i < entered; i++)
        assert_int_equal(phd__addrset_find(&set, in_a_row(i)), i);
    assert_int_equal(phd__addrset_find(&set, in_a_row(entered)), PHD_ADDRSET_NO_ID);
    assert_int_equal(phd__addrset_enter(&set, in_a_row(entered), entered, &added), entered); /* memory came back */
    assert_true(added);
    phd__addrset_close(&set);
}

static void growing_needs_both_of_its_mappings(void **state)
{
    struct phd_addrset set;
    bool added;
    (void)state;
    assert_true(phd__addrset_open(&set, CAPACITY));
    for (uint32_t i = 0; i < CAPACITY / 5 * 4; i++)
        phd__addrset_enter(&set, in_a_row(i), i, &added);
    refuse_memory(2, false);
    assert_int_equal(phd__addrset_enter(&set, in_a_row(MANY), 1, &added), PHD_ADDRSET_NO_ID);
    allow_memory();
    assert_int_equal(set.capacity, CAPACITY);
    phd__addrset_close(&set);
}

static void a_set_without_memory_does_not_open(void **state)
{
    (void)state;
    for (unsigned call = 1; call <= 2; call++) {
        struct phd_addrset set;
        refuse_memory(call, false);
        assert_false(phd__addrset_open(&set, CAPACITY));
        allow_memory();
        phd__addrset_close(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbouring_addresses_are_found),
        cmocka_unit_test(spread_addresses_are_found),
        cmocka_unit_test(random_addresses_are_counted_once),
        cmocka_unit_test(a_set_that_cannot_grow_keeps_what_it_has),
        cmocka_unit_test(growing_needs_both_of_its_mappings),
        cmocka_unit_test(a_set_without_memory_does_not_open),
    };
    return cmocka_run_group_tests_name("addrset", tests, NULL, NULL);
}
