//! Which objects have to go for the bucket to fit.

use std::convert::Infallible;
use std::str::FromStr;

use spillway_contracts::ObjectName;

/// The rule that objects are chosen by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The total that has to be undercut, in bytes.
    pub threshold_bytes: u64,
    /// At most so many objects are chosen at once.
    pub max_deletes: usize,
    /// What never goes.
    pub protected: ProtectedPrefixes,
}

/// The beginnings of the names of objects that are never chosen. Read from a list with commas, such as `keep/,logs/`.
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

    /// CloudFormation trims the members of its lists, so this does too. An empty member would protect everything: it is
    /// taken for none.
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
    /// No object is left but protected ones.
    OnlyProtected,
}

/// Chooses largest first, ties by name, until the total is below the threshold.
///
/// `candidates` are the bucket's largest objects: all that are larger than `known_above`, or all of the bucket's if that
/// is `None`. The answer is `None` if these don't decide it: read more of them and ask again. Objects of one size come
/// from the index in no order, which is why a size counts only when all of its objects are known.
///
/// An object is chosen if, and only if, it and all that come after it are still too much (or are, with those before it,
/// more than may be chosen at once). So it makes no difference to the others whether some of those that come before are
/// gone already: invocations that see the ledger at different moments after a first one choose nothing that the first
/// one, once recorded, would have them keep.
pub fn choose(rule: &Rule, total_size: u64, candidates: &[Candidate], known_above: Option<u64>) -> Option<Choice> {
    let known = |candidate: &&Candidate| known_above.is_none_or(|size| candidate.size > size);
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
            None if known_above.is_none() => return Some(Choice { stop: Stop::OnlyProtected, ..choice }),
            None => return None,
        }
    }
    Some(choice)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn candidates(sizes: &[(&str, u64)]) -> Vec<Candidate> {
        let candidate =
            |&(name, size): &(&str, u64)| Candidate { object_name: ObjectName::new(name).unwrap(), size, etag: None };
        sizes.iter().map(candidate).collect()
    }

    /// What goes of the bucket, the total after that, and why no more goes.
    type Chosen<'a> = (&'a [&'a str], u64, Stop);

    #[track_caller]
    fn check(total: u64, sizes: &[(&str, u64)], known_above: Option<u64>, expect: Option<Chosen>) {
        let rule = Rule { threshold_bytes: 20, max_deletes: 3, protected: "keep/, x,".parse().unwrap() };
        let choice = choose(&rule, total, &candidates(sizes), known_above);
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
    fn of_equal_sizes_the_first_name_goes_first() {
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
    fn a_size_that_may_be_incomplete_decides_nothing() {
        check(60, &[("c", 30), ("b", 15)], Some(15), None);
        check(60, &[("d", 30), ("c", 15), ("b", 10)], Some(10), Some((&["d", "c"], 15, Stop::Below)));
        check(60, &[("d", 45), ("c", 15)], Some(15), Some((&["d"], 15, Stop::Below)));
    }
    /// Objects named by their number, which may have one size.
    fn bucket() -> impl Strategy<Value = Vec<Candidate>> {
        vec(1..60_u64, 0..14).prop_map(|sizes| {
            let named = |(number, size)| (format!("{}{number:02}", if number % 5 == 0 { "keep/" } else { "" }), size);
            let objects: Vec<(String, u64)> = sizes.into_iter().enumerate().map(named).collect();
            candidates(&objects.iter().map(|(name, size)| (name.as_str(), *size)).collect::<Vec<_>>())
        })
    }

    fn total(candidates: &[Candidate]) -> u64 {
        candidates.iter().map(|candidate| candidate.size).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        /// An invocation may see any part of what an earlier one deleted as still there, and any uploads since. It chooses
        /// nothing but what is gone already, and what the bucket as it really is would have to lose.
        #[test]
        fn a_later_invocation_chooses_no_object_that_could_stay(
            bucket in bucket(),
            threshold_bytes in 1..200_u64,
            first_max in 1..16_usize,
            recorded in vec(any::<bool>(), 14),
            uploads in vec(1..90_u64, 0..5),
        ) {
            let protected: ProtectedPrefixes = "keep/".parse().unwrap();
            let rule = |max_deletes| Rule { threshold_bytes, max_deletes, protected: protected.clone() };
            let first = choose(&rule(first_max), total(&bucket), &bucket, None).unwrap().delete;
            let stays = |candidate: &&Candidate| !first.contains(candidate);
            let named: Vec<(String, u64)> = uploads.iter().enumerate().map(|(i, &size)| (format!("new{i}"), size)).collect();
            let uploads = candidates(&named.iter().map(|(name, size)| (name.as_str(), *size)).collect::<Vec<_>>());
            let really: Vec<Candidate> = bucket.iter().filter(stays).chain(&uploads).cloned().collect();
            let unrecorded = first.iter().zip(&recorded).filter(|(_, recorded)| !**recorded).map(|(gone, _)| gone);
            let ledger: Vec<Candidate> = really.iter().chain(unrecorded).cloned().collect();

            let needed = choose(&rule(1000), total(&really), &really, None).unwrap().delete;
            let later = choose(&rule(1000), total(&ledger), &ledger, None).unwrap().delete;
            for candidate in later {
                prop_assert!(first.contains(&candidate) || needed.contains(&candidate), "{candidate:?} could stay");
            }
        }
    }
}
