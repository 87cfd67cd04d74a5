#include "CLockstepSystem.h"

#include <stdlib.h>

static int count;
static char **values;

#if defined(__GLIBC__)
// glibc gives what starts before main the arguments of main.
__attribute__((constructor)) static void keep(int argc, char **argv, char **environment) {
    (void)environment;
    count = argc;
    values = argv;
}
#endif

int ls_system_argument_count(void) { return count; }

const char *ls_system_argument(int index) { return index >= 0 && index < count ? values[index] : NULL; }
