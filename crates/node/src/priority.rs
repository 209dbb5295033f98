//! What a thread may take of the processors when there is not enough for all.

/// Niceness of threads whose work can wait: a ninth of the weight of others.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 10;

/// Lets the calling thread stand behind those that somebody waits for. Only Linux has a niceness for each thread;
/// elsewhere nothing happens.
pub(crate) fn stand_behind() {
    #[cfg(target_os = "linux")]
    {
        let thread = rustix::thread::gettid();
        if let Err(error) = rustix::process::setpriority_process(Some(thread), BEHIND) {
            tracing::debug!(%error, "a thread keeps its priority");
        }
    }
}
