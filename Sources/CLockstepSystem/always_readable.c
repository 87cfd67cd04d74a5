#include "CLockstepSystem.h"

#if defined(__linux__)
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int ls_system_always_readable(void) {
    int descriptor = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0) return -1;
    // A semaphore's read takes 1 away.
    const uint64_t count = (uint64_t)1 << 63;
    if (write(descriptor, &count, sizeof count) == sizeof count) return descriptor;
    close(descriptor);
    return -1;
}

#else

int ls_system_always_readable(void) { return -1; }

#endif
