/* SPDX-License-Identifier: Apache-2.0
 *
 * How dumps are made, as Python tells it: the keyword arguments that signals_install() and watch_configure() share.
 */
#ifndef PYMODULE_OPTIONS_H
#define PYMODULE_OPTIONS_H

#include <Python.h>

#include "pyheapdump.h"

/* Fill `options` from the keywords directory, timeout, executable, level, max_bytes, max_seconds, sources, redact, quiet.
 * Returns the object that holds the directory's name (a new reference), or NULL with an exception. */
PyObject *phd__parse_options(PyObject *keywords, struct phd_options *options);

#endif
