/* SPDX-License-Identifier: Apache-2.0
 *
 * The structs of streams, sockets and memory maps (Modules/ of CPython), whole, so that sizeof is their
 * tp_basicsize.
 * Included by private_structs.h only.
 */
#ifndef PHD_LAYOUT_PRIVATE_IO_H
#define PHD_LAYOUT_PRIVATE_IO_H

/* Modules/_io/iobase.c: iobase (3.9 … 3.15) */
struct phd_private_iobase {
    PyObject_HEAD
    PyObject *dict;
    PyObject *weakreflist;
};

/* Modules/_io/fileio.c: fileio (3.9 … 3.15) */
struct phd_private_fileio {
    PyObject_HEAD
    int fd;
    unsigned int created : 1;
    unsigned int readable : 1;
    unsigned int writable : 1;
    unsigned int appending : 1;
    int seekable : 2;
#if PY_VERSION_HEX >= 0x030F0000
    unsigned int truncate : 1;
#endif
    unsigned int closefd : 1;
    char finalizing;
#if PY_VERSION_HEX < 0x030E0000
    unsigned int blksize;
#else
    void *stat_atopen;
#endif
    PyObject *weakreflist;
    PyObject *dict;
};

/* Modules/_io/bufferedio.c: buffered (3.9 … 3.15) */
struct phd_private_buffered {
    PyObject_HEAD
    PyObject *raw;
    int ok;
    int detached;
    int readable;
    int writable;
    char finalizing;
    int fast_closed_checks;
    int64_t abs_pos;
    const char *buffer;
    int64_t pos;
    int64_t raw_pos;
    int64_t read_end;
    int64_t write_pos;
    int64_t write_end;
    void *lock;
    unsigned long owner;
    Py_ssize_t buffer_size;
    Py_ssize_t buffer_mask;
    PyObject *dict;
    PyObject *weakreflist;
};

/* Modules/_io/bufferedio.c: rwpair (3.9 … 3.15) */
struct phd_private_rwpair {
    PyObject_HEAD
    PyObject *reader;
    PyObject *writer;
    PyObject *dict;
    PyObject *weakreflist;
};

/* Modules/_io/textio.c: textio (3.9 … 3.15) */
struct phd_private_textio {
    PyObject_HEAD
    int ok;
    int detached;
    Py_ssize_t chunk_size;
    PyObject *buffer;
    PyObject *encoding;
    PyObject *encoder;
    PyObject *decoder;
    PyObject *readnl;
    PyObject *errors;
    const char *writenl;
    char line_buffering;
    char write_through;
    char readuniversal;
    char readtranslate;
    char writetranslate;
    char seekable;
    char has_read1;
    char telling;
    char finalizing;
    void *encodefunc;
    char encoding_start_of_stream;
    PyObject *decoded_chars;
    Py_ssize_t decoded_chars_used;
    PyObject *pending_bytes;
    Py_ssize_t pending_bytes_count;
    PyObject *snapshot;
    double b2cratio;
    PyObject *raw;
    PyObject *weakreflist;
    PyObject *dict;
#if PY_VERSION_HEX >= 0x030C0000
    void *state;
#endif
};

/* Modules/_io/stringio.c: stringio (3.9 … 3.15) */
struct phd_private_stringio {
    PyObject_HEAD
    void *buf;
    Py_ssize_t pos;
    Py_ssize_t string_size;
    size_t buf_size;
    int state;
#if PY_VERSION_HEX < 0x030C0000
    PyObject *accu_large;
    PyObject *accu_small;
#endif
#if PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030E0000
    PyObject *writer_buffer; /* the first member of the _PyUnicodeWriter that stands here */
    uint64_t writer_rest[6];
#endif
#if PY_VERSION_HEX >= 0x030E0000
    void *writer;
#endif
    char ok;
    char closed;
    char readuniversal;
    char readtranslate;
    PyObject *decoder;
    PyObject *readnl;
    PyObject *writenl;
    PyObject *dict;
    PyObject *weakreflist;
#if PY_VERSION_HEX >= 0x030C0000
    void *module_state;
#endif
};

/* Modules/_io/bytesio.c: bytesio (3.9 … 3.15) */
struct phd_private_bytesio {
    PyObject_HEAD
    PyObject *buf;
    Py_ssize_t pos;
    Py_ssize_t string_size;
    PyObject *dict;
    PyObject *weakreflist;
    Py_ssize_t exports;
};

/* Modules/_io/bytesio.c: bytesiobuf (3.9 … 3.15) */
struct phd_private_bytesio_buffer {
    PyObject_HEAD
    PyObject *source;
};

/* Modules/_io/textio.c: nldecoder_object (3.9 … 3.15) */
struct phd_private_newline_decoder {
    PyObject_HEAD
    PyObject *decoder;
    PyObject *errors;
    unsigned int pendingcr : 1;
    unsigned int translate : 1;
    unsigned int seennl : 3;
};

/* Modules/socketmodule.h: PySocketSockObject (3.9 … 3.15) */
struct phd_private_socket {
    PyObject_HEAD
    int sock_fd;
    int sock_family;
    int sock_type;
    int sock_proto;
    void *errorhandler;
    int64_t sock_timeout;
#if PY_VERSION_HEX >= 0x030C0000
    void *state;
#endif
};

/* Modules/selectmodule.c: pyEpoll_Object (3.9 … 3.15) */
struct phd_private_epoll {
    PyObject_HEAD
    int epfd;
};

/* Modules/selectmodule.c: pollObject (3.9 … 3.15) */
struct phd_private_poll {
    PyObject_HEAD
    PyObject *dict;
    int ufd_uptodate;
    int ufd_len;
    void *ufds;
    int poll_running;
};

/* Modules/mmapmodule.c: mmap_object (3.9 … 3.15) */
struct phd_private_mmap {
    PyObject_HEAD
    const char *data;
    Py_ssize_t size;
    Py_ssize_t pos;
    int64_t offset;
    Py_ssize_t exports;
    int fd;
#if PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030F0000
    char trackfd;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    int flags;
#endif
    PyObject *weakreflist;
    int access;
#if PY_VERSION_HEX >= 0x030F0000
    char trackfd;
#endif
};

/* Modules/posixmodule.c: DirEntry (3.9 … 3.15) */
struct phd_private_dir_entry {
    PyObject_HEAD
    PyObject *name;
    PyObject *path;
    PyObject *stat;
    PyObject *lstat;
    unsigned char d_type;
    uint64_t d_ino;
    int dir_fd;
};

/* Modules/_ssl.c: PySSLContext (3.9 … 3.15) */
struct phd_private_ssl_context {
    PyObject_HEAD
    void *ctx;
    void *alpn_protocols;
    unsigned int alpn_protocols_len;
    PyObject *set_sni_cb;
    int check_hostname;
#if PY_VERSION_HEX < 0x030E0000
    unsigned int hostflags;
#endif
    int protocol;
    int post_handshake_auth;
    PyObject *msg_cb;
    PyObject *keylog_filename;
    void *keylog_bio;
#if PY_VERSION_HEX >= 0x030A0000
    void *state;
#endif
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *psk_client_callback;
    PyObject *psk_server_callback;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    struct phd_private_mutex tstate_mutex;
#endif
};

/* Modules/_ssl.c: PySSLSocket (3.9 … 3.15) */
struct phd_private_ssl_socket {
    PyObject_HEAD
    PyObject *Socket;
    void *ssl;
    PyObject *ctx;
    char shutdown_seen_zero;
    int socket_type;
    PyObject *owner;
    PyObject *server_hostname;
#if PY_VERSION_HEX < 0x030F0000
    uint64_t err[1];
#endif
#if PY_VERSION_HEX < 0x030C0000
    PyObject *exc_type;
    PyObject *exc_value;
    PyObject *exc_tb;
#endif
#if PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030F0000
    PyObject *exc;
#endif
#if PY_VERSION_HEX >= 0x030E0000
    int got_eof_error;
#endif
};

#endif
