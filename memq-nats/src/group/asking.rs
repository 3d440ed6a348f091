//! Whether a member asks the server for messages, and who waits until it does not.

use std::time::Duration;

use tokio::sync::watch;

/// How long what is on its way may take to arrive once nobody is to have it.
pub(super) const LATE: Duration = Duration::from_secs(2);

/// Whether a member asks for messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asking {
    /// It takes no more.
    pub(super) over: bool,
    /// Pulls that the server may still answer.
    pub(super) pulls: usize,
}

/// One of those pulls, for as long as it lives.
pub(super) struct Asks(pub(super) watch::Sender<Asking>);

/// Waits until nothing is sent to a member that takes no more: what is given back goes to the others.
pub(super) struct Quiet(pub(super) watch::Receiver<Asking>);

impl Drop for Asks {
    fn drop(&mut self) {
        self.0.send_modify(|asking| asking.pulls -= 1);
    }
}

impl Quiet {
    /// Returns at once while the member takes messages.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is lost.
    pub(super) async fn comes(&mut self) {
        let quiet = self.0.wait_for(|asking| !asking.over || asking.pulls == 0);
        // Where that does not come it does without.
        let _ = tokio::time::timeout(LATE, quiet).await;
    }
}
