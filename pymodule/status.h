/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors of the library as Python exceptions. Context: normal, with the GIL.
 */
#ifndef PHD_PYMODULE_STATUS_H
#define PHD_PYMODULE_STATUS_H

#include <Python.h>

#include "pyheapdump.h"

/* Raise CaptureError for `status`; returns NULL. */
PyObject *phd__raise_status(enum phd_status status, const struct phd_error *error);

/* Raise CaptureError with this text; returns NULL. */
PyObject *phd__raise_capture_error(const char *text);

#endif
