//! What happens when a topic is full and nothing may be dropped: `Wait` slows the publisher down to
//! its slowest subscriber, `Reject` gives the message back.
//!
//! ```text
//! cargo run --example backpressure
//! ```

use std::time::Duration;

use memq::{Broker, Error, PublishError, RecvError, Subscriber, Topic};

#[derive(Debug, Topic)]
#[topic(name = "jobs", max = 4, overflow = Wait)]
struct Job(u32);

#[derive(Debug, PartialEq, Topic)]
#[topic(name = "requests", max = 2, overflow = Reject)]
struct Request(&'static str);

#[tokio::main]
async fn main() -> Result<(), Error> {
    wait_for_a_slow_reader().await?;
    wait_for_so_long_only().await?;
    keep_the_message_while_waiting().await?;
    have_it_back().await
}

/// Twenty messages through room for four.
async fn wait_for_a_slow_reader() -> Result<(), Error> {
    let broker = Broker::new();
    let jobs = broker.publisher::<Job>().await?;
    let worker = tokio::spawn(work_slowly(broker.subscriber::<Job>().await?));

    for number in 0..20 {
        jobs.publish(Job(number)).await?;
        assert!(broker.stats("jobs").await?.depth <= 4);
    }
    broker.close("jobs").await?;

    let done = worker.await.expect("the worker does not panic")?;
    let stats = broker.stats("jobs").await?;
    println!("wait: {} published, {done} read, {} dropped", stats.published, stats.dropped.total());
    assert_eq!((done, stats.dropped.total()), (20, 0));
    Ok(())
}

async fn work_slowly(mut jobs: Subscriber<Job>) -> Result<u32, RecvError> {
    let mut expected = 0;
    while let Some(job) = jobs.next().await.transpose()? {
        assert_eq!(job.0, expected);
        expected += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(expected)
}

/// A deadline for one message, or for all of a publisher.
async fn wait_for_so_long_only() -> Result<(), Error> {
    let broker = Broker::new();
    let _idle = broker.subscriber::<Job>().await?;
    let jobs = broker.publisher::<Job>().within(Duration::from_secs(5)).await?;
    jobs.publish_batch((0..4).map(Job)).await?;

    let error = jobs.publish(Job(4)).within(Duration::from_millis(20)).await.unwrap_err();
    println!("deadline: {error}");
    assert!(matches!(error, PublishError::Timeout(Job(4))));

    // `try_publish` does not wait at all.
    assert!(matches!(jobs.try_publish(Job(5)), Err(PublishError::Full(Job(5)))));
    Ok(())
}

/// A `publish` that loses in `select!` takes its message with it. `reserve` waits without one.
async fn keep_the_message_while_waiting() -> Result<(), Error> {
    let broker = Broker::new();
    let mut reader = broker.subscriber::<Job>().await?;
    let jobs = broker.publisher::<Job>().await?;
    jobs.publish_batch((0..4).map(Job)).await?;

    let job = Job(4);
    tokio::select! {
        _ = jobs.reserve() => unreachable!("the topic is full, and nobody reads"),
        () = tokio::time::sleep(Duration::from_millis(20)) => println!("reserve: still have {job:?}"),
    }

    assert_eq!(reader.recv().await?.0, 0);
    let offset = jobs.reserve().await?.send(job)?;
    println!("reserve: sent at offset {offset}");
    assert_eq!(offset.0, 4);
    Ok(())
}

/// Nothing is dropped and nobody waits: the caller decides.
async fn have_it_back() -> Result<(), Error> {
    let broker = Broker::new();
    let mut server = broker.subscriber::<Request>().await?;
    let requests = broker.publisher::<Request>().await?;
    requests.publish(Request("first")).await?;
    requests.publish(Request("second")).await?;

    let refused = match requests.publish(Request("third")).await {
        Err(PublishError::Full(request)) => request,
        other => panic!("{other:?}"),
    };
    println!("reject: {refused:?} came back");

    assert_eq!(*server.recv().await?, Request("first"));
    requests.publish(refused).await?;
    assert_eq!(broker.stats("requests").await?.rejected, 1);
    Ok(())
}
