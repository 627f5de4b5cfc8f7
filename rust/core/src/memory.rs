//! How the allocator keeps memory.

/// Let the allocator make at most so many arenas from now on; false where it has none that could be limited.
///
/// glibc makes eight for each processor, one for each thread as long as there are fewer, and each keeps some of what was
/// freed: threads that take turns at large buffers then hold many times what they use.
#[must_use]
pub fn limit_arenas(most: i32) -> bool {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: any thread may call it at any time, and it takes any number; arenas that are there stay.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, most) == 1 }
    }
    #[cfg(not(target_env = "gnu"))]
    {
        let _ = most;
        false
    }
}
