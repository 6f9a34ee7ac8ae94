//! What the cleaner takes, on the models of S3 and DynamoDB.

use spillway_fake_aws::capacity::S3Parameters;
use spillway_load::{Cleaning, PERIOD};

#[test]
fn hundreds_of_objects_go_in_a_second_and_none_too_many() {
    let outcome = Cleaning { objects: 5_000, to_go: 4_000, drains: true, ..Cleaning::default() }.run();
    assert!(outcome.deleted_per_second >= 500.0, "{outcome:#?}");
    assert_eq!((outcome.deleted, outcome.invocations, outcome.failed), (4_000, 1, 0), "{outcome:#?}");
    assert!(outcome.is_no_more_than_needed && outcome.is_exact && outcome.unrecorded == 0, "{outcome:#?}");
}

#[test]
fn the_schedule_goes_on_where_one_invocation_may_delete_no_more() {
    let outcome = Cleaning { max_deletes: 500, drains: true, ..Cleaning::default() }.run();
    assert_eq!((outcome.deleted, outcome.invocations), (1_000, 2), "{outcome:#?}");
    assert!(outcome.is_no_more_than_needed && outcome.is_exact, "{outcome:#?}");
}

#[test]
fn an_s3_that_has_room_for_few_gets_few_and_loses_none() {
    let s3 = S3Parameters { prefix_writes: 400.0, ..S3Parameters::default() };
    let outcome = Cleaning { objects: 2_500, to_go: 1_500, s3, drains: true, ..Cleaning::default() }.run();
    assert!(outcome.slowed > 0, "{outcome:#?}");
    assert!(outcome.deleted == 1_500 && outcome.is_no_more_than_needed && outcome.is_exact, "{outcome:#?}");
}

#[test]
fn while_others_upload_the_total_is_above_the_threshold_by_less_than_two_alarm_periods_uploads() {
    let uploads = 25.0;
    let outcome = Cleaning { to_go: 0, uploads, seconds: 480.0, ..Cleaning::default() }.run();
    assert!(outcome.most_over <= 2.0 * f64::from(PERIOD) * uploads, "{outcome:#?}");
    assert!(outcome.most_over >= f64::from(PERIOD) * uploads, "the alarm needs a period: {outcome:#?}");
    assert!(outcome.is_exact, "{outcome:#?}");
}
