//! Objects that were chosen together and are on record, while they are being deleted.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use spillway_aws::CallError;
use spillway_contracts::ledger::CleaningRecord;
use spillway_contracts::log_line::Outcome;
use spillway_ledger::choice::Candidate;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Deps;
use crate::delete::{AT_A_TIME, Deletion, delete_in_time};

/// Some objects, and what became of them.
#[derive(Debug)]
pub struct Round {
    objects: Vec<Candidate>,
    /// Those that have them.
    records: Vec<CleaningRecord>,
    deletions: Vec<Option<Deletion>>,
    left: usize,
}

/// The rounds that have begun and not ended, oldest first. Their objects are deleted in order, several at a time.
#[derive(Debug)]
pub struct Rounds {
    rounds: VecDeque<Round>,
    /// The number of the oldest.
    first: usize,
    running: JoinSet<(usize, usize, Deletion)>,
    room: Arc<Semaphore>,
}

impl Default for Rounds {
    fn default() -> Self {
        let room = Arc::new(Semaphore::new(AT_A_TIME));
        Self { rounds: VecDeque::new(), first: 0, running: JoinSet::new(), room }
    }
}

impl Rounds {
    /// How many rounds there are.
    pub fn len(&self) -> usize {
        self.rounds.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    /// The objects of all of them.
    pub fn objects(&self) -> impl Iterator<Item = &Candidate> {
        self.rounds.iter().flat_map(|round| &round.objects)
    }

    /// Begins to delete objects that are on record.
    pub fn begin(&mut self, deps: &Deps, objects: Vec<Candidate>, records: Vec<CleaningRecord>, over_at: Timestamp) {
        let number = self.first + self.rounds.len();
        for (position, object) in objects.iter().cloned().enumerate() {
            let (s3, bucket_name, now) = (deps.s3.clone(), deps.store.bucket_name().to_owned(), deps.now);
            let room = self.room.clone();
            self.running.spawn(async move {
                let permit = room.acquire().await;
                let deletion = delete_in_time(&s3, &bucket_name, &object, now, over_at).await;
                drop(permit);
                (number, position, deletion)
            });
        }
        let (deletions, left) = (objects.iter().map(|_| None).collect(), objects.len());
        self.rounds.push_back(Round { objects, records, deletions, left });
    }

    /// Waits until the oldest round has ended; `None` if there is none.
    pub async fn end_oldest(&mut self) -> Option<Round> {
        while self.rounds.front()?.left > 0 {
            let Some(finished) = self.running.join_next().await else { break };
            // A task ends by itself or with this process.
            let Ok((number, position, deletion)) = finished else { continue };
            let round = &mut self.rounds[number - self.first];
            round.deletions[position] = Some(deletion);
            round.left -= 1;
        }
        self.first += 1;
        self.rounds.pop_front()
    }
}

impl Round {
    /// What became of each object, and the records that are to say it. Of an object that nobody knows anything of, the next
    /// invocation asks.
    pub fn over(self) -> (impl Iterator<Item = (Candidate, Deletion)>, Vec<CleaningRecord>) {
        let unknown = || (Outcome::Failed, Some(CallError::unanswered("DeleteObject")));
        let deletions = self.deletions.into_iter().map(move |deletion| deletion.unwrap_or_else(unknown));
        (self.objects.into_iter().zip(deletions), self.records)
    }
}
