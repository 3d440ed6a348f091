//! Workers: a handler for each message of a consumer group, with retries, dead letters, a time limit
//! and an orderly end. A tower service does it too.
//!
//! ```text
//! cargo run --example workers
//! ```

use std::time::Duration;

use memq::{Backoff, Broker, DeadLetter, Error, Offset, Publisher, Topic};
use tower::{ServiceBuilder, service_fn};

#[derive(Clone, Debug, Topic)]
#[topic(name = "orders")]
struct Order {
    #[topic(key)]
    customer: u64,
    item: &'static str,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let broker = Broker::new();
    let orders = broker.publisher::<Order>().await?;
    retry_and_give_up(&broker, &orders).await?;
    stop_in_time(&broker, &orders).await?;
    leave_the_limits_to_tower(&broker).await
}

/// Fails for some items, and panics for one.
async fn charge(order: Order) -> Result<(), String> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    match order.item {
        "nothing" => Err("there is nothing to pay for".into()),
        "a bug" => panic!("a bug in the handler"),
        "a flood" => std::future::pending().await,
        _ => Ok(()),
    }
}

/// What fails is tried three times; then it is a dead letter. Other customers do not wait for it.
async fn retry_and_give_up(broker: &Broker, orders: &Publisher<Order>) -> Result<(), Error> {
    for (customer, item) in [(1, "nothing"), (1, "tea"), (2, "a bug"), (3, "a flood"), (4, "cake")]
    {
        orders.publish(Order { customer, item }).await?;
    }
    let billing = broker.subscriber::<Order>().group("billing").max_attempts(3).await?;
    let worker = billing
        .run(charge)
        .concurrency(8)
        .retry(Backoff::exponential(Duration::from_millis(5), Duration::from_secs(1)))
        .time_limit(Duration::from_millis(50));
    let handle = worker.handle();
    let running = tokio::spawn(worker);

    let mut dead = broker.dead_letters::<Order>("billing").subscriber().await?;
    let mut reasons = Vec::new();
    for _ in 0..3 {
        let letter = dead.recv().await?;
        let why = DeadLetter::of(letter.headers()).expect("a dead letter says why");
        reasons.push(format!("{}: {}", letter.item, why.reason));
    }
    reasons.sort();
    for reason in reasons {
        println!("dead: {reason}");
    }

    // On Ctrl-C, say: takes no more, and finishes what is in flight.
    let report = handle.drain(Duration::from_secs(5)).await;
    println!("billing: {} paid, {} tried again", report.succeeded, report.failed);
    println!("billing: {} panicked, {} too slow", report.panicked, report.timed_out);
    assert_eq!(running.await.expect("a worker does not panic")?, report);
    Ok(())
}

/// What is not done at the deadline goes to another worker.
async fn stop_in_time(broker: &Broker, orders: &Publisher<Order>) -> Result<(), Error> {
    orders.publish(Order { customer: 5, item: "a parcel" }).await?;
    let shipping = || broker.subscriber::<Order>().from(Offset(5)).group("shipping");
    let worker = shipping().await?.run(|_: Order| async {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        Ok::<(), Error>(())
    });
    let handle = worker.handle();
    let running = tokio::spawn(worker);
    while handle.report().unfinished.is_empty() {
        tokio::task::yield_now().await;
    }
    let report = handle.drain(Duration::from_millis(20)).await;
    running.await.expect("a worker does not panic")?;
    println!("shipping: {:?}, {} unfinished", report.ended, report.unfinished.len());

    let parcel = shipping().await?.recv().await?;
    println!("shipping: {} again, attempt {}", parcel.item, parcel.attempt());
    parcel.ack();
    Ok(())
}

/// Limits, time-outs and load-shedding are layers of the service.
async fn leave_the_limits_to_tower(broker: &Broker) -> Result<(), Error> {
    let mails = broker.subscriber::<Order>().group("mails").await?;
    broker.close("orders").await?;
    let send = ServiceBuilder::new()
        .concurrency_limit(2)
        .timeout(Duration::from_secs(5))
        .service(service_fn(|order: Order| async move { Ok::<_, Error>(order.item.len()) }));
    let report = mails.run_service(send).concurrency(8).await?;
    println!("mails: {} sent, {:?}", report.succeeded, report.ended);
    Ok(())
}
