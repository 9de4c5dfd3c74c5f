/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of memory as a fake /proc and fake control groups tell them: version 1 and 2, both, nested, in a namespace, and
 * files that are not what they should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "limits/limits.h"
#include "limits/small_file.h"
#include "support/cmocka_header.h"

#define MIB ((uint64_t)1 << 20)
#define MACHINE (16384 * MIB)

/* Lines of mountinfo */
#define OTHER_MOUNT "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
#define MOUNT_1(part, place) "35 31 0:32 " part " " place " rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
#define MOUNT_CPU "34 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
#define MOUNT_2(part, place) "41 31 0:38 " part " " place " rw - cgroup2 cgroup2 rw,nsdelegate\n"

#define MEMORY_1 "/sys/fs/cgroup/memory"
#define MEMORY_2 "/sys/fs/cgroup"

static char root[64];
static struct phd_limits limits;
static struct phd_process_memory process;

/* ---- a tree of files ---- */

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/pyheapdump-limits-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Write a file below the root, with the directories above it. */
static void put(const char *name, const char *content)
{
    char path[PHD_CGROUP_PATH * 2];
    snprintf(path, sizeof path, "%s%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void put_process(const char *groups, const char *mounts)
{
    put("/proc/self/cgroup", groups);
    put("/proc/self/mountinfo", mounts);
    put("/proc/self/statm", "100000 50000 2000 700 0 40000 0\n");
    put("/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1 kB\nMemAvailable:    8388608 kB\n");
}

/* ---- what is found ---- */

static void find(uint64_t given, double share)
{
    phd__limits_find(&limits, root, given, share);
    assert_true(phd__process_memory(root, &process));
}

/* The number of limits; those of the test's own process count for nothing. */
static unsigned count_of(enum phd_limit_kind kind)
{
    unsigned count = 0;
    for (unsigned i = 0; i < limits.count; i++)
        count += limits.list[i].kind == kind;
    return count;
}

static const struct phd_limit *group_limit(unsigned number)
{
    for (unsigned i = 0; i < limits.count; i++) {
        if (limits.list[i].kind == PHD_LIMIT_CGROUP && number-- == 0)
            return &limits.list[i];
    }
    fail_msg("there are only %u limits of groups", count_of(PHD_LIMIT_CGROUP));
    return NULL;
}

static void assert_group(unsigned number, uint64_t bytes, const char *file, const char *directory)
{
    char expected[256], source[PHD_CGROUP_PATH + 64];
    struct phd_text text;
    const struct phd_limit *limit = group_limit(number);
    assert_int_equal(limit->bytes, bytes);
    snprintf(expected, sizeof expected, "%s of cgroup %s%s", file, root, directory);
    phd__text_init(&text, source, sizeof source - 1);
    phd__limit_put_source(&limits, limit, &text);
    source[text.used] = 0;
    assert_string_equal(source, expected);
}

static uint64_t used(const struct phd_limit *limit)
{
    return phd__limit_used(&limits, limit, &process);
}

/* ---- version 1 ---- */

static void version_1(void **state)
{
    (void)state;
    put_process("9:name=systemd:/\n4:cpu,memory:/docker/ab12\n3:cpuset:/other\n",
                OTHER_MOUNT MOUNT_CPU MOUNT_1("/", MEMORY_1));
    put(MEMORY_1 "/docker/ab12/memory.limit_in_bytes", "209715200\n");
    put(MEMORY_1 "/docker/ab12/memory.usage_in_bytes", "104857600\n");
    put(MEMORY_1 "/docker/ab12/memory.stat", "cache 9\ninactive_file 1\ntotal_inactive_file 52428800\n");
    put(MEMORY_1 "/docker/memory.limit_in_bytes", "9223372036854771712\n");
    put(MEMORY_1 "/memory.limit_in_bytes", "9223372036854771712\n");
    find(0, 0.9);
    assert_int_equal(count_of(PHD_LIMIT_CGROUP), 1);
    assert_group(0, 200 * MIB, "memory.limit_in_bytes", MEMORY_1 "/docker/ab12");
    assert_int_equal(group_limit(0)->threshold, 180 * MIB);
    assert_int_equal(used(group_limit(0)), 100 * MIB);
    assert_int_equal(phd__limits_headroom(&limits, &process), 100 * MIB);
    put(MEMORY_1 "/docker/ab12/memory.usage_in_bytes", "199229440\n"); /* 190 MiB */
    assert_int_equal(used(group_limit(0)), 140 * MIB);
    assert_int_equal(phd__limits_headroom(&limits, &process), 60 * MIB);
}

/* The ancestors of what is mounted cannot be seen; the kernel tells the smallest of their limits. */
static void version_1_limit_above_the_mount(void **state)
{
    (void)state;
    put_process("4:memory:/docker/ab12/inner\n", MOUNT_1("/docker/ab12", MEMORY_1));
    put(MEMORY_1 "/inner/memory.limit_in_bytes", "9223372036854771712\n");
    put(MEMORY_1 "/inner/memory.stat", "hierarchical_memory_limit 104857600\n");
    put(MEMORY_1 "/memory.limit_in_bytes", "524288000\n");
    put(MEMORY_1 "/memory.usage_in_bytes", "1048576\n");
    put(MEMORY_1 "/memory.stat", "hierarchical_memory_limit 104857600\nhierarchical_memsw_limit 1\n");
    find(0, 0.5);
    assert_int_equal(count_of(PHD_LIMIT_CGROUP), 1);
    assert_group(0, 100 * MIB, "hierarchical_memory_limit", MEMORY_1);
}

/* ---- version 2 ---- */

static void version_2_nested(void **state)
{
    (void)state;
    put_process("0::/app.slice/crawler.service\n", OTHER_MOUNT MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/app.slice/crawler.service/memory.max", "max\n");
    put(MEMORY_2 "/app.slice/crawler.service/memory.high", "314572800\n");
    put(MEMORY_2 "/app.slice/crawler.service/memory.current", "10485760\n");
    put(MEMORY_2 "/app.slice/memory.max", "209715200\n");
    put(MEMORY_2 "/app.slice/memory.high", "max\n");
    put(MEMORY_2 "/app.slice/memory.current", "199229440\n");
    put(MEMORY_2 "/app.slice/memory.stat", "anon 1\ninactive_file 10485760\ninactive_file_other 7\n");
    find(0, 0.9);
    assert_int_equal(count_of(PHD_LIMIT_CGROUP), 2);
    assert_group(0, 300 * MIB, "memory.high", MEMORY_2 "/app.slice/crawler.service");
    assert_group(1, 200 * MIB, "memory.max", MEMORY_2 "/app.slice");
    assert_int_equal(used(group_limit(0)), 10 * MIB);
    assert_int_equal(used(group_limit(1)), 180 * MIB);
    assert_int_equal(phd__limits_headroom(&limits, &process), 20 * MIB);
}

static void version_2_without_limits(void **state)
{
    (void)state;
    put_process("0::/\n", MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/cgroup.controllers", "cpu\n");
    find(0, 0.9);
    assert_int_equal(count_of(PHD_LIMIT_CGROUP), 0);
    assert_int_equal(count_of(PHD_LIMIT_MACHINE), 1);
    assert_int_equal(phd__limits_headroom(&limits, &process), MACHINE / 2);
}

static void the_smaller_of_high_and_max(void **state)
{
    (void)state;
    put_process("0::/a\n", MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/a/memory.max", "104857600\n");
    put(MEMORY_2 "/a/memory.high", "209715200\n");
    find(0, 0.9);
    assert_group(0, 100 * MIB, "memory.max", MEMORY_2 "/a");
    put(MEMORY_2 "/a/memory.high", "52428800\n");
    find(0, 0.9);
    assert_group(0, 50 * MIB, "memory.high", MEMORY_2 "/a");
}

/* Memory is governed by version 1, and version 2 is mounted beside it. */
static void hybrid(void **state)
{
    (void)state;
    put_process("4:memory:/a\n0::/user.slice\n", MOUNT_2("/", MEMORY_2 "/unified") MOUNT_CPU MOUNT_1("/", MEMORY_1));
    put(MEMORY_1 "/a/memory.limit_in_bytes", "209715200\n");
    put(MEMORY_2 "/unified/user.slice/cgroup.procs", "1\n");
    find(0, 0.9);
    assert_int_equal(count_of(PHD_LIMIT_CGROUP), 1);
    assert_group(0, 200 * MIB, "memory.limit_in_bytes", MEMORY_1 "/a");
}

/* The kernel kills the largest; processes that nobody sees are not compared. */
static void the_largest_of_a_group(void **state)
{
    (void)state;
    put_process("0::/a\n", MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/a/memory.max", "104857600\n");
    find(0, 0.9);
    const struct phd_limit *group = group_limit(0);
    assert_true(phd__limit_is_ours(&limits, group, 1000 * 4096)); /* there is no list */
    put(MEMORY_2 "/a/cgroup.procs", "0\n4711\n4712\n4713\n\nx\n");
    put("/proc/4711/statm", "9999 1000 0 0 0 0 0\n");
    put("/proc/4713/statm", "9999 1010 0 0 0 0 0\n");
    assert_true(phd__limit_is_ours(&limits, group, 1000 * 4096)); /* about equal */
    assert_false(phd__limit_is_ours(&limits, group, 900 * 4096));
    assert_true(phd__limit_is_ours(&limits, &limits.list[limits.count - 1], 4096)); /* the machine */
    put("/proc/4711/statm", "9999 2000 0 0 0 0 0\n");
    assert_false(phd__limit_is_ours(&limits, group, 1000 * 4096));
}

static void file_that_tells_of_pressure(void **state)
{
    char path[256], expected[256];
    (void)state;
    put_process("4:memory:/a\n0::/b\n", MOUNT_1("/", MEMORY_1) MOUNT_2("/", MEMORY_2 "/unified"));
    put(MEMORY_1 "/a/memory.pressure_level", "");
    put(MEMORY_2 "/unified/b/cgroup.procs", "");
    find(0, 0.9);
    assert_false(phd__limits_pressure_file(&limits, path, sizeof path));
    put(MEMORY_2 "/unified/b/memory.pressure", "");
    assert_true(phd__limits_pressure_file(&limits, path, sizeof path));
    snprintf(expected, sizeof expected, "%s" MEMORY_2 "/unified/b/memory.pressure", root);
    assert_string_equal(path, expected);
    assert_false(phd__limits_pressure_file(&limits, path, strlen(expected) - 1));
}

/* ---- namespaces ---- */

/* The group lies outside of the part that is mounted: a container without a cgroup namespace of its own whose own group
 * is mounted, or a process that was moved. */
static void group_outside_of_the_mount(void **state)
{
    static const char *const groups[] = {"0::/../../other\n", "0::/kubepods/pod1/c1\n", "0::/ab12x\n",
                                         "0::/ab12/../x\n"};
    (void)state;
    put(MEMORY_2 "/memory.max", "104857600\n");
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        put_process(groups[i], MOUNT_2("/ab12", MEMORY_2));
        find(0, 0.9);
        assert_group(0, 100 * MIB, "memory.max", MEMORY_2);
    }
}

/* The group's directory is not there, or another mount shows it. */
static void several_mounts(void **state)
{
    (void)state;
    put("/mnt/first/memory.max", "1048576\n");
    put("/mnt/with space/inner/memory.max", "104857600\n");
    put("/mnt/third/inner/memory.max", "2097152\n");
    put_process("0::/ab12/inner\n",
                MOUNT_2("/other", "/mnt/first") MOUNT_2("/ab12", "/mnt/with\\040space") MOUNT_2("/ab12", "/mnt/third"));
    find(0, 0.9);
    assert_int_equal(count_of(PHD_LIMIT_CGROUP), 1);
    assert_group(0, 100 * MIB, "memory.max", "/mnt/with space/inner");
    put_process("0::/ab12/gone\n", MOUNT_2("/ab12", "/mnt/nowhere") MOUNT_2("/other", "/mnt/first"));
    find(0, 0.9);
    assert_group(0, MIB, "memory.max", "/mnt/first");
}

/* ---- other limits ---- */

static void machine_and_given(void **state)
{
    (void)state;
    put_process("", OTHER_MOUNT);
    find(150 * MIB, 0.9);
    assert_int_equal(count_of(PHD_LIMIT_CGROUP), 0);
    assert_int_equal(limits.list[0].kind, PHD_LIMIT_GIVEN);
    assert_int_equal(limits.list[0].threshold, 150 * MIB);
    assert_int_equal(used(&limits.list[0]), 50000 * 4096);
    const struct phd_limit *machine = &limits.list[limits.count - 1];
    assert_int_equal(machine->kind, PHD_LIMIT_MACHINE);
    assert_int_equal(machine->bytes, MACHINE);
    assert_int_equal(machine->threshold, (uint64_t)((double)MACHINE * 0.9));
    assert_int_equal(used(machine), 50000 * 4096);
}

static void resource_limits(void **state)
{
    struct rlimit before, lower;
    (void)state;
    put_process("", "");
    assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
    lower = before;
    lower.rlim_cur = (rlim_t)1 << 40;
    assert_int_equal(setrlimit(RLIMIT_DATA, &lower), 0);
    find(0, 0.5);
    assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
    assert_int_equal(count_of(PHD_LIMIT_DATA), 1);
    for (unsigned i = 0; i < limits.count; i++) {
        if (limits.list[i].kind == PHD_LIMIT_DATA) {
            assert_int_equal(limits.list[i].threshold, (uint64_t)1 << 39);
            assert_int_equal(used(&limits.list[i]), 40000 * 4096);
        }
        if (limits.list[i].kind == PHD_LIMIT_ADDRESS_SPACE)
            assert_int_equal(used(&limits.list[i]), 100000 * 4096);
    }
}

/* A limit beyond the machine's memory can never be reached. */
static void limits_beyond_the_machine(void **state)
{
    (void)state;
    put_process("0::/a\n", MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/a/memory.max", "17179869184\n");
    find(0, 0.9);
    assert_int_equal(count_of(PHD_LIMIT_CGROUP), 0);
}

/* ---- what is not as it should be ---- */

static void nothing_is_there(void **state)
{
    (void)state;
    phd__limits_find(&limits, root, 0, 0.9);
    assert_int_equal(count_of(PHD_LIMIT_CGROUP), 0);
    assert_int_equal(count_of(PHD_LIMIT_MACHINE), 0);
    assert_false(phd__process_memory(root, &process));
    assert_true(phd__limits_headroom(&limits, &process) == PHD_NO_LIMIT);
}

/* The group is removed, or its files are, while it is watched. */
static void group_that_vanishes(void **state)
{
    char path[256];
    (void)state;
    put_process("0::/a\n", MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/a/memory.max", "104857600\n");
    put(MEMORY_2 "/a/memory.current", "104857600\n");
    find(0, 0.9);
    assert_int_equal(used(group_limit(0)), 100 * MIB); /* there is no memory.stat */
    snprintf(path, sizeof path, "%s" MEMORY_2 "/a/memory.current", root);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(used(group_limit(0)), 0);
}

/* A program whose files are all in the cache is not short of memory. */
static void files_in_use_are_given_back_too(void **state)
{
    (void)state;
    put_process("0::/a\n", MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/a/memory.max", "209715200\n");
    put(MEMORY_2 "/a/memory.current", "209715200\n");
    put(MEMORY_2 "/a/memory.stat", "anon 73400320\nfile 136314880\ninactive_file 10485760\nactive_file 125829120\n");
    find(0, 0.9);
    assert_int_equal(used(group_limit(0)), 70 * MIB);
    put_process("4:memory:/b\n", MOUNT_1("/", MEMORY_1));
    put(MEMORY_1 "/b/memory.limit_in_bytes", "209715200\n");
    put(MEMORY_1 "/b/memory.usage_in_bytes", "209715200\n");
    put(MEMORY_1 "/b/memory.stat", "active_file 1\ntotal_inactive_file 10485760\ntotal_active_file 125829120\n");
    find(0, 0.9);
    assert_int_equal(used(group_limit(0)), 70 * MIB);
}

/* Nor one that has looked at many files: half of what is known of them counts, as it may be in use. */
static void names_and_inodes_are_given_back_too(void **state)
{
    (void)state;
    put_process("0::/a\n", MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/a/memory.max", "104857600\n");
    put(MEMORY_2 "/a/memory.current", "104857600\n");
    put(MEMORY_2 "/a/memory.stat", "anon 1\ninactive_file 10485760\nactive_file 0\nslab_reclaimable 41943040\n");
    find(0, 0.9);
    assert_int_equal(used(group_limit(0)), 70 * MIB);
    assert_int_equal(phd__limits_headroom(&limits, &process), 30 * MIB);
}

/* More than is used cannot be given back. */
static void statistics_that_disagree(void **state)
{
    (void)state;
    put_process("0::/a\n", MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/a/memory.max", "104857600\n");
    put(MEMORY_2 "/a/memory.current", "104857600\n");
    put(MEMORY_2 "/a/memory.stat", "inactive_file 209715200\n");
    find(0, 0.9);
    assert_int_equal(used(group_limit(0)), 0);
}

static void lines_that_are_cut(void **state)
{
    static const char *const mounts[] = {"\n",
                                         "41\n",
                                         "41 31 0:38 / /sys",
                                         "41 31 0:38 / /sys/fs/cgroup rw\n",
                                         "41 31 0:38 / /sys/fs/cgroup rw -\n",
                                         "41 31 0:38 / /sys/fs/cgroup rw - cgroup2",
                                         "41 31 0:38 \\04 \\0 rw - cgroup2 a rw\n",
                                         "- - - - - - - - -\n"};
    static const char *const groups[] = {"", "\n", "0", "0:", "0::", "4:memory", "4:memory:", "::::", "0::relative\n"};
    (void)state;
    put(MEMORY_2 "/memory.max", "lots\n");
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        put_process("0::/\n", mounts[i]);
        find(0, 0.9);
        assert_int_equal(count_of(PHD_LIMIT_CGROUP), 0);
    }
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        put_process(groups[i], MOUNT_2("/", MEMORY_2) MOUNT_1("/", MEMORY_1));
        find(0, 0.9);
        assert_int_equal(count_of(PHD_LIMIT_CGROUP), 0);
    }
}

/* A mount of overlayfs lists all its layers; lines and paths longer than there is room for are no harm. */
static void long_lines(void **state)
{
    static char lines[6 * PHD_LINE_ROOM];
    char own[3 * PHD_CGROUP_PATH];
    (void)state;
    memset(lines, 'x', sizeof lines);
    memcpy(lines, "40 1 0:1 / / rw - overlay overlay lowerdir=", 43);
    lines[4 * PHD_LINE_ROOM] = '\n';
    strcpy(lines + 4 * PHD_LINE_ROOM + 1, MOUNT_2("/", MEMORY_2));
    put(MEMORY_2 "/a/memory.max", "104857600\n");
    put_process("0::/a\n", lines);
    find(0, 0.9);
    assert_group(0, 100 * MIB, "memory.max", MEMORY_2 "/a");
    for (size_t length = PHD_CGROUP_PATH - 80; length < PHD_CGROUP_PATH + 80; length++) {
        memset(own, 'y', sizeof own);
        memcpy(own, "0::/", 4);
        strcpy(own + length, "\n");
        put_process(own, lines);
        find(0, 0.9);
        assert_int_equal(count_of(PHD_LIMIT_CGROUP), 0);
    }
}

static void deep_groups(void **state)
{
    char own[1024] = "0::", file[1024] = MEMORY_2;
    (void)state;
    for (int depth = 0; depth < 2 * PHD_MAX_LIMITS; depth++) {
        char name[2048];
        strcat(own, "/d");
        strcat(file, "/d");
        snprintf(name, sizeof name, "%s/memory.max", file);
        put(name, "104857600\n");
    }
    strcat(own, "\n");
    put_process(own, MOUNT_2("/", MEMORY_2));
    find(0, 0.9);
    assert_int_equal(limits.count, PHD_MAX_LIMITS);
    assert_string_equal(limits.groups[0].path + strlen(root), file);
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        bool found;
        uint64_t number;
    } cases[] = {{"0", true, 0},
                 {"4096 7", true, 4096},
                 {"max", true, PHD_NO_LIMIT},
                 {"18446744073709551614", true, UINT64_MAX - 1},
                 {"18446744073709551616", true, PHD_NO_LIMIT},
                 {"99999999999999999999999999", true, PHD_NO_LIMIT},
                 {"", false, 0},
                 {"ma", false, 0},
                 {"-1", false, 0},
                 {" 1", false, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *at = cases[i].text;
        uint64_t number = 0;
        assert_int_equal(phd__take_number(&at, &number), cases[i].found);
        assert_true(number == cases[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_1, make_root, remove_root),
        cmocka_unit_test_setup_teardown(version_1_limit_above_the_mount, make_root, remove_root),
        cmocka_unit_test_setup_teardown(version_2_nested, make_root, remove_root),
        cmocka_unit_test_setup_teardown(version_2_without_limits, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_smaller_of_high_and_max, make_root, remove_root),
        cmocka_unit_test_setup_teardown(hybrid, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_largest_of_a_group, make_root, remove_root),
        cmocka_unit_test_setup_teardown(file_that_tells_of_pressure, make_root, remove_root),
        cmocka_unit_test_setup_teardown(group_outside_of_the_mount, make_root, remove_root),
        cmocka_unit_test_setup_teardown(several_mounts, make_root, remove_root),
        cmocka_unit_test_setup_teardown(machine_and_given, make_root, remove_root),
        cmocka_unit_test_setup_teardown(resource_limits, make_root, remove_root),
        cmocka_unit_test_setup_teardown(limits_beyond_the_machine, make_root, remove_root),
        cmocka_unit_test_setup_teardown(nothing_is_there, make_root, remove_root),
        cmocka_unit_test_setup_teardown(group_that_vanishes, make_root, remove_root),
        cmocka_unit_test_setup_teardown(names_and_inodes_are_given_back_too, make_root, remove_root),
        cmocka_unit_test_setup_teardown(files_in_use_are_given_back_too, make_root, remove_root),
        cmocka_unit_test_setup_teardown(statistics_that_disagree, make_root, remove_root),
        cmocka_unit_test_setup_teardown(lines_that_are_cut, make_root, remove_root),
        cmocka_unit_test_setup_teardown(long_lines, make_root, remove_root),
        cmocka_unit_test_setup_teardown(deep_groups, make_root, remove_root),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
