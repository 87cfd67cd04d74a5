#define _GNU_SOURCE
#include "CLockstepSystem.h"

#include <errno.h>

#if defined(__linux__)
#include <sched.h>

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

int ls_system_run_on(const int *cores, size_t count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < count; i++) {
        if (cores[i] < 0 || cores[i] >= CPU_SETSIZE) return EINVAL;
        CPU_SET(cores[i], &set);
    }
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

#else

size_t ls_system_cores(int *cores, size_t capacity) {
    (void)cores, (void)capacity;
    return 0;
}

int ls_system_run_on(const int *cores, size_t count) {
    (void)cores, (void)count;
    return ENOSYS;
}

#endif
