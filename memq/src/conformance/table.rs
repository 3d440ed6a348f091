//! Every case by its name, once: for the list, and for the macro that makes tests of them.

use super::{
    Capabilities, Case, conflicts, dead_letters, endings, failures, foreign, groups, order,
    publishing, reading, restart, retention, starts,
};

/// `$d` is a dollar sign, for the macro that this one defines.
macro_rules! cases {
    ($d:tt $($module:ident { $($name:ident $(needs $($need:ident)+)?,)+ })+) => {
        /// Every case.
        pub(super) static CASES: &[Case] = &[$($(Case {
            name: stringify!($name),
            needs: Capabilities::NONE$($(.and(Capabilities::$need))+)?,
            run: |kit| Box::pin($module::$name(kit)),
        },)+)+];

        /// Makes a test of each case of [`memq::conformance`](mod@crate::conformance) for a backend:
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
        a_dropped_publish_is_whole_or_not_at_all,
        a_repeated_id_returns_the_first_offset,
        send_keeps_order_and_its_receipts_tell,
        what_is_sent_and_refused_comes_back,
        publishing_now_is_as_publishing needs PUBLISH_NOW,
        a_permit_is_room_that_nobody_else_gets needs RESERVE,
    }
    reading {
        no_reader_sees_twice_out_of_order_or_misses,
        a_slow_subscriber_is_told_lagged_once_with_the_exact_count,
        loss_is_never_silent_the_sum_holds,
        a_dropped_recv_loses_nothing,
        a_dropped_recv_loses_nothing_to_its_group,
        headers_keys_and_times_come_back,
        partitions_keep_keys_together,
    }
    starts {
        starts_earliest_latest_offset_time,
        seek_moves_there_and_stays_where_it_cannot,
    }
    retention {
        full_and_reject_gives_the_value_back,
        full_and_wait_waits_for_everyone_and_drops_nothing,
        ttl_expired_is_never_delivered,
        max_and_max_bytes_hold,
        until_consumed_keeps_what_somebody_has_to_read needs UNTIL_CONSUMED,
        stats_add_up,
    }
    groups {
        a_group_gives_each_message_to_one_member_at_a_time,
        a_group_goes_on_where_it_was,
        a_member_that_goes_away_gives_back_at_once,
        a_group_holds_no_more_than_it_may,
        auto_ack_hands_out_once,
    }
    failures {
        dropped_nacked_or_late_comes_back_with_attempt_plus_one,
        a_delivery_that_was_handed_out_again_settles_nothing needs STALE_SETTLES,
        extending_keeps_a_delivery,
        commit_is_final_and_only_seek_moves needs COMMIT GROUP_SEEK,
        a_group_that_seeks_gets_what_is_there_again needs GROUP_SEEK,
    }
    order {
        keys_take_turns_through_failures needs KEY_ORDER,
        keys_keep_their_order_over_members needs KEY_ORDER,
        any_order_holds_nobody_up,
    }
    dead_letters {
        past_max_attempts_it_is_a_dead_letter_with_reason_origin_attempts,
        a_rejected_message_is_a_dead_letter_at_once,
        redrive_gives_back_once,
    }
    foreign {
        an_undecodable_record_is_one_error_and_reading_goes_on,
        an_undecodable_record_is_a_dead_letter_of_its_group,
        bytes_from_anywhere_are_typed_errors,
    }
    endings {
        close_drains_and_then_everybody_is_told,
        delete_ends_everybody,
        nobody_recreates_a_deleted_topic_silently,
        a_deleted_group_ends_its_members,
        a_dropped_broker_wakes_everybody,
    }
    conflicts {
        other_options_or_type_conflict_by_name,
        what_a_group_was_opened_with_stays,
        topics_and_options_are_as_they_were_said,
    }
    restart {
        restart_keeps_what_was_acknowledged needs DURABLE,
        groups_resume_after_restart needs DURABLE,
        a_reader_goes_on_through_a_restart needs DURABLE,
    }
}
