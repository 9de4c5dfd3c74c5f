/* SPDX-License-Identifier: Apache-2.0
 *
 * The extension module pyheapdump._pyheapdump. Each part of it adds its own types and functions:
 *
 *     capture.c   snapshot_start(), snapshot_wait(), call_watched()        (capturing)
 *     hooks.c     hook_open(), hook_close()                            (capturing)
 *     ends.c      call_before_end()                                    (capturing)
 *     attach.c    attach()                                             (capturing)
 *     core.c      core(), unpack_zstd()                                (capturing)
 *     signals.c   signals_install(), add_signal_stacks()                  (capturing)
 *     thread_starts.c  thread_starts_open(), thread_starts_close()     (capturing)
 *     late_module.c  tell_registrations()                                (capturing)
 *     watch.c     dump_later(), register_signal()                         (capturing)
 *     memory_errors.c  memory_errors_install()                            (capturing)
 *     dumpfile.c  DumpFile, DumpError, and the values of decoded records   (reading)
 *     frames.c    make_frame()                                             (viewing)
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "safe/filters.h"

int phd__add_dumpfile(PyObject *module);
int phd__add_frames(PyObject *module);
int phd__add_capture(PyObject *module);
int phd__add_hooks(PyObject *module);
int phd__add_ends(PyObject *module);
int phd__add_signals(PyObject *module);
int phd__add_thread_starts(PyObject *module);
int phd__add_attach(PyObject *module);
int phd__add_core(PyObject *module);
int phd__add_late_module(PyObject *module);
int phd__add_watch(PyObject *module);
int phd__add_memory_errors(PyObject *module);

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pyheapdump._pyheapdump",
    .m_doc = "The C part of pyheapdump.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__pyheapdump(void)
{
    PyObject *module = PyModule_Create(&definition);
    phd__filters_note(); /* for dumps without install() */
    if (module != NULL &&
        (phd__add_dumpfile(module) < 0 || phd__add_frames(module) < 0 || phd__add_capture(module) < 0 ||
         phd__add_hooks(module) < 0 || phd__add_ends(module) < 0 || phd__add_signals(module) < 0 ||
         phd__add_thread_starts(module) < 0 || phd__add_attach(module) < 0 || phd__add_core(module) < 0 ||
         phd__add_late_module(module) < 0 || phd__add_watch(module) < 0 || phd__add_memory_errors(module) < 0))
        Py_CLEAR(module);
    return module;
}
