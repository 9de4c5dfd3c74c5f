/* SPDX-License-Identifier: Apache-2.0
 *
 * What glibc said when it ended the process: a failed assertion, a heap or a stack found damaged. It keeps the text for
 * debuggers: __abort_msg points to a size (unsigned int) and the characters (glibc 2.36, assert/assert.c,
 * sysdeps/posix/libc_fatal.c). Context: crash.
 */
#ifndef PHD_NATIVE_ABORT_MESSAGE_H
#define PHD_NATIVE_ABORT_MESSAGE_H

#include "native/symbols.h"

enum { PHD_MAX_ABORT_MESSAGE = 256 /* bytes, with the NUL */ };

/* Copy the message, one line, to `message`; "" when there is none. */
void phd__abort_message_read(struct phd_symbols *symbols, const struct phd_modules *modules,
                             char message[PHD_MAX_ABORT_MESSAGE]);

#endif
