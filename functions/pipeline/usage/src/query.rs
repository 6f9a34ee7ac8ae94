//! What a caller may ask for.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use spillway_contracts::rule::DeleteFirst;
use spillway_lambda::parameters::{self, ParameterError};

const PARAMETERS: [&str; 4] = ["threshold", "target", "delete_first", "limit"];

/// As SizeThreshold has them, in bytes.
const THRESHOLDS: RangeInclusive<u64> = 1..=999_999_999_999_999;

/// As TargetPercent has them.
const TARGETS: RangeInclusive<u64> = 1..=100;

/// How many objects an answer may name. Names of 1,024 bytes that JSON has to spell out twice take 7 KB each, and Lambda's
/// answers have room for 6 MB.
const LIMITS: RangeInclusive<u64> = 1..=500;

/// How many objects an answer names that isn't asked for more or fewer.
const LIMIT: u64 = 100;

/// A rule to try, and how much of the plan to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The threshold to try, in bytes; without it, the stack's.
    pub threshold_bytes: Option<u64>,
    /// The target to try, in percent of the threshold; without it, the stack's.
    pub target_percent: Option<u64>,
    /// The order to try; without it, the stack's.
    pub delete_first: Option<DeleteFirst>,
    /// How many objects to name, at most.
    pub limit: usize,
}

/// Refuses every parameter there may be.
pub fn refuse_all(query: &BTreeMap<String, String>) -> Result<(), ParameterError> {
    parameters::refuse_others(query.keys().map(String::as_str), &[])
}

impl Query {
    /// Reads the parameters for a stack whose cleaner has objects go in this order.
    pub fn new(query: &BTreeMap<String, String>, order: DeleteFirst) -> Result<Self, ParameterError> {
        parameters::refuse_others(query.keys().map(String::as_str), &PARAMETERS)?;
        let delete_first = parameters::read("delete_first", text(query, "delete_first"), |text| {
            text.parse::<DeleteFirst>().map_err(|_| "largest or oldest")
        })?;
        if delete_first == Some(DeleteFirst::Oldest) && order != DeleteFirst::Oldest {
            let reason = "delete_first can't be oldest on this stack: the ledger has its objects by age only if DeleteFirst is oldest";
            return Err(ParameterError::new("delete_first", reason));
        }
        let limit = number(query, "limit", LIMITS, "objects")?.unwrap_or(LIMIT);
        Ok(Self {
            threshold_bytes: number(query, "threshold", THRESHOLDS, "bytes")?,
            target_percent: number(query, "target", TARGETS, "percent of the threshold")?,
            delete_first,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        })
    }
}

fn text<'a>(query: &'a BTreeMap<String, String>, parameter: &str) -> Option<&'a str> {
    query.get(parameter).map(String::as_str)
}

/// A whole number in digits.
fn number(
    query: &BTreeMap<String, String>,
    parameter: &str,
    range: RangeInclusive<u64>,
    of_what: impl Display,
) -> Result<Option<u64>, ParameterError> {
    let expected = format!("a whole number of {of_what}, {} to {}", range.start(), range.end());
    parameters::read(parameter, text(query, parameter), |text| {
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|text| text.parse().ok()).filter(|number| range.contains(number));
        number.ok_or(expected.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)], order: DeleteFirst) -> Result<Query, (String, String)> {
        let query = query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Query::new(&query, order).map_err(|bad| (bad.to_string(), bad.parameter))
    }

    #[track_caller]
    fn check_bad(parameter: &str, value: &str, reason: &str) {
        let refused = read(&[(parameter, value)], DeleteFirst::Largest);
        assert_eq!(refused, Err((format!("{reason}, not {value:?}"), parameter.to_owned())));
    }

    #[test]
    fn without_parameters_it_is_the_stacks_rule() {
        let expect = Query { threshold_bytes: None, target_percent: None, delete_first: None, limit: 100 };
        assert_eq!(read(&[], DeleteFirst::Largest), Ok(expect.clone()));
        assert_eq!(read(&[("X-Amz-Date", "today")], DeleteFirst::Largest), Ok(expect));
    }

    #[test]
    fn another_rule_can_be_tried() {
        let query = [("threshold", "999999999999999"), ("target", "1"), ("delete_first", "largest"), ("limit", "500")];
        let expect = Query {
            threshold_bytes: Some(999_999_999_999_999),
            target_percent: Some(1),
            delete_first: Some(DeleteFirst::Largest),
            limit: 500,
        };
        assert_eq!(read(&query, DeleteFirst::Oldest), Ok(expect));
        let oldest = read(&[("delete_first", "oldest")], DeleteFirst::Oldest).map(|query| query.delete_first);
        assert_eq!(oldest, Ok(Some(DeleteFirst::Oldest)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let threshold = "threshold must be a whole number of bytes, 1 to 999999999999999";
        for value in ["", "0", "1000000000000000", "+1", "-1", "1.5", "1e3", "20,30", "99999999999999999999"] {
            check_bad("threshold", value, threshold);
        }
        for value in ["0", "101", "90%"] {
            check_bad("target", value, "target must be a whole number of percent of the threshold, 1 to 100");
        }
        for value in ["0", "501", "all"] {
            check_bad("limit", value, "limit must be a whole number of objects, 1 to 500");
        }
        check_bad("delete_first", "Oldest", "delete_first must be largest or oldest");
    }

    #[test]
    fn the_oldest_are_known_only_to_a_ledger_that_has_them_by_age() {
        let (reason, parameter) = read(&[("delete_first", "oldest")], DeleteFirst::Largest).unwrap_err();
        assert_eq!(parameter, "delete_first");
        let expect = "delete_first can't be oldest on this stack: the ledger has its objects by age only if DeleteFirst is oldest";
        assert_eq!(reason, expect);
    }

    #[test]
    fn a_name_that_is_no_parameter_is_named() {
        let reason = "there is no parameter treshold, only threshold, target, delete_first, limit";
        assert_eq!(read(&[("treshold", "1")], DeleteFirst::Largest), Err((reason.into(), "treshold".into())));
        let refused = refuse_all(&[("limit".to_owned(), "1".to_owned())].into()).unwrap_err();
        assert_eq!(refused.to_string(), "there is no parameter limit, nor any other");
    }
}
