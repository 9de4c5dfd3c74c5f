/* SPDX-License-Identifier: Apache-2.0
 *
 * Options that outlive the call that gave them: a copy with storage for its texts. Context: crash.
 */
#ifndef PHD_CRASH_KEPT_OPTIONS_H
#define PHD_CRASH_KEPT_OPTIONS_H

#include "place/target.h"

enum { PHD_OPTION_TEXT_ROOM = 4096 };

struct phd_kept_options {
    struct phd_options options; /* its texts are in what follows */
    char directories[PHD_DIRECTORIES][PHD_MAX_PATH];
    char executable[PHD_OPTION_TEXT_ROOM];
    char python_text[PHD_OPTION_TEXT_ROOM];
};

/* Copy `options`, and fill in request.directories. PHD_ERROR_ARGUMENT, and nothing is changed: a directory is not absolute,
 * or a text is too long. */
enum phd_status phd__options_keep(struct phd_kept_options *kept, const struct phd_options *options,
                                  struct phd_error *error);

/* Copy `from` as it is now. */
void phd__options_copy(struct phd_kept_options *to, const struct phd_kept_options *from);

#endif
