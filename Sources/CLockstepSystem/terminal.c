#include "CLockstepSystem.h"

#include <sys/ioctl.h>

int ls_system_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
