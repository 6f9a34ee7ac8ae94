//! The machine that is measured on.

use std::fs;
use std::time::Duration;

use jiff::{Timestamp, Unit};
use spillway_tests::processor::time_at_work;

/// The day, the processor, the memory, the load.
pub fn describe() -> String {
    let now = Timestamp::now().round(Unit::Minute).expect("a minute");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "Measured at {now} on {cores} cores of {}, {} of memory, {}; load average at the start: {}",
        field("/proc/cpuinfo", "model name"),
        field("/proc/meminfo", "MemTotal"),
        read("/proc/sys/kernel/ostype").trim(),
        load()
    )
}

/// How many processes wanted a core in the last minute, five minutes and fifteen minutes.
pub fn load() -> String {
    read("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(", ")
}

/// How long the processes that have an environment of this kind have been at work since they started, as Linux counts it. What
/// has ended is not among them.
pub fn processor_time(is_one: impl Fn(&[&str]) -> bool) -> Duration {
    let processes = fs::read_dir("/proc").expect("these numbers need a Linux");
    let times = processes.filter_map(|process| {
        let process = process.ok()?.path();
        let environment = fs::read(process.join("environ")).ok()?;
        let variables: Vec<_> = str::from_utf8(&environment).ok()?.split('\0').collect();
        is_one(&variables).then(|| time_at_work(&process.join("task"), |_| true))
    });
    times.sum()
}

fn field(file: &str, name: &str) -> String {
    let text = read(file);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or_else(|| "?".to_owned(), |(_, value)| value.trim().to_owned())
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}; these numbers need a Linux"))
}
