/* SPDX-License-Identifier: Apache-2.0
 *
 * Context: crash.
 */
#include "crash/kept_options.h"

#include <string.h>

#include "safe/text.h"

enum { NAME_ROOM = 64 /* of a dump, in its directory */ };

static bool fits(const char *text, size_t capacity)
{
    return !text || phd__string_length(text) < capacity;
}

static void copy_text(char *to, const char *text)
{
    size_t length = text ? phd__string_length(text) : 0;
    memcpy(to, text ? text : "", length);
    to[length] = 0;
}

static enum phd_status refuse(struct phd_error *error, const char *why)
{
    phd__error_set(error, PHD_ERROR_ARGUMENT, 0, why);
    return PHD_ERROR_ARGUMENT;
}

enum phd_status phd__options_keep(struct phd_kept_options *kept, const struct phd_options *options,
                                  struct phd_error *error)
{
    if (!options->directory || options->directory[0] != '/' ||
        !fits(options->directory, sizeof kept->directory - NAME_ROOM))
        return refuse(error, "the directory is not an absolute path, or too long");
    if (!fits(options->request.executable, sizeof kept->executable) ||
        !fits(options->request.python_text, sizeof kept->python_text))
        return refuse(error, "executable or python_text is too long");
    kept->options = *options;
    copy_text(kept->directory, options->directory);
    copy_text(kept->executable, options->request.executable);
    copy_text(kept->python_text, options->request.python_text);
    kept->options.directory = kept->directory;
    kept->options.request.executable = kept->executable;
    kept->options.request.python_text = kept->python_text;
    return PHD_OK;
}
