/* SPDX-License-Identifier: Apache-2.0
 *
 * C types whose instances are fully told by named fields: the data behind `struct phd_struct_type`.
 *
 * A row is PHD_TYPE(tp_name, struct), then its PHD_OBJECT/… fields. Names are those Python shows, or the C member's.
 * Included by probe.h only.
 */
#ifndef PHD_LAYOUT_STRUCT_TYPES_H
#define PHD_LAYOUT_STRUCT_TYPES_H

enum { PHD_PROBE_MAX_TYPES = 256, PHD_PROBE_MAX_FIELDS = 2048 };

static struct phd_struct_type phd__probed_types[PHD_PROBE_MAX_TYPES];
static struct phd_field phd__probed_fields[PHD_PROBE_MAX_FIELDS];

static inline void phd__probe_add_type(struct phd_layout *at, const char *name, size_t basicsize)
{
    struct phd_struct_type *type = &phd__probed_types[at->type_count++];
    type->name = name;
    type->basicsize = (int32_t)basicsize;
    type->first = (uint16_t)at->field_count;
    type->count = 0;
}

static inline void phd__probe_add_field(struct phd_layout *at, const char *name, enum phd_field_kind kind, size_t offset,
                                        size_t size)
{
    struct phd_field *field = &phd__probed_fields[at->field_count++];
    field->name = name;
    field->kind = (uint8_t)kind;
    field->size = (uint16_t)size;
    field->offset = (int32_t)offset;
    phd__probed_types[at->type_count - 1].count++;
}

static inline int phd__probe_compare_types(const void *a, const void *b)
{
    return strcmp(((const struct phd_struct_type *)a)->name, ((const struct phd_struct_type *)b)->name);
}

/* `S` is the struct of the type whose fields follow. */
#define PHD_TYPE(tp_name, structure) phd__probe_add_type(at, tp_name, sizeof(structure));
#define PHD_SIZED_TYPE(tp_name, basicsize) phd__probe_add_type(at, tp_name, basicsize);
#define PHD_FIELD(kind, name, structure, member)                                                                       \
    phd__probe_add_field(at, name, PHD_FIELD_##kind, offsetof(structure, member), sizeof(((structure *)0)->member));

static inline void phd__probe_function_types(struct phd_layout *at)
{
    PHD_TYPE("function", PyFunctionObject)
    PHD_FIELD(OBJECT_EX, "__code__", PyFunctionObject, func_code)
    PHD_FIELD(OBJECT_EX, "__globals__", PyFunctionObject, func_globals)
    PHD_FIELD(OBJECT_EX, "__name__", PyFunctionObject, func_name)
    PHD_FIELD(OBJECT_EX, "__qualname__", PyFunctionObject, func_qualname)
    PHD_FIELD(OBJECT, "__module__", PyFunctionObject, func_module)
    PHD_FIELD(OBJECT, "__defaults__", PyFunctionObject, func_defaults)
    PHD_FIELD(OBJECT, "__kwdefaults__", PyFunctionObject, func_kwdefaults)
    PHD_FIELD(OBJECT, "__closure__", PyFunctionObject, func_closure)
    PHD_FIELD(OBJECT, "__doc__", PyFunctionObject, func_doc)
    PHD_FIELD(OBJECT_EX, "__annotations__", PyFunctionObject, func_annotations)
    PHD_FIELD(OBJECT_EX, "__dict__", PyFunctionObject, func_dict)
    PHD_TYPE("method", PyMethodObject)
    PHD_FIELD(OBJECT_EX, "__func__", PyMethodObject, im_func)
    PHD_FIELD(OBJECT_EX, "__self__", PyMethodObject, im_self)
    PHD_TYPE("builtin_function_or_method", PyCFunctionObject)
    PHD_FIELD(ADDRESS, "m_ml", PyCFunctionObject, m_ml)
    PHD_FIELD(OBJECT, "__self__", PyCFunctionObject, m_self)
    PHD_FIELD(OBJECT, "__module__", PyCFunctionObject, m_module)
    PHD_TYPE("cell", PyCellObject)
    PHD_FIELD(OBJECT_EX, "cell_contents", PyCellObject, ob_ref)
    PHD_TYPE("property", struct phd_private_property)
    PHD_FIELD(OBJECT, "fget", struct phd_private_property, prop_get)
    PHD_FIELD(OBJECT, "fset", struct phd_private_property, prop_set)
    PHD_FIELD(OBJECT, "fdel", struct phd_private_property, prop_del)
    PHD_FIELD(OBJECT, "__doc__", struct phd_private_property, prop_doc)
}

static inline void phd__probe_value_types(struct phd_layout *at)
{
    PHD_TYPE("slice", PySliceObject)
    PHD_FIELD(OBJECT, "start", PySliceObject, start)
    PHD_FIELD(OBJECT, "stop", PySliceObject, stop)
    PHD_FIELD(OBJECT, "step", PySliceObject, step)
    PHD_TYPE("weakref", PyWeakReference) /* 3.9, 3.10; the later name follows */
    PHD_FIELD(BORROWED, "wr_object", PyWeakReference, wr_object)
    PHD_FIELD(OBJECT, "__callback__", PyWeakReference, wr_callback)
    PHD_TYPE("weakref.ReferenceType", PyWeakReference)
    PHD_FIELD(BORROWED, "wr_object", PyWeakReference, wr_object)
    PHD_FIELD(OBJECT, "__callback__", PyWeakReference, wr_callback)
}

static inline void phd__probe_struct_types(struct phd_layout *at)
{
    at->type_count = at->field_count = 0;
    at->types = phd__probed_types;
    at->fields = phd__probed_fields;
    phd__probe_function_types(at);
    phd__probe_value_types(at);
    qsort(phd__probed_types, (size_t)at->type_count, sizeof phd__probed_types[0], phd__probe_compare_types);
}

#endif
