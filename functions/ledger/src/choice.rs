//! Which objects have to go for the bucket to fit.

use spillway_contracts::ObjectName;

/// The rule that objects are chosen by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The total that has to be undercut, in bytes.
    pub threshold_bytes: u64,
    /// At most so many objects are chosen at once.
    pub max_deletes: usize,
}

/// An object that could go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The object's key.
    pub object_name: ObjectName,
    /// The object's size, in bytes.
    pub size: u64,
    /// The object's ETag, if the ledger knows it.
    pub etag: Option<String>,
}

/// The objects that have to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What to delete, in order.
    pub delete: Vec<Candidate>,
    /// The total after that, in bytes.
    pub projected_total_size: u64,
}

/// Chooses largest first, ties by name, until the total is below the threshold.
///
/// `candidates` are the bucket's largest objects: all that are larger than `known_above`, or all of the bucket's if that
/// is `None`. The answer is `None` if these don't decide it: read more of them and ask again. Objects of one size come
/// from the index in no order, which is why a size counts only when all of its objects are known.
pub fn choose(
    rule: &Rule,
    total_size: u64,
    mut candidates: Vec<Candidate>,
    known_above: Option<u64>,
) -> Option<Choice> {
    candidates.retain(|candidate| known_above.is_none_or(|size| candidate.size > size));
    candidates.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.object_name.cmp(&b.object_name)));
    let mut choice = Choice { delete: Vec::new(), projected_total_size: total_size };
    for candidate in candidates {
        if choice.projected_total_size < rule.threshold_bytes || choice.delete.len() == rule.max_deletes {
            break;
        }
        choice.projected_total_size = choice.projected_total_size.saturating_sub(candidate.size);
        choice.delete.push(candidate);
    }
    let decided = choice.projected_total_size < rule.threshold_bytes || choice.delete.len() == rule.max_deletes;
    (known_above.is_none() || decided).then_some(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(sizes: &[(&str, u64)]) -> Vec<Candidate> {
        let candidate =
            |&(name, size): &(&str, u64)| Candidate { object_name: ObjectName::new(name).unwrap(), size, etag: None };
        sizes.iter().map(candidate).collect()
    }

    #[track_caller]
    fn check(total: u64, sizes: &[(&str, u64)], known_above: Option<u64>, expect: Option<(&[&str], u64)>) {
        let rule = Rule { threshold_bytes: 20, max_deletes: 3 };
        let choice = choose(&rule, total, candidates(sizes), known_above).map(|choice| {
            let names: Vec<String> = choice.delete.iter().map(|candidate| candidate.object_name.to_string()).collect();
            (names, choice.projected_total_size)
        });
        assert_eq!(choice, expect.map(|(names, total)| (names.iter().map(ToString::to_string).collect(), total)));
    }

    #[test]
    fn below_the_threshold_nothing_goes() {
        check(19, &[("a", 19)], None, Some((&[], 19)));
        check(0, &[], None, Some((&[], 0)));
    }

    #[test]
    fn the_largest_go_first_until_the_total_is_below() {
        check(46, &[("assignment1.txt", 18), ("assignment2.txt", 28)], None, Some((&["assignment2.txt"], 18)));
        check(20, &[("assignment1.txt", 18), ("assignment3.txt", 2)], None, Some((&["assignment1.txt"], 2)));
        check(60, &[("a", 10), ("b", 20), ("c", 30)], None, Some((&["c", "b"], 10)));
    }

    #[test]
    fn of_equal_sizes_the_first_name_goes_first() {
        check(30, &[("c", 10), ("a", 10), ("b", 10)], None, Some((&["a", "b"], 10)));
    }

    #[test]
    fn no_more_go_than_allowed() {
        check(50, &[("a", 10), ("b", 10), ("c", 10), ("d", 10), ("e", 10)], None, Some((&["a", "b", "c"], 20)));
    }

    #[test]
    fn a_size_that_may_be_incomplete_decides_nothing() {
        check(60, &[("c", 30), ("b", 15)], Some(15), None);
        check(60, &[("d", 30), ("c", 15), ("b", 10)], Some(10), Some((&["d", "c"], 15)));
        check(60, &[("d", 45), ("c", 15)], Some(15), Some((&["d"], 15)));
    }
}
