/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame of a test on a synthetic heap: each test function gets a fresh `heap`, walks it into `walked`, and runs once
 * with the layout of each of several CPython versions.
 */
#ifndef TEST_HEAP_CASE_H
#define TEST_HEAP_CASE_H

#include "support/cmocka_header.h"
#include "support/walked.h"

extern struct heap heap;
extern struct walked walked;

int set_up_heap(void **state);
int tear_down_heap(void **state);

#define HEAP_CASE(function) cmocka_unit_test_setup_teardown(function, set_up_heap, tear_down_heap)

/* Run `tests` with the layouts of an old, a middle and a new CPython. Returns 0 when all passed. */
int run_on_layouts(const char *name, const struct CMUnitTest *tests, size_t count);

void assert_record(uint64_t id, const char *expected);
/* All objects were written, none of them or their values is missing. */
void assert_whole(uint64_t objects);

#endif
