//! Members that come, receive, wait, settle and go.

use std::pin::pin;

use super::*;

/// A batch of more than this takes what there is when it begins.
const LONG: usize = 1_024;

/// Of a message that was received.
fn offset(received: &Received) -> Option<u64> {
    received.as_ref().ok().map(|delivery| delivery.offset().0)
}

impl Run<'_> {
    pub(super) async fn join(&mut self, name: usize, most: usize, place: Place) {
        let rules = self.topic.options.groups[name];
        let topic = self.topic.broker.topic("log");
        let mut builder = topic.subscriber().from(self.start(place)).group(GROUPS[name]);
        builder = builder.max_in_flight(most).backoff(Backoff::fixed(millis(rules.backoff)));
        if !rules.auto_ack {
            builder = builder.ack_deadline(millis(rules.deadline));
            if let Some(most) = rules.most {
                builder = builder.group_max_in_flight(most);
            }
        }
        if rules.any_order {
            builder = builder.any_order();
        }
        builder = match rules.dead {
            _ if rules.auto_ack => builder.auto_ack(),
            Dead::Own => builder.max_attempts(rules.attempts),
            Dead::Shared => builder.max_attempts(rules.attempts).dead_letter("graves"),
            Dead::Never => builder.without_dead_letters(),
        };
        match (builder.await, self.model.join(name, most, place)) {
            (Ok(consumer), Some((group, member))) => {
                let hold = Some(Hold::Idle(Box::new(consumer)));
                let bell = Bell::new();
                self.mates.push(Mate { group, member, hold, bell, parked_at: None });
            }
            (Err(OpenError::BeyondEnd { .. }), None) => {}
            (real, model) => panic!("{real:?} where the model says {model:?}"),
        }
    }

    /// What a member got, against what the model says it gets.
    pub(super) fn received(&mut self, at: usize, received: Option<Received>) {
        let (group, member) = (self.mates[at].group, self.mates[at].member);
        let real = received.as_ref().and_then(offset);
        let model = self.model.receive(group, member, real);
        self.got(at, received, model);
    }

    pub(super) fn got(&mut self, at: usize, received: Option<Received>, model: Got) {
        let group = self.mates[at].group;
        match (received, model) {
            (Some(Ok(delivery)), Got::Message(ticket)) => {
                let message = self.model.log.at(ticket.offset);
                assert_eq!(
                    (delivery.offset().0, delivery.attempt()),
                    (ticket.offset, ticket.attempt)
                );
                assert_eq!(delivery.partition().0, message.partition);
                assert_eq!(
                    (id(&delivery), delivery.key()),
                    (message.id, message.key.map(Into::into))
                );
                let name = self.model.group(group).unwrap().name;
                self.out.push(Out { group, name, ticket, delivery });
            }
            (None, Got::Nothing)
            | (Some(Err(RecvError::Closed)), Got::Closed)
            | (Some(Err(RecvError::GroupDeleted)), Got::GroupDeleted) => {}
            (
                Some(Err(RecvError::Lagged { skipped, reason })),
                Got::Lagged { skipped: model, reasons },
            ) => {
                assert_eq!(skipped, model);
                assert!(reasons.contains(&reason), "{reason:?} is none of {reasons:?}");
            }
            (real, model) => panic!("{real:?} where the model says {model:?}"),
        }
    }

    pub(super) fn receive_batch(&mut self, index: usize, max: usize) {
        let Some((at, consumer)) = self.idle(index) else { return };
        let real = try_now(consumer.recv_batch(max));
        let (group, member) = (self.mates[at].group, self.mates[at].member);
        if max == 0 {
            return assert!(real.unwrap().unwrap().is_empty());
        }
        self.mates[at].parked_at = None;
        // A long batch is one of what is there, and asks for nothing after it: not for the topic's end.
        let max = if max > LONG { self.model.ahead(group).max(1) } else { max };
        let mut model = Vec::new();
        let real: Vec<Option<Received>> = match real {
            None => vec![None],
            Some(Err(error)) => vec![Some(Err(error))],
            Some(Ok(deliveries)) => deliveries.into_iter().map(|one| Some(Ok(one))).collect(),
        };
        let got = |at: usize| real.get(at)?.as_ref().and_then(offset);
        let first = self.model.receive(group, member, got(0));
        let mut more = matches!(first, Got::Message(_));
        model.push(first);
        while more && model.len() < max {
            match self.model.claim(group, member, got(model.len())) {
                message @ Got::Message(_) => model.push(message),
                Got::Nothing => break,
                error => {
                    more = false;
                    self.model.pending.entry((group, member)).or_default().push_back(error);
                }
            }
        }
        assert_eq!(real.len(), model.len(), "{real:?} where the model says {model:?}");
        for (real, model) in real.into_iter().zip(model) {
            self.got(at, real, model);
        }
    }

    /// Begins to receive, or goes on with it.
    pub(super) fn wait(&mut self, at: usize) {
        let mate = &mut self.mates[at];
        let (mut receive, stop) = match mate.hold.take().unwrap() {
            Hold::Waiting { receive, stop } => (receive, stop),
            Hold::Idle(mut consumer) => {
                let stop = Rc::new(Cell::new(false));
                let stopped = stop.clone();
                let receive = Box::pin(async move {
                    let received = {
                        let mut receive = pin!(consumer.recv());
                        std::future::poll_fn(|cx| match stopped.get() {
                            true => Poll::Ready(None),
                            false => receive.as_mut().poll(cx).map(Some),
                        })
                        .await
                    };
                    (consumer, received)
                });
                (receive as Pin<Box<dyn Future<Output = _>>>, stop)
            }
        };
        match settle_with(&mate.bell, &mut receive) {
            Poll::Ready((consumer, received)) => {
                mate.hold = Some(Hold::Idle(consumer));
                mate.parked_at = None;
                self.received(at, received);
            }
            Poll::Pending => {
                mate.hold = Some(Hold::Waiting { receive, stop });
                mate.parked_at = Some(mate.bell.rings());
                self.received(at, None);
            }
        }
    }

    /// Polls by hand.
    pub(super) fn poll(&mut self, at: usize) {
        let mate = &mut self.mates[at];
        let Some(Hold::Idle(consumer)) = &mut mate.hold else { return };
        let bell = mate.bell.clone();
        let waker = Waker::from(bell.clone());
        let polled = loop {
            let rings = bell.rings();
            match consumer.poll_recv(&mut Context::from_waker(&waker)) {
                Poll::Pending if bell.rings() > rings => {}
                polled => break polled,
            }
        };
        mate.parked_at = polled.is_pending().then(|| bell.rings());
        let received = match polled {
            Poll::Ready(received) => Some(received),
            Poll::Pending => None,
        };
        self.received(at, received);
    }

    /// Drops a receive that waits.
    pub(super) fn stop(&mut self, at: usize) {
        let mate = &mut self.mates[at];
        if let Some(Hold::Waiting { stop, .. }) = &mate.hold {
            stop.set(true);
            let Some(Hold::Waiting { mut receive, .. }) = mate.hold.take() else { return };
            let Some((consumer, None)) = try_now(&mut receive) else { panic!("it goes on") };
            mate.hold = Some(Hold::Idle(consumer));
            mate.parked_at = None;
        }
    }

    /// Runs whoever was woken, until nobody was.
    pub(super) fn run(&mut self, first: usize) {
        let count = self.mates.len();
        let mut quiet = 0;
        let mut at = first;
        while quiet < count {
            let mate = &self.mates[at % count];
            quiet += 1;
            if mate.is_parked() && !mate.is_asleep() {
                if mate.is_waiting() {
                    self.wait(at % count)
                } else {
                    self.poll(at % count)
                }
                quiet = 0;
            }
            at += 1;
        }
        for mate in self.mates.iter().filter(|mate| mate.is_parked()) {
            let has = self.model.has_something(mate.group, mate.member);
            assert!(!has, "member {} of {} sleeps on", mate.member, mate.group);
        }
    }

    // Settling and moving.

    pub(super) async fn settle(&mut self, at: usize, how: How) {
        let rules = self.topic.options.groups[self.out[at].name];
        if let How::Extend | How::ExtendBy(_) = how {
            let Out { group, ticket, delivery, .. } = &self.out[at];
            let (real, by) = match how {
                How::ExtendBy(by) => (delivery.extend_by(millis(by)), by),
                _ => (delivery.extend(), rules.deadline),
            };
            self.model.tick(*group);
            let until = self.model.now + by;
            let model = match self.model.group(*group) {
                _ if rules.auto_ack => Err(Refusal::AlreadySettled),
                Some(group) => group.extend(*ticket, until),
                None => Err(Refusal::GroupDeleted),
            };
            return assert_eq!(settled(real), model);
        }
        let Out { group, ticket, delivery, .. } = self.out.swap_remove(at);
        let real = match how {
            How::Ack => Some(delivery.ack_confirmed().await),
            How::Nack => Some(delivery.nack_confirmed().await),
            How::Reject => Some(delivery.reject_confirmed("unwanted").await),
            How::NackAfter(delay) => {
                delivery.nack_after(millis(delay));
                None
            }
            _ => {
                drop(delivery);
                None
            }
        };
        let model = match rules.auto_ack {
            true => Err(Refusal::AlreadySettled),
            false => self.model.give_back(group, ticket, how),
        };
        if let Some(real) = real {
            assert_eq!(settled(real), model);
        }
    }
}
