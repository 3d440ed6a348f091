//! The broker in memory keeps what memq promises of every back end.

use std::sync::{Arc, OnceLock};

use memq::conformance::{Backend, Case, Opened, Outcome, cases, left_out};
use memq::spi::{Capabilities, Capability};
use memq::{Broker, Cause, Start};

struct Memory;

impl Backend for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_MEMORY
    }

    fn open(&self, _place: &str) -> Opened<Broker> {
        Box::pin(async { Ok(Broker::new()) })
    }
}

memq::conformance!(Memory);

/// Nothing survives the process, and the rest is kept.
#[test]
fn what_is_left_out_in_memory_is_what_outlives_it() {
    let expected = [
        "restart_keeps_what_was_acknowledged",
        "groups_lose_nothing_through_a_restart",
        "groups_resume_after_restart",
        "a_reader_goes_on_through_a_restart",
    ];
    let left_out = left_out(Memory.capabilities());
    let durable = [Capability::Durable, Capability::DurableGroups];
    assert!(left_out.iter().all(|(_, lacks)| lacks.iter().all(|lack| durable.contains(lack))));
    assert_eq!(left_out.iter().map(|(name, _)| *name).collect::<Vec<_>>(), expected);
    assert!(cases().len() > 40);
}

/// One that claims to be durable, and is restarted by doing this to its broker.
struct Restarts {
    broker: OnceLock<Broker>,
    restart: fn(Broker) -> Opened<()>,
}

impl Backend for Restarts {
    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_MEMORY.with(Capability::Durable).with(Capability::DurableGroups)
    }

    fn open(&self, _place: &str) -> Opened<Broker> {
        let broker = self.broker.get_or_init(Broker::new).clone();
        Box::pin(async move { Ok(broker) })
    }

    fn restart(&self, _place: &str) -> Opened<()> {
        match self.broker.get() {
            Some(broker) => (self.restart)(broker.clone()),
            None => Box::pin(async { Err("it was not opened".into()) }),
        }
    }
}

fn restarts() -> impl Iterator<Item = &'static Case> {
    cases().iter().filter(|case| case.needs().contains(&Capability::Durable))
}

#[tokio::test]
async fn a_system_that_keeps_everything_passes_the_cases_of_a_restart() {
    for case in restarts() {
        let restart = |_| -> Opened<()> { Box::pin(async { Ok(()) }) };
        let backend = Arc::new(Restarts { broker: OnceLock::new(), restart });
        assert_eq!(case.run(&backend).await.unwrap(), Outcome::Passed, "{case:?}");
    }
}

#[tokio::test]
async fn a_system_that_forgets_its_topics_fails_them() {
    for case in restarts() {
        let restart = |broker: Broker| -> Opened<()> {
            Box::pin(async move { Ok(broker.delete("items").await?) })
        };
        let backend = Arc::new(Restarts { broker: OnceLock::new(), restart });
        let failure = case.run(&backend).await.unwrap_err().to_string();
        assert!(failure.contains("the topic was deleted"), "{case:?}: {failure}");
    }
}

/// Runs a case about groups, where a restart moves them there.
async fn moved_by_a_restart(name: &str, restart: fn(Broker) -> Opened<()>) -> Result<(), String> {
    let case = restarts().find(|case| case.name() == name).unwrap();
    let backend = Arc::new(Restarts { broker: OnceLock::new(), restart });
    case.run(&backend).await.map(drop).map_err(|failure| failure.to_string())
}

async fn move_group(broker: &Broker, start: Start) -> Result<(), Cause> {
    broker.topic("items").subscriber().group("work").await?.seek(start).await?;
    Ok(())
}

#[tokio::test]
async fn groups_that_begin_again_lose_nothing_and_do_not_resume() {
    let restart = |broker: Broker| -> Opened<()> {
        Box::pin(async move { move_group(&broker, 0.into()).await })
    };
    moved_by_a_restart("groups_lose_nothing_through_a_restart", restart).await.unwrap();
    let failure = moved_by_a_restart("groups_resume_after_restart", restart).await.unwrap_err();
    assert!(failure.contains("came again"), "{failure}");
}

#[tokio::test]
async fn groups_that_pass_over_something_lose_it() {
    let restart = |broker: Broker| -> Opened<()> {
        Box::pin(async move { move_group(&broker, 15.into()).await })
    };
    for name in ["groups_lose_nothing_through_a_restart", "groups_resume_after_restart"] {
        let failure = moved_by_a_restart(name, restart).await.unwrap_err();
        assert!(failure.contains("what came"), "{failure}");
    }
}

/// One that does what it says it cannot do.
struct Understates(Capability);

impl Backend for Understates {
    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_MEMORY.without(self.0)
    }

    fn open(&self, place: &str) -> Opened<Broker> {
        Memory.open(place)
    }
}

#[tokio::test]
async fn a_system_that_does_not_refuse_what_it_cannot_do_fails() {
    let name = "what_is_not_supported_is_told_by_name";
    let case = cases().iter().find(|case| case.name() == name).unwrap();
    for lacks in Capability::ALL {
        // What nobody asks for by a call cannot be refused.
        let unseen = [
            Capability::ExtendBy,
            Capability::StaleSettles,
            Capability::DropCauses,
            Capability::DeadLetterCounts,
            Capability::Members,
            Capability::Durable,
            Capability::DurableGroups,
            Capability::GroupLag,
        ];
        let ran = case.run(&Arc::new(Understates(lacks))).await;
        assert_eq!(ran.is_ok(), unseen.contains(&lacks), "{lacks:?}: {ran:?}");
    }
}
