/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling the error record of read/; see read_error.h.
 */
#include "read_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum phd__read_status phd__read_fail(struct phd__read_error *error, enum phd__read_status status, const char *format,
                                     ...)
{
    va_list arguments;
    error->status = status;
    error->os_error = 0;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return status;
}

enum phd__read_status phd__read_fail_os(struct phd__read_error *error, const char *what)
{
    int os_error = errno;
    phd__read_fail(error, PHD__READ_OS, "%s: %s", what, strerror(os_error));
    error->os_error = os_error;
    return PHD__READ_OS;
}

enum phd__read_status phd__read_fail_memory(struct phd__read_error *error)
{
    return phd__read_fail(error, PHD__READ_NO_MEMORY, "not enough memory to read the dump");
}
