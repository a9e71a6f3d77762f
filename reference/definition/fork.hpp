#pragma once
/// \file
/// fork(): its child computes on one thread. Not installed.
///
/// A child of fork() has the thread that called fork(), and no other. libgomp keeps the threads of a team for the next
/// one, and in a child would wait for them forever. No result depends on the number of threads, so a child's is that of
/// its parent, bit for bit, on one core. Every parallel region of the library therefore asks `is_forked` first, mostly
/// through threads_for().

#include <pthread.h>

namespace dra {

/// Whether this process is the child of a process that had the library.
inline bool is_forked = false;

/// A status that nobody reads: its initialisation, before main(), is what has `is_forked` set in a child.
inline const int fork_is_noticed = pthread_atfork(nullptr, nullptr, [] { is_forked = true; });

} // namespace dra
