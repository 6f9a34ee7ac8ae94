//! Which objects have to go for the bucket to fit.

use std::convert::Infallible;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use spillway_contracts::rule::DeleteFirst;
use spillway_contracts::{ObjectName, Sequencer};

/// The rule that objects are chosen by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A cleaning begins once the total is not below this, in bytes.
    pub threshold_bytes: u64,
    /// A cleaning goes on until the total is below this, in bytes. It is not above the threshold.
    pub target_bytes: u64,
    /// What goes first.
    pub delete_first: DeleteFirst,
    /// What was written less than this ago never goes.
    pub minimum_age: SignedDuration,
    /// How many objects are chosen at once, at most.
    pub max_deletes: usize,
    /// What never goes.
    pub protected: ProtectedPrefixes,
}

impl Rule {
    /// Largest first, down to just below the threshold, at any age: the rule of a stack whose parameters nobody has changed.
    pub fn largest_first(threshold_bytes: u64, max_deletes: usize) -> Self {
        Self {
            threshold_bytes,
            target_bytes: threshold_bytes,
            delete_first: DeleteFirst::Largest,
            minimum_age: SignedDuration::ZERO,
            max_deletes,
            protected: ProtectedPrefixes::default(),
        }
    }

    /// Whether something has to go of a total.
    pub fn wants_less(&self, total_size: u64, is_cleaning: bool) -> bool {
        total_size >= if is_cleaning { self.target_bytes } else { self.threshold_bytes }
    }

    /// Whether an object is too young to go at `now`. It is if nobody knows when it was written.
    pub fn is_too_young(&self, candidate: &Candidate, now: Timestamp) -> bool {
        let is_old = |at: Timestamp| now.duration_since(at) >= self.minimum_age;
        !self.minimum_age.is_zero() && !candidate.last_modified.is_some_and(is_old)
    }
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
    /// When the object was last written, by S3's clock; none if nobody has looked.
    pub last_modified: Option<Timestamp>,
}

/// A candidate's place in the order in which objects go. Those with a lower one go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(i128);

impl Rank {
    /// Before all objects.
    pub const FIRST: Self = Self(i128::MIN);

    /// The rank of a candidate.
    pub fn of(candidate: &Candidate, delete_first: DeleteFirst) -> Self {
        match delete_first {
            DeleteFirst::Largest => Self(-i128::from(candidate.size)),
            DeleteFirst::Oldest => Self(candidate.last_modified.map_or(i128::MAX, |at| at.as_millisecond().into())),
        }
    }
}

/// What is known of a bucket at one moment.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The bucket's total, in bytes.
    pub total_size: u64,
    /// Whether a cleaning has begun that has not come to its end.
    pub is_cleaning: bool,
    /// The objects that go first: all whose rank is below `known_to`, and some with that rank; all of the bucket's if there is
    /// no such rank.
    pub candidates: &'a [Candidate],
    /// The rank up to which all objects are known.
    pub known_to: Option<Rank>,
    /// Whether there are others that are too young to go.
    pub has_young: bool,
    /// The moment.
    pub now: Timestamp,
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
    /// No more has to go.
    Below,
    /// No more may be chosen at once.
    MaxDeletes,
    /// No object is left but protected ones, and those that S3 refuses to delete.
    OnlyProtected,
    /// No object is left but such ones, and those that are younger than the rule's minimum age.
    OnlyYoung,
}

/// Chooses objects in the rule's order, until the total is below what the rule wants. Of equal ranks any may go first: of
/// those that are known, the first by name.
///
/// The answer is `None` if the candidates don't decide it: read more of them and ask again.
pub fn choose(rule: &Rule, situation: &Situation<'_>) -> Option<Choice> {
    let rank = |candidate: &Candidate| Rank::of(candidate, rule.delete_first);
    let is_known = |candidate: &&Candidate| situation.known_to.is_none_or(|last| rank(candidate) <= last);
    let may_go = |candidate: &&Candidate| !rule.protected.protect(&candidate.object_name);
    let (young, mut old): (Vec<&Candidate>, Vec<&Candidate>) = situation
        .candidates
        .iter()
        .filter(is_known)
        .filter(may_go)
        .partition(|it| rule.is_too_young(it, situation.now));
    old.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.object_name.cmp(&b.object_name)));
    let (mut candidates, has_young) = (old.into_iter(), situation.has_young || !young.is_empty());
    let mut choice = Choice { delete: Vec::new(), projected_total_size: situation.total_size, stop: Stop::Below };
    if !rule.wants_less(situation.total_size, situation.is_cleaning) {
        return Some(choice);
    }
    while rule.wants_less(choice.projected_total_size, true) {
        if choice.delete.len() == rule.max_deletes {
            return Some(Choice { stop: Stop::MaxDeletes, ..choice });
        }
        match candidates.next() {
            Some(candidate) => {
                choice.projected_total_size = choice.projected_total_size.saturating_sub(candidate.size);
                choice.delete.push(candidate.clone());
            }
            // If the oldest go first, what comes after a young one is younger still.
            None if situation.known_to.is_none() || (has_young && rule.delete_first == DeleteFirst::Oldest) => {
                let stop = if has_young { Stop::OnlyYoung } else { Stop::OnlyProtected };
                return Some(Choice { stop, ..choice });
            }
            None => return None,
        }
    }
    Some(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moment of all decisions here, in minutes.
    const NOW: i64 = 100;

    /// Name, size and when it was written, in minutes.
    type Object<'a> = (&'a str, u64, i64);

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn candidate(&(name, size, written): &Object) -> Candidate {
        Candidate {
            object_name: ObjectName::new(name).unwrap(),
            size,
            etag: None,
            sequencer: Sequencer::new("01").unwrap(),
            last_modified: Some(minute(written)),
        }
    }

    /// What goes of the bucket, the total after that, and why no more goes.
    type Chosen<'a> = (&'a [&'a str], u64, Stop);

    /// Of objects up to the one at `known_to`, all are known.
    #[track_caller]
    fn check_all(
        rule: &Rule,
        total_size: u64,
        is_cleaning: bool,
        objects: &[Object],
        known_to: Option<Object>,
        expect: Option<Chosen>,
    ) {
        let candidates: Vec<_> = objects.iter().map(candidate).collect();
        let known_to = known_to.map(|object| Rank::of(&candidate(&object), rule.delete_first));
        let situation = Situation {
            total_size,
            is_cleaning,
            candidates: &candidates,
            known_to,
            has_young: false,
            now: minute(NOW),
        };
        let choice = choose(rule, &situation);
        let names = |choice: &Choice| choice.delete.iter().map(|it| it.object_name.to_string()).collect::<Vec<_>>();
        let choice = choice.map(|choice| (names(&choice), choice.projected_total_size, choice.stop));
        assert_eq!(
            choice,
            expect.map(|(names, total, stop)| (names.iter().map(ToString::to_string).collect(), total, stop))
        );
    }

    fn largest_first() -> Rule {
        Rule { protected: "keep/, x,".parse().unwrap(), ..Rule::largest_first(20, 3) }
    }

    #[track_caller]
    fn check(total: u64, sizes: &[(&str, u64)], floor: Option<u64>, expect: Option<Chosen>) {
        let objects: Vec<Object> = sizes.iter().map(|&(name, size)| (name, size, 0)).collect();
        check_all(&largest_first(), total, false, &objects, floor.map(|size| ("any", size, 0)), expect);
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

    #[track_caller]
    fn check_oldest(total: u64, objects: &[Object], known_to: Option<Object>, expect: Option<Chosen>) {
        let rule =
            Rule { delete_first: DeleteFirst::Oldest, minimum_age: SignedDuration::from_mins(30), ..largest_first() };
        check_all(&rule, total, false, objects, known_to, expect);
    }

    #[test]
    fn the_oldest_go_first_whatever_their_sizes() {
        let objects = [("new", 30, 60), ("old", 5, 10), ("older", 5, 9), ("same", 10, 10)];
        check_oldest(50, &objects, None, Some((&["older", "old", "same"], 30, Stop::MaxDeletes)));
        check_oldest(29, &objects[1..], None, Some((&["older", "old"], 19, Stop::Below)));
    }

    #[test]
    fn what_was_written_a_moment_ago_never_goes() {
        check_oldest(50, &[("a", 10, 10), ("b", 40, 71)], None, Some((&["a"], 40, Stop::OnlyYoung)));
        check_oldest(50, &[("a", 10, 10), ("b", 40, 70)], None, Some((&["a", "b"], 0, Stop::Below)));
        // Nothing that comes after `b` is older, so that nothing more need be read.
        check_oldest(90, &[("a", 10, 10), ("b", 40, 71)], Some(("b", 40, 71)), Some((&["a"], 80, Stop::OnlyYoung)));
        check_oldest(90, &[("a", 10, 10), ("keep/b", 40, 71)], Some(("any", 0, 71)), None);
        let rule = Rule { minimum_age: SignedDuration::from_mins(30), ..largest_first() };
        let objects = [("young", 30, 90), ("a", 12, 0), ("keep/b", 50, 0)];
        check_all(&rule, 92, false, &objects, None, Some((&["a"], 80, Stop::OnlyYoung)));
        check_all(&rule, 30, false, &objects[..1], None, Some((&[], 30, Stop::OnlyYoung)));
        // Smaller ones may be old enough.
        check_all(&rule, 92, false, &objects[..1], Some(("any", 20, 0)), None);
    }

    #[test]
    fn once_it_cleans_it_cleans_until_the_total_is_below_the_target() {
        let rule = Rule { target_bytes: 10, max_deletes: 2, ..largest_first() };
        let objects = [("a", 4, 0), ("b", 4, 0), ("c", 4, 0), ("d", 4, 0), ("e", 4, 0)];
        check_all(&rule, 19, false, &objects, None, Some((&[], 19, Stop::Below)));
        check_all(&rule, 20, false, &objects, None, Some((&["a", "b"], 12, Stop::MaxDeletes)));
        check_all(&rule, 12, true, &objects[2..], None, Some((&["c"], 8, Stop::Below)));
        check_all(&rule, 9, true, &[("keep/x", 9, 0)], None, Some((&[], 9, Stop::Below)));
        check_all(&rule, 10, true, &[("keep/x", 10, 0)], None, Some((&[], 10, Stop::OnlyProtected)));
    }
}
