//! Asks one consumer of a group for messages, when the member wants some.
//!
//! A pull brings what is there, and where there is nothing waits for the first message. So what is
//! fetched is what was asked for: a pull that stays open for more would take it from others. A consumer
//! is only asked while somebody waits, or will soon, since messages come back on a pull alone; which one of
//! several, [`Wants`](super::wants::Wants) says.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::Info;
use async_nats::{Client, Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::future::Fuse;
use futures_util::{FutureExt as _, StreamExt as _};
use memq::spi::Incoming;
use memq::{Cause, Format};
use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::sync::watch;
use tokio::time::Instant;

use super::asking::{Asks, LATE};
use super::bytes::Sizes;
use super::parts::Part;
use super::recover::recover;
use super::register::Nothing;
use super::shared::{Arrived, RETURN, Shared};
use super::wants::{Asked, Found};
use crate::delivered::{COMPLETED, Delivered, TOO_LARGE, unsent};
use crate::link::Link;
use crate::names::{Place, offset};
use crate::time::nanos;
use crate::wire;

/// How long one pull waits for a message, at most; half of that at least. Another follows while somebody waits: so the
/// server forgets who is gone, or waits no more, and a word of it is never long in coming.
const WAIT: Duration = Duration::from_secs(1);

/// How long an answer is waited for before the server is asked whether there is something to send.
const PATIENCE: Duration = Duration::from_millis(5);

/// How often it is looked what became of the group, also by who is never idle.
const LOOK: Duration = Duration::from_secs(30);

/// How long the server may say nothing beyond that: longer after each time that it did, up to a limit.
const QUIET: Duration = Duration::from_millis(1_500);
const MOST_QUIET: Duration = Duration::from_secs(60);

/// Answers that may be on their way beside messages, at most.
const STATUSES: u64 = 8;

/// Messages that are handed over at once, at most.
const RUN: usize = 256;

/// Messages after which an inbox is another one. Servers remember who hears each of the last 512 subjects
/// that a connection published to, and acknowledgements have one each; they forget all of them at once
/// where a subscription comes or goes, and else one by one, which takes them longer.
const WORN: u64 = 256;

/// A pause where the server refuses a pull for now.
const REFUSED: Duration = Duration::from_millis(50);

#[derive(Serialize)]
struct Pull {
    batch: usize,
    /// In nanoseconds; zero where it does not wait.
    #[serde(skip_serializing_if = "is_zero")]
    expires: u64,
    /// Takes what is there; waits for the first only.
    no_wait: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
}

/// How long the next pull waits. A server hands messages to who has waited longest, and who asks again comes last:
/// members that are idle would else wait in the same order at each partition, and what comes to all of
/// those at once would be the first one's.
fn expires() -> Duration {
    WAIT.mul_f64(0.5 + fastrand::f64() / 2.0)
}

impl Pull {
    /// One that waits for so long, if it does.
    fn new(asked: Asked, time: Duration, max_bytes: Option<usize>) -> Self {
        // What is answered at once needs no end, and the server looks at the clock for each message where
        // there is one.
        let expires = if asked.waits { nanos(time) } else { 0 };
        let no_wait = asked.batch > 1 || !asked.waits;
        Self { batch: asked.batch, expires, no_wait, max_bytes }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(nanos: &u64) -> bool {
    *nanos == 0
}

/// How a pull ended.
enum Over {
    /// It brought what there was.
    Done,
    /// The server refused it for now.
    Busy,
    /// There was nothing for as long as it waited.
    Idle,
    /// There was nothing, and it did not wait.
    Nothing,
    /// The server does not know it any more, or is away.
    Lost,
    /// It may be so, or a large message is on its way over a slow link.
    Quiet,
    /// The member takes no more.
    Stop,
}

impl Over {
    /// What it says of the consumer.
    fn found(&self) -> Found {
        match self {
            Self::Done => Found::Some,
            Self::Idle | Self::Nothing => Found::None,
            Self::Busy | Self::Lost | Self::Quiet | Self::Stop => Found::Unknown,
        }
    }
}

/// Pulls until the member takes no more messages.
pub(super) async fn run(shared: Arc<Shared>, part: Part) {
    let mut turn = shared.turn.subscribe();
    let mut inbox = None;
    let mut looked = Instant::now();
    let mut quiet = QUIET;
    loop {
        turn.borrow_and_update();
        match shared.request(part) {
            None => break,
            Some(Asked { batch: 0, .. }) => {
                let _rest = shared.rest(part);
                tokio::select! {
                    () = shared.lanes[part.lane()].notified() => {}
                    changed = turn.changed() => if changed.is_err() { break },
                }
            }
            Some(asked) => {
                let over = pull(&shared, part, &mut inbox, asked, quiet, &mut turn).await;
                let over = over.unwrap_or(Over::Lost);
                shared.tell_wants(|wants, room| wants.over(part.lane(), over.found(), room));
                // A message that takes longer than that to arrive would else come again and again.
                quiet = match over {
                    Over::Quiet => (2 * quiet).min(MOST_QUIET),
                    Over::Done | Over::Idle => QUIET,
                    _ => quiet,
                };
                let ended = Instant::now();
                // For so long before that a look of another lane is as good.
                let fresh = match over {
                    // Others may have said more partitions since.
                    Over::Done if looked.elapsed() >= LOOK => LOOK / 2,
                    Over::Done | Over::Nothing => continue,
                    Over::Busy => {
                        tokio::time::sleep(REFUSED).await;
                        continue;
                    }
                    Over::Idle => LOOK,
                    Over::Stop => break,
                    Over::Lost | Over::Quiet => {
                        let late = inbox.take().map(|inbox| give_back(shared.clone(), part, inbox));
                        late.into_iter().for_each(|late| shared.core.link.tasks.detach(late));
                        Duration::ZERO
                    }
                };
                if !recover(&shared, ended, fresh).await {
                    break;
                }
                looked = Instant::now();
            }
        }
    }
    if let Some(inbox) = inbox {
        give_back(shared, part, inbox).await;
    }
}

/// One pull.
async fn pull(
    shared: &Shared,
    part: Part,
    inbox: &mut Option<Inbox>,
    asked: Asked,
    quiet: Duration,
    turn: &mut watch::Receiver<()>,
) -> Result<Over, Cause> {
    let (link, stream) = (&shared.core.link, &shared.core.stream);
    if inbox.as_ref().is_some_and(Inbox::is_stale) {
        return Ok(Over::Lost);
    }
    let inbox = match inbox {
        Some(inbox) => {
            inbox.renew(&link.client).await?;
            inbox
        }
        None => inbox.insert(Inbox::open(link, shared.asks()).await?),
    };
    let (durable, moves) = {
        let state = shared.locked();
        (shared.durable(part, &state), state.moves)
    };
    let asked = Asked { batch: asked.batch.min(inbox.sizes.most()), ..asked };
    let time = expires();
    let pull = serde_json::to_vec(&Pull::new(asked, time, inbox.sizes.limit(asked.batch)))?;
    let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}");
    inbox.left = asked.batch;
    link.client.publish_with_reply(subject, inbox.reply.clone(), pull.into()).await?;

    let mut last = Instant::now();
    let quiet = if asked.waits { time + quiet } else { quiet };
    let mut patience = (part != Part::All && asked.waits).then(|| last + PATIENCE);
    let mut says = pin!(Fuse::terminated());
    while inbox.left > 0 {
        let _rest = shared.rest(part);
        let message = tokio::select! {
            // What arrived is taken first.
            biased;
            message = inbox.next() => message,
            changed = turn.changed() => {
                if changed.is_err() || shared.locked().is_over() {
                    return Ok(Over::Stop);
                }
                continue;
            }
            some = says.as_mut() => {
                if some {
                    continue;
                }
                shared.tell_wants(|wants, room| wants.pass_on(part.lane(), room));
                continue;
            }
            () = tokio::time::sleep_until(patience.unwrap_or(last + quiet)) => {
                if patience.take().is_none() {
                    return Ok(Over::Quiet);
                }
                if shared.locked().wants.counts(part.lane()) {
                    says.set(sends(shared, &durable).fuse());
                }
                continue;
            }
        };
        let Some(first) = message else { return Ok(Over::Lost) };
        last = Instant::now();
        let before = inbox.left;
        let over = take(shared, part, moves, asked, inbox, first);
        patience = patience.filter(|_| inbox.left == before);
        if let Some(over) = over {
            return Ok(over);
        }
    }
    Ok(Over::Done)
}

/// Whether a consumer has a message that it may send now.
async fn sends(shared: &Shared, durable: &str) -> bool {
    let request = format!("CONSUMER.INFO.{}.{durable}", shared.core.stream);
    let info = shared.core.link.ask_once::<Info>(&request, &Nothing {}).await;
    info.is_ok_and(|info| {
        let holds = u64::try_from(info.config.max_ack_pending).unwrap_or(u64::MAX);
        info.num_pending > 0 && (info.num_ack_pending as u64) < holds
    })
}

/// Takes in what has come; says where the pull is over by that.
fn take(
    shared: &Shared,
    part: Part,
    moves: u64,
    asked: Asked,
    inbox: &mut Inbox,
    first: Message,
) -> Option<Over> {
    let (format, since) = (shared.core.options().format, Instant::now());
    let mut run = std::mem::take(&mut inbox.run);
    let (mut pending, mut latest) = (0, None);
    let mut next = Some(first);
    let mut over = None;
    while let Some(message) = next {
        match message.status {
            None | Some(StatusCode::OK) => {
                inbox.sizes.came(message.length, inbox.left == asked.batch);
                inbox.left = if inbox.sizes.are_used_up() { 0 } else { inbox.left - 1 };
                if let Some((arrived, after)) = read(message, part, format, since) {
                    latest = latest.max(Some(arrived.incoming.at));
                    run.push(arrived);
                    pending = after;
                }
            }
            Some(StatusCode::NOT_FOUND | StatusCode::TIMEOUT) => {
                let some = std::mem::take(&mut inbox.left) < asked.batch;
                over = Some(match some {
                    true => Over::Done,
                    false if asked.waits => Over::Idle,
                    false => Over::Nothing,
                });
            }
            Some(StatusCode::REQUEST_TERMINATED) if says(&message, TOO_LARGE) => {
                // In a cluster it may overtake what was sent before.
                let unsent = unsent(&message).unwrap_or(inbox.left);
                inbox.left = inbox.left.saturating_sub(unsent);
                if unsent == asked.batch {
                    inbox.sizes.exceeded();
                }
            }
            // Of this pull, or of the one before.
            Some(StatusCode::REQUEST_TERMINATED) if says(&message, COMPLETED) => {}
            Some(StatusCode::REQUEST_TERMINATED) if is_busy(&message) => over = Some(Over::Busy),
            Some(_) => over = Some(Over::Lost),
        }
        let more = over.is_none() && inbox.left > 0 && run.len() < RUN;
        next = if more { inbox.next_now() } else { None };
    }
    latest.into_iter().for_each(|at| shared.core.hear_time(at));
    shared.arrive(part, moves, &mut run, pending);
    run.clear();
    inbox.run = run;
    over
}

fn says(message: &Message, text: &str) -> bool {
    message.description.as_deref() == Some(text)
}

/// Whether a pull was refused because the group has as many in flight as it may, or is asked by many.
fn is_busy(message: &Message) -> bool {
    message.description.as_deref().is_some_and(|text| text.starts_with("Exceeded"))
}

/// A message, and how many its consumer has to send after it. What the server did not send as a
/// delivery is none.
fn read(message: Message, part: Part, format: Format, since: Instant) -> Option<(Arrived, u64)> {
    let reply = message.reply?;
    let delivered = Delivered::read(&reply)?;
    let record = wire::record(message.payload, message.headers.as_ref(), format);
    let mut incoming = Incoming::new(offset(delivered.sequence), delivered.at, record);
    if let Some(place) = Place::of(&message.subject) {
        incoming.partition = place.partition;
    }
    let arrived = Arrived { part, incoming, attempt: delivered.attempt, reply, since };
    Some((arrived, delivered.pending))
}

/// Asks for no more, and gives back what was on its way.
async fn give_back(shared: Arc<Shared>, part: Part, mut inbox: Inbox) {
    if inbox.end(&shared.core.link.client).await.is_err() {
        return;
    }
    if !shared.core.link.keeps_its_place() {
        // Whoever gives a message back while only one waits that is gone makes the server lose its
        // place: it hands out again what is settled. A look makes it forget who is gone.
        let durable = shared.durable(part, &shared.locked());
        let request = format!("CONSUMER.INFO.{}.{durable}", shared.core.stream);
        let looking = shared.core.link.ask_once::<IgnoredAny>(&request, &Nothing {});
        // Where that fails there is nothing else to do.
        let _ = tokio::time::timeout(LATE, looking).await;
    }
    inbox.asks = None;
    while let Ok(Some(message)) = tokio::time::timeout(LATE, inbox.next()).await {
        if let (None | Some(StatusCode::OK), Some(reply)) = (message.status, &message.reply) {
            shared.tell(reply, RETURN);
        }
    }
}

/// Where the server answers pulls.
struct Inbox {
    reply: String,
    messages: Subscriber,
    asks: Option<Asks>,
    /// What came since it was opened.
    seen: u64,
    /// Messages that the present pull may still bring.
    left: usize,
    sizes: Sizes,
    /// Where they are gathered; empty in between.
    run: Vec<Arrived>,
    /// Tells that the connection was cut: the server counts anew then.
    up: watch::Receiver<bool>,
}

impl Inbox {
    async fn open(link: &Link, asks: Asks) -> Result<Self, Cause> {
        let mut up = link.up.clone();
        up.mark_unchanged();
        let reply = link.client.new_inbox();
        let messages = link.client.subscribe(reply.clone()).await?;
        // A message that is too large for all who wait is one that nobody may have.
        let sizes = Sizes::new(link.keeps_its_place());
        let (seen, left, run) = (0, 0, Vec::new());
        Ok(Self { reply, messages, asks: Some(asks), seen, left, sizes, run, up })
    }

    /// Takes another subject once this one is worn. No pull is under way, so that nothing comes any more
    /// but heartbeats.
    async fn renew(&mut self, client: &Client) -> Result<(), Cause> {
        if self.seen >= WORN {
            let reply = client.new_inbox();
            self.messages = client.subscribe(reply.clone()).await?;
            (self.reply, self.seen) = (reply, 0);
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Message> {
        let message = self.messages.next().await;
        self.seen += u64::from(message.is_some());
        message
    }

    /// What is here already.
    fn next_now(&mut self) -> Option<Message> {
        self.next().now_or_never().flatten()
    }

    /// Whether it was opened on a connection that was cut.
    fn is_stale(&self) -> bool {
        self.up.has_changed().unwrap_or(true)
    }

    /// Lets it end, with nothing lost. The client forgets a subscription before the server does, and
    /// drops what arrives in between. So it ends by a count, which both know: of all that may be on its
    /// way, filled up with messages of its own.
    async fn end(&mut self, client: &Client) -> Result<(), Cause> {
        if self.is_stale() {
            return Ok(self.messages.drain().await?);
        }
        let rest = self.left as u64 + STATUSES;
        self.messages.unsubscribe_after(self.seen + rest).await?;
        for _ in 0..rest {
            client.publish(self.reply.clone(), Bytes::new()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_that_does_not_wait_has_no_end() {
        let pull = |batch, waits| {
            serde_json::to_string(&Pull::new(Asked { batch, waits }, WAIT, None)).unwrap()
        };
        assert_eq!(pull(256, false), r#"{"batch":256,"no_wait":true}"#);
        assert_eq!(pull(1, false), r#"{"batch":1,"no_wait":true}"#);
        let ends = r#""expires":1000000000"#;
        assert_eq!(pull(256, true), format!(r#"{{"batch":256,{ends},"no_wait":true}}"#));
        assert_eq!(pull(1, true), format!(r#"{{"batch":1,{ends},"no_wait":false}}"#));
    }

    #[test]
    fn pulls_wait_for_half_of_the_time_or_longer() {
        let all: Vec<_> = std::iter::repeat_with(expires).take(100).collect();
        assert!(all.iter().all(|time| (WAIT / 2..=WAIT).contains(time)));
        assert!(all.iter().any(|time| *time != all[0]));
    }

    #[test]
    fn a_pull_of_several_says_how_many_bytes_it_takes_where_these_are_counted() {
        let pull = |batch, counts| {
            let asked = Asked { batch, waits: false };
            serde_json::to_string(&Pull::new(asked, WAIT, Sizes::new(counts).limit(batch))).unwrap()
        };
        assert_eq!(pull(2, true), r#"{"batch":2,"no_wait":true,"max_bytes":4194304}"#);
        assert_eq!(pull(1, true), r#"{"batch":1,"no_wait":true}"#);
        assert_eq!(pull(2, false), r#"{"batch":2,"no_wait":true}"#);
    }
}
