/* SPDX-License-Identifier: Apache-2.0
 *
 * Py_Version (Python/getversion.c, exported since 3.11) holds PY_VERSION_HEX. Before that the minor version shows in what
 * is exported: PyIter_Send came with 3.10, PyObject_GC_IsTracked with 3.9 (Misc/NEWS.d). Several copies of _PyRuntime may
 * be mapped (a debugger or ctypes that opened the binary a second time): the one with interpreters is the one that runs.
 * Where nothing is exported it is looked for in the data of all modules.
 * Context: normal.
 */
#include "attach/python.h"

#include "attach/unexported.h"
#include "layout/layout.h"
#include "safe/text.h"

struct search {
    struct phd_memory *memory;
    struct phd_symbols *symbols;
    bool seen; /* a module has _PyRuntime, or is a Python from before 3.7, which has none */
    bool unknown;
    int unknown_version; /* 0: cannot be told (before 3.9) */
};

static uint64_t symbol_in(struct search *search, const struct phd_module *module, const char *name)
{
    return phd__symbol_address(search->symbols, module, name);
}

/* PY_VERSION_HEX of the module, 0: not known. The micro version is 0xff where it cannot be told. */
static uint32_t version_of(struct search *search, const struct phd_module *module)
{
    struct phd_guard guard;
    volatile uint32_t version = 0;
    uint64_t exact = symbol_in(search, module, "Py_Version");
    if (PHD_GUARD(search->memory, &guard) && exact)
        version = (uint32_t)phd__read_word(search->memory, exact);
    PHD_UNGUARD(search->memory, &guard);
    if (exact)
        return version;
    if (symbol_in(search, module, "PyIter_Send"))
        return 0x030aff00;
    return symbol_in(search, module, "PyObject_GC_IsTracked") ? 0x0309ff00 : 0;
}

/* Is there an interpreter whose list leads to it? */
static bool runs(struct phd_memory *memory, const struct phd_layout *at, uint64_t runtime)
{
    struct phd_guard guard;
    volatile bool found = false;
    if (PHD_GUARD(memory, &guard)) {
        uint64_t interpreter = phd__read_word(memory, runtime + (uint64_t)at->runtime_interpreters);
        found = interpreter && phd__read_word(memory, interpreter + (uint64_t)at->interp_threads) != 0;
    }
    PHD_UNGUARD(memory, &guard);
    return found;
}

/* Note the interpreter. Does it run? */
static bool is_it(struct search *search, uint64_t runtime, uint32_t version, bool free_threaded,
                  struct phd_python *python)
{
    int minor = (int)(version >> 16), micro = (int)(version >> 8 & 0xff);
    const struct phd_layout *at = phd__layout_find(minor, free_threaded, 0);
    search->seen = true;
    if (!at) {
        search->unknown = true;
        search->unknown_version = minor;
        return false;
    }
    *python = (struct phd_python){runtime, minor, micro == 0xff ? -1 : micro, free_threaded, false};
    return runs(search->memory, at, runtime);
}

static bool look_into(struct search *search, const struct phd_module *module, struct phd_python *python)
{
    uint64_t runtime = symbol_in(search, module, "_PyRuntime");
    if (!runtime) {
        bool older = !search->seen && symbol_in(search, module, "Py_GetVersion");
        search->seen |= older;
        search->unknown |= older;
        return false;
    }
    uint32_t version = version_of(search, module);
    bool free_threaded = symbol_in(search, module, "_Py_MergeZeroLocalRefcount") != 0;
    return is_it(search, runtime, version, free_threaded, python);
}

struct visit {
    struct search *search;
    struct phd_python *python;
};

static bool visit(const struct phd_unexported *found, void *argument)
{
    const struct visit *visit = argument;
    return is_it(visit->search, found->runtime, found->version, found->free_threaded, visit->python);
}

/* A Python was found, but none that a table describes: which, and what may help. */
static void explain_version(int version, struct phd_text *text)
{
    if (!version) {
        phd__text_string(text,
                         "its Python is older than 3.9, the oldest that can be read: gdb's py-bt shows its stacks");
        return;
    }
    phd__text_string(text, "its Python ");
    phd__text_signed(text, version >> 8);
    phd__text_string(text, ".");
    phd__text_signed(text, version & 255);
    if (phd__layout_find(version, false, 0))
        phd__text_string(text, " is a free-threaded build, which cannot be read: run a build with the GIL");
    else
        phd__text_string(text, " is none of those that can be read (3.9 to 3.15): a newer pyheapdump may read it");
}

static enum phd_status explain(const struct search *search, struct phd_error *error)
{
    struct phd_text text;
    enum phd_status status = search->unknown ? PHD_ERROR_LAYOUT : PHD_ERROR_UNREADABLE;
    phd__error_set(error, status, 0, "");
    if (!error)
        return status;
    phd__text_init(&text, error->step, sizeof error->step - 1);
    if (!search->seen)
        phd__text_string(&text, "no Python runs in it");
    else if (search->unknown)
        explain_version(search->unknown_version, &text);
    else
        phd__text_string(&text, "its Python is not initialised, or has ended");
    return status;
}

enum phd_status phd__python_find(struct phd_python *python, struct phd_memory *memory,
                                 const struct phd_modules *modules, struct phd_error *error)
{
    struct phd_symbols symbols; /* of exports: no file is opened */
    struct search search = {memory, &symbols, false, false, 0};
    bool found = false;
    memset(python, 0, sizeof *python);
    if (!phd__symbols_open(&symbols, memory)) {
        phd__symbols_close(&symbols);
        phd__error_set(error, PHD_ERROR_MEMORY, 0, "memory for the symbols");
        return PHD_ERROR_MEMORY;
    }
    for (uint32_t i = 0; i < modules->count && !found; i++)
        found = look_into(&search, modules->all + i, python);
    phd__symbols_close(&symbols);
    python->exported = found;
    if (!search.seen)
        found = phd__unexported_each(memory, &modules->mappings, visit, &(struct visit){&search, python});
    if (found)
        return PHD_OK;
    python->version = search.unknown_version;
    return explain(&search, error);
}

void phd__python_describe(const struct phd_python *python, struct phd_request *request)
{
    request->runtime = python->runtime;
    request->python_version = python->version;
    request->python_micro = python->micro;
    request->free_threaded = python->free_threaded;
}
