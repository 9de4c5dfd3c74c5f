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

static bool can_be_directory(const char *path)
{
    return path && path[0] == '/' && fits(path, PHD_MAX_PATH - NAME_ROOM);
}

static bool can_be_fallback(const char *path)
{
    return !path || can_be_directory(path);
}

/* Let the options refer to the texts beside them. */
static void refer_to_texts(struct phd_kept_options *kept)
{
    struct phd_options *options = &kept->options;
    options->directory = kept->directories[0];
    for (int i = 0; i < PHD_DIRECTORIES; i++)
        options->request.directories[i] = kept->directories[i][0] ? kept->directories[i] : NULL;
    for (int i = 1; i < PHD_DIRECTORIES; i++)
        options->fallbacks[i - 1] = options->request.directories[i];
    options->request.executable = kept->executable;
    options->request.python_text = kept->python_text;
}

enum phd_status phd__options_keep(struct phd_kept_options *kept, const struct phd_options *options,
                                  struct phd_error *error)
{
    if (!can_be_directory(options->directory) || !can_be_fallback(options->fallbacks[0]) ||
        !can_be_fallback(options->fallbacks[1]))
        return refuse(error, "the directory is not an absolute path, or too long");
    if (!fits(options->request.executable, sizeof kept->executable) ||
        !fits(options->request.python_text, sizeof kept->python_text))
        return refuse(error, "executable or python_text is too long");
    kept->options = *options;
    copy_text(kept->directories[0], options->directory);
    for (int i = 1; i < PHD_DIRECTORIES; i++)
        copy_text(kept->directories[i], options->fallbacks[i - 1]);
    copy_text(kept->executable, options->request.executable);
    copy_text(kept->python_text, options->request.python_text);
    refer_to_texts(kept);
    return PHD_OK;
}

void phd__options_copy(struct phd_kept_options *to, const struct phd_kept_options *from)
{
    memcpy(to, from, sizeof *to);
    refer_to_texts(to);
}
