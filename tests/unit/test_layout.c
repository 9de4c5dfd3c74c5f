/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking up layouts and the C types in them.
 */
#include <stdbool.h>
#include <string.h>

#include "layout/layout.h"
#include "support/cmocka_header.h"

enum { FIRST_MINOR = 9, LAST_MINOR = 15 };

static void every_supported_version_has_a_layout(void **state)
{
    (void)state;
    for (int minor = FIRST_MINOR; minor <= LAST_MINOR; minor++) {
        const struct phd_layout *layout = phd__layout_find(3 << 8 | minor, 0, 0);
        assert_non_null(layout);
        assert_int_equal(layout->version, 3 << 8 | minor);
        assert_int_equal(layout->free_threaded, 0);
    }
}

static void other_versions_and_builds_have_none(void **state)
{
    (void)state;
    assert_null(phd__layout_find(3 << 8 | 8, 0, 0));
    assert_null(phd__layout_find(3 << 8 | 99, 0, 0));
    assert_null(phd__layout_find(2 << 8 | 7, 0, 0));
    assert_null(phd__layout_find(0, 0, 0));
    assert_null(phd__layout_find(-1, 0, 0));
    assert_null(phd__layout_find(3 << 8 | 11, 1, 0)); /* there was no free-threaded 3.11 */
    assert_null(phd__layout_find(3 << 8 | 11, 0, 1));
}

/* Rows of one name, for several sizes of the struct, stand together; otherwise names are sorted and different. */
static bool in_order(const struct phd_struct_type *a, const struct phd_struct_type *b)
{
    int order = strcmp(a->name, b->name);
    return order < 0 || (order == 0 && a->basicsize < b->basicsize);
}

static void every_row_of_every_table_is_found(void **state)
{
    (void)state;
    for (int minor = FIRST_MINOR; minor <= LAST_MINOR; minor++) {
        const struct phd_layout *layout = phd__layout_find(3 << 8 | minor, 0, 0);
        assert_true(layout->type_count > 0);
        for (int32_t i = 0; i < layout->type_count; i++) {
            const struct phd_struct_type *row = &layout->types[i];
            if (i > 0)
                assert_true(in_order(row - 1, row));
            assert_ptr_equal(phd__layout_struct_type(layout, row->name, row->basicsize), row);
        }
    }
}

static void a_type_of_another_size_is_another_type(void **state)
{
    const struct phd_layout *layout = phd__layout_find(3 << 8 | 11, 0, 0);
    const struct phd_struct_type *row = &layout->types[layout->type_count / 2];
    (void)state;
    assert_null(phd__layout_struct_type(layout, row->name, row->basicsize + 8));
    assert_null(phd__layout_struct_type(layout, row->name, -1));
    assert_null(phd__layout_struct_type(layout, row->name, INT64_MAX));
    assert_null(phd__layout_struct_type(layout, "", 16));
    assert_null(phd__layout_struct_type(layout, "~ after all others", 16));
}

static unsigned bytes_of(const struct phd_field *field)
{
    switch (field->kind) { /* where `size` says something else */
    case PHD_FIELD_BITS: return 1;
    case PHD_FIELD_OBJECT_IF: return 8;
    default: return field->size;
    }
}

/* No field may lead outside of the object, and their range must be one of the table. */
static void fields_lie_within_their_objects(void **state)
{
    (void)state;
    for (int minor = FIRST_MINOR; minor <= LAST_MINOR; minor++) {
        const struct phd_layout *layout = phd__layout_find(3 << 8 | minor, 0, 0);
        for (int32_t i = 0; i < layout->type_count; i++) {
            const struct phd_struct_type *row = &layout->types[i];
            assert_true(row->first + row->count <= layout->field_count);
            for (unsigned k = 0; k < row->count; k++) {
                const struct phd_field *field = &layout->fields[row->first + k];
                assert_true(field->offset > 0 && field->offset + (int32_t)bytes_of(field) <= row->basicsize);
                assert_true(field->name && field->name[0]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_supported_version_has_a_layout),
        cmocka_unit_test(other_versions_and_builds_have_none),
        cmocka_unit_test(every_row_of_every_table_is_found),
        cmocka_unit_test(a_type_of_another_size_is_another_type),
        cmocka_unit_test(fields_lie_within_their_objects),
    };
    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
