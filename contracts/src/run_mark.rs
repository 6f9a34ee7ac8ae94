//! The mark of the objects that runs upload.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::ObjectName;

/// The metadata key of the mark: the next run may delete an object whose mark is for its own key.
pub const RUN_MARK: &str = "spillway-run";

/// The mark of a run's upload: the run's name, the cycle's number and the upload's position in it, and a hash of the key.
///
/// A copy of the object has the same metadata, but another key, and belongs to whoever made it. The key itself could not
/// stand in the metadata, which has to be ASCII.
pub fn run_mark(run_id: &str, cycle: u32, position: usize, object_name: &ObjectName) -> String {
    format!("{run_id}/{cycle}/{position}/{}", hash(object_name))
}

/// Whether a mark is for the object with this key.
pub fn is_mark_for(mark: &str, object_name: &ObjectName) -> bool {
    mark.rsplit_once('/').is_some_and(|(_, hashed)| hashed == hash(object_name))
}

fn hash(object_name: &ObjectName) -> String {
    Sha256::digest(object_name.as_str()).iter().fold(String::new(), |mut text, byte| {
        // Writing into a string doesn't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_for_one_key_alone() {
        let name = |name: &str| ObjectName::new(name).unwrap();
        let mark = run_mark("a-run", 1, 0, &name("ü\0"));
        assert_eq!(mark, "a-run/1/0/3ab7698d91f2f05283309865b00f8dc0dfe99061b9cc937c40b6894b41f6d98f");
        assert!(is_mark_for(&mark, &name("ü\0")));
        assert!(!is_mark_for(&mark, &name("ü")));
        assert!(!is_mark_for("a-run/1/0", &name("0")));
        assert!(!is_mark_for("", &name("a")));
    }
}
