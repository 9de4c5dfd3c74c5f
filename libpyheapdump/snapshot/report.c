/* SPDX-License-Identifier: Apache-2.0
 *
 * The page is one of safe/pages, which has some when the system refuses memory, made a shared one: to map over what is
 * there takes no more address space.
 *
 * Context: crash.
 */
#include "snapshot/report.h"

#include <sys/mman.h>

#include "safe/pages.h"

struct phd_report *phd__report_new(void)
{
    void *page = phd__pages_alloc(sizeof(struct phd_report));
    if (!page)
        return NULL;
    if (mmap(page, sizeof(struct phd_report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
        MAP_FAILED)
        return page;
    phd__report_free(page);
    return NULL;
}

void phd__report_free(struct phd_report *report)
{
    phd__pages_free(report, sizeof *report);
}
