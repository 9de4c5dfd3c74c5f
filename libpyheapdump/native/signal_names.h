/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of signals and of the reasons they are raised for (signal(7), sigaction(2); Linux,
 * include/uapi/asm-generic/siginfo.h). Context: crash.
 */
#ifndef PHD_NATIVE_SIGNAL_NAMES_H
#define PHD_NATIVE_SIGNAL_NAMES_H

/* How the text of a reason is completed. */
enum phd_reason_form {
    PHD_REASON_ALONE,
    PHD_REASON_ADDRESS, /* "address 0x… " and the text */
    PHD_REASON_SENT     /* by a process, whose id is known */
};

struct phd_signal_reason {
    int signal; /* 0: any */
    int code;
    enum phd_reason_form form;
    const char *name;
    const char *text;
};

/* "SIGSEGV", or NULL. Static storage. */
const char *phd__signal_name(int signal);

/* What `code` means for `signal`, or NULL. */
const struct phd_signal_reason *phd__signal_reason(int signal, int code);

#endif
