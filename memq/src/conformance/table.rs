//! Every case by its name, once: for the list, and for the macro that makes tests of them.

use super::{
    Case, conflicts, dead_letters, endings, failures, foreign, groups, native, order, publishing,
    reading, restart, retention, starts, unsupported, versions, workers,
};
use crate::spi::Capability;

/// `$d` is a dollar sign, for the macro that this one defines.
macro_rules! cases {
    ($d:tt $($module:ident { $($name:ident $(needs $($need:ident)+)?,)+ })+) => {
        /// Every case.
        pub(super) static CASES: &[Case] = &[$($(Case {
            name: stringify!($name),
            needs: &[$($(Capability::$need),+)?],
            run: |kit| Box::pin($module::$name(kit)),
        },)+)+];

        /// Makes a test of each case of [`memq::conformance`](mod@crate::conformance) for a back end:
        /// an expression, which is evaluated for each test. They are in the modules `one_thread` and
        /// `several_threads`.
        #[macro_export]
        macro_rules! conformance {
            (@ $d module:ident $d threads:ident $d backend:expr) => {
                mod $d module {
                    use super::*;

                    fn check(name: &str) {
                        use $crate::conformance::{Threads, cases, check};
                        let case = cases().iter().find(|case| case.name() == name);
                        let case = case.expect("the macro and the table have the same names");
                        let backend = ::std::sync::Arc::new($d backend);
                        check(&backend, case, Threads::$d threads);
                    }

                    $($(
                        #[test]
                        fn $name() {
                            check(stringify!($name));
                        }
                    )+)+
                }
            };
            ($d backend:expr) => {
                $crate::conformance!(@ one_thread One $d backend);
                $crate::conformance!(@ several_threads Several $d backend);
            };
        }
    };
}

cases! {
    $
    publishing {
        published_means_in_the_log_at_that_offset,
        offsets_are_dense_ordered_and_never_reused,
        a_batch_is_stored_in_order_and_whole,
        a_dropped_publish_is_whole_or_not_at_all needs Wait,
        a_repeated_id_returns_the_first_offset needs Dedup,
        send_keeps_order_and_its_receipts_tell,
        what_is_sent_and_refused_comes_back needs Reject,
        publishing_now_is_as_publishing needs PublishNow Reject,
        a_permit_is_room_that_nobody_else_gets needs Reserve Reject,
    }
    reading {
        no_reader_sees_twice_out_of_order_or_misses,
        a_slow_subscriber_is_told_lagged_once_with_the_exact_count,
        loss_is_never_silent_the_sum_holds,
        a_dropped_recv_loses_nothing,
        a_dropped_recv_loses_nothing_to_its_group needs Groups,
        headers_keys_and_times_come_back,
        partitions_keep_keys_together needs Partitions,
    }
    starts {
        starts_earliest_latest_offset_time,
        seek_moves_there_and_stays_where_it_cannot,
    }
    native {
        native_messages_are_shared_and_not_copied needs Native Groups,
    }
    retention {
        full_and_reject_gives_the_value_back needs Reject Groups,
        full_and_wait_waits_for_everyone_and_drops_nothing needs Wait Groups,
        ttl_expired_is_never_delivered needs Ttl Groups,
        max_and_max_bytes_hold,
        until_consumed_keeps_what_somebody_has_to_read needs UntilConsumed Groups,
        stats_add_up needs Groups GroupLag,
    }
    groups {
        a_group_gives_each_message_to_one_member_at_a_time needs Groups,
        a_group_goes_on_where_it_was needs Groups,
        a_member_that_goes_away_gives_back_at_once needs Groups,
        a_group_holds_no_more_than_it_may needs Groups,
        auto_ack_hands_out_once needs Groups,
        a_batch_is_confirmed_as_a_whole needs Groups,
        a_dropped_confirmation_settles_or_brings_back needs Groups,
        statistics_tell_who_holds_what needs Groups Members,
    }
    failures {
        dropped_nacked_or_late_comes_back_with_attempt_plus_one needs Groups,
        a_delivery_that_was_handed_out_again_settles_nothing needs Groups StaleSettles,
        extending_keeps_a_delivery needs Groups,
        commit_is_final_and_only_seek_moves needs Groups Commit GroupSeek,
        a_group_that_seeks_gets_what_is_there_again needs Groups GroupSeek,
    }
    order {
        keys_take_turns_through_failures needs Groups KeyOrder,
        keys_keep_their_order_over_members needs Groups KeyOrder Partitions,
        any_order_holds_nobody_up needs Groups,
    }
    dead_letters {
        past_max_attempts_it_is_a_dead_letter_with_reason_origin_attempts needs Groups Partitions,
        a_rejected_message_is_a_dead_letter_at_once needs Groups,
        redrive_gives_back_once needs Groups,
    }
    workers {
        a_worker_handles_each_and_tries_again_what_failed needs Groups,
        a_worker_that_is_drained_gives_back_what_it_did_not_begin needs Groups,
    }
    foreign {
        an_undecodable_record_is_one_error_and_reading_goes_on,
        an_undecodable_record_is_a_dead_letter_of_its_group needs Groups,
        bytes_from_anywhere_are_typed_errors,
    }
    endings {
        close_drains_and_then_everybody_is_told needs Groups,
        delete_ends_everybody needs Groups,
        nobody_recreates_a_deleted_topic_silently needs Groups,
        a_deleted_group_ends_its_members needs Groups,
        a_dropped_broker_wakes_everybody needs Wait Groups,
    }
    conflicts {
        other_options_or_type_conflict_by_name needs Partitions Dedup Ttl Reject Wait,
        what_a_type_leaves_open_is_said_with_it,
        what_a_group_was_opened_with_stays needs Groups,
        topics_and_options_are_as_they_were_said needs Partitions Dedup Ttl Wait,
    }
    unsupported {
        what_is_not_supported_is_told_by_name,
    }
    versions {
        versions_are_read_through_their_chain needs Groups,
        a_newer_version_is_an_error_by_name needs Groups,
    }
    restart {
        restart_keeps_what_was_acknowledged needs Durable,
        groups_lose_nothing_through_a_restart needs Durable Groups,
        groups_resume_after_restart needs Durable Groups DurableGroups,
        a_reader_goes_on_through_a_restart needs Durable,
    }
}
