//! What a thread may take of the processors when there is not enough for all.

/// Niceness of threads whose work can wait: a ninth of the weight of others.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 10;

/// Niceness of threads of which there are as many as processors: less than half of the weight of others.
#[cfg(target_os = "linux")]
const BESIDE: i32 = 4;

/// Lets the calling thread stand behind those that somebody waits for. Only Linux has a niceness for each thread;
/// elsewhere nothing happens.
pub(crate) fn stand_behind() {
    #[cfg(target_os = "linux")]
    be_nice(BEHIND);
}

/// Lets the calling thread make way for the one thread that orders and executes, for which everybody waits.
pub(crate) fn make_way() {
    #[cfg(target_os = "linux")]
    be_nice(BESIDE);
}

#[cfg(target_os = "linux")]
fn be_nice(niceness: i32) {
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), niceness) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}
