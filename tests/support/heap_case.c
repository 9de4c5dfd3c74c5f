/* SPDX-License-Identifier: Apache-2.0
 *
 * See heap_case.h.
 */
#include "support/heap_case.h"

#include <stdio.h>

struct heap heap;
struct walked walked;
static int version;

int set_up_heap(void **state)
{
    (void)state;
    heap_open(&heap, version);
    return 0;
}

int tear_down_heap(void **state)
{
    (void)state;
    if (walked.reader)
        walked_close(&walked);
    walked.reader = NULL;
    heap_close(&heap);
    return 0;
}

int run_on_layouts(const char *name, const struct CMUnitTest *tests, size_t count)
{
    static const int minors[] = {9, 11, 13};
    int failures = 0;
    for (size_t i = 0; i < sizeof minors / sizeof minors[0]; i++) {
        char group[64];
        version = 3 << 8 | minors[i];
        snprintf(group, sizeof group, "%s, layout of 3.%d", name, minors[i]);
        failures += _cmocka_run_group_tests(group, tests, count, NULL, NULL);
    }
    return failures != 0;
}

void assert_record(uint64_t id, const char *expected)
{
    assert_string_equal(walked_record(&walked, id), expected);
}

void assert_whole(uint64_t objects)
{
    assert_int_equal(walked.objects, objects);
    assert_int_equal(walked.known, objects);
    assert_int_equal(walked.broken, 0);
    assert_int_equal(walked.missing_values, 0);
    assert_null(walked.stopped);
}
