#define _GNU_SOURCE
#include "CMallocCounter.h"

#if defined(__linux__) && defined(__GLIBC__)

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

enum { SLOTS = 1 << 16 };

typedef struct {
    _Atomic uint64_t allocations;
    // 0 where it has ended: the system may give its number to another.
    _Atomic long thread;
    // Of a thread that has ended.
    char name[16];
} slot;

// A thread that allocates takes a slot and keeps it for ever; threads beyond the last slot share that.
static slot slots[SLOTS];
static atomic_size_t taken;
static __thread slot *own;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void thread_ends(void *ended) {
    slot *slot = ended;
    prctl(PR_GET_NAME, slot->name);
    atomic_store(&slot->thread, 0);
}

static void make_key(void) { pthread_key_create(&key, thread_ends); }

static void count(void) {
    if (own == NULL) {
        size_t index = atomic_fetch_add(&taken, 1);
        own = &slots[index < SLOTS ? index : SLOTS - 1];
        atomic_store(&own->thread, syscall(SYS_gettid));
        pthread_once(&once, make_key);
        // May allocate, which then finds the slot.
        pthread_setspecific(key, own);
    }
    atomic_fetch_add_explicit(&own->allocations, 1, memory_order_relaxed);
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
    count();
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    void *found = memalign(alignment, size);
    if (found == NULL) return ENOMEM;
    *block = found;
    return 0;
}

void free(void *block) { __libc_free(block); }

bool malloc_counter_works(void) { return true; }

uint64_t malloc_counter_total(const char *prefix) {
    uint64_t total = 0;
    size_t count = atomic_load(&taken);
    for (size_t index = 0; index < (count < SLOTS ? count : SLOTS); index++) {
        char name[sizeof slots[index].name] = "";
        long thread = atomic_load(&slots[index].thread);
        if (thread == 0) {
            memcpy(name, slots[index].name, sizeof name);
        } else {
            char path[64];
            snprintf(path, sizeof path, "/proc/self/task/%ld/comm", thread);
            int file = open(path, O_RDONLY | O_CLOEXEC);
            if (file >= 0) {
                ssize_t length = read(file, name, sizeof name - 1);
                name[length > 0 ? length : 0] = 0;
                close(file);
            }
        }
        if (strncmp(name, prefix, strlen(prefix)) == 0) total += atomic_load(&slots[index].allocations);
    }
    return total;
}

#else

bool malloc_counter_works(void) { return false; }
uint64_t malloc_counter_total(const char *prefix) {
    (void)prefix;
    return 0;
}

#endif
