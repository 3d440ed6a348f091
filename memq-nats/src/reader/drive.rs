//! The task of a reader: asks for messages while there is room, and makes the consumer anew where
//! something is wrong.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use async_nats::jetstream::stream::Info;
use memq::spi::{Fault, Incoming, OpenFault};
use memq::{Cause, Format, Partition, Start, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::buffer::{Buffer, Over};
use super::pull::{Pull, SILENCE, Said, Why};
use super::source::Source;
use crate::delivered::Delivered;
use crate::fault::Trouble;
use crate::names::{Place, offset};
use crate::settings::Settings;
use crate::start::{self, Nowhere};
use crate::topic::{Core, Phase, Unseen};
use crate::wire;

/// Messages that are handed over at once, at most.
const RUN: usize = 256;

/// How often it is looked where the topic ends, while there is more to come or it is closed.
const LOOK: Duration = Duration::from_secs(1);

/// Without a message for so long, though the topic has one, something is wrong with the consumer.
const HUNGER: Duration = Duration::from_secs(5);

/// So long the leader of a cluster may not know of all that was stored.
const CATCH_UP: Duration = Duration::from_secs(10);

/// Why reading from a consumer ended.
enum Stop {
    Over(Over),
    /// Something is wrong with it.
    Lost(Cause),
}

impl From<Unseen> for Stop {
    fn from(unseen: Unseen) -> Self {
        match unseen {
            Unseen::Deleted => Self::Over(Over::Deleted),
            Unseen::Away(cause) => Self::Lost(cause),
        }
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Lost(trouble.into_cause())
    }
}

pub(super) struct Driver {
    core: Arc<Core>,
    source: Source,
    buffer: Arc<Buffer>,
    position: Position,
    outage: Option<Outage>,
    _ending: Ending,
}

/// How far the reader is.
struct Position {
    /// The sequence that comes next, at least.
    cursor: u64,
    /// How many messages this consumer has sent.
    number: u64,
    /// How many it has to send, as it last said.
    pending: u64,
    /// When the last message was stored, or one before it where the server's clock was set.
    at: Timestamp,
    /// When the last message was stored, if there was one.
    seen: Option<Timestamp>,
}

/// A time without a consumer that works.
struct Outage {
    since: Instant,
    tries: u32,
    told: bool,
}

/// What a run of messages said, beside the messages.
#[derive(Default)]
struct Heard {
    /// A message came.
    fed: bool,
    /// The server has nothing to send at the moment.
    idle: bool,
    /// A request was not answered for a while.
    expired: bool,
    lost: Option<Cause>,
}

/// Ends the reader, also where the task ends with its runtime, or never begins.
struct Ending(Arc<Buffer>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.finish(Over::Closed);
    }
}

impl Driver {
    pub(super) fn new(
        core: Arc<Core>,
        source: Source,
        buffer: Arc<Buffer>,
        cursor: u64,
        pending: u64,
    ) -> Self {
        let at = Timestamp::from_nanos(0);
        let position = Position { cursor, number: 0, pending, at, seen: None };
        let _ending = Ending(buffer.clone());
        Self { core, source, buffer, position, outage: None, _ending }
    }

    /// Reads until nobody does any more, or there is nothing more to read.
    pub(super) async fn run(mut self) {
        let buffer = self.buffer.clone();
        let mut down = self.core.link.down();
        let over = tokio::select! {
            biased;
            () = buffer.left() => Over::Closed,
            () = async { drop(down.wait_for(|down| *down).await) } => Over::Closed,
            over = self.drive() => over,
        };
        buffer.finish(over);
        // It would go by itself, a little later. Until then it would hold back who makes room, also in
        // another topic that took the name.
        let _ = self.source.remove().await;
    }

    async fn drive(&mut self) -> Over {
        let mut phase = self.core.watch();
        loop {
            let cause = match self.read(&mut phase).await {
                Ok(over) | Err(Stop::Over(over)) => return over,
                Err(Stop::Lost(cause)) => cause,
            };
            self.away(cause);
            while let Err(unseen) = self.renew().await {
                match unseen {
                    Unseen::Deleted => return Over::Deleted,
                    Unseen::Away(cause) => self.away(cause),
                }
            }
        }
    }

    /// The consumer does not work.
    fn away(&mut self, cause: Cause) {
        let now = Instant::now();
        let outage = self.outage.get_or_insert(Outage { since: now, tries: 0, told: false });
        let limit = self.core.link.settings.give_up_after;
        if !outage.told && limit.is_some_and(|limit| now - outage.since >= limit) {
            outage.told = true;
            self.buffer.fail(cause);
        }
    }

    /// Makes the consumer again where the reader is, after a pause that grows.
    async fn renew(&mut self) -> Result<(), Unseen> {
        if let Some(outage) = &mut self.outage {
            outage.tries = outage.tries.saturating_add(1);
            if outage.tries > 1 {
                let pause = Settings::AWAY.delay(outage.tries - 1);
                sleep(pause).await;
            }
        }
        loop {
            let (pending, stream) = self.source.renew(self.position.cursor).await?;
            let end = offset(stream.state.last_sequence + 1);
            let Some(sequence) = self.is_set_back(&stream).await? else {
                (self.position.number, self.position.pending) = (0, pending);
                self.buffer.heard(end);
                return Ok(());
            };
            let at = offset(sequence);
            self.buffer.ends(end);
            let text = format!("the topic was set back, and goes on at offset {at}");
            self.buffer.set_back(at, text.into()).await;
            (self.position.cursor, self.position.seen, self.outage) = (sequence, None, None);
        }
    }

    /// Whether the stream was set back to an older copy of itself, as by a server that lost power before its disk
    /// had all: the sequence at which it goes on then, with what was stored since. Told by the last message
    /// that was read: it is not there, or another one is. Where none was read, or retention removed it, only
    /// by a stream that has not grown past it again.
    async fn is_set_back(&self, stream: &Info) -> Result<Option<u64>, Unseen> {
        let away = |trouble: Trouble| Unseen::Away(trouble.into_cause());
        let (cursor, end) = (self.position.cursor, stream.state.last_sequence + 1);
        let is_shorter = end < cursor;
        if is_shorter && stream.config.num_replicas > 1 && !self.is_away_for(CATCH_UP) {
            return Err(Unseen::Away("the stream ends before what was read".into()));
        }
        let Some(seen) = self.position.seen else { return Ok(is_shorter.then_some(end)) };
        let last = self.core.stored_at(cursor - 1).await.map_err(away)?;
        if !is_shorter && last.is_none_or(|at| at == seen) {
            return Ok(None);
        }
        let since = Timestamp::from_nanos(seen.as_nanos() + 1);
        match start::resolve(&self.core, Start::Time(since)).await {
            Ok(sequence) => Ok(Some(sequence.min(cursor))),
            Err(Nowhere::Fault(Fault::Deleted)) => Err(Unseen::Deleted),
            Err(nowhere) => Err(Unseen::Away(Box::new(OpenFault::from(nowhere)))),
        }
    }

    fn is_away_for(&self, time: Duration) -> bool {
        self.outage.as_ref().is_some_and(|outage| outage.since.elapsed() >= time)
    }

    /// Reads from the consumer there is.
    async fn read(&mut self, phase: &mut watch::Receiver<Phase>) -> Result<Over, Stop> {
        let pull = Pull::new(self.core.link.clone(), &self.source).await;
        let mut pull = pull.map_err(Stop::Lost)?;
        let mut heard = Heard { idle: true, ..Heard::default() };
        let mut last = Instant::now();
        let mut looked = last;
        // Since when a message is waited for that there is.
        let mut hungry = None;
        loop {
            let now = *phase.borrow_and_update();
            if now == Phase::Deleted {
                return Ok(Over::Deleted);
            }
            let is_closed = now == Phase::Closed;
            let is_behind = self.position.pending > 0;
            let looks = is_behind || is_closed;
            let starves = looks && pull.waits() && !heard.fed;
            hungry = starves.then(|| hungry.unwrap_or_else(Instant::now));
            let may_be_over = is_closed && (heard.idle || !is_behind);
            if heard.expired || may_be_over || (looks && looked.elapsed() >= LOOK) {
                // Nothing may tell of what was done with the topic, but looking.
                let info = self.core.look().await?;
                let end = info.state.last_sequence + 1;
                if is_closed && self.has_all(end).await? {
                    self.buffer.ends(offset(end));
                    return Ok(Over::Closed);
                }
                self.buffer.heard(offset(end));
                self.position.pending = end.saturating_sub(self.position.cursor);
                if hungry.is_some_and(|since| since.elapsed() >= HUNGER) {
                    // What it sent may be lost on the way, or its node of a cluster may stay behind.
                    if is_closed || self.is_stored(end).await? {
                        return Err(lost("the consumer does not send what is stored"));
                    }
                    // What there was is removed.
                    self.position.pending = 0;
                }
                looked = Instant::now();
            }
            if !pull.waits() {
                last = Instant::now();
            }
            pull.ask(self.buffer.room()).await.map_err(Stop::Lost)?;
            heard = Heard::default();
            tokio::select! {
                changed = phase.changed() => heard.idle = changed.is_ok(),
                () = pull.cut() => return Err(lost("the connection was cut")),
                () = sleep_until(last + SILENCE), if pull.waits() => {
                    return Err(lost("the server says nothing any more"));
                }
                () = sleep_until(looked + LOOK), if looks => {}
                () = self.buffer.emptied() => {}
                message = pull.next() => {
                    let message = message.ok_or_else(|| lost("the client is gone"))?;
                    heard = self.take(&mut pull, message);
                    last = Instant::now();
                }
            }
            if let Some(cause) = heard.lost {
                return Err(Stop::Lost(cause));
            }
            if pull.is_cut() {
                return Err(lost("the connection was cut"));
            }
        }
    }

    /// Takes in what has come.
    fn take(&mut self, pull: &mut Pull, first: Message) -> Heard {
        let format = self.core.options().format;
        let mut heard = Heard::default();
        let mut run = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match Said::of(&message) {
                Said::Message(delivered) => {
                    self.core.hear_time(delivered.at);
                    match self.position.accept(message, delivered, format) {
                        Ok(new) => {
                            pull.arrived();
                            heard.fed = true;
                            run.extend(new);
                        }
                        Err(cause) => {
                            heard.lost = Some(cause);
                            break;
                        }
                    }
                }
                Said::Idle => heard.idle = true,
                Said::Over { left, why } => {
                    pull.over(left, why);
                    heard.expired |= why == Why::Expired;
                }
                Said::Lost(cause) => {
                    heard.lost = Some(cause);
                    break;
                }
                Said::Foreign => {}
            }
            next = if run.len() < RUN { pull.next_now() } else { None };
        }
        if heard.lost.is_none() {
            self.outage = None;
        }
        if !run.is_empty() {
            // Not with what is pending behind it: servers count what limits remove meanwhile, too.
            self.buffer.heard(offset(self.position.cursor));
            self.buffer.add(&mut run);
        }
        heard
    }

    /// Whether all has come of a closed topic that ends here.
    async fn has_all(&self, end: u64) -> Result<bool, Stop> {
        let info = self.source.info().await?;
        let sent = info.delivered.consumer_sequence;
        if info.num_pending > 0 || sent != self.position.number {
            return Ok(false);
        }
        // A consumer is on one node of a cluster, which may get a message later than the leader.
        Ok(!self.is_stored(end).await?)
    }

    /// Whether the topic has a message, before this end, that has not come.
    async fn is_stored(&self, end: u64) -> Result<bool, Stop> {
        let cursor = self.position.cursor;
        Ok(cursor < end && self.core.has(cursor, end, ">").await?)
    }
}

impl Position {
    /// Takes in a message; `None` where the reader has it already.
    ///
    /// # Errors
    ///
    /// Where others were sent before it that have not come.
    fn accept(
        &mut self,
        message: Message,
        delivered: Delivered,
        format: Format,
    ) -> Result<Option<(Incoming, usize)>, Cause> {
        if delivered.number != self.number + 1 {
            return Err("messages were lost on the way".into());
        }
        self.number = delivered.number;
        self.pending = delivered.pending;
        // Older servers begin at the last message where the cursor lies behind it.
        if delivered.sequence < self.cursor {
            return Ok(None);
        }
        self.cursor = delivered.sequence + 1;
        self.seen = Some(delivered.at);
        // The server's clock may have been set.
        self.at = self.at.max(delivered.at);
        let record = wire::record(message.payload, message.headers.as_ref(), format);
        let mut incoming = Incoming::new(offset(delivered.sequence), self.at, record);
        // Who publishes under a subject of another form publishes to the first one.
        let place = Place::of(&message.subject);
        incoming.partition = place.map_or(Partition(0), |place| place.partition);
        Ok(Some((incoming, message.length)))
    }
}

fn lost(text: &'static str) -> Stop {
    Stop::Lost(text.into())
}

#[cfg(test)]
mod tests {
    use memq::Offset;

    use super::*;

    fn accepted(position: &mut Position, sequence: u64, number: u64, at: u64) -> Option<Incoming> {
        let message = Message {
            subject: "memq.orders.3.n".into(),
            reply: None,
            payload: "tea".into(),
            headers: None,
            status: None,
            description: None,
            length: 3,
        };
        let at = Timestamp::from_nanos(at);
        let delivered = Delivered { attempt: 1, sequence, number, at, pending: 7 };
        let accepted = position.accept(message, delivered, Format::Json);
        accepted.unwrap().map(|(incoming, _)| incoming)
    }

    #[test]
    fn messages_rise_and_are_dated_in_order() {
        let at = Timestamp::from_nanos(0);
        let mut position = Position { cursor: 5, number: 0, pending: 0, at, seen: None };
        // What an older server sends though it lies before the cursor.
        assert!(accepted(&mut position, 4, 1, 10).is_none());
        let first = accepted(&mut position, 5, 2, 10).unwrap();
        assert_eq!((first.offset, first.partition), (Offset(4), Partition(3)));
        // Those between were removed, and the clock was set.
        let second = accepted(&mut position, 9, 3, 8).unwrap();
        assert_eq!((second.offset, second.at), (Offset(8), first.at));
        assert_eq!((position.cursor, position.pending), (10, 7));
    }

    #[test]
    #[should_panic(expected = "lost on the way")]
    fn a_number_that_is_missing_was_lost() {
        let at = Timestamp::from_nanos(0);
        let mut position = Position { cursor: 1, number: 0, pending: 0, at, seen: None };
        accepted(&mut position, 1, 1, 1);
        accepted(&mut position, 3, 3, 1);
    }
}
