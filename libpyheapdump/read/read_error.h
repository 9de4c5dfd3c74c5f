/* SPDX-License-Identifier: Apache-2.0
 *
 * What went wrong while reading a dump: a status and a fixed-size record with one clear phrase.
 *
 * Every function of read/ that can fail returns a status and, when it is not OK, has filled the caller's record.
 * The text names the thing, the cause, and (where there is one) the remedy, but not the file: the caller knows it.
 *
 * All of read/ runs in normal context (it may allocate); a dump is untrusted input throughout.
 */
#ifndef PHD_READ_ERROR_H
#define PHD_READ_ERROR_H

enum phd__read_status {
    PHD__READ_OK = 0,
    PHD__READ_OS,         /* the operating system refused; os_error is set */
    PHD__READ_NOT_A_DUMP, /* some other kind of file */
    PHD__READ_VERSION,    /* a dump, but of a version that this reader does not know */
    PHD__READ_DAMAGED,    /* the bytes contradict the format */
    PHD__READ_LIMIT,      /* beyond a named limit of the format */
    PHD__READ_NO_MEMORY,
    PHD__READ_NOT_FOUND, /* a normal end: what was asked for is not there */
};

struct phd__read_error {
    enum phd__read_status status;
    int os_error; /* errno when status is PHD__READ_OS, else 0 */
    char text[240];
};

/* Fills `error` (printf-like text, cut to its size) and returns `status`, so that a caller can return it at once. */
enum phd__read_status phd__read_fail(struct phd__read_error *error, enum phd__read_status status, const char *format,
                                     ...) __attribute__((format(printf, 3, 4)));

/* The same for PHD__READ_OS, with the message of errno after `what`. */
enum phd__read_status phd__read_fail_os(struct phd__read_error *error, const char *what);

enum phd__read_status phd__read_fail_memory(struct phd__read_error *error);

#endif
