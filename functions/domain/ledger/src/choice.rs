//! Which objects have to go for the bucket to fit.

use std::convert::Infallible;
use std::str::FromStr;

use spillway_contracts::{ObjectName, Sequencer};

/// The rule that objects are chosen by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The total has to fall below this, in bytes.
    pub threshold_bytes: u64,
    /// How many objects are chosen at once, at most.
    pub max_deletes: usize,
    /// What never goes.
    pub protected: ProtectedPrefixes,
}

/// Prefixes of the names of objects that are never chosen. Read from a comma-separated list, such as `keep/,logs/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtectedPrefixes(Vec<String>);

impl ProtectedPrefixes {
    /// Whether the object is protected.
    pub fn protect(&self, name: &ObjectName) -> bool {
        self.0.iter().any(|prefix| name.as_str().starts_with(prefix))
    }
}

impl FromStr for ProtectedPrefixes {
    type Err = Infallible;

    /// CloudFormation trims the members of its lists, so this does too. An empty member would protect everything, so it is
    /// ignored.
    fn from_str(list: &str) -> Result<Self, Infallible> {
        Ok(Self(list.split(',').map(str::trim).filter(|prefix| !prefix.is_empty()).map(str::to_owned).collect()))
    }
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
    /// The sequencer of the object's newest event.
    pub sequencer: Sequencer,
}

/// The objects that have to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What to delete, in order.
    pub delete: Vec<Candidate>,
    /// The total after that, in bytes.
    pub projected_total_size: u64,
    /// Why there are no more.
    pub stop: Stop,
}

/// Why [`choose`] chose no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The total will be below the threshold.
    Below,
    /// No more may be chosen at once.
    MaxDeletes,
    /// No object is left but protected ones, and those that S3 refuses to delete.
    OnlyProtected,
}

/// Chooses the largest objects first, until the total is below the threshold. Of equal sizes any may go first: of those that
/// are known, the first by name.
///
/// `candidates` are the bucket's largest objects: all that are larger than `floor` and some that are as large, or all of the
/// bucket's if that is `None`. The answer is `None` if these don't decide it: read more of them and ask again.
pub fn choose(rule: &Rule, total_size: u64, candidates: &[Candidate], floor: Option<u64>) -> Option<Choice> {
    let known = |candidate: &&Candidate| floor.is_none_or(|size| candidate.size >= size);
    let unprotected = |candidate: &&Candidate| !rule.protected.protect(&candidate.object_name);
    let mut candidates: Vec<&Candidate> = candidates.iter().filter(known).filter(unprotected).collect();
    candidates.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.object_name.cmp(&b.object_name)));
    let mut candidates = candidates.into_iter();
    let mut choice = Choice { delete: Vec::new(), projected_total_size: total_size, stop: Stop::Below };
    while choice.projected_total_size >= rule.threshold_bytes {
        if choice.delete.len() == rule.max_deletes {
            return Some(Choice { stop: Stop::MaxDeletes, ..choice });
        }
        match candidates.next() {
            Some(candidate) => {
                choice.projected_total_size = choice.projected_total_size.saturating_sub(candidate.size);
                choice.delete.push(candidate.clone());
            }
            None if floor.is_none() => return Some(Choice { stop: Stop::OnlyProtected, ..choice }),
            None => return None,
        }
    }
    Some(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(sizes: &[(&str, u64)]) -> Vec<Candidate> {
        let candidate = |&(name, size): &(&str, u64)| Candidate {
            object_name: ObjectName::new(name).unwrap(),
            size,
            etag: None,
            sequencer: Sequencer::new("01").unwrap(),
        };
        sizes.iter().map(candidate).collect()
    }

    /// What goes of the bucket, the total after that, and why no more goes.
    type Chosen<'a> = (&'a [&'a str], u64, Stop);

    #[track_caller]
    fn check(total: u64, sizes: &[(&str, u64)], floor: Option<u64>, expect: Option<Chosen>) {
        let rule = Rule { threshold_bytes: 20, max_deletes: 3, protected: "keep/, x,".parse().unwrap() };
        let choice = choose(&rule, total, &candidates(sizes), floor);
        let names = |choice: &Choice| choice.delete.iter().map(|it| it.object_name.to_string()).collect::<Vec<_>>();
        let choice = choice.map(|choice| (names(&choice), choice.projected_total_size, choice.stop));
        assert_eq!(
            choice,
            expect.map(|(names, total, stop)| (names.iter().map(ToString::to_string).collect(), total, stop))
        );
    }

    #[test]
    fn below_the_threshold_nothing_goes() {
        check(19, &[("a", 19)], None, Some((&[], 19, Stop::Below)));
        check(0, &[], None, Some((&[], 0, Stop::Below)));
    }

    #[test]
    fn the_largest_go_first_until_the_total_is_below() {
        let default_scenario = [("assignment1.txt", 18), ("assignment2.txt", 28)];
        check(46, &default_scenario, None, Some((&["assignment2.txt"], 18, Stop::Below)));
        let second_cycle = [("assignment1.txt", 18), ("assignment3.txt", 2)];
        check(20, &second_cycle, None, Some((&["assignment1.txt"], 2, Stop::Below)));
        check(60, &[("a", 10), ("b", 20), ("c", 30)], None, Some((&["c", "b"], 10, Stop::Below)));
    }

    #[test]
    fn of_equal_sizes_that_are_known_the_first_name_goes_first() {
        check(30, &[("c", 10), ("a", 10), ("b", 10)], None, Some((&["a", "b"], 10, Stop::Below)));
    }

    #[test]
    fn no_more_go_than_allowed() {
        let five = [("a", 10), ("b", 10), ("c", 10), ("d", 10), ("e", 10)];
        check(50, &five, None, Some((&["a", "b", "c"], 20, Stop::MaxDeletes)));
    }

    #[test]
    fn protected_objects_never_go() {
        check(60, &[("keep/a", 40), ("a", 12), ("xyz", 8)], None, Some((&["a"], 48, Stop::OnlyProtected)));
        check(40, &[("keep/a", 15), ("keep", 14), ("a", 11)], None, Some((&["keep", "a"], 15, Stop::Below)));
        check(60, &[("keep/a", 60)], Some(50), None);
    }

    #[test]
    fn what_is_smaller_than_what_was_read_decides_nothing() {
        // `b` is known, but others that are larger may not be.
        check(60, &[("c", 30), ("b", 14)], Some(15), None);
        check(60, &[("d", 30), ("c", 15), ("b", 10)], Some(15), Some((&["d", "c"], 15, Stop::Below)));
        // Of a million objects of equal size, the ones that were read are enough.
        check(1_000_000, &[("d", 999_990), ("c", 1)], Some(1), Some((&["d"], 10, Stop::Below)));
    }
}
