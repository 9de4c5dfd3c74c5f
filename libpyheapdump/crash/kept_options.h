/* SPDX-License-Identifier: Apache-2.0
 *
 * Options that outlive the call that gave them: a copy with storage for its texts. Context: crash.
 */
#ifndef PHD_CRASH_KEPT_OPTIONS_H
#define PHD_CRASH_KEPT_OPTIONS_H

#include "crash/target.h"

enum { PHD_OPTION_TEXT_ROOM = 4096 };

struct phd_kept_options {
    struct phd_options options; /* its texts are in `directory`, `executable` and `python_text` */
    char directory[PHD_MAX_PATH];
    char executable[PHD_OPTION_TEXT_ROOM];
    char python_text[PHD_OPTION_TEXT_ROOM];
};

/* Copy `options`. PHD_ERROR_ARGUMENT, and nothing is changed: the directory is not absolute, or a text is too long. */
enum phd_status phd__options_keep(struct phd_kept_options *kept, const struct phd_options *options,
                                  struct phd_error *error);

#endif
