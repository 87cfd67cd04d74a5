/// Calls of the operating system that its C library does not show to Swift.
#ifndef CLOCKSTEPSYSTEM_H
#define CLOCKSTEPSYSTEM_H

#include <stddef.h>

/// The cores that this process may run on, in ascending order.
///
/// Returns how many there are; at most `capacity` are written. 0 where the system does not say.
size_t ls_system_cores(int *cores, size_t capacity);

/// Lets all threads of this process, and those that they start afterwards, run on these cores only. Returns 0, or an
/// error number.
int ls_system_run_process_on(const int *cores, size_t count);

/// Has this thread, and those that it starts afterwards, take no core from a thread that runs when it wakes (the policy
/// SCHED_BATCH), or, with 0, compete for it as threads usually do. Nothing where the system knows no such thing.
void ls_system_favour_throughput(int favour);

/// The width of the terminal behind a descriptor, in columns; 0 where there is none.
int ls_system_columns(int descriptor);

/// The arguments of this process, its own name first, also where there is no /proc to read them from; 0 where the C
/// library does not say.
int ls_system_argument_count(void);

/// An argument, or NULL.
const char *ls_system_argument(int index);

/// A descriptor that is always readable: each read takes 8 bytes and never waits, for longer than any process lives.
/// -1 where the system has none.
int ls_system_always_readable(void);

/// Milliseconds since the other end's system has acknowledged anything on a connection, where something was sent more
/// than once, or it was asked whether it has room or is there, and has not answered. Else 0: also where it answers that
/// it has no room, since its program does not read. 0 where the system does not say.
long ls_system_unanswered(int socket);

#endif
