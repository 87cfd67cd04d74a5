/// Counts this process's memory allocations by thread. Linking it into a test replaces malloc and its kin.
#ifndef CMALLOCCOUNTER_H
#define CMALLOCCOUNTER_H

#include <stdbool.h>
#include <stdint.h>

/// True where allocations are counted: with glibc.
bool malloc_counter_works(void);

/// Allocations so far by all threads, also ended ones, whose name begins, or at its end began, with `prefix`.
uint64_t malloc_counter_total(const char *prefix);

#endif
