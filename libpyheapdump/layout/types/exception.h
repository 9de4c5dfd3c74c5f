/* SPDX-License-Identifier: Apache-2.0
 *
 * Named fields of exceptions. How a row is written: struct_types.h.
 * Included by struct_types.h only.
 */
#ifndef PHD_LAYOUT_TYPES_EXCEPTION_H
#define PHD_LAYOUT_TYPES_EXCEPTION_H

/* The fields of BaseException come first in every exception (PyException_HEAD). `notes` is not used by any version:
 * the notes are in the instance dict. */
static inline void phd__probe_exception_fields(struct phd_layout *at)
{
    PHD_FIELD(OBJECT, "args", PyBaseExceptionObject, args)
    PHD_FIELD(OBJECT, "__traceback__", PyBaseExceptionObject, traceback)
    PHD_FIELD(OBJECT, "__context__", PyBaseExceptionObject, context)
    PHD_FIELD(OBJECT, "__cause__", PyBaseExceptionObject, cause)
    PHD_FIELD(BOOL, "__suppress_context__", PyBaseExceptionObject, suppress_context)
}

#define PHD_EXCEPTION_TYPE(tp_name, structure)                                                                         \
    PHD_TYPE(tp_name, structure)                                                                                       \
    phd__probe_exception_fields(at);

/* exceptions; their attributes are in the instance dict that comes first in the struct */
static inline void phd__probe_exception_types(struct phd_layout *at)
{
    PHD_EXCEPTION_TYPE("BaseException", PyBaseExceptionObject)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_EXCEPTION_TYPE("BaseExceptionGroup", PyBaseExceptionGroupObject)
    PHD_FIELD(OBJECT, "message", PyBaseExceptionGroupObject, msg)
    PHD_FIELD(OBJECT, "exceptions", PyBaseExceptionGroupObject, excs)
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT_EX, "excs_str", PyBaseExceptionGroupObject, excs_str)
#endif
#endif
    PHD_EXCEPTION_TYPE("SystemExit", PySystemExitObject)
    PHD_FIELD(OBJECT, "code", PySystemExitObject, code)
    PHD_EXCEPTION_TYPE("StopIteration", PyStopIterationObject)
    PHD_FIELD(OBJECT, "value", PyStopIterationObject, value)
    PHD_EXCEPTION_TYPE("OSError", PyOSErrorObject)
    PHD_FIELD(OBJECT, "errno", PyOSErrorObject, myerrno)
    PHD_FIELD(OBJECT, "strerror", PyOSErrorObject, strerror)
    PHD_FIELD(OBJECT, "filename", PyOSErrorObject, filename)
    PHD_FIELD(OBJECT, "filename2", PyOSErrorObject, filename2)
    PHD_NUMBER("characters_written", PyOSErrorObject, written)
    PHD_EXCEPTION_TYPE("ImportError", PyImportErrorObject)
    PHD_FIELD(OBJECT, "msg", PyImportErrorObject, msg)
    PHD_FIELD(OBJECT, "name", PyImportErrorObject, name)
    PHD_FIELD(OBJECT, "path", PyImportErrorObject, path)
#if PY_VERSION_HEX >= 0x030C0000
    PHD_FIELD(OBJECT, "name_from", PyImportErrorObject, name_from)
#endif
#if PY_VERSION_HEX >= 0x030A0000
    PHD_EXCEPTION_TYPE("NameError", PyNameErrorObject)
    PHD_FIELD(OBJECT, "name", PyNameErrorObject, name)
    PHD_EXCEPTION_TYPE("AttributeError", PyAttributeErrorObject)
    PHD_FIELD(OBJECT, "obj", PyAttributeErrorObject, obj)
    PHD_FIELD(OBJECT, "name", PyAttributeErrorObject, name)
#endif
    PHD_EXCEPTION_TYPE("SyntaxError", PySyntaxErrorObject)
    PHD_FIELD(OBJECT, "msg", PySyntaxErrorObject, msg)
    PHD_FIELD(OBJECT, "filename", PySyntaxErrorObject, filename)
    PHD_FIELD(OBJECT, "lineno", PySyntaxErrorObject, lineno)
    PHD_FIELD(OBJECT, "offset", PySyntaxErrorObject, offset)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_FIELD(OBJECT, "end_lineno", PySyntaxErrorObject, end_lineno)
    PHD_FIELD(OBJECT, "end_offset", PySyntaxErrorObject, end_offset)
#endif
    PHD_FIELD(OBJECT, "text", PySyntaxErrorObject, text)
    PHD_FIELD(OBJECT, "print_file_and_line", PySyntaxErrorObject, print_file_and_line)
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT, "_metadata", PySyntaxErrorObject, metadata)
#endif
    PHD_EXCEPTION_TYPE("UnicodeEncodeError", PyUnicodeErrorObject)
    PHD_FIELD(OBJECT, "encoding", PyUnicodeErrorObject, encoding)
    PHD_FIELD(OBJECT, "object", PyUnicodeErrorObject, object)
    PHD_NUMBER("start", PyUnicodeErrorObject, start)
    PHD_NUMBER("end", PyUnicodeErrorObject, end)
    PHD_FIELD(OBJECT, "reason", PyUnicodeErrorObject, reason)
    PHD_SAME_FIELDS("UnicodeDecodeError")
    PHD_SAME_FIELDS("UnicodeTranslateError")
}

#endif
