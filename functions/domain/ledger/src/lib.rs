//! What object events do to the ledger of a bucket: pure, with no AWS client in it.
//!
//! [`event`] reads events out of queue messages, [`fold`](mod@fold) applies them to rows that were read,
//! [`scenario`] says what a run should see, [`view`] what the ledger holds while it changes, [`choice`] which objects have to
//! go, and [`audit`] what to write where ledger and bucket differ.

#![warn(missing_docs)]

pub mod audit;
pub mod choice;
pub mod event;
pub mod fold;
pub mod scenario;
pub mod view;

pub use event::{EventKind, ObjectEvent};
pub use fold::{Commit, Folded, Row, Snapshot, fold};
