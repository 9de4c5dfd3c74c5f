/* SPDX-License-Identifier: Apache-2.0
 *
 * Named fields of itertools and functools.
 * How a row is written: struct_types.h.
 * Included by struct_types.h only.
 */
#ifndef PHD_LAYOUT_TYPES_ITERTOOLS_H
#define PHD_LAYOUT_TYPES_ITERTOOLS_H

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

#endif
