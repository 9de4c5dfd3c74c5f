/* SPDX-License-Identifier: Apache-2.0
 *
 * Selection among the generated tables. Each table file defines one `static const struct phd_layout`.
 * Context: crash.
 */
#include "layout/layout.h"

#include <stddef.h>

#include "layout/tables/all.h"

const struct phd_layout *phd__layout_find(int version, int free_threaded, int trace_refs)
{
    for (size_t i = 0; i < sizeof phd__layouts / sizeof phd__layouts[0]; i++) {
        const struct phd_layout *layout = phd__layouts[i];
        if (layout->version == version && layout->free_threaded == free_threaded && layout->trace_refs == trace_refs)
            return layout;
    }
    return NULL;
}

const struct phd_layout *phd__layout_number(unsigned number)
{
    return number < sizeof phd__layouts / sizeof phd__layouts[0] ? phd__layouts[number] : NULL;
}

/* strcmp without the library: its resolver may not have run yet. */
static int compare_names(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

const struct phd_struct_type *phd__layout_struct_type(const struct phd_layout *layout, const char *name,
                                                      int64_t basicsize)
{
    /* the first row that is not before `name`: rows of one name, for several sizes, stand together */
    int32_t low = 0, high = layout->type_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (compare_names(layout->types[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < layout->type_count && compare_names(layout->types[low].name, name) == 0; low++) {
        if (layout->types[low].basicsize == basicsize)
            return &layout->types[low];
    }
    return NULL;
}
