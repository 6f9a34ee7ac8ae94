//! What is taken of the processor, as Linux counts it.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long the threads of a process have been at work since they started, if their name is one of those wanted. They are those
/// of a folder such as `/proc/self/task`; of a process that has ended there are none.
pub fn time_at_work(threads: &Path, is_wanted: impl Fn(&str) -> bool) -> Duration {
    let threads = fs::read_dir(threads).into_iter().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let thread = thread.ok()?.path();
        let name = fs::read_to_string(thread.join("comm")).ok()?;
        let times = fs::read_to_string(thread.join("schedstat")).ok()?;
        is_wanted(name.trim()).then(|| times.split(' ').next()?.parse::<u64>().ok())?
    });
    Duration::from_nanos(nanoseconds.sum())
}
