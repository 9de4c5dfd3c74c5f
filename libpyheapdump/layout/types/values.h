/* SPDX-License-Identifier: Apache-2.0
 *
 * Named fields of collections, array, datetime, zoneinfo, decimal, re, struct and random.
 * How a row is written: struct_types.h.
 * Included by struct_types.h only.
 */
#ifndef PHD_LAYOUT_TYPES_VALUES_H
#define PHD_LAYOUT_TYPES_VALUES_H

/* collections, array */
static inline void phd__probe_container_types(struct phd_layout *at)
{
    PHD_TYPE("collections.deque", struct phd_private_deque)
    PHD_FIELD(ADDRESS, "_leftblock", struct phd_private_deque, leftblock)
    PHD_FIELD(ADDRESS, "_rightblock", struct phd_private_deque, rightblock)
    PHD_NUMBER("_leftindex", struct phd_private_deque, leftindex)
    PHD_NUMBER("_rightindex", struct phd_private_deque, rightindex)
    PHD_NUMBER("_size", struct phd_private_deque, ob_base.ob_size)
    PHD_NUMBER("_state", struct phd_private_deque, state)
    PHD_NUMBER("maxlen", struct phd_private_deque, maxlen)
#if PY_VERSION_HEX < 0x030C0000
    PHD_TYPE("_collections._deque_iterator", struct phd_private_deque_iterator)
#else
    PHD_TYPE("collections._deque_iterator", struct phd_private_deque_iterator)
#endif
    PHD_FIELD(OBJECT_EX, "deque", struct phd_private_deque_iterator, deque)
    PHD_NUMBER("index", struct phd_private_deque_iterator, index)
    PHD_FIELD(ADDRESS, "_block", struct phd_private_deque_iterator, b)
    PHD_NUMBER("counter", struct phd_private_deque_iterator, counter)
#if PY_VERSION_HEX < 0x030C0000
    PHD_SAME_FIELDS("_collections._deque_reverse_iterator")
#else
    PHD_SAME_FIELDS("collections._deque_reverse_iterator")
#endif
    PHD_TYPE("collections.defaultdict", struct phd_private_defdict)
    PHD_FIELD(OBJECT, "default_factory", struct phd_private_defdict, default_factory)
#if PY_VERSION_HEX < 0x030C0000
    PHD_TYPE("_collections._tuplegetter", struct phd_private_tuple_getter)
#else
    PHD_TYPE("collections._tuplegetter", struct phd_private_tuple_getter)
#endif
    PHD_NUMBER("index", struct phd_private_tuple_getter, index)
    PHD_FIELD(OBJECT_EX, "__doc__", struct phd_private_tuple_getter, doc)
    PHD_TYPE("collections.OrderedDict", struct phd_private_ordered_dict)
    PHD_FIELD(ADDRESS, "_first", struct phd_private_ordered_dict, od_first)
    PHD_FIELD(ADDRESS, "_last", struct phd_private_ordered_dict, od_last)
    PHD_TYPE("array.array", struct phd_private_array)
    PHD_FIELD(STRING, "typecode", struct phd_private_array, ob_descr)
    PHD_FIELD(ADDRESS, "ob_item", struct phd_private_array, ob_item)
    PHD_NUMBER("_length", struct phd_private_array, ob_base.ob_size)
    PHD_NUMBER("allocated", struct phd_private_array, allocated)
    PHD_NUMBER("ob_exports", struct phd_private_array, ob_exports)
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("arrayiterator", struct phd_private_array_iterator)
#else
    PHD_TYPE("array.arrayiterator", struct phd_private_array_iterator)
#endif
    PHD_NUMBER("index", struct phd_private_array_iterator, index)
    PHD_FIELD(OBJECT_EX, "ao", struct phd_private_array_iterator, ao)
}

/* datetime, zoneinfo */
static inline void phd__probe_datetime_types(struct phd_layout *at)
{
    PHD_TYPE("datetime.date", PyDateTime_Date)
    PHD_NUMBER("hashcode", PyDateTime_Date, hashcode)
    PHD_FIELD(BOOL, "hastzinfo", PyDateTime_Date, hastzinfo)
    PHD_FIELD(BYTES, "data", PyDateTime_Date, data)
    PHD_TYPE("datetime.time", PyDateTime_Time)
    PHD_NUMBER("hashcode", PyDateTime_Time, hashcode)
    PHD_FIELD(BOOL, "hastzinfo", PyDateTime_Time, hastzinfo)
    PHD_FIELD(BYTES, "data", PyDateTime_Time, data)
    PHD_NUMBER("fold", PyDateTime_Time, fold)
    PHD_OBJECT_IF(hastzinfo, "tzinfo", PyDateTime_Time, tzinfo)
    PHD_TYPE("datetime.datetime", PyDateTime_DateTime)
    PHD_NUMBER("hashcode", PyDateTime_DateTime, hashcode)
    PHD_FIELD(BOOL, "hastzinfo", PyDateTime_DateTime, hastzinfo)
    PHD_FIELD(BYTES, "data", PyDateTime_DateTime, data)
    PHD_NUMBER("fold", PyDateTime_DateTime, fold)
    PHD_OBJECT_IF(hastzinfo, "tzinfo", PyDateTime_DateTime, tzinfo)
    PHD_TYPE("datetime.timedelta", PyDateTime_Delta)
    PHD_NUMBER("hashcode", PyDateTime_Delta, hashcode)
    PHD_NUMBER("days", PyDateTime_Delta, days)
    PHD_NUMBER("seconds", PyDateTime_Delta, seconds)
    PHD_NUMBER("microseconds", PyDateTime_Delta, microseconds)
    PHD_TYPE("datetime.timezone", struct phd_private_timezone)
    PHD_FIELD(OBJECT, "offset", struct phd_private_timezone, offset)
    PHD_FIELD(OBJECT, "name", struct phd_private_timezone, name)
    PHD_TYPE("datetime.tzinfo", PyDateTime_TZInfo)
    PHD_TYPE("zoneinfo.ZoneInfo", struct phd_private_zone_info)
    PHD_FIELD(OBJECT, "key", struct phd_private_zone_info, key)
    PHD_FIELD(OBJECT, "_file_repr", struct phd_private_zone_info, file_repr)
    PHD_NUMBER("num_transitions", struct phd_private_zone_info, num_transitions)
    PHD_NUMBER("num_ttinfos", struct phd_private_zone_info, num_ttinfos)
    PHD_FIELD(BOOL, "fixed_offset", struct phd_private_zone_info, fixed_offset)
    PHD_NUMBER("source", struct phd_private_zone_info, source)
}

/* decimal, re, struct, random */
static inline void phd__probe_value_types(struct phd_layout *at)
{
    PHD_TYPE("decimal.Decimal", struct phd_private_decimal)
    PHD_NUMBER("hash", struct phd_private_decimal, hash)
    PHD_NUMBER("_mpd_flags", struct phd_private_decimal, dec.flags)
    PHD_NUMBER("_mpd_exp", struct phd_private_decimal, dec.exp)
    PHD_NUMBER("_mpd_digits", struct phd_private_decimal, dec.digits)
    PHD_NUMBER("_mpd_len", struct phd_private_decimal, dec.len)
    PHD_NUMBER("_mpd_alloc", struct phd_private_decimal, dec.alloc)
    PHD_FIELD(ADDRESS, "_mpd_data", struct phd_private_decimal, dec.data)
    PHD_TYPE("decimal.Context", struct phd_private_decimal_context)
    PHD_NUMBER("prec", struct phd_private_decimal_context, ctx.prec)
    PHD_NUMBER("Emax", struct phd_private_decimal_context, ctx.emax)
    PHD_NUMBER("Emin", struct phd_private_decimal_context, ctx.emin)
    PHD_NUMBER("_traps", struct phd_private_decimal_context, ctx.traps)
    PHD_NUMBER("_flags", struct phd_private_decimal_context, ctx.status)
    PHD_NUMBER("rounding", struct phd_private_decimal_context, ctx.round)
    PHD_NUMBER("clamp", struct phd_private_decimal_context, ctx.clamp)
    PHD_NUMBER("capitals", struct phd_private_decimal_context, capitals)
    PHD_FIELD(OBJECT_EX, "traps", struct phd_private_decimal_context, traps)
    PHD_FIELD(OBJECT_EX, "flags", struct phd_private_decimal_context, flags)
    PHD_TYPE("decimal.SignalDictMixin", struct phd_private_decimal_signals)
    PHD_FIELD(ADDRESS, "flags", struct phd_private_decimal_signals, flags)
    PHD_TYPE("decimal.ContextManager", struct phd_private_decimal_context_manager)
    PHD_FIELD(OBJECT_EX, "local", struct phd_private_decimal_context_manager, local)
    PHD_FIELD(OBJECT_EX, "global", struct phd_private_decimal_context_manager, global)
    PHD_TYPE("re.Pattern", struct phd_private_sre_pattern)
    PHD_FIELD(OBJECT, "pattern", struct phd_private_sre_pattern, pattern)
    PHD_NUMBER("flags", struct phd_private_sre_pattern, flags)
    PHD_NUMBER("groups", struct phd_private_sre_pattern, groups)
    PHD_FIELD(OBJECT, "groupindex", struct phd_private_sre_pattern, groupindex)
    PHD_FIELD(OBJECT, "indexgroup", struct phd_private_sre_pattern, indexgroup)
    PHD_NUMBER("isbytes", struct phd_private_sre_pattern, isbytes)
    PHD_TYPE("re.Match", struct phd_private_sre_match)
    PHD_FIELD(OBJECT, "string", struct phd_private_sre_match, string)
    PHD_FIELD(OBJECT, "_regs", struct phd_private_sre_match, regs)
    PHD_FIELD(OBJECT, "re", struct phd_private_sre_match, pattern)
    PHD_NUMBER("pos", struct phd_private_sre_match, pos)
    PHD_NUMBER("endpos", struct phd_private_sre_match, endpos)
    PHD_NUMBER("_lastindex", struct phd_private_sre_match, lastindex)
    PHD_NUMBER("_groups", struct phd_private_sre_match, groups)
    PHD_TYPE("_sre.SRE_Scanner", struct phd_private_sre_scanner)
    PHD_FIELD(OBJECT, "pattern", struct phd_private_sre_scanner, pattern)
    PHD_TYPE("_struct.Struct", struct phd_private_struct)
    PHD_FIELD(OBJECT, "format", struct phd_private_struct, s_format)
    PHD_NUMBER("size", struct phd_private_struct, s_size)
    PHD_NUMBER("s_len", struct phd_private_struct, s_len)
    PHD_TYPE("_struct.unpack_iterator", struct phd_private_struct_unpack_iterator)
    PHD_FIELD(OBJECT_EX, "so", struct phd_private_struct_unpack_iterator, so)
    PHD_FIELD(OBJECT, "obj", struct phd_private_struct_unpack_iterator, buf.obj)
    PHD_NUMBER("index", struct phd_private_struct_unpack_iterator, index)
    PHD_TYPE("_random.Random", struct phd_private_random)
    PHD_NUMBER("index", struct phd_private_random, index)
    PHD_FIELD(BYTES, "state", struct phd_private_random, state)
}

#endif
