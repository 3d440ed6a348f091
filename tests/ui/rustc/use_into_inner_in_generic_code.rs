use memq::{Message, Topic};

fn take<T: Topic + Clone>(message: Message<T>) -> T {
    message.into_inner()
}

fn main() {}
