/* SPDX-License-Identifier: Apache-2.0
 *
 * A C program that embeds Python, uses libpyheapdump without the Python package, and crashes in a C function called
 * from Python. It leaves python_heap_<pid>_0.dump in the directory given and ends by SIGSEGV, as it would without.
 *
 *     cc embedding.c $(python3-config --includes --ldflags --embed) $(pkg-config --cflags --libs pyheapdump) \
 *         -Wl,-z,now -o embedding
 *     ./embedding /var/tmp
 *     python -m pyheapdump.view /var/tmp/python_heap_<pid>_0.dump
 *
 * With a second argument it crashes elsewhere: "before" Python is initialised, "after" it is finalised, or in a "thread"
 * that Python knows nothing of.
 */
#include <Python.h>
#include <pthread.h>
#include <pyheapdump.h> /* after Python.h: so it has phd_describe_python */
#include <stdio.h>
#include <string.h>

static __attribute__((noinline)) volatile int *parse_row(volatile int *row)
{
    row[4] = 1; /* where `row` is NULL this is address 0x10 */
    return row;
}

/* engine.parse(name): called from Python, crashes. */
static PyObject *parse(PyObject *module, PyObject *name)
{
    (void)module, (void)name;
    parse_row(NULL);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"parse", parse, METH_O, "Parse the rows of a file."}, {NULL, NULL, 0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "engine", .m_size = -1, .m_methods = functions};

static PyObject *init_engine(void)
{
    return PyModule_Create(&definition);
}

static void *crash_in_thread(void *ignored)
{
    parse_row(NULL);
    return ignored;
}

/* Step 1: ask for dumps. Python need not be initialised yet. */
static int install(const char *directory)
{
    struct phd_options options;
    struct phd_error error;
    memset(&options, 0, sizeof options);
    phd_describe_python(&options.request);
    options.request.executable = "embedding";
    options.request.level = 1;
    options.request.sources = true;
    options.request.redact = true;
    options.directory = directory;
    options.timeout = 30;
    if (phd_install(&options, &error) == PHD_OK)
        return 0;
    fprintf(stderr, "embedding: %s (%s)\n", phd_status_text(error.status), error.step);
    return 1;
}

int main(int count, char **arguments)
{
    const char *where = count > 2 ? arguments[2] : "python";
    pthread_t thread;
    if (count < 2) {
        fprintf(stderr, "usage: embedding DIRECTORY [before|python|thread|after]\n");
        return 2;
    }
    if (install(arguments[1]) != 0)
        return 1;
    if (!strcmp(where, "before"))
        parse_row(NULL);
    PyImport_AppendInittab("engine", init_engine);
    Py_Initialize();
    if (!strcmp(where, "thread")) {
        PyRun_SimpleString("orders = ['tea', 'coffee']\n");
        pthread_create(&thread, NULL, crash_in_thread, NULL);
        pthread_join(thread, NULL);
    }
    /* Step 2: nothing. Whatever crashes from here on leaves a dump. */
    if (!strcmp(where, "python"))
        PyRun_SimpleString("import engine\n"
                           "def load(name):\n"
                           "    rows = {'name': name, 'count': 3}\n"
                           "    return engine.parse(rows['name'])\n"
                           "load('orders.csv')\n");
    Py_FinalizeEx();
    parse_row(NULL);
    return 0;
}
