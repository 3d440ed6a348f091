//! What settles one delivery.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::Subject;
use async_nats::client::RequestErrorKind;
use bytes::Bytes;
use memq::spi::{Boxed, Fault, Settle, SettleFault, Token};
use memq::{Cause, Offset};
use tokio::time::Instant;

use super::register::Register;
use super::shared::{ACK, FORGET, PROGRESS, RETURN, Shared};
use crate::link::Link;
use crate::settings::Settings;
use crate::time::nanos;

/// How often a server that is there leaves unanswered what it is told of a delivery, before that is known
/// to be one it has forgotten, as after it was killed: such a message comes back.
const UNANSWERED: u32 = 2;

/// A delivery of a member.
pub(super) struct Delivery {
    pub(super) shared: Arc<Shared>,
    pub(super) offset: Offset,
    pub(super) serial: u64,
    pub(super) moves: u64,
    pub(super) spent: AtomicBool,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("offset", &self.offset).finish_non_exhaustive()
    }
}

/// What the server is told.
fn word(how: Settle) -> Bytes {
    match how {
        Settle::Ack => ACK,
        Settle::Delay(delay) if !delay.is_zero() => {
            format!(r#"-NAK {{"delay":{}}}"#, nanos(delay)).into()
        }
        Settle::Forget => FORGET,
        _ => RETURN,
    }
}

impl Delivery {
    /// The delivery ends, unless it has. What the server is to be told by.
    fn spend(&self) -> Result<Subject, SettleFault> {
        if self.spent.swap(true, Ordering::AcqRel) {
            return Err(SettleFault::AlreadySettled);
        }
        self.shared.release(self.offset, self.serial, self.moves)
    }
}

impl Token for Delivery {
    fn settle(&self, how: Settle) -> Result<(), SettleFault> {
        let reply = self.spend()?;
        self.shared.tell(&reply, word(how));
        Ok(())
    }

    fn settle_confirmed(&self, how: Settle) -> Boxed<Result<(), SettleFault>> {
        match self.spend() {
            Ok(reply) => {
                let awaited = Awaited { shared: self.shared.clone(), reply, how, over: false };
                Box::pin(awaited.confirm())
            }
            Err(fault) => Box::pin(std::future::ready(Err(fault))),
        }
    }

    fn extend(&self, _: Duration) -> Result<(), SettleFault> {
        if self.spent.load(Ordering::Acquire) {
            return Err(SettleFault::AlreadySettled);
        }
        let state = self.shared.locked();
        let reply = self.shared.valid(&state, self.offset, self.serial, self.moves)?;
        self.shared.tell(reply, PROGRESS);
        Ok(())
    }
}

/// One that nobody settled holds nothing any more; the message comes back after its deadline.
impl Drop for Delivery {
    fn drop(&mut self) {
        // Settled before, or moved: nothing is held either way.
        let _ = self.spend();
    }
}

/// A delivery that ends once the server has heard so. Dropped before, the server is told that the message is
/// to come back at once, if it has not heard the other; what is to be forgotten, it is told again.
struct Awaited {
    shared: Arc<Shared>,
    reply: Subject,
    how: Settle,
    /// Whether there is nothing to tell any more.
    over: bool,
}

impl Awaited {
    async fn confirm(mut self) -> Result<(), SettleFault> {
        let heard = confirm(&self.shared, &self.reply, word(self.how)).await;
        self.over = true;
        heard
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if !self.over {
            let instead = if self.how == Settle::Forget { FORGET } else { RETURN };
            self.shared.tell(&self.reply, instead);
        }
    }
}

/// Says it until the server has heard it, or for as long as the settings say. To say it twice is
/// answered like once.
async fn confirm(shared: &Shared, reply: &Subject, what: Bytes) -> Result<(), SettleFault> {
    let link = &shared.core.link;
    shared.quiet().comes().await;
    let deadline = Instant::now() + link.settings.patience();
    let (mut attempt, mut unanswered) = (1, 0);
    loop {
        let cause = match say(link, reply, &what).await {
            Said::Heard => return Ok(()),
            Said::Lost(cause) => cause,
            Said::Unanswered(cause) => {
                unanswered += 1;
                cause
            }
        };
        // Nobody answers for a group that is gone.
        shared.core.look_patiently().await?;
        let register = Register::read(&shared.core, &shared.group).await.map_err(Fault::from)?;
        match register {
            Some(register) if register.id == shared.id => {
                if register.epoch != shared.locked().register.epoch {
                    return Err(SettleFault::AlreadySettled);
                }
            }
            _ => return Err(SettleFault::GroupDeleted),
        }
        let pause = Settings::AWAY.delay(attempt);
        if unanswered == UNANSWERED || Instant::now() + pause > deadline {
            return Err(Fault::Unavailable(cause).into());
        }
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// What came of saying it once.
enum Said {
    Heard,
    /// It may not have arrived.
    Lost(Cause),
    /// The server was there, and said nothing.
    Unanswered(Cause),
}

async fn say(link: &Link, reply: &Subject, what: &Bytes) -> Said {
    tokio::select! {
        biased;
        answer = link.client.request(reply.clone(), what.clone()) => match answer {
            Ok(_) => Said::Heard,
            Err(error) if error.kind() == RequestErrorKind::TimedOut => Said::Unanswered(error.into()),
            Err(error) => Said::Lost(error.into()),
        },
        () = link.goes_down() => Said::Lost("the connection was cut".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_told_delays_in_nanoseconds() {
        assert_eq!(word(Settle::Delay(Duration::from_millis(3))), r#"-NAK {"delay":3000000}"#);
        assert_eq!(word(Settle::Delay(Duration::ZERO)), "-NAK");
        assert_eq!(word(Settle::Return), "-NAK");
        assert_eq!(word(Settle::Ack), "+ACK");
        assert_eq!(word(Settle::Forget), "+TERM");
    }
}
