/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of the program's last thread ends the process, whatever threads of ours there are.
 *
 * glibc counts the threads of a process, ours too, and calls exit(0) when the last one has ended by returning from its
 * function or by pthread_exit: so a child that was forked in a thread ends, or a program whose main thread has left the
 * rest to others. The count falls to nothing only after the first thread of the process (whose id is the process's) has
 * ended. The end of that one is seen, by a destructor of thread-specific data. If it was the last one of the program
 * our threads are stopped there, and glibc finds what it would have found without them. If there are others, ours go on,
 * look now and then whether these have ended, and then call exit(0) as glibc would have done.
 *
 * A thread by a raw clone() would not be counted, but the program's setuid() would not reach it either: glibc tells its
 * own threads. Context: crash, but where said.
 */
#ifndef PHD_WATCH_LAST_THREAD_H
#define PHD_WATCH_LAST_THREAD_H

#include <signal.h>
#include <stdint.h>

/* A thread of ours starts, which counts. Context: normal. */
void phd__last_thread_expect(void);

/* For a thread of ours: end the process if all threads of the program have ended, with `mask` for the functions that
 * exit() calls. Until when (phd__clock_ns) to ask again. */
uint64_t phd__last_thread_look(const sigset_t *mask);

#endif
