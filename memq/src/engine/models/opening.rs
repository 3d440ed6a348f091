//! Groups that are opened, in every interleaving.

use loom::thread;

use super::{member, model, topic};
use crate::options::Overflow;

#[test]
fn who_opens_a_group_while_it_is_deleted_is_in_it_or_in_a_new_one() {
    model(|| {
        let topic = topic(8, Overflow::DropOldest);
        drop(member(&topic));
        let deleter = thread::spawn({
            let topic = topic.clone();
            move || assert!(topic.delete_group("group"))
        });
        let opened = member(&topic);
        deleter.join().unwrap();
        assert_eq!(opened.stats().is_some(), topic.group_rules("group").is_some());
    });
}
