#define _GNU_SOURCE
#include "CLockstepSystem.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__linux__)
#include <dirent.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

size_t ls_system_cores(int *cores, size_t capacity) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    size_t count = 0;
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (!CPU_ISSET(core, &set)) continue;
        if (count < capacity) cores[count] = core;
        count++;
    }
    return count;
}

static int make_set(const int *cores, size_t count, cpu_set_t *set) {
    CPU_ZERO(set);
    for (size_t i = 0; i < count; i++) {
        if (cores[i] < 0 || cores[i] >= CPU_SETSIZE) return EINVAL;
        CPU_SET(cores[i], set);
    }
    return 0;
}

int ls_system_run_process_on(const int *cores, size_t count) {
    cpu_set_t set;
    int error = make_set(cores, count, &set);
    if (error != 0) return error;
    // This thread first: it may start others. One that another thread starts meanwhile is found by the next pass.
    if (sched_setaffinity(0, sizeof set, &set) != 0) return errno;
    size_t before = 0;
    for (int pass = 0; pass < 8; pass++) {
        DIR *threads = opendir("/proc/self/task");
        if (threads == NULL) return errno;
        size_t found = 0;
        for (struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
            int thread = atoi(entry->d_name);
            // A thread may have ended since; then there is nothing to do.
            if (thread > 0 && sched_setaffinity(thread, sizeof set, &set) == 0) found++;
        }
        closedir(threads);
        if (found == before) return 0;
        before = found;
    }
    return 0;
}

void ls_system_favour_throughput(int favour) {
    struct sched_param parameters = {0};
    // Not by the C library's function, which does nothing in musl's.
    syscall(SYS_sched_setscheduler, 0, favour ? SCHED_BATCH : SCHED_OTHER, &parameters);
}

#else

void ls_system_favour_throughput(int favour) { (void)favour; }

size_t ls_system_cores(int *cores, size_t capacity) {
    (void)cores, (void)capacity;
    return 0;
}

int ls_system_run_process_on(const int *cores, size_t count) {
    (void)cores, (void)count;
    return ENOSYS;
}

#endif
