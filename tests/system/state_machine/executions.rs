//! Whole executions on the real interpreter: each case ends, and gets there, as it is written.

use std::collections::BTreeSet;

use spillway_tests::case::{Seen, cases};
use spillway_tests::machine::Machine;

use super::outcome::outcomes;

macro_rules! cases {
    ($machine:ident: $($name:ident)*) => {
        mod $machine {
            use super::*;

            $(
                #[tokio::test]
                async fn $name() {
                    check(&Machine::$machine(), stringify!($name)).await;
                }
            )*

            #[test]
            fn every_case_has_a_test() {
                let tests = BTreeSet::from([$(stringify!($name).to_owned()),*]);
                assert_eq!(tests, cases(&Machine::$machine()).into_keys().collect());
            }
        }
    };
}

cases! { driver:
    a_cause_that_is_no_json_is_told_as_it_is
    a_cause_that_was_cut_off_is_told_as_far_as_it_goes
    a_failure_while_handling_a_failure
    a_foreign_object_fails_the_run
    a_lock_of_a_stopped_run_is_released_already
    a_lock_of_a_stopped_run_is_taken
    a_lock_of_this_run_is_taken
    a_scenario_without_a_deletion_succeeds
    a_task_that_hangs_fails_the_run
    align_window_crashes_for_good
    an_error_of_step_functions_itself_ends_under_a_name_of_the_vocabulary
    an_existing_bucket_is_refused
    an_expired_lock_is_taken
    another_object_is_deleted
    check_run_is_throttled_for_good
    crashing_tasks_are_retried
    every_wait_looks_again
    invalid_input_fails
    prepare_run_is_throttled_for_good
    reading_the_lock_is_retried
    releasing_the_lock_after_a_failure_is_retried
    taking_the_lock_is_throttled_for_good
    taking_the_lock_of_a_stopped_run_is_retried
    the_alarm_deadline_passes
    the_alarm_does_not_go_off
    the_default_scenario_succeeds
    the_deletion_deadline_passes
    the_holder_cannot_be_described
    the_lock_cannot_be_read
    the_lock_cannot_be_released
    the_lock_cannot_be_taken
    the_lock_is_held
    the_lock_is_released_already
    the_lock_is_released_while_it_is_read
    the_lock_of_a_stopped_run_cannot_be_released
    the_plot_api_is_down_for_good
    the_plot_api_is_down_then_up
    the_plot_is_rejected
    the_preparation_deadline_passes
    the_schedule_deletes
    the_timeline_differs
    the_upload_deadline_passes
    throttled_tasks_are_retried
    upload_is_out_of_service_for_good
    wait_for_alarm_ok_gets_no_answer_for_good
    wait_for_deletion_times_out_for_good
}

cases! { audit:
    a_batch_that_fails_fails_the_audit
    a_batch_that_hangs_fails_the_audit
    a_bucket_that_cannot_be_listed_fails_the_audit
    a_bucket_that_cannot_be_read_fails_the_audit
    a_failure_while_handling_a_failure
    a_large_ledger_is_read_in_segments
    a_lock_of_an_ended_audit_is_released_already
    a_lock_of_an_ended_audit_is_taken
    a_lock_of_this_audit_is_taken
    a_report_that_cannot_be_made_fails_the_audit
    a_segment_that_fails_fails_the_audit
    a_task_that_hangs_fails_the_audit
    a_thousand_objects_go_to_a_task
    an_audit_repairs_nothing_if_it_should_not
    an_expired_lock_is_taken
    audit_objects_crashes_for_good
    audit_rows_times_out_for_good
    crashing_tasks_are_retried
    events_that_do_not_arrive_fail_the_audit
    invalid_input_fails
    ledger_and_bucket_agree
    missing_objects_are_looked_at_again_before_more_rows_are_read
    noting_why_a_batch_failed_is_retried
    prepare_audit_is_throttled_for_good
    reading_the_lock_is_retried
    reading_why_a_batch_failed_is_retried
    releasing_the_lock_after_a_failure_is_retried
    report_audit_gets_no_answer_for_good
    rows_are_compared
    sum_up_is_out_of_service_for_good
    taking_the_lock_is_throttled_for_good
    taking_the_lock_of_an_ended_audit_is_retried
    the_bucket_is_empty
    the_first_audit_fills_the_ledger
    the_holder_cannot_be_described
    the_lock_cannot_be_read
    the_lock_cannot_be_released
    the_lock_cannot_be_taken
    the_lock_is_held
    the_lock_is_released_already
    the_lock_is_released_while_it_is_read
    the_lock_of_an_ended_audit_cannot_be_released
    throttled_tasks_are_retried
    why_a_batch_failed_cannot_be_noted
    why_a_batch_failed_cannot_be_read
}
#[test]
fn every_task_has_a_case_with_its_requests() {
    for machine in Machine::all() {
        let cases = cases(&machine);
        let shown: BTreeSet<&str> = cases.values().flat_map(|case| case.requests.keys().map(String::as_str)).collect();
        assert_eq!(shown, machine.tasks().into_keys().collect());
    }
}

#[tokio::test]
async fn the_looks_of_a_wait_share_its_deadline_and_the_next_wait_has_a_later_one() {
    let requests = &outcomes(&Machine::driver()).await["every_wait_looks_again"].requests;
    let deadlines = |task: &str| -> Vec<&str> {
        let asked = requests.iter().filter(|(state, _)| state == task);
        asked.map(|(_, arguments)| arguments["Payload"]["deadline"].as_str().expect("a deadline")).collect()
    };
    let (upload, deletion, alarm) = (deadlines("Upload"), deadlines("WaitForDeletion"), deadlines("WaitForAlarmOk"));
    assert!(upload[0] == upload[1] && upload[1] == upload[2], "{upload:?}");
    assert!(deletion[0] == deletion[1] && deletion[0] > upload[0], "{deletion:?}");
    assert!(alarm[0] == alarm[1] && alarm[0] > deletion[0], "{alarm:?}");
}

async fn check(machine: &Machine, name: &str) {
    let (case, outcome) = (&cases(machine)[name], &outcomes(machine).await[name]);
    let seen = Seen {
        ending: &outcome.ending,
        held_by: outcome.held_by.as_deref(),
        requests: &outcome.requests,
        trace: outcome.trace.iter().map(ToString::to_string).collect(),
        clock: &outcome.clock,
    };
    case.compare(seen).unwrap_or_else(|difference| panic!("{name}: {difference}"));
}
