/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that makes dumps of the living process, and how others give it work. Context: crash, but where said.
 */
#ifndef PHD_WATCH_WATCH_H
#define PHD_WATCH_WATCH_H

#include "watch/take.h"

enum { PHD_REASON_ROOM = 64 };

/* Start the thread unless it runs. Context: normal. */
enum phd_status phd__watch_start(struct phd_error *error);

/* Let the thread make a dump because of a signal, and return at once. Where there is no thread the caller makes it. */
void phd__watch_signal(int signal_number);

/* "request by SIGUSR1" */
void phd__watch_signal_reason(int signal_number, char *reason, size_t capacity);

/* Let the thread make a dump of the process as it is now, and return when it is frozen, or, if
 * the order limits its time, written; `order` is copied. Where there
 * is no thread the caller makes it. False when it did not come to that: the thread is making another dump. */
bool phd__watch_errand(const struct phd_order *order);

/* The program's last thread ends, and with it the process: what was asked for is finished, as by phd_watch_finish, and the
 * threads are stopped. False when one cannot be. Context: normal. */
bool phd__watch_end(void);

/* Are there registered signals? */
bool phd__signals_registered(void);

#endif
