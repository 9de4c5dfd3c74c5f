/* SPDX-License-Identifier: Apache-2.0
 *
 * setfsuid(2) and setfsgid(2) change the rights of the calling thread to files, and nothing else; away from root the
 * kernel takes the capabilities that pass over rights to files, too (capabilities(7)). They do nothing for who is not
 * root, who has no more rights to lend than his own. Context: crash.
 */
#include "evidence/source_file.h"

#include <errno.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "limits/small_file.h"
#include "safe/files.h"
#include "safe/process.h"

enum {
    MAX_GROUPS = 65536 /* NGROUPS_MAX */,
    NOBODY = 65534 /* the kernel's overflow id: owns no file */
};

struct identity {
    uint64_t user, group;
};

/* The real ids of a process: those of who started it. */
static bool identity_of(int pid, struct identity *identity)
{
    char path[PHD_PROC_PATH];
    phd__proc_path(pid, "status", path);
    return phd__file_value(path, "Uid:", &identity->user) && phd__file_value(path, "Gid:", &identity->group);
}

/* They tell no failure but by what they return when they are asked for nothing (setfsuid(2)). */
static bool has(const struct identity *identity)
{
    return (uid_t)setfsuid((uid_t)-1) == identity->user && (gid_t)setfsgid((gid_t)-1) == identity->group;
}

/* By raw system calls for the groups: the C library's function changes those of all threads. */
static int open_as(const struct identity *identity, const char *path)
{
    static gid_t groups[MAX_GROUPS]; /* large; one at a time */
    if (geteuid() != 0)
        return phd__open_regular(path);
    int dumpable = prctl(PR_GET_DUMPABLE); /* another user id takes that, and with it the core file */
    long count = syscall(SYS_getgroups, MAX_GROUPS, groups);
    if (count < 0 || syscall(SYS_setgroups, 0, NULL) != 0)
        return -1; /* with errno */
    gid_t group = (gid_t)setfsgid((gid_t)identity->group);
    uid_t user = (uid_t)setfsuid((uid_t)identity->user);
    errno = EPERM;
    int fd = has(identity) ? phd__open_regular(path) : -1;
    int why = errno;
    setfsuid(user);
    setfsgid(group);
    syscall(SYS_setgroups, count, groups);
    if (dumpable == 1)
        prctl(PR_SET_DUMPABLE, 1);
    errno = why;
    return fd;
}

static bool is_public(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && info.st_mode & S_IROTH;
}

static int open_of_core(const char *filename)
{
    static const struct identity nobody = {NOBODY, NOBODY};
    int fd = open_as(&nobody, filename);
    if (fd >= 0 && !is_public(fd)) {
        close(fd);
        errno = EACCES;
        fd = -1;
    }
    return fd;
}

int phd__source_open(const struct phd_request *request, const char *filename)
{
    char storage[PHD_TARGET_PATH];
    struct identity identity;
    if (request->core)
        return open_of_core(filename);
    if (!request->files_of)
        return phd__open_regular(filename);
    if (!identity_of(request->files_of, &identity))
        return -1;
    return open_as(&identity, phd__target_path(request->files_of, filename, storage));
}
