/* SPDX-License-Identifier: Apache-2.0
 *
 * Named fields of C types of the standard library. How a row is written: struct_types.h.
 * Included by struct_types.h only.
 */
#ifndef PHD_LAYOUT_TYPES_LIBRARY_H
#define PHD_LAYOUT_TYPES_LIBRARY_H

/* itertools */
static inline void phd__probe_itertools_types(struct phd_layout *at)
{
    PHD_TYPE("itertools.count", struct phd_private_count)
    PHD_NUMBER("cnt", struct phd_private_count, cnt)
    PHD_FIELD(OBJECT_EX, "long_cnt", struct phd_private_count, long_cnt)
    PHD_FIELD(OBJECT_EX, "long_step", struct phd_private_count, long_step)
    PHD_TYPE("itertools.cycle", struct phd_private_cycle)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_cycle, it)
    PHD_FIELD(OBJECT_EX, "saved", struct phd_private_cycle, saved)
    PHD_NUMBER("index", struct phd_private_cycle, index)
#if PY_VERSION_HEX < 0x030E0000
    PHD_FIELD(BOOL, "firstpass", struct phd_private_cycle, firstpass)
#endif
    PHD_TYPE("itertools.repeat", struct phd_private_repeat)
    PHD_FIELD(OBJECT_EX, "element", struct phd_private_repeat, element)
    PHD_NUMBER("cnt", struct phd_private_repeat, cnt)
    PHD_TYPE("itertools.chain", struct phd_private_chain)
    PHD_FIELD(OBJECT_EX, "source", struct phd_private_chain, source)
    PHD_FIELD(OBJECT_EX, "active", struct phd_private_chain, active)
    PHD_TYPE("itertools.islice", struct phd_private_islice)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_islice, it)
    PHD_NUMBER("next", struct phd_private_islice, next)
    PHD_NUMBER("stop", struct phd_private_islice, stop)
    PHD_NUMBER("step", struct phd_private_islice, step)
    PHD_NUMBER("cnt", struct phd_private_islice, cnt)
    PHD_TYPE("itertools.accumulate", struct phd_private_accumulate)
    PHD_FIELD(OBJECT_EX, "total", struct phd_private_accumulate, total)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_accumulate, it)
    PHD_FIELD(OBJECT_EX, "binop", struct phd_private_accumulate, binop)
    PHD_FIELD(OBJECT_EX, "initial", struct phd_private_accumulate, initial)
    PHD_TYPE("itertools.compress", struct phd_private_compress)
    PHD_FIELD(OBJECT_EX, "data", struct phd_private_compress, data)
    PHD_FIELD(OBJECT_EX, "selectors", struct phd_private_compress, selectors)
    PHD_TYPE("itertools.dropwhile", struct phd_private_dropwhile)
    PHD_FIELD(OBJECT_EX, "func", struct phd_private_dropwhile, func)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_dropwhile, it)
    PHD_NUMBER("start", struct phd_private_dropwhile, start)
    PHD_TYPE("itertools.takewhile", struct phd_private_takewhile)
    PHD_FIELD(OBJECT_EX, "func", struct phd_private_takewhile, func)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_takewhile, it)
    PHD_NUMBER("stop", struct phd_private_takewhile, stop)
    PHD_TYPE("itertools.filterfalse", struct phd_private_filterfalse)
    PHD_FIELD(OBJECT_EX, "func", struct phd_private_filterfalse, func)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_filterfalse, it)
    PHD_TYPE("itertools.starmap", struct phd_private_starmap)
    PHD_FIELD(OBJECT_EX, "func", struct phd_private_starmap, func)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_starmap, it)
    PHD_TYPE("itertools.groupby", struct phd_private_groupby)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_groupby, it)
    PHD_FIELD(OBJECT_EX, "keyfunc", struct phd_private_groupby, keyfunc)
    PHD_FIELD(OBJECT_EX, "tgtkey", struct phd_private_groupby, tgtkey)
    PHD_FIELD(OBJECT_EX, "currkey", struct phd_private_groupby, currkey)
    PHD_FIELD(OBJECT_EX, "currvalue", struct phd_private_groupby, currvalue)
    PHD_FIELD(ADDRESS, "currgrouper", struct phd_private_groupby, currgrouper)
    PHD_TYPE("itertools._grouper", struct phd_private_grouper)
    PHD_FIELD(OBJECT_EX, "parent", struct phd_private_grouper, parent)
    PHD_FIELD(OBJECT_EX, "tgtkey", struct phd_private_grouper, tgtkey)
    PHD_TYPE("itertools.product", struct phd_private_product)
    PHD_FIELD(OBJECT_EX, "pools", struct phd_private_product, pools)
    PHD_FIELD(ADDRESS, "indices", struct phd_private_product, indices)
    PHD_FIELD(OBJECT_EX, "result", struct phd_private_product, result)
    PHD_FIELD(BOOL, "stopped", struct phd_private_product, stopped)
    PHD_TYPE("itertools.combinations", struct phd_private_combinations)
    PHD_FIELD(OBJECT_EX, "pool", struct phd_private_combinations, pool)
    PHD_FIELD(ADDRESS, "indices", struct phd_private_combinations, indices)
    PHD_FIELD(OBJECT_EX, "result", struct phd_private_combinations, result)
    PHD_NUMBER("r", struct phd_private_combinations, r)
    PHD_FIELD(BOOL, "stopped", struct phd_private_combinations, stopped)
    PHD_TYPE("itertools.combinations_with_replacement", struct phd_private_combinations_with_replacement)
    PHD_FIELD(OBJECT_EX, "pool", struct phd_private_combinations_with_replacement, pool)
    PHD_FIELD(ADDRESS, "indices", struct phd_private_combinations_with_replacement, indices)
    PHD_FIELD(OBJECT_EX, "result", struct phd_private_combinations_with_replacement, result)
    PHD_NUMBER("r", struct phd_private_combinations_with_replacement, r)
    PHD_FIELD(BOOL, "stopped", struct phd_private_combinations_with_replacement, stopped)
    PHD_TYPE("itertools.permutations", struct phd_private_permutations)
    PHD_FIELD(OBJECT_EX, "pool", struct phd_private_permutations, pool)
    PHD_FIELD(ADDRESS, "indices", struct phd_private_permutations, indices)
    PHD_FIELD(ADDRESS, "cycles", struct phd_private_permutations, cycles)
    PHD_FIELD(OBJECT_EX, "result", struct phd_private_permutations, result)
    PHD_NUMBER("r", struct phd_private_permutations, r)
    PHD_FIELD(BOOL, "stopped", struct phd_private_permutations, stopped)
    PHD_TYPE("itertools.zip_longest", struct phd_private_zip_longest)
    PHD_NUMBER("tuplesize", struct phd_private_zip_longest, tuplesize)
    PHD_NUMBER("numactive", struct phd_private_zip_longest, numactive)
    PHD_FIELD(OBJECT_EX, "ittuple", struct phd_private_zip_longest, ittuple)
    PHD_FIELD(OBJECT_EX, "result", struct phd_private_zip_longest, result)
    PHD_FIELD(OBJECT_EX, "fillvalue", struct phd_private_zip_longest, fillvalue)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_TYPE("itertools.pairwise", struct phd_private_pairwise)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_pairwise, it)
    PHD_FIELD(OBJECT_EX, "old", struct phd_private_pairwise, old)
#if PY_VERSION_HEX >= 0x030D0000
    PHD_FIELD(OBJECT_EX, "result", struct phd_private_pairwise, result)
#endif
#endif
#if PY_VERSION_HEX >= 0x030C0000
    PHD_TYPE("itertools.batched", struct phd_private_batched)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_batched, it)
    PHD_NUMBER("batch_size", struct phd_private_batched, batch_size)
#if PY_VERSION_HEX >= 0x030D0000
    PHD_FIELD(BOOL, "strict", struct phd_private_batched, strict)
#endif
#endif
    PHD_TYPE("itertools._tee", struct phd_private_tee)
    PHD_FIELD(OBJECT_EX, "dataobj", struct phd_private_tee, dataobj)
    PHD_NUMBER("index", struct phd_private_tee, index)
    PHD_TYPE("itertools._tee_dataobject", struct phd_private_teedata)
    PHD_FIELD(OBJECT_EX, "it", struct phd_private_teedata, it)
    PHD_NUMBER("numread", struct phd_private_teedata, numread)
    PHD_FIELD(BOOL, "running", struct phd_private_teedata, running)
    PHD_FIELD(OBJECT_EX, "nextlink", struct phd_private_teedata, nextlink)
}

/* functools, operator */
static inline void phd__probe_functools_types(struct phd_layout *at)
{
    PHD_TYPE("functools.partial", struct phd_private_partial)
    PHD_FIELD(OBJECT_EX, "func", struct phd_private_partial, fn)
    PHD_FIELD(OBJECT_EX, "args", struct phd_private_partial, args)
    PHD_FIELD(OBJECT_EX, "keywords", struct phd_private_partial, kw)
    PHD_TYPE("functools._lru_list_elem", struct phd_private_lru_list_elem)
    PHD_NUMBER("hash", struct phd_private_lru_list_elem, hash)
    PHD_FIELD(OBJECT_EX, "key", struct phd_private_lru_list_elem, key)
    PHD_FIELD(OBJECT_EX, "result", struct phd_private_lru_list_elem, result)
    PHD_TYPE("functools._lru_cache_wrapper", struct phd_private_lru_cache)
    PHD_FIELD(OBJECT_EX, "__wrapped__", struct phd_private_lru_cache, func)
    PHD_NUMBER("hits", struct phd_private_lru_cache, hits)
    PHD_NUMBER("misses", struct phd_private_lru_cache, misses)
    PHD_NUMBER("maxsize", struct phd_private_lru_cache, maxsize)
    PHD_FIELD(BOOL, "typed", struct phd_private_lru_cache, typed)
    PHD_FIELD(OBJECT_EX, "cache", struct phd_private_lru_cache, cache)
    PHD_FIELD(OBJECT_EX, "cache_info_type", struct phd_private_lru_cache, cache_info_type)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_FIELD(OBJECT_EX, "kwd_mark", struct phd_private_lru_cache, kwd_mark)
#endif
    PHD_TYPE("functools.KeyWrapper", struct phd_private_cmp_key)
    PHD_FIELD(OBJECT_EX, "cmp", struct phd_private_cmp_key, cmp)
    PHD_FIELD(OBJECT_EX, "obj", struct phd_private_cmp_key, object)
    PHD_TYPE("operator.itemgetter", struct phd_private_itemgetter)
    PHD_NUMBER("nitems", struct phd_private_itemgetter, nitems)
    PHD_FIELD(OBJECT_EX, "item", struct phd_private_itemgetter, item)
    PHD_NUMBER("index", struct phd_private_itemgetter, index)
    PHD_TYPE("operator.attrgetter", struct phd_private_attrgetter)
    PHD_NUMBER("nattrs", struct phd_private_attrgetter, nattrs)
    PHD_FIELD(OBJECT_EX, "attr", struct phd_private_attrgetter, attr)
    PHD_TYPE("operator.methodcaller", struct phd_private_methodcaller)
    PHD_FIELD(OBJECT_EX, "name", struct phd_private_methodcaller, name)
#if (PY_VERSION_HEX < 0x030D0000) || (PY_VERSION_HEX >= 0x030E0000)
    PHD_FIELD(OBJECT_EX, "args", struct phd_private_methodcaller, args)
#endif
#if PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000
    PHD_FIELD(OBJECT_EX, "xargs", struct phd_private_methodcaller, xargs)
#endif
    PHD_FIELD(OBJECT_EX, "kwds", struct phd_private_methodcaller, kwds)
}

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

/* locks, thread-local data, queues */
static inline void phd__probe_thread_types(struct phd_layout *at)
{
#if PY_VERSION_HEX < 0x030E0000
    PHD_TYPE("_thread.lock", struct phd_private_lock)
    PHD_FIELD(BOOL, "locked", struct phd_private_lock, locked)
    PHD_FIELD(ADDRESS, "lock_lock", struct phd_private_lock, lock_lock)
#else
    PHD_TYPE("_thread.lock", struct phd_private_lock)
    PHD_BITS("locked", struct phd_private_lock, lock.locked)
#endif
#if PY_VERSION_HEX < 0x030E0000
    PHD_TYPE("_thread.RLock", struct phd_private_rlock)
    PHD_NUMBER("count", struct phd_private_rlock, rlock_count)
    PHD_NUMBER("owner", struct phd_private_rlock, rlock_owner)
    PHD_FIELD(ADDRESS, "rlock_lock", struct phd_private_rlock, rlock_lock)
#else
    PHD_TYPE("_thread.RLock", struct phd_private_rlock)
    PHD_FIELD(LOCK_COUNT, "count", struct phd_private_rlock, lock)
    PHD_NUMBER("owner", struct phd_private_rlock, lock.thread)
    PHD_BITS("locked", struct phd_private_rlock, lock.mutex.locked)
#endif
#if PY_VERSION_HEX < 0x030D0000
    PHD_TYPE("_thread._local", struct phd_private_local)
    PHD_FIELD(OBJECT_EX, "key", struct phd_private_local, key)
    PHD_FIELD(OBJECT_EX, "args", struct phd_private_local, args)
    PHD_FIELD(OBJECT_EX, "kw", struct phd_private_local, kw)
    PHD_FIELD(OBJECT_EX, "dummies", struct phd_private_local, dummies)
    PHD_FIELD(OBJECT_EX, "wr_callback", struct phd_private_local, wr_callback)
#else
    PHD_TYPE("_thread._local", struct phd_private_local)
    PHD_FIELD(OBJECT_EX, "args", struct phd_private_local, args)
    PHD_FIELD(OBJECT_EX, "kw", struct phd_private_local, kw)
    PHD_FIELD(OBJECT_EX, "localdicts", struct phd_private_local, localdicts)
    PHD_FIELD(OBJECT_EX, "thread_watchdogs", struct phd_private_local, thread_watchdogs)
#endif
#if PY_VERSION_HEX < 0x030D0000
    PHD_TYPE("_thread._localdummy", struct phd_private_localdummy)
    PHD_FIELD(OBJECT_EX, "localdict", struct phd_private_localdummy, localdict)
#else
    PHD_TYPE("_thread._localdummy", struct phd_private_localdummy)
    PHD_TYPE("_thread._ThreadHandle", struct phd_private_thread_handle)
    PHD_FIELD(ADDRESS, "handle", struct phd_private_thread_handle, handle)
#endif
#if PY_VERSION_HEX < 0x030D0000
    PHD_TYPE("_queue.SimpleQueue", struct phd_private_simple_queue)
    PHD_FIELD(BOOL, "locked", struct phd_private_simple_queue, locked)
    PHD_FIELD(OBJECT_EX, "_lst", struct phd_private_simple_queue, lst)
    PHD_NUMBER("_lst_pos", struct phd_private_simple_queue, lst_pos)
#else
    PHD_TYPE("_queue.SimpleQueue", struct phd_private_simple_queue)
    PHD_FIELD(BOOL, "has_threads_waiting", struct phd_private_simple_queue, has_threads_waiting)
    PHD_NUMBER("_put_idx", struct phd_private_simple_queue, buf.put_idx)
    PHD_NUMBER("_get_idx", struct phd_private_simple_queue, buf.get_idx)
    PHD_FIELD(ADDRESS, "_items", struct phd_private_simple_queue, buf.items)
    PHD_NUMBER("_items_cap", struct phd_private_simple_queue, buf.items_cap)
    PHD_NUMBER("_num_items", struct phd_private_simple_queue, buf.num_items)
#endif
}

/* context variables, semaphores of multiprocessing */
static inline void phd__probe_context_types(struct phd_layout *at)
{
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("Context", struct phd_private_context)
#else
    PHD_TYPE("_contextvars.Context", struct phd_private_context)
#endif
    PHD_FIELD(OBJECT, "ctx_prev", struct phd_private_context, ctx_prev)
    PHD_FIELD(OBJECT, "ctx_vars", struct phd_private_context, ctx_vars)
    PHD_FIELD(BOOL, "ctx_entered", struct phd_private_context, ctx_entered)
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("ContextVar", struct phd_private_context_var)
#else
    PHD_TYPE("_contextvars.ContextVar", struct phd_private_context_var)
#endif
    PHD_FIELD(OBJECT, "name", struct phd_private_context_var, var_name)
    PHD_FIELD(OBJECT_EX, "var_default", struct phd_private_context_var, var_default)
    PHD_NUMBER("var_hash", struct phd_private_context_var, var_hash)
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("Token", struct phd_private_context_token)
#else
    PHD_TYPE("_contextvars.Token", struct phd_private_context_token)
#endif
    PHD_FIELD(OBJECT, "tok_ctx", struct phd_private_context_token, tok_ctx)
    PHD_FIELD(OBJECT, "var", struct phd_private_context_token, tok_var)
    PHD_FIELD(OBJECT_EX, "tok_oldval", struct phd_private_context_token, tok_oldval)
    PHD_FIELD(BOOL, "tok_used", struct phd_private_context_token, tok_used)
    PHD_TYPE("hamt", struct phd_private_hamt)
    PHD_FIELD(OBJECT_EX, "h_root", struct phd_private_hamt, h_root)
    PHD_NUMBER("h_count", struct phd_private_hamt, h_count)
    PHD_SIZED_TYPE("hamt_bitmap_node", offsetof(struct phd_private_hamt_bitmap_node, b_array))
    PHD_NUMBER("b_bitmap", struct phd_private_hamt_bitmap_node, b_bitmap)
    PHD_SIZED_TYPE("hamt_collision_node", offsetof(struct phd_private_hamt_collision_node, c_array))
    PHD_NUMBER("c_hash", struct phd_private_hamt_collision_node, c_hash)
    PHD_TYPE("hamt_array_node", struct phd_private_hamt_array_node)
    PHD_NUMBER("a_count", struct phd_private_hamt_array_node, a_count)
    PHD_TYPE("_multiprocessing.SemLock", struct phd_private_sem_lock)
    PHD_FIELD(STRING, "name", struct phd_private_sem_lock, name)
    PHD_NUMBER("kind", struct phd_private_sem_lock, kind)
    PHD_NUMBER("maxvalue", struct phd_private_sem_lock, maxvalue)
    PHD_NUMBER("count", struct phd_private_sem_lock, count)
    PHD_NUMBER("last_tid", struct phd_private_sem_lock, last_tid)
    PHD_FIELD(ADDRESS, "handle", struct phd_private_sem_lock, handle)
}

/* The fields of a future come first in a task too (FutureObj_HEAD). */
static inline void phd__probe_future_fields(struct phd_layout *at)
{
    PHD_FIELD(OBJECT_EX, "_loop", struct phd_private_future, fut_loop)
    PHD_FIELD(OBJECT_EX, "fut_callback0", struct phd_private_future, fut_callback0)
    PHD_FIELD(OBJECT_EX, "fut_context0", struct phd_private_future, fut_context0)
    PHD_FIELD(OBJECT_EX, "fut_callbacks", struct phd_private_future, fut_callbacks)
    PHD_FIELD(OBJECT, "_exception", struct phd_private_future, fut_exception)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_FIELD(OBJECT_EX, "fut_exception_tb", struct phd_private_future, fut_exception_tb)
#endif
    PHD_FIELD(OBJECT, "_result", struct phd_private_future, fut_result)
    PHD_FIELD(OBJECT, "_source_traceback", struct phd_private_future, fut_source_tb)
    PHD_FIELD(OBJECT, "_cancel_message", struct phd_private_future, fut_cancel_msg)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_FIELD(OBJECT_EX, "fut_cancelled_exc", struct phd_private_future, fut_cancelled_exc)
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT_EX, "fut_awaited_by", struct phd_private_future, fut_awaited_by)
#endif
    PHD_NUMBER("fut_state", struct phd_private_future, fut_state) /* 0 pending, 1 cancelled, 2 finished */
    PHD_BITS("_log_traceback", struct phd_private_future, fut_log_tb)
    PHD_BITS("_asyncio_future_blocking", struct phd_private_future, fut_blocking)
}

/* _asyncio; a task has the fields of its future first */
static inline void phd__probe_asyncio_types(struct phd_layout *at)
{
    PHD_TYPE("_asyncio.Future", struct phd_private_future)
    phd__probe_future_fields(at);
    PHD_TYPE("_asyncio.Task", struct phd_private_task)
    phd__probe_future_fields(at);
    PHD_FIELD(OBJECT_EX, "_coro", struct phd_private_task, task_coro)
    PHD_FIELD(OBJECT, "_fut_waiter", struct phd_private_task, task_fut_waiter)
    PHD_FIELD(OBJECT_EX, "task_name", struct phd_private_task, task_name)
    PHD_FIELD(OBJECT_EX, "task_context", struct phd_private_task, task_context)
    PHD_BITS("_must_cancel", struct phd_private_task, task_must_cancel)
    PHD_BITS("_log_destroy_pending", struct phd_private_task, task_log_destroy_pending)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_NUMBER("_num_cancels_requested", struct phd_private_task, task_num_cancels_requested)
#endif
    PHD_TYPE("_asyncio.FutureIter", struct phd_private_future_iterator)
    PHD_FIELD(OBJECT_EX, "future", struct phd_private_future_iterator, future)
#if PY_VERSION_HEX < 0x030C0000
    PHD_TYPE("TaskStepMethWrapper", struct phd_private_task_step_method)
#else
    PHD_TYPE("_asyncio.TaskStepMethWrapper", struct phd_private_task_step_method)
#endif
    PHD_FIELD(OBJECT_EX, "sw_task", struct phd_private_task_step_method, sw_task)
    PHD_FIELD(OBJECT_EX, "sw_arg", struct phd_private_task_step_method, sw_arg)
}

/* What all ctypes instances begin with; b_ptr is where their memory is. */
static inline void phd__probe_ctypes_fields(struct phd_layout *at)
{
    PHD_FIELD(ADDRESS, "b_ptr", struct phd_private_ctypes_data, b_ptr)
    PHD_FIELD(BOOL, "_b_needsfree_", struct phd_private_ctypes_data, b_needsfree)
    PHD_FIELD(OBJECT, "_b_base_", struct phd_private_ctypes_data, b_base)
    PHD_NUMBER("b_size", struct phd_private_ctypes_data, b_size)
    PHD_NUMBER("b_length", struct phd_private_ctypes_data, b_length)
    PHD_NUMBER("b_index", struct phd_private_ctypes_data, b_index)
    PHD_FIELD(OBJECT, "_objects", struct phd_private_ctypes_data, b_objects)
}

/* ctypes; an instance of a Structure, Array … is a _CData */
static inline void phd__probe_ctypes_types(struct phd_layout *at)
{
    PHD_TYPE("_ctypes._CData", struct phd_private_ctypes_data)
    phd__probe_ctypes_fields(at);
#if PY_VERSION_HEX < 0x030A0000
    PHD_TYPE("_ctypes.PyCFuncPtr", struct phd_private_ctypes_function)
#else
    PHD_TYPE("_ctypes.CFuncPtr", struct phd_private_ctypes_function)
#endif
    phd__probe_ctypes_fields(at);
    PHD_FIELD(OBJECT_EX, "thunk", struct phd_private_ctypes_function, thunk)
    PHD_FIELD(OBJECT_EX, "callable", struct phd_private_ctypes_function, callable)
    PHD_FIELD(OBJECT_EX, "converters", struct phd_private_ctypes_function, converters)
    PHD_FIELD(OBJECT_EX, "argtypes", struct phd_private_ctypes_function, argtypes)
    PHD_FIELD(OBJECT_EX, "restype", struct phd_private_ctypes_function, restype)
    PHD_FIELD(OBJECT_EX, "checker", struct phd_private_ctypes_function, checker)
    PHD_FIELD(OBJECT_EX, "errcheck", struct phd_private_ctypes_function, errcheck)
    PHD_FIELD(OBJECT_EX, "paramflags", struct phd_private_ctypes_function, paramflags)
#if PY_VERSION_HEX < 0x030E0000
    PHD_TYPE("_ctypes.CField", struct phd_private_ctypes_field)
    PHD_NUMBER("offset", struct phd_private_ctypes_field, offset)
    PHD_NUMBER("size", struct phd_private_ctypes_field, size)
    PHD_NUMBER("index", struct phd_private_ctypes_field, index)
    PHD_FIELD(OBJECT_EX, "proto", struct phd_private_ctypes_field, proto)
    PHD_FIELD(BOOL, "anonymous", struct phd_private_ctypes_field, anonymous)
#else
    PHD_TYPE("ctypes.CField", struct phd_private_ctypes_field)
    PHD_FIELD(OBJECT_EX, "name", struct phd_private_ctypes_field, name)
    PHD_NUMBER("byte_offset", struct phd_private_ctypes_field, byte_offset)
    PHD_NUMBER("byte_size", struct phd_private_ctypes_field, byte_size)
    PHD_NUMBER("index", struct phd_private_ctypes_field, index)
    PHD_FIELD(OBJECT_EX, "proto", struct phd_private_ctypes_field, proto)
    PHD_BITS("anonymous", struct phd_private_ctypes_field, anonymous)
    PHD_NUMBER("bitfield_size", struct phd_private_ctypes_field, bitfield_size)
    PHD_NUMBER("bit_offset", struct phd_private_ctypes_field, bit_offset)
#endif
#if PY_VERSION_HEX < 0x030C0000
    PHD_TYPE("CArgObject", struct phd_private_ctypes_argument)
#else
    PHD_TYPE("_ctypes.CArgObject", struct phd_private_ctypes_argument)
#endif
    PHD_FIELD(OBJECT_EX, "_obj", struct phd_private_ctypes_argument, obj)
    PHD_NUMBER("size", struct phd_private_ctypes_argument, size)
}

/* csv, json, pickle, compression, ElementTree, abc */
static inline void phd__probe_format_types(struct phd_layout *at)
{
    PHD_TYPE("_csv.reader", struct phd_private_csv_reader)
    PHD_FIELD(OBJECT_EX, "input_iter", struct phd_private_csv_reader, input_iter)
    PHD_FIELD(OBJECT_EX, "dialect", struct phd_private_csv_reader, dialect)
    PHD_FIELD(OBJECT_EX, "fields", struct phd_private_csv_reader, fields)
    PHD_NUMBER("state", struct phd_private_csv_reader, state)
    PHD_NUMBER("field_len", struct phd_private_csv_reader, field_len)
    PHD_NUMBER("line_num", struct phd_private_csv_reader, line_num)
    PHD_TYPE("_csv.writer", struct phd_private_csv_writer)
    PHD_FIELD(OBJECT_EX, "write", struct phd_private_csv_writer, write)
    PHD_FIELD(OBJECT_EX, "dialect", struct phd_private_csv_writer, dialect)
    PHD_NUMBER("num_fields", struct phd_private_csv_writer, num_fields)
#if PY_VERSION_HEX >= 0x030A0000
    PHD_FIELD(OBJECT_EX, "error_obj", struct phd_private_csv_writer, error_obj)
#endif
    PHD_TYPE("_csv.Dialect", struct phd_private_csv_dialect)
    PHD_FIELD(BOOL, "doublequote", struct phd_private_csv_dialect, doublequote)
    PHD_FIELD(BOOL, "skipinitialspace", struct phd_private_csv_dialect, skipinitialspace)
    PHD_FIELD(BOOL, "strict", struct phd_private_csv_dialect, strict)
    PHD_NUMBER("quoting", struct phd_private_csv_dialect, quoting)
    PHD_NUMBER("delimiter", struct phd_private_csv_dialect, delimiter)
    PHD_NUMBER("quotechar", struct phd_private_csv_dialect, quotechar)
    PHD_NUMBER("escapechar", struct phd_private_csv_dialect, escapechar)
    PHD_FIELD(OBJECT, "lineterminator", struct phd_private_csv_dialect, lineterminator)
    PHD_TYPE("_json.Scanner", struct phd_private_json_scanner)
    PHD_FIELD(BOOL, "strict", struct phd_private_json_scanner, strict)
    PHD_FIELD(OBJECT, "object_hook", struct phd_private_json_scanner, object_hook)
    PHD_FIELD(OBJECT, "object_pairs_hook", struct phd_private_json_scanner, object_pairs_hook)
#if PY_VERSION_HEX >= 0x030F0000
    PHD_FIELD(OBJECT, "array_hook", struct phd_private_json_scanner, array_hook)
#endif
    PHD_FIELD(OBJECT, "parse_float", struct phd_private_json_scanner, parse_float)
    PHD_FIELD(OBJECT, "parse_int", struct phd_private_json_scanner, parse_int)
    PHD_FIELD(OBJECT, "parse_constant", struct phd_private_json_scanner, parse_constant)
#if PY_VERSION_HEX < 0x030D0000
    PHD_FIELD(OBJECT_EX, "memo", struct phd_private_json_scanner, memo)
#endif
    PHD_TYPE("_json.Encoder", struct phd_private_json_encoder)
    PHD_FIELD(OBJECT, "markers", struct phd_private_json_encoder, markers)
    PHD_FIELD(OBJECT, "default", struct phd_private_json_encoder, defaultfn)
    PHD_FIELD(OBJECT, "encoder", struct phd_private_json_encoder, encoder)
    PHD_FIELD(OBJECT, "indent", struct phd_private_json_encoder, indent)
    PHD_FIELD(OBJECT, "key_separator", struct phd_private_json_encoder, key_separator)
    PHD_FIELD(OBJECT, "item_separator", struct phd_private_json_encoder, item_separator)
    PHD_FIELD(BOOL, "sort_keys", struct phd_private_json_encoder, sort_keys)
    PHD_FIELD(BOOL, "skipkeys", struct phd_private_json_encoder, skipkeys)
    PHD_FIELD(BOOL, "allow_nan", struct phd_private_json_encoder, allow_nan)
    PHD_TYPE("_pickle.Pickler", struct phd_private_pickler)
    PHD_FIELD(OBJECT_EX, "dispatch_table", struct phd_private_pickler, dispatch_table)
    PHD_FIELD(OBJECT_EX, "reducer_override", struct phd_private_pickler, reducer_override)
    PHD_FIELD(OBJECT_EX, "write", struct phd_private_pickler, write)
    PHD_FIELD(OBJECT_EX, "output_buffer", struct phd_private_pickler, output_buffer)
    PHD_NUMBER("output_len", struct phd_private_pickler, output_len)
    PHD_NUMBER("proto", struct phd_private_pickler, proto)
    PHD_FIELD(BOOL, "bin", struct phd_private_pickler, bin)
    PHD_FIELD(BOOL, "framing", struct phd_private_pickler, framing)
#if PY_VERSION_HEX < 0x030D0000
    PHD_FIELD(OBJECT_EX, "pers_func", struct phd_private_pickler, pers_func)
#else
    PHD_FIELD(OBJECT_EX, "persistent_id", struct phd_private_pickler, persistent_id)
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT_EX, "persistent_id_attr", struct phd_private_pickler, persistent_id_attr)
#endif
    PHD_FIELD(OBJECT_EX, "fast_memo", struct phd_private_pickler, fast_memo)
    PHD_FIELD(OBJECT_EX, "buffer_callback", struct phd_private_pickler, buffer_callback)
    PHD_TYPE("_pickle.Unpickler", struct phd_private_unpickler)
    PHD_FIELD(OBJECT_EX, "stack", struct phd_private_unpickler, stack)
#if PY_VERSION_HEX >= 0x030F0000
    PHD_FIELD(OBJECT_EX, "memo_dict", struct phd_private_unpickler, memo_dict)
#endif
#if PY_VERSION_HEX < 0x030D0000
    PHD_FIELD(OBJECT_EX, "pers_func", struct phd_private_unpickler, pers_func)
#else
    PHD_FIELD(OBJECT_EX, "persistent_load", struct phd_private_unpickler, persistent_load)
#endif
#if PY_VERSION_HEX >= 0x030E0000
    PHD_FIELD(OBJECT_EX, "persistent_load_attr", struct phd_private_unpickler, persistent_load_attr)
#endif
    PHD_FIELD(OBJECT, "buffer", struct phd_private_unpickler, buffer.obj)
    PHD_NUMBER("next_read_idx", struct phd_private_unpickler, next_read_idx)
    PHD_NUMBER("input_len", struct phd_private_unpickler, input_len)
    PHD_FIELD(OBJECT_EX, "read", struct phd_private_unpickler, read)
    PHD_FIELD(OBJECT_EX, "readinto", struct phd_private_unpickler, readinto)
    PHD_FIELD(OBJECT_EX, "readline", struct phd_private_unpickler, readline)
    PHD_FIELD(OBJECT_EX, "peek", struct phd_private_unpickler, peek)
    PHD_FIELD(OBJECT_EX, "buffers", struct phd_private_unpickler, buffers)
    PHD_FIELD(STRING, "encoding", struct phd_private_unpickler, encoding)
    PHD_FIELD(STRING, "errors", struct phd_private_unpickler, errors)
    PHD_NUMBER("proto", struct phd_private_unpickler, proto)
    PHD_TYPE("zlib.Decompress", struct phd_private_zlib_object)
    PHD_FIELD(OBJECT, "unused_data", struct phd_private_zlib_object, unused_data)
    PHD_FIELD(OBJECT, "unconsumed_tail", struct phd_private_zlib_object, unconsumed_tail)
    PHD_FIELD(BOOL, "eof", struct phd_private_zlib_object, eof)
    PHD_FIELD(BOOL, "is_initialised", struct phd_private_zlib_object, is_initialised)
    PHD_FIELD(OBJECT_EX, "zdict", struct phd_private_zlib_object, zdict)
    PHD_TYPE("zlib.Compress", struct phd_private_zlib_object)
    PHD_FIELD(OBJECT, "unused_data", struct phd_private_zlib_object, unused_data)
    PHD_FIELD(OBJECT, "unconsumed_tail", struct phd_private_zlib_object, unconsumed_tail)
    PHD_FIELD(BOOL, "eof", struct phd_private_zlib_object, eof)
    PHD_FIELD(BOOL, "is_initialised", struct phd_private_zlib_object, is_initialised)
    PHD_FIELD(OBJECT_EX, "zdict", struct phd_private_zlib_object, zdict)
    PHD_TYPE("_bz2.BZ2Decompressor", struct phd_private_bz2_decompressor)
    PHD_FIELD(BOOL, "eof", struct phd_private_bz2_decompressor, eof)
    PHD_FIELD(OBJECT, "unused_data", struct phd_private_bz2_decompressor, unused_data)
    PHD_FIELD(BOOL, "needs_input", struct phd_private_bz2_decompressor, needs_input)
    PHD_TYPE("_lzma.LZMADecompressor", struct phd_private_lzma_decompressor)
    PHD_NUMBER("check", struct phd_private_lzma_decompressor, check)
    PHD_FIELD(BOOL, "eof", struct phd_private_lzma_decompressor, eof)
    PHD_FIELD(OBJECT, "unused_data", struct phd_private_lzma_decompressor, unused_data)
    PHD_FIELD(BOOL, "needs_input", struct phd_private_lzma_decompressor, needs_input)
    PHD_TYPE("xml.etree.ElementTree.Element", struct phd_private_xml_element)
    PHD_FIELD(OBJECT, "tag", struct phd_private_xml_element, tag)
    PHD_FIELD(OBJECT_EX, "text", struct phd_private_xml_element, text)
    PHD_FIELD(OBJECT_EX, "tail", struct phd_private_xml_element, tail)
    PHD_FIELD(OBJECT_INDIRECT, "attrib", struct phd_private_xml_element, extra)
    PHD_FIELD(ADDRESS, "_extra", struct phd_private_xml_element, extra)
    PHD_TYPE("xml.etree.ElementTree.TreeBuilder", struct phd_private_tree_builder)
    PHD_FIELD(OBJECT_EX, "root", struct phd_private_tree_builder, root)
    PHD_FIELD(OBJECT_EX, "this", struct phd_private_tree_builder, this)
    PHD_FIELD(OBJECT_EX, "last", struct phd_private_tree_builder, last)
    PHD_FIELD(OBJECT_EX, "last_for_tail", struct phd_private_tree_builder, last_for_tail)
    PHD_FIELD(OBJECT_EX, "data", struct phd_private_tree_builder, data)
    PHD_FIELD(OBJECT_EX, "stack", struct phd_private_tree_builder, stack)
    PHD_NUMBER("index", struct phd_private_tree_builder, index)
    PHD_FIELD(OBJECT_EX, "element_factory", struct phd_private_tree_builder, element_factory)
    PHD_FIELD(OBJECT_EX, "comment_factory", struct phd_private_tree_builder, comment_factory)
    PHD_FIELD(OBJECT_EX, "pi_factory", struct phd_private_tree_builder, pi_factory)
    PHD_FIELD(OBJECT_EX, "events_append", struct phd_private_tree_builder, events_append)
    PHD_FIELD(OBJECT_EX, "start_event_obj", struct phd_private_tree_builder, start_event_obj)
    PHD_FIELD(OBJECT_EX, "end_event_obj", struct phd_private_tree_builder, end_event_obj)
    PHD_FIELD(OBJECT_EX, "start_ns_event_obj", struct phd_private_tree_builder, start_ns_event_obj)
    PHD_FIELD(OBJECT_EX, "end_ns_event_obj", struct phd_private_tree_builder, end_ns_event_obj)
    PHD_FIELD(OBJECT_EX, "comment_event_obj", struct phd_private_tree_builder, comment_event_obj)
    PHD_FIELD(OBJECT_EX, "pi_event_obj", struct phd_private_tree_builder, pi_event_obj)
    PHD_FIELD(BOOL, "insert_comments", struct phd_private_tree_builder, insert_comments)
    PHD_FIELD(BOOL, "insert_pis", struct phd_private_tree_builder, insert_pis)
    PHD_TYPE("xml.etree.ElementTree.XMLParser", struct phd_private_xml_parser)
    PHD_FIELD(OBJECT_EX, "target", struct phd_private_xml_parser, target)
    PHD_FIELD(OBJECT_EX, "entity", struct phd_private_xml_parser, entity)
    PHD_FIELD(OBJECT_EX, "names", struct phd_private_xml_parser, names)
    PHD_FIELD(OBJECT_EX, "handle_start_ns", struct phd_private_xml_parser, handle_start_ns)
    PHD_FIELD(OBJECT_EX, "handle_end_ns", struct phd_private_xml_parser, handle_end_ns)
    PHD_FIELD(OBJECT_EX, "handle_start", struct phd_private_xml_parser, handle_start)
    PHD_FIELD(OBJECT_EX, "handle_data", struct phd_private_xml_parser, handle_data)
    PHD_FIELD(OBJECT_EX, "handle_end", struct phd_private_xml_parser, handle_end)
    PHD_FIELD(OBJECT_EX, "handle_comment", struct phd_private_xml_parser, handle_comment)
    PHD_FIELD(OBJECT_EX, "handle_pi", struct phd_private_xml_parser, handle_pi)
    PHD_FIELD(OBJECT_EX, "handle_doctype", struct phd_private_xml_parser, handle_doctype)
    PHD_FIELD(OBJECT_EX, "handle_close", struct phd_private_xml_parser, handle_close)
    PHD_TYPE("_abc._abc_data", struct phd_private_abc_data)
    PHD_FIELD(OBJECT_EX, "_abc_registry", struct phd_private_abc_data, _abc_registry)
    PHD_FIELD(OBJECT_EX, "_abc_cache", struct phd_private_abc_data, _abc_cache)
    PHD_FIELD(OBJECT_EX, "_abc_negative_cache", struct phd_private_abc_data, _abc_negative_cache)
    PHD_NUMBER("_abc_negative_cache_version", struct phd_private_abc_data, _abc_negative_cache_version)
}

/* sqlite3 */
static inline void phd__probe_sqlite_types(struct phd_layout *at)
{
    PHD_TYPE("sqlite3.Connection", struct phd_private_sqlite_connection)
    PHD_FIELD(ADDRESS, "db", struct phd_private_sqlite_connection, db)
    PHD_NUMBER("detect_types", struct phd_private_sqlite_connection, detect_types)
    PHD_FIELD(BOOL, "initialized", struct phd_private_sqlite_connection, initialized)
    PHD_FIELD(BOOL, "check_same_thread", struct phd_private_sqlite_connection, check_same_thread)
    PHD_NUMBER("thread_ident", struct phd_private_sqlite_connection, thread_ident)
    PHD_FIELD(OBJECT_EX, "row_factory", struct phd_private_sqlite_connection, row_factory)
    PHD_FIELD(OBJECT_EX, "text_factory", struct phd_private_sqlite_connection, text_factory)
    PHD_TYPE("sqlite3.Cursor", struct phd_private_sqlite_cursor)
    PHD_FIELD(OBJECT, "connection", struct phd_private_sqlite_cursor, connection)
    PHD_FIELD(OBJECT, "description", struct phd_private_sqlite_cursor, description)
    PHD_FIELD(OBJECT, "lastrowid", struct phd_private_sqlite_cursor, lastrowid)
    PHD_NUMBER("rowcount", struct phd_private_sqlite_cursor, rowcount)
    PHD_NUMBER("arraysize", struct phd_private_sqlite_cursor, arraysize)
    PHD_FIELD(OBJECT, "row_factory", struct phd_private_sqlite_cursor, row_factory)
    PHD_FIELD(OBJECT_EX, "statement", struct phd_private_sqlite_cursor, statement)
#if PY_VERSION_HEX < 0x030B0000
    PHD_FIELD(OBJECT_EX, "next_row", struct phd_private_sqlite_cursor, next_row)
#endif
    PHD_FIELD(BOOL, "closed", struct phd_private_sqlite_cursor, closed)
    PHD_FIELD(BOOL, "locked", struct phd_private_sqlite_cursor, locked)
    PHD_FIELD(BOOL, "initialized", struct phd_private_sqlite_cursor, initialized)
    PHD_TYPE("sqlite3.Row", struct phd_private_sqlite_row)
    PHD_FIELD(OBJECT_EX, "data", struct phd_private_sqlite_row, data)
    PHD_FIELD(OBJECT_EX, "description", struct phd_private_sqlite_row, description)
    PHD_TYPE("sqlite3.Statement", struct phd_private_sqlite_statement)
#if PY_VERSION_HEX < 0x030B0000
    PHD_FIELD(OBJECT_EX, "sql", struct phd_private_sqlite_statement, sql)
#endif
    PHD_FIELD(ADDRESS, "st", struct phd_private_sqlite_statement, st)
    PHD_FIELD(BOOL, "is_dml", struct phd_private_sqlite_statement, is_dml)
#if PY_VERSION_HEX >= 0x030B0000
    PHD_TYPE("sqlite3.Blob", struct phd_private_sqlite_blob)
    PHD_FIELD(OBJECT_EX, "connection", struct phd_private_sqlite_blob, connection)
    PHD_FIELD(ADDRESS, "blob", struct phd_private_sqlite_blob, blob)
    PHD_NUMBER("offset", struct phd_private_sqlite_blob, offset)
#endif
}

#endif
